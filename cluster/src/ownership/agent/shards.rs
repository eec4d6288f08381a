//! Shards: taking free ones, opening, dropping, and where each is to be found.

use entity::{ShardId, Timestamp};
use ports::{Cas, Life, OwnerRow};

use super::{Agent, Lease, Local, Pending, Shard};
use crate::ownership::handoff::{Phase, Released};
use crate::ownership::io::{Answer, Output, Peer, ShardStatus, StoreCall};
use crate::ownership::takeover::{Step, Takeover};

impl Shard {
    /// Keeps a row if it is newer than the newest seen; says whether it is.
    fn learn(&mut self, row: &OwnerRow) -> bool {
        let newer = self.row.as_ref().is_none_or(|known| known.epoch < row.epoch);
        if newer {
            self.row = Some(row.clone());
        }
        newer
    }
}

impl Agent {
    /// Takes an owner row; an older one than the newest seen is a stale read.
    pub(super) fn see_owner(&mut self, row: OwnerRow, now: Timestamp, out: &mut Vec<Output>) {
        let (id, epoch) = (row.shard, row.epoch);
        let Some(shard) = self.shards.get_mut(usize::from(id.0)) else { return };
        if !shard.learn(&row) {
            return;
        }
        if let Local::Moving { source, .. } = &shard.local
            && source.phase() == Phase::Releasing
        {
            // The release itself, or what came instead of it. The host is gone already.
            let handoff = source.handoff();
            let answer = Answer::Owner(Cas::Refused(Some(row)));
            self.release_answered(id, handoff, answer, now, out);
        } else if let Some(hosted) = shard.local.hosted().filter(|hosted| *hosted < epoch) {
            sites::hit("owner.superseded");
            out.push(Output::DropShard { shard: id, epoch: hosted });
            shard.local = Local::Absent;
        }
    }

    /// Whether nobody may claim a shard with this row.
    fn is_free(&self, row: Option<&OwnerRow>) -> bool {
        row.is_none_or(|row| self.has_ended(&row.owner))
    }

    /// Whether a life is known to be over: incarnations only rise, so a stale list may hide
    /// that, but never pretend it.
    pub(super) fn has_ended(&self, life: &Life) -> bool {
        let newest = match life.node == self.config.node {
            true => self.own.as_ref().map(|row| &row.life),
            false => self.watches.get(&life.node).map(|watch| &watch.row().life),
        };
        newest.is_some_and(|newest| newest.incarnation > life.incarnation)
    }

    pub(super) fn advance_shards(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let serving = self.is_serving(now);
        let is_forced = |id: ShardId| sites::fires("forced_rebalance", u64::from(id.0));
        for id in (0..self.config.n_shards).map(ShardId) {
            let shard = &self.shards[usize::from(id.0)];
            match &shard.local {
                Local::Absent if serving => self.take_if_mine(id, now, out),
                Local::Taking { at: Some(at), .. } if serving && now >= *at => {
                    self.call_take(id, out);
                }
                Local::Open { epoch } if serving && (now >= shard.offer_at || is_forced(id)) => {
                    self.offer_if_wanted(id, *epoch, now, out);
                }
                Local::Moving { .. } => self.advance_move(id, now, out),
                Local::Absent
                | Local::Taking { .. }
                | Local::Opening { .. }
                | Local::Open { .. } => {}
            }
            self.expire_target(id, now, out);
            self.route(id, out);
        }
    }

    fn take_if_mine(&mut self, id: ShardId, now: Timestamp, out: &mut Vec<Output>) {
        let Lease::Held { holder, since } = &self.lease else { return };
        let me = holder.life();
        let row = self.shards[usize::from(id.0)].row.as_ref();
        let takeover = if let Some(row) = row.filter(|row| row.owner == *me) {
            // A handoff, or a write of ours whose answer was lost.
            Takeover::Claim(row.clone())
        } else {
            let settled = now >= since.plus_ms(self.config.timing.settle_ms);
            let mine = self.view.wanted(id) == Some(me) && self.leave_by.is_none();
            if !(settled && mine && self.is_free(row)) {
                return;
            }
            Takeover::begin(id, row.map_or(0, |row| row.epoch), me.clone())
        };
        self.shard(id).local = Local::Taking { takeover, at: None };
        self.call_take(id, out);
    }

    fn call_take(&mut self, id: ShardId, out: &mut Vec<Output>) {
        let Local::Taking { takeover, at } = &mut self.shard(id).local else { return };
        *at = None;
        let what = takeover.call();
        self.call(Pending::Take(id), what, out);
    }

    pub(super) fn take_answered(
        &mut self,
        id: ShardId,
        answer: Answer,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let retry_at = now.plus_ms(self.config.timing.retry_ms);
        let shard = self.shard(id);
        let Local::Taking { takeover, .. } = shard.local.clone() else { return };
        match takeover.answer(answer) {
            Step::Go(takeover) => {
                // A journal that is ahead of the rows is caught up with one step at a time.
                let at = match &takeover {
                    Takeover::Claim(row) => {
                        shard.learn(row);
                        now
                    }
                    Takeover::Owner(_) => retry_at,
                };
                shard.local = Local::Taking { takeover, at: Some(at) };
            }
            Step::Again(takeover) => shard.local = Local::Taking { takeover, at: Some(retry_at) },
            Step::Open(row, tail) => {
                sites::hit("owner.taken");
                let epoch = row.epoch;
                shard.local = Local::Opening { epoch };
                shard.target = None;
                out.push(Output::Open { shard: id, epoch, tail });
            }
            Step::Lost(row) => {
                sites::hit("owner.lost_race");
                shard.local = Local::Absent;
                if let Some(row) = row {
                    self.see_owner(row, now, out);
                }
            }
        }
    }

    pub(super) fn call_release(&mut self, id: ShardId, out: &mut Vec<Output>) {
        let Local::Moving { source, at } = &mut self.shard(id).local else { return };
        *at = None;
        let (handoff, what) = (source.handoff(), StoreCall::Owner(source.release()));
        self.call(Pending::Release(id, handoff), what, out);
    }

    pub(super) fn release_answered(
        &mut self,
        id: ShardId,
        handoff: u64,
        answer: Answer,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let retry_at = now.plus_ms(self.config.timing.retry_ms);
        let Local::Moving { source, at } = &mut self.shard(id).local else { return };
        if source.handoff() != handoff {
            return;
        }
        let row = match source.released(answer) {
            Released::Again => {
                *at = Some(retry_at);
                return;
            }
            Released::Done(row) => {
                sites::hit("owner.handed_over");
                let (epoch, life) = (row.epoch, row.owner.clone());
                // To the new owner first, who waits for it; to the others, whose next ask would
                // come to this node, which may be gone by then.
                let me = &self.config.node;
                let others = self.view.members().iter().map(|member| &member.node);
                let others = others.filter(|node| *node != me && **node != life.node).cloned();
                for to in std::iter::once(life.node.clone()).chain(others) {
                    let message = Peer::Released { shard: id, epoch, life: life.clone() };
                    out.push(Output::Send { to, message });
                }
                Some(row)
            }
            Released::Lost(row) => row,
        };
        self.shard(id).local = Local::Absent;
        if let Some(row) = row {
            self.see_owner(row, now, out);
        }
    }

    pub(super) fn status(
        &mut self,
        id: ShardId,
        epoch: u64,
        status: ShardStatus,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let timing = self.config.timing.clone();
        let leaving = self.leave_by.is_some();
        let Some(shard) = self.shards.get_mut(usize::from(id.0)) else { return };
        if shard.local.hosted() != Some(epoch) {
            return;
        }
        match (status, &mut shard.local) {
            (ShardStatus::Failed, _) => self.host_failed(id, epoch, now, out),
            (ShardStatus::Opened, Local::Opening { .. }) => {
                shard.local = Local::Open { epoch };
                let residence_ms = if leaving { 0 } else { timing.residence_ms };
                shard.offer_at = now.plus_ms(residence_ms);
            }
            (ShardStatus::Snapshotted, Local::Moving { source, .. }) => {
                if source.snapshotted(now, &timing) {
                    let forward_to = source.target().node.clone();
                    out.push(Output::Close { shard: id, epoch, forward_to });
                }
            }
            (ShardStatus::Drained, Local::Moving { source, .. }) => {
                if source.drained(now, &timing) {
                    out.push(Output::DropShard { shard: id, epoch });
                    self.call_release(id, out);
                }
            }
            // Too late for what it answered.
            (ShardStatus::Opened | ShardStatus::Snapshotted | ShardStatus::Drained, _) => {}
        }
    }

    /// A host that ended by itself: the shard is taken anew, so that an append of it whose
    /// outcome is unknown is decided by the claim.
    fn host_failed(&mut self, id: ShardId, epoch: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(me) = self.life().cloned() else { return };
        sites::hit("owner.host_failed");
        self.abort_move(id, out);
        let at = Some(now.plus_ms(self.config.timing.retry_ms));
        let takeover = Takeover::begin(id, epoch, me);
        self.shard(id).local = Local::Taking { takeover, at };
    }

    pub(super) fn route_all(&mut self, out: &mut Vec<Output>) {
        (0..self.config.n_shards).for_each(|id| self.route(ShardId(id), out));
    }

    /// Says where a shard is to be found, where that has changed; also when it is where it was, at
    /// a later epoch: others may have named a node in between.
    fn route(&mut self, id: ShardId, out: &mut Vec<Output>) {
        let shard = &self.shards[usize::from(id.0)];
        let to = match &shard.local {
            Local::Absent => {
                let row = shard.row.as_ref().filter(|row| !self.has_ended(&row.owner));
                row.map(|row| &row.owner.node)
            }
            Local::Taking { .. } => None,
            Local::Opening { .. } | Local::Open { .. } => Some(&self.config.node),
            Local::Moving { source, .. } => Some(match source.phase() {
                Phase::Offered | Phase::Snapshotting => &self.config.node,
                Phase::Draining | Phase::Releasing => &source.target().node,
            }),
        };
        let epoch = shard.row.as_ref().map_or(0, |row| row.epoch);
        if shard.route.as_ref().map(|(node, epoch)| (node, *epoch)) != to.map(|node| (node, epoch))
        {
            let to = to.cloned();
            self.shard(id).route = to.clone().map(|node| (node, epoch));
            out.push(Output::Route { shard: id, to });
        }
    }
}
