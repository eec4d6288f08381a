//! Faults of the plan happen to the world, each at its time and for its time.

use std::rc::Rc;

use super::{Life, World};
use crate::plan::{Fault, FaultKind};

/// How often a node with a failed sync is looked for, in us.
const LOOK_US: u64 = 1_000;

impl World {
    /// Lets all faults of a plan happen, each in a task of its own. Ends when the last is over.
    pub async fn suffer(&self, faults: &[Fault]) {
        let mut tasks = Vec::new();
        for fault in faults {
            let (world, fault) = (self.clone(), fault.clone());
            tasks.push(tokio::task::spawn_local(async move {
                let now_us = world.since_begin_us();
                world.kernel().sleep_us(fault.at_us.saturating_sub(now_us)).await;
                world.befall(&fault).await;
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

    async fn befall(&self, fault: &Fault) {
        let for_us = u64::from(fault.for_ms) * 1_000;
        match &fault.kind {
            FaultKind::Crash { node, kept_writes } => {
                let Some(life) = self.forget(*node) else { return };
                self.hit(fault);
                self.die(&life, *kept_writes);
                self.kernel().sleep_us(for_us).await;
                self.start(*node).await;
            }
            FaultKind::SyncFails { node } => self.fail_sync(fault, *node, for_us).await,
            FaultKind::Pause { node } => {
                if self.life(*node).is_some() {
                    self.hit(fault);
                    self.kernel().pause(*node, u64::from(fault.for_ms));
                }
            }
            FaultKind::Roll { node, .. } => {
                let Some(life) = self.life(*node) else { return };
                self.hit(fault);
                self.drain(&life, *node).await;
                if self.life(*node).is_some_and(|now| Rc::ptr_eq(&now, &life)) {
                    self.forget(*node);
                    life.crash(self.kernel());
                    self.kernel().sleep_us(for_us).await;
                    self.start(*node).await;
                }
            }
            FaultKind::BusDown => {
                self.hit(fault);
                self.ground().bus.set_down(true);
                self.kernel().sleep_us(for_us).await;
                self.ground().bus.set_down(false);
            }
            FaultKind::BusWiped => {
                self.hit(fault);
                self.ground().bus.wipe();
            }
            FaultKind::ClockStep { node, by_ms } => {
                self.hit(fault);
                self.0.skews[usize::from(*node)].step(i64::from(*by_ms));
            }
            FaultKind::ClockDrift { node, ppm } => {
                self.hit(fault);
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
            | FaultKind::StaleReads { .. }
            | FaultKind::BusTwice { .. }
            | FaultKind::BusLostAcks { .. } => {
                self.ground().faults.begin(fault);
                self.kernel().sleep_us(for_us).await;
                self.ground().faults.end(fault.id);
            }
        }
    }

    /// Drains a node, unless its process dies meanwhile: a dead life never ends its drain.
    async fn drain(&self, life: &Rc<Life>, node: u16) {
        let died = async {
            while self.life(node).is_some_and(|now| Rc::ptr_eq(&now, life)) {
                self.kernel().sleep_us(LOOK_US).await;
            }
        };
        tokio::select! {
            biased;
            _ = life.drain() => {}
            () = died => {}
        }
    }

    fn hit(&self, fault: &Fault) {
        self.ground().faults.hit(fault);
    }

    /// A process is gone: on its own disk what was not synced is lost, but for some writes.
    fn die(&self, life: &Rc<Life>, kept_writes: u16) {
        life.crash(self.kernel());
        if self.n_nodes() == 1 {
            self.ground().store.crash_keeping(usize::from(kept_writes));
        }
    }

    /// The next append of the node fails for good; then its process ends and comes back.
    async fn fail_sync(&self, fault: &Fault, node: u16, for_us: u64) {
        let Some(life) = self.life(node) else { return };
        self.ground().faults.begin(fault);
        let until_us = self.kernel().now_us() + for_us.max(1_000_000);
        while !life.is_doomed() && self.kernel().now_us() < until_us {
            self.kernel().sleep_us(LOOK_US).await;
        }
        self.ground().faults.end(fault.id);
        let is_same = self.life(node).is_some_and(|now| Rc::ptr_eq(&now, &life));
        if life.is_doomed() && is_same {
            self.forget(node);
            self.die(&life, 0);
            self.kernel().sleep_us(for_us).await;
            self.start(node).await;
        }
    }
}
