//! The supervisor: parent of committers and hosts; rebuilds a host of the one log that failed.
//!
//! Where each shard is a log of its own, a host or committer that failed costs the shard: it is
//! dropped, and claimed anew by whoever decides on ownership.

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::ShardId;
use ports::Frame;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::sync::oneshot;

use super::seats::{Loss, Seat, Seats};
use super::{Life, Links, NodeOptions, StartError, recover};
use crate::ctx::NodeCtx;
use crate::limits;
use crate::log::Log;
use crate::log::committer::{Committer, CommitterState, OnDurable, OnFailed};
use crate::outbox::Commits;
use crate::shard::ShardCore;
use crate::shard::host::{Host, HostState};
use crate::shard::inbox::ReplyTo;

/// The supervisor actor.
pub(super) struct Supervisor;

/// What it is told.
pub(super) enum SupervisorMsg {
    /// Rebuild the host of a shard of the one log.
    Rebuild(ShardId),
    /// Serve a shard that is a log of its own.
    Serve(Box<Serve>),
}

/// A shard that was claimed and recovered.
pub(super) struct Serve {
    pub(super) core: ShardCore<ReplyTo>,
    pub(super) log: Arc<Log>,
    /// Told once it is served; dropped when it is not.
    pub(super) done: oneshot::Sender<()>,
}

/// What it starts with.
pub(super) struct SupervisorArgs {
    pub(super) ctx: NodeCtx,
    pub(super) seats: Arc<Seats>,
    pub(super) commits: Arc<Commits>,
    pub(super) options: NodeOptions,
    pub(super) links: Arc<Links>,
    pub(super) life: Arc<Life>,
    /// The one log and its shards, where there is one.
    pub(super) one: Option<(Arc<Log>, Vec<ShardCore<ReplyTo>>)>,
}

/// What it keeps.
pub(super) struct SupervisorState {
    args: SupervisorArgs,
    log: Option<Arc<Log>>,
    /// Its children by shard and tenure; the one log's committer is not here.
    children: BTreeMap<ActorId, (ShardId, u64)>,
}

impl SupervisorState {
    async fn host(
        &mut self,
        myself: &ActorRef<SupervisorMsg>,
        core: ShardCore<ReplyTo>,
        log: Arc<Log>,
    ) -> Result<ActorCell, SpawnErr> {
        let (shard, args) = (core.shard(), &self.args);
        let end = log.with(|staging| staging.last_commit(shard));
        args.commits.opened(shard, core.epoch(), end);
        let inbox = Arc::clone(args.seats.inbox(shard));
        let tenure = inbox.tenure();
        let (links, life) = (Arc::clone(&args.links), Arc::clone(&args.life));
        let state = HostState::new(core, inbox, log, args.ctx.clone(), links, life);
        let (host, _) = Actor::spawn_linked(None, Host, state, myself.get_cell()).await?;
        self.adopt(host.get_cell(), shard, tenure);
        Ok(host.get_cell())
    }

    async fn committer(
        &mut self,
        myself: &ActorRef<SupervisorMsg>,
        log: Arc<Log>,
        on_durable: OnDurable,
        on_failed: OnFailed,
    ) -> Result<ActorCell, SpawnErr> {
        let ctx = &self.args.ctx;
        let (store, clock) = (Arc::clone(&ctx.store), Arc::clone(&ctx.clock));
        let life = Arc::clone(&self.args.life);
        let state = CommitterState::new(log, store, clock, on_durable, on_failed, life);
        let (committer, _) = Actor::spawn_linked(None, Committer, state, myself.get_cell()).await?;
        self.args.life.actor(committer.get_cell());
        Ok(committer.get_cell())
    }

    fn adopt(&mut self, actor: ActorCell, shard: ShardId, tenure: u64) {
        self.children.insert(actor.get_id(), (shard, tenure));
        self.args.life.actor(actor);
    }

    /// The node serves all shards of its one log.
    async fn serve_all(
        &mut self,
        myself: &ActorRef<SupervisorMsg>,
        log: Arc<Log>,
        cores: Vec<ShardCore<ReplyTo>>,
    ) -> Result<(), SpawnErr> {
        let (seats, commits) = (Arc::clone(&self.args.seats), Arc::clone(&self.args.commits));
        let on_durable: OnDurable = Box::new(move |lsn, group: &Arc<Vec<Frame>>, records| {
            for frame in group.iter() {
                let inbox = seats.inbox(frame.header.shard);
                inbox.push_durable(inbox.tenure(), lsn);
            }
            if sites::is_broken("shards_staged_apart") {
                // Shards whose records went ahead hear of the rest here.
                seats.inboxes.iter().for_each(|inbox| inbox.push_durable(inbox.tenure(), lsn));
            }
            commits.reached(group, records);
        });
        // The process ends when it fails: whoever started the node watches the log.
        self.committer(myself, Arc::clone(&log), on_durable, Box::new(|_| {})).await?;
        for core in cores {
            self.args.seats.inbox(core.shard()).open(core.epoch());
            self.host(myself, core, Arc::clone(&log)).await?;
        }
        self.log = Some(log);
        Ok(())
    }

    /// The node serves one shard more, with a log of its own.
    async fn serve(
        &mut self,
        myself: &ActorRef<SupervisorMsg>,
        serve: Serve,
    ) -> Result<(), SpawnErr> {
        let Serve { core, log, done } = serve;
        let (shard, seats) = (core.shard(), Arc::clone(&self.args.seats));
        let inbox = Arc::clone(seats.inbox(shard));
        if inbox.is_served(inbox.tenure()) || self.args.life.is_over() {
            return Ok(());
        }
        let (epoch, tenure) = (core.epoch(), inbox.open(core.epoch()));
        let commits = Arc::clone(&self.args.commits);
        let on_durable: OnDurable = Box::new(move |lsn, group: &Arc<Vec<Frame>>, records| {
            inbox.push_durable(tenure, lsn);
            commits.reached(group, records);
        });
        let on_failed: OnFailed = {
            let seats = Arc::clone(&seats);
            Box::new(move |error| seats.lose(shard, tenure, Loss::from(error)))
        };
        let committer = self.committer(myself, Arc::clone(&log), on_durable, on_failed).await?;
        self.adopt(committer.clone(), shard, tenure);
        let host = self.host(myself, core, Arc::clone(&log)).await?;
        seats.take(shard, Seat { tenure, epoch, log, actors: vec![committer, host] });
        // Whoever opened it may have gone; the shard is served all the same.
        let _ = done.send(());
        Ok(())
    }

    async fn rebuild(
        &mut self,
        myself: &ActorRef<SupervisorMsg>,
        shard: ShardId,
    ) -> Result<(), SpawnErr> {
        let Some(log) = self.log.clone() else { return Ok(()) };
        if log.failed().get().is_some() {
            return Ok(());
        }
        let (ctx, options) = (self.args.ctx.clone(), self.args.options.clone());
        match recovered(ctx, Arc::clone(&log), shard, options).await {
            Ok(core) => self.host(myself, core, log).await.map(drop),
            Err(error) => {
                tracing::error!(shard = shard.0, %error, "shard not rebuilt; it is given up");
                self.args.seats.inbox(shard).give_up();
                Ok(())
            }
        }
    }
}

/// Recovers a shard once all that its dead host staged is durable.
async fn recovered(
    ctx: NodeCtx,
    log: Arc<Log>,
    shard: ShardId,
    options: NodeOptions,
) -> Result<ShardCore<ReplyTo>, StartError> {
    // A host that died within its turn did not come to this.
    log.kick();
    while log.failed().get().is_none()
        && log.with(|staging| staging.last_lsn(shard) > staging.durable())
    {
        ctx.clock.sleep(limits::DRAIN_POLL_MS).await;
    }
    let tail = ctx.store.claim(shard).await?;
    recover(&ctx, &log, shard, &options, tail).await
}

impl Actor for Supervisor {
    type Msg = SupervisorMsg;
    type State = SupervisorState;
    type Arguments = SupervisorArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMsg>,
        mut args: SupervisorArgs,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let one = args.one.take();
        let mut state = SupervisorState { args, log: None, children: BTreeMap::new() };
        if let Some((log, cores)) = one {
            state.serve_all(&myself, log, cores).await?;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMsg>,
        message: SupervisorMsg,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMsg::Rebuild(shard) => state.rebuild(&myself, shard).await?,
            SupervisorMsg::Serve(serve) => state.serve(&myself, *serve).await?,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMsg>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                let Some((shard, tenure)) = state.children.remove(&who.get_id()) else {
                    return Err(error);
                };
                metrics::counter!("mercato_host_failures_total").increment(1);
                if state.log.is_some() {
                    tracing::error!(shard = shard.0, %error, "shard host failed; rebuilding it");
                    myself.cast(SupervisorMsg::Rebuild(shard))?;
                } else {
                    let loss = Loss::Failed(error.to_string());
                    state.args.seats.lose(shard, tenure, loss);
                }
            }
            SupervisionEvent::ActorTerminated(who, ..) => {
                state.children.remove(&who.get_id());
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}
