//! Keys, windows of idempotency keys, and the cell around a small entity.

use codec::{Carried, Packed, Stored, TypeId, pack};
use serde::{Deserialize, Serialize};

use super::*;

/// Counts; refuses to pass 10; wakes at a deadline and counts one more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counter {
    value: u32,
    wake_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Add(u32);
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Added(u32);
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TooMany;

macro_rules! stored {
    ($($ty:ty = $number:literal),*) => {
        $(impl Stored for $ty { const TYPE: TypeId = $number; })*
    };
}
stored!(Counter = 0xF000, Add = 0xF001, Added = 0xF002, TooMany = 0xF003);

impl Entity for Counter {
    const KIND: Kind = Kind(999);
    const NAME: &'static str = "counter";
    type Command = Add;
    type Event = Added;
    type Reply = Added;
    type Rejection = TooMany;
    type Query = Add;
    type View = Added;

    fn initial(_: &EntityKey) -> Self {
        Self::default()
    }

    fn decide(&self, _: &Context<'_>, Add(n): Add) -> Result<Decision<Self>, TooMany> {
        if self.value + n > 10 {
            return Err(TooMany);
        }
        Ok(Decision::event(Added(n)).replying(Added(self.value + n)))
    }

    fn wake(&self, _: &Context<'_>) -> Decision<Self> {
        Decision::event(Added(1))
    }

    fn bounced(&self, _: &Context<'_>, _: &Bounce<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, Added(n): &Added) {
        self.value += n;
        self.wake_at = (self.value == 1).then(|| ctx.at.plus_ms(100));
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.wake_at
    }

    fn query(&self, _: &Context<'_>, Add(at_least): &Add) -> Answer<Added, TooMany> {
        let view = Added(self.value);
        if self.value >= *at_least { Answer::Ready(view) } else { Answer::NotYet(view) }
    }

    fn publication(_: &EventContext<'_>, _: &Added) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

fn key() -> EntityKey {
    EntityKey::named(&Tenant::new("t"), Counter::KIND, "a")
}

fn add(
    cell: &mut EntityCell<Counter>,
    n: u32,
    name: Option<(u8, u8)>,
    now: u64,
) -> Result<Step, CellError> {
    let (key, principal, cause) = (key(), Principal::system(Tenant::new("t")), Cause::default());
    let ctx = Context {
        key: &key,
        now: Timestamp(now),
        version: cell.version(),
        principal: &principal,
        source: Source::Caller,
        cause: &cause,
    };
    let name =
        name.map(|(k, f)| (IdempotencyKey::new([7; 8], [k; 8]), Fingerprint([f; 16])).into());
    cell.step(&ctx, Input::Command(&pack(&Add(n)).unwrap(), name))
}

#[test]
fn a_repeat_is_replayed_another_request_refused_and_neither_counts_again() {
    let mut cell = EntityCell::<Counter>::initial(&key());
    let first = add(&mut cell, 3, Some((1, 1)), 5).unwrap();
    assert_eq!(first.outcome, Outcome::Replied(1, Carried::of(Added(3))));
    let again = add(&mut cell, 3, Some((1, 1)), 9).unwrap();
    assert!(again.is_empty());
    assert!(matches!(again.outcome, Outcome::Replayed(kept) if kept.at == Timestamp(5)));
    assert_eq!(add(&mut cell, 4, Some((1, 2)), 9).unwrap().outcome, Outcome::KeyReused);
    assert_eq!(cell.state().value, 3);
}

#[test]
fn a_success_is_kept_as_long_as_its_request_says() {
    let mut cell = EntityCell::<Counter>::initial(&key());
    let (key, principal, cause) = (key(), Principal::system(Tenant::new("t")), Cause::default());
    let mut step = |n: u32, keep_ms: u64, now: u64| {
        let ctx = Context {
            key: &key,
            now: Timestamp(now),
            version: cell.version(),
            principal: &principal,
            source: Source::Caller,
            cause: &cause,
        };
        let print = Fingerprint([1; 16]);
        let keyed = Keyed { key: IdempotencyKey([1; 16]), fingerprint: print, keep_ms };
        cell.step(&ctx, Input::Command(&pack(&Add(n)).unwrap(), Some(keyed))).unwrap().outcome
    };
    assert!(matches!(step(3, 1_000, 5), Outcome::Replied(1, _)));
    assert!(matches!(step(3, 9_000, 1_004), Outcome::Replayed(_)), "what it was kept with holds");
    assert!(matches!(step(3, 9_000, 1_005), Outcome::Replied(2, _)), "forgotten: done again");
    assert!(matches!(step(3, 1_000, 10_004), Outcome::Replayed(_)));
}

#[test]
fn a_refusal_is_kept_for_ten_minutes_and_a_full_window_refuses() {
    let mut cell = EntityCell::<Counter>::initial(&key());
    let refused = add(&mut cell, 11, Some((1, 1)), 0).unwrap();
    assert!(refused.events.is_empty() && refused.kept.is_some());
    let again = add(&mut cell, 11, Some((1, 1)), limits::REFUSAL_KEEP_MS - 1).unwrap();
    assert!(matches!(again.outcome, Outcome::Replayed(kept) if kept.outcome.is_err()));
    let later = add(&mut cell, 11, Some((1, 1)), limits::REFUSAL_KEEP_MS).unwrap();
    assert!(matches!(later.outcome, Outcome::Rejected(_)));
    let now = limits::REFUSAL_KEEP_MS;
    for name in 2..=u8::try_from(limits::PRINCIPAL_KEYS).unwrap() {
        assert!(add(&mut cell, 11, Some((name, 1)), now).unwrap().kept.is_some());
    }
    assert_eq!(add(&mut cell, 0, Some((99, 1)), now).unwrap().outcome, Outcome::KeysFull);
    assert!(add(&mut cell, 0, None, now).is_ok());
}

#[test]
fn a_principal_who_used_his_share_up_shuts_out_nobody_else() {
    let outcome = || Ok(pack(&Added(1)).unwrap());
    let kept = |at, outcome| Kept {
        fingerprint: Fingerprint([0; 16]),
        at: Timestamp(at),
        expires_at: Timestamp(at + 100),
        version: 1,
        request: 1,
        trace_id: [0; 16],
        outcome,
    };
    let name = |who: u8, n: usize| IdempotencyKey::new([who; 8], (n as u64).to_be_bytes());
    let (share, all) = (limits::PRINCIPAL_KEYS, limits::IDEMPOTENCY_KEYS_MAX);
    let mut window = IdempotencyWindow::default();
    let is_full = |window: &IdempotencyWindow, who, now| {
        window.is_full(name(who, usize::MAX), share, Timestamp(now))
    };
    for n in 0..share {
        assert!(!is_full(&window, 1, 0), "{n}");
        window.keep(name(1, n), kept(0, outcome()));
    }
    assert!(is_full(&window, 1, 99) && !is_full(&window, 2, 99));
    assert!(!window.is_full(name(1, usize::MAX), 2 * share, Timestamp(99)), "a larger share");
    assert!(!is_full(&window, 1, 100), "forgotten");
    for n in share..all {
        let who = 1 + u8::try_from(n / share).unwrap();
        assert!(!is_full(&window, who, 50), "{n}");
        window.keep(name(who, n), kept(50, outcome()));
    }
    assert!(is_full(&window, 99, 50), "as many as one entity keeps");
    window.keep(name(99, 0), kept(100, outcome()));
    assert!(!is_full(&window, 1, 100) && is_full(&window, 2, 100), "what was forgotten is free");

    let mut window = IdempotencyWindow::default();
    let large = vec![0; limits::IDEMPOTENCY_BYTES_MAX / 32];
    for n in 0..32 {
        assert!(!is_full(&window, 2, 0), "{n}");
        let large = Packed { bytes: large.clone(), ..pack(&Added(1)).unwrap() };
        window.keep(name(1, n), kept(0, Ok(large)));
    }
    assert!(is_full(&window, 2, 0), "as many bytes as one entity keeps");
    let read = codec::from_bytes(&codec::to_bytes(&window).unwrap()).unwrap();
    assert_eq!(window, read, "with the same count");
    window.keep(name(1, 99), kept(100, outcome()));
    assert!(!is_full(&window, 2, 100) && window.heap_bytes() < limits::IDEMPOTENCY_BYTES_MAX / 32);
}

#[test]
fn replay_and_snapshot_give_the_same_cell_and_a_gap_is_refused() {
    let mut cell = EntityCell::<Counter>::initial(&key());
    let mut records = Vec::new();
    for (n, now) in [(1, 10), (2, 20), (4, 30)] {
        let version = cell.version();
        let step = add(&mut cell, n, Some((u8::try_from(n).unwrap(), 0)), now).unwrap();
        records.push(StepRecord {
            key: key(),
            prev: 0,
            version,
            at: Timestamp(now),
            cause: Cause::default(),
            source: RecordSource::Caller,
            events: step.events,
            sends: Sends::new(),
            mark: None,
            kept: step.kept,
            deadline: cell.next_deadline(),
            quarantine: None,
            dead_letter: None,
        });
    }
    let mut folded = EntityCell::<Counter>::initial(&key());
    assert!(matches!(folded.replay(&records[1]), Err(CellError::Gap { have: 0, found: 1 })));
    records.iter().for_each(|record| folded.replay(record).unwrap());
    assert_eq!(folded.snapshot(3), cell.snapshot(3), "I3");
    let restored = EntityCell::<Counter>::restore(&key(), &cell.snapshot(3)).unwrap();
    assert_eq!(restored.snapshot(3), cell.snapshot(3));
    let sealed = codec::seal(&cell.snapshot(3)).unwrap();
    assert_eq!(codec::open::<Snapshot>(&sealed).unwrap(), cell.snapshot(3));
}

#[test]
fn an_unreadable_command_changes_nothing() {
    let mut cell = EntityCell::<Counter>::initial(&key());
    let before = cell.snapshot(0);
    let (key, principal, cause) = (key(), Principal::system(Tenant::new("t")), Cause::default());
    let ctx = Context {
        key: &key,
        now: Timestamp(1),
        version: 0,
        principal: &principal,
        source: Source::Caller,
        cause: &cause,
    };
    let junk = Packed { type_id: Add::TYPE, version: 1, bytes: vec![1, 2, 3, 4, 5, 6] };
    assert!(matches!(cell.step(&ctx, Input::Command(&junk, None)), Err(CellError::Unreadable(_))));
    assert_eq!(cell.snapshot(0), before);
}

#[test]
fn ids_read_back_and_nothing_else_is_an_id() {
    let affinity = Affinity(0xDEAD_BEEF);
    let uuid = uuid5(Kind(3), &[b"ab", b"c"]);
    let text = public_id("ord", affinity, uuid);
    assert_eq!(text.len(), "ord_".len() + 32);
    assert_eq!(parse_public_id("ord", &text), Ok((affinity, uuid)));
    let upper = text.to_uppercase();
    let cut = &text[..text.len() - 1];
    for wrong in ["", "ord_", upper.as_str(), cut, "shp_", "ord_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"] {
        assert_eq!(parse_public_id("ord", wrong), Err(ParseIdError), "{wrong}");
    }
    assert_ne!(uuid, uuid5(Kind(3), &[b"a", b"bc"]), "fields carry their lengths");
    assert_ne!(uuid, uuid5(Kind(4), &[b"ab", b"c"]), "kinds have namespaces of their own");
}
