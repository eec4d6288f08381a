//! Shard streams (`shard::streams`) under every loss, repeat, reordering and crash up to a bound.
//!
//! Shard A sends to shard B. Each commits its steps in groups; a crash loses what is not
//! committed and rebuilds the streams from the journal. Held (I5): the effects at B are 1, 2, 3
//! .. once and in order, nothing is acknowledged that may be lost, and all arrives once faults
//! stop. Control: the mark is not kept with the effect.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use codec::Packed;
use compact_str::CompactString;
use entity::{
    Cause, EntityKey, Kind, Mark, Message, MessageKind, PrincipalKind, ShardId, StreamSend, Tenant,
    Timestamp, Trace,
};

use crate::limits;
use crate::shard::streams::{Arrival, Incoming, Outgoing};

const A: ShardId = ShardId(0);
const B: ShardId = ShardId(1);
const N_MESSAGES: u64 = 3;

#[derive(Clone)]
struct Streams {
    outgoing: Outgoing,
    /// Sends that A has committed, and how many it has staged in all.
    sent: Vec<StreamSend>,
    n_staged: u64,
    staged: Vec<StreamSend>,
    incoming: Incoming,
    /// Effects of B, by message number, and how many of them are committed.
    effects: Vec<u64>,
    n_durable: usize,
    net: Vec<Net>,
    n_faults_left: u8,
    keeps_marks: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Net {
    Send(u64),
    Ack(u64),
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Stage,
    CommitA,
    Transmit,
    Deliver(usize),
    Repeat(usize),
    Lose(usize),
    CommitB,
    CrashA,
    CrashB,
}

fn message() -> Message {
    let key = EntityKey::named(&Tenant::new("t"), Kind(1), "x");
    Message {
        from: key.clone(),
        to: key,
        kind: MessageKind::Command,
        body: Packed { type_id: 1, version: 1, bytes: Vec::new() },
        cause: Cause {
            trace: Trace { trace_id: [1; 16], span_id: [1; 8], flags: 0 },
            request: 1,
            kind: PrincipalKind::Customer,
            subject: CompactString::const_new("x"),
        },
        expires_at: Timestamp::MAX,
    }
}

impl Streams {
    fn new(n_faults_left: u8, keeps_marks: bool) -> Self {
        Self {
            outgoing: Outgoing::new(limits::STREAM_WINDOW),
            sent: Vec::new(),
            n_staged: 0,
            staged: Vec::new(),
            incoming: Incoming::default(),
            effects: Vec::new(),
            n_durable: 0,
            net: Vec::new(),
            n_faults_left,
            keeps_marks,
        }
    }

    /// What tells states apart.
    fn key(&self) -> impl std::hash::Hash + Eq + use<> {
        let state = self.outgoing.checkpoint().pop();
        let unacked = state.map(|out| {
            let numbers: Vec<u64> = out.unacked.iter().map(|send| send.number).collect();
            (out.last, numbers)
        });
        let told = self.outgoing.unacked(B, self.sent.len() as u64).len();
        let counts = (self.sent.len(), self.staged.len(), told, self.n_durable);
        let incoming = (self.incoming.mark(A), self.effects.clone());
        (unacked, counts, incoming, self.net.clone(), self.n_faults_left)
    }

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.sent.len() as u64 + (self.staged.len() as u64) < N_MESSAGES {
            actions.push(Action::Stage);
        }
        if !self.staged.is_empty() {
            actions.push(Action::CommitA);
        }
        if self.n_durable < self.effects.len() {
            actions.push(Action::CommitB);
        }
        if self.net.len() < 4 && !self.outgoing.unacked(B, self.sent.len() as u64).is_empty() {
            actions.push(Action::Transmit);
        }
        actions.extend((0..self.net.len()).map(Action::Deliver));
        if self.n_faults_left > 0 {
            actions.extend([Action::CrashA, Action::CrashB]);
            actions.extend((0..self.net.len()).flat_map(|i| [Action::Repeat(i), Action::Lose(i)]));
        }
        actions
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Stage => {
                let send = self.outgoing.number(B, message());
                self.n_staged = send.number;
                self.outgoing.keep(send.number, send.clone());
                self.staged.push(send);
            }
            Action::CommitA => self.sent.append(&mut self.staged),
            Action::Transmit => {
                let unacked = self.outgoing.unacked(B, self.sent.len() as u64);
                self.net.extend(unacked.iter().map(|send| Net::Send(send.number)));
            }
            Action::Deliver(index) => {
                let net = self.net.remove(index);
                self.deliver(net)?;
            }
            Action::Repeat(index) => {
                self.n_faults_left -= 1;
                let net = self.net[index];
                self.deliver(net)?;
            }
            Action::Lose(index) => {
                self.n_faults_left -= 1;
                self.net.remove(index);
            }
            Action::CommitB => {
                self.n_durable = self.effects.len();
                self.net.push(Net::Ack(self.effects.len() as u64));
            }
            Action::CrashA => {
                self.n_faults_left -= 1;
                self.staged.clear();
                self.outgoing = Outgoing::new(limits::STREAM_WINDOW);
                for send in &self.sent {
                    self.outgoing.keep_recovered(send.clone());
                }
            }
            Action::CrashB => {
                self.n_faults_left -= 1;
                self.effects.truncate(self.n_durable);
                self.incoming = Incoming::default();
                if self.keeps_marks {
                    for number in &self.effects {
                        self.incoming.restore(Mark { from_shard: A, number: *number });
                    }
                }
            }
        }
        self.net.sort_unstable();
        self.check()
    }

    fn deliver(&mut self, net: Net) -> Result<(), String> {
        match net {
            Net::Ack(through) => self.outgoing.acked(B, through),
            Net::Send(number) => {
                let send = StreamSend { to_shard: B, number, message: Arc::new(message()) };
                let arrival = self.incoming.arrive(A, send);
                if arrival == Arrival::Queued {
                    let taken = self.incoming.take(A).ok_or("queued and not there")?;
                    self.effects.push(taken.0.number);
                } else if arrival == Arrival::Repeat {
                    // Its acknowledgement may have been lost.
                    self.net.push(Net::Ack(self.n_durable as u64));
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let expected: Vec<u64> = (1..=self.effects.len() as u64).collect();
        if self.effects != expected {
            return Err(format!("I5: effects {:?}", self.effects));
        }
        if self.effects.len() > self.sent.len() {
            return Err("I4: an effect of what A has not committed".into());
        }
        let kept = self.outgoing.unacked(B, u64::MAX).first().map(|send| send.number);
        let forgotten = kept.map_or(self.sent.len() as u64, |first| first - 1);
        if self.staged.is_empty() && forgotten > self.n_durable as u64 {
            return Err(format!("I5: A forgot {forgotten}, B holds {}", self.n_durable));
        }
        Ok(())
    }

    /// Faults stop: all is sent, taken and acknowledged.
    fn heal(mut self) -> Result<(), String> {
        self.n_faults_left = 0;
        for _ in 0..200 {
            let Some(action) = self.actions().into_iter().last() else { break };
            // The newest first would starve the others: messages in order, then commits.
            let action = if self.net.is_empty() { self.actions()[0] } else { action };
            let action =
                if matches!(action, Action::Deliver(_)) { Action::Deliver(0) } else { action };
            self.act(action)?;
        }
        let done = self.effects.len() as u64 == N_MESSAGES && self.outgoing.is_idle();
        done.then_some(()).ok_or_else(|| format!("I5: stuck with effects {:?}", self.effects))
    }
}

fn search(start: Streams) -> (usize, Option<String>) {
    let mut seen = HashSet::from([start.key()]);
    let mut open = VecDeque::from([start]);
    while let Some(streams) = open.pop_front() {
        for action in streams.actions() {
            let mut next = streams.clone();
            if let Err(why) = next.act(action) {
                return (seen.len(), Some(why));
            }
            if !seen.insert(next.key()) {
                continue;
            }
            if seen.len().is_multiple_of(256)
                && let Err(why) = next.clone().heal()
            {
                return (seen.len(), Some(why));
            }
            open.push_back(next);
        }
    }
    (seen.len(), None)
}

#[test]
fn streams_take_effect_once_and_in_order() {
    let (n_states, broken) = search(Streams::new(2, true));
    eprintln!("streams: {n_states} states, complete");
    assert_eq!(broken, None);
    assert!(n_states > 5_000, "{n_states} states are too few");
}

#[test]
fn control_the_mark_is_not_kept_with_the_effect() {
    let (n_states, broken) = search(Streams::new(2, false));
    eprintln!("mark not kept: after {n_states} states: {broken:?}");
    assert!(broken.is_some_and(|why| why.starts_with("I5: effects")));
}
