//! `kill -9` at random moments under load, power cuts, failed and lying syncs: what was
//! acknowledged is there, the same bytes are answered again, no version goes back, the stock adds
//! up, every saga ends, and the bus misses nothing (I2, I4, I5, I6, I7).
//!
//! The clients are a process of their own (`kill-client`), which writes down each answer before
//! its next request. `MERCATO_KILL_ROUNDS` sets the number of rounds (20; half with torn sectors).

mod account;
mod bed;
mod check;
mod round;
mod stock;

use std::time::{Duration, Instant};

use account::Account;
use bed::{Bed, Cut};
use round::{Ending, Round};

/// Rounds of the tests that take many.
const ROUNDS: u64 = 20;
/// After so many rounds the node is killed in its recovery too.
const RECOVERY_EVERY: u64 = 3;
/// When that happens, in us after its start, at the most.
const RECOVERY_US: u64 = 400_000;
/// The exit code after a failed sync.
const SYNC_FAILED: i32 = 4;
/// Rounds that did not count, for each that did, at the most.
const TRIES: u64 = 3;

fn rounds_wanted() -> u64 {
    let set = std::env::var("MERCATO_KILL_ROUNDS").ok();
    set.map_or(ROUNDS, |text| text.parse().expect("MERCATO_KILL_ROUNDS is a number"))
}

fn block_on(task: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(task);
}

/// Fails with the first complaints.
fn assert_none(complaints: &[String], when: &str) {
    let first: Vec<_> = complaints.iter().take(10).map(String::as_str).collect();
    assert!(first.is_empty(), "{when}: {} complaints:\n  {}", complaints.len(), first.join("\n  "));
}

/// Some bits that differ from run to run.
fn some_bits(salt: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(salt);
    hasher.finish()
}

/// Kills, has the power cut as `cut` says, starts again and checks, until enough rounds counted.
async fn kill_rounds(mut bed: Bed, cut: Cut, wanted: u64) {
    let mut account = Account::default();
    let (mut counted, mut round) = (0, 0);
    let mut node = bed.start();
    while counted < wanted {
        round += 1;
        assert!(round <= TRIES * wanted, "too few rounds count");
        let begun = Instant::now();
        let done = Round::run(&bed, node, round, Ending::Kill).await;
        let ran = begun.elapsed();
        bed.cut_power(cut, some_bits(round));
        if round % RECOVERY_EVERY == 0 {
            let after = Duration::from_micros(some_bits(round) % RECOVERY_US);
            bed.start_and_kill(after, cut, some_bits(round));
        }
        node = bed.start();
        let up = begun.elapsed() - ran;
        let complaints = check::after(&bed, &node, &mut account, &done).await;
        assert_none(&complaints, &format!("round {round}"));
        counted += u64::from(done.counts());
        let checked = begun.elapsed() - ran - up;
        eprintln!(
            "{cut:?} {round}: {done}, {counted} of {wanted} rounds; \
             work {ran:.1?}, restart {up:.1?}, check {checked:.1?}"
        );
        bed.forget(round);
    }
    let complaints = check::everything(&node, &account).await;
    assert_none(&complaints, "at the end");
    account.did_everything();
    let n_segments = bed.n_segments();
    eprintln!("{n_segments} segments of the log");
    assert!(n_segments as u64 > wanted / 2, "{n_segments}: too few ends of segments were met");
    assert_eq!(node.terminate(), Some(0), "a drain ends cleanly");
}

/// Has the sync number `after` fail once, when it is above 0, else all from a random moment on.
/// The node ends by itself; what it had acknowledged is there after a power cut.
async fn sync_fails(mut after: u64) {
    let mut bed = Bed::under_faults();
    let mut account = Account::default();
    // It says a lot about a failed disk, for each shard.
    bed.set("MERCATO_LOG", "off");
    assert_eq!(bed.start().terminate(), Some(0), "the shop is made");
    for round in 1.. {
        let ending =
            if after == 0 { Ending::Failing(SYNC_FAILED) } else { Ending::Alone(SYNC_FAILED) };
        if after > 0 {
            bed.set("MERCATO_FAULT_EIO_AFTER", &after.to_string());
        }
        let done = Round::run(&bed, bed.start(), round, ending).await;
        bed.unset("MERCATO_FAULT_EIO_AFTER");
        bed.cut_power(Cut::Clean, 0);
        let node = bed.start();
        assert_none(&check::after(&bed, &node, &mut account, &done).await, "after a failed sync");
        assert_eq!(node.terminate(), Some(0), "a drain ends cleanly");
        eprintln!("sync {after} failed: {done}");
        if done.n_acked >= round::ACKED_MIN {
            return;
        }
        assert!(round < 6, "too few orders before the fault");
        after *= 2;
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    block_on(async {
        kill_rounds(Bed::plain().with_bus().await, Cut::None, rounds_wanted()).await
    });
}

#[test]
fn nothing_acknowledged_is_lost_by_power_cuts() {
    block_on(async {
        kill_rounds(Bed::under_faults().with_bus().await, Cut::Clean, rounds_wanted()).await
    });
}

#[test]
fn nothing_acknowledged_is_lost_when_sectors_tear() {
    block_on(async {
        kill_rounds(Bed::under_faults().with_bus().await, Cut::Torn, rounds_wanted().div_ceil(2))
            .await
    });
}

#[test]
fn one_failed_sync_ends_the_node_and_loses_nothing() {
    block_on(sync_fails(300));
}

#[test]
fn a_disk_that_fails_ends_the_node_and_loses_nothing() {
    block_on(sync_fails(0));
}

/// The control: a node whose syncs do nothing passes a plain kill and fails a power cut.
#[test]
fn a_node_that_does_not_sync_is_found_out() {
    block_on(async {
        let mut bed = Bed::under_faults();
        let mut account = Account::default();
        let node = bed.start();
        let lie = || bed.fault("lie", true);
        let done = Round::run_and(&bed, node, 1, Ending::Kill, lie).await;
        let node = bed.start();
        let complaints = check::after(&bed, &node, &mut account, &done).await;
        assert_none(&complaints, "a plain kill keeps the page cache");
        let done = Round::run(&bed, node, 2, Ending::Kill).await;
        let n_files = bed.cut_power(Cut::Clean, 0);
        assert!(n_files > 0, "nothing was taken");
        bed.fault("lie", false);
        let node = bed.start();
        let complaints = check::after(&bed, &node, &mut account, &done).await;
        let n_gone = complaints.iter().filter(|complaint| complaint.contains("gone")).count();
        assert!(n_gone >= done.n_acked, "{n_gone} of {} orders are missed", done.n_acked);
    });
}
