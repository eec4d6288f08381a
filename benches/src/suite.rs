//! The benches by name, with their sizes, and the rows that they make.

use std::path::Path;
use std::time::Duration;

use benches::echo::EchoServer;
use benches::http::node::HttpNode;
use benches::http::{self, Client, Echoing, Exchange, Served};
use benches::load::{Measured, Steps, Until};
use benches::orders::{self, Run, Size};
use benches::peers::postgres::{Postgres, Way};
use benches::peers::redis::Redis;
use benches::report::{Goal, Row};
use benches::sim::{self, Load};
use benches::workload::Workload;
use benches::{Failed, events};

/// Every bench.
pub(crate) const NAMES: [&str; 7] =
    ["orders-uniform", "orders-hot", "http-orders", "events", "resident", "echo", "sim"];

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
        "http-orders" => http_orders(quick),
        "events" => events(quick),
        "resident" => resident(quick),
        "echo" => echo(quick),
        "sim" => simulator(quick),
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
    let conditions = format!("{conditions}; {} orders in all phases", run.n_orders);
    let name_of = |what: &str| format!("{name}/{what}");
    rows.push(Row::hash(name_of("state-hash"), &run.hash, &run.reference, &conditions));
    rows.push(
        Row::new(name_of("events"), run.n_confirmed_events as f64, "order.confirmed", &conditions)
            .beside("orders", run.n_orders as f64)
            .goal(Goal::Equal),
    );
    rows
}

/// The program that runs.
fn own_binary() -> Result<std::path::PathBuf, Failed> {
    std::env::current_exe().map_err(Failed::because("find the own program"))
}

/// Orders over HTTP, then the bare echo of the same bytes.
fn http_orders(quick: bool) -> Result<Vec<Row>, Failed> {
    let time = Duration::from_secs(if quick { 3 } else { 10 });
    let own = own_binary()?;
    let mut rows = Vec::new();
    for n_clients in CLIENTS {
        let (served, echoed) = block_on(async {
            let node = HttpNode::start(&http::node_binary(&own)?).await?;
            let mut first = node.buyers(1).await?;
            first[0].act().await?;
            let exchanges = first[0].exchanges();
            let buyers = node.buyers(n_clients).await?;
            let served = http::closed(node.pid(), buyers, time).await?;
            drop(node);
            Ok((served, echo_of(&own, n_clients, &exchanges, time).await?))
        })?;
        let conditions = format!(
            "two requests an order (cart, placing); 48 SKUs, 1-3 lines; {} orders; server process \
             alone {:.0} us, with load generator {:.0} us; echo of the same bytes {:.0} and {:.0} us",
            served.n_acts,
            served.server_us(),
            served.total_us(),
            echoed.server_us(),
            echoed.total_us(),
        );
        let at = |what: &str| format!("http-orders/closed{n_clients}/{what}");
        let row = |what: &str, value, unit| Row::new(at(what), value, unit, &conditions);
        rows.push(row("throughput", served.per_second(), "orders/s"));
        rows.push(row("p50", served.latency_ms(50.0), "ms"));
        rows.push(row("p99", served.latency_ms(99.0), "ms"));
        let server = row("server-cpu", served.server_us(), "us/order");
        rows.push(server.beside("bare echo, server process", echoed.server_us()));
        let above = served.server_us() - echoed.server_us();
        rows.push(row("cpu-above-echo", above, "us/order").goal(Goal::AtMost(30.0)));
    }
    Ok(rows)
}

/// The bare echo by itself: one small request.
fn echo(quick: bool) -> Result<Vec<Row>, Failed> {
    let time = Duration::from_secs(if quick { 2 } else { 5 });
    let own = own_binary()?;
    let body = r#"{"sku": "demo-001", "qty": 1, "name": "Ada Lovelace"}"#.to_owned();
    let exchange = Exchange { headers: String::new(), n_reply_bytes: body.len(), body };
    let mut rows = Vec::new();
    for n_clients in CLIENTS {
        let served = block_on(echo_of(&own, n_clients, std::slice::from_ref(&exchange), time))?;
        let conditions = "53 bytes of JSON each way; load generator in another process";
        let at = |what: &str| format!("echo/closed{n_clients}/{what}");
        rows.push(Row::new(at("throughput"), served.per_second(), "requests/s", conditions));
        rows.push(Row::new(at("p99"), served.latency_ms(99.0), "ms", conditions));
        rows.push(Row::new(at("server-cpu"), served.server_us(), "us/request", conditions));
        rows.push(Row::new(at("total-cpu"), served.total_us(), "us/request", conditions));
    }
    Ok(rows)
}

async fn echo_of(
    own: &Path,
    n_clients: usize,
    exchanges: &[Exchange],
    time: Duration,
) -> Result<Served, Failed> {
    let server = EchoServer::start(own)?;
    let mut clients = Vec::with_capacity(n_clients);
    for _ in 0..n_clients {
        clients.push(Echoing::new(&server.address, exchanges.to_vec()).await?);
    }
    http::closed(server.pid(), clients, time).await
}

/// The simulator: whole processes, by their CPU time.
fn simulator(quick: bool) -> Result<Vec<Row>, Failed> {
    let program = http::node_binary(&own_binary()?)?;
    let mut rows = Vec::new();
    for (load, name, duration_ms, goal) in [
        (Load::OneNode, "one-node-200", if quick { 5_000 } else { 30_000 }, 20.0),
        (Load::FiveNodes, "five-nodes-2000", if quick { 1_000 } else { 10_000 }, 1.0),
    ] {
        let ran = sim::run(&program, load, duration_ms, 1)?;
        let conditions = format!(
            "{duration_ms} ms of traffic, {} orders, {} events, {:.0} us of CPU an order, {} failed",
            ran.n_orders,
            ran.n_events,
            ran.cpu.as_secs_f64() * 1e6 / ran.n_orders.max(1) as f64,
            ran.n_failed,
        );
        let row = |what: &str, value, unit| {
            Row::new(format!("sim/{name}/{what}"), value, unit, &conditions)
        };
        let times = duration_ms as f64 / 1e3 / ran.cpu.as_secs_f64().max(f64::EPSILON);
        let events = row("events", ran.events_per_second(), "events/s of CPU");
        rows.push(events.goal(Goal::AtLeast(200_000.0)));
        rows.push(row("real-time", times, "times").goal(Goal::AtLeast(goal)));
        rows.push(row("trace", ran.bytes_per_event(), "bytes/event").goal(Goal::AtMost(4.0)));
    }
    let seeds = if quick { 10 } else { 50 };
    let ran = sim::run(&program, Load::Faulted, 60_000, seeds)?;
    let conditions = format!("{seeds} seeds, {} events, {} failed", ran.n_events, ran.n_failed);
    let seed_ms = ran.cpu.as_secs_f64() * 1e3 * 10_000.0 / ran.n_events.max(1) as f64;
    let row = Row::new("sim/faulted/cpu", seed_ms, "ms/10,000 events", &conditions);
    rows.push(row.goal(Goal::AtMost(100.0)));
    Ok(rows)
}

/// Our log beside a bare fjall and a bare file, by events in a group.
fn events(quick: bool) -> Result<Vec<Row>, Failed> {
    let time = Duration::from_millis(if quick { 700 } else { 3_000 });
    let folder = || tempfile::tempdir().map_err(Failed::because("make a folder"));
    let mut rows = Vec::new();
    for n_group in [1, 16, 256, 2048] {
        let log = block_on(async { events::log(folder()?.path(), n_group, time).await })?;
        let fjall = events::fjall(folder()?.path(), n_group, time)?;
        let file = events::file(folder()?.path(), n_group, time)?;
        let conditions = format!(
            "groups of {n_group} events of 200 bytes over up to 64 shards; time of a group: log {:.0} us, \
             fjall {:.0} us, file {:.0} us",
            log.group_us(n_group),
            fjall.group_us(n_group),
            file.group_us(n_group),
        );
        let name = format!("events/group{n_group}");
        let row = || Row::new(name.as_str(), log.per_second(), "events/s", &conditions);
        let beside = row().beside("bare fjall, one row an event", fjall.per_second());
        rows.push(beside.goal(Goal::AtLeast(0.5)));
        rows.push(row().beside("append and fdatasync", file.per_second()));
    }
    Ok(rows)
}

/// Bytes of an entity in memory, counted in a program of its own.
fn resident(quick: bool) -> Result<Vec<Row>, Failed> {
    let step = "run the program that counts";
    let n = if quick { "20000" } else { "200000" };
    let program = own_binary()?.with_file_name("resident");
    let output = std::process::Command::new(program).arg(n).output();
    let output = output.map_err(Failed::because(step))?;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let (Some(all), Some(state)) = (said["all"].as_f64(), said["state"].as_f64()) else {
        return Err(Failed::new(step, String::from_utf8_lossy(&output.stderr)));
    };
    let conditions = format!(
        "{n} carts of 1-3 lines read from snapshots; bytes asked of the allocator: {all:.0} in all, \
         {state:.0} of them the states in a plain vector"
    );
    let beyond = Row::new("resident/beyond-state", all - state, "bytes/entity", &conditions);
    Ok(vec![
        beyond.goal(Goal::AtMost(250.0)),
        Row::new("resident/all", all, "bytes/entity", &conditions).beside("domain state", state),
    ])
}
