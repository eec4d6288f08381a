//! Which command is decided where, and who may give it.
//!
//! Commands of staff come from a caller, all others from entities; the other way is refused.

mod catalogue;
mod goods;
mod hold;
mod settle;
mod stock;
pub(super) mod timer;

use entity::{Context, Decision, EntityKey, Scope, Source};
use uuid::Uuid;

use super::{Command, Event, Rejection, Sku, access, answer};
use crate::protocol::{IfVersion, StockReply};

type Decided = Result<Decision<Sku>, Rejection>;

pub(super) fn command(sku: &Sku, ctx: &Context<'_>, command: Command) -> Decided {
    match command {
        Command::PutSku { product_id, title, if_version } => {
            by_staff(ctx, Scope::CatalogueWrite)?;
            catalogue::put(sku, ctx, product_id, title, unless_edited(sku, if_version))
        }
        Command::SetPrice { book, amount, if_version } => {
            by_staff(ctx, Scope::CatalogueWrite)?;
            catalogue::set_price(sku, book, amount, if_version)
        }
        Command::SetArchived { archived } => catalogue::set_archived(sku, ctx, archived),
        Command::SetPolicy { location, safety, oversell_limit, if_version } => {
            by_staff(ctx, Scope::StockWrite)?;
            let policy = stock::Policy { location, safety, oversell_limit };
            stock::set_policy(sku, ctx, policy, unless_edited(sku, if_version))
        }
        Command::Adjust { location, change, reason } => {
            by_staff(ctx, Scope::StockWrite)?;
            stock::adjust(sku, ctx, location, change, reason)
        }
        Command::Hold { hold_id, generation, qty, ttl_ms, price_version, prefer, commit } => {
            let want =
                hold::Want { hold_id, generation, qty, ttl_ms, price_version, prefer, commit };
            hold::hold(&by_owner(sku, ctx)?, &want)
        }
        Command::Pin { hold_id, generation } => {
            settle::pin(&by_owner(sku, ctx)?, hold_id, generation)
        }
        Command::Unpin { hold_id, ttl_ms } => settle::unpin(&by_owner(sku, ctx)?, hold_id, ttl_ms),
        Command::Commit { hold_id } => settle::commit(&by_owner(sku, ctx)?, hold_id),
        Command::Release { hold_id, generation } => {
            settle::release(&by_owner(sku, ctx)?, hold_id, generation)
        }
        Command::Transfer { hold_id, new_owner } => {
            settle::transfer(&by_owner(sku, ctx)?, hold_id, &new_owner)
        }
        Command::OwnerStatus { hold_id, keep } => {
            settle::owner_status(&by_owner(sku, ctx)?, hold_id, keep)
        }
        Command::Ship { hold_id, shipment_id, location, qty } => {
            let parcel = goods::Parcel { hold_id, shipment_id, location, qty };
            goods::ship(&by_owner(sku, ctx)?, parcel)
        }
        Command::Restock { hold_id, movement, location, qty, condition } => {
            let back = goods::Back { hold_id, movement, location, qty, condition };
            goods::restock(&by_owner(sku, ctx)?, back)
        }
    }
}

/// Orders and counts move a SKU's version, many times a second if it is sold in a flash, and change
/// nothing that an edit writes: a version is as good as the present one if no edit came since.
fn unless_edited(sku: &Sku, expected: IfVersion) -> IfVersion {
    match expected {
        IfVersion::Exact(seen) if (sku.edited..=sku.version).contains(&seen) => {
            IfVersion::Exact(sku.version)
        }
        other => other,
    }
}

fn by_staff(ctx: &Context<'_>, scope: Scope) -> Result<(), Rejection> {
    if access::by_staff(ctx, scope) { Ok(()) } else { Err(Rejection::Forbidden) }
}

fn by_owner<'a>(sku: &'a Sku, ctx: &'a Context<'a>) -> Result<Asked<'a>, Rejection> {
    match ctx.source {
        Source::Entity(owner) if answer::may_own(ctx.key, owner) => Ok(Asked { sku, ctx, owner }),
        Source::Entity(_) | Source::Caller | Source::Timer => Err(Rejection::Forbidden),
    }
}

/// A message of somebody who may own holds.
struct Asked<'a> {
    sku: &'a Sku,
    ctx: &'a Context<'a>,
    owner: &'a EntityKey,
}

impl Asked<'_> {
    /// Answers, and nothing else.
    fn say(&self, reply: StockReply) -> Decision<Sku> {
        Decision::nothing().and(answer::tell(self.owner.clone(), &self.sku.code, reply))
    }

    /// Records and answers.
    fn done(&self, event: Event, reply: StockReply) -> Decision<Sku> {
        Decision::event(event).and(answer::tell(self.owner.clone(), &self.sku.code, reply))
    }

    /// Refuses a hold that is somebody else's.
    fn owns(&self, hold_id: Uuid) -> Result<(), Rejection> {
        if self.sku.holds.is_foreign(hold_id, self.owner) {
            Err(Rejection::Forbidden)
        } else {
            Ok(())
        }
    }
}
