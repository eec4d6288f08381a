//! Faults of a plan: those that a scenario names, and those that a seed chooses (swarm testing).
//!
//! A seed first chooses which families are in play at all, so that some seeds have one family
//! alone and others crowds; then how many of each, when, whom and how much. Every draw is keyed
//! by the fault's own number. Faults end before the run does; those that take a node away leave
//! a majority of the nodes alone, unless the scenario says otherwise.

mod family;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use family::{Amount, Family};

use crate::plan::{Fault, FaultKind, MOMENT_WAIT_MS, Moment};
use crate::random::Stream;
use crate::traffic::{Draws, Span};

// Attempts of a fault in `Stream::PlanFaults`. The first four are drawn anew at each try.
const AT: u64 = 0;
const FOR: u64 = 1;
const NODE: u64 = 2;
const AMOUNT: u64 = 100;
const FLAG: u64 = 101;
const SIDE: u64 = 102;
const MOMENT: u64 = 105;
/// Attempts that a try takes.
const TRY: u64 = 4;
/// How often a fault that would take too many nodes away is drawn.
const TRIES_MAX: u64 = 12;
/// A family has fewer faults than this: its faults are numbered within it.
pub const FAULTS_PER_FAMILY: u32 = 100;
/// Faults of families count from here, those that the scenario names from 0.
const FAMILIES_FROM: u32 = 1_000;
/// Faults begin between these parts of a run without its calm end, and end before the last one.
const BEGIN_PERCENT: u64 = 5;
const BEGIN_BEFORE_PERCENT: u64 = 70;
const END_PERCENT: u64 = 95;

/// A fault of every seed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedFault {
    /// When it begins.
    pub at_ms: u64,
    /// How long it lasts.
    #[serde(default)]
    pub for_ms: u32,
    /// What it waits for after that time.
    #[serde(default)]
    pub moment: Moment,
    /// What it is, as in a plan.
    pub kind: FaultKind,
}

/// Faults that a seed chooses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swarm {
    /// Seeds in which a family is in play.
    pub family_percent: u8,
    /// Every seed has a fault that acts on any traffic.
    pub at_least_one: bool,
    /// At no time are so many nodes away that no majority is left.
    pub majority_lives: bool,
    /// How long the end of a run is without them: also who has been down all the time before has
    /// to serve everybody then.
    #[serde(default)]
    pub calm_ms: u64,
    /// The families, with what is drawn for each of their faults.
    pub family: BTreeMap<Family, Ranges>,
}

/// What is drawn for a fault of a family. Which keys there are depends on the family.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranges {
    /// How many in a run, when the family is in play.
    pub n: Option<Span>,
    /// How long each lasts.
    pub for_ms: Option<Span>,
    /// Of a crash: unsynced writes that are kept.
    pub kept_writes: Option<Span>,
    /// How many messages, calls, publishes, reads.
    pub percent: Option<Span>,
    /// The longest delay.
    pub up_to_ms: Option<Span>,
    /// How far a clock steps; not 0.
    pub by_ms: Option<Span>,
    /// How far a clock's speed is off; not 0.
    pub ppm: Option<Span>,
    /// Of partitions: how many hide one direction only.
    pub one_way_percent: Option<u8>,
    /// Of rolls: how many come back as the newer build.
    pub new_version_percent: Option<u8>,
    /// Of crashes and pauses: how many wait for a moment between a store's doing and its answer.
    pub moment_percent: Option<u8>,
}

/// The faults of a seed, by time.
pub(super) fn plan(
    fixed: &[FixedFault],
    swarm: Option<&Swarm>,
    seed: u64,
    nodes: u16,
    duration_ms: u64,
) -> Vec<Fault> {
    let mut faults: Vec<Fault> = (0_u32..)
        .zip(fixed)
        .filter(|(_, fault)| fault.kind.node().is_none_or(|node| node < nodes))
        .map(|(id, fault)| Fault {
            id,
            at_us: fault.at_ms * 1_000,
            for_ms: fault.for_ms,
            moment: fault.moment,
            kind: fault.kind.clone(),
        })
        .collect();
    if let Some(swarm) = swarm {
        let span_ms = duration_ms - swarm.calm_ms;
        let mut draft = Draft { swarm, seed, nodes, span_ms, faults };
        draft.fill();
        faults = draft.faults;
    }
    faults.sort_by_key(|fault| (fault.at_us, fault.id));
    faults
}

struct Draft<'a> {
    swarm: &'a Swarm,
    seed: u64,
    nodes: u16,
    /// The part of the run in which they happen.
    span_ms: u64,
    faults: Vec<Fault>,
}

impl Draft<'_> {
    fn fill(&mut self) {
        let swarm = self.swarm;
        let possible: Vec<Family> =
            swarm.family.keys().copied().filter(|family| family.fits(self.nodes)).collect();
        let mut has_sure = false;
        for family in &possible {
            if self.choice(*family).percent(0, swarm.family_percent) {
                let ranges = &swarm.family[family];
                let n = ranges.n.map_or(0, |n| self.choice(*family).amount(1, n));
                let planned = (0..n).filter(|number| self.add(*family, *number)).count();
                has_sure |= family.is_sure() && planned > 0;
            }
        }
        let sure: Vec<Family> = possible.into_iter().filter(|family| family.is_sure()).collect();
        if swarm.at_least_one && !has_sure && !sure.is_empty() {
            let draws = Draws::of(self.seed, Stream::Swarm, 1_000);
            let place = draws.below(0, sure.len() as u64);
            self.add(sure[usize::try_from(place).expect("below the length")], 0);
        }
    }

    /// What a family draws for itself; 1,000 is the choice of a sure one.
    fn choice(&self, family: Family) -> Draws {
        Draws::of(self.seed, Stream::Swarm, 1_001 + family as u64)
    }

    /// Adds one fault, if there is room for it; whether there was.
    fn add(&mut self, family: Family, number: u32) -> bool {
        let id = FAMILIES_FROM + family as u32 * FAULTS_PER_FAMILY + number;
        let draws = Draws::of(self.seed, Stream::PlanFaults, u64::from(id));
        for attempt in 0..TRIES_MAX {
            let fault = self.draw(family, id, draws, attempt * TRY);
            if !self.swarm.majority_lives || self.leaves_majority(&fault) {
                self.faults.push(fault);
                return true;
            }
        }
        false
    }

    fn draw(&self, family: Family, id: u32, draws: Draws, first: u64) -> Fault {
        let ranges = &self.swarm.family[&family];
        let part = |percent: u64| self.span_ms * percent / 100;
        let begin = part(BEGIN_PERCENT);
        let at_ms = begin + draws.below(first + AT, part(BEGIN_BEFORE_PERCENT) - begin);
        let moment = self.moment(draws, ranges);
        let waits_ms = if moment == Moment::Any { 0 } else { MOMENT_WAIT_MS };
        let left_ms = part(END_PERCENT).saturating_sub(at_ms + waits_ms);
        let longest = u32::try_from(left_ms).unwrap_or(u32::MAX);
        let wished = ranges.for_ms.map_or(0, |span| draws.amount(first + FOR, span));
        let node = draws.below(first + NODE, u64::from(self.nodes));
        let node = u16::try_from(node).expect("below the number of nodes");
        let amount = family.amount().range(ranges).map_or(0, |span| draws.within(AMOUNT, span));
        let flag = ranges.one_way_percent.or(ranges.new_version_percent).unwrap_or(0);
        let parts = family::Parts {
            node,
            // A span may hold 0 between what it is for, as from -500 to 500.
            amount: if amount == 0 { i64::from(family.needs_amount()) } else { amount },
            flag: draws.percent(FLAG, flag),
            side: side(draws, self.nodes),
        };
        let (for_ms, kind) = (wished.min(longest), family.kind(parts));
        Fault { id, at_us: at_ms * 1_000, for_ms, moment, kind }
    }

    /// What a fault waits for: a node that has its store for itself claims nothing.
    fn moment(&self, draws: Draws, ranges: &Ranges) -> Moment {
        let claims = if self.nodes > 1 { 30 } else { 0 };
        match draws.percent(MOMENT, ranges.moment_percent.unwrap_or(0)) {
            false => Moment::Any,
            true => match draws.pick(MOMENT + 1, &[40, 30, claims]) {
                0 => Moment::Append,
                1 => Moment::Snapshots,
                _ => Moment::Claim,
            },
        }
    }

    /// Whether a majority is there at all times of this fault, and its node is not away already.
    fn leaves_majority(&self, fault: &Fault) -> bool {
        let Some(node) = away(fault) else { return true };
        let away_max = usize::from((self.nodes.max(3) - 1) / 2).min(usize::from(self.nodes));
        let mut others = 0;
        for other in &self.faults {
            let Some(its_node) = away(other) else { continue };
            if other.at_us <= end_us(fault) && fault.at_us <= end_us(other) {
                if its_node == node {
                    return false;
                }
                others += 1;
            }
        }
        others < away_max
    }
}

/// The node that a fault takes away.
fn away(fault: &Fault) -> Option<u16> {
    let family = Family::of(&fault.kind);
    fault.kind.node().filter(|_| family.takes_node_away())
}

/// When a node is back and has had a moment to take part again.
fn end_us(fault: &Fault) -> u64 {
    const REJOIN_US: u64 = 500_000;
    fault.end_us() + REJOIN_US
}

/// One node alone in half of all cases, any split in the others. 0 where there is one node.
fn side(draws: Draws, nodes: u16) -> u32 {
    if nodes < 2 {
        return 0;
    }
    let all = (1_u64 << nodes) - 1;
    let side = if draws.percent(SIDE, 50) {
        1 << draws.below(SIDE + 1, u64::from(nodes))
    } else {
        1 + draws.below(SIDE + 2, all - 1)
    };
    u32::try_from(side).expect("at most 32 nodes")
}

/// Some fault of a family, for tests of names.
#[cfg(test)]
pub(super) fn example(family: Family) -> FaultKind {
    family.kind(family::Parts { node: 0, amount: 1, flag: false, side: 1 })
}
