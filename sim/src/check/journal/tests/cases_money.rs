//! Tampering with stock and money (I6, I8, I9, I13).

use std::sync::Arc;

use codec::{pack, unpack};
use commerce::account::{self, Account};
use commerce::kinds;
use commerce::order::{self, Fact, Order};
use commerce::protocol::StockReply;
use commerce::sku::{self, Parts, Sku};

use super::Case;
use super::rig::usd;
use super::tamper::{drop_event, event, record, repeat_event};
use crate::check::journal::{Given, Journals};

pub(super) const CASES: &[Case] = &[
    Case { name: "another receipt", reported_by: "I6", tamper: receipt },
    Case { name: "a hold takes more than there is", reported_by: "I6", tamper: oversold },
    Case { name: "an event says that more is left", reported_by: "I6", tamper: more_left },
    Case { name: "the word for what is left does not turn", reported_by: "I6", tamper: no_turn },
    Case { name: "who is refused is told of more", reported_by: "I6", tamper: other_refusal },
    Case { name: "more is shipped than was there", reported_by: "I6", tamper: over_shipped },
    Case { name: "a hold lapses before its time", reported_by: "I8", tamper: early_lapse },
    Case { name: "a hold is revoked without need", reported_by: "I8", tamper: revoked },
    Case { name: "units are released twice", reported_by: "I8", tamper: released_twice },
    Case { name: "units are never released", reported_by: "I8", tamper: never_released },
    Case { name: "units are shipped twice", reported_by: "I8", tamper: shipped_twice },
    Case { name: "units are restocked twice", reported_by: "I8", tamper: restocked_twice },
    Case { name: "a hold is sold twice", reported_by: "I8", tamper: sold_twice },
    Case { name: "a sold hold is not committed", reported_by: "I8", tamper: not_committed },
    Case { name: "more is captured than set aside", reported_by: "I9", tamper: over_captured },
    Case { name: "more is set aside than there is", reported_by: "I9", tamper: over_held },
    Case { name: "more is refunded than captured", reported_by: "I9", tamper: over_refunded },
    Case { name: "an entry is settled twice", reported_by: "I9", tamper: settled_twice },
    Case { name: "a grant below nothing", reported_by: "I9", tamper: negative_grant },
    Case { name: "a refund is gone", reported_by: "I13", tamper: no_refund },
    Case { name: "an order counts what nobody gave", reported_by: "I13", tamper: not_posted },
    Case { name: "another price before it was sold", reported_by: "sold_prices", tamper: repriced },
    Case { name: "sold at another version", reported_by: "sold_prices", tamper: older_price },
    Case { name: "captured for an order without end", reported_by: "I13", tamper: no_order },
];

fn other_refusal(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| {
        let told = record.sends.iter_mut().map(|send| Arc::make_mut(&mut send.message));
        let mut told = told.filter(|message| message.to.kind == kinds::ORDER);
        told.any(|message| {
            let mut command = unpack(&message.body);
            let Ok(order::Command::Stock { reply, .. }) = &mut command else { return false };
            let StockReply::HoldRejected { available, .. } = reply else { return false };
            *available += 1;
            message.body = pack(&command.unwrap()).unwrap();
            true
        })
    });
}

fn repriced(journals: &mut Journals, _: &mut Given) {
    event::<Sku>(journals, |event| match event {
        sku::Event::PriceSet { amount, .. } => {
            amount.minor += 1;
            true
        }
        _ => false,
    });
}

fn older_price(journals: &mut Journals, _: &mut Given) {
    event::<Sku>(journals, |event| match event {
        sku::Event::PriceSet { price_version, .. } => {
            *price_version += 1;
            true
        }
        _ => false,
    });
}

fn receipt(journals: &mut Journals, _: &mut Given) {
    event::<Sku>(journals, |event| match event {
        sku::Event::Adjusted { delta, .. } => {
            *delta += 1;
            true
        }
        _ => false,
    });
}

fn oversold(journals: &mut Journals, _: &mut Given) {
    event::<Sku>(journals, |event| match event {
        sku::Event::Held { terms, left, .. } => {
            terms.parts = Parts::One((0, 5_000));
            left.units = 0;
            true
        }
        _ => false,
    });
}

fn more_left(journals: &mut Journals, _: &mut Given) {
    event::<Sku>(journals, |event| match event {
        sku::Event::Held { left, .. } => {
            left.units += 1;
            true
        }
        _ => false,
    });
}

fn no_turn(journals: &mut Journals, _: &mut Given) {
    event::<Sku>(journals, |event| match event {
        sku::Event::Adjusted { left, .. } | sku::Event::Held { left, .. } => {
            left.turned.take().is_some()
        }
        _ => false,
    });
}

fn early_lapse(journals: &mut Journals, _: &mut Given) {
    ended(journals, |hold_id, left| sku::Event::Expired { hold_ids: vec![hold_id], left });
}

fn revoked(journals: &mut Journals, _: &mut Given) {
    ended(journals, |hold_id, left| sku::Event::Revoked { hold_ids: vec![hold_id], left });
}

/// Where a hold was given back, its shelf is corrected to less than is promised.
pub(super) fn corrected(journals: &mut Journals) {
    let mut shelf = None;
    event::<Sku>(journals, |event| match event {
        sku::Event::Adjusted { location, .. } => {
            shelf = Some(location.clone());
            false
        }
        sku::Event::Released { left, .. } => {
            let (left, location) = (*left, shelf.clone().expect("units came first"));
            let (kind, reason) = (sku::MovementKind::Counted, "count".into());
            let delta = -1_000_000;
            *event = sku::Event::Adjusted { location, kind, delta, reason, shortfall: 0, left };
            true
        }
        _ => false,
    });
}

/// Lets a hold that was given back end in another way.
fn ended(journals: &mut Journals, end: impl Fn(uuid::Uuid, sku::Left) -> sku::Event) {
    event::<Sku>(journals, |event| match event {
        sku::Event::Released { hold_id, left } => {
            *event = end(*hold_id, *left);
            true
        }
        _ => false,
    });
}

fn over_shipped(journals: &mut Journals, _: &mut Given) {
    event::<Sku>(journals, |event| match event {
        sku::Event::Shipped { qty, .. } => {
            *qty = 2_000;
            true
        }
        _ => false,
    });
}

fn released_twice(journals: &mut Journals, _: &mut Given) {
    repeat_event::<Sku>(journals, |event| matches!(event, sku::Event::Released { .. }));
}

fn never_released(journals: &mut Journals, _: &mut Given) {
    drop_event::<Sku>(journals, |event| matches!(event, sku::Event::Released { .. }));
}

fn shipped_twice(journals: &mut Journals, _: &mut Given) {
    repeat_event::<Sku>(journals, |event| matches!(event, sku::Event::Shipped { .. }));
}

fn restocked_twice(journals: &mut Journals, _: &mut Given) {
    repeat_event::<Sku>(journals, |event| matches!(event, sku::Event::Restocked { .. }));
}

fn sold_twice(journals: &mut Journals, _: &mut Given) {
    repeat_event::<Sku>(journals, |event| matches!(event, sku::Event::Committed { .. }));
}

fn not_committed(journals: &mut Journals, _: &mut Given) {
    drop_event::<Sku>(journals, |event| matches!(event, sku::Event::Committed { .. }));
}

fn over_captured(journals: &mut Journals, _: &mut Given) {
    event::<Account>(journals, |event| match event {
        account::Event::Posted { amount, .. } => {
            *amount += 1;
            true
        }
        _ => false,
    });
}

fn over_held(journals: &mut Journals, _: &mut Given) {
    event::<Account>(journals, |event| match event {
        account::Event::Pended { amount, .. } => {
            *amount = 1_000_000;
            true
        }
        _ => false,
    });
}

fn over_refunded(journals: &mut Journals, _: &mut Given) {
    event::<Account>(journals, |event| match event {
        account::Event::Credited { amount, .. } => {
            *amount += 1;
            true
        }
        _ => false,
    });
}

fn settled_twice(journals: &mut Journals, _: &mut Given) {
    repeat_event::<Account>(journals, |event| matches!(event, account::Event::Posted { .. }));
}

fn negative_grant(journals: &mut Journals, _: &mut Given) {
    event::<Account>(journals, |event| match event {
        account::Event::Opened { grant } => {
            *grant = usd(-1);
            true
        }
        _ => false,
    });
}

fn no_refund(journals: &mut Journals, _: &mut Given) {
    drop_event::<Account>(journals, |event| matches!(event, account::Event::Credited { .. }));
}

fn not_posted(journals: &mut Journals, _: &mut Given) {
    drop_event::<Account>(journals, |event| matches!(event, account::Event::Posted { .. }));
}

fn no_order(journals: &mut Journals, _: &mut Given) {
    drop_event::<Order>(journals, |event| matches!(event.fact, Fact::WalletPosted));
    drop_event::<Order>(journals, |event| matches!(event.fact, Fact::Placed(_)));
}
