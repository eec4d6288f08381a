//! What placing came to: the first entry that says so, the order as it was then, and the problem
//! of an order that was not sold.

use commerce::cart::CartView;
use commerce::order::{Entry, Order as OrderEntity, OrderView, Query, Reason, Status};
use entity::EntityKey;
use serde_json::json;

use super::whole;
use crate::dto::order_id;
use crate::problem::{Code, Problem};
use crate::shop::{Asker, Shop};

/// The entry with which placing first came to something.
pub(super) fn first_settled(view: &OrderView) -> Option<Entry> {
    view.timeline
        .iter()
        .find(|entry| match entry.status {
            Status::AwaitingPayment
            | Status::Confirmed
            | Status::InFulfilment
            | Status::Fulfilled
            | Status::Completed
            | Status::Cancelled => true,
            Status::Processing | Status::Cancelling => false,
        })
        .copied()
}

/// The same when the view shows only the newest entries: the order as it was has those before.
pub(super) async fn first_ever_settled(
    shop: &Shop,
    asker: &Asker,
    order: &EntityKey,
    view: &OrderView,
) -> Result<Option<Entry>, Problem> {
    let oldest = |view: &OrderView| view.timeline.first().map_or(1, |entry| entry.seq);
    let mut first = first_settled(view);
    let mut before = oldest(view);
    while before > 1 {
        let query = Query::View { since_seq: Some(0) };
        let seen = shop.query_at::<OrderEntity>(asker, order, before - 1, &query).await?;
        let earlier = whole(seen.view)?;
        first = first_settled(&earlier).or(first);
        before = oldest(&earlier);
    }
    Ok(first)
}

/// The present version of the order that holds a cart, if it has come to something: a placing by
/// another request shows it as it is. None: there is something to wait for, or it was never sold,
/// which is a problem and no order.
pub(super) async fn held(shop: &Shop, asker: &Asker, cart: &CartView) -> Option<u64> {
    let query = Query::Settled;
    let seen = shop.query::<OrderEntity>(asker, cart.order.as_ref()?, &query, 0).await.ok()?;
    let view = whole(seen.view).ok()?;
    // Its number is about to come.
    if !seen.ready && matches!(view.after.status, Status::AwaitingPayment | Status::Confirmed) {
        return None;
    }
    let first = first_settled(&view).filter(|first| first.status != Status::Cancelled);
    first.map(|_| view.version)
}

/// The view as of a version.
pub(super) async fn as_of(
    shop: &Shop,
    asker: &Asker,
    order: &EntityKey,
    view: Box<OrderView>,
    version: u64,
) -> Result<Box<OrderView>, Problem> {
    if view.version == version {
        return Ok(view);
    }
    let query = Query::View { since_seq: None };
    let seen = shop.query_at::<OrderEntity>(asker, order, version, &query).await?;
    whole(seen.view)
}

/// The order as its placing is answered: as it was when it had first come to something and had its
/// number. `view` is settled; `first` is the entry with which it first came to something.
///
/// The number is asked for with that entry, so it comes in a later step, nearly always the next.
pub(super) async fn answered(
    shop: &Shop,
    asker: &Asker,
    order: &EntityKey,
    view: Box<OrderView>,
    first: Entry,
) -> Result<Box<OrderView>, Problem> {
    if first.status == Status::Cancelled {
        return as_of(shop, asker, order, view, first.seq).await;
    }
    let mut settled = view;
    for version in first.seq.saturating_add(1)..settled.version {
        let query = Query::Settled;
        let seen = shop.query_at::<OrderEntity>(asker, order, version, &query).await?;
        if seen.ready {
            settled = whole(seen.view)?;
            break;
        }
    }
    // Cancelled before it had a number.
    if matches!(settled.after.status, Status::Cancelling | Status::Cancelled) {
        return as_of(shop, asker, order, settled, first.seq).await;
    }
    Ok(settled)
}

/// The order as it was when a cancellation that began at a version had come to something, so that
/// a repeat with the same key shows the same whatever has happened since. It takes a step a parcel
/// and a few more.
pub(super) async fn first_cancel_settled(
    shop: &Shop,
    asker: &Asker,
    order: &EntityKey,
    now: Box<OrderView>,
    begun: u64,
) -> Result<Box<OrderView>, Problem> {
    for version in begun..now.version {
        let query = Query::CancelSettled;
        let seen = shop.query_at::<OrderEntity>(asker, order, version, &query).await?;
        if seen.ready {
            return whole(seen.view);
        }
    }
    Ok(now)
}

/// The problem of an order that was not sold, by its reason.
pub(super) fn cancelled(view: &OrderView) -> Problem {
    let code = match view.reason {
        Some(Reason::OutOfStock) => Code::OutOfStock,
        Some(Reason::PriceChanged) => Code::PriceChanged,
        Some(Reason::ReservationTimeout | Reason::ReservationExpired) => Code::ReservationTimeout,
        Some(Reason::InsufficientFunds) => Code::InsufficientFunds,
        Some(Reason::Customer | Reason::PaymentTimeout | Reason::CodRefused | Reason::Operator)
        | None => Code::InvalidState,
    };
    let mut problem =
        Problem::new(code).with("order", format!("/v1/orders/{}", order_id(&view.key)));
    if code == Code::OutOfStock {
        let lines = view.terms.priced.lines.iter().zip(&view.lines);
        let short: Vec<_> = lines
            .filter_map(|(line, progress)| {
                let available = progress.available?;
                Some(json!({"sku": line.sku.as_str(), "available": available}))
            })
            .collect();
        problem = problem.with("lines", short);
    }
    if let (Code::InsufficientFunds, Some(available)) = (code, view.wallet_available) {
        let ccy = view.terms.priced.ccy;
        problem = problem.with("available", json!({"amount": available, "currency": ccy.code()}));
    }
    if code == Code::InvalidState {
        problem = problem.with("state", "cancelled");
    }
    problem
}
