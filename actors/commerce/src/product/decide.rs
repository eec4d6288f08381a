//! Decisions of a product: staff describe it, SKUs come and go.

use compact_str::CompactString;
use entity::{Context, Decision, Effect, EntityKey, Scope, Source};

use super::event::{About, Event, Status};
use super::{Command, Product, Rejection, Reply, SKUS_MAX};
use crate::keys;
use crate::protocol::IfVersion;
use crate::sku::{self, Sku, access, limits, text};

type Decided = Result<Decision<Product>, Rejection>;

pub(super) fn command(product: &Product, ctx: &Context<'_>, command: Command) -> Decided {
    match command {
        Command::Put { about, if_version } => put(product, ctx, about, if_version),
        Command::LinkSku { sku } => link(product, ctx, sku),
        Command::UnlinkSku { sku } => unlink(product, ctx, sku),
    }
}

fn put(product: &Product, ctx: &Context<'_>, about: About, if_version: IfVersion) -> Decided {
    if !access::by_staff(ctx, Scope::CatalogueWrite) {
        return Err(Rejection::Forbidden);
    }
    text::name("/id", &product.id, limits::NAME_BYTES_MAX)?;
    text::words("/title", &about.title, limits::TITLE_CHARS_MAX)?;
    text::words("/category", &about.category, limits::CATEGORY_CHARS_MAX)?;
    if !if_version.holds(product.about.as_ref().map(|_| product.version)) {
        return Err(Rejection::VersionMismatch { version: product.version });
    }
    let mut after = product.clone();
    after.about = Some(about.clone());
    let changed = after.about != product.about;
    after.version = product.version.saturating_add(u64::from(changed));
    let reply = after.view().map(Reply::Product).ok_or(Rejection::NotFound)?;
    if !changed {
        return Ok(Decision::reply(reply));
    }
    let told = if after.is_archived() == product.is_archived() {
        Vec::new()
    } else {
        after.skus.iter().map(|sku| on_sale(ctx.key, sku, after.is_archived())).collect()
    };
    Ok(Decision::event(Event::Put(about)).and_all(told).replying(reply))
}

fn link(product: &Product, ctx: &Context<'_>, sku: CompactString) -> Decided {
    by_sku(ctx, &sku)?;
    let told = on_sale(ctx.key, &sku, product.is_archived());
    if product.skus.contains(&sku) {
        return Ok(Decision::nothing().and(told));
    }
    if product.skus.len() >= SKUS_MAX {
        return Err(Rejection::TooManySkus);
    }
    Ok(Decision::event(Event::SkuLinked { sku }).and(told))
}

fn unlink(product: &Product, ctx: &Context<'_>, sku: CompactString) -> Decided {
    by_sku(ctx, &sku)?;
    Ok(if product.skus.contains(&sku) {
        Decision::event(Event::SkuUnlinked { sku })
    } else {
        Decision::nothing()
    })
}

fn by_sku(ctx: &Context<'_>, sku: &str) -> Result<(), Rejection> {
    match ctx.source {
        Source::Entity(from) if *from == keys::sku(&ctx.key.tenant, sku) => Ok(()),
        Source::Entity(_) | Source::Caller | Source::Timer => Err(Rejection::Forbidden),
    }
}

fn on_sale(product: &EntityKey, sku: &str, archived: bool) -> Effect {
    let command = sku::Command::SetArchived { archived };
    Effect::tell::<Sku>(keys::sku(&product.tenant, sku), &command)
}

impl Product {
    fn is_archived(&self) -> bool {
        self.about.as_ref().is_some_and(|about| about.status == Status::Archived)
    }
}
