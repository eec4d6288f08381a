//! CPU time of a process, as the kernel counts it.
//!
//! From `/proc/<pid>/stat`, which serves this process and others alike (getrusage serves oneself
//! and ended children only). User and system time, all threads, in steps of 10 ms.

use std::time::Duration;

/// Ticks of `/proc` in a second: `USER_HZ` is 100 on every Linux that is not very exotic.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of this process so far.
#[must_use]
pub fn own() -> Duration {
    of("self")
}

/// CPU time of another process so far; zero when it is gone.
#[must_use]
pub fn of_process(pid: u32) -> Duration {
    of(&pid.to_string())
}

/// Cores, and the load of the machine over the last minute: what a number was measured beside.
#[must_use]
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{cores} cores, load {}", load.split(' ').next().unwrap_or("unknown"))
}

/// CPU time of children of this process that have ended and were waited for.
#[must_use]
pub fn children() -> Duration {
    words("self", 13)
}

fn of(process: &str) -> Duration {
    words(process, 11)
}

/// Two counts of ticks, from a word behind the name on.
fn words(process: &str, first: usize) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name stands in brackets and may hold blanks; user and system time are the 12th and
    // 13th word behind it, those of children the two after them.
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let words = behind.split_whitespace().skip(first).take(2);
    let ticks: u64 = words.filter_map(|word| word.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}
