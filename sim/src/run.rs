//! One run: a plan in, a record out.
//!
//! Nodes start, the shop opens, traffic and faults happen, everything settles, every order is
//! looked at, the checkers judge. The same plan gives the same record but for `wall_ms`.

mod burn_down;
pub(crate) mod judge;
mod late;
mod queues;
mod settle;
pub(crate) mod timeline;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use entity::Timestamp;

use crate::check::client::unknown::unknown_ppm;
use crate::client::{Clients, Names, SimWire, Staff, Wire, feed, open_shop, pass_on, wallets};
use crate::history::History;
use crate::kernel;
use crate::plan::Plan;
use crate::record::{RunRecord, VERSION, Verdict, Violation};
use crate::watch::{Panics, Sites};
use crate::world::World;
use queues::Queues;

/// How often it is looked whether visits and faults are over, in us.
const LOOK_US: u64 = 250_000;

/// How long visits and faults may go on after the last has begun, in us. The most patient visit
/// has some 20 requests of 6 tries of 10 s.
const PATIENCE_US: u64 = 2 * 3_600 * 1_000_000;

/// What is left of a run.
pub struct Run {
    /// How it ended.
    pub record: RunRecord,
    /// What clients saw.
    pub history: History,
    /// The stored trace.
    pub trace: Vec<u8>,
}

/// How far a run is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Virtual time, in ms.
    pub virtual_ms: u64,
    /// Messages so far.
    pub events: u64,
    /// Requests so far.
    pub requests: u64,
    /// Orders that clients know of, by the last state that they saw.
    pub orders: BTreeMap<String, u64>,
    /// Families of faults that had an effect, with how often.
    pub faults: BTreeMap<String, u64>,
    /// Whether what can be seen at once is broken: two nodes with one shard under one epoch.
    pub is_broken: bool,
}

/// Hears, about every 250 virtual ms, that it could ask how far the run is.
pub type Tell<'a> = &'a mut dyn FnMut(&dyn Fn() -> Progress);

/// Runs a plan. `tell` hears of its progress; it must not change anything.
#[must_use]
pub fn run(plan: &Plan, tell: Tell<'_>) -> Run {
    let begun = std::time::Instant::now();
    let world = World::new(plan);
    let wire = SimWire::new(world.clone(), plan.setup.link);
    let clients = Clients::new(wire, plan.seed, plan.setup.client, Names::default());
    let queues = Rc::new(RefCell::new(Queues::default()));
    let mut violations = Vec::new();
    let healed = Cell::new((0, Timestamp::default()));
    let sites = Sites::new(plan);
    let watching = sites.watch();
    let panics = Panics::watch(world.kernel());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        kernel::run(world.kernel(), whole(plan, &world, &clients, &queues, &healed, tell))
    }));
    // Checkers fold entities, too: what they do counts for nothing, and no defect is in it.
    drop(watching);
    let at_us = world.since_begin_us();
    let begun_us = world.begun_us();
    for panicked in panics.seen() {
        let at_us = panicked.at_us.saturating_sub(begun_us);
        violations.push(Violation { invariant: "panicked".into(), at_us, what: panicked.what });
    }
    drop(panics);
    violations.extend(world.troubles());
    let mut note = |invariant: &str, what: String| {
        violations.push(Violation { invariant: invariant.into(), at_us, what });
    };
    let is_whole = !matches!(outcome, Err(_) | Ok(Err(("setup", _))));
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err((invariant, why))) => note(invariant, why),
        Err(panic) => note("panic", text_of(&*panic)),
    }
    clients.history.borrow_mut().holds_us = Some(plan.holds_us());
    clients.history.borrow_mut().tax = Some(plan.setup.tax);
    let history = clients.history.borrow().clone();
    let mut record = record(plan, &world, &history, &queues.borrow());
    record.unknown_ppm = unknown_ppm(&history);
    record.violations = violations;
    record.probes = sites.counts();
    if is_whole {
        // The store in memory answers at once: no time has to pass.
        let seen =
            judge::Seen { history: &history, queues: &queues.borrow(), healed: healed.get() };
        ready(judge::judge(plan, &world, &seen, &mut record));
    }
    record.wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if !record.violations.is_empty() {
        record.verdict = Verdict::Fail;
    }
    let trace = world.kernel().with_trace(kernel::Trace::to_bytes);
    Run { record, history, trace }
}

async fn whole(
    plan: &Plan,
    world: &World,
    clients: &Rc<Clients<SimWire>>,
    queues: &Rc<RefCell<Queues>>,
    healed: &Cell<(u64, Timestamp)>,
    tell: Tell<'_>,
) -> Result<(), (&'static str, String)> {
    let setup = |why| ("setup", why);
    world.start_all().await.map_err(setup)?;
    let staff = Staff::new(clients);
    open_shop(&staff, &plan.setup).await.map_err(setup)?;
    staff.open_wallets(&wallets(plan)).await.map_err(setup)?;
    // Times count from here; what opened the shop is no part of what is judged.
    clients.history.borrow_mut().ops.clear();
    world.begin();
    let watching = tokio::task::spawn_local(queues::watch(world.clone(), Rc::clone(queues)));
    let troubled = {
        let (world, faults) = (world.clone(), plan.faults.clone());
        tokio::task::spawn_local(async move { world.suffer(&faults).await })
    };
    let visiting = tokio::task::spawn_local(feed(plan.clone(), Rc::clone(clients), usize::MAX));
    let until_us = plan.setup.duration_ms * 1_000 + PATIENCE_US;
    while !(troubled.is_finished() && visiting.is_finished()) {
        if world.since_begin_us() > until_us {
            let open = [(troubled.is_finished(), "faults"), (visiting.is_finished(), "visits")];
            let names: Vec<_> = open.iter().filter(|(over, _)| !over).map(|(_, n)| *n).collect();
            return Err(("liveness", format!("{} do not end", names.join(" and "))));
        }
        clients.wire.sleep_us(LOOK_US).await;
        tell(&|| progress(world, clients));
    }
    pass_on(troubled.await);
    pass_on(visiting.await);
    let settle_us = plan.setup.settle_ms * 1_000;
    staff.let_go(world.since_begin_us() + settle_us).await;
    let restless = |why| ("liveness", why);
    settle::settle(world, settle_us).await.map_err(restless)?;
    late::come(plan, world, clients).await;
    settle::settle(world, settle_us).await.map_err(restless)?;
    late::knock(plan, &staff, clients).await.map_err(restless)?;
    settle::settle(world, settle_us).await.map_err(restless)?;
    healed.set((world.since_begin_us(), Timestamp(world.clock_ms())));
    let n_skus = u32::try_from(plan.setup.skus.len()).unwrap_or(u32::MAX);
    let until_us = world.since_begin_us() + settle_us;
    staff.look_at_all(n_skus, until_us).await;
    staff.look_at_shop(n_skus, until_us).await;
    watching.abort();
    settle::let_deadlines_pass(world, settle_us, &staff).await.map_err(restless)?;
    settle::give_places_back(world, settle_us).await.map_err(restless)?;
    world.end();
    tell(&|| progress(world, clients));
    Ok(())
}

fn progress(world: &World, clients: &Clients<SimWire>) -> Progress {
    let history = clients.history.borrow();
    Progress {
        virtual_ms: world.since_begin_us() / 1_000,
        events: world.kernel().with_trace(kernel::Trace::n_events),
        requests: history.ops.len() as u64,
        orders: states(&history),
        faults: world.ground().faults.hits(),
        is_broken: !world.has_one_owner_each(),
    }
}

/// Orders by the last state that clients saw.
pub(crate) fn states(history: &History) -> BTreeMap<String, u64> {
    let mut states = BTreeMap::new();
    for state in timeline::orders(history).into_values() {
        *states.entry(state).or_default() += 1;
    }
    states
}

fn record(plan: &Plan, world: &World, history: &History, queues: &Queues) -> RunRecord {
    let (hash, checkpoints, events, trace_bytes) = world.kernel().with_trace(|trace| {
        let checkpoints = trace.checkpoints().iter().map(|hash| format!("{hash:016x}")).collect();
        (trace.hash(), checkpoints, trace.n_events(), trace.n_bytes() as u64)
    });
    RunRecord {
        version: VERSION,
        scenario: plan.scenario.clone(),
        seed: plan.seed,
        verdict: Verdict::Pass,
        trace_hash: format!("{hash:016x}"),
        checkpoints,
        events,
        virtual_ms: world.since_begin_us() / 1_000,
        wall_ms: 0,
        violations: Vec::new(),
        probes: BTreeMap::new(),
        faults: world.ground().faults.hits(),
        trace_bytes,
        unknown_ppm: 0,
        orders: states(history),
        checked: BTreeMap::new(),
        command: "mercato sim replay plan.json".into(),
        timeline: timeline::timeline(plan, world, history, queues),
    }
}

/// The result of a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the store in memory answers at once"),
    }
}

pub(crate) fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

#[cfg(test)]
mod regressions;
#[cfg(test)]
mod tests;
