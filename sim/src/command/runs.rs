//! One run, and what is written of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::progress::Live;
use super::{Ended, Error, ReplayArgs, ReportArgs, RunArgs, children, files};
use crate::plan::Plan;
use crate::record::Verdict;
use crate::report;
use crate::run::{Run, run as run_plan};
use crate::scenario::Scenario;

pub(super) fn run(args: &RunArgs, out: &mut dyn Write) -> Result<Ended, Error> {
    if args.leashed {
        children::end_with_parent();
    }
    let scenario = Scenario::load(&args.scenario)?;
    let mut plan = scenario.plan(args.seed);
    plan.canary.clone_from(&args.canary);
    plan.check().map_err(|source| Error::Plan { path: args.scenario.clone(), source })?;
    let dir = args.out.clone().unwrap_or_else(|| {
        PathBuf::from("sim-out").join(format!("{}-{}", plan.scenario, args.seed))
    });
    let mut command = format!("mercato sim run --scenario {} --seed {}", args.scenario, args.seed);
    if let Some(canary) = &args.canary {
        command.push_str(&format!(" --canary {canary}"));
    }
    whole(&plan, &dir, command, args.brief, out)
}

pub(super) fn replay(args: &ReplayArgs, out: &mut dyn Write) -> Result<Ended, Error> {
    let plan = files::plan(&args.plan)?;
    let dir = args.out.clone().unwrap_or_else(|| args.plan.with_extension("replay"));
    let command = format!("mercato sim replay {}", files::name(&args.plan));
    whole(&plan, &dir, command, args.brief, out)
}

pub(super) fn report(args: &ReportArgs, out: &mut dyn Write) -> Result<Ended, Error> {
    let record = files::record(&args.run)?;
    let dir = if args.run.is_dir() { args.run.clone() } else { args.run.with_file_name("") };
    let page = dir.join("report.html");
    files::write(&page, report::html(&record).as_bytes())?;
    files::write(&dir.join("trace.json"), report::chrome_trace(&record).as_bytes())?;
    files::say(out, &format!("{}\n", files::name(&page)))?;
    Ok(Ended::Fine)
}

fn whole(
    plan: &Plan,
    dir: &Path,
    command: String,
    brief: bool,
    out: &mut dyn Write,
) -> Result<Ended, Error> {
    if !brief {
        // First: a run that does not end can be looked into.
        files::write(&dir.join("plan.json"), plan.write().as_bytes())?;
    }
    let mut live = (!brief).then(|| Live::new(plan.setup.duration_ms));
    let mut run = run_plan(plan, &mut |progress| {
        if let Some(live) = &mut live {
            live.tell(progress);
        }
    });
    if let Some(live) = live {
        live.end();
    }
    run.record.command = command;
    finish(plan, &run, dir, brief, out)
}

/// Writes what is to be kept of a run and says how it ended.
pub(super) fn finish(
    plan: &Plan,
    run: &Run,
    dir: &Path,
    brief: bool,
    out: &mut dyn Write,
) -> Result<Ended, Error> {
    keep(plan, run, dir, brief)?;
    let record = &run.record;
    if brief {
        let verdict = if record.verdict == Verdict::Pass { "pass" } else { "FAIL" };
        files::say(out, &format!("{verdict} {} {}\n", record.seed, record.trace_hash))?;
    } else {
        files::say(out, &report::summary(record))?;
        files::say(out, &format!("  report: {}\n", files::name(&dir.join("report.html"))))?;
    }
    Ok(if record.verdict == Verdict::Pass { Ended::Fine } else { Ended::Wrong })
}

fn keep(plan: &Plan, run: &Run, dir: &Path, brief: bool) -> Result<(), Error> {
    let record = &run.record;
    files::write(&dir.join("run.json"), &files::json(record))?;
    if !brief || record.verdict == Verdict::Fail {
        files::write(&dir.join("plan.json"), plan.write().as_bytes())?;
        files::write(&dir.join("history.json"), &files::json(&run.history))?;
    }
    if !brief {
        files::write(&dir.join("report.html"), report::html(record).as_bytes())?;
        files::write(&dir.join("trace.json"), report::chrome_trace(record).as_bytes())?;
        if !run.trace.is_empty() {
            files::write(&dir.join("trace.bin"), &run.trace)?;
        }
    }
    Ok(())
}
