//! A SKU at its limits: holds, memory, the size of state and steps.

use entity::limits::STATE_BYTES_MAX;
use entity::{Cell, EntityCell, Input, Message, MessageKind, Outcome};

use super::*;
use crate::sku::hold::Hold;

fn numbered(n: u32) -> Uuid {
    // Spread like real ids, so that the maps fill as they would.
    keys::hold_id(&owner("o1"), &n.to_string())
}

fn step(cell: &mut EntityCell<Sku>, now: Timestamp, input: Input<'_>) -> entity::Step {
    let (key, cause) = (key(), Cause::default());
    let (source, principal) = match input {
        Input::Message(message) => (Source::Entity(&message.from), Principal::system(tenant())),
        Input::Command(..) => (Source::Caller, principal(PrincipalKind::Operator)),
        Input::Wake => (Source::Timer, Principal::system(tenant())),
    };
    let ctx = Context {
        key: &key,
        now,
        version: cell.version(),
        principal: &principal,
        source,
        cause: &cause,
    };
    cell.step(&ctx, input).expect("a step fits into its limits")
}

fn message(command: &Command) -> Message {
    Message {
        from: owner("o1"),
        to: key(),
        kind: MessageKind::Command,
        body: pack(command).unwrap(),
        cause: Cause::default(),
        expires_at: Timestamp::MAX,
    }
}

fn hold(n: u32) -> Command {
    Command::Hold {
        hold_id: numbered(n),
        generation: 1,
        qty: 1,
        ttl_ms: 60_000,
        price_version: 1,
        prefer: vec![],
        commit: false,
    }
}

fn full() -> EntityCell<Sku> {
    let mut cell = EntityCell::initial(&key());
    let stocked = World::stocked(1_000_000).sku;
    let command = |command: &Command| pack(command).unwrap();
    let put = Command::PutSku {
        product_id: "p1".into(),
        title: "A thing".into(),
        if_version: IfVersion::Absent,
    };
    let price = Command::SetPrice {
        book: DEFAULT_BOOK.into(),
        amount: Money::new(1099, Ccy::USD),
        if_version: IfVersion::Any,
    };
    let adjust = Command::Adjust {
        location: "main".into(),
        change: Change::Delta(1_000_000),
        reason: "receipt".into(),
    };
    for it in [put, price, adjust] {
        step(&mut cell, Timestamp(1_000_000), Input::Command(&command(&it), None));
    }
    assert_eq!(cell.state(), &stocked);
    let holds_max = u32::try_from(limits::HOLDS_MAX).unwrap();
    for n in 0..holds_max {
        step(&mut cell, Timestamp(1_000_000), Input::Message(&message(&hold(n))));
    }
    assert_eq!(cell.state().holds.len(), limits::HOLDS_MAX);
    cell
}

#[test]
fn a_hold_is_as_small_as_the_limits_say() {
    assert!(size_of::<Hold>() <= 80, "{}", size_of::<Hold>());
    assert_eq!(size_of::<Parts>(), 16);
}

#[test]
fn a_full_sku_refuses_further_holds_and_stays_within_its_size() {
    let mut cell = full();
    let holds_max = u32::try_from(limits::HOLDS_MAX).unwrap();
    let one_more =
        step(&mut cell, Timestamp(1_000_001), Input::Message(&message(&hold(holds_max))));
    let StockReply::HoldRejected { refusal, .. } = heard(&one_more.effects[0]) else {
        panic!("a full SKU refuses");
    };
    assert_eq!(refusal, crate::protocol::HoldRefusal::TooManyHolds);
    assert!(cell.state().heap_bytes() < STATE_BYTES_MAX, "{}", cell.state().heap_bytes());
    let snapshot = cell.snapshot(1).state.bytes.len();
    assert!(snapshot < STATE_BYTES_MAX, "{snapshot}");

    // Staff can still work on it.
    let count = Command::Adjust {
        location: "main".into(),
        change: Change::Count(5),
        reason: "counted".into(),
    };
    let counted = pack(&count).unwrap();
    let step_of_count = step(&mut cell, Timestamp(1_000_002), Input::Command(&counted, None));
    assert!(matches!(step_of_count.outcome, Outcome::Replied(..)));
    assert_eq!(cell.state().holds.len(), 5, "all but what is there was revoked, in one step");
}

#[test]
fn a_full_sku_expires_all_its_holds_in_one_step() {
    let mut cell = full();
    let due = cell.next_deadline().unwrap();
    step(&mut cell, due, Input::Wake);
    assert_eq!(cell.next_deadline(), None);
    assert_eq!(cell.state().holds.len(), 0);
    cell.state().holds.check();
}

#[test]
fn many_owners_are_asked_in_turns() {
    let mut world = World::stocked(10_000);
    let n_holds = u32::try_from(limits::ASKS_PER_STEP * 2 + 1).unwrap();
    let by = By::Entity(owner("o1"));
    for n in 0..n_holds {
        // The checks of every step would take minutes for so many.
        let (hold_id, key) = (numbered(n), key());
        for command in [hold(n), Command::Pin { hold_id, generation: 1 }] {
            let decision = world.with(&by, |ctx| world.sku.decide(ctx, command)).unwrap();
            for event in &decision.events {
                let version = world.sku.version + 1;
                world.sku.evolve(&EventContext { key: &key, version, at: world.now }, event);
            }
        }
    }
    world.twin = world.sku.clone();
    world.now = world.sku.next_deadline().unwrap();
    let mut asked = Vec::new();
    for turn in [limits::ASKS_PER_STEP, limits::ASKS_PER_STEP, 1] {
        let decision = world.wake();
        assert_eq!(decision.effects.len(), turn);
        asked.extend(decision.effects.iter().map(heard).map(|reply| format!("{reply:?}")));
        world.now = world.sku.next_deadline().unwrap();
    }
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), n_holds as usize, "everyone was asked once");
}

#[test]
fn what_ended_is_remembered_up_to_a_number_and_a_day() {
    let mut world = World::stocked(10_000);
    let ended = u32::try_from(limits::ENDED_KEPT + 1).unwrap();
    let by = By::Entity(owner("o1"));
    let repeat = |world: &World, n: u32| {
        let decision = world.with(&by, |ctx| world.sku.decide(ctx, hold(n))).unwrap();
        decision.events.is_empty()
    };
    for n in 0..ended {
        world.now = world.now.plus_ms(1);
        world.tell(&by, hold(n)).unwrap();
        world.tell(&by, Command::Release { hold_id: numbered(n), generation: 1 }).unwrap();
    }
    assert!(!repeat(&world, 0), "the oldest is forgotten: it would begin anew");
    assert!(repeat(&world, 1) && repeat(&world, ended - 1));
    world.now = world.now.plus_ms(limits::ENDED_KEEP_MS);
    world.run("hold a 1 1");
    world.run("release a 1");
    assert!(
        !repeat(&world, ended - 2) && repeat(&world, ended - 1),
        "a day is over for all but the last"
    );
}
