//! The supervisor: parent of committer and hosts; rebuilds a host that failed.

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::ShardId;
use ports::Frame;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::{Commits, LocalTransport, NodeOptions, StartError, recover};
use crate::ctx::{NodeCtx, Transport};
use crate::limits;
use crate::log::Log;
use crate::log::committer::{Committer, CommitterState};
use crate::shard::host::{Host, HostState};
use crate::shard::inbox::{Inbox, ReplyTo};
use crate::shard::{Input, ShardCore};

/// The supervisor actor.
pub(super) struct Supervisor;

/// What it is told.
#[derive(Debug)]
pub(super) enum SupervisorMsg {
    /// Rebuild the host of a shard.
    Rebuild(ShardId),
}

/// What it starts with.
pub(super) struct SupervisorArgs {
    pub(super) ctx: NodeCtx,
    pub(super) log: Arc<Log>,
    pub(super) inboxes: Arc<Vec<Arc<Inbox>>>,
    pub(super) commits: Arc<Commits>,
    pub(super) options: NodeOptions,
    pub(super) cores: Vec<ShardCore<ReplyTo>>,
}

/// What it keeps.
pub(super) struct SupervisorState {
    args: SupervisorArgs,
    transport: Arc<dyn Transport>,
    hosts: BTreeMap<ActorId, ShardId>,
}

impl SupervisorState {
    async fn host(
        &mut self,
        myself: &ActorRef<SupervisorMsg>,
        core: ShardCore<ReplyTo>,
    ) -> Result<(), ActorProcessingErr> {
        let shard = core.shard();
        let state = HostState::new(
            core,
            Arc::clone(&self.args.inboxes[usize::from(shard.0)]),
            Arc::clone(&self.args.log),
            self.args.ctx.clone(),
            Arc::clone(&self.transport),
        );
        let (host, _) = Actor::spawn_linked(None, Host, state, myself.get_cell()).await?;
        self.hosts.insert(host.get_id(), shard);
        Ok(())
    }
}

/// Recovers a shard once all that its dead host staged is durable.
async fn recovered(
    ctx: NodeCtx,
    log: Arc<Log>,
    shard: ShardId,
    options: NodeOptions,
) -> Result<ShardCore<ReplyTo>, StartError> {
    while log.failed().borrow().is_none()
        && log.with(|staging| staging.last_lsn(shard) > staging.durable())
    {
        ctx.clock.sleep(limits::DRAIN_POLL_MS).await;
    }
    recover(&ctx, &log, shard, &options).await
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
        let inboxes = Arc::clone(&args.inboxes);
        let commits = Arc::clone(&args.commits);
        let on_durable = Box::new(move |lsn, group: &Arc<Vec<Frame>>| {
            for frame in group.iter() {
                inboxes[usize::from(frame.header.shard.0)].push(Input::Durable(lsn));
            }
            commits.reached(group);
        });
        let committer = CommitterState::new(
            Arc::clone(&args.log),
            Arc::clone(&args.ctx.store),
            Arc::clone(&args.ctx.clock),
            on_durable,
        );
        Actor::spawn_linked(None, Committer, committer, myself.get_cell()).await?;
        let cores = std::mem::take(&mut args.cores);
        let transport = Arc::new(LocalTransport { inboxes: Arc::clone(&args.inboxes) });
        let mut state = SupervisorState { args, transport, hosts: BTreeMap::new() };
        for core in cores {
            state.host(&myself, core).await?;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMsg>,
        message: SupervisorMsg,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        let SupervisorMsg::Rebuild(shard) = message;
        if state.args.log.failed().borrow().is_some() {
            return Ok(());
        }
        let args = &state.args;
        let (ctx, log, options) = (args.ctx.clone(), Arc::clone(&args.log), args.options.clone());
        match recovered(ctx, log, shard, options).await {
            Ok(core) => state.host(&myself, core).await,
            Err(error) => {
                tracing::error!(shard = shard.0, %error, "shard not rebuilt; it is given up");
                state.args.inboxes[usize::from(shard.0)].give_up();
                Ok(())
            }
        }
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMsg>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                if let Some(shard) = state.hosts.remove(&who.get_id()) {
                    metrics::counter!("mercato_host_failures_total").increment(1);
                    tracing::error!(shard = shard.0, %error, "shard host failed; rebuilding it");
                    myself.cast(SupervisorMsg::Rebuild(shard))?;
                } else {
                    return Err(error);
                }
            }
            SupervisionEvent::ActorTerminated(who, ..) => {
                state.hosts.remove(&who.get_id());
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}
