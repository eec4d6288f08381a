//! Frozen bytes: every stored type, every variant. A change of these files is a change of what is
//! on disk: it needs a new version and an upcast.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use codec::{Stored, pack, unpack};
use entity::{EntityKey, PrincipalKind, Timestamp};
use expect_test::{ExpectFile, expect_file};
use smallvec::smallvec;
use uuid::Uuid;

use super::world::{World, address, buyer, priced, staff, usd};
use crate::customer::Invalid;
use crate::keys;
use crate::order::*;
use crate::protocol::{AccountReply, CommitRefusal, HoldRefusal, IfVersion, Split, StockReply};

/// Holds the bytes of `samples` to a file, and that they read back. `n_variants` different
/// variants must be among them: a new one has to come with a sample.
pub(crate) fn check<T: Stored + PartialEq + std::fmt::Debug>(
    n_variants: usize,
    samples: &[(String, T)],
    file: &ExpectFile,
) {
    let mut text = String::new();
    let mut names = BTreeSet::new();
    for (name, sample) in samples {
        let packed = pack(sample).unwrap();
        assert_eq!(unpack::<T>(&packed).unwrap(), *sample);
        assert!(names.insert(name.clone()), "{name} stands there twice");
        let _ = write!(text, "{name} {:04x}.{} ", packed.type_id, packed.version);
        for byte in &packed.bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    assert_eq!(names.len(), n_variants, "a sample of every variant, no more");
    file.assert_eq(&text);
}

/// Samples under the first word of their Debug texts.
pub(crate) fn named<T: std::fmt::Debug>(samples: Vec<T>) -> Vec<(String, T)> {
    let word = |sample: &T| {
        format!("{sample:?}").chars().take_while(|c| c.is_alphanumeric()).collect::<String>()
    };
    samples.into_iter().map(|sample| (word(&sample), sample)).collect()
}

pub(crate) fn id(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16])
}

fn cart() -> EntityKey {
    keys::cart(&super::world::tenant(), "cart-of-ada")
}

fn terms() -> Arc<Terms> {
    let mut priced = priced(&[("a", 2), ("b", 1)], 7, 300);
    priced.lines[0].discounts.push(LineDiscount {
        rule: "r1".into(),
        rule_version: 3,
        name: "A tenth off".into(),
        amount: 200,
    });
    Arc::new(Terms {
        cart: cart(),
        generation: 2,
        owner: Owner::of(&buyer("ada")),
        channel: "web".into(),
        locale: "en".into(),
        txn_type: TxnType::Fixed,
        tenders: vec![Tender::Wallet { amount: usd(300) }, Tender::Gateway],
        priced,
        address: address(),
        shipping_option: "standard".into(),
        timers: Timers::default(),
    })
}

pub(super) fn facts() -> Vec<Fact> {
    let ack = Ack { line: 1, split: smallvec![("main".into(), 300)], committed: false };
    let (note, carrier, tracking_number) = ("why".into(), "post".into(), "T1".into());
    let cuts = vec![Cut { parcel: 1, line: 0, qty: 2 }];
    let at = Timestamp(1_700_000_000_123);
    vec![
        Fact::Placed(terms()),
        Fact::Held(ack.clone()),
        Fact::NotHeld { line: 1, why: NotHeld::Refused(HoldRefusal::OutOfStock), available: 3 },
        Fact::HoldsRetried,
        Fact::WalletHeld,
        Fact::WalletRefused { available: 12 },
        Fact::Reserved { last: Some(ack.clone()) },
        Fact::Committed { line: 1 },
        Fact::CommitRefused { line: 1, why: CommitRefusal::Expired },
        Fact::HeldAgain { line: 1 },
        Fact::WalletPosting,
        Fact::WalletPosted,
        Fact::Confirmed { last: Some(1) },
        Fact::Numbered { number: 10_023 },
        Fact::CancelRequested { reason: Reason::Customer },
        Fact::StopAsked(Stop::Lines { cuts: cuts.clone(), reason: Reason::Operator }),
        Fact::ParcelStopped { parcel: 1 },
        Fact::StopDropped { parcel: 1 },
        Fact::LinesCancelled { cuts },
        Fact::DispatchReleased { parcel: 1, carrier, tracking_number },
        Fact::BookedOut { parcel: 1, line: 2 },
        Fact::BookingRefused { parcel: 1, line: 2 },
        Fact::Dispatched { parcel: 1, last: None },
        Fact::DispatchRefused { parcel: 1 },
        Fact::InTransit { parcel: 1, at },
        Fact::Delivered { parcel: 1, at },
        Fact::AutoReceived { parcel: 1 },
        Fact::ReceiptConfirmed,
        Fact::CodCollected { parcel: 1, amount: 1_620, paid: true },
        Fact::CodRefused { parcel: 1 },
        Fact::CodOverdue { parcel: 1 },
        Fact::Fulfilled,
        Fact::Completed,
        Fact::Cancelling { reason: Reason::PaymentTimeout },
        Fact::Compensated { n: 3 },
        Fact::Refunded { n: 3, amount: 1_620 },
        Fact::Cancelled { last: Some(3) },
        Fact::PutOnHold { reason: HoldReason::Stock, note: "".into() },
        Fact::Resumed { note },
        Fact::HoldAlarm,
        Fact::Undelivered(Undelivered::Shipment { parcel: 1 }),
        Fact::Retried,
        Fact::LateHold(ack),
        Fact::LatePost,
        Fact::CashCollected { parcel: 1, amount: usd(1_620), paid: true },
        Fact::MoneyReturned { n: 3, amount: usd(1_620) },
        Fact::CancelledFor { last: Some(3), reason: Reason::PaymentTimeout },
    ]
}

#[test]
fn events() {
    let after = After {
        status: Status::InFulfilment,
        on_hold: true,
        payment: PaymentStatus::CodDue,
        fulfilment: FulfilmentStatus::Partial,
    };
    let samples = named(facts());
    let samples: Vec<_> =
        samples.into_iter().map(|(name, fact)| (name, Event { after, fact })).collect();
    check(47, &samples, &expect_file!["../golden/event.hex"]);
}

fn stock_replies() -> Vec<StockReply> {
    let (hold_id, generation, shipment_id) = (id(1), 2, id(3));
    let split: Split = smallvec![("main".into(), 2)];
    let expires_at = Some(Timestamp(9));
    let refusal = HoldRefusal::PriceMoved { price_version: 4 };
    vec![
        StockReply::HoldAcked { hold_id, generation, split, expires_at, committed: true },
        StockReply::HoldRejected { hold_id, generation, refusal, available: 3 },
        StockReply::Stale { hold_id, generation },
        StockReply::Pinned { hold_id, generation },
        StockReply::Gone { hold_id, generation },
        StockReply::Unpinned { hold_id },
        StockReply::Committed { hold_id },
        StockReply::CommitRefused { hold_id, refusal: CommitRefusal::NoSuchHold },
        StockReply::Released { hold_id, generation },
        StockReply::Transferred { hold_id },
        StockReply::Shipped { hold_id, shipment_id },
        StockReply::ShipRefused { hold_id, shipment_id },
        StockReply::Restocked { hold_id, movement: (id(4), 5) },
        StockReply::OwnerStatusAsked { hold_id },
    ]
}

#[test]
fn commands() {
    let at = Timestamp(1_700_000_000_123);
    let if_version = IfVersion::Exact(3);
    let mut samples = named(vec![
        Command::Place(terms()),
        Command::Number { number: 10_023 },
        Command::Cancel { lines: vec![LineQty { line_id: "1".into(), qty: 2 }], if_version },
        Command::ConfirmReceipt { if_version },
        Command::PutOnHold { note: "why".into() },
        Command::Release { decided: Decided::Cancel, note: "why".into() },
        Command::StartPayment { method: "card".into(), if_version },
        Command::RequestReturn { if_version },
        Command::Amend { if_version: IfVersion::Absent },
    ]);
    for (name, reply) in named(stock_replies()) {
        samples.push((format!("Stock.{name}"), Command::Stock { sku: "a".into(), reply }));
    }
    let entry_id = id(6);
    let account =
        keys::wallet(&keys::customer(&super::world::tenant(), PrincipalKind::Customer, "ada"));
    for (name, reply) in named(vec![
        AccountReply::Held { entry_id, amount: usd(5) },
        AccountReply::Refused { entry_id, available: usd(5) },
        AccountReply::Posted { entry_id },
        AccountReply::Voided { entry_id },
        AccountReply::Credited { entry_id },
    ]) {
        let command = Command::Account { account: account.clone(), reply };
        samples.push((format!("Account.{name}"), command));
    }
    for (name, report) in named(vec![
        ShipmentReport::DispatchAsked { carrier: "post".into(), tracking_number: "T1".into() },
        ShipmentReport::Stopped,
        ShipmentReport::StopRefused,
        ShipmentReport::InTransit { at },
        ShipmentReport::Delivered { at },
        ShipmentReport::AutoReceived,
        ShipmentReport::CodCollected { amount: usd(1_620) },
        ShipmentReport::CodRefused,
        ShipmentReport::CodOverdue,
    ]) {
        samples.push((format!("Shipment.{name}"), Command::Shipment(report)));
    }
    check(9 + 14 + 5 + 9, &samples, &expect_file!["../golden/command.hex"]);
}

#[test]
fn answers() {
    let replies = named(vec![Reply::Done, Reply::Begun]);
    check(2, &replies, &expect_file!["../golden/reply.hex"]);
    let rejections = named(vec![
        Rejection::NotFound,
        Rejection::Forbidden,
        Rejection::WrongSource,
        Rejection::VersionMismatch { version: 17 },
        Rejection::InvalidState { status: Status::Cancelled, on_hold: false },
        Rejection::Invalid(Invalid::new("/lines", "unknown_line", "names no line")),
        Rejection::NotImplemented,
    ]);
    check(7, &rejections, &expect_file!["../golden/rejection.hex"]);
    let queries = named(vec![
        Query::View { since_seq: Some(3) },
        Query::Settled,
        Query::CancelSettled,
        Query::Newer { than_version: 17 },
        Query::Summary,
    ]);
    check(5, &queries, &expect_file!["../golden/query.hex"]);
}

/// Orders of real sagas: everything that a state holds is in one of them.
#[test]
fn states_and_views() {
    let mut world = World::new();
    world.stock("a", "east", 5);
    world.stock("b", "west", 5);
    world.wallet(100_000);
    let tenders = [Tender::Wallet { amount: usd(100_000) }];
    let cart = world.cart("cart-of-ada", &[("a", 2), ("b", 1)], &tenders);
    let order = world.place(&cart);
    let before: Order = world.state(&order);
    world.run();
    world.cancel(&order, &[("1", 1)]).unwrap();
    let stopping: Order = world.state(&order);
    world.run_until(|world| !world.order_body(&order).open.is_empty());
    let freeze = Command::PutOnHold { note: "x".into() };
    world.ask::<Order>(&staff(), &order, &freeze).unwrap();
    let frozen: Order = world.state(&order);
    let states = [
        ("unplaced".to_owned(), before),
        ("stopping".to_owned(), stopping),
        ("frozen".to_owned(), frozen),
    ];
    check(3, &states, &expect_file!["../golden/state.hex"]);
    let ask =
        |world: &mut World, query| world.query::<Order>(&buyer("ada"), &order, &query).1.unwrap();
    let views = [
        ("Unplaced".to_owned(), View::Unplaced),
        ("Order".to_owned(), ask(&mut world, Query::View { since_seq: None })),
        ("Summary".to_owned(), ask(&mut world, Query::Summary)),
    ];
    check(3, &views, &expect_file!["../golden/view.hex"]);
}
