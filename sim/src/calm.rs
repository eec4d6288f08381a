//! Calm times of a run: those that no fault disturbs, from its beginning until some time after
//! its end, for what it left behind (takeovers, back-offs, queues).
//!
//! One notion for all that is judged by it: drains, and answers to clients. Faults count by the
//! times at which they happened: a restart is over when its node serves again, but for that after a
//! failed sync, which begins within the time that is felt anyway. Clocks stay where a fault has put
//! them: once they may be so far apart that a message between two nodes can come after its deadline
//! as it is sent, nothing is calm any more. It does not say what has to hold in calm times.

use crate::plan::{Fault, FaultKind};

/// How long after a fault its traces excuse, in us.
const AFTER_US: u64 = 20_000_000;
/// Clocks that are no farther apart disturb nobody, in ms: the least deadline of a message that an
/// order sends lies 15 s ahead in production. Where orders wait for less, or `hasty_message` fires,
/// an order whose message came too late is cancelled at once, and whoever waits for it is told.
const APART_MS: i64 = 10_000;

/// Whom a fault disturbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Everybody.
    All,
    /// Who asks this node; and drains, since its shards are on their way.
    Node(u16),
    /// Who waits for events to be published.
    Bus,
}

/// Who wants to know whether anything is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// A client of this node.
    Client(u16),
    /// The drain that is this fault.
    Drain(u32),
    /// Entities that wait for each other, wherever they are.
    Saga,
}

/// A fault that happened. Times in us of the plan.
#[derive(Debug, Clone, Copy)]
struct Felt {
    fault: u32,
    reach: Reach,
    from_us: u64,
    /// `None`: it is in force.
    to_us: Option<u64>,
}

/// What happened so far.
#[derive(Debug, Clone)]
pub struct Calm {
    felt: Vec<Felt>,
    /// How far faults have moved the clock of each node, in ms.
    clocks_ms: Vec<i64>,
}

impl Calm {
    /// Of so many nodes, to which nothing happened yet.
    #[must_use]
    pub fn of_nodes(n_nodes: u16) -> Self {
        Self { felt: Vec::new(), clocks_ms: vec![0; n_nodes.into()] }
    }

    /// As if the faults of a plan for three nodes happened as it says: for tests of what is judged
    /// by it.
    #[cfg(test)]
    pub fn of(faults: &[Fault]) -> Self {
        let mut calm = Self::of_nodes(3);
        for fault in faults {
            calm.begins(fault, fault.at_us);
            calm.ends(fault, fault.end_us());
        }
        calm
    }

    /// A fault happens.
    pub fn begins(&mut self, fault: &Fault, at_us: u64) {
        let reach = reach(&fault.kind);
        self.felt.push(Felt { fault: fault.id, reach, from_us: at_us, to_us: None });
        if let Some((node, by_ms)) = fault.kind.moved_clock(fault.for_ms)
            && let Some(clock) = self.clocks_ms.get_mut(usize::from(node))
        {
            *clock += by_ms;
        }
    }

    /// It is over.
    pub fn ends(&mut self, fault: &Fault, at_us: u64) {
        if fault.kind.moved_clock(fault.for_ms).is_some() && self.apart_ms() > APART_MS {
            return;
        }
        let mut open = self.felt.iter_mut().filter(|felt| felt.to_us.is_none());
        if let Some(felt) = open.find(|felt| felt.fault == fault.id) {
            felt.to_us = Some(at_us);
        }
    }

    /// How far two clocks are apart at the most, in ms.
    fn apart_ms(&self) -> i64 {
        let (first, last) = (self.clocks_ms.iter().min(), self.clocks_ms.iter().max());
        first.zip(last).map_or(0, |(first, last)| last - first)
    }

    /// Whether nothing disturbs this witness between two times.
    #[must_use]
    pub fn holds(&self, witness: Witness, from_us: u64, to_us: u64) -> bool {
        !self.felt.iter().any(|felt| felt.disturbs(witness, from_us, to_us))
    }

    /// When the last fault that is over is felt no more, in us; clocks that are apart do not count.
    #[must_use]
    pub fn felt_until_us(&self) -> u64 {
        let ends = self.felt.iter().filter_map(|felt| felt.to_us);
        ends.max().map_or(0, |end_us| end_us + AFTER_US + 1)
    }

    /// The first time from `from_us` on after which nothing disturbs this witness for so long;
    /// `None`: never.
    #[must_use]
    pub fn quiet_from(&self, witness: Witness, from_us: u64, for_us: u64) -> Option<u64> {
        let mut from_us = from_us;
        loop {
            let to_us = from_us.saturating_add(for_us);
            let meets = |felt: &&Felt| felt.disturbs(witness, from_us, to_us);
            let mut met = self.felt.iter().filter(meets).peekable();
            if met.peek().is_none() {
                return Some(from_us);
            }
            let ends = met.map(|felt| felt.to_us.map(|end_us| end_us + AFTER_US + 1));
            from_us = ends.collect::<Option<Vec<_>>>()?.into_iter().max()?;
        }
    }
}

impl Felt {
    /// Whether it is felt by this witness at some time between the two.
    fn disturbs(&self, witness: Witness, from_us: u64, to_us: u64) -> bool {
        let is_felt =
            self.from_us <= to_us && self.to_us.is_none_or(|end_us| from_us <= end_us + AFTER_US);
        is_felt && self.reaches(witness)
    }

    fn reaches(&self, witness: Witness) -> bool {
        match (witness, self.reach) {
            (Witness::Client(_), Reach::All) => true,
            (Witness::Client(asked), Reach::Node(node)) => asked == node,
            (Witness::Client(_) | Witness::Saga, Reach::Bus) => false,
            (Witness::Saga, Reach::All | Reach::Node(_)) => true,
            (Witness::Drain(itself), Reach::All | Reach::Node(_) | Reach::Bus) => {
                self.fault != itself
            }
        }
    }
}

const fn reach(kind: &FaultKind) -> Reach {
    match kind {
        FaultKind::BusDown
        | FaultKind::BusTwice { .. }
        | FaultKind::BusLostAcks { .. }
        | FaultKind::BusWiped
        | FaultKind::BusCut { .. } => Reach::Bus,
        FaultKind::Roll { node, .. } => Reach::Node(*node),
        FaultKind::Crash { .. }
        | FaultKind::Pause { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Duplicate { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Partition { .. }
        | FaultKind::ClientLoss { .. }
        | FaultKind::StoreSlow { .. }
        | FaultKind::StoreUnknown { .. }
        | FaultKind::StoreDown { .. }
        | FaultKind::StoreErrors { .. }
        | FaultKind::StaleReads { .. }
        | FaultKind::SyncFails { .. }
        | FaultKind::ClockStep { .. }
        | FaultKind::ClockDrift { .. } => Reach::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Moment;

    #[test]
    fn clocks_that_are_far_apart_disturb_for_ever() {
        let step = |id, node, by_ms| {
            let kind = FaultKind::ClockStep { node, by_ms };
            Fault { id, at_us: 100, for_ms: 0, moment: Moment::Any, kind }
        };
        let is_calm =
            |faults: &[Fault]| Calm::of(faults).holds(Witness::Client(0), u64::MAX, u64::MAX);
        assert!(is_calm(&[step(1, 2, 8_000)]));
        assert!(is_calm(&[step(1, 2, 8_000), step(2, 2, -8_000)]), "it was set right");
        assert!(is_calm(&[step(1, 0, 8_000), step(2, 1, 8_000)]), "of three one is behind");
        assert!(!is_calm(&[step(1, 2, 7_418), step(2, 2, 7_909)]), "seed 6741 of mixed");
        assert!(!is_calm(&[step(1, 0, 6_000), step(2, 1, -6_000)]));
        let kind = FaultKind::ClockDrift { node: 1, ppm: -100_000 };
        let drift = Fault { id: 3, at_us: 0, for_ms: 30_000, moment: Moment::Any, kind };
        assert!(!is_calm(&[step(1, 0, 8_000), drift.clone()]));
        assert!(is_calm(&[drift]));
        let mut alone = Calm::of_nodes(1);
        for fault in [step(1, 0, 8_000), step(2, 0, 8_000)] {
            alone.begins(&fault, 100);
            alone.ends(&fault, 100);
        }
        assert!(alone.holds(Witness::Client(0), u64::MAX, u64::MAX), "there is no other clock");
    }

    #[test]
    fn it_is_quiet_again_once_the_last_fault_is_felt_no_more() {
        let crash = FaultKind::Crash { node: 0, kept_writes: 0 };
        let fault =
            |id, at_us| Fault { id, at_us, for_ms: 0, moment: Moment::Any, kind: crash.clone() };
        let calm = Calm::of(&[fault(1, 5_000_000), fault(2, 30_000_000)]);
        let quiet = |from_us, for_us| calm.quiet_from(Witness::Client(0), from_us, for_us);
        assert_eq!(quiet(0, 4_000_000), Some(0));
        assert_eq!(quiet(6_000_000, 1_000_000), Some(25_000_001));
        assert_eq!(quiet(6_000_000, 9_000_000), Some(50_000_001), "not long enough between them");
        assert_eq!(calm.felt_until_us(), 50_000_001);
        let mut lasting = calm;
        lasting.begins(&fault(3, 40_000_000), 40_000_000);
        assert_eq!(lasting.quiet_from(Witness::Client(0), 60_000_000, 1), None);
    }

    #[test]
    fn each_fault_disturbs_its_own() {
        let fault = |id, kind| Fault { id, at_us: 0, for_ms: 0, moment: Moment::Any, kind };
        let roll = fault(7, FaultKind::Roll { node: 1, new_version: false });
        let cases = [
            (fault(1, FaultKind::BusDown), [false, false, true, false]),
            (fault(2, FaultKind::Pause { node: 1 }), [true, true, true, true]),
            (fault(3, FaultKind::Roll { node: 1, new_version: false }), [false, true, true, true]),
            (roll, [false, true, false, true]),
        ];
        let witnesses = [Witness::Client(0), Witness::Client(1), Witness::Drain(7), Witness::Saga];
        for (fault, disturbed) in cases {
            let mut calm = Calm::of_nodes(3);
            calm.begins(&fault, 100);
            let is_disturbed = |calm: &Calm, from_us, to_us| {
                witnesses.map(|witness| !calm.holds(witness, from_us, to_us))
            };
            assert_eq!(is_disturbed(&calm, 0, 99), [false; 4], "before it");
            assert_eq!(is_disturbed(&calm, u64::MAX, u64::MAX), disturbed, "in force: {fault:?}");
            calm.ends(&fault, 200);
            assert_eq!(is_disturbed(&calm, 200 + AFTER_US, u64::MAX), disturbed, "{fault:?}");
            assert_eq!(is_disturbed(&calm, 201 + AFTER_US, u64::MAX), [false; 4], "felt no more");
        }
    }
}
