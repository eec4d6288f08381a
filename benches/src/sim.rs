//! Speed of the simulator: whole processes of `mercato sim run`, as a swarm starts them.
//!
//! CPU time counts and not wall time: a run has one thread, so its CPU time is what it takes on a
//! core by itself, start of the process, checkers and `run.json` included. An event is a message
//! that was delivered to a production handler (`sim/src/kernel/trace.rs`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::{Failed, usage};

/// Two hundred orders a second on five nodes, as the simulator has it.
const STEADY_200: &str = include_str!("../../sim/scenarios/steady-200.toml");
/// Two thousand orders a second on five nodes.
const STEADY: &str = include_str!("../../sim/scenarios/steady.toml");
/// A seed of the swarm: any fault of any family.
const MIXED: &str = include_str!("../../sim/scenarios/mixed.toml");

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// 200 orders a second on one embedded node, no faults.
    OneNode,
    /// 2,000 orders a second on five nodes over a shared store, no faults.
    FiveNodes,
    /// The mixed swarm on one embedded node, with faults, for so long that a seed has some 10,000
    /// events.
    Faulted,
}

/// What a run was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ran {
    /// CPU time of the process.
    pub cpu: Duration,
    /// Messages delivered.
    pub n_events: u64,
    /// Bytes of the trace.
    pub trace_bytes: u64,
    /// Orders that clients know of.
    pub n_orders: u64,
    /// Runs that found a violation.
    pub n_failed: u64,
}

impl Ran {
    /// Events in a second of CPU time.
    #[must_use]
    pub fn events_per_second(&self) -> f64 {
        self.n_events as f64 / self.cpu.as_secs_f64().max(f64::EPSILON)
    }

    /// Bytes of the trace for an event.
    #[must_use]
    pub fn bytes_per_event(&self) -> f64 {
        self.trace_bytes as f64 / self.n_events.max(1) as f64
    }

    fn add(&mut self, other: &Self) {
        self.cpu += other.cpu;
        self.n_events += other.n_events;
        self.trace_bytes += other.trace_bytes;
        self.n_orders += other.n_orders;
        self.n_failed += other.n_failed;
    }
}

/// Runs a load with seeds from 1 on, one process after the other, for `duration_ms` of virtual
/// traffic each. `program`: `mercato`.
pub fn run(program: &Path, load: Load, duration_ms: u64, seeds: u64) -> Result<Ran, Failed> {
    let dir = tempfile::tempdir().map_err(Failed::because("make a folder"))?;
    let file = dir.path().join("scenario.toml");
    let text = scenario(load, duration_ms);
    std::fs::write(&file, text).map_err(Failed::because("write a scenario"))?;
    let mut all = Ran::default();
    for seed in 1..=seeds {
        all.add(&once(program, &file, dir.path(), seed)?);
    }
    Ok(all)
}

fn once(program: &Path, scenario: &Path, dir: &Path, seed: u64) -> Result<Ran, Failed> {
    let step = "run the simulator";
    let before = usage::children();
    let done = Command::new(program)
        .args(["sim", "run", "--brief", "--seed", &seed.to_string()])
        .arg("--scenario")
        .arg(scenario)
        .arg("--out")
        .arg(dir)
        .output()
        .map_err(Failed::because(step))?;
    let cpu = usage::children() - before;
    // 1: it ran, and a checker found something.
    if !matches!(done.status.code(), Some(0 | 1)) {
        return Err(Failed::new(step, String::from_utf8_lossy(&done.stderr)));
    }
    let record = std::fs::read(dir.join("run.json")).map_err(Failed::because(step))?;
    let record: Value = serde_json::from_slice(&record).map_err(Failed::because(step))?;
    let count = |name: &str| record[name].as_u64().unwrap_or_default();
    let orders = record["orders"].as_object().map(|orders| orders.values());
    Ok(Ran {
        cpu,
        n_events: count("events"),
        trace_bytes: count("trace_bytes"),
        n_orders: orders.into_iter().flatten().filter_map(Value::as_u64).sum(),
        n_failed: u64::from(record["verdict"] != "pass"),
    })
}

/// The scenario's file with another number of nodes and another length.
fn scenario(load: Load, duration_ms: u64) -> String {
    let (text, nodes) = match load {
        Load::OneNode => (STEADY_200, 1),
        Load::FiveNodes => (STEADY, 5),
        Load::Faulted => (MIXED, 1),
    };
    let line = |line: &str| match line.split(" = ").next() {
        Some("nodes") => format!("nodes = [{nodes}]"),
        Some("duration_ms") => format!("duration_ms = {duration_ms}"),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
