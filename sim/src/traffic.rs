//! Traffic: what clients want, by intended time, from parameters and a seed.
//!
//! An open loop: arrivals do not wait for answers. Every draw is keyed by the visit that it
//! belongs to, so a visit is the same whatever other visits there are. Numbers of people's visits
//! are those of the candidates of the thinning; bots and staff count from bases of their own.
//! [`num`] gives the few functions that floating point needs, so that a seed makes the same plan
//! on every machine. Retries are no traffic: the client's policy in the plan makes them.

pub mod arrivals;
pub mod draws;
pub mod keys;
pub mod num;
pub mod others;
pub mod people;
pub mod staffed;

pub use arrivals::Arrivals;
pub use draws::{Draws, Span};
pub use keys::Keys;
pub use others::{Bots, Staff};
pub use people::People;
pub use staffed::{Freezes, Parcels};

use crate::plan::{SkuSetup, Visit};

#[cfg(test)]
mod tests;

/// Visits of bots count from here.
pub const BOTS_FROM: u32 = 1_000_000_000;
/// Visits of staff count from here.
pub const STAFF_FROM: u32 = 2_000_000_000;

/// Who comes to a shop, and when.
#[derive(Debug, Clone, Copy)]
pub struct Traffic<'a> {
    /// When people come.
    pub arrivals: &'a Arrivals,
    /// What they want.
    pub keys: &'a Keys,
    /// What they do.
    pub people: &'a People,
    /// Buyers that are programs.
    pub bots: Option<&'a Bots>,
    /// Those who fill and count the shelf, and set prices.
    pub staff: Option<&'a Staff>,
    /// What is sold.
    pub skus: &'a [SkuSetup],
    /// How long, in ms.
    pub duration_ms: u64,
}

impl Traffic<'_> {
    /// All visits of a seed, by time. Cost: linear in the peak rate times the duration.
    #[must_use]
    pub fn visits(&self, seed: u64) -> Vec<Visit> {
        let wanted = self.keys.popularity(self.skus.len());
        let mut visits: Vec<Visit> = arrivals::times(self.arrivals, seed, self.duration_ms)
            .into_iter()
            .map(|(id, at_us)| self.people.visit(seed, id, at_us, &wanted))
            .collect();
        if let Some(bots) = self.bots {
            visits.extend(bots.visits(seed, self.people.n_users, self.duration_ms));
        }
        if let Some(staff) = self.staff {
            visits.extend(staff.visits(seed, self.skus, self.duration_ms));
        }
        visits.sort_by_key(|visit| (visit.at_us, visit.id));
        visits
    }
}
