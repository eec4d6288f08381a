//! What a shipment decides: for its order, for staff, for its timers.
//!
//! The order's record stands above the shipment's: whatever the order says is taken, and what
//! people say is told to the order in the same step. What a carrier or a courier saw is never
//! refused, however late (domain.md 2): where it moves nothing it is kept, and cash is cash.

use codec::unpack;
use entity::{Bounce, Context, Decision, Effect, EntityKey, EventContext, Scope};

use super::Shipment;
use super::command::{CodResult, Command, Rejection, Reply, TrackingStatus};
use super::event::{Event, Fact};
use super::said::{Known, Said, Scan};
use super::state::{Body, Phase, Timer};
use crate::customer::{Invalid, optional_text, text};
use crate::kinds;
use crate::money::{EDGE_MAX, Money};
use crate::order::{self, Order, ShipmentReport};

/// The longest carrier name, tracking number, event id or receipt, in characters.
const TEXT_CHARS_MAX: usize = 100;

/// Facts in a row, with the words after each.
fn events(ctx: &Context<'_>, body: &Body, facts: Vec<Fact>) -> Decision<Shipment> {
    let mut after = body.clone();
    let mut events = Vec::with_capacity(facts.len());
    for fact in facts {
        let at = EventContext { key: ctx.key, version: ctx.version, at: ctx.now };
        after.evolve(&at, &fact);
        events.push(Event { order: body.order_id(), phase: after.phase, fact });
    }
    Decision::events(events)
}

fn tell_order(body: &Body, report: ShipmentReport) -> Effect {
    let command = order::Command::Shipment(report);
    Effect::tell::<Order>(body.content.order.clone(), &command)
}

/// A caller's command: staff only.
pub(super) fn ask(
    ctx: &Context<'_>,
    body: Option<&Body>,
    command: Command,
) -> Result<Decision<Shipment>, Rejection> {
    match &command {
        Command::Dispatch { .. } | Command::Track { .. } | Command::Cod { .. } => {}
        Command::Create(_)
        | Command::Stop
        | Command::Reopen { .. }
        | Command::DispatchReleased
        | Command::DispatchRefused
        | Command::Dispatched
        | Command::Received => return Err(Rejection::WrongSource),
    }
    if !(ctx.principal.is_staff() && ctx.principal.scopes.has(Scope::ShipmentsWrite)) {
        return Err(Rejection::Forbidden);
    }
    let body = body.ok_or(Rejection::NotFound)?;
    match command {
        Command::Dispatch { carrier, tracking_number } => {
            dispatch(ctx, body, carrier, tracking_number)
        }
        Command::Track { event_id, status, at } => track(ctx, body, event_id, status, at),
        Command::Cod { event_id, result, amount, receipt } => {
            text("/event_id", &event_id, TEXT_CHARS_MAX).map_err(Rejection::Invalid)?;
            optional_text("/receipt", receipt.as_ref(), TEXT_CHARS_MAX)
                .map_err(Rejection::Invalid)?;
            cod(ctx, body, event_id, result, amount, receipt)
        }
        Command::Create(_)
        | Command::Stop
        | Command::Reopen { .. }
        | Command::DispatchReleased
        | Command::DispatchRefused
        | Command::Dispatched
        | Command::Received => Err(Rejection::WrongSource),
    }
}

fn dispatch(
    ctx: &Context<'_>,
    body: &Body,
    carrier: compact_str::CompactString,
    tracking_number: compact_str::CompactString,
) -> Result<Decision<Shipment>, Rejection> {
    text("/carrier", &carrier, TEXT_CHARS_MAX).map_err(Rejection::Invalid)?;
    text("/tracking_number", &tracking_number, TEXT_CHARS_MAX).map_err(Rejection::Invalid)?;
    let is_same = body.carrier == carrier && body.tracking_number == tracking_number;
    match body.phase {
        Phase::Pending => {
            let report = ShipmentReport::DispatchAsked {
                carrier: carrier.clone(),
                tracking_number: tracking_number.clone(),
            };
            let fact = Fact::DispatchAsked { carrier, tracking_number };
            Ok(events(ctx, body, vec![fact]).and(tell_order(body, report)).replying(Reply::Asked))
        }
        Phase::Asked | Phase::Released if is_same => Ok(Decision::reply(Reply::Asked)),
        Phase::Asked
        | Phase::Released
        | Phase::Dispatched
        | Phase::InTransit
        | Phase::Delivered
        | Phase::AutoReceived
        | Phase::Refused
        | Phase::Stopped => Err(Rejection::InvalidState { phase: body.phase }),
    }
}

fn track(
    ctx: &Context<'_>,
    body: &Body,
    event_id: compact_str::CompactString,
    status: TrackingStatus,
    at: entity::Timestamp,
) -> Result<Decision<Shipment>, Rejection> {
    text("/event_id", &event_id, TEXT_CHARS_MAX).map_err(Rejection::Invalid)?;
    let (fact, report) = scanned(Scan { event_id, status, at });
    if is_repeat(body, &fact)? {
        return Ok(Decision::reply(Reply::Repeated));
    }
    if at < ctx.now {
        sites::hit("shipment.scan_late");
    }
    // Before it left, or in place of leaving: the order's history has it, and it counts when the
    // parcel leaves, if it does.
    let fact = if body.phase.has_left() { fact } else { Fact::Noted(Box::new(fact)) };
    Ok(events(ctx, body, vec![fact]).and(tell_order(body, report)).replying(Reply::Done))
}

/// What a carrier's scan is to the shipment, and to its order.
fn scanned(Scan { event_id, status, at }: Scan) -> (Fact, ShipmentReport) {
    match status {
        TrackingStatus::InTransit => {
            (Fact::InTransit { event_id, at }, ShipmentReport::InTransit { at })
        }
        TrackingStatus::Delivered => {
            (Fact::Delivered { event_id, at }, ShipmentReport::Delivered { at })
        }
    }
}

/// Whether this was recorded before. Errors: another event of the same kind has its id.
fn is_repeat(body: &Body, fact: &Fact) -> Result<bool, Rejection> {
    let refused = || Invalid::new("/event_id", "reused", "is the id of another event");
    match Said::of(fact).map(|said| body.known(&said)) {
        Some(Known::Same) => Ok(true),
        Some(Known::Other) => Err(Rejection::Invalid(refused())),
        Some(Known::New) | None => Ok(false),
    }
}

fn cod(
    ctx: &Context<'_>,
    body: &Body,
    event_id: compact_str::CompactString,
    result: CodResult,
    amount: Money,
    receipt: Option<compact_str::CompactString>,
) -> Result<Decision<Shipment>, Rejection> {
    let said = match result {
        CodResult::Collected => Fact::CodCollected { event_id, amount, receipt: receipt.clone() },
        CodResult::Refused => Fact::Refused { event_id },
    };
    if is_repeat(body, &said)? {
        return Ok(Decision::reply(Reply::Repeated));
    }
    // A parcel that is paid for has no cash: this is meant for another one.
    let Some(cod) = &body.cod else {
        return Err(Rejection::InvalidState { phase: body.phase });
    };
    if amount.ccy != cod.due.ccy {
        return Err(Rejection::CurrencyMismatch);
    }
    let invalid =
        |pointer, code, detail| Err(Rejection::Invalid(Invalid::new(pointer, code, detail)));
    let decision = match result {
        CodResult::Collected => {
            if receipt.is_none() {
                return invalid("/receipt", "required", "must be given when it was collected");
            }
            if amount.minor < 0 {
                return invalid("/amount", "negative", "must not be negative");
            }
            if amount.minor == 0 && cod.due.minor > 0 {
                return invalid("/amount", "not_positive", "must be more than 0 when collected");
            }
            let before = cod.collected.map_or(0, |collected| collected.minor);
            if before.saturating_add(amount.minor) > EDGE_MAX {
                return invalid("/amount", "too_much", "is more than can be shown");
            }
            let report = ShipmentReport::CodCollected { amount };
            events(ctx, body, vec![said]).and(tell_order(body, report))
        }
        CodResult::Refused => {
            if amount.minor != 0 {
                return invalid("/amount", "not_zero", "must be 0 when it was refused");
            }
            if receipt.is_some() {
                return invalid("/receipt", "not_null", "must be null when it was refused");
            }
            // Who paid a part of it took the parcel. Also of what counts as received: the courier
            // brings it back and knows better. One that comes before the parcel has left counts
            // when the order hears that it has.
            let fits = body.phase.has_left() && cod.status.is_open() && cod.collected.is_none();
            if fits {
                sites::hit("shipment.refused");
                events(ctx, body, vec![said]).and(tell_order(body, ShipmentReport::CodRefused))
            } else {
                events(ctx, body, vec![Fact::Noted(Box::new(said))])
            }
        }
    };
    Ok(decision.replying(Reply::Done))
}

/// A message of the order.
pub(super) fn told(
    ctx: &Context<'_>,
    body: Option<&Body>,
    from: &EntityKey,
    command: Command,
) -> Result<Decision<Shipment>, Rejection> {
    if from.kind != kinds::ORDER {
        return Err(Rejection::WrongSource);
    }
    let Some(body) = body else {
        return match command {
            Command::Create(content) => Ok(create(content)),
            Command::Stop
            | Command::Reopen { .. }
            | Command::DispatchReleased
            | Command::DispatchRefused
            | Command::Dispatched
            | Command::Received => Err(Rejection::NotFound),
            Command::Dispatch { .. } | Command::Track { .. } | Command::Cod { .. } => {
                Err(Rejection::WrongSource)
            }
        };
    };
    // Only what changes something is a fact: repeats, and answers to what is settled, are not.
    let fact = match command {
        Command::Stop => return Ok(stop(ctx, body)),
        Command::Reopen { lines, due } => match body.phase {
            Phase::Pending | Phase::Asked | Phase::Stopped
                if lines != body.content.lines
                    || due != body.content.due
                    || body.phase == Phase::Stopped =>
            {
                Fact::Reopened { lines, due }
            }
            Phase::Pending
            | Phase::Asked
            | Phase::Stopped
            | Phase::Released
            | Phase::Dispatched
            | Phase::InTransit
            | Phase::Delivered
            | Phase::AutoReceived
            | Phase::Refused => return Ok(Decision::nothing()),
        },
        // It may have heard an old refusal meanwhile: the order's newest word counts.
        Command::DispatchReleased if matches!(body.phase, Phase::Pending | Phase::Asked) => {
            Fact::Released
        }
        Command::DispatchRefused if matches!(body.phase, Phase::Asked | Phase::Released) => {
            Fact::DispatchRefused
        }
        Command::Dispatched
            if matches!(body.phase, Phase::Pending | Phase::Asked | Phase::Released) =>
        {
            return Ok(dispatched(ctx, body));
        }
        Command::Received if body.phase.is_under_way() || body.phase == Phase::AutoReceived => {
            Fact::Received
        }
        Command::Create(_)
        | Command::DispatchReleased
        | Command::DispatchRefused
        | Command::Dispatched
        | Command::Received => return Ok(Decision::nothing()),
        Command::Dispatch { .. } | Command::Track { .. } | Command::Cod { .. } => {
            return Err(Rejection::WrongSource);
        }
    };
    Ok(events(ctx, body, vec![fact]))
}

/// It left. What was said of it too early counts from now on: that its buyer refused it, or else
/// how far a carrier saw it, which the order hears once more (decision 0018).
fn dispatched(ctx: &Context<'_>, body: &Body) -> Decision<Shipment> {
    let is_unpaid = body.cod.as_ref().is_some_and(|cod| cod.collected.is_none());
    let refusal = body.noted_refusal().filter(|_| is_unpaid);
    let early = match refusal {
        Some(event_id) => Some((Fact::Refused { event_id }, ShipmentReport::CodRefused)),
        None => body.noted_scan().map(scanned),
    };
    match early {
        Some((fact, report)) => {
            events(ctx, body, vec![Fact::Dispatched, fact]).and(tell_order(body, report))
        }
        None => events(ctx, body, vec![Fact::Dispatched]),
    }
}

fn create(content: super::Content) -> Decision<Shipment> {
    let order = order::id_of(&content.order);
    Decision::event(Event { order, phase: Phase::Pending, fact: Fact::Created(content) })
}

/// What has not left stops; the order hears either way. It asks only what it has not let go, so a
/// release that stands here was taken back by a word that did not arrive.
fn stop(ctx: &Context<'_>, body: &Body) -> Decision<Shipment> {
    match body.phase {
        Phase::Pending | Phase::Asked | Phase::Released => {
            events(ctx, body, vec![Fact::Stopped]).and(tell_order(body, ShipmentReport::Stopped))
        }
        Phase::Stopped => Decision::nothing().and(tell_order(body, ShipmentReport::Stopped)),
        Phase::Dispatched
        | Phase::InTransit
        | Phase::Delivered
        | Phase::AutoReceived
        | Phase::Refused => Decision::nothing().and(tell_order(body, ShipmentReport::StopRefused)),
    }
}

/// Auto-receipt, overdue cash, lost reports.
pub(super) fn wake(ctx: &Context<'_>, body: &Body) -> Decision<Shipment> {
    let mut after = body.clone();
    let at = EventContext { key: ctx.key, version: ctx.version, at: ctx.now };
    let mut decision = Decision::nothing();
    while let Some((deadline, timer)) = after.next_timer()
        && deadline <= ctx.now
    {
        // Each fact ends its own timer, so this ends after three.
        let (fact, reports) = match timer {
            Timer::AutoReceipt => {
                sites::hit("shipment.auto_received");
                (Fact::AutoReceived, vec![ShipmentReport::AutoReceived])
            }
            Timer::Overdue => (Fact::CodOverdue, vec![ShipmentReport::CodOverdue]),
            Timer::Retry => (Fact::ReportsRepeated, after.lost.clone()),
        };
        after.evolve(&at, &fact);
        decision.events.push(Event { order: body.order_id(), phase: after.phase, fact });
        decision.effects.extend(reports.into_iter().map(|report| tell_order(body, report)));
    }
    decision
}

/// The order did not take a report: a question counts as refused, the rest is told again later.
pub(super) fn bounced(ctx: &Context<'_>, body: &Body, bounce: &Bounce<'_>) -> Decision<Shipment> {
    let Ok(order::Command::Shipment(report)) = unpack(bounce.command) else {
        return Decision::nothing();
    };
    match report {
        ShipmentReport::DispatchAsked { .. } if body.phase == Phase::Asked => {
            events(ctx, body, vec![Fact::DispatchRefused])
        }
        ShipmentReport::DispatchAsked { .. } => Decision::nothing(),
        ShipmentReport::Stopped
        | ShipmentReport::StopRefused
        | ShipmentReport::InTransit { .. }
        | ShipmentReport::Delivered { .. }
        | ShipmentReport::AutoReceived
        | ShipmentReport::CodCollected { .. }
        | ShipmentReport::CodRefused
        | ShipmentReport::CodOverdue => events(ctx, body, vec![Fact::ReportLost(report)]),
    }
}
