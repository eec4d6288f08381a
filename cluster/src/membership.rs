//! Membership: the shell around a node's ownership agent.
//!
//! It ticks the agent, performs what it says (calls of the store, messages, shards opened, closed
//! and dropped) and brings back what came of it. It decides nothing. It ends with the node, or
//! with [`Membership::leave`]; a node whose membership ended otherwise is fenced by its peers.

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::ShardId;
use ports::{LeaseRow, Life as NodeLife, Versions};
use tokio::sync::mpsc;

use crate::ctx::{Clock, NodeId};
use crate::latest;
use crate::limits;
use crate::node::{Node, Owner};
use crate::ownership::{Agent, Answer, Config, Input, Output, ShardStatus, StoreCall, Timing};

/// A node's part in a cluster.
pub struct Membership {
    orders: mpsc::Sender<Order>,
    standing: latest::Receiver<Standing>,
}

/// How a node stands in its cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its present life, if it has one.
    pub life: Option<NodeLife>,
    /// It has left on purpose.
    pub left: bool,
    /// Why it cannot join, if that is so. It joins by itself once that member is gone.
    pub unfit: Option<Unfit>,
}

/// A member and this build read no common version of frames between nodes.
///
/// An upgrade from the one to the other goes over a build that reads versions of both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("frames of versions {} to {} are read here, {} to {} by the member {member}",
    own.lowest, own.highest, theirs.lowest, theirs.highest)]
pub struct Unfit {
    /// Which member.
    pub member: NodeId,
    /// What this build reads.
    pub own: Versions,
    /// What the member reads.
    pub theirs: Versions,
}

enum Order {
    Leave,
    Halt,
}

impl Membership {
    /// Lets a node take part: it joins, takes its share of shards, and gives way to others.
    ///
    /// Panics when the timing makes no sense, or the shards of the store share one log.
    #[must_use]
    pub fn start(node: Arc<Node>, timing: Timing) -> Self {
        let ctx = node.ctx();
        assert!(!ctx.store.one_log(), "shards of one log belong to one node");
        let tick_ms = timing.tick_ms;
        let (name, n_shards) = (ctx.node.clone(), ctx.store.n_shards());
        let config = Config { node: name, n_shards, timing, frames: node.frames() };
        let (orders, ordered) = mpsc::channel(1);
        let (brought, inputs) = mpsc::channel(limits::AGENT_INPUTS_MAX);
        let (told, standing) = latest::channel(Standing::default());
        let shell = Shell {
            agent: Agent::new(config),
            node: Arc::clone(&node),
            opening: Arc::default(),
            brought,
            told,
        };
        node.life().spawn(shell.run(tick_ms, ordered, inputs));
        Self { orders, standing }
    }

    /// How the node stands.
    #[must_use]
    pub fn standing(&self) -> latest::Receiver<Standing> {
        self.standing.clone()
    }

    /// Hands all shards over to others as far as there are any, and ends the node's life.
    ///
    /// Returns when it is over; it takes `Timing::leave_ms` at the most, and a little.
    pub async fn leave(&self) {
        let standing = &self.standing;
        // An error means that it is over already.
        if self.orders.send(Order::Leave).await.is_ok() {
            let _ = standing.wait_for(|standing| standing.left).await;
        }
    }

    /// Stops to take part at once, and says nothing to anybody: the node neither renews its lease
    /// nor learns that it lost its shards. For tests of what peers and the store make of it.
    pub async fn halt(self) {
        let _ = self.orders.send(Order::Halt).await;
    }
}

/// Epochs of shards that are being opened and are still wanted.
type Opening = Arc<parking_lot::Mutex<BTreeMap<ShardId, u64>>>;

struct Shell {
    agent: Agent,
    node: Arc<Node>,
    opening: Opening,
    brought: mpsc::Sender<Input>,
    told: latest::Sender<Standing>,
}

impl Shell {
    async fn run(
        mut self,
        tick_ms: u64,
        mut ordered: mpsc::Receiver<Order>,
        mut inputs: mpsc::Receiver<Input>,
    ) {
        let (node, clock) = (Arc::clone(&self.node), Arc::clone(&self.node.ctx().clock));
        let mut deaf = false;
        let mut next_tick = clock.sleep(0);
        let mut outputs = Vec::new();
        while !self.told.get().left {
            let input = tokio::select! {
                biased;
                order = ordered.recv(), if !deaf => match order {
                    Some(Order::Leave) => Input::Leave,
                    Some(Order::Halt) => return,
                    // Nobody holds the membership: it goes on for as long as the node lives.
                    None => { deaf = true; continue }
                },
                () = &mut next_tick => {
                    next_tick = clock.sleep(tick_ms);
                    Input::Tick
                }
                (shard, epoch, _) = node.next_loss() => {
                    Input::Shard { shard, epoch, status: ShardStatus::Failed }
                }
                (from, message) = node.next_ownership() => Input::Peer { from, message },
                Some(input) = inputs.recv() => input,
            };
            if let Input::Answer { answer: Answer::Leases(rows), .. } = &input {
                node.learn_members(rows);
            }
            self.agent.handle(input, clock.steady(), &mut outputs);
            for output in outputs.drain(..) {
                self.perform(output);
            }
        }
    }

    fn perform(&self, output: Output) {
        let node = &self.node;
        match output {
            Output::Call { call, what } => self.call(call, what),
            Output::Send { to, message } => node.send_ownership(&to, message),
            Output::Life(life) => {
                self.told.modify(|standing| {
                    standing.life = life;
                    standing.unfit = None;
                });
            }
            Output::Unfit { member } => self.unfit(member),
            Output::ServeUntil(until) => node.set_lease(until),
            Output::Open { shard, epoch, tail } => self.open(shard, epoch, tail),
            // Tails are bounded, so the next owner reads little either way.
            Output::PreSnapshot { shard, epoch } => {
                self.bring(shard, epoch, async { ShardStatus::Snapshotted });
            }
            Output::Close { shard, epoch, forward_to } => self.close(shard, epoch, forward_to),
            Output::Reopen { shard, epoch } => {
                if node.epoch_of(shard) == epoch {
                    node.reopen(shard);
                }
            }
            Output::DropShard { shard, epoch } => {
                self.opening.lock().remove(&shard);
                if node.epoch_of(shard) == epoch {
                    node.drop_shard(shard);
                }
                node.gateway().unbuffer(shard);
            }
            Output::Buffer { shard } => node.gateway().buffer(shard),
            Output::Unbuffer { shard } => node.gateway().unbuffer(shard),
            Output::Route { shard, to } => self.route(shard, to),
            Output::Left => {
                self.told.modify(|standing| {
                    standing.life = None;
                    standing.left = true;
                });
            }
        }
    }

    fn unfit(&self, member: LeaseRow) {
        let (own, theirs) = (self.node.frames(), member.frames);
        let why = Unfit { member: member.life.node, own, theirs };
        if self.told.get().unfit.as_ref() != Some(&why) {
            tracing::error!(%why, "the node cannot join");
            self.told.modify(|standing| standing.unfit = Some(why));
        }
    }

    fn route(&self, shard: ShardId, to: Option<NodeId>) {
        let directory = self.node.directory();
        match (to, self.agent.owner(shard)) {
            (Some(node), Some(row)) => directory.learn(shard, Owner { node, epoch: row.epoch }),
            (Some(_), None) | (None, _) => directory.forget(shard),
        }
    }

    fn call(&self, call: u64, what: StoreCall) {
        let (store, clock) = (Arc::clone(&self.node.ctx().store), self.clock());
        let brought = self.brought.clone();
        self.node.life().spawn(async move {
            let answer = tokio::select! {
                biased;
                answer = ask_store(&store, what) => answer,
                () = clock.sleep(limits::STORE_CALL_MS) => Answer::Unknown,
            };
            // A shell that has ended needs no answer.
            let _ = brought.send(Input::Answer { call, answer }).await;
        });
    }

    fn open(&self, shard: ShardId, epoch: u64, tail: ports::Tail) {
        let (node, opening) = (Arc::clone(&self.node), Arc::clone(&self.opening));
        opening.lock().insert(shard, epoch);
        self.bring(shard, epoch, async move {
            let opened = node.open(shard, tail).await;
            let wanted = opening.lock().get(&shard) == Some(&epoch);
            let status = match opened {
                Ok(()) if wanted => {
                    opening.lock().remove(&shard);
                    ShardStatus::Opened
                }
                Ok(()) => {
                    // It was dropped while it was being recovered.
                    if node.epoch_of(shard) == epoch {
                        node.drop_shard(shard);
                    }
                    ShardStatus::Failed
                }
                Err(error) => {
                    tracing::warn!(shard = shard.0, epoch, %error, "shard not opened");
                    ShardStatus::Failed
                }
            };
            // What was kept for it is asked here, or hears that the owner is another one. After a
            // drop it may be kept for the next coming already.
            if wanted {
                node.gateway().unbuffer(shard);
            }
            status
        });
    }

    fn close(&self, shard: ShardId, epoch: u64, forward_to: NodeId) {
        let node = Arc::clone(&self.node);
        // The target will own it at the next epoch, and keeps what comes for that until then.
        node.directory().learn(shard, Owner { node: forward_to, epoch: epoch + 1 });
        let (brought, life) = (self.brought.clone(), Arc::clone(self.node.life()));
        // At once: a reopening that follows must find it closed.
        let Some(closing) = node.begin_to_settle(shard, epoch) else { return };
        life.spawn(async move {
            if node.settled(shard, closing).await {
                let status = ShardStatus::Drained;
                let _ = brought.send(Input::Shard { shard, epoch, status }).await;
            }
        });
    }

    /// Brings what becomes of a shard.
    fn bring(
        &self,
        shard: ShardId,
        epoch: u64,
        status: impl Future<Output = ShardStatus> + Send + 'static,
    ) {
        let brought = self.brought.clone();
        self.node.life().spawn(async move {
            let status = status.await;
            let _ = brought.send(Input::Shard { shard, epoch, status }).await;
        });
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.node.ctx().clock)
    }
}

async fn ask_store(store: &ports::SharedStore, what: StoreCall) -> Answer {
    let answer = match what {
        StoreCall::ReadLeases => store.leases().await.map(Answer::Leases).map_err(Into::into),
        StoreCall::ReadOwners => store.owners().await.map(Answer::Owners).map_err(Into::into),
        StoreCall::Lease(write) => store.write_lease(write).await.map(Answer::Lease),
        StoreCall::Owner(write) => store.write_owner(write).await.map(Answer::Owner),
        StoreCall::Claim { shard, epoch } => store.claim_at(shard, epoch).await.map(Answer::Claim),
    };
    answer.unwrap_or_else(|error: ports::CasError| {
        tracing::warn!(%error, "the store did not answer the agent");
        Answer::Unknown
    })
}

#[cfg(test)]
mod tests;
