//! What an allocator decides: a slot for orders, the root for slots.

use std::num::NonZeroU64;

use entity::{Context, Decision, Effect, EntityKey, Source};

use super::{BLOCK, Command, Event, LOW_AT, Numbers, Rejection, WAITING_MAX};
use crate::keys;
use crate::order::{self, Order};

/// Numbers of a block as they are leased.
const BLOCK_LEN: NonZeroU64 = NonZeroU64::new(BLOCK).expect("a block has numbers");

pub(super) fn decide(
    numbers: &Numbers,
    ctx: &Context<'_>,
    command: Command,
) -> Result<Decision<Numbers>, Rejection> {
    let Source::Entity(from) = ctx.source else { return Err(Rejection::WrongSource) };
    match command {
        Command::Request { order } => request(numbers, ctx, order),
        Command::Lease => lease(numbers, from),
        Command::Leased { from: first, len } => Ok(leased(numbers, first, len)),
    }
}

fn give(order: EntityKey, number: u64) -> Effect {
    Effect::tell::<Order>(order, &order::Command::Number { number })
}

/// The next number at once, or a place in the queue.
fn request(
    numbers: &Numbers,
    ctx: &Context<'_>,
    order: EntityKey,
) -> Result<Decision<Numbers>, Rejection> {
    let left = numbers.left();
    let mut decision = if left > 0 {
        Decision::event(Event::Given).and(give(order, numbers.next()))
    } else if numbers.waiting.len() < WAITING_MAX {
        Decision::event(Event::Queued { order })
    } else {
        return Err(Rejection::Full);
    };
    if left <= LOW_AT && numbers.asked_at.is_none() {
        let ask = ask_block(ctx);
        decision.events.extend(ask.events);
        decision.effects.extend(ask.effects);
    }
    Ok(decision)
}

/// Asks the root for a block; also when an earlier question was not answered. Two blocks for one
/// need are no harm: each number is still given once.
pub(super) fn ask_block(ctx: &Context<'_>) -> Decision<Numbers> {
    let root = keys::numbers_root(&ctx.key.tenant);
    Decision::event(Event::LeaseAsked).and(Effect::tell::<Numbers>(root, &Command::Lease))
}

/// The root gives its next block.
fn lease(numbers: &Numbers, slot: &EntityKey) -> Result<Decision<Numbers>, Rejection> {
    let from = numbers.next_block().ok_or(Rejection::Exhausted)?;
    let leased = Command::Leased { from, len: BLOCK_LEN };
    Ok(Decision::event(Event::BlockLeased).and(Effect::tell::<Numbers>(slot.clone(), &leased)))
}

/// A block came: everybody who waits is served, in the order of requests.
fn leased(numbers: &Numbers, from: u64, len: NonZeroU64) -> Decision<Numbers> {
    // Orders wait only while no number is left, so theirs are the first of this block.
    let served = (from..from.saturating_add(len.get())).zip(&numbers.waiting);
    let gifts: Vec<Effect> = served.map(|(number, order)| give(order.clone(), number)).collect();
    let n_served = u32::try_from(gifts.len()).unwrap_or(u32::MAX);
    Decision::event(Event::BlockAdded { from, len, n_served }).and_all(gifts)
}
