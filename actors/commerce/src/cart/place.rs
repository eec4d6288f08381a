//! Placing: every check that stands before an order, and the terms that it begins with.
//!
//! The order itself refuses nothing, so an order that exists was priced, addressed and agreed on.
//! Checked in this order: whether the cart is held already, its version, its content, its price.

use entity::{Context, Decision};

use super::Cart;
use super::command::{Place, PlaceBody, Rejection, Reply};
use super::decide::{invalid, tell_order};
use super::event::{Event, Placed};
use super::state::{Body, Status};
use crate::money::Ccy;
use crate::order::{LINES_MAX, PricedOrder, Tender, Terms, TxnType};
use crate::pricing::is_same_deal;

/// Places the order of the present generation, or answers with the one that holds the cart, and
/// the version that the caller saw of it.
pub(super) fn place(
    ctx: &Context<'_>,
    cart: &Body,
    mut place: Place,
    seen: Option<u64>,
) -> Result<Decision<Cart>, Rejection> {
    place.body.tenders = explicit(place.body.tenders);
    let order = cart.order(ctx.key);
    let reply = Reply::Placed { order: order.clone(), generation: cart.generation };
    match cart.status {
        Status::Open => {}
        Status::Frozen | Status::Ordered if cart.is_same_placing(&place.body) => {
            let held = seen.map(|version| Reply::Held { order, version });
            return Ok(Decision::reply(held.unwrap_or(reply)));
        }
        Status::Frozen | Status::Ordered => {
            return Err(Rejection::CartAlreadyOrdered { order });
        }
    }
    if cart.merging.is_some() {
        return Err(Rejection::Merging);
    }
    if place.body.cart_version != ctx.version {
        return Err(Rejection::VersionMismatch { version: Some(ctx.version) });
    }
    check_content(cart, &place.body)?;
    check_price(ctx, cart, &place)?;
    check_tenders(&place)?;
    let body = place.body.clone();
    let terms = terms(ctx, cart, place)?;
    Ok(Decision::event(Event::Frozen(Placed { body }))
        .and(tell_order(order, terms))
        .replying(reply))
}

/// A refusal for the price keeps what was offered instead.
pub(super) fn offered(
    placed: Result<Decision<Cart>, Rejection>,
    offer: Box<str>,
) -> Result<Decision<Cart>, Rejection> {
    placed.map_err(|rejection| match rejection {
        Rejection::PriceMoved { .. } | Rejection::WronglyPriced => {
            Rejection::PriceRefused { offer }
        }
        other => other,
    })
}

/// No tender means a gateway.
fn explicit(tenders: Vec<Tender>) -> Vec<Tender> {
    if tenders.is_empty() { vec![Tender::Gateway] } else { tenders }
}

fn check_content(cart: &Body, body: &PlaceBody) -> Result<(), Rejection> {
    if cart.content.lines.is_empty() {
        return Err(invalid("/lines", "empty", "the cart is empty"));
    }
    if cart.content.lines.len() > LINES_MAX {
        return Err(invalid("/lines", "too_many", "the cart has too many lines"));
    }
    if cart.content.address.is_none() {
        return Err(invalid("/address", "missing", "the cart has no address"));
    }
    if let Some(code) = cart.content.coupons.first() {
        // No shop issues coupons yet, and nobody is to pay more than his code promises.
        return Err(Rejection::CouponUnknown { code: code.clone() });
    }
    if body.tenders != explicit(cart.content.tenders.clone()) {
        return Err(invalid("/tenders", "differs", "is not as in the cart"));
    }
    let is_cod = body.tenders == [Tender::Cod];
    match body.txn_type {
        TxnType::Fixed => Ok(()),
        TxnType::Cod if is_cod => Ok(()),
        TxnType::Cod => Err(invalid("/tenders", "not_cod", "must be exactly cash on delivery")),
        TxnType::Presale | TxnType::Flash | TxnType::Auction | TxnType::Insurance => {
            Err(Rejection::NotImplemented)
        }
    }
}

/// The cart's version proves what is bought, the hash for which amounts, the total what the buyer
/// takes (domain.md 2).
///
/// Versions in the hash are not compared: prices have new ones without another amount.
fn check_price(ctx: &Context<'_>, cart: &Body, place: &Place) -> Result<(), Rejection> {
    let (priced, expected) = (&place.priced, place.body.expected_total);
    if priced.ccy != cart.content.currency {
        return Err(Rejection::WronglyPriced);
    }
    if expected.ccy != priced.ccy {
        return Err(Rejection::CurrencyMismatch);
    }
    let is_cart = priced.lines.len() == cart.content.lines.len()
        && priced
            .lines
            .iter()
            .zip(&cart.content.lines)
            .all(|(priced, line)| priced.sku == line.sku && priced.qty == line.qty);
    if !is_cart || priced.check().is_err() || !tenders_fit(priced, &place.body.tenders) {
        return Err(Rejection::WronglyPriced);
    }
    let is_agreed = is_same_deal(&place.body.quote_hash, &priced.quote_hash);
    if is_agreed && expected.minor == priced.totals.payable {
        return Ok(());
    }
    sites::hit("cart.price_moved");
    Err(Rejection::PriceMoved { at: ctx.now })
}

/// What internal tenders cover comes from them: never more than they offer, nothing without one.
fn tenders_fit(priced: &PricedOrder, tenders: &[Tender]) -> bool {
    let wallet = |ccy: Ccy| {
        tenders.iter().find_map(|tender| match tender {
            Tender::Wallet { amount } if amount.ccy == ccy => Some(amount.minor),
            Tender::Wallet { .. } | Tender::Cod | Tender::Gateway => None,
        })
    };
    priced.totals.tenders <= wallet(priced.ccy).unwrap_or(0)
}

/// A rest needs somebody who takes it.
fn check_tenders(place: &Place) -> Result<(), Rejection> {
    let has_rest = place.priced.totals.payable > 0;
    let takes_rest = |tender: &Tender| matches!(tender, Tender::Cod | Tender::Gateway);
    if has_rest && !place.body.tenders.iter().any(takes_rest) {
        return Err(invalid("/tenders", "too_little", "do not cover the total"));
    }
    Ok(())
}

fn terms(ctx: &Context<'_>, cart: &Body, place: Place) -> Result<Terms, Rejection> {
    let Place { body, priced, locale, timers } = place;
    let missing = || invalid("/address", "missing", "the cart has no address");
    Ok(Terms {
        cart: ctx.key.clone(),
        generation: cart.generation,
        owner: cart.owner.clone(),
        channel: cart.content.channel.clone(),
        locale,
        txn_type: body.txn_type,
        tenders: body.tenders,
        priced,
        address: cart.content.address.clone().ok_or_else(missing)?,
        shipping_option: cart.content.shipping_option.clone(),
        timers,
    })
}
