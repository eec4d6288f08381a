//! Makes a failing plan small.

use std::collections::BTreeSet;
use std::io::Write;

use super::{Ended, Error, ShrinkArgs, files};
use crate::plan::Plan;
use crate::record::Violation;
use crate::run::run;
use crate::shrink::{Budget, guesses, shrink as smaller};

/// What a plan breaks: the invariants, not the words.
fn broken(plan: &Plan) -> BTreeSet<String> {
    of(&run(plan, &mut |_| {}).record.violations)
}

fn of(violations: &[Violation]) -> BTreeSet<String> {
    violations.iter().map(|violation| violation.invariant.clone()).collect()
}

pub(super) fn shrink(args: &ShrinkArgs, out: &mut dyn Write) -> Result<Ended, Error> {
    let plan = files::plan(&args.plan)?;
    let begun = std::time::Instant::now();
    let first = run(&plan, &mut |_| {});
    let violations = &first.record.violations;
    let mut wanted = of(violations);
    if wanted.is_empty() {
        files::say(out, "the plan breaks nothing; there is nothing to shrink\n")?;
        return Ok(Ended::Fine);
    }
    if let Some(breaks) = &args.breaks {
        let all: Vec<String> = wanted.iter().cloned().collect();
        wanted.retain(|name| name == breaks);
        if wanted.is_empty() {
            let all = all.join(", ");
            return Err(Error::Usage(format!("the plan does not break {breaks}, but {all}")));
        }
    }
    let shown = violations.iter().find(|violation| wanted.contains(&violation.invariant));
    let hints = shown.map(|shown| guesses(&plan, &first.history, shown)).unwrap_or_default();
    // One of the same invariants is enough: with fewer elements others may no longer break.
    let mut is_first = true;
    let mut fails = |plan: &Plan| {
        // The plan itself is asked about first, and has been run.
        std::mem::take(&mut is_first) || !broken(plan).is_disjoint(&wanted)
    };
    let shrunk = smaller(plan, hints, Budget { runs_max: args.runs }, &mut fails);
    let path = args.out.clone().unwrap_or_else(|| args.plan.with_extension("small.json"));
    files::write(&path, shrunk.plan.write().as_bytes())?;
    let text = format!(
        "{} elements -> {} in {} runs and {:.1} s{}; breaks {}\n{}\n\n{}",
        shrunk.n_before,
        shrunk.plan.len(),
        shrunk.runs,
        begun.elapsed().as_secs_f64(),
        if shrunk.is_minimal { "" } else { " (the budget was spent)" },
        wanted.into_iter().collect::<Vec<_>>().join(", "),
        files::name(&path),
        regression(&files::name(&path)),
    );
    files::say(out, &text)?;
    Ok(Ended::Wrong)
}

/// A test that keeps the plan.
fn regression(path: &str) -> String {
    format!(
        "Keep it as sim/regressions/<name>.json and it runs with `cargo test -p sim regressions`, \
         or:\n\n  mercato sim replay {path}\n"
    )
}
