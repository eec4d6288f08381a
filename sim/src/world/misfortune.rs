//! Faults of the plan happen to the world, each at its time and for its time.

use std::rc::Rc;

use cluster::wire::FRAMES;
use ports::Versions;

use super::{Cut, Life, World, limits};
use crate::calm::Witness;
use crate::plan::{Fault, FaultKind, MOMENT_WAIT_MS};
use crate::record::Violation;

/// How long syncs fail at least, in us: long enough for an append to come.
const SYNC_FAILS_MIN_US: u64 = 1_000_000;

impl World {
    /// Lets all faults of a plan happen, each in a task of its own. Ends when the last is over.
    pub async fn suffer(&self, faults: &[Fault]) {
        let mut tasks = Vec::new();
        for fault in faults {
            let (world, fault) = (self.clone(), fault.clone());
            tasks.push(tokio::task::spawn_local(async move {
                let now_us = world.since_begin_us();
                world.kernel().sleep_us(fault.at_us.saturating_sub(now_us)).await;
                world.wait_for_moment(&fault).await;
                world.befalls_now(&fault).await;
            }));
        }
        for task in tasks {
            if let Err(error) = task.await
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    /// Waits for the moment that a fault waits for, and not for long.
    async fn wait_for_moment(&self, fault: &Fault) {
        let Some((node, moment)) = fault.awaits() else { return };
        let moments = &self.ground().moments;
        let came = moments.next(node, moment);
        tokio::select! {
            biased;
            () = came.notified() => {}
            () = self.kernel().sleep_us(MOMENT_WAIT_MS * 1_000) => moments.forget(&came),
        }
    }

    /// Lets a fault happen at once. Ends when it is over.
    pub async fn befalls_now(&self, fault: &Fault) {
        let begun_us = self.since_begin_us();
        self.0.calm.borrow_mut().begins(fault, begun_us);
        self.befall(fault).await;
        // A pause goes on by itself.
        let planned_us = begun_us + u64::from(fault.for_ms) * 1_000;
        let end_us = self.since_begin_us().max(planned_us);
        self.0.calm.borrow_mut().ends(fault, end_us);
    }

    async fn befall(&self, fault: &Fault) {
        let for_us = u64::from(fault.for_ms) * 1_000;
        match &fault.kind {
            FaultKind::Crash { node, kept_writes } => {
                let Some(life) = self.forget(*node) else {
                    return self.cut_start(fault, *node, *kept_writes);
                };
                self.hit(fault);
                self.die(&life, *kept_writes);
                self.kernel().sleep_us(for_us).await;
                self.start(*node).await;
            }
            FaultKind::SyncFails { .. } => self.fail_sync(fault, for_us).await,
            FaultKind::Pause { node } => {
                if self.life(*node).is_some() || self.starting(*node).is_some() {
                    self.hit(fault);
                    self.kernel().pause(*node, u64::from(fault.for_ms));
                }
            }
            FaultKind::Roll { node, new_version } => {
                self.roll(fault, *node, new_version.then_some(FRAMES)).await;
            }
            FaultKind::BusDown => self.stop_bus(fault, for_us).await,
            FaultKind::BusWiped => {
                if !self.ground().bus.is_empty() {
                    self.hit(fault);
                }
                self.ground().bus.wipe();
            }
            FaultKind::BusCut { percent } => {
                if !self.ground().bus.is_empty() {
                    self.hit(fault);
                }
                self.ground().bus.cut(*percent);
            }
            FaultKind::ClockStep { node, by_ms } => {
                if self.life(*node).is_some() || self.starting(*node).is_some() {
                    self.hit(fault);
                }
                self.0.skews[usize::from(*node)].step(i64::from(*by_ms));
            }
            FaultKind::ClockDrift { node, ppm } => {
                let drifts = u64::from(ppm.unsigned_abs()) * u64::from(fault.for_ms) >= 1_000_000;
                if drifts && self.life(*node).is_some() {
                    self.hit(fault);
                }
                let skew = &self.0.skews[usize::from(*node)];
                skew.drift(self.kernel().now_us(), i64::from(*ppm));
                self.kernel().sleep_us(for_us).await;
                skew.drift(self.kernel().now_us(), 0);
            }
            FaultKind::Loss { .. }
            | FaultKind::Duplicate { .. }
            | FaultKind::Delay { .. }
            | FaultKind::Partition { .. }
            | FaultKind::ClientLoss { .. }
            | FaultKind::StoreSlow { .. }
            | FaultKind::StoreUnknown { .. }
            | FaultKind::StoreDown { .. }
            | FaultKind::StoreErrors { .. }
            | FaultKind::StaleReads { .. }
            | FaultKind::BusTwice { .. }
            | FaultKind::BusLostAcks { .. } => {
                self.ground().faults.begin(fault);
                self.kernel().sleep_us(for_us).await;
                self.ground().faults.end(fault.id);
            }
        }
    }

    /// A node is drained, ends, and comes back; `build`: as another one.
    async fn roll(&self, fault: &Fault, node: u16, build: Option<Versions>) {
        let Some(life) = self.life(node) else { return };
        self.hit(fault);
        let begun_us = self.since_begin_us();
        let is_drained = life.drain().await;
        let is_calm = || {
            let (witness, now_us) = (Witness::Drain(fault.id), self.since_begin_us());
            self.0.calm.borrow().holds(witness, begun_us, now_us)
        };
        if !is_drained && is_calm() {
            self.trouble("drain", format!("node {node} did not drain in time"));
        }
        if let Some(build) = build {
            self.0.builds[usize::from(node)].set(build);
        }
        if self.life(node).is_some_and(|now| Rc::ptr_eq(&now, &life)) {
            self.forget(node);
            life.crash(self.kernel());
            self.kernel().sleep_us(u64::from(fault.for_ms) * 1_000).await;
            self.start(node).await;
        }
    }

    async fn stop_bus(&self, fault: &Fault, for_us: u64) {
        // A publish that meets it hits it; most relays look first, and their events wait.
        self.ground().faults.begin(fault);
        self.ground().bus.set_down(true);
        self.kernel().sleep_us(for_us).await;
        let mut lives = (0..self.n_nodes()).filter_map(|node| self.life(node));
        if lives.any(|life| life.has_unpublished()) {
            self.hit(fault);
        }
        self.ground().bus.set_down(false);
        self.ground().faults.end(fault.id);
    }

    fn starting(&self, node: u16) -> Option<Rc<Cut>> {
        self.0.nodes[usize::from(node)].borrow().starting.clone()
    }

    /// The process dies while it starts, if it does; whoever starts it tries again.
    fn cut_start(&self, fault: &Fault, node: u16, kept_writes: u16) {
        if let Some(cut) = self.starting(node) {
            self.hit(fault);
            cut.kept_writes.set(kept_writes);
            cut.asked.notify_one();
        }
    }

    fn trouble(&self, invariant: &str, what: String) {
        let at_us = self.since_begin_us();
        let violation = Violation { invariant: invariant.into(), at_us, what };
        self.0.troubles.borrow_mut().push(violation);
    }

    fn hit(&self, fault: &Fault) {
        self.ground().faults.hit(fault);
    }

    /// A process is gone: on its own disk what was not synced is lost, but for some writes.
    fn die(&self, life: &Rc<Life>, kept_writes: u16) {
        life.crash(self.kernel());
        self.lose_unsynced(kept_writes);
    }

    /// What was not synced is lost on a node's own disk, but for some writes.
    pub(super) fn lose_unsynced(&self, kept_writes: u16) {
        if self.n_nodes() == 1 {
            self.ground().store.crash_keeping(usize::from(kept_writes));
        }
    }

    /// Appends of the node fail for good for a while, and each failure ends its process.
    async fn fail_sync(&self, fault: &Fault, for_us: u64) {
        self.ground().faults.begin(fault);
        self.kernel().sleep_us(for_us.max(SYNC_FAILS_MIN_US)).await;
        self.ground().faults.end(fault.id);
    }

    /// Ends a process whose sync failed, whenever that is, and starts it again, as a process
    /// manager does.
    pub(super) async fn tend(self, number: u16, life: Rc<Life>) {
        let is_doomed = life.doomed().await;
        if is_doomed && self.life(number).is_some_and(|now| Rc::ptr_eq(&now, &life)) {
            self.forget(number);
            self.die(&life, 0);
            self.kernel().sleep_us(limits::RESTART_US).await;
            self.start(number).await;
        }
    }
}
