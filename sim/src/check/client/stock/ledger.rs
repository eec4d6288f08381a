//! What the requests of a history prove about the stock of each SKU, and when.
//!
//! Each placement takes its units at most once, once more where it may have lost them before they
//! were sold, and gives them back at most once. The ledger holds
//! the earliest and the latest time of both as far as answers prove them; who may have taken and
//! when is never assumed in the system's disfavour. Levels of safety and overselling are taken to
//! be 0, as in the simulator's plans. SKUs at several places that are counted are left to the
//! journal's checkers: what is missing at one place takes nothing from the others.

use std::collections::BTreeMap;

use crate::check::client::facts::{Effect, Shown, Word, effect, is_done};
use crate::check::client::index::{Index, OrderFacts, Placement};
use crate::history::{Ask, History, Op};

/// The stock of a SKU.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The SKU.
    pub sku: u32,
    /// Units at the start.
    pub start: u32,
    /// What placements took, or may have.
    pub takes: Vec<Take>,
    /// Placements that were refused since a SKU of theirs had not enough.
    pub refusals: Vec<Refusal>,
    /// Units put on the shelf.
    pub restocks: Vec<Supply>,
    /// Counts of the shelf.
    pub counts: Vec<Supply>,
    /// Answers that show what is for sale.
    pub reads: Vec<Read>,
}

/// Units that a placement took, or may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// Order or cart, for people.
    pub name: String,
    /// Units.
    pub units: u32,
    /// Not taken before this.
    pub from_us: u64,
    /// Taken by this; `None`: perhaps never.
    pub held_us: Option<u64>,
    /// Whether they are sold by then: from there on neither a count nor time takes them.
    pub is_sold: bool,
    /// Not lost to a count or by time before this, and then perhaps taken once more; `None`: never
    /// lost.
    pub lost_us: Option<u64>,
    /// Not given back before this; `None`: never given back.
    pub released_from_us: Option<u64>,
    /// Given back by this, if they were taken at all; `None`: perhaps never.
    pub gone_us: Option<u64>,
    /// Not shipped before this; `None`: never.
    pub ship_us: Option<u64>,
}

/// A placement that was refused as out of stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Names the placement: the same one in the ledgers of all its SKUs.
    pub placement: usize,
    /// Units asked for.
    pub units: u32,
    /// SKUs that were asked for: if it is the only one, this SKU must have been short.
    pub n_lines: usize,
    /// Its own units, if the ledger counts them as perhaps taken meanwhile.
    pub own_units: u32,
    /// It was not decided before this.
    pub from_us: u64,
    /// Nor after this.
    pub to_us: u64,
}

/// Units that came, or that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supply {
    /// Units.
    pub units: u32,
    /// Not before this.
    pub from_us: u64,
    /// By this; `None`: perhaps never.
    pub to_us: Option<u64>,
}

/// Units for sale that an answer shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Units.
    pub available: i64,
    /// When it was sent.
    pub from_us: u64,
    /// When it was answered.
    pub to_us: u64,
}

impl Ledger {
    /// The ledgers of all SKUs whose stock at the start is known, by SKU.
    #[must_use]
    pub fn all(history: &History) -> Vec<Self> {
        Self::of(history, &Index::new(history))
    }

    pub(in crate::check::client) fn of(history: &History, index: &Index<'_>) -> Vec<Self> {
        let start = |(sku, start): (&u32, &u32)| {
            (*sku, Self { sku: *sku, start: *start, ..Self::default() })
        };
        let mut ledgers: BTreeMap<u32, Self> = history.stock.iter().map(start).collect();
        supplies(history, &mut ledgers);
        // What a count of one place finds says nothing of the others.
        ledgers.retain(|sku, ledger| ledger.counts.is_empty() || !history.spread.contains(sku));
        let mut carts: BTreeMap<&str, u64> = BTreeMap::new();
        for op in &history.ops {
            if let Ask::Place { cart, .. } = &op.ask {
                let first = carts.entry(cart).or_insert(op.sent_us);
                *first = op.sent_us.min(*first);
            }
        }
        for (number, placement) in index.placements.iter().enumerate() {
            let facts = placement.order.and_then(|order| index.orders.get(order));
            for (&sku, &units) in &placement.lines {
                let Some(ledger) = ledgers.get_mut(&sku) else { continue };
                let first_us = carts.get(placement.cart).copied();
                let lapses = Lapses { holds_us: history.holds_us, first_us };
                ledger.place(number, placement, facts, units, lapses);
            }
        }
        ledgers.into_values().collect()
    }

    fn place(
        &mut self,
        number: usize,
        placement: &Placement<'_>,
        facts: Option<&OrderFacts<'_>>,
        units: u32,
        lapses: Lapses,
    ) {
        let is_single = placement.lines.len() == 1;
        let mut take = take(placement, facts, units, !self.counts.is_empty(), lapses);
        if let Some(take) = &mut take {
            take.lost_us = self.lost_us(take, lapses);
        }
        let refused_us = placement.ops.iter().filter(|op| is_out_of_stock(op));
        let refused_us = refused_us.filter_map(|op| op.answered_us).min();
        // If it is not named, the refused order may be one that another key of the cart made.
        let first_us = lapses.first_us.filter(|_| placement.order.is_none());
        let from_us = first_us.unwrap_or(placement.from_us);
        // What was refused whole never took anything; a count may revoke what was taken, and what
        // is held for longer than holds last lapses before it is sold.
        let has_some = take.as_ref().is_some_and(|take| take.held_us.is_some());
        let may_lose = |to_us| !self.counts.is_empty() || lapses.may_lapse(from_us, to_us);
        let took_nothing =
            is_single && !has_some && refused_us.is_some_and(|to_us| !may_lose(to_us));
        if let Some(to_us) = refused_us {
            let gone_us = take.as_ref().and_then(|take| take.gone_us);
            self.refusals.push(Refusal {
                placement: number,
                units,
                n_lines: placement.lines.len(),
                own_units: if take.is_some() && !took_nothing { units } else { 0 },
                from_us,
                to_us: gone_us.unwrap_or(to_us).min(to_us),
            });
        }
        let Some(take) = take.filter(|_| !took_nothing) else { return };
        self.takes.extend(parts(take, facts.map(|facts| cut(self.sku, facts)).unwrap_or_default()));
    }

    /// When units that are not sold yet may be lost at the earliest: with a count that is under way
    /// beside them, or once they are held for as long as holds last.
    fn lost_us(&self, take: &Take, lapses: Lapses) -> Option<u64> {
        let sold_us = take.held_us.filter(|_| take.is_sold);
        let end_us = sold_us.or(take.gone_us).unwrap_or(u64::MAX);
        let beside = |count: &&Supply| {
            count.from_us <= end_us && count.to_us.is_none_or(|to_us| to_us >= take.from_us)
        };
        let counts = self.counts.iter().filter(beside);
        let counted_us = counts.map(|count| count.from_us.max(take.from_us)).min();
        let lapsed_us = lapses.holds_us.map(|holds_us| take.from_us.saturating_add(holds_us));
        counted_us.into_iter().chain(lapsed_us.filter(|lapsed_us| *lapsed_us <= end_us)).min()
    }
}

/// How long holds last, and since when a cart may have had one.
#[derive(Debug, Clone, Copy)]
struct Lapses {
    /// As in [`History::holds_us`].
    holds_us: Option<u64>,
    /// When the cart was first placed, by any key.
    first_us: Option<u64>,
}

impl Lapses {
    /// Whether a hold of this time may be over before it ends.
    fn may_lapse(self, from_us: u64, to_us: u64) -> bool {
        self.holds_us.is_some_and(|holds_us| to_us.saturating_sub(from_us) >= holds_us)
    }
}

fn is_out_of_stock(op: &Op) -> bool {
    is_conflict(op, "out_of_stock")
}

fn is_invalid_state(op: &Op) -> bool {
    is_conflict(op, "invalid_state")
}

fn is_conflict(op: &Op, code: &str) -> bool {
    let answer = op.answer.as_ref();
    answer.is_some_and(|answer| answer.status == 409 && answer.code.as_deref() == Some(code))
}

/// What the placement took of a SKU; `None`: nothing for certain.
fn take(
    placement: &Placement<'_>,
    facts: Option<&OrderFacts<'_>>,
    units: u32,
    is_counted: bool,
    lapses: Lapses,
) -> Option<Take> {
    let mut take = Take {
        name: placement.order.map_or_else(|| first_key(placement), str::to_owned),
        units,
        from_us: placement.from_us,
        held_us: None,
        is_sold: false,
        lost_us: None,
        released_from_us: Some(placement.from_us),
        gone_us: None,
        ship_us: None,
    };
    let Some(facts) = facts else {
        // No order that anybody knows: it is over once every try was refused.
        let is_over = placement.ops.iter().all(|op| effect(op) == Effect::None);
        let made_one = placement.ops.iter().any(|op| is_out_of_stock(op));
        if is_over {
            take.gone_us = placement.ops.iter().filter_map(|op| op.answered_us).max();
        }
        return (!is_over || made_one).then_some(take);
    };
    // An order that waits for its payment has its units, unless a count revoked them or they were
    // held for too long.
    let has = |seen: &Shown<'_>, word: Word| {
        let waits = word == Word::AwaitingPayment && !is_counted;
        word.is_sold() || waits && !lapses.may_lapse(placement.from_us, seen.answered_us)
    };
    let shown = || facts.shown.iter().filter_map(|shown| Some((shown, shown.word?)));
    let sold = shown().filter(|(_, word)| word.is_sold());
    let sold_us = sold.map(|(seen, _)| seen.answered_us).min();
    let held = shown().filter(|(seen, word)| has(seen, *word));
    let held_us = held.map(|(seen, _)| seen.answered_us).min();
    // What it had while it waited may have lapsed before it was sold.
    let lapsed = sold_us.filter(|sold_us| lapses.may_lapse(placement.from_us, *sold_us));
    take.held_us = lapsed.or(held_us);
    take.is_sold = sold_us.is_some();
    let gone = shown().filter(|(_, word)| *word == Word::Cancelled);
    take.gone_us = gone.map(|(seen, _)| seen.answered_us).min();
    let had = shown().filter(|(seen, word)| seen.fresh && has(seen, *word));
    let had_us = had.map(|(seen, _)| seen.sent_us).max().unwrap_or(placement.from_us);
    let cancels = facts.cancels.iter().filter(|op| effect(op) != Effect::None);
    let cancel_us = cancels.map(|op| op.sent_us).min();
    let left_us = match (take.is_sold, cancel_us) {
        (true, Some(cancel_us)) => Some(cancel_us),
        // Nobody asked for it: if it is gone all the same, the order's own checker says so.
        (true, None) => take.gone_us.map(|_| placement.from_us),
        (false, _) => Some(placement.from_us),
    };
    take.released_from_us = left_us.map(|left_us| left_us.max(had_us));
    if facts.is_refused() {
        // What was refused is cancelled, and does not lie on its shelf any more.
        (take.gone_us, take.released_from_us) = (None, take.released_from_us.or(Some(had_us)));
    }
    // A parcel that stays since one SKU of it had too few has booked out its other units.
    let is_in_part = |op: &Op| placement.lines.len() > 1 && is_invalid_state(op);
    let advances = facts.advances.iter().filter(|op| effect(op) != Effect::None || is_in_part(op));
    take.ship_us = advances.map(|op| op.sent_us).min();
    Some(take)
}

/// Units of the SKU that were asked to be cancelled for themselves, by key: since when they may be
/// back. What was refused gives nothing back.
fn cut(sku: u32, facts: &OrderFacts<'_>) -> Vec<(u32, u64)> {
    let mut by_key: BTreeMap<Option<&str>, (u32, u64)> = BTreeMap::new();
    for op in facts.cuts.iter().filter(|op| effect(op) != Effect::None) {
        let Ask::CancelPart { units, .. } = &op.ask else { continue };
        let of_sku = units.iter().filter(|(other, _)| *other == sku).map(|(_, units)| *units).sum();
        let cut = by_key.entry(op.key.as_deref()).or_insert((of_sku, op.sent_us));
        cut.1 = cut.1.min(op.sent_us);
    }
    by_key.into_values().filter(|(units, _)| *units > 0).collect()
}

/// What an order took, as parts that may be given back at times of their own.
fn parts(whole: Take, cuts: Vec<(u32, u64)>) -> Vec<Take> {
    let mut parts = Vec::new();
    let mut left = whole.units;
    for (units, sent_us) in cuts {
        let released_us = whole.released_from_us.unwrap_or(u64::MAX).min(sent_us);
        let part = Take {
            units: units.min(left),
            released_from_us: Some(released_us.max(whole.from_us)),
            ..whole.clone()
        };
        left -= part.units;
        parts.push(part);
    }
    parts.push(Take { units: left, ..whole });
    parts.retain(|part| part.units > 0);
    parts
}

fn first_key(placement: &Placement<'_>) -> String {
    let op = placement.ops[0];
    op.key
        .as_ref()
        .map_or_else(|| format!("a try at {} us", op.sent_us), |key| format!("key {key}"))
}

/// Restocks, counts and reads. Tries with one key are one.
fn supplies(history: &History, ledgers: &mut BTreeMap<u32, Ledger>) {
    let mut by_key: BTreeMap<(u32, bool, String), Supply> = BTreeMap::new();
    for (number, op) in history.ops.iter().enumerate() {
        let (sku, units, is_count) = match op.ask {
            Ask::Restock { sku, units, .. } => (sku, units, false),
            Ask::Count { sku, units, .. } => (sku, units, true),
            Ask::GetStock { sku } => {
                ledgers.entry(sku).and_modify(|ledger| ledger.reads.extend(read(op)));
                continue;
            }
            Ask::PutCart { .. }
            | Ask::Quote { .. }
            | Ask::Place { .. }
            | Ask::GetOrder { .. }
            | Ask::Cancel { .. }
            | Ask::CancelPart { .. }
            | Ask::Advance { .. }
            | Ask::Freeze { .. }
            | Ask::SetPrice { .. }
            | Ask::ListMine { .. }
            | Ask::Reuse { .. }
            | Ask::Merge { .. }
            | Ask::SignIn { .. }
            | Ask::PutAddress { .. }
            | Ask::DeleteAddress { .. }
            | Ask::Look(_)
            | Ask::Other => continue,
        };
        ledgers.entry(sku).and_modify(|ledger| ledger.reads.extend(read(op)));
        let effect = effect(op);
        if effect == Effect::None {
            continue;
        }
        let name = op.key.clone().map_or_else(|| format!("#{number}"), |key| format!("key {key}"));
        let to_us = op.answered_us.filter(|_| effect == Effect::Done);
        let first = Supply { units, from_us: op.sent_us, to_us };
        let supply = by_key.entry((sku, is_count, name)).or_insert(first);
        supply.from_us = supply.from_us.min(op.sent_us);
        supply.to_us = supply.to_us.into_iter().chain(to_us).min();
    }
    for ((sku, is_count, _), supply) in by_key {
        let Some(ledger) = ledgers.get_mut(&sku) else { continue };
        if is_count { ledger.counts.push(supply) } else { ledger.restocks.push(supply) }
    }
}

fn read(op: &Op) -> Option<Read> {
    let answer = op.answer.as_ref().filter(|answer| is_done(answer) && !answer.replayed)?;
    let available = answer.available.filter(|available| *available >= 0)?;
    Some(Read { available, from_us: op.sent_us, to_us: op.answered_us? })
}
