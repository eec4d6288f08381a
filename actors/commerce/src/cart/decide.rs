//! What a cart decides about its content, its merges and the end of its orders.

use codec::unpack;
use entity::{Bounce, BounceReason, Context, Decision, Effect, EntityKey, PrincipalKind, Scope};

use super::Cart;
use super::command::{CartPatch, Command, Patch, Rejection, Reply};
use super::event::Event;
use super::place;
use super::state::{Body, CartLine, Content, Merging, QTY_MAX, Status};
use crate::customer::{self, Customer, Invalid, text};
use crate::kinds;
use crate::money::Ccy;
use crate::order::{self, LINES_MAX, Owner, Tender};
use crate::protocol::IfVersion;

/// The longest SKU, coupon, option or channel, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Coupons of a cart at the most.
const COUPONS_MAX: usize = 20;

/// Tenders of a cart at the most.
const TENDERS_MAX: usize = 8;

/// A caller's command.
pub(super) fn ask(
    ctx: &Context<'_>,
    body: Option<&Body>,
    command: Command,
) -> Result<Decision<Cart>, Rejection> {
    match command {
        Command::Put { content, if_version } => put(ctx, body, *content, if_version),
        Command::Update { patch, if_version } => {
            let body = editable(ctx, body, if_version)?;
            check_patch(&patch, body.content.currency)?;
            let mut content = body.content.clone();
            content.patch(&patch);
            if content == body.content {
                return Ok(Decision::reply(Reply::Done));
            }
            Ok(Decision::event(Event::Updated(*patch)).replying(Reply::Done))
        }
        Command::PutLine { sku, qty, if_version } => {
            let body = editable(ctx, body, if_version)?;
            check_line(&sku, qty.get())?;
            let have = body.content.lines.iter().find(|line| line.sku == sku);
            if have.is_none() && body.content.lines.len() >= LINES_MAX {
                return Err(invalid("/lines", "too_many", "has too many lines"));
            }
            if have.is_some_and(|have| have.qty == qty) {
                return Ok(Decision::reply(Reply::Done));
            }
            Ok(Decision::event(Event::LinePut { sku, qty }).replying(Reply::Done))
        }
        Command::DeleteLine { sku, if_version } => {
            let body = editable(ctx, body, if_version)?;
            if !body.content.lines.iter().any(|line| line.sku == sku) {
                return Err(Rejection::NotFound);
            }
            Ok(Decision::event(Event::LineDeleted { sku }).replying(Reply::Done))
        }
        Command::Merge { from, guest } => {
            let is_done = |body: &Body| body.merged.contains(&from);
            if own(ctx, body).is_ok_and(is_done) {
                return Ok(Decision::reply(Reply::Done));
            }
            merge(ctx, body, from, guest)
        }
        Command::MergeSeen { from, guest, lines } => merge_seen(ctx, body, from, guest, &lines),
        Command::Place(place) => place::place(ctx, own(ctx, body)?, *place, None),
        Command::PlaceHeld { place, order_version } => {
            place::place(ctx, own(ctx, body)?, *place, Some(order_version))
        }
        Command::PlaceOffered { place, offer } => {
            place::offered(place::place(ctx, own(ctx, body)?, *place, None), offer)
        }
        Command::OrderConfirmed { .. }
        | Command::OrderCancelled { .. }
        | Command::GiveLines { .. }
        | Command::TakeLines { .. }
        | Command::ReturnLines { .. } => Err(Rejection::WrongSource),
    }
}

/// The cart, if it is the caller's. Errors: `NotFound`.
fn own<'a>(ctx: &Context<'_>, body: Option<&'a Body>) -> Result<&'a Body, Rejection> {
    body.filter(|body| body.owner.admits(ctx.principal, Scope::OrdersWrite))
        .ok_or(Rejection::NotFound)
}

/// The cart, if the caller may change it now. Errors: `NotFound`, `CartAlreadyOrdered`,
/// `VersionMismatch`.
fn editable<'a>(
    ctx: &Context<'_>,
    body: Option<&'a Body>,
    if_version: IfVersion,
) -> Result<&'a Body, Rejection> {
    let body = own(ctx, body)?;
    match body.status {
        Status::Open => {}
        Status::Frozen | Status::Ordered => {
            return Err(Rejection::CartAlreadyOrdered { order: body.order(ctx.key) });
        }
    }
    if if_version.holds(Some(ctx.version)) {
        Ok(body)
    } else {
        Err(Rejection::VersionMismatch { version: Some(ctx.version) })
    }
}

fn put(
    ctx: &Context<'_>,
    body: Option<&Body>,
    content: Content,
    if_version: IfVersion,
) -> Result<Decision<Cart>, Rejection> {
    let Some(body) = body else {
        if !if_version.holds(None) {
            return Err(Rejection::VersionMismatch { version: None });
        }
        check(&content)?;
        let owner = Owner::of(ctx.principal);
        let customer = owner.customer(&ctx.key.tenant);
        let opened = customer::Command::CartOpened { cart: ctx.key.clone() };
        return Ok(Decision::event(Event::Created { owner, content })
            .and(Effect::tell::<Customer>(customer, &opened))
            .replying(Reply::Done));
    };
    let body = editable(ctx, Some(body), if_version)?;
    if content.currency != body.content.currency {
        return Err(Rejection::CurrencyMismatch);
    }
    check(&content)?;
    if content == body.content {
        return Ok(Decision::reply(Reply::Done));
    }
    Ok(Decision::event(Event::Replaced(content)).replying(Reply::Done))
}

pub(super) fn invalid(pointer: &'static str, code: &'static str, detail: &str) -> Rejection {
    Rejection::Invalid(Invalid::new(pointer, code, detail))
}

fn check(content: &Content) -> Result<(), Rejection> {
    text("/channel", &content.channel, NAME_CHARS_MAX).map_err(Rejection::Invalid)?;
    check_lines(&content.lines)?;
    if let Some(address) = &content.address {
        check_address(address)?;
    }
    check_option(&content.shipping_option)?;
    check_coupons(&content.coupons)?;
    check_tenders(&content.tenders, content.currency)
}

fn check_patch(patch: &CartPatch, ccy: Ccy) -> Result<(), Rejection> {
    if let Patch::Set(address) = &patch.address {
        check_address(address)?;
    }
    if let Patch::Set(option) = &patch.shipping_option {
        check_option(option)?;
    }
    if let Patch::Set(coupons) = &patch.coupons {
        check_coupons(coupons)?;
    }
    if let Patch::Set(tenders) = &patch.tenders {
        check_tenders(tenders, ccy)?;
    }
    if let Patch::Set(lines) = &patch.lines {
        check_lines(lines)?;
    }
    Ok(())
}

fn check_address(address: &customer::Address) -> Result<(), Rejection> {
    address.check().map_err(|wrong| {
        Rejection::Invalid(Invalid {
            pointer: compact_str::format_compact!("/address{}", wrong.pointer),
            ..wrong
        })
    })
}

fn check_option(option: &str) -> Result<(), Rejection> {
    text("/shipping_option", option, NAME_CHARS_MAX).map_err(Rejection::Invalid)
}

fn check_coupons(coupons: &[compact_str::CompactString]) -> Result<(), Rejection> {
    if coupons.len() > COUPONS_MAX {
        return Err(invalid("/coupons", "too_many", "has too many coupons"));
    }
    coupons
        .iter()
        .try_for_each(|code| text("/coupons", code, NAME_CHARS_MAX))
        .map_err(Rejection::Invalid)
}

fn check_line(sku: &str, qty: u32) -> Result<(), Rejection> {
    text("/sku", sku, NAME_CHARS_MAX).map_err(Rejection::Invalid)?;
    if qty > QTY_MAX {
        return Err(invalid("/qty", "too_large", "must be at most 1000000"));
    }
    Ok(())
}

fn check_lines(lines: &[CartLine]) -> Result<(), Rejection> {
    if lines.len() > LINES_MAX {
        return Err(invalid("/lines", "too_many", "has too many lines"));
    }
    let mut skus: Vec<&str> = lines.iter().map(|line| line.sku.as_str()).collect();
    skus.sort_unstable();
    if skus.is_sorted_by(|a, b| a < b) {
        lines.iter().try_for_each(|line| check_line(&line.sku, line.qty.get()))
    } else {
        Err(invalid("/lines", "duplicate", "names a SKU twice"))
    }
}

/// Cash comes alone; amounts are positive and, where it is known, of the cart's currency.
fn check_tenders(tenders: &[Tender], ccy: Ccy) -> Result<(), Rejection> {
    if tenders.len() > TENDERS_MAX {
        return Err(invalid("/tenders", "too_many", "has too many tenders"));
    }
    if tenders.len() > 1 && tenders.contains(&Tender::Cod) {
        return Err(invalid("/tenders", "cod_alone", "cash on delivery comes alone"));
    }
    let wallets = tenders.iter().filter(|it| matches!(it, Tender::Wallet { .. })).count();
    let gateways = tenders.iter().filter(|it| matches!(it, Tender::Gateway)).count();
    if wallets > 1 || gateways > 1 {
        return Err(invalid("/tenders", "duplicate", "names a tender twice"));
    }
    for tender in tenders {
        match tender {
            Tender::Wallet { amount } if amount.minor <= 0 => {
                return Err(invalid("/tenders", "not_positive", "must be more than 0"));
            }
            Tender::Wallet { amount } if amount.ccy != ccy => {
                return Err(Rejection::CurrencyMismatch);
            }
            Tender::Wallet { .. } | Tender::Cod | Tender::Gateway => {}
        }
    }
    Ok(())
}

/// Merges what the caller saw in the guest's cart. It is empty after a merge, so a repeat changes
/// nothing; what the guest puts in later is another merge. Lines that do not fit are left there.
fn merge_seen(
    ctx: &Context<'_>,
    body: Option<&Body>,
    from: EntityKey,
    guest: compact_str::CompactString,
    lines: &[CartLine],
) -> Result<Decision<Cart>, Rejection> {
    let seen = own(ctx, body)?;
    let is_under_way = seen.merging.as_ref().is_some_and(|merging| merging.from == from);
    match (is_under_way, lines.is_empty()) {
        (true, _) => Ok(Decision::reply(Reply::Merging)),
        (false, true) => Ok(Decision::reply(Reply::Done)),
        (false, false) => {
            editable(ctx, body, IfVersion::Any)?;
            check_fit(&seen.content, lines)?;
            merge(ctx, body, from, guest)
        }
    }
}

/// Whether a cart holds these lines too: all or none are taken.
fn check_fit(content: &Content, lines: &[CartLine]) -> Result<(), Rejection> {
    let have = |sku: &str| content.lines.iter().find(|have| have.sku == sku);
    let n_new = lines.iter().filter(|line| have(&line.sku).is_none()).count();
    if content.lines.len().saturating_add(n_new) > LINES_MAX {
        return Err(invalid("/guest_cart_id", "too_many", "both carts have too many lines"));
    }
    let is_over = |line: &CartLine| {
        let units = have(&line.sku).map_or(0, |have| have.qty.get());
        units.saturating_add(line.qty.get()) > QTY_MAX
    };
    if lines.iter().any(is_over) {
        return Err(invalid("/guest_cart_id", "too_large", "a line of both has over 1000000"));
    }
    Ok(())
}

/// Asks a guest's cart for its lines.
fn merge(
    ctx: &Context<'_>,
    body: Option<&Body>,
    from: EntityKey,
    guest: compact_str::CompactString,
) -> Result<Decision<Cart>, Rejection> {
    let body = editable(ctx, body, IfVersion::Any)?;
    if from == *ctx.key || from.kind != kinds::CART || from.tenant != ctx.key.tenant {
        return Err(invalid("/guest_cart_id", "not_a_guest_cart", "is not another cart"));
    }
    match &body.merging {
        Some(merging) if merging.from == from => Ok(Decision::reply(Reply::Merging)),
        Some(_) => Err(Rejection::Merging),
        None => {
            let ask = Command::GiveLines { guest: guest.clone() };
            let effect = Effect::tell::<Cart>(from.clone(), &ask);
            let event = Event::MergeAsked(Merging { from, guest });
            Ok(Decision::event(event).and(effect).replying(Reply::Merging))
        }
    }
}

/// Another entity's message.
pub(super) fn told(
    body: Option<&Body>,
    from: &EntityKey,
    command: Command,
) -> Result<Decision<Cart>, Rejection> {
    let decision = match command {
        Command::OrderConfirmed { generation } => body
            .filter(|body| holds(body, generation))
            .map_or_else(Decision::nothing, |_| Decision::event(Event::Ordered)),
        Command::OrderCancelled { generation } => {
            body.filter(|body| holds(body, generation)).map_or_else(Decision::nothing, thaw)
        }
        Command::GiveLines { guest } => give_lines(body, from, &guest),
        Command::TakeLines { lines } => body
            .filter(|body| body.merging.as_ref().is_some_and(|merging| merging.from == *from))
            .map_or_else(Decision::nothing, |body| take_lines(body, from, lines)),
        Command::ReturnLines { lines } => {
            body.map_or_else(Decision::nothing, |_| Decision::event(Event::LinesReturned { lines }))
        }
        Command::Put { .. }
        | Command::Update { .. }
        | Command::PutLine { .. }
        | Command::DeleteLine { .. }
        | Command::Merge { .. }
        | Command::MergeSeen { .. }
        | Command::PlaceHeld { .. }
        | Command::PlaceOffered { .. }
        | Command::Place(_) => return Err(Rejection::WrongSource),
    };
    Ok(decision)
}

/// Whether the order of this generation holds the cart.
fn holds(body: &Body, generation: u32) -> bool {
    body.status == Status::Frozen && body.generation == generation
}

/// Free again, for the next order.
fn thaw(body: &Body) -> Decision<Cart> {
    Decision::event(Event::Thawed { generation: body.generation.saturating_add(1) })
}

/// Gives all lines to the cart that asks, if this is the guest's and it is open.
fn give_lines(body: Option<&Body>, to: &EntityKey, guest: &str) -> Decision<Cart> {
    let is_theirs = |body: &&Body| {
        body.owner.kind == PrincipalKind::Guest
            && body.owner.subject == guest
            && body.status == Status::Open
            && body.merging.is_none()
    };
    let lines = body.filter(is_theirs).map(|body| body.content.lines.clone()).unwrap_or_default();
    let events = if lines.is_empty() { Vec::new() } else { vec![Event::LinesGiven] };
    let answer = Effect::tell::<Cart>(to.clone(), &Command::TakeLines { lines });
    Decision::events(events).and(answer)
}

/// Takes lines over; what does not fit any more goes back whole.
fn take_lines(body: &Body, from: &EntityKey, lines: Vec<CartLine>) -> Decision<Cart> {
    if check_fit(&body.content, &lines).is_ok() {
        return Decision::event(Event::Merged { lines });
    }
    let back = Effect::tell::<Cart>(from.clone(), &Command::ReturnLines { lines });
    Decision::event(Event::Merged { lines: Vec::new() }).and(back)
}

/// A message of the cart was not taken.
pub(super) fn bounced(ctx: &Context<'_>, body: &Body, bounce: &Bounce<'_>) -> Decision<Cart> {
    match bounce.from.kind {
        // The order could not begin, so there is none. Where it said no itself, the same one may
        // be placed again; where it could not be reached, another takes its place.
        kinds::ORDER if body.status == Status::Frozen && *bounce.from == body.order(ctx.key) => {
            match bounce.reason {
                BounceReason::Rejected(_) => {
                    Decision::event(Event::Thawed { generation: body.generation })
                }
                BounceReason::Expired
                | BounceReason::Quarantined
                | BounceReason::DeadLetter
                | BounceReason::Unreadable => thaw(body),
            }
        }
        kinds::CART => merge_bounced(body, bounce),
        // The customer's list of carts is a convenience.
        _ => Decision::nothing(),
    }
}

/// No lines come; or lines that were given come back.
fn merge_bounced(body: &Body, bounce: &Bounce<'_>) -> Decision<Cart> {
    match unpack::<Command>(bounce.command) {
        Ok(Command::GiveLines { .. }) if body.merging.is_some() => {
            Decision::event(Event::Merged { lines: Vec::new() })
        }
        Ok(Command::TakeLines { lines }) if !lines.is_empty() => {
            Decision::event(Event::LinesReturned { lines })
        }
        Ok(_) | Err(_) => Decision::nothing(),
    }
}

/// The order that a cart tells to begin.
pub(super) fn tell_order(to: EntityKey, terms: order::Terms) -> Effect {
    Effect::tell::<order::Order>(to, &order::Command::Place(std::sync::Arc::new(terms)))
}
