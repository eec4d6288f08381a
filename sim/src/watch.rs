//! What a run does with the sites of production code: counts probes, fires buggify sites by the
//! plan, plants a defect.
//!
//! A draw is a function of seed, site, subject and how often that subject was asked before, so a
//! site that fires more or less often does not change what another one draws.

mod panics;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use sites::{BUGGIFY, PROBES, Watch, Watching};

pub use panics::{Panicked, Panics};

use crate::plan::Plan;
use crate::random::{Stream, mix, percent};

/// The counts of a run. Cheap to clone; stays on its thread.
#[derive(Clone)]
pub struct Sites(Rc<RefCell<State>>);

struct State {
    seed: u64,
    /// Sites that are on: place in [`BUGGIFY`], and chance in percent.
    on: BTreeMap<&'static str, (u64, u64)>,
    asked: BTreeMap<(u64, u64), u64>,
    hits: BTreeMap<&'static str, u64>,
    fired: BTreeMap<&'static str, u64>,
    canary: Option<String>,
}

struct Watcher(Sites);

impl Sites {
    /// The sites of a plan's run, nothing counted yet.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let chance = |name: &str| {
            plan.setup.buggify.iter().find(|(on, _)| on == name).map(|(_, chance)| *chance)
        };
        let on = (0..).zip(BUGGIFY).filter_map(|(place, (name, _))| {
            chance(name).map(|chance| (*name, (place, u64::from(chance))))
        });
        Self(Rc::new(RefCell::new(State {
            seed: plan.seed,
            on: on.collect(),
            asked: BTreeMap::new(),
            hits: PROBES.iter().map(|(name, _)| (*name, 0)).collect(),
            fired: BTreeMap::new(),
            canary: plan.canary.clone(),
        })))
    }

    /// Watches this thread for as long as the result lives.
    pub fn watch(&self) -> Watching {
        sites::watch(Box::new(Watcher(self.clone())))
    }

    /// How often each probe was hit, and each site that is on fired (`buggify.` before its name).
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let state = self.0.borrow();
        let hits = state.hits.iter().map(|(name, n)| ((*name).to_owned(), *n));
        let fired = BUGGIFY.iter().map(|(name, _)| {
            (format!("buggify.{name}"), state.fired.get(name).copied().unwrap_or(0))
        });
        hits.chain(fired).collect()
    }
}

impl Watch for Watcher {
    fn hit(&mut self, probe: &'static str) {
        *self.0.0.borrow_mut().hits.entry(probe).or_default() += 1;
    }

    fn fires(&mut self, site: &'static str, subject: u64) -> bool {
        let state = &mut *self.0.0.borrow_mut();
        let Some(&(place, chance)) = state.on.get(site) else { return false };
        let attempt = state.asked.entry((place, subject)).or_default();
        *attempt += 1;
        let subject = mix(place, Stream::Buggify, subject, 0);
        let fires = percent(mix(state.seed, Stream::Buggify, subject, *attempt), chance);
        if fires {
            *state.fired.entry(site).or_default() += 1;
        }
        fires
    }

    fn is_broken(&mut self, canary: &'static str) -> bool {
        self.0.0.borrow().canary.as_deref() == Some(canary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn plan(seed: u64, buggify: &[(&str, u8)]) -> Plan {
        let mut plan = Scenario::built_in("mixed").unwrap().plan(seed);
        plan.setup.buggify = buggify.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        plan
    }

    fn draws(plan: &Plan, site: &'static str, between: impl Fn()) -> Vec<bool> {
        let sites = Sites::new(plan);
        let _watching = sites.watch();
        let one = || {
            between();
            sites::fires(site, 7)
        };
        (0..400).map(|_| one()).collect()
    }

    #[test]
    fn a_site_fires_as_often_as_it_should_and_does_not_mind_others() {
        let on = plan(1, &[("cache_miss", 25), ("early_snapshot", 50)]);
        let alone = draws(&on, "cache_miss", || {});
        let n = alone.iter().filter(|fires| **fires).count();
        assert!((70..130).contains(&n), "{n} of 400");
        let beside = draws(&on, "cache_miss", || {
            let _ = (sites::fires("early_snapshot", 7), sites::fires("cache_miss", 8));
        });
        assert_eq!(alone, beside);
        assert_ne!(alone, draws(&plan(2, &[("cache_miss", 25)]), "cache_miss", || {}));
        assert!(draws(&plan(1, &[]), "cache_miss", || {}).iter().all(|fires| !fires));
    }

    #[test]
    fn every_probe_and_site_is_counted_be_it_with_nothing() {
        let sites = Sites::new(&plan(1, &[("cache_miss", 100)]));
        let watching = sites.watch();
        sites::hit(PROBES[0].0);
        assert!(sites::fires("cache_miss", 1));
        drop(watching);
        sites::hit(PROBES[0].0);
        let counts = sites.counts();
        assert_eq!(counts.len(), PROBES.len() + BUGGIFY.len());
        assert_eq!((counts[PROBES[0].0], counts["buggify.cache_miss"]), (1, 1));
        assert_eq!(counts.values().sum::<u64>(), 2);
    }
}
