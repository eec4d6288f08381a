//! Every plan that once failed passes: all of `sim/regressions`, twice, with one trace.

use std::path::{Path, PathBuf};

use super::run;
use crate::plan::Plan;
use crate::record::Verdict;

fn plans() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let files = std::fs::read_dir(dir).expect("the folder is there");
    let mut plans: Vec<_> = files.map(|file| file.expect("it can be read").path()).collect();
    plans.retain(|path| path.extension().is_some_and(|kind| kind == "json"));
    plans.sort();
    plans
}

#[test]
fn plans_that_once_failed_pass() {
    let plans = plans();
    assert!(!plans.is_empty());
    for path in plans {
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let plan = Plan::read(&std::fs::read_to_string(&path).expect("it can be read"));
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (one, two) = (run(&plan, &mut |_| {}).record, run(&plan, &mut |_| {}).record);
        assert_eq!(one.verdict, Verdict::Pass, "{name}: {:#?}", one.violations);
        assert_eq!(one.trace_hash, two.trace_hash, "{name}");
        assert!(one.events > 0 && !one.faults.is_empty(), "{name}: nothing happened");
    }
}

#[test]
fn every_plan_has_its_line() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions/README.md");
    let readme = std::fs::read_to_string(readme).expect("it is there");
    for path in plans() {
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        assert!(readme.contains(&format!("| `{name}` |")), "{name} has no line in README.md");
    }
}
