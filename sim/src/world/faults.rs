//! Faults that are in force, and what they did.
//!
//! A fault that changes nothing is counted as not effective. Every chance is drawn by the fault's
//! own id and the message's name, so that faults do not disturb each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::plan::{Fault, FaultKind};
use crate::random::{Stream, below, mix, percent};

/// Faults in force. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    seed: u64,
    active: Vec<Fault>,
    hits: BTreeMap<&'static str, u64>,
    effective: BTreeSet<u32>,
}

impl Faults {
    /// No fault yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            seed,
            active: Vec::new(),
            hits: BTreeMap::new(),
            effective: BTreeSet::new(),
        })))
    }

    /// A fault is in force from now on.
    pub fn begin(&self, fault: &Fault) {
        self.0.lock().active.push(fault.clone());
    }

    /// It is no longer.
    pub fn end(&self, id: u32) {
        self.0.lock().active.retain(|fault| fault.id != id);
    }

    /// A fault changed something.
    pub fn hit(&self, fault: &Fault) {
        self.0.lock().hit(fault.id, fault.kind.family());
    }

    /// Whether a fault in force strikes a message: `chance` gives its percentage for faults that
    /// are of interest.
    #[must_use]
    pub fn strikes(&self, message: u64, chance: impl Fn(&FaultKind) -> Option<u8>) -> bool {
        self.struck(message, chance).is_some()
    }

    /// The same, with bits to draw further from.
    #[must_use]
    pub fn struck(&self, message: u64, chance: impl Fn(&FaultKind) -> Option<u8>) -> Option<u64> {
        let state = &mut *self.0.lock();
        for index in 0..state.active.len() {
            let fault = &state.active[index];
            let Some(chance) = chance(&fault.kind) else { continue };
            let bits = mix(state.seed, Stream::Fault, message, u64::from(fault.id));
            if percent(bits, u64::from(chance)) {
                let (id, family) = (fault.id, fault.kind.family());
                state.hit(id, family);
                return Some(bits.rotate_left(29));
            }
        }
        None
    }

    /// The longest delay in ns that faults in force put on a message: `up_to_ms` gives the bound.
    #[must_use]
    pub fn delay_ns(&self, message: u64, up_to_ms: impl Fn(&FaultKind) -> Option<u32>) -> u64 {
        let state = &mut *self.0.lock();
        let mut longest = 0;
        for index in 0..state.active.len() {
            let fault = &state.active[index];
            let Some(up_to_ms) = up_to_ms(&fault.kind).filter(|ms| *ms > 0) else { continue };
            let bits = mix(state.seed, Stream::Fault, message, u64::from(fault.id));
            let delay = below(bits, u64::from(up_to_ms) * 1_000_000);
            if delay == 0 {
                continue;
            }
            longest = longest.max(delay);
            let (id, family) = (fault.id, fault.kind.family());
            state.hit(id, family);
        }
        longest
    }

    /// How often each family had an effect.
    #[must_use]
    pub fn hits(&self) -> BTreeMap<String, u64> {
        let state = self.0.lock();
        state.hits.iter().map(|(family, n)| ((*family).to_owned(), *n)).collect()
    }

    /// Whether this fault changed anything.
    #[must_use]
    pub fn is_effective(&self, id: u32) -> bool {
        self.0.lock().effective.contains(&id)
    }
}

impl State {
    fn hit(&mut self, id: u32, family: &'static str) {
        *self.hits.entry(family).or_default() += 1;
        self.effective.insert(id);
    }
}
