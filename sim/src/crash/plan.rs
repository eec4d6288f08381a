//! The workload of a run: what the clients want, drawn from the seed.

use entity::{Entity, EntityKey, Fingerprint, IdempotencyKey};

use crate::random::{Stream, below, mix, percent};
use crate::toy::{self, Account, Order, Stock, account, order, stock};

/// A known way to break the runtime. A harness that does not find it has no teeth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// Cores are told that records are durable when they are only staged.
    ReplyBeforeCommit,
    /// Each shard has a staging buffer of its own although messages are chained.
    BufferPerShard,
    /// The mark of a message goes into a record of its own, after its effect.
    MarkApart,
    /// Snapshots are written when they are taken, not when what they hold is durable.
    SnapshotBeforeDurable,
    /// Messages that were not acknowledged are not sent again after a recovery.
    NoResend,
    /// A shard is rebuilt before all that its dead host staged is durable.
    RebuildEarly,
    /// A checkpoint names the last durable commit, whatever has a snapshot.
    CheckpointAhead,
    /// Results of reads and writes of a dead host reach its successor.
    StaleTasks,
    /// Idempotency keys are not journaled.
    KeysNotKept,
}

/// All that decides a run, but for its crashes.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How many shards.
    pub n_shards: u16,
    /// Whether messages are handled before their cause is durable.
    pub chaining: bool,
    /// Bytes of entities that a core keeps.
    pub resident_bytes: usize,
    /// Events in the tail at which snapshots are taken.
    pub snapshot_tail_events: u64,
    /// Commands of clients.
    pub n_requests: u64,
    /// Parcels are lost, repeated and overtaken, appends have unknown outcomes, writes fail.
    pub faults: bool,
    /// Whether a store can tell at once whether there is a snapshot.
    pub blind_peek: bool,
    /// Judge only what can be seen from outside: answers, the journal, the live entities. Without
    /// it the witness also judges each record, release and write at the moment it happens.
    pub only_outcome: bool,
    /// A fault that has to be found.
    pub canary: Option<Canary>,
}

impl Setup {
    /// A setup drawn from a seed: small, with everything that can happen happening often.
    #[must_use]
    pub fn of_seed(seed: u64, chaining: bool) -> Self {
        let draw = |attempt| mix(seed, Stream::Plan, 1_000_000, attempt);
        Self {
            seed,
            n_shards: if percent(draw(1), 50) { 3 } else { 4 },
            chaining,
            // Too little for a second entity, enough for a few, or enough for all.
            resident_bytes: [1, 3_000, 1 << 20]
                [usize::from(percent(draw(2), 60)) + usize::from(percent(draw(3), 30))],
            snapshot_tail_events: [2, 8, 24, 100_000][index(draw(4), 4)],
            n_requests: 10,
            faults: percent(draw(5), 60),
            blind_peek: percent(draw(6), 40),
            only_outcome: false,
            canary: None,
        }
    }
}

/// What a client does with one of its requests.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) key: EntityKey,
    pub(super) body: Body,
    pub(super) idempotency: Option<(IdempotencyKey, Fingerprint)>,
    /// How long it may take.
    pub(super) wait_ms: u64,
    /// How often it is repeated after it was answered.
    pub(super) n_repeats: u64,
}

/// A command or a query.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Account(account::Command),
    Stock(stock::Command),
    Order(order::Command),
    Query(toy::Query),
    Lift,
    ReplayDeadLetter(u64),
}

/// The key under which the outcome of `op` is kept.
pub(super) fn idempotency(op: u64) -> (IdempotencyKey, Fingerprint) {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&op.to_be_bytes());
    (IdempotencyKey(bytes), Fingerprint(bytes))
}

fn index(bits: u64, n: usize) -> usize {
    usize::try_from(below(bits, n as u64)).expect("an index fits")
}

struct Drawer {
    seed: u64,
    op: u64,
    n: u64,
}

impl Drawer {
    fn bits(&mut self) -> u64 {
        self.n += 1;
        mix(self.seed, Stream::Plan, self.op, self.n)
    }

    fn below(&mut self, n: u64) -> u64 {
        below(self.bits(), n)
    }

    fn percent(&mut self, p: u64) -> bool {
        percent(self.bits(), p)
    }

    fn account(&mut self) -> EntityKey {
        toy::key::<Account>(&format!("a{}", self.below(4)))
    }

    fn stock(&mut self) -> EntityKey {
        toy::key::<Stock>(&format!("s{}", self.below(3)))
    }
}

/// The requests of a run, in the order in which they are issued; the number of each is its place.
pub(super) fn wishes(setup: &Setup) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for n in 0..3 {
        let op = wishes.len() as u64;
        wishes.push(wish(
            toy::key::<Stock>(&format!("s{n}")),
            Body::Stock(stock::Command::Receive { op, n: 3 }),
            Some(idempotency(op)),
        ));
    }
    for n in 0..2 {
        let op = wishes.len() as u64;
        wishes.push(wish(
            toy::key::<Account>(&format!("a{n}")),
            Body::Account(account::Command::Deposit { op, amount: 20 }),
            Some(idempotency(op)),
        ));
    }
    while (wishes.len() as u64) < setup.n_requests + 5 {
        let op = wishes.len() as u64;
        wishes.push(drawn(&mut Drawer { seed: setup.seed, op, n: 0 }));
    }
    wishes
}

fn wish(key: EntityKey, body: Body, idempotency: Option<(IdempotencyKey, Fingerprint)>) -> Wish {
    Wish { key, body, idempotency, wait_ms: 60_000, n_repeats: 0 }
}

fn drawn(d: &mut Drawer) -> Wish {
    let op = d.op;
    let (key, body) = match d.below(100) {
        0..30 => {
            let n_lines = 1 + d.below(3);
            let first = d.below(3);
            let line = |n| (toy::key::<Stock>(&format!("s{}", (first + n) % 3)), 1 + (op + n) % 2);
            let lines = (0..n_lines).map(line).collect();
            let ttl_ms = 50 + d.below(900);
            let start = order::Command::Start { op, lines, ttl_ms };
            (toy::key::<Order>(&format!("o{op}")), Body::Order(start))
        }
        30..55 => {
            let from = toy::key::<Account>(&format!("a{}", d.below(2)));
            let n_targets = 1 + d.below(3);
            let to = (0..n_targets).map(|_| (d.account(), 1 + d.below(2))).collect();
            let ttl_ms = d.percent(40).then_some(5);
            (from, Body::Account(account::Command::Transfer { op, to, ttl_ms }))
        }
        55..60 => (d.account(), Body::Account(account::Command::Deposit { op, amount: 2 })),
        60..65 => (d.account(), Body::Account(account::Command::Withdraw { op, amount: 3 })),
        65..70 => (d.account(), Body::Account(account::Command::Look { op })),
        70..77 => {
            let count =
                account::Command::Count { op, n: 1 + d.below(3), every_ms: 1 + d.below(90) };
            (d.account(), Body::Account(count))
        }
        77..81 => {
            let place = place(d);
            (d.account(), Body::Account(account::Command::Poison { op, place }))
        }
        81..86 => {
            let (to, place) = (d.account(), place(d));
            (d.account(), Body::Account(account::Command::SendPoison { op, to, place }))
        }
        86..89 => (d.stock(), Body::Stock(stock::Command::Poison { op })),
        89..95 => (d.account(), Body::Query(toy::Query::AtLeast(2 + d.below(6)))),
        _ => (d.stock(), Body::Query(toy::Query::Dump)),
    };
    let keyed = matches!(body, Body::Account(_) | Body::Stock(_) | Body::Order(_)) && d.percent(85);
    Wish {
        key,
        body,
        idempotency: keyed.then(|| idempotency(op)),
        wait_ms: if d.percent(15) { 20 } else { 60_000 },
        n_repeats: if keyed && d.percent(50) { 1 } else { 0 },
    }
}

fn place(d: &mut Drawer) -> account::Poison {
    if d.percent(50) { account::Poison::Decide } else { account::Poison::Evolve }
}

/// The kind of a key as the toys know it.
pub(super) fn is<E: Entity>(key: &EntityKey) -> bool {
    key.kind == E::KIND
}
