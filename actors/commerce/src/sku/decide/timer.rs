//! What is due: holds expire, owners of old pinned holds are asked.
//!
//! After a step nothing that it saw is due any more: all expired holds end in it (an event names
//! twenty thousand of them in 340 KB), and owners that do not fit into it are put off for a second.

use entity::{Context, Decision};

use crate::protocol::StockReply;
use crate::sku::event::Left;
use crate::sku::hold::Phase;
use crate::sku::shelf::Claim;
use crate::sku::{Event, Sku, answer, limits};

pub(in crate::sku) fn wake(sku: &Sku, ctx: &Context<'_>) -> Decision<Sku> {
    let mut shelves = sku.shelves.clone();
    let (mut expired, mut asked, mut effects) = (Vec::new(), Vec::new(), Vec::new());
    for (hold_id, hold) in sku.holds.due_at(ctx.now) {
        match hold.phase {
            Phase::Held => {
                shelves.give(&hold.parts, Claim::Held);
                expired.push(hold_id);
            }
            Phase::Pinned if asked.len() < limits::ASKS_PER_STEP => {
                let question = StockReply::OwnerStatusAsked { hold_id };
                sites::hit("hold.owner_asked");
                effects.push(answer::tell(hold.owner(&ctx.key.tenant), &sku.code, question));
                asked.push(hold_id);
            }
            // The others are put off; nothing else has a deadline.
            Phase::Pinned | Phase::Committed | Phase::Expired | Phase::Released => {}
        }
    }
    if sites::is_broken("ttl_ignoring_pinned_hold") {
        expired.extend(sku.holds.past_ttl(ctx.now));
    }
    let mut events = Vec::with_capacity(2);
    if !expired.is_empty() {
        sites::hit("hold.expired");
        let left = Left::after(sku.shelves.available(), shelves.available());
        events.push(Event::Expired { hold_ids: expired, left });
    }
    if !asked.is_empty() {
        events.push(Event::OwnersAsked { hold_ids: asked });
    }
    Decision::events(events).and_all(effects)
}
