//! How many units of a SKU were for sale at the least and at the most, at each instant.
//!
//! Time has two instants a microsecond: in the first one what was sent in it has begun, in the
//! second one what was answered in it is over. So requests that touch are taken as concurrent.
//! After a count the shelf holds what was found; which count was the last, and whether it saw a
//! restock that came meanwhile, is left open in both directions.

use std::collections::BTreeSet;

use super::ledger::{Ledger, Supply};

/// Bounds of what was for sale, as step functions of time.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Begin of each step, as instants; the first is 0.
    steps: Vec<u64>,
    least: Extremes,
    most: Extremes,
    /// The first time at which more was taken than there can have been.
    pub(super) oversold: Option<Oversold>,
}

/// More was taken than there can have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Oversold {
    pub(super) at_us: u64,
    /// Units that were surely taken.
    pub(super) taken: i64,
    /// Units that there were at the most, since the first of them can have been taken last.
    pub(super) supplied: i64,
}

/// The instant at which something may begin to be so.
const fn opening(us: u64) -> u64 {
    us.saturating_mul(2)
}

/// The instant at which something is surely over.
const fn after(us: u64) -> u64 {
    us.saturating_mul(2).saturating_add(1)
}

/// A change of what may be, or surely is, taken.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: u64,
    may: i64,
    surely: i64,
    /// The place in the ledger, if it begins or ends to be surely taken.
    take: Option<usize>,
}

impl Bounds {
    pub(super) fn new(ledger: &Ledger) -> Self {
        let changes = changes(ledger);
        let mut shelf = Shelf::new(ledger);
        let mut steps: Vec<_> = changes.iter().map(|change| change.at).collect();
        steps.extend(shelf.instants());
        steps.push(0);
        steps.sort_unstable();
        steps.dedup();
        let (mut least, mut most, mut supplied) = (Vec::new(), Vec::new(), Vec::new());
        let (mut may, mut surely) = (0, 0);
        let mut having = Having::default();
        let mut peaks = Vec::new();
        let mut changes = changes.into_iter().peekable();
        for &at in &steps {
            let mut has_more = false;
            while let Some(change) = changes.next_if(|change| change.at <= at) {
                may += change.may;
                surely += change.surely;
                has_more |= change.surely > 0;
                having.note(ledger, change);
            }
            let (low, high) = shelf.at(at);
            least.push(low - may);
            most.push(high - surely);
            supplied.push(high);
            if has_more {
                peaks.push((supplied.len() - 1, surely, having.newest_us()));
            }
        }
        let supplied = Extremes::new(supplied);
        let mut bounds =
            Self { steps, least: Extremes::new(least), most: Extremes::new(most), oversold: None };
        bounds.oversold = bounds.first_oversold(&peaks, &supplied);
        bounds
    }

    /// The last of the units was taken when there were as many. Later a count may find fewer.
    fn first_oversold(&self, peaks: &[(usize, i64, u64)], supplied: &Extremes) -> Option<Oversold> {
        peaks.iter().find_map(|&(step, taken, newest_us)| {
            let from = self.step_at(opening(newest_us)).min(step);
            let supplied = supplied.greatest(from, step);
            let at_us = self.steps[step] / 2;
            (taken > supplied).then_some(Oversold { at_us, taken, supplied })
        })
    }

    /// The fewest units that may have been for sale at some instant of the time, both ends
    /// included; below 0 if more may have been taken than there was.
    pub(super) fn least(&self, from_us: u64, to_us: u64) -> i64 {
        let (first, last) = self.window(from_us, to_us);
        self.least.smallest(first, last)
    }

    /// The most units that may have been for sale at some instant of the time.
    pub(super) fn most(&self, from_us: u64, to_us: u64) -> i64 {
        let (first, last) = self.window(from_us, to_us);
        self.most.greatest(first, last)
    }

    fn window(&self, from_us: u64, to_us: u64) -> (usize, usize) {
        let first = self.step_at(opening(from_us));
        (first, self.step_at(opening(to_us)).max(first))
    }

    fn step_at(&self, instant: u64) -> usize {
        self.steps.partition_point(|step| *step <= instant).saturating_sub(1)
    }
}

fn changes(ledger: &Ledger) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, take) in ledger.takes.iter().enumerate() {
        let units = i64::from(take.units);
        changes.push(Change { at: opening(take.from_us), may: units, surely: 0, take: None });
        if let Some(gone_us) = take.gone_us {
            changes.push(Change { at: after(gone_us), may: -units, surely: 0, take: None });
        }
        let Some(held_us) = take.held_us else { continue };
        let released = take.released_from_us.map_or(u64::MAX, opening);
        if released > after(held_us) {
            let take = Some(place);
            changes.push(Change { at: after(held_us), may: 0, surely: units, take });
            changes.push(Change { at: released, may: 0, surely: -units, take });
        }
    }
    changes.sort_by_key(|change| change.at);
    changes
}

/// Who surely has units, by the time at which they can have taken them at the earliest.
#[derive(Default)]
struct Having(BTreeSet<(u64, usize)>);

impl Having {
    fn note(&mut self, ledger: &Ledger, change: Change) {
        let Some(place) = change.take else { return };
        let name = (ledger.takes[place].from_us, place);
        if change.surely > 0 {
            self.0.insert(name);
        } else {
            self.0.remove(&name);
        }
    }

    fn newest_us(&self) -> u64 {
        self.0.last().map_or(0, |(from_us, _)| *from_us)
    }
}

/// What may have been the last count (or the start), and its bounds without later restocks.
#[derive(Debug, Clone)]
struct Base {
    /// When it is over; `None`: perhaps never.
    to_us: Option<u64>,
    low: i64,
    high: i64,
    /// Restocks that it surely saw: of those possible they do not count.
    seen: i64,
    /// Restocks that it may have seen: of those sure they do not count.
    perhaps_seen: i64,
}

/// Units that were supplied, as time goes on.
struct Shelf {
    sent: Running,
    answered: Running,
    /// Counts by the time at which they were sent, and when they are over.
    counts: Vec<(u64, Base)>,
    ends: Vec<(u64, u64)>,
    n_counts: usize,
    n_ends: usize,
    bases: Vec<Base>,
}

impl Shelf {
    fn new(ledger: &Ledger) -> Self {
        let total = |supply: &Supply| i64::from(supply.units);
        let restocks = &ledger.restocks;
        let sent = Running::new(restocks.iter().map(|one| (opening(one.from_us), total(one))));
        let answered = restocks.iter().filter_map(|one| Some((after(one.to_us?), total(one))));
        let answered = Running::new(answered);
        let shipped = ledger
            .takes
            .iter()
            .filter_map(|take| Some((opening(take.ship_us?), i64::from(take.units))));
        let shipped = Running::new(shipped);
        let base = |count: &Supply| {
            let end = count.to_us.map_or(u64::MAX, opening);
            let base = Base {
                to_us: count.to_us,
                low: total(count),
                // Shipped units that were taken before are no longer among those found.
                high: total(count) + shipped.sum_at(end),
                seen: answered.sum_at(opening(count.from_us)),
                perhaps_seen: sent.sum_at(end),
            };
            (opening(count.from_us), base)
        };
        let mut counts: Vec<_> = ledger.counts.iter().map(base).collect();
        counts.sort_by_key(|(at, _)| *at);
        let ended = ledger.counts.iter();
        let mut ends: Vec<_> =
            ended.filter_map(|count| Some((after(count.to_us?), count.from_us))).collect();
        ends.sort_unstable();
        let start = i64::from(ledger.start);
        // The start is over before anything else is sent.
        let first = Base { to_us: Some(0), low: start, high: start, seen: 0, perhaps_seen: 0 };
        Self { sent, answered, counts, ends, n_counts: 0, n_ends: 0, bases: vec![first] }
    }

    /// Every instant at which the bounds may change.
    fn instants(&self) -> Vec<u64> {
        let restocks = self.sent.sums.iter().chain(&self.answered.sums).map(|(at, _)| *at);
        let counts = self.counts.iter().map(|(at, _)| *at);
        restocks.chain(counts).chain(self.ends.iter().map(|(at, _)| *at)).collect()
    }

    /// The fewest and the most units ever supplied, as of an instant not before the last one.
    fn at(&mut self, instant: u64) -> (i64, i64) {
        while let Some((_, base)) = self.counts.get(self.n_counts).filter(|(at, _)| *at <= instant)
        {
            self.bases.push(base.clone());
            self.n_counts += 1;
        }
        while let Some((_, from_us)) = self.ends.get(self.n_ends).filter(|(at, _)| *at <= instant) {
            // What was over before this count was sent is not the last one any more.
            self.bases.retain(|base| {
                let is_start = base.to_us == Some(0);
                !is_start && base.to_us.is_none_or(|to_us| to_us >= *from_us)
            });
            self.n_ends += 1;
        }
        let (sure, possible) = (self.answered.sum_at(instant), self.sent.sum_at(instant));
        let low = |base: &Base| base.low + (sure - base.perhaps_seen).max(0);
        let high = |base: &Base| base.high + (possible - base.seen).max(0);
        let low = self.bases.iter().map(low).min();
        let high = self.bases.iter().map(high).max();
        (low.unwrap_or(0), high.unwrap_or(0))
    }
}

/// Sums of what happened up to an instant.
struct Running {
    sums: Vec<(u64, i64)>,
}

impl Running {
    fn new(parts: impl Iterator<Item = (u64, i64)>) -> Self {
        let mut sums: Vec<_> = parts.collect();
        sums.sort_unstable();
        let mut sum = 0;
        for (_, part) in &mut sums {
            sum += *part;
            *part = sum;
        }
        Self { sums }
    }

    fn sum_at(&self, instant: u64) -> i64 {
        let n = self.sums.partition_point(|(at, _)| *at <= instant);
        n.checked_sub(1).map_or(0, |last| self.sums[last].1)
    }
}

/// The smallest and the greatest of a range of values: a segment tree.
#[derive(Debug)]
struct Extremes {
    n: usize,
    tree: Vec<(i64, i64)>,
}

impl Extremes {
    fn new(values: Vec<i64>) -> Self {
        let n = values.len();
        let mut tree = vec![(i64::MAX, i64::MIN); n];
        tree.extend(values.into_iter().map(|value| (value, value)));
        for place in (1..n).rev() {
            tree[place] = merged(tree[2 * place], tree[2 * place + 1]);
        }
        Self { n, tree }
    }

    fn smallest(&self, first: usize, last: usize) -> i64 {
        self.of(first, last).0
    }

    fn greatest(&self, first: usize, last: usize) -> i64 {
        self.of(first, last).1
    }

    /// Of the places from `first` to `last`, both included.
    fn of(&self, first: usize, last: usize) -> (i64, i64) {
        let mut found = (i64::MAX, i64::MIN);
        let (mut low, mut high) = (first + self.n, last + self.n + 1);
        while low < high {
            if low % 2 == 1 {
                found = merged(found, self.tree[low]);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                found = merged(found, self.tree[high]);
            }
            low /= 2;
            high /= 2;
        }
        found
    }
}

fn merged(one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
    (one.0.min(other.0), one.1.max(other.1))
}
