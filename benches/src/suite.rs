//! The benches by name, with their sizes, and the rows that they make.

use std::time::Duration;

use benches::Failed;
use benches::load::{Measured, Steps, Until};
use benches::orders::{self, Run, Size};
use benches::report::{Goal, Row};
use benches::workload::Workload;

/// Every bench.
pub(crate) const NAMES: [&str; 2] = ["orders-uniform", "orders-hot"];

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
    let workload = Workload::uniform(N_SKUS);
    let run = block_on(orders::run(workload, true, Steps::AtOnce, &[16, 64], size(quick)))?;
    Ok(rows("orders-uniform", &run, "chaining on"))
}

fn hot(quick: bool) -> Result<Vec<Row>, Failed> {
    let workload = Workload::hot(N_HOT_SKUS);
    let run = block_on(orders::run(workload, true, Steps::AtOnce, &[16, 64], size(quick)))?;
    Ok(rows("orders-hot", &run, "chaining on"))
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
