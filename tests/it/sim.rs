//! The simulator as a program: one seed is one run in every process, and a plan can be driven
//! against a live node.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::node::{Node, binary};

/// Processes that run one seed.
const PROCESSES: usize = 50;
/// At a time.
const AT_ONCE: usize = 4;

fn scenario() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/sim/small.toml")
}

fn record(dir: &Path) -> Value {
    let text = std::fs::read_to_string(dir.join("run.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A run in a process of its own, and its record without the time that it took.
fn simulated(dir: &Path, seed: u64) -> Value {
    let output = Command::new(binary())
        .args(["sim", "run", "--brief", "--seed", &seed.to_string(), "--scenario"])
        .arg(scenario())
        .arg("--out")
        .arg(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut record = record(dir);
    record["wall_ms"] = Value::Null;
    record
}

#[test]
fn fifty_processes_of_one_seed_are_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let first = simulated(&dir.path().join("first"), 7);
    assert_eq!(first["verdict"], "pass");
    assert!(first["events"].as_u64().unwrap() > 1_000, "{}", first["events"]);
    assert_eq!(first["faults"]["crash"], 1);
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (first, dir) = (&first, dir.path());
            scope.spawn(move || {
                for n in (1..PROCESSES).filter(|n| n % AT_ONCE == worker) {
                    let other = simulated(&dir.join(n.to_string()), 7);
                    assert_eq!(&other, first, "process {n}");
                }
            });
        }
    });
    let other = simulated(&dir.path().join("other"), 8);
    assert_ne!(other["trace_hash"], first["trace_hash"], "another seed is another run");
}

#[test]
fn a_swarm_runs_seeds_twice_and_compares_them() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(binary())
        .args(["sim", "swarm", "--seeds", "4", "--twice-percent", "100", "--scenario"])
        .arg(scenario())
        .arg("--out")
        .arg(dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("4 seeds in"), "{text}");
    assert!(text.contains("4 of them twice"), "{text}");
    assert!(text.contains("failing seeds: 0"), "{text}");
}

/// Runs that name this folder in their command line.
fn running(dir: &Path) -> usize {
    let names = |id: &str| std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let dir = dir.to_str().unwrap().as_bytes().to_vec();
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
    let ids = processes.filter_map(|name| name.into_string().ok());
    ids.filter(|id| names(id).windows(dir.len()).any(|part| part == dir)).count()
}

#[test]
fn the_runs_of_a_swarm_that_is_killed_end_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let until = |wanted: fn(usize) -> bool, what: &str| {
        let wait = std::time::Duration::from_millis(10);
        for _ in 0..3_000 {
            if wanted(running(dir.path())) {
                return;
            }
            std::thread::sleep(wait);
        }
        panic!("{what}: {} processes", running(dir.path()));
    };
    let mut swarm = Command::new(binary())
        .args(["sim", "swarm", "--seeds", "1000", "--jobs", "2", "--scenario", "steady", "--out"])
        .arg(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(|n| n == 3, "the swarm and its two runs");
    swarm.kill().unwrap();
    swarm.wait().unwrap();
    until(|n| n == 0, "nothing is left");
}

fn drive(target: &str, dir: &Path) -> Output {
    Command::new(binary())
        .args(["drive", "--target", target, "--seed", "3", "--scenario"])
        .arg(scenario())
        .arg("--out")
        .arg(dir)
        .output()
        .unwrap()
}

#[test]
fn a_plan_is_driven_against_a_live_node() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir.path().join("data"));
    // Twice: what the first run made does not disturb the second.
    for run in ["one", "two"] {
        let out = dir.path().join(run);
        let output = drive(&node.http, &out);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("4 faults of the plan were not played"), "{text}");
        let record = record(&out);
        assert_eq!(record["verdict"], "pass", "{}", record["violations"]);
        for checker in
            ["liveness", "stock_bounds", "linear_order", "acked_orders", "versions", "streams"]
        {
            assert!(record["checked"][checker].as_u64().unwrap() > 0, "{checker}: {record}");
        }
        let orders = record["orders"].as_object().unwrap();
        let sold = ["confirmed", "fulfilled"].map(|state| orders.get(state)?.as_u64());
        assert!(sold.into_iter().flatten().sum::<u64>() >= 10, "{orders:?}");
        let page = std::fs::read_to_string(out.join("report.html")).unwrap();
        assert!(page.contains("mercato drive --target"), "the report says how to run it again");
    }
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_target_that_is_not_there_is_no_verdict() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody listens at a port that was just given back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = drive(&target, dir.path());
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be driven"), "{output:?}");
}
