//! `mercato sim ...`: runs, swarms, replays, shrinks and compares, for people and for CI.
//!
//! Everything that is written goes below the folder that is given; verdicts go to stdout,
//! progress to stderr. Exit codes: 0 no violation, 1 a violation or two runs that differ, 2 bad
//! usage, 3 files that cannot be read or written, or a target that cannot be driven.

mod canary;
mod children;
mod diff;
mod driving;
mod files;
mod progress;
mod runs;
mod shrinking;
mod swarm;

use std::io::Write;
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};

pub use driving::{DriveArgs, run as drive};

/// What the simulator can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a scenario with a seed; writes run.json, report.html, plan.json and more.
    Run(RunArgs),
    /// Runs many seeds, a process each; keeps plans that fail.
    Swarm(SwarmArgs),
    /// Runs a plan again.
    Replay(ReplayArgs),
    /// Looks for a small plan that fails as the given one does.
    Shrink(ShrinkArgs),
    /// Runs two plans, or one plan twice, and says where they part.
    Diff(DiffArgs),
    /// Makes the report of a run.json again.
    Report(ReportArgs),
    /// Lists the scenarios.
    Scenarios,
    /// Plants known defects and counts the seeds until each is noticed.
    Canary(CanaryArgs),
}

/// `sim run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A built-in scenario or a TOML file.
    #[arg(long)]
    pub scenario: String,
    /// The seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where to write; `./sim-out/<scenario>-<seed>` if not said.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Says the verdict only, and writes run.json only, and the plan if it fails.
    #[arg(long)]
    pub brief: bool,
    /// A defect to plant, in a build that has any.
    #[arg(long, hide = !sites::HAS_CANARIES)]
    pub canary: Option<String>,
    /// Ends as soon as standard input does: for the children of a swarm.
    #[arg(long, hide = true)]
    pub leashed: bool,
}

/// `sim canary`.
#[derive(Debug, Args)]
pub struct CanaryArgs {
    /// Which; all if none is named.
    pub names: Vec<String>,
    /// Another scenario than the one that the defect belongs to.
    #[arg(long)]
    pub scenario: Option<String>,
    /// Seeds at the most, for each.
    #[arg(long, default_value_t = 1_000, value_parser = seeds())]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1, value_parser = first_seed())]
    pub first: u64,
    /// Processes at the same time.
    #[arg(long, default_value_t = 2, value_parser = jobs())]
    pub jobs: usize,
    /// Where to write.
    #[arg(long, default_value = "sim-out/canary")]
    pub out: PathBuf,
}

/// `sim replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The plan.
    pub plan: PathBuf,
    /// Where to write; beside the plan if not said.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// As for `sim run`.
    #[arg(long)]
    pub brief: bool,
}

/// `sim swarm`.
#[derive(Debug, Args)]
pub struct SwarmArgs {
    /// A built-in scenario or a TOML file.
    #[arg(long, default_value = "mixed")]
    pub scenario: String,
    /// How many seeds.
    #[arg(long, default_value_t = 100, value_parser = seeds())]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1, value_parser = first_seed())]
    pub first: u64,
    /// Processes at the same time.
    #[arg(long, default_value_t = 2, value_parser = jobs())]
    pub jobs: usize,
    /// Ends after so many seconds, however many seeds are left.
    #[arg(long)]
    pub budget_s: Option<u64>,
    /// Ends after so many failing seeds.
    #[arg(long, default_value_t = 10)]
    pub failures: u64,
    /// Percent of seeds that are run twice and compared; failing ones always are.
    #[arg(long, default_value_t = 5)]
    pub twice_percent: u64,
    /// Where to write.
    #[arg(long, default_value = "sim-out/swarm")]
    pub out: PathBuf,
}

/// `sim shrink`.
#[derive(Debug, Args)]
pub struct ShrinkArgs {
    /// The plan.
    pub plan: PathBuf,
    /// Where to write the small one; beside the plan if not said.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Runs at the most.
    #[arg(long, default_value_t = 2_000)]
    pub runs: u32,
    /// The invariant that the small plan has to break; any that the plan breaks if not said.
    #[arg(long)]
    pub breaks: Option<String>,
}

/// `sim diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A plan.
    pub one: PathBuf,
    /// Another plan, or the same.
    pub other: PathBuf,
}

/// `sim report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A run.json, or the folder that it lies in.
    pub run: PathBuf,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is wrong.
    Fine,
    /// An invariant is broken, or two runs differ.
    Wrong,
}

/// Seeds of one swarm at the most.
const SEEDS_MAX: u64 = 1_000_000_000;

fn seeds() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=SEEDS_MAX)
}

fn first_seed() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(..=u64::MAX - SEEDS_MAX)
}

fn jobs() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1_024)
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] crate::scenario::Error),
    /// The plan cannot be used.
    #[error("{path}: {source}")]
    Plan {
        /// Its file.
        path: String,
        /// Why.
        source: crate::plan::PlanError,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {source}")]
    Json {
        /// Which.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A live system cannot be driven.
    #[error("the target cannot be driven: {0}")]
    Target(String),
    /// It was asked for what there is not.
    #[error("{0}")]
    Usage(String),
    /// A child process could not be started or did not answer.
    #[error("seed {seed}: {what}")]
    Child {
        /// Its seed.
        seed: u64,
        /// Why.
        what: String,
    },
}

/// Does what is asked; says it to `out`.
///
/// # Errors
///
/// [`Error`]: the work could not be done at all. A broken invariant is no error.
pub fn run(command: Command, out: &mut dyn Write) -> Result<Ended, Error> {
    match command {
        Command::Run(args) => runs::run(&args, out),
        Command::Replay(args) => runs::replay(&args, out),
        Command::Swarm(args) => swarm::swarm(&args, out),
        Command::Shrink(args) => shrinking::shrink(&args, out),
        Command::Diff(args) => diff::diff(&args, out),
        Command::Report(args) => runs::report(&args, out),
        Command::Scenarios => scenarios(out),
        Command::Canary(args) => canary::canary(&args, out),
    }
}

fn scenarios(out: &mut dyn Write) -> Result<Ended, Error> {
    for name in crate::scenario::names() {
        let scenario = crate::scenario::Scenario::built_in(name)?;
        files::say(out, &format!("{name:<18} {}\n", scenario.about))?;
    }
    Ok(Ended::Fine)
}
