//! A swarm: many seeds, a process each, so that no run can disturb another.
//!
//! A share of the seeds and every failing one run twice and are compared by their hashes. Plans
//! that fail are kept; of the others only the table remains.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use super::children::{self, Children, Done, Which};
use super::{Ended, Error, SwarmArgs, files};
use crate::random::{Stream, mix, percent};
use crate::record::{RunRecord, Verdict};
use crate::scenario::{MustHit, Scenario};

/// How often the progress line changes.
const TELL: Duration = Duration::from_millis(500);
/// A child that takes longer is ended, and its seed counts as failing.
const PATIENCE: Duration = Duration::from_secs(300);

/// A first run of a seed, or its second.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    Second,
}

/// What came of all seeds.
#[derive(Default)]
struct Sums {
    seeds: u64,
    twice: u64,
    events: u64,
    events_least: Option<u64>,
    virtual_ms: u64,
    no_fault: u64,
    probes: BTreeMap<String, (u64, u64)>,
    faults: BTreeMap<String, (u64, u64)>,
    checked: BTreeMap<String, u64>,
    orders: BTreeMap<String, u64>,
    failures: BTreeMap<u64, Vec<String>>,
}

pub(super) fn swarm(args: &SwarmArgs, out: &mut dyn Write) -> Result<Ended, Error> {
    let begun = Instant::now();
    let must_hit = Scenario::load(&args.scenario)?.must_hit;
    let children = Children::new(args.jobs, PATIENCE);
    let mut swarm = Swarm { args, sums: Sums::default(), children, firsts: BTreeMap::new() };
    let mut todo: Vec<(u64, Turn)> =
        (args.first..args.first + args.seeds).rev().map(|seed| (seed, Turn::First)).collect();
    let mut told = Instant::now();
    let is_over = |swarm: &Swarm<'_>| {
        args.budget_s.is_some_and(|s| begun.elapsed().as_secs() >= s)
            || swarm.sums.failures.len() as u64 >= args.failures
    };
    loop {
        while swarm.children.has_room() {
            if is_over(&swarm) {
                // Those that failed last are still run again.
                todo.retain(|(_, turn)| *turn == Turn::Second);
            }
            let Some((seed, turn)) = todo.pop() else { break };
            swarm.start(seed, turn)?;
        }
        if swarm.children.is_empty() {
            break;
        }
        for seed in swarm.reap()? {
            todo.push((seed, Turn::Second));
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            swarm.tell(begun);
        }
    }
    let _ = write!(std::io::stderr(), "\r\x1b[2K");
    files::say(out, &swarm.sums.table(begun.elapsed()))?;
    let is_missed = must_hit.is_some_and(|must| swarm.sums.misses(&must, out));
    let is_fine = swarm.sums.failures.is_empty() && !is_missed;
    Ok(if is_fine { Ended::Fine } else { Ended::Wrong })
}

struct Swarm<'a> {
    args: &'a SwarmArgs,
    sums: Sums,
    children: Children<Turn>,
    /// First runs that wait for their second.
    firsts: BTreeMap<u64, RunRecord>,
}

impl Swarm<'_> {
    fn start(&mut self, seed: u64, turn: Turn) -> Result<(), Error> {
        let name = if turn == Turn::Second { format!("{seed}-again") } else { seed.to_string() };
        let (scenario, dir) = (self.args.scenario.as_str(), self.args.out.join(name));
        self.children.start(turn, Which { scenario, seed, canary: None, dir })
    }

    /// Takes the results of children that ended. Returns the seeds to run again.
    fn reap(&mut self) -> Result<Vec<u64>, Error> {
        let mut again = Vec::new();
        for done in self.children.reap()? {
            match files::record(&done.dir) {
                Ok(record) if done.of == Turn::Second => self.compare(done.seed, &record),
                Ok(record) => {
                    if self.take(done.seed, record) {
                        again.push(done.seed);
                    }
                }
                // It died without a word: that is a finding, and its plan can be made again.
                Err(error) => {
                    let late = if done.is_late { ", and its time was over" } else { "" };
                    let took = done.took.as_secs_f64();
                    let what = format!("no record after {took:.1} s{late}: {error}");
                    self.fail(done.seed, what);
                    let plan = Scenario::load(&self.args.scenario)?.plan(done.seed);
                    files::write(&done.dir.join("plan.json"), plan.write().as_bytes())?;
                }
            }
            self.tidy(&done);
        }
        Ok(again)
    }

    /// Counts a first run. Returns whether it is to be run again.
    fn take(&mut self, seed: u64, record: RunRecord) -> bool {
        self.sums.add(&record);
        for violation in &record.violations {
            self.fail(seed, format!("{}: {}", violation.invariant, violation.what));
        }
        let drawn = percent(mix(seed, Stream::Swarm, 1, 0), self.args.twice_percent);
        let again = drawn || record.verdict == Verdict::Fail;
        if again {
            self.firsts.insert(seed, record);
        }
        again
    }

    fn compare(&mut self, seed: u64, second: &RunRecord) {
        self.sums.twice += 1;
        let Some(first) = self.firsts.remove(&seed) else { return };
        if let Some(what) = parting(first, second) {
            self.fail(seed, what);
        }
    }

    fn fail(&mut self, seed: u64, what: String) {
        self.sums.failures.entry(seed).or_default().push(what);
    }

    /// What passed leaves nothing behind.
    fn tidy(&self, done: &Done<Turn>) {
        if !self.sums.failures.contains_key(&done.seed) {
            children::forget(&done.dir);
        }
    }

    fn tell(&self, begun: Instant) {
        let seconds = begun.elapsed().as_secs_f64();
        let sums = &self.sums;
        let done = sums.seeds as f64 / self.args.seeds.max(1) as f64;
        let bar: String =
            (0..20).map(|n| if f64::from(n) < done * 20.0 { '#' } else { '.' }).collect();
        let _ = write!(
            std::io::stderr(),
            "\r\x1b[2K[{bar}] {} of {} seeds  {:.1}/s  {:.0} events/s  {:.1} virtual h  \
             {} probes  {} failing",
            sums.seeds,
            self.args.seeds,
            sums.seeds as f64 / seconds,
            sums.events as f64 / seconds,
            sums.virtual_ms as f64 / 3.6e6,
            sums.probes.values().filter(|(_, n)| *n > 0).count(),
            sums.failures.len(),
        );
    }
}

/// Where two runs of one seed part; `None`: they are the same but for the time that they took.
fn parting(first: RunRecord, second: &RunRecord) -> Option<String> {
    let first = RunRecord { wall_ms: second.wall_ms, ..first };
    if first == *second {
        return None;
    }
    let pairs = first.checkpoints.iter().zip(&second.checkpoints);
    let at = pairs.take_while(|(one, other)| one == other).count();
    Some(match first.trace_hash == second.trace_hash {
        true => "two runs have one trace and differ in what was found".to_owned(),
        false => format!("two runs part after checkpoint {at} (of 4096 events)"),
    })
}

impl Sums {
    fn add(&mut self, record: &RunRecord) {
        self.seeds += 1;
        self.events += record.events;
        let least = self.events_least.unwrap_or(u64::MAX);
        self.events_least = Some(least.min(record.events));
        self.virtual_ms += record.virtual_ms;
        self.no_fault += u64::from(record.faults.values().all(|n| *n == 0));
        for (into, from) in [(&mut self.probes, &record.probes), (&mut self.faults, &record.faults)]
        {
            for (name, n) in from {
                let sum = into.entry(name.clone()).or_default();
                sum.0 += u64::from(*n > 0);
                sum.1 += n;
            }
        }
        for (into, from) in
            [(&mut self.checked, &record.checked), (&mut self.orders, &record.orders)]
        {
            for (name, n) in from {
                *into.entry(name.clone()).or_default() += n;
            }
        }
    }

    /// Tells of probes that had to be hit and never were. Returns whether that is a violation:
    /// a few seeds prove nothing.
    fn misses(&self, must: &MustHit, out: &mut dyn Write) -> bool {
        let is_missed = |name: &&String| self.probes.get(*name).is_none_or(|(n, _)| *n == 0);
        let missed: Vec<&str> = must.probes.iter().filter(is_missed).map(String::as_str).collect();
        let is_judged = self.seeds >= must.within_seeds;
        if !missed.is_empty() {
            let word =
                if is_judged { "that must be hit and never were" } else { "still to be hit" };
            let _ = files::say(out, &format!("probes {word}: {}\n", missed.join(", ")));
        }
        is_judged && !missed.is_empty()
    }

    /// Everything, for people.
    fn table(&self, wall: Duration) -> String {
        let mut text = format!(
            "{} seeds in {:.1} s, {} of them twice; {} events (least of a seed {}), {:.1} virtual \
             h; seeds without an effective fault: {}\n",
            self.seeds,
            wall.as_secs_f64(),
            self.twice,
            self.events,
            self.events_least.unwrap_or(0),
            self.virtual_ms as f64 / 3.6e6,
            self.no_fault,
        );
        for (title, rows) in [("fault", &self.faults), ("probe", &self.probes)] {
            text.push_str(&format!("\n{title:<28}{:>10}{:>14}\n", "seeds", "times"));
            for (name, (seeds, times)) in rows {
                text.push_str(&format!("{name:<28}{seeds:>10}{times:>14}\n"));
            }
        }
        let never = self.probes.iter().filter(|(_, (seeds, _))| *seeds == 0);
        let never: Vec<&str> = never.map(|(name, _)| name.as_str()).collect();
        if !never.is_empty() {
            text.push_str(&format!("\nprobes never hit: {}\n", never.join(", ")));
        }
        for (title, rows) in [("checker", &self.checked), ("orders", &self.orders)] {
            text.push_str(&format!("\n{title:<28}{:>24}\n", "looked at"));
            for (name, n) in rows {
                text.push_str(&format!("{name:<28}{n:>24}\n"));
            }
        }
        text.push_str(&format!("\nfailing seeds: {}\n", self.failures.len()));
        for (seed, whats) in &self.failures {
            text.push_str(&format!("  seed {seed}: {}\n", whats[0]));
        }
        text
    }
}
