//! The order benches: phases of load on one node, then its books beside the reference.

use std::sync::Arc;
use std::time::Duration;

use crate::Failed;
use crate::books::Books;
use crate::load::{Clients, Measured, Steps, Until};
use crate::outbox;
use crate::rig::Rig;
use crate::workload::Workload;
use cluster::NodeOptions;

/// How long or how much each phase is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Not measured.
    pub warm_up: Until,
    /// Each closed loop.
    pub closed: Until,
    /// Orders a second of the open loop, and how long; none: no open loop.
    pub open: Option<(u32, Duration)>,
}

/// A phase with its result.
#[derive(Debug)]
pub struct Phase {
    /// `closed64`, `open2000`.
    pub name: String,
    /// What was measured.
    pub measured: Measured,
}

/// A run of all phases.
#[derive(Debug)]
pub struct Run {
    /// In order.
    pub phases: Vec<Phase>,
    /// Orders of all phases, with warm-up.
    pub n_orders: u64,
    /// State hash of the node.
    pub hash: String,
    /// State hash of the reference.
    pub reference: String,
    /// `order.confirmed` events that the outbox yields.
    pub n_confirmed_events: u64,
    /// Events that the outbox yields in all, those of the stocking too.
    pub n_events: u64,
}

impl Run {
    /// A phase by its name.
    #[must_use]
    pub fn phase(&self, name: &str) -> Option<&Measured> {
        self.phases.iter().find(|phase| phase.name == name).map(|phase| &phase.measured)
    }
}

/// Runs the phases on a fresh node and reads it back.
pub async fn run(
    workload: Workload,
    chaining: bool,
    steps: Steps,
    clients: &[usize],
    size: Size,
) -> Result<Run, Failed> {
    let options = NodeOptions { chaining, ..NodeOptions::default() };
    let rig = Rig::stocked(&workload, options).await?;
    let load = Arc::new(Clients::new(Arc::clone(&rig.node), workload, steps));
    let most = clients.iter().copied().max().unwrap_or(1);
    load.closed(most, size.warm_up).await?;
    let mut phases = Vec::new();
    for n_clients in clients {
        let measured = load.closed(*n_clients, size.closed).await?;
        phases.push(Phase { name: format!("closed{n_clients}"), measured });
    }
    if let Some((per_second, time)) = size.open {
        let measured = load.open(per_second, time).await?;
        phases.push(Phase { name: format!("open{per_second}"), measured });
    }
    let n_orders = load.n_taken();
    let hash = rig.books(&workload, n_orders).await?.hash();
    let reference = Books::reference(&workload, n_orders).hash();
    let said = outbox::read(&rig.store).await?;
    let n_confirmed_events = said.get("order.confirmed").copied().unwrap_or(0);
    let n_events = said.values().sum();
    drop(load);
    rig.end().await;
    Ok(Run { phases, n_orders, hash, reference, n_confirmed_events, n_events })
}
