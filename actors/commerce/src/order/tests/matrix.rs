//! Every stage against every input: a row that changes something, a refusal, or nothing.
//!
//! The states are made by real sagas that are stopped on the way; each input then meets a copy.
//! `matrix.txt` is the whole table: `state | input | facts > messages = stage`, where `-` means
//! taken without a trace. A change of a row is a change of behaviour.

use std::fmt::Write as _;

use codec::{pack, unpack};
use entity::{
    Bounce, BounceReason, Cause, Context, Decision, Effect, Entity, EntityKey, EventContext,
    Principal, PrincipalKind, Source, Timestamp,
};
use expect_test::expect_file;
use smallvec::smallvec;

use super::faults::verb_of;
use super::world::{World, buyer, staff, tenant, usd};
use crate::account;
use crate::order::*;
use crate::protocol::{AccountReply, CommitRefusal, HoldRefusal, IfVersion, Split, StockReply};
use crate::shipment::{self, Shipment};
use crate::sku;
use crate::{keys, kinds};

/// An order on its way, with its key, version and time.
struct Case {
    name: String,
    key: EntityKey,
    order: Order,
    version: u64,
    now: Timestamp,
}

type Build = fn(&mut World) -> EntityKey;

fn until(world: &mut World, order: &EntityKey, is: impl Fn(&Body) -> bool) {
    world.run_until(|world| {
        let state: Order = world.state(order);
        state.body.is_some_and(|body| is(&body))
    });
}

fn with_wallet(world: &mut World, amount: i64, rest: &[Tender]) -> EntityKey {
    world.wallet(100_000);
    let mut tenders = vec![Tender::Wallet { amount: usd(amount) }];
    tenders.extend_from_slice(rest);
    let cart = world.cart("cart-of-ada", &[("a", 2), ("b", 1)], &tenders);
    world.place(&cart)
}

/// Two parcels: `a` in the east, `b` in the west.
fn two_parcels(world: &mut World) -> EntityKey {
    world.stock("a", "east", 4);
    world.stock("b", "west", 4);
    world.confirmed(&[("a", 2), ("b", 1)])
}

const STATES: &[(&str, Build)] = &[
    ("reserving at once", |world| {
        let order = world.cod(&[("a", 2)]);
        until(world, &order, |_| true);
        order
    }),
    ("reserving at once, cancel requested", |world| {
        let order = world.cod(&[("a", 2)]);
        until(world, &order, |_| true);
        world.cancel(&order, &[]).unwrap();
        order
    }),
    ("reserving", |world| {
        let order = world.cod(&[("a", 2), ("b", 1)]);
        until(world, &order, |_| true);
        order
    }),
    ("reserving, a held", |world| {
        let order = world.cod(&[("a", 2), ("b", 1)]);
        until(world, &order, |body| body.lines[0].phase == HoldPhase::Held);
        order
    }),
    ("reserving, one refused", |world| {
        let order = world.cod(&[("a", 9), ("b", 9)]);
        until(world, &order, |body| body.failure.is_some());
        order
    }),
    ("reserving, second round", |world| {
        let order = world.cod(&[("a", 2), ("b", 9)]);
        until(world, &order, |body| body.second_round);
        order
    }),
    ("reserving with a wallet", |world| {
        let order = with_wallet(world, 100_000, &[]);
        until(world, &order, |_| true);
        order
    }),
    ("awaiting payment", |world| {
        let cart = world.cart("cart-of-ada", &[("a", 2)], &[]);
        let order = world.place(&cart);
        world.run();
        order
    }),
    ("awaiting payment with a wallet", |world| {
        let order = with_wallet(world, 500, &[Tender::Gateway]);
        world.run();
        order
    }),
    ("confirming", |world| {
        let order = world.cod(&[("a", 2), ("b", 1)]);
        until(world, &order, |body| body.stage == Stage::Confirming);
        order
    }),
    ("confirming, cancel requested", |world| {
        let order = world.cod(&[("a", 2), ("b", 1)]);
        until(world, &order, |body| body.stage == Stage::Confirming);
        world.cancel(&order, &[]).unwrap();
        order
    }),
    ("confirming, posting", |world| {
        let order = with_wallet(world, 100_000, &[]);
        until(world, &order, |body| {
            body.wallet.as_ref().is_some_and(|wallet| wallet.phase == WalletPhase::Posting)
        });
        order
    }),
    ("confirmed", two_parcels),
    ("confirmed by a wallet", |world| {
        let order = with_wallet(world, 100_000, &[]);
        world.run();
        order
    }),
    ("confirmed, stopping", |world| {
        let order = two_parcels(world);
        world.cancel(&order, &[]).unwrap();
        order
    }),
    ("confirmed, stopping for a line", |world| {
        let order = two_parcels(world);
        world.cancel(&order, &[("1", 1)]).unwrap();
        order
    }),
    ("confirmed, released", |world| {
        let order = two_parcels(world);
        let key = world.shipment(&order, 0);
        let (carrier, tracking_number) = ("post".into(), "T".into());
        let dispatch = shipment::Command::Dispatch { carrier, tracking_number };
        world.ask::<Shipment>(&staff(), &key, &dispatch).unwrap();
        until(world, &order, |body| body.parcels[0].phase == ParcelPhase::Released);
        order
    }),
    ("in fulfilment, one left", |world| {
        let order = two_parcels(world);
        world.dispatch(&order, 0);
        order
    }),
    ("in fulfilment, one refused", |world| {
        let order = two_parcels(world);
        let east = world.dispatch(&order, 0);
        world.refuse(&east);
        order
    }),
    ("in fulfilment, all delivered", |world| {
        let order = two_parcels(world);
        for index in 0..2 {
            let key = world.dispatch(&order, index);
            world.track(&key, "e", shipment::TrackingStatus::Delivered).unwrap();
        }
        order
    }),
    ("fulfilled", fulfilled),
    ("completed", |world| {
        let order = fulfilled(world);
        world.pass(8 * 24 * 60 * 60 * 1000);
        order
    }),
    ("cancelling, releasing", |world| {
        let order = with_wallet(world, 500, &[Tender::Gateway]);
        world.run();
        world.cancel(&order, &[]).unwrap();
        order
    }),
    ("cancelling, restocking", |world| {
        let order = with_wallet(world, 100_000, &[]);
        world.run();
        world.cancel(&order, &[]).unwrap();
        until(world, &order, |body| body.stage == Stage::Cancelling);
        order
    }),
    ("cancelled", |world| {
        let order = world.cod(&[("a", 9)]);
        world.run();
        order
    }),
    ("cancelled, once confirmed", |world| {
        let order = two_parcels(world);
        world.cancel(&order, &[]).unwrap();
        world.run();
        order
    }),
];

fn fulfilled(world: &mut World) -> EntityKey {
    let order = two_parcels(world);
    for index in 0..2 {
        let key = world.dispatch(&order, index);
        world.track(&key, "e", shipment::TrackingStatus::Delivered).unwrap();
        let due = world.order_body(&order).parcels[index].due;
        world.collect(&key, "c", due).unwrap();
    }
    order
}

/// Every state, then every one that can be frozen, frozen.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for is_frozen in [false, true] {
        for (name, build) in STATES {
            let mut world = World::new();
            if !name.contains("confirmed") && !name.contains("ful") && *name != "completed" {
                world.stock("a", "main", 4);
                world.stock("b", "main", 4);
            } else if name.contains("wallet") {
                world.stock("a", "east", 4);
                world.stock("b", "west", 4);
            }
            let key = build(&mut world);
            if is_frozen {
                let freeze = Command::PutOnHold { note: "x".into() };
                if world.ask::<Order>(&staff(), &key, &freeze).is_err() {
                    continue;
                }
            }
            cases.push(Case {
                name: format!("{name}{}", if is_frozen { ", on hold" } else { "" }),
                order: world.state(&key),
                version: world.version(&key),
                now: world.now,
                key,
            });
        }
    }
    cases
}

enum Input {
    /// A command of a principal.
    Ask(&'static str, Principal, Command),
    /// A message of an entity.
    Told(String, EntityKey, Command),
    /// A message of ours that was not taken.
    Bounced(String, Effect, BounceReason),
    /// The deadline.
    Wake,
}

fn people() -> Vec<Input> {
    let any = IfVersion::Any;
    let lines = |line_id: &str, qty| vec![LineQty { line_id: line_id.into(), qty }];
    let ada = || buyer("ada");
    vec![
        Input::Ask("Cancel", ada(), Command::Cancel { lines: Vec::new(), if_version: any }),
        Input::Ask(
            "Cancel by staff",
            staff(),
            Command::Cancel { lines: Vec::new(), if_version: any },
        ),
        Input::Ask(
            "Cancel by another",
            buyer("eve"),
            Command::Cancel { lines: Vec::new(), if_version: any },
        ),
        Input::Ask(
            "CancelLines(1 of 1)",
            ada(),
            Command::Cancel { lines: lines("1", 1), if_version: any },
        ),
        Input::Ask(
            "CancelLines(all of 1)",
            ada(),
            Command::Cancel { lines: lines("1", 2), if_version: any },
        ),
        Input::Ask("ConfirmReceipt", ada(), Command::ConfirmReceipt { if_version: any }),
        Input::Ask("PutOnHold", staff(), Command::PutOnHold { note: "x".into() }),
        Input::Ask(
            "Release(resume)",
            staff(),
            Command::Release { decided: Decided::Resume, note: "x".into() },
        ),
        Input::Ask(
            "Release(cancel)",
            staff(),
            Command::Release { decided: Decided::Cancel, note: "x".into() },
        ),
        Input::Ask(
            "StartPayment",
            ada(),
            Command::StartPayment { method: "card".into(), if_version: any },
        ),
        Input::Ask("RequestReturn", ada(), Command::RequestReturn { if_version: any }),
        Input::Ask("Amend", ada(), Command::Amend { if_version: any }),
        Input::Ask("Number by a caller", staff(), Command::Number { number: 1 }),
    ]
}

/// Every answer of the SKU of the first line.
fn stock(case: &Case, body: &Body) -> Vec<Input> {
    let line = &body.lines[0];
    let (hold_id, generation) = (line.hold_id, line.generation);
    let sku = body.terms.priced.lines[0].sku.clone();
    let split: Split = smallvec![("east".into(), 2)];
    let acked = |generation, committed| StockReply::HoldAcked {
        hold_id,
        generation,
        split: split.clone(),
        expires_at: None,
        committed,
    };
    let rejected = |generation, refusal| StockReply::HoldRejected {
        hold_id,
        generation,
        refusal,
        available: 1,
    };
    let (shipment_id, movement) = (keys::shipment(&case.key, "east"), (uuid::Uuid::nil(), 0));
    let shipment_id = match shipment_id.id {
        entity::EntityId::Uuid(uuid) => uuid,
        entity::EntityId::Name(_) => unreachable!(),
    };
    let replies = vec![
        ("HoldAcked", acked(generation, false)),
        ("HoldAcked, sold", acked(generation, true)),
        ("HoldAcked of old", acked(generation - 1, false)),
        ("HoldRejected(out of stock)", rejected(generation, HoldRefusal::OutOfStock)),
        ("HoldRejected(price)", rejected(generation, HoldRefusal::PriceMoved { price_version: 2 })),
        ("HoldRejected(not for sale)", rejected(generation, HoldRefusal::NotForSale)),
        ("HoldRejected(too many)", rejected(generation, HoldRefusal::TooManyHolds)),
        ("Stale", StockReply::Stale { hold_id, generation }),
        ("Pinned", StockReply::Pinned { hold_id, generation }),
        ("Gone", StockReply::Gone { hold_id, generation }),
        ("Unpinned", StockReply::Unpinned { hold_id }),
        ("Committed", StockReply::Committed { hold_id }),
        ("CommitRefused", StockReply::CommitRefused { hold_id, refusal: CommitRefusal::Expired }),
        ("Released", StockReply::Released { hold_id, generation }),
        ("Transferred", StockReply::Transferred { hold_id }),
        ("Shipped", StockReply::Shipped { hold_id, shipment_id }),
        ("ShipRefused", StockReply::ShipRefused { hold_id, shipment_id }),
        ("Restocked(0)", StockReply::Restocked { hold_id, movement }),
        ("OwnerStatusAsked", StockReply::OwnerStatusAsked { hold_id }),
    ];
    let from = keys::sku(&tenant(), &sku);
    replies
        .into_iter()
        .map(|(name, reply)| {
            Input::Told(name.to_owned(), from.clone(), Command::Stock { sku: sku.clone(), reply })
        })
        .collect()
}

fn account(case: &Case, body: &Body) -> Vec<Input> {
    let entry_id = body.wallet.as_ref().map_or(uuid::Uuid::nil(), |wallet| wallet.entry_id);
    let credit = super::super::effects::credit_id(&case.key, 0);
    let from = keys::wallet(&keys::customer(&tenant(), PrincipalKind::Customer, "ada"));
    [
        AccountReply::Held { entry_id, amount: usd(1) },
        AccountReply::Refused { entry_id, available: usd(1) },
        AccountReply::Posted { entry_id },
        AccountReply::Voided { entry_id },
        AccountReply::Credited { entry_id: credit },
    ]
    .into_iter()
    .map(|reply| {
        let name = format!("wallet {}", word(&reply));
        Input::Told(name, from.clone(), Command::Account { account: from.clone(), reply })
    })
    .collect()
}

fn shipments(case: &Case) -> Vec<Input> {
    let from = keys::shipment(&case.key, "east");
    [
        ShipmentReport::DispatchAsked { carrier: "post".into(), tracking_number: "T".into() },
        ShipmentReport::Stopped,
        ShipmentReport::StopRefused,
        ShipmentReport::InTransit { at: case.now },
        ShipmentReport::Delivered { at: case.now },
        ShipmentReport::AutoReceived,
        ShipmentReport::CodCollected { amount: usd(1_000) },
        ShipmentReport::CodRefused,
        ShipmentReport::CodOverdue,
    ]
    .into_iter()
    .map(|report| {
        let name = format!("shipment {}", word(&report));
        Input::Told(name, from.clone(), Command::Shipment(report))
    })
    .collect()
}

/// Every message that an order can have sent, coming back.
fn bounces(case: &Case, body: &Body) -> Vec<Input> {
    let hold_id = body.lines[0].hold_id;
    let generation = body.lines[0].generation;
    let key = keys::sku(&tenant(), "a");
    let shipment = keys::shipment(&case.key, "east");
    let shipment_id = super::super::id_of(&shipment);
    let wallet = keys::wallet(&keys::customer(&tenant(), PrincipalKind::Customer, "ada"));
    let entry_id = body.wallet.as_ref().map_or(uuid::Uuid::nil(), |wallet| wallet.entry_id);
    let location = compact_str::CompactString::new("east");
    let (qty, movement, amount) = (1, (uuid::Uuid::nil(), 0), usd(1));
    let mut effects = Vec::new();
    for command in [
        sku::Command::Hold {
            hold_id,
            generation,
            qty,
            ttl_ms: 1,
            price_version: 1,
            prefer: Vec::new(),
            commit: false,
        },
        sku::Command::Commit { hold_id },
        sku::Command::Release { hold_id, generation },
        sku::Command::Restock {
            hold_id,
            movement,
            location: location.clone(),
            qty,
            condition: sku::Condition::BackInStock,
        },
        sku::Command::Ship { hold_id, shipment_id, location, qty },
        sku::Command::OwnerStatus { hold_id, keep: true },
    ] {
        effects.push(Effect::tell::<sku::Sku>(key.clone(), &command));
    }
    for command in [
        account::Command::Hold { entry_id, amount },
        account::Command::Post { entry_id },
        account::Command::Void { entry_id },
        account::Command::Credit { entry_id, amount },
    ] {
        effects.push(Effect::tell::<account::Account>(wallet.clone(), &command));
    }
    for command in [
        shipment::Command::Stop,
        shipment::Command::Reopen { lines: Vec::new(), due: None },
        shipment::Command::DispatchReleased,
        shipment::Command::DispatchRefused,
        shipment::Command::Dispatched,
        shipment::Command::Received,
    ] {
        effects.push(Effect::tell::<Shipment>(shipment.clone(), &command));
    }
    let voice = super::super::effects::Voice { key: &case.key, body };
    effects.push(voice.tell_cart());
    effects.push(voice.tell_customer());
    effects.push(voice.ask_number());
    effects.extend(body.parcels.first().map(|parcel| voice.create(parcel)));
    let no = pack(&Rejection::NotFound).unwrap();
    effects
        .into_iter()
        .flat_map(|effect| {
            [BounceReason::DeadLetter, BounceReason::Rejected(no.clone())].map(|reason| {
                let name = format!("bounce {} {}", verb_of(&effect), word(&reason));
                Input::Bounced(name, effect.clone(), reason)
            })
        })
        .collect()
}

/// The first word of a value's Debug text.
fn word(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// Takes an input on a copy; answers what happened, as a row.
fn take(case: &Case, input: &Input) -> (String, String) {
    let cause = Cause::default();
    let system = Principal::system(tenant());
    let (principal, source) = match input {
        Input::Ask(_, principal, _) => (principal, Source::Caller),
        Input::Told(_, from, _) => (&system, Source::Entity(from)),
        Input::Bounced(_, effect, _) => (&system, Source::Entity(&effect.to)),
        Input::Wake => (&system, Source::Timer),
    };
    let deadline = case.order.next_deadline();
    let now = match input {
        Input::Wake => deadline.unwrap_or(case.now),
        Input::Ask(..) | Input::Told(..) | Input::Bounced(..) => case.now,
    };
    let ctx =
        Context { key: &case.key, now, version: case.version, principal, source, cause: &cause };
    let (name, decided) = match input {
        Input::Ask(name, _, command) => {
            ((*name).to_owned(), case.order.decide(&ctx, command.clone()))
        }
        Input::Told(name, _, command) => (name.clone(), case.order.decide(&ctx, command.clone())),
        Input::Bounced(name, effect, reason) => {
            let bounce = Bounce { from: &effect.to, command: &effect.command, reason };
            (name.clone(), Ok(case.order.bounced(&ctx, &bounce)))
        }
        Input::Wake => ("deadline".to_owned(), Ok(case.order.wake(&ctx))),
    };
    match decided {
        Ok(decision) => {
            let is_asked = matches!(input, Input::Ask(..));
            assert_eq!(decision.reply.is_some(), is_asked, "{}: {name}", case.name);
            (name, row(case, now, &decision))
        }
        Err(rejection) => {
            assert!(matches!(input, Input::Ask(..)), "{}: {name} is never refused", case.name);
            (name, format!("refused: {}", word(&rejection)))
        }
    }
}

fn row(case: &Case, now: Timestamp, decision: &Decision<Order>) -> String {
    let mut order = case.order.clone();
    for (version, event) in (case.version + 1..).zip(&decision.events) {
        order.evolve(&EventContext { key: &case.key, version, at: now }, event);
        let body = order.body.as_ref().unwrap();
        assert_eq!(body.after(), event.after, "{}: the words after {event:?}", case.name);
    }
    if decision.events.is_empty() && decision.effects.is_empty() {
        return "-".to_owned();
    }
    let facts: Vec<String> = decision.events.iter().map(|event| word(&event.fact)).collect();
    let told: Vec<String> = decision.effects.iter().map(verb_of).collect();
    let body = order.body.unwrap();
    let hold = if body.on_hold.is_some() { " (on hold)" } else { "" };
    let mut row = facts.join(", ");
    if !told.is_empty() {
        let _ = write!(row, " > {}", told.join(", "));
    }
    let _ = write!(row, " = {:?}{hold}", body.stage);
    row
}

#[test]
fn every_stage_meets_every_input() {
    let mut table = String::new();
    let mut seen = std::collections::BTreeSet::new();
    for case in cases() {
        let body = case.order.body.as_deref().unwrap();
        seen.insert((body.stage, body.on_hold.is_some()));
        let mut inputs = people();
        inputs.extend(stock(&case, body));
        inputs.extend(account(&case, body));
        inputs.extend(shipments(&case));
        inputs.extend(bounces(&case, body));
        let from = keys::numbers_slot(&case.key);
        inputs.push(Input::Told("Number".to_owned(), from, Command::Number { number: 7 }));
        let place = Command::Place(std::sync::Arc::clone(&body.terms));
        inputs.push(Input::Told("Place".to_owned(), body.terms.cart.clone(), place));
        inputs.push(Input::Wake);
        for input in &inputs {
            let (name, row) = take(&case, input);
            let _ = writeln!(table, "{} | {name} | {row}", case.name);
        }
        table.push('\n');
    }
    for stage in Stage::ALL {
        assert!(seen.contains(&(stage, false)), "{stage:?} is not in the table");
        assert!(seen.contains(&(stage, true)) || stage.is_terminal(), "{stage:?} on hold is not");
    }
    expect_file!["matrix.txt"].assert_eq(&table);
}

#[test]
fn before_it_is_placed_nothing_is_observed() {
    let order = Order::default();
    let key = keys::order(&keys::cart(&tenant(), "cart-of-ada"), 1);
    let case = Case { name: "unplaced".to_owned(), key, order, version: 0, now: Timestamp(1) };
    for input in people() {
        let (name, row) = take(&case, &input);
        assert!(
            ["refused: NotFound", "refused: WrongSource"].contains(&row.as_str()),
            "{name}: {row}"
        );
    }
    for input in shipments(&case) {
        assert_eq!(take(&case, &input).1, "-");
    }
    assert_eq!(take(&case, &Input::Wake).1, "-");
    let from = keys::sku(&tenant(), "a");
    let reply = StockReply::Released { hold_id: uuid::Uuid::nil(), generation: 1 };
    let told = Input::Told("Released".to_owned(), from, Command::Stock { sku: "a".into(), reply });
    assert_eq!(take(&case, &told).1, "-");
    assert_eq!(kinds::ORDER, Order::KIND);
    let packed = pack(&case.order).unwrap();
    assert_eq!(unpack::<Order>(&packed).unwrap(), case.order);
}
