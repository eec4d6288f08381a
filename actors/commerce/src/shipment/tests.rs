//! A shipment under test: every phase against every input, its reports, frozen bytes.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

mod golden;

use std::fmt::Write as _;

use codec::{pack, unpack};
use entity::{
    Bounce, BounceReason, Cause, Context, Decision, Effect, Entity, EntityKey, EventContext,
    Principal, PrincipalKind, Scopes, Source, Timestamp,
};
use expect_test::expect_file;
use proptest::prelude::*;

use super::*;
use crate::keys;
use crate::order::tests::world::{buyer, staff, tenant, usd};
use crate::order::{self, Order, Owner, ShipmentReport};

pub(super) const START: Timestamp = Timestamp(1_700_000_000_000);

pub(super) fn order_key() -> EntityKey {
    keys::order(&keys::cart(&tenant(), "cart-of-ada"), 1)
}

pub(super) fn key() -> EntityKey {
    keys::shipment(&order_key(), "main")
}

pub(super) fn content() -> Content {
    Content {
        order: order_key(),
        owner: Owner::of(&buyer("ada")),
        location: "main".into(),
        lines: vec![ShipmentLine { line: 0, qty: 2 }],
        due: Some(usd(1_620)),
        auto_receipt_ms: 10_000,
        cod_overdue_ms: 14_000,
    }
}

/// A shipment, its twin that is folded from stored events, and a clock.
#[derive(Clone)]
pub(super) struct World {
    pub(super) shipment: Shipment,
    twin: Shipment,
    version: u64,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let shipment = Shipment::initial(&key());
        Self { twin: shipment.clone(), shipment, version: 0, now: START }
    }

    fn with<T>(&self, by: Option<&Principal>, f: impl FnOnce(&Context<'_>) -> T) -> T {
        let (key, order, cause) = (key(), order_key(), Cause::default());
        let system = Principal::system(tenant());
        let source = if by.is_some() { Source::Caller } else { Source::Entity(&order) };
        let ctx = Context {
            key: &key,
            now: self.now,
            version: self.version,
            principal: by.unwrap_or(&system),
            source,
            cause: &cause,
        };
        f(&ctx)
    }

    fn apply(&mut self, decision: &Decision<Shipment>) {
        let key = key();
        for event in &decision.events {
            self.version += 1;
            let ctx = EventContext { key: &key, version: self.version, at: self.now };
            self.shipment.evolve(&ctx, event);
            let stored: Event = unpack(&pack(event).unwrap()).unwrap();
            self.twin.evolve(&ctx, &stored);
            assert_eq!(self.phase(), event.phase, "the word after {event:?}");
            let public = Shipment::publication(&ctx, event).unwrap();
            assert_eq!(public.domain, "shipments");
            let data: serde_json::Value = serde_json::from_slice(&public.data).unwrap();
            assert_eq!(data["version"], self.version);
            assert_eq!(data["order_id"], order_key().public("ord"));
        }
        assert_eq!(self.shipment, self.twin, "I3");
        let again: Shipment = unpack(&pack(&self.shipment).unwrap()).unwrap();
        assert_eq!(again, self.shipment);
    }

    fn decide(
        &self,
        by: Option<&Principal>,
        command: Command,
    ) -> Result<Decision<Shipment>, Rejection> {
        self.with(by, |ctx| self.shipment.decide(ctx, command))
    }

    fn ask(&mut self, command: Command) -> Result<Reply, Rejection> {
        let decision = self.decide(Some(&staff()), command)?;
        self.apply(&decision);
        Ok(decision.reply.expect("a caller hears something"))
    }

    fn told(&mut self, command: Command) -> Decision<Shipment> {
        let decision = self.decide(None, command).unwrap();
        self.apply(&decision);
        decision
    }

    fn wake(&mut self) -> Decision<Shipment> {
        let decision = self.with(None, |ctx| self.shipment.wake(ctx));
        self.apply(&decision);
        assert!(self.shipment.next_deadline().is_none_or(|at| at > self.now));
        decision
    }

    fn bounced(&mut self, effect: &Effect) -> Decision<Shipment> {
        let reason = BounceReason::DeadLetter;
        let bounce = Bounce { from: &effect.to, command: &effect.command, reason: &reason };
        let decision = self.with(None, |ctx| self.shipment.bounced(ctx, &bounce));
        self.apply(&decision);
        decision
    }

    pub(super) fn phase(&self) -> Phase {
        self.shipment.body.as_ref().map_or(Phase::Pending, |body| body.phase)
    }

    fn view(&self, query: Query) -> (bool, ShipmentView) {
        let staff = staff();
        let answer = self.with(Some(&staff), |ctx| self.shipment.query(ctx, &query));
        match answer {
            Answer::Ready(View::Shipment(view)) => (true, *view),
            Answer::NotYet(View::Shipment(view)) => (false, *view),
            Answer::Rejected(no) => panic!("{no:?}"),
        }
    }
}

pub(super) fn dispatch() -> Command {
    Command::Dispatch { carrier: "post".into(), tracking_number: "T1".into() }
}

fn track(event_id: &str, status: TrackingStatus) -> Command {
    Command::Track { event_id: event_id.into(), status, at: Timestamp(START.0 + 5) }
}

fn collected(event_id: &str, minor: i64) -> Command {
    Command::Cod {
        event_id: event_id.into(),
        result: CodResult::Collected,
        amount: usd(minor),
        receipt: Some("R1".into()),
    }
}

fn refused(event_id: &str) -> Command {
    let (amount, receipt) = (usd(0), None);
    Command::Cod { event_id: event_id.into(), result: CodResult::Refused, amount, receipt }
}

/// What the order was told.
fn reports(decision: &Decision<Shipment>) -> Vec<ShipmentReport> {
    let report = |effect: &Effect| match unpack::<order::Command>(&effect.command).unwrap() {
        order::Command::Shipment(report) => report,
        other => panic!("{other:?}"),
    };
    decision.effects.iter().map(report).collect()
}

/// A shipment in each phase.
pub(super) fn in_phase(phase: Phase) -> World {
    let mut world = World::new();
    world.told(Command::Create(content()));
    let script: Vec<Command> = match phase {
        Phase::Pending => vec![],
        Phase::Asked => vec![dispatch()],
        Phase::Released => vec![dispatch(), Command::DispatchReleased],
        Phase::Dispatched => vec![dispatch(), Command::DispatchReleased, Command::Dispatched],
        Phase::InTransit => {
            vec![dispatch(), Command::Dispatched, track("e1", TrackingStatus::InTransit)]
        }
        Phase::Delivered => {
            vec![dispatch(), Command::Dispatched, track("e1", TrackingStatus::Delivered)]
        }
        Phase::AutoReceived => vec![dispatch(), Command::Dispatched],
        Phase::Refused => vec![dispatch(), Command::Dispatched, refused("c1")],
        Phase::Stopped => vec![Command::Stop],
    };
    for command in script {
        match command {
            Command::Dispatch { .. } | Command::Track { .. } | Command::Cod { .. } => {
                world.ask(command).unwrap();
            }
            _ => {
                world.told(command);
            }
        }
    }
    if phase == Phase::AutoReceived {
        world.now = world.now.plus_ms(10_000);
        world.wake();
    }
    assert_eq!(world.phase(), phase);
    world
}

fn inputs() -> Vec<(&'static str, bool, Command)> {
    let lines = vec![ShipmentLine { line: 0, qty: 1 }];
    vec![
        ("Create", false, Command::Create(content())),
        ("Stop", false, Command::Stop),
        ("Reopen", false, Command::Reopen { lines, due: Some(usd(540)) }),
        ("Reopen(empty)", false, Command::Reopen { lines: Vec::new(), due: None }),
        ("DispatchReleased", false, Command::DispatchReleased),
        ("DispatchRefused", false, Command::DispatchRefused),
        ("Dispatched", false, Command::Dispatched),
        ("Received", false, Command::Received),
        ("Dispatch", true, dispatch()),
        (
            "Dispatch(other)",
            true,
            Command::Dispatch { carrier: "bike".into(), tracking_number: "B".into() },
        ),
        ("Track(in transit)", true, track("new", TrackingStatus::InTransit)),
        ("Track(delivered)", true, track("new", TrackingStatus::Delivered)),
        ("Cod(collected)", true, collected("new", 1_620)),
        ("Cod(refused)", true, refused("new")),
    ]
}

fn word(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

#[test]
fn a_scan_that_comes_too_early_counts_once_it_left() {
    use TrackingStatus::{Delivered, InTransit};
    let rows: [(&[TrackingStatus], Phase, &str); 4] = [
        (&[InTransit], Phase::InTransit, "e0"),
        (&[Delivered], Phase::Delivered, "e0"),
        (&[InTransit, Delivered, InTransit], Phase::Delivered, "e1"),
        (&[Delivered, Delivered], Phase::Delivered, "e0"),
    ];
    for (scans, phase, id) in rows {
        let mut world = World::new();
        world.told(Command::Create(content()));
        for (n, status) in scans.iter().enumerate() {
            let at = START.plus_ms(n as u64);
            let scan = Command::Track { event_id: format!("e{n}").into(), status: *status, at };
            let decision = world.decide(Some(&staff()), scan.clone()).unwrap();
            assert_eq!(decision.effects.len(), 1, "the order's history has it");
            world.apply(&decision);
            assert_eq!(world.ask(scan), Ok(Reply::Repeated));
        }
        assert_eq!(world.phase(), Phase::Pending);
        let left = world.told(Command::Dispatched);
        assert_eq!(world.phase(), phase, "{scans:?}");
        let (Fact::InTransit { event_id, at } | Fact::Delivered { event_id, at }) =
            &left.events[1].fact
        else {
            panic!("{left:?}")
        };
        assert_eq!(event_id, id);
        let report = match phase {
            Phase::InTransit => ShipmentReport::InTransit { at: *at },
            _ => ShipmentReport::Delivered { at: *at },
        };
        let told: order::Command = unpack(&left.effects[0].command).unwrap();
        assert_eq!(told, order::Command::Shipment(report));
        assert_eq!(world.told(Command::Dispatched).events, [], "once");
    }
}

#[test]
fn every_phase_meets_every_input() {
    let mut table = String::new();
    for phase in Phase::ALL {
        for (name, by_staff, command) in inputs() {
            let mut world = in_phase(phase);
            let staff = staff();
            let decided = world.decide(by_staff.then_some(&staff), command);
            let row = match decided {
                Ok(decision) => {
                    assert_eq!(decision.reply.is_some(), by_staff);
                    world.apply(&decision);
                    let facts: Vec<_> =
                        decision.events.iter().map(|event| word(&event.fact)).collect();
                    let told: Vec<_> = reports(&decision).iter().map(word).collect();
                    format!("{} > {} = {:?}", facts.join(", "), told.join(", "), world.phase())
                }
                Err(no) => {
                    assert!(by_staff, "the order is never refused: {name}");
                    format!("refused: {}", word(&no))
                }
            };
            let _ = writeln!(table, "{phase:?} | {name} | {row}");
        }
        let mut world = in_phase(phase);
        if let Some(deadline) = world.shipment.next_deadline() {
            world.now = world.now.max(deadline);
            let told: Vec<_> = reports(&world.wake()).iter().map(word).collect();
            let _ = writeln!(
                table,
                "{phase:?} | deadline | > {} = {:?}",
                told.join(", "),
                world.phase()
            );
        }
        table.push('\n');
    }
    expect_file!["tests/matrix.txt"].assert_eq(&table);
}

#[test]
fn who_may_do_what() {
    let world = in_phase(Phase::Dispatched);
    let ada = buyer("ada");
    let clerk = Principal { scopes: Scopes::default(), ..staff() };
    let service = Principal { kind: PrincipalKind::Service, ..staff() };
    for command in [dispatch(), track("e", TrackingStatus::InTransit), collected("c", 1)] {
        for by in [&ada, &clerk] {
            assert_eq!(world.decide(Some(by), command.clone()).unwrap_err(), Rejection::Forbidden);
        }
        assert_ne!(world.decide(Some(&service), command).map(|_| ()), Err(Rejection::Forbidden));
    }
    for (_, by_staff, command) in inputs() {
        let wrong = if by_staff { None } else { Some(staff()) };
        assert_eq!(world.decide(wrong.as_ref(), command).unwrap_err(), Rejection::WrongSource);
    }
    let absent = World::new();
    assert_eq!(absent.decide(Some(&staff()), dispatch()).unwrap_err(), Rejection::NotFound);
    assert_eq!(absent.decide(None, Command::Stop).unwrap_err(), Rejection::NotFound);
    for (by, is_shown) in [(ada, true), (buyer("eve"), false), (clerk, false), (service, true)] {
        let answer = world.with(Some(&by), |ctx| world.shipment.query(ctx, &Query::View));
        assert_eq!(matches!(answer, Answer::Ready(_)), is_shown, "{by:?}");
        assert_eq!(answer == Answer::Rejected(Rejection::NotFound), !is_shown);
    }
}

#[test]
fn wrong_words_are_named() {
    let mut world = in_phase(Phase::Dispatched);
    let long = "x".repeat(101);
    for command in [
        track("", TrackingStatus::InTransit),
        track(&long, TrackingStatus::InTransit),
        track("a\u{0}", TrackingStatus::InTransit),
        collected("c", -1),
        Command::Cod {
            event_id: "c".into(),
            result: CodResult::Refused,
            amount: usd(1),
            receipt: None,
        },
        Command::Cod {
            event_id: "c".into(),
            result: CodResult::Refused,
            amount: usd(0),
            receipt: Some("R".into()),
        },
    ] {
        assert!(matches!(world.ask(command), Err(Rejection::Invalid(_))));
    }
    let amount = crate::money::Money::new(1_620, crate::money::Ccy::EUR);
    let euros =
        Command::Cod { event_id: "c".into(), result: CodResult::Collected, amount, receipt: None };
    assert_eq!(world.ask(euros), Err(Rejection::CurrencyMismatch));
}

#[test]
fn an_event_counts_once_and_ids_are_bounded() {
    let mut world = in_phase(Phase::Dispatched);
    for n in 0..EVENT_IDS_KEPT + 10 {
        assert_eq!(world.ask(track(&format!("e{n}"), TrackingStatus::InTransit)), Ok(Reply::Done));
    }
    let version = world.version;
    let last = track(&format!("e{}", EVENT_IDS_KEPT + 9), TrackingStatus::InTransit);
    assert_eq!(world.ask(last), Ok(Reply::Repeated));
    assert_eq!(world.version, version);
    assert_eq!(world.shipment.body.as_ref().unwrap().event_ids.len(), EVENT_IDS_KEPT);
    assert_eq!(world.ask(collected("c1", 1_620)), Ok(Reply::Done));
    assert_eq!(world.ask(collected("c1", 1_620)), Ok(Reply::Repeated));
    assert_eq!(world.ask(collected("c2", 20)), Ok(Reply::Done), "cash is never refused");
    let cod = world.view(Query::View).1.cod.unwrap();
    assert_eq!((cod.status, cod.collected), (CodStatus::Collected, Some(usd(1_640))));
}

#[test]
fn no_number_of_scans_makes_cash_forgotten() {
    let mut world = in_phase(Phase::Dispatched);
    assert_eq!(world.ask(collected("c1", 1_000)), Ok(Reply::Done));
    for n in 0..2 * EVENT_IDS_KEPT {
        assert_eq!(world.ask(track(&format!("e{n}"), TrackingStatus::InTransit)), Ok(Reply::Done));
    }
    assert_eq!(world.ask(collected("c1", 1_000)), Ok(Reply::Repeated));
    assert_eq!(world.view(Query::View).1.cod.unwrap().collected, Some(usd(1_000)));
    for n in 0..EVENT_IDS_KEPT {
        assert_eq!(world.ask(collected(&format!("d{n}"), 1)), Ok(Reply::Done));
    }
    assert_eq!(world.ask(track("late", TrackingStatus::InTransit)), Ok(Reply::Done));
    assert_eq!(world.ask(collected("d0", 1)), Ok(Reply::Repeated), "scans take no room from cash");
    assert_eq!(world.shipment.body.as_ref().unwrap().event_ids.len(), EVENT_IDS_KEPT);
}

#[test]
fn nothing_is_no_collected_cash() {
    let mut world = in_phase(Phase::Dispatched);
    match world.ask(collected("c", 0)) {
        Err(Rejection::Invalid(wrong)) => assert_eq!(wrong.code, "not_positive"),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.view(Query::View).1.cod.unwrap().status, CodStatus::Due);
    assert_eq!(world.ask(collected("c", 1_600)), Ok(Reply::Done));
    assert_eq!(world.view(Query::View).1.cod.unwrap().status, CodStatus::Due, "20 are missing");
    assert_eq!(world.ask(refused("r")), Ok(Reply::Done));
    assert_eq!(world.phase(), Phase::Dispatched, "it is taken");
    assert_eq!(world.ask(collected("d", 20)), Ok(Reply::Done));
    assert_eq!(world.view(Query::View).1.cod.unwrap().status, CodStatus::Collected);
}

#[test]
fn a_refusal_that_is_early_counts_once_the_parcel_has_left() {
    let mut world = in_phase(Phase::Released);
    assert_eq!(world.ask(refused("r")), Ok(Reply::Done));
    assert_eq!(world.ask(refused("r")), Ok(Reply::Repeated));
    let left = world.told(Command::Dispatched);
    assert_eq!(reports(&left), [ShipmentReport::CodRefused]);
    assert_eq!(world.phase(), Phase::Refused);
    assert_eq!(world.ask(refused("r")), Ok(Reply::Repeated));
    assert_eq!(world.shipment.body.as_ref().unwrap().event_ids.len(), 1);
    // Who paid after all took it.
    let mut world = in_phase(Phase::Released);
    world.ask(refused("r")).unwrap();
    world.ask(collected("c", 1_620)).unwrap();
    assert_eq!(reports(&world.told(Command::Dispatched)), []);
    assert_eq!(world.phase(), Phase::Dispatched);
}

#[test]
fn cash_that_could_not_be_shown_is_refused() {
    let mut world = in_phase(Phase::Dispatched);
    assert_eq!(world.ask(collected("c", crate::money::EDGE_MAX)), Ok(Reply::Done));
    match world.ask(collected("d", 1)) {
        Err(Rejection::Invalid(wrong)) => assert_eq!(wrong.code, "too_much"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tracking_and_cash_count_their_events_apart_and_an_id_is_one_event() {
    let reused = || {
        Err(Rejection::Invalid(crate::customer::Invalid::new(
            "/event_id",
            "reused",
            "is the id of another event",
        )))
    };
    let mut world = in_phase(Phase::Dispatched);
    assert_eq!(world.ask(track("1", TrackingStatus::InTransit)), Ok(Reply::Done));
    assert_eq!(world.ask(track("1", TrackingStatus::InTransit)), Ok(Reply::Repeated));
    assert_eq!(world.ask(track("1", TrackingStatus::Delivered)), reused());
    // The courier's first event is no repeat of the carrier's.
    assert_eq!(world.ask(collected("1", 1_620)), Ok(Reply::Done));
    assert_eq!(world.ask(collected("1", 1_620)), Ok(Reply::Repeated));
    assert_eq!(world.ask(collected("1", 20)), reused());
    assert_eq!(world.ask(refused("1")), reused());
    assert_eq!(world.view(Query::View).1.cod.unwrap().status, CodStatus::Collected);
    // An id that was recorded before ids had a kind stands for both.
    let mut world = in_phase(Phase::Dispatched);
    for shipment in [&mut world.shipment, &mut world.twin] {
        shipment.body.as_mut().unwrap().event_ids.push("old".into());
    }
    for command in [track("old", TrackingStatus::Delivered), collected("old", 1_620)] {
        assert_eq!(world.ask(command), Ok(Reply::Repeated));
    }
}

#[test]
fn a_dispatch_is_settled_when_the_order_has_answered() {
    let mut world = in_phase(Phase::Pending);
    assert!(world.view(Query::Settled).0);
    assert_eq!(world.ask(dispatch()), Ok(Reply::Asked));
    assert_eq!(world.ask(dispatch()), Ok(Reply::Asked), "a repeat asks nothing");
    assert!(!world.view(Query::Settled).0);
    world.told(Command::DispatchReleased);
    assert!(!world.view(Query::Settled).0);
    world.told(Command::DispatchRefused);
    let (is_ready, view) = world.view(Query::Settled);
    assert!(is_ready && view.dispatch_refused);
    assert_eq!((view.phase, view.carrier), (Phase::Pending, None));
    world.ask(dispatch()).unwrap();
    assert!(!world.view(Query::Settled).1.dispatch_refused);
    world.told(Command::Dispatched);
    let (is_ready, view) = world.view(Query::Settled);
    assert!(is_ready);
    assert_eq!(view.carrier.as_deref(), Some("post"));
    assert_eq!(view.dispatched_at, Some(START));
}

#[test]
fn timers_fire_in_their_order_and_all_at_once_when_late() {
    let mut world = in_phase(Phase::Dispatched);
    assert_eq!(world.shipment.next_deadline(), Some(START.plus_ms(10_000)));
    world.now = START.plus_ms(20_000);
    let woken = world.wake();
    assert_eq!(reports(&woken), [ShipmentReport::AutoReceived, ShipmentReport::CodOverdue]);
    assert_eq!(world.shipment.next_deadline(), None);
    assert!(world.wake().events.is_empty(), "a stale timer is ignored");
    let mut world = in_phase(Phase::Dispatched);
    world.ask(track("e", TrackingStatus::Delivered)).unwrap();
    world.ask(collected("c", 1_620)).unwrap();
    assert_eq!(world.shipment.next_deadline(), None, "nothing to wait for");
}

#[test]
fn a_lost_report_is_told_again_with_growing_pauses() {
    let mut world = in_phase(Phase::Dispatched);
    let decision = world.decide(Some(&staff()), track("e", TrackingStatus::Delivered)).unwrap();
    world.apply(&decision);
    let mut effect = decision.effects[0].clone();
    let mut pauses = Vec::new();
    for _ in 0..3 {
        world.bounced(&effect);
        let deadline = world.shipment.body.as_ref().unwrap().retry_at.unwrap();
        pauses.push(deadline.since_ms(world.now));
        world.now = deadline;
        let woken = world.wake();
        effect = woken.effects.iter().find(|it| it.command == effect.command).unwrap().clone();
    }
    assert_eq!(pauses, [1_000, 2_000, 4_000]);
    // A question that the order did not hear counts as refused.
    let mut world = in_phase(Phase::Pending);
    let decision = world.decide(Some(&staff()), dispatch()).unwrap();
    world.apply(&decision);
    world.bounced(&decision.effects[0]);
    assert!(world.view(Query::Settled).1.dispatch_refused);
    let foreign = Effect::tell::<Order>(order_key(), &order::Command::Number { number: 1 });
    assert!(world.bounced(&foreign).events.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any inputs in any order: I3 after each, cash counted once, final phases final.
    #[test]
    fn any_inputs_in_any_order(picks in prop::collection::vec((0..14usize, 0..6_000u64), 1..60)) {
        let mut world = World::new();
        world.told(Command::Create(content()));
        let mut n_collected = 0;
        for (n, (pick, ms)) in picks.into_iter().enumerate() {
            world.now = world.now.plus_ms(ms);
            let (_, by_staff, command) = inputs().swap_remove(pick);
            let before = world.phase();
            let command = match command {
                Command::Track { status, at, .. } => {
                    Command::Track { event_id: format!("e{n}").into(), status, at }
                }
                other => other,
            };
            let staff = staff();
            if let Ok(decision) = world.decide(by_staff.then_some(&staff), command) {
                world.apply(&decision);
                n_collected += reports(&decision)
                    .iter()
                    .filter(|report| matches!(report, ShipmentReport::CodCollected { .. }))
                    .count();
            }
            world.wake();
            // What was delivered can still be refused, as long as its cash is due.
            let may_follow = match before {
                Phase::Delivered => matches!(world.phase(), Phase::Delivered | Phase::Refused),
                Phase::Refused => world.phase() == Phase::Refused,
                _ => true,
            };
            prop_assert!(may_follow);
            prop_assert!(!before.has_left() || world.phase().has_left(), "what left has left");
        }
        prop_assert!(n_collected <= 1);
    }
}
