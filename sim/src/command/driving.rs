//! `mercato drive`: a plan against a live system.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cluster::clock::SystemClock;
use cluster::ctx::Clock;

use super::progress::Live;
use super::{Ended, Error, files, runs};
use crate::client::{Names, Service};
use crate::drive::{Target, drive};
use crate::plan::Plan;
use crate::scenario::Scenario;

/// `mercato drive`.
#[derive(Debug, Args)]
pub struct DriveArgs {
    /// Base URL of a node, as `http://127.0.0.1:8080`; again for each further node.
    #[arg(long, required = true)]
    pub target: Vec<String>,
    /// The plan; its faults are not played.
    #[arg(long, conflicts_with_all = ["scenario", "seed"], required_unless_present = "scenario")]
    pub plan: Option<PathBuf>,
    /// A built-in scenario or a TOML file, instead of a plan.
    #[arg(long)]
    pub scenario: Option<String>,
    /// The seed of the scenario.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where to write; `./sim-out/drive-<scenario>-<seed>` if not said.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// What the run is called at the target; the time if not said.
    #[arg(long)]
    pub name: Option<String>,
    /// Visits under way at the most; others are dropped and counted.
    #[arg(long, default_value_t = 2_000)]
    pub visits: usize,
    /// The service that fills shelves and ships.
    #[arg(long, default_value = "demo-service")]
    pub client_id: String,
    /// Its secret.
    #[arg(long, default_value = "demo-secret", env = "MERCATO_DRIVE_SECRET")]
    pub client_secret: String,
    /// As for `sim run`.
    #[arg(long)]
    pub brief: bool,
}

/// Drives; says the verdict to `out`.
///
/// # Errors
///
/// [`Error`]: the plan cannot be read, the target cannot be driven, nothing can be written.
pub fn run(args: &DriveArgs, out: &mut dyn Write) -> Result<Ended, Error> {
    let plan = plan(args)?;
    let dir = args.out.clone().unwrap_or_else(|| {
        PathBuf::from("sim-out").join(format!("drive-{}-{}", plan.scenario, plan.seed))
    });
    let name = args.name.clone().unwrap_or_else(|| {
        let now_ms = SystemClock::default().now().0;
        format!("{now_ms:x}")
    });
    let target = Target {
        urls: args.target.clone(),
        service: Service { id: args.client_id.clone(), secret: args.client_secret.clone() },
        names: Names::of(&name),
        visits_max: args.visits,
    };
    let mut live = (!args.brief).then(|| Live::new(plan.setup.duration_ms));
    let driven = drive(&plan, &target, &mut |progress| {
        if let Some(live) = &mut live {
            live.tell(progress);
        }
    });
    if let Some(live) = live {
        live.end();
    }
    let (mut run, n_dropped) = driven.map_err(Error::Target)?;
    run.record.command = command(args);
    if !plan.faults.is_empty() {
        let text = format!("{} faults of the plan were not played\n", plan.faults.len());
        files::say(out, &text)?;
    }
    if n_dropped > 0 {
        files::say(out, &format!("{n_dropped} visits were dropped: too many under way\n"))?;
    }
    runs::finish(&plan, &run, &dir, args.brief, out)
}

fn plan(args: &DriveArgs) -> Result<Plan, Error> {
    match (&args.plan, &args.scenario) {
        (Some(path), _) => files::plan(path),
        (None, Some(scenario)) => Ok(Scenario::load(scenario)?.plan(args.seed)),
        (None, None) => unreachable!("the command line demands one of both"),
    }
}

fn command(args: &DriveArgs) -> String {
    let mut text = "mercato drive".to_owned();
    for target in &args.target {
        text.push_str(&format!(" --target {target}"));
    }
    match (&args.plan, &args.scenario) {
        (Some(plan), _) => text.push_str(&format!(" --plan {}", files::name(plan))),
        (None, Some(scenario)) => {
            text.push_str(&format!(" --scenario {scenario} --seed {}", args.seed));
        }
        (None, None) => {}
    }
    text
}
