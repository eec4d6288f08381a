//! Hold: take units, all or nothing, and answer at once.

use uuid::Uuid;

use super::{Asked, Decided};
use crate::protocol::{HoldRefusal, Location, StockReply};
use crate::sku::event::Left;
use crate::sku::hold::{Hold, Owner, Phase, Terms};
use crate::sku::parts::Parts;
use crate::sku::{Event, Rejection, limits};

/// What an owner wants.
pub(super) struct Want {
    pub(super) hold_id: Uuid,
    pub(super) generation: u32,
    pub(super) qty: u32,
    pub(super) ttl_ms: u64,
    pub(super) price_version: u64,
    pub(super) prefer: Vec<Location>,
    pub(super) commit: bool,
}

pub(super) fn hold(asked: &Asked<'_>, want: &Want) -> Decided {
    let &Want { hold_id, generation, qty, .. } = want;
    if qty == 0 || qty > limits::QTY_MAX {
        return Err(Rejection::invalid("/qty", "range", "1 to 1,000,000"));
    }
    asked.owns(hold_id)?;
    match asked.sku.holds.any(hold_id) {
        Some(known) if generation == known.generation => {
            Ok(asked.say(acked(asked, hold_id, known)))
        }
        Some(known) if generation < known.generation => {
            Ok(asked.say(StockReply::Stale { hold_id, generation }))
        }
        Some(_) | None => Ok(begin(asked, want).unwrap_or_else(|(refusal, available)| {
            let available = u32::try_from(available).unwrap_or(u32::MAX);
            asked.say(StockReply::HoldRejected { hold_id, generation, refusal, available })
        })),
    }
}

/// What the owner was answered to the present generation.
fn acked(asked: &Asked<'_>, hold_id: Uuid, hold: &Hold) -> StockReply {
    StockReply::HoldAcked {
        hold_id,
        generation: hold.generation,
        split: asked.sku.shelves.named(&hold.parts),
        expires_at: hold.acked_until(),
        committed: hold.acked == Phase::Committed,
    }
}

/// A new hold, another size of an open one, or the growth of a committed one.
///
/// Errors: why not, and what could be held.
fn begin(asked: &Asked<'_>, want: &Want) -> Result<Decision, (HoldRefusal, u64)> {
    let (sku, now) = (asked.sku, asked.ctx.now);
    let live = sku.holds.live(want.hold_id);
    let before = sku.shelves.available();
    if let Some(refusal) = refused(asked, want, live.is_some()) {
        let available = if refusal == HoldRefusal::NotForSale { 0 } else { before };
        return Err((refusal, available));
    }
    let own = live.map_or_else(Parts::default, Hold::open);
    let parts = sku
        .shelves
        .split(&own, want.qty, &want.prefer)
        .map_err(|available| (HoldRefusal::OutOfStock, available))?;
    if parts.iter().count() > 1 {
        sites::hit("hold.several_places");
    }
    let left = Left::after(before, sku.shelves.available_after(&own, &parts));
    let phase = match live.map(|hold| hold.phase) {
        _ if want.commit => Phase::Committed,
        Some(Phase::Pinned) => Phase::Pinned,
        Some(Phase::Held | Phase::Committed | Phase::Expired | Phase::Released) | None => {
            Phase::Held
        }
    };
    let ttl_ms = ttl(want.ttl_ms);
    let reply = StockReply::HoldAcked {
        hold_id: want.hold_id,
        generation: want.generation,
        split: sku.shelves.named(&parts),
        expires_at: (phase == Phase::Held).then(|| now.plus_ms(ttl_ms.into())),
        committed: phase == Phase::Committed,
    };
    let hold_id = want.hold_id;
    let terms = Terms { generation: want.generation, parts, ttl_ms, phase };
    let event = match live {
        None => Event::Held { hold_id, owner: Owner::of(asked.owner), terms, left },
        Some(hold) if hold.open_claim().is_some() => Event::Resized { hold_id, terms, left },
        Some(_) => Event::Grown { hold_id, terms, left },
    };
    Ok(asked.done(event, reply))
}

type Decision = entity::Decision<crate::sku::Sku>;

fn refused(asked: &Asked<'_>, want: &Want, live: bool) -> Option<HoldRefusal> {
    let sku = asked.sku;
    if sku.about.is_none() || sku.archived || sku.prices.is_empty() {
        Some(HoldRefusal::NotForSale)
    } else if want.price_version < sku.price_version {
        sites::hit("hold.price_moved");
        Some(HoldRefusal::PriceMoved { price_version: sku.price_version })
    } else if !live && sku.holds.len() >= limits::HOLDS_MAX {
        Some(HoldRefusal::TooManyHolds)
    } else {
        None
    }
}

/// A time to live that a hold can have.
pub(super) fn ttl(ttl_ms: u64) -> u32 {
    u32::try_from(ttl_ms).unwrap_or(u32::MAX).min(limits::HOLD_TTL_MS_MAX)
}
