//! Planned moves: offering, accepting, undoing.

use entity::{ShardId, Timestamp};
use ports::{Life, NodeId, OwnerRow};

use super::{Agent, Local, Shard};
use crate::limits::{HANDOFFS_IN_MAX, HANDOFFS_OUT_MAX};
use crate::ownership::handoff::{Source, Target, Undo};
use crate::ownership::io::{Output, Peer};
use crate::ownership::takeover::Takeover;

impl Agent {
    /// Offers an open shard to its wanted owner, if that is another one.
    pub(super) fn offer_if_wanted(
        &mut self,
        id: ShardId,
        epoch: u64,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let moving = |shard: &&Shard| matches!(shard.local, Local::Moving { .. });
        if self.shards.iter().filter(moving).count() >= HANDOFFS_OUT_MAX {
            return;
        }
        let leaving = self.leave_by.is_some();
        let Some(target) = self.wanted(id, leaving.then_some(&self.config.node)) else { return };
        if target.node == self.config.node {
            return;
        }
        self.n_handoffs += 1;
        let handoff = self.n_handoffs;
        let to = target.node.clone();
        let source = Source::offer(handoff, (id, epoch), target, now, &self.config.timing);
        self.shard(id).local = Local::Moving { source, at: None };
        let view = self.view.number();
        out.push(Output::Send { to, message: Peer::Offer { handoff, shard: id, view, leaving } });
    }

    /// The wanted owner of a shard, with a node that leaves counted out.
    fn wanted(&self, id: ShardId, without: Option<&NodeId>) -> Option<Life> {
        match without {
            None => self.view.wanted(id).cloned(),
            Some(node) => self.view.without(node).wanted(id).cloned(),
        }
    }

    pub(super) fn peer(
        &mut self,
        from: NodeId,
        message: Peer,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match message {
            Peer::Offer { handoff, shard, view, leaving } => {
                let answer = match self.accept(&from, (handoff, shard), view, leaving, now, out) {
                    Some(life) => Peer::Accept { handoff, shard, life },
                    None => Peer::Decline { handoff, shard },
                };
                out.push(Output::Send { to: from, message: answer });
            }
            Peer::Accept { handoff, shard, life } => {
                let timing = &self.config.timing;
                let Some(here) = self.shards.get_mut(usize::from(shard.0)) else { return };
                if let Local::Moving { source, .. } = &mut here.local
                    && source.accepted(handoff, &life, now, timing)
                {
                    out.push(Output::PreSnapshot { shard, epoch: source.epoch() });
                }
            }
            Peer::Decline { handoff, shard } => {
                let Some(here) = self.shards.get(usize::from(shard.0)) else { return };
                if let Local::Moving { source, .. } = &here.local
                    && source.is_declined_by(handoff, &from)
                {
                    self.undo_move(shard, now, out);
                }
            }
            Peer::Abort { handoff, shard } => {
                let Some(here) = self.shards.get_mut(usize::from(shard.0)) else { return };
                let same = |target: &mut Target| target.from == from && target.handoff == handoff;
                if here.target.take_if(same).is_some() {
                    out.push(Output::Unbuffer { shard });
                }
            }
            Peer::Released { shard, epoch, life } => {
                let Some(here) = self.shards.get(usize::from(shard.0)) else { return };
                // Where the shard is, only a row of the store ends that it is there.
                if here.local.hosted().is_none() || self.life() == Some(&life) {
                    self.see_owner(OwnerRow { shard, epoch, owner: life }, now, out);
                }
            }
        }
    }

    /// Agrees to take a shard, under the same view; returns the life to stand in its row.
    fn accept(
        &mut self,
        from: &NodeId,
        (handoff, id): (u64, ShardId),
        view: u64,
        leaving: bool,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Option<Life> {
        let me = self.life().filter(|_| self.is_serving(now) && self.leave_by.is_none())?;
        let here = self.shards.get(usize::from(id.0))?;
        let n_targets = self.shards.iter().filter(|shard| shard.target.is_some()).count();
        let room = here.target.is_some() || n_targets < HANDOFFS_IN_MAX;
        let agreed = view == self.view.number()
            && self.wanted(id, leaving.then_some(from)).as_ref() == Some(me);
        if here.local != Local::Absent || !room || !agreed {
            return None;
        }
        let me = me.clone();
        let until = now.plus_ms(self.config.timing.buffer_ms());
        let target = Target { from: from.clone(), handoff, until };
        if self.shard(id).target.replace(target).is_none() {
            out.push(Output::Buffer { shard: id });
        }
        Some(me)
    }

    /// A shard that was agreed on does not come.
    pub(super) fn expire_target(&mut self, id: ShardId, now: Timestamp, out: &mut Vec<Output>) {
        let shard = self.shard(id);
        // Once it is being taken it will be opened, and the buffer with it.
        let waits = shard.local == Local::Absent;
        if shard.target.take_if(|target| waits && now >= target.until).is_some() {
            out.push(Output::Unbuffer { shard: id });
        }
    }

    pub(super) fn advance_move(&mut self, id: ShardId, now: Timestamp, out: &mut Vec<Output>) {
        let Local::Moving { source, at } = &self.shards[usize::from(id.0)].local else { return };
        if source.is_overdue(now) || self.has_ended(source.target()) {
            self.undo_move(id, now, out);
        } else if at.is_some_and(|at| now >= at) {
            self.call_release(id, out);
        }
    }

    /// Tells the target that the shard does not come. The release, once sent, may be applied
    /// all the same: then the row has the last word.
    pub(super) fn abort_move(&mut self, id: ShardId, out: &mut Vec<Output>) {
        let Local::Moving { source, .. } = &self.shards[usize::from(id.0)].local else { return };
        let message = Peer::Abort { handoff: source.handoff(), shard: id };
        out.push(Output::Send { to: source.target().node.clone(), message });
    }

    fn undo_move(&mut self, id: ShardId, now: Timestamp, out: &mut Vec<Output>) {
        sites::hit("owner.move_undone");
        self.abort_move(id, out);
        let Some(me) = self.life().cloned() else { return };
        let offer_at = now.plus_ms(self.config.timing.offer_ms);
        let shard = self.shard(id);
        let Local::Moving { source, .. } = &shard.local else { return };
        let epoch = source.epoch();
        shard.offer_at = offer_at;
        match source.undo() {
            Undo::Serve => shard.local = Local::Open { epoch },
            Undo::Reopen => {
                shard.local = Local::Open { epoch };
                out.push(Output::Reopen { shard: id, epoch });
            }
            Undo::TakeBack => {
                let takeover = Takeover::begin(id, epoch, me);
                shard.local = Local::Taking { takeover, at: Some(now) };
            }
        }
    }
}

const _: () = assert!(HANDOFFS_OUT_MAX <= HANDOFFS_IN_MAX);
