//! I10: every queue has a named limit. The runtime asserts it; here the most that was ever seen
//! in each queue is held against its limit.
//!
//! A stream of messages from a shard to a shard has no limit of its own: what is under way ends,
//! and sends. Its window bounds what begins: no command is journaled while more messages than
//! that wait for their receiver. Judged where the run knows when commits were taken; a message
//! counts only while its receiver had not even journaled it, so the sender could not know better.

use std::collections::BTreeMap;

use entity::{RecordSource, ShardId};

use super::decoded::Rec;
use super::{Findings, World};

/// Judges every queue that the run knows, and every command.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I10");
    for (name, depth) in &world.given.depths {
        found.judge(depth.max_seen <= depth.limit, || {
            format!("{name} held {}, its limit is {}", depth.max_seen, depth.limit)
        });
    }
    if let Some(window) = world.given.stream_window {
        windows(world, window, &mut found);
    }
    found
}

/// What a shard has taken of a stream: when, and up to which number.
type Taken = Vec<(u64, u64)>;

fn windows(world: &World, window: u64, found: &mut Findings) {
    let mut taken: BTreeMap<(ShardId, ShardId), Taken> = BTreeMap::new();
    for rec in world.records() {
        if let (Some(mark), Some(us)) = (&rec.record.mark, world.taken_us(rec)) {
            taken.entry((mark.from_shard, rec.shard)).or_default().push((us, mark.number));
        }
    }
    let mut streams = Streams::default();
    for rec in world.records() {
        streams.come_to(rec);
        if let (RecordSource::Caller, Some(us)) = (&rec.record.source, world.taken_us(rec)) {
            let waiting = streams.most_waiting(us, &taken);
            found.judge(waiting < window, || {
                let (key, commit, shard) = (&rec.record.key, rec.commit_no, rec.shard.0);
                format!(
                    "{key}: a command in commit {commit} of shard {shard}, where {waiting} \
                     messages of one stream wait; its window is {window}"
                )
            });
        }
        streams.present.extend(rec.record.sends.iter().map(|send| (send.to_shard, send.number)));
    }
}

/// Streams of one shard, along its journal.
#[derive(Default)]
struct Streams {
    at: Option<(ShardId, u64)>,
    /// The last number of each stream, and how many entries of its [`Taken`] are past.
    sent: BTreeMap<ShardId, (u64, usize)>,
    /// What the present commit sends.
    present: Vec<(ShardId, u64)>,
}

impl Streams {
    fn come_to(&mut self, rec: &Rec) {
        let at = Some((rec.shard, rec.commit_no));
        if self.at.is_some_and(|(shard, _)| shard != rec.shard) {
            *self = Self::default();
        }
        if self.at != at {
            self.at = at;
            for (to, number) in self.present.drain(..) {
                self.sent.entry(to).or_default().0 = number;
            }
        }
    }

    /// The most messages of earlier commits that one receiver had not taken by then. Times along
    /// a journal do not go back.
    fn most_waiting(&mut self, us: u64, taken: &BTreeMap<(ShardId, ShardId), Taken>) -> u64 {
        let Some((shard, _)) = self.at else { return 0 };
        let mut most = 0;
        for (to, (last, past)) in &mut self.sent {
            let taken = taken.get(&(shard, *to)).map_or(&[][..], Vec::as_slice);
            while taken.get(*past).is_some_and(|(at, _)| *at <= us) {
                *past += 1;
            }
            let done = past.checked_sub(1).map_or(0, |index| taken[index].1);
            most = most.max(last.saturating_sub(done));
        }
        most
    }
}
