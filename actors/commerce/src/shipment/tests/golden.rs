//! Frozen bytes of a shipment: every stored type, every variant.

use expect_test::expect_file;

use super::*;
use crate::customer::Invalid;
use crate::order::tests::golden::{check, named};

#[test]
fn commands_and_events() {
    let (carrier, tracking_number) = ("post".into(), "T1".into());
    let (event_id, receipt, at) = ("e1".into(), Some("R1".into()), START);
    let lines = vec![ShipmentLine { line: 1, qty: 300 }];
    let commands = named(vec![
        Command::Create(content()),
        Command::Stop,
        Command::Reopen { lines: lines.clone(), due: None },
        Command::DispatchReleased,
        Command::DispatchRefused,
        Command::Dispatched,
        Command::Received,
        dispatch(),
        track("e1", TrackingStatus::Delivered),
        refused("c1"),
    ]);
    check(10, &commands, &expect_file!["../golden/command.hex"]);
    let facts = named(vec![
        Fact::Created(content()),
        Fact::DispatchAsked { carrier, tracking_number },
        Fact::Released,
        Fact::DispatchRefused,
        Fact::Dispatched,
        Fact::Stopped,
        Fact::Reopened { lines, due: Some(usd(540)) },
        Fact::InTransit { event_id, at },
        Fact::Delivered { event_id: "e2".into(), at },
        Fact::Received,
        Fact::AutoReceived,
        Fact::CodCollected { event_id: "c1".into(), amount: usd(1_620), receipt },
        Fact::Refused { event_id: "c1".into() },
        Fact::CodOverdue,
        Fact::ReportLost(ShipmentReport::AutoReceived),
        Fact::ReportsRepeated,
        Fact::Noted(Box::new(Fact::Refused { event_id: "e9".into() })),
    ]);
    let order = order::id_of(&order_key());
    let event = |(name, fact)| (name, Event { order, phase: Phase::InTransit, fact });
    let events: Vec<_> = facts.into_iter().map(event).collect();
    check(17, &events, &expect_file!["../golden/event.hex"]);
}

#[test]
fn answers() {
    let replies = named(vec![Reply::Done, Reply::Asked, Reply::Repeated]);
    check(3, &replies, &expect_file!["../golden/reply.hex"]);
    let rejections = named(vec![
        Rejection::NotFound,
        Rejection::Forbidden,
        Rejection::WrongSource,
        Rejection::InvalidState { phase: Phase::Stopped },
        Rejection::Invalid(Invalid::new("/amount", "negative", "must not be negative")),
        Rejection::CurrencyMismatch,
    ]);
    check(6, &rejections, &expect_file!["../golden/rejection.hex"]);
    let queries = named(vec![Query::View, Query::Settled, Query::Newer { than_version: 3 }]);
    check(3, &queries, &expect_file!["../golden/query.hex"]);
}

#[test]
fn states_and_views() {
    let mut states = vec![("absent".to_owned(), Shipment::default())];
    for phase in Phase::ALL {
        states.push((format!("{phase:?}"), in_phase(phase).shipment));
    }
    check(10, &states, &expect_file!["../golden/state.hex"]);
    let said = [Phase::InTransit, Phase::Delivered, Phase::Refused];
    let plain: Vec<_> = said.into_iter().map(with_plain_ids).collect();
    check(3, &plain, &expect_file!["../golden/state_plain_ids.hex"]);
    let view = in_phase(Phase::Delivered).view(Query::View).1;
    let view = View::Shipment(Box::new(view));
    check(1, &[("Shipment".to_owned(), view)], &expect_file!["../golden/view.hex"]);
}

/// A state of builds that remembered ids without whose they are and what was said under them.
fn with_plain_ids(phase: Phase) -> (String, Shipment) {
    let mut shipment = in_phase(phase).shipment;
    let body = shipment.body.as_mut().expect("it was made");
    for entry in &mut body.event_ids {
        *entry = entry.split('\u{1}').nth(1).expect("an entry has three parts").into();
    }
    (format!("{phase:?}"), shipment)
}
