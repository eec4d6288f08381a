//! Staff describe the SKU and set its prices; its product takes it on and off sale.

use compact_str::CompactString;
use entity::{Context, Decision, Source};

use super::Decided;
use crate::keys;
use crate::money::Money;
use crate::protocol::IfVersion;
use crate::sku::{About, Event, PriceView, Rejection, Reply, Sku, SkuView, answer, limits, text};

pub(super) fn put(
    sku: &Sku,
    ctx: &Context<'_>,
    product_id: CompactString,
    title: CompactString,
    if_version: IfVersion,
) -> Decided {
    text::name("/sku", &sku.code, limits::NAME_BYTES_MAX)?;
    text::name("/product_id", &product_id, limits::NAME_BYTES_MAX)?;
    text::words("/title", &title, limits::TITLE_CHARS_MAX)?;
    if !if_version.holds(sku.about.as_ref().map(|_| sku.version)) {
        return Err(Rejection::VersionMismatch { version: sku.version });
    }
    let about = About { product_id, title };
    if sku.about.as_ref() == Some(&about) {
        return Ok(Decision::reply(Reply::Sku(sku.view())));
    }
    let view = SkuView {
        product_id: about.product_id.clone(),
        title: about.title.clone(),
        version: ctx.version.saturating_add(1),
        ..sku.view()
    };
    let before = sku.about.as_ref().map(|about| &about.product_id);
    let mut links = Vec::new();
    if before != Some(&about.product_id) {
        links.extend(before.map(|old| answer::unlink(ctx.key, &sku.code, old)));
        links.push(answer::link(ctx.key, &sku.code, &about.product_id));
    }
    let event = Event::Put { product_id: about.product_id, title: about.title };
    Ok(Decision::event(event).and_all(links).replying(Reply::Sku(view)))
}

pub(super) fn set_archived(sku: &Sku, ctx: &Context<'_>, archived: bool) -> Decided {
    let Source::Entity(from) = ctx.source else { return Err(Rejection::Forbidden) };
    let product = sku.about.as_ref().map(|about| &about.product_id);
    // A product that the SKU has left meanwhile has nothing to say any more.
    let ours = product.is_some_and(|id| keys::product(&ctx.key.tenant, id) == *from);
    if ours && sku.archived != archived {
        Ok(Decision::event(Event::ArchivedSet { archived }))
    } else {
        Ok(Decision::nothing())
    }
}

pub(super) fn set_price(
    sku: &Sku,
    book: CompactString,
    amount: Money,
    if_version: IfVersion,
) -> Decided {
    if sku.about.is_none() {
        return Err(Rejection::NotFound);
    }
    text::name("/book", &book, limits::NAME_BYTES_MAX)?;
    if amount.minor < 0 {
        return Err(Rejection::invalid("/amount", "negative", "must not be negative"));
    }
    let amount = amount.within_edge().map_err(|_| Rejection::MoneyOverflow)?;
    let present = sku.prices.get(&book);
    if !if_version.holds(present.map(|_| sku.price_version)) {
        return Err(Rejection::VersionMismatch { version: sku.price_version });
    }
    if present.is_none() && sku.prices.len() >= limits::BOOKS_MAX {
        return Err(Rejection::invalid("/book", "too_many", "the SKU is in too many books"));
    }
    let unchanged = present == Some(&amount);
    let version = sku.price_version.saturating_add(u64::from(!unchanged));
    let view = PriceView { book: book.clone(), sku: sku.code.clone(), amount, version };
    let decision = if unchanged {
        Decision::nothing()
    } else {
        Decision::event(Event::PriceSet { book, amount, price_version: version })
    };
    Ok(decision.replying(Reply::Price(view)))
}
