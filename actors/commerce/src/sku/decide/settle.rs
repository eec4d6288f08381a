//! What an owner does with a hold: pin, unpin, commit, release, hand over.
//!
//! A hold whose clock ran out counts as expired even when its timer has not come yet: the order
//! of timer and message must not decide whether units are sold.

use entity::{Decision, EntityKey};
use uuid::Uuid;

use super::hold::ttl;
use super::{Asked, Decided};
use crate::protocol::{CommitRefusal, StockReply};
use crate::sku::event::Left;
use crate::sku::hold::{Hold, Owner, Phase};
use crate::sku::parts::Parts;
use crate::sku::{Event, Rejection, answer};

pub(super) fn pin(asked: &Asked<'_>, hold_id: Uuid, generation: u32) -> Decided {
    asked.owns(hold_id)?;
    let gone = StockReply::Gone { hold_id, generation };
    let Some(hold) = asked.sku.holds.live(hold_id).filter(|h| h.generation == generation) else {
        return Ok(asked.say(gone));
    };
    let pinned = StockReply::Pinned { hold_id, generation };
    Ok(match hold.phase {
        Phase::Held if hold.is_overdue(asked.ctx.now) => {
            asked.done(expired(asked, hold_id, hold), gone)
        }
        Phase::Held => asked.done(Event::Pinned { hold_id }, pinned),
        Phase::Pinned | Phase::Committed => asked.say(pinned),
        Phase::Expired | Phase::Released => asked.say(gone),
    })
}

pub(super) fn unpin(asked: &Asked<'_>, hold_id: Uuid, ttl_ms: u64) -> Decided {
    asked.owns(hold_id)?;
    let hold = asked.sku.holds.any(hold_id);
    let generation = hold.map_or(0, |hold| hold.generation);
    match hold.map(|hold| hold.phase) {
        Some(Phase::Pinned) => {
            let event = Event::Unpinned { hold_id, ttl_ms: ttl(ttl_ms) };
            Ok(asked.done(event, StockReply::Unpinned { hold_id }))
        }
        Some(Phase::Held) => Ok(asked.say(StockReply::Unpinned { hold_id })),
        Some(Phase::Committed) => Err(Rejection::AlreadyCommitted { hold_id }),
        Some(Phase::Expired | Phase::Released) | None => {
            Ok(asked.say(StockReply::Gone { hold_id, generation }))
        }
    }
}

pub(super) fn commit(asked: &Asked<'_>, hold_id: Uuid) -> Decided {
    asked.owns(hold_id)?;
    let committed = StockReply::Committed { hold_id };
    let refused = |refusal| StockReply::CommitRefused { hold_id, refusal };
    let Some(hold) = asked.sku.holds.any(hold_id) else {
        return Ok(asked.say(refused(CommitRefusal::NoSuchHold)));
    };
    Ok(match hold.phase {
        Phase::Held if hold.is_overdue(asked.ctx.now) => {
            sites::hit("hold.sold_too_late");
            asked.done(expired(asked, hold_id, hold), refused(CommitRefusal::Expired))
        }
        Phase::Held | Phase::Pinned => asked.done(Event::Committed { hold_id }, committed),
        Phase::Committed => asked.say(committed),
        Phase::Expired => asked.say(refused(CommitRefusal::Expired)),
        Phase::Released => asked.say(refused(CommitRefusal::NoSuchHold)),
    })
}

pub(super) fn release(asked: &Asked<'_>, hold_id: Uuid, generation: u32) -> Decided {
    asked.owns(hold_id)?;
    let released = StockReply::Released { hold_id, generation };
    let Some(hold) = asked.sku.holds.any(hold_id) else { return Ok(asked.say(released)) };
    if generation < hold.generation {
        return Ok(asked.say(StockReply::Stale { hold_id, generation }));
    }
    match hold.phase {
        Phase::Held | Phase::Pinned => Ok(asked.done(given_back(asked, hold_id, hold), released)),
        // A growth that was refused never was; what is committed stays.
        Phase::Committed if generation > hold.generation => Ok(asked.say(released)),
        // It crossed with an answer that it was sold at once, and the owner gave all of it back
        // as restocked meanwhile: there is nothing left to release.
        Phase::Committed if hold.sold().is_empty() && !hold.has_shipped() => {
            Ok(asked.say(released))
        }
        Phase::Committed => Err(Rejection::AlreadyCommitted { hold_id }),
        Phase::Expired | Phase::Released => Ok(asked.say(released)),
    }
}

pub(super) fn transfer(asked: &Asked<'_>, hold_id: Uuid, new_owner: &EntityKey) -> Decided {
    let transferred = StockReply::Transferred { hold_id };
    let hold = asked.sku.holds.live(hold_id);
    let same_stream = new_owner.affinity == asked.owner.affinity;
    if !same_stream || !answer::may_own(asked.ctx.key, new_owner) {
        return Err(Rejection::invalid("/new_owner", "owner", "another stream, shop or kind"));
    }
    if hold.is_some_and(|hold| hold.is_owner(new_owner)) {
        return Ok(asked.say(transferred));
    }
    asked.owns(hold_id)?;
    Ok(match hold {
        Some(_) => {
            let event = Event::Transferred { hold_id, owner: Owner::of(new_owner) };
            asked.done(event, transferred)
        }
        None => {
            let generation = asked.sku.holds.ended(hold_id).map_or(0, |hold| hold.generation);
            asked.say(StockReply::Gone { hold_id, generation })
        }
    })
}

/// A late answer finds another owner, or the hold settled: then there is nothing to do.
pub(super) fn owner_status(asked: &Asked<'_>, hold_id: Uuid, keep: bool) -> Decided {
    let hold = asked.sku.holds.live(hold_id).filter(|hold| hold.is_owner(asked.owner));
    Ok(match hold {
        Some(hold) if !keep && hold.phase == Phase::Pinned => {
            Decision::event(given_back(asked, hold_id, hold))
        }
        Some(_) | None => Decision::nothing(),
    })
}

fn given_back(asked: &Asked<'_>, hold_id: Uuid, hold: &Hold) -> Event {
    Event::Released { hold_id, left: left_without(asked, hold) }
}

fn expired(asked: &Asked<'_>, hold_id: Uuid, hold: &Hold) -> Event {
    Event::Expired { hold_ids: vec![hold_id], left: left_without(asked, hold) }
}

fn left_without(asked: &Asked<'_>, hold: &Hold) -> Left {
    let shelves = &asked.sku.shelves;
    let after = shelves.available_after(&hold.parts, &Parts::default());
    Left::after(shelves.available(), after)
}
