//! Plays a plan against a live system over HTTP and judges it by what clients saw.
//!
//! Traffic is open loop: a visit begins at its intended time, and latency counts from there. The
//! faults of a plan are not played: whoever drives breaks things by other means. The store of the
//! target is not looked into, so only the checkers of clients speak.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;

use crate::check::client::unknown::unknown_ppm;
use crate::client::{
    Clients, HttpWire, Names, Service, Staff, Wire, feed, open_shop, pass_on, wallets,
};
use crate::history::History;
use crate::plan::Plan;
use crate::record::{RunRecord, VERSION, Verdict, Violation};
use crate::run::{Progress, Run, Tell, judge, states, timeline};

/// How often progress is told.
const LOOK_US: u64 = 250_000;

/// What is driven, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// Base URLs of its nodes; at least one.
    pub urls: Vec<String>,
    /// The service that fills shelves and ships.
    pub service: Service,
    /// What the run calls its SKUs, carts and customers, so that runs do not meet.
    pub names: Names,
    /// Visits under way at the most; the others do not begin and are counted.
    pub visits_max: usize,
}

/// Plays a plan. Returns the run and how many visits did not begin.
///
/// # Errors
///
/// Why the target cannot be driven at all: it is not there, or does not let the shop be opened.
pub fn drive(plan: &Plan, target: &Target, tell: Tell<'_>) -> Result<(Run, u64), String> {
    let begun = std::time::Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let wire = HttpWire::new(&target.urls, target.service.clone(), target.names.clone())?;
    let clients = Clients::new(wire, plan.seed, plan.setup.client, target.names.clone());
    let local = LocalSet::new();
    let played = runtime.block_on(local.run_until(whole(plan, target, &clients, tell)));
    let (healed_us, n_dropped) = played?;
    let history = clients.history.borrow().clone();
    let mut record = record(plan, clients.wire.now_us() / 1_000, &history);
    judge::clients(&history, healed_us, &mut record);
    record.wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if !record.violations.is_empty() {
        record.verdict = Verdict::Fail;
    }
    Ok((Run { record, history, trace: Vec::new() }, n_dropped))
}

async fn whole(
    plan: &Plan,
    target: &Target,
    clients: &Rc<Clients<HttpWire>>,
    tell: Tell<'_>,
) -> Result<(u64, u64), String> {
    let staff = Staff::new(clients);
    is_there(&target.urls).await?;
    open_shop(&staff, &plan.setup).await?;
    staff.open_wallets(&wallets(plan)).await?;
    clients.history.borrow_mut().ops.clear();
    clients.wire.begin();
    let visiting = feed(plan.clone(), Rc::clone(clients), target.visits_max);
    let visiting = tokio::task::spawn_local(visiting);
    while !visiting.is_finished() {
        clients.wire.sleep_us(LOOK_US).await;
        tell(&|| progress(clients));
    }
    let n_dropped = pass_on(visiting.await).unwrap_or(0);
    let healed_us = clients.wire.now_us();
    let n_skus = u32::try_from(plan.setup.skus.len()).unwrap_or(u32::MAX);
    staff.look_at_all(n_skus, healed_us + plan.setup.settle_ms * 1_000).await;
    tell(&|| progress(clients));
    Ok((healed_us, n_dropped))
}

/// Whether the nodes answer at all, so that a wrong URL is told at once.
async fn is_there(urls: &[String]) -> Result<(), String> {
    for url in urls {
        let asked = reqwest::Client::new().get(url).timeout(Duration::from_secs(5)).send().await;
        asked.map_err(|error| format!("{url} does not answer: {error}"))?;
    }
    Ok(())
}

fn progress(clients: &Clients<HttpWire>) -> Progress {
    let history = clients.history.borrow();
    Progress {
        virtual_ms: clients.wire.now_us() / 1_000,
        events: n_answers(&history),
        requests: history.ops.len() as u64,
        orders: states(&history),
        faults: BTreeMap::new(),
        is_broken: false,
    }
}

fn n_answers(history: &History) -> u64 {
    history.ops.iter().filter(|op| op.answer.is_some()).count() as u64
}

/// The record of a live run: events are answers, and there is no trace.
fn record(plan: &Plan, whole_ms: u64, history: &History) -> RunRecord {
    RunRecord {
        version: VERSION,
        scenario: plan.scenario.clone(),
        seed: plan.seed,
        verdict: Verdict::Pass,
        trace_hash: RunRecord::LIVE.into(),
        checkpoints: Vec::new(),
        events: n_answers(history),
        virtual_ms: whole_ms,
        wall_ms: 0,
        violations: Vec::<Violation>::new(),
        probes: BTreeMap::new(),
        faults: BTreeMap::new(),
        trace_bytes: 0,
        unknown_ppm: unknown_ppm(history),
        orders: states(history),
        checked: BTreeMap::new(),
        command: String::new(),
        timeline: timeline::of_clients(whole_ms.max(1), history),
    }
}
