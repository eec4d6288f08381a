//! The benches by name, with their sizes, and the rows that they make.

use std::time::Duration;

use benches::Failed;
use benches::load::{Measured, Steps, Until};
use benches::orders::{self, Run, Size};
use benches::peers::postgres::{Postgres, Way};
use benches::peers::redis::Redis;
use benches::report::{Goal, Row};
use benches::workload::Workload;

/// Every bench.
pub(crate) const NAMES: [&str; 2] = ["orders-uniform", "orders-hot"];

/// Clients of the closed loops.
const CLIENTS: [usize; 2] = [16, 64];
/// SKUs of the uniform workload.
const N_SKUS: u32 = 10_000;
/// SKUs that are hot one after the other.
const N_HOT_SKUS: u32 = 100;

pub(crate) fn run(name: &str, quick: bool) -> Result<Vec<Row>, Failed> {
    match name {
        "orders-uniform" => uniform(quick),
        "orders-hot" => hot(quick),
        _ => Err(Failed::new("find a bench", name)),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failed::because("start a runtime"))?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

fn size(quick: bool) -> Size {
    let seconds = |n| Until::Elapsed(Duration::from_secs(n));
    if quick {
        Size {
            warm_up: Until::Elapsed(Duration::from_millis(500)),
            closed: seconds(2),
            open: Some((2_000, Duration::from_secs(2))),
        }
    } else {
        Size {
            warm_up: seconds(2),
            closed: seconds(8),
            open: Some((2_000, Duration::from_secs(10))),
        }
    }
}

fn uniform(quick: bool) -> Result<Vec<Row>, Failed> {
    let name = "orders-uniform";
    let workload = Workload::uniform(N_SKUS);
    let mut rows = orders(name, workload, quick)?;
    let target = |way, n_clients| match (way, n_clients) {
        (Peer::Postgres(Way::OneCall), 64) => Some(Goal::AtLeast(5.0)),
        (Peer::Redis, 64) => Some(Goal::AtLeast(1.5)),
        _ => None,
    };
    beside(name, &mut rows, &workload, quick, target)?;
    Ok(rows)
}

fn hot(quick: bool) -> Result<Vec<Row>, Failed> {
    let name = "orders-hot";
    let workload = Workload::hot(N_HOT_SKUS);
    let mut rows = orders(name, workload, quick)?;
    let target = |way, n_clients| match (way, n_clients) {
        (Peer::Postgres(Way::OneCall), 64) => Some(Goal::AtLeast(25.0)),
        _ => None,
    };
    beside(name, &mut rows, &workload, quick, target)?;
    Ok(rows)
}

/// The runtime: the canonical run, and what its switches make of it.
fn orders(name: &str, workload: Workload, quick: bool) -> Result<Vec<Row>, Failed> {
    let whole = size(quick);
    let run = block_on(orders::run(workload, true, Steps::AtOnce, &CLIENTS, whole))?;
    let mut made = rows(name, &run, "chaining on, one round trip");
    let part = Size { open: None, ..whole };
    for (chaining, steps, variant, conditions) in [
        (true, Steps::OneByOne, "round-trips", "chaining on, three round trips"),
        (false, Steps::AtOnce, "unchained", "chaining off, one round trip"),
    ] {
        let run = block_on(orders::run(workload, chaining, steps, &[64], part))?;
        made.extend(rows(&format!("{name}-{variant}"), &run, conditions));
    }
    Ok(made)
}

/// A peer of the order benches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Postgres(Way),
    Redis,
}

/// Adds a row for each peer and number of clients, behind those of the runtime.
fn beside(
    name: &str,
    rows: &mut Vec<Row>,
    workload: &Workload,
    quick: bool,
    target: impl Fn(Peer, usize) -> Option<Goal>,
) -> Result<(), Failed> {
    let time = Duration::from_secs(if quick { 2 } else { 8 });
    let mut rates = Vec::new();
    let postgres = Postgres::start(workload)?;
    for way in [Way::OneCall, Way::Statements] {
        for n_clients in CLIENTS {
            let rate = postgres.run(way, n_clients, time)?;
            rates.push((Peer::Postgres(way), way.word(), n_clients, rate));
        }
    }
    drop(postgres);
    let redis = Redis::start(workload)?;
    for n_clients in CLIENTS {
        let rate = redis.run(n_clients, if quick { 50_000 } else { 300_000 })?;
        rates.push((Peer::Redis, "redis, one script", n_clients, rate));
    }
    drop(redis);
    for (peer, word, n_clients, rate) in rates {
        let at = format!("{name}/closed{n_clients}/throughput");
        let Some(own) = rows.iter().find(|row| row.name == at).cloned() else { continue };
        let mut row = own.beside(word, rate.per_second);
        let shown = |ms: Option<f64>| ms.map_or_else(|| "?".to_owned(), |ms| format!("{ms:.2}"));
        row.conditions = format!(
            "{}; peer p50 {} ms, p99 {} ms",
            row.conditions,
            shown(rate.p50_ms),
            shown(rate.p99_ms)
        );
        row.goal = target(peer, n_clients);
        rows.push(row);
    }
    Ok(())
}

fn rows(name: &str, run: &Run, conditions: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for phase in &run.phases {
        let Measured { n_refused, .. } = phase.measured;
        let m = &phase.measured;
        let at = |what: &str| format!("{name}/{}/{what}", phase.name);
        let conditions = format!("{conditions}; {} orders, {n_refused} refused", m.n_orders);
        rows.push(Row::new(at("throughput"), m.per_second(), "orders/s", &conditions));
        rows.push(Row::new(at("p50"), m.latency_ms(50.0), "ms", &conditions));
        let p99 = Row::new(at("p99"), m.latency_ms(99.0), "ms", &conditions);
        let is_open = phase.name.starts_with("open");
        rows.push(if is_open { p99.goal(Goal::AtMost(10.0)) } else { p99 });
        rows.push(Row::new(at("cpu"), m.cpu_us(), "us/order", &conditions));
        rows.push(Row::new(at("syncs"), m.syncs(), "syncs/order", &conditions));
    }
    let conditions = format!("{conditions}; {} orders", run.n_orders);
    let name_of = |what: &str| format!("{name}/{what}");
    rows.push(Row::hash(name_of("state-hash"), &run.hash, &run.reference, &conditions));
    rows.push(
        Row::new(name_of("events"), run.n_confirmed_events as f64, "order.confirmed", &conditions)
            .beside("orders", run.n_orders as f64)
            .goal(Goal::Equal),
    );
    rows
}
