//! `sim canary`: how many seeds of the unchanged swarm it takes to notice each planted defect.
//!
//! Seeds run in order, a process each, until a checker objects; the same seed without the defect
//! must pass, or it says nothing about the defect. Only a build with the feature `canaries` has
//! any; others say how to make one.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sites::{CANARIES, Canary};

use super::{CanaryArgs, Ended, Error, files};
use crate::record::RunRecord;

/// How often children are looked at.
const LOOK: Duration = Duration::from_millis(2);
/// A child that takes longer is ended; a run that does not end is noticed, too.
const PATIENCE: Duration = Duration::from_secs(120);

/// What noticed a defect.
struct Found {
    seed: u64,
    /// Checker, and its first words.
    by: String,
    what: String,
}

/// How one run ended, as far as it matters here: who objected, and to what.
type Objection = Option<(String, String)>;

pub(super) fn canary(args: &CanaryArgs, out: &mut dyn Write) -> Result<Ended, Error> {
    if !sites::HAS_CANARIES {
        return Err(Error::Usage(
            "this build has no canaries; scripts/canaries makes one that has, and runs them \
             (cargo build -p mercato --features canaries)"
                .into(),
        ));
    }
    let chosen = chosen(&args.names)?;
    files::say(out, &format!("{:<32}{:>7}{:>9}  {}\n", "canary", "seeds", "wall s", "found by"))?;
    let mut all_found = true;
    for canary in chosen {
        let begun = Instant::now();
        let mut hunt = Hunt { args, canary, jobs: Vec::new(), seen: BTreeMap::new() };
        let found = hunt.until_found()?;
        hunt.end();
        let seconds = begun.elapsed().as_secs_f64();
        let line = match found {
            Some(Found { seed, by, what }) => {
                let n = seed - args.first + 1;
                let what: String = what.chars().take(110).collect();
                format!("{:<32}{n:>7}{seconds:>9.1}  {by}: {what}\n", canary.name)
            }
            None => {
                all_found = false;
                format!("{:<32}{:>7}{seconds:>9.1}  NOT FOUND\n", canary.name, args.seeds)
            }
        };
        files::say(out, &line)?;
    }
    Ok(if all_found { Ended::Fine } else { Ended::Wrong })
}

fn chosen(names: &[String]) -> Result<Vec<&'static Canary>, Error> {
    if names.is_empty() {
        return Ok(CANARIES.iter().collect());
    }
    let find = |name: &String| {
        let all = || CANARIES.iter().map(|canary| canary.name).collect::<Vec<_>>().join(", ");
        let found = CANARIES.iter().find(|canary| canary.name == *name);
        found
            .ok_or_else(|| Error::Usage(format!("no canary is called {name}; there are {}", all())))
    };
    names.iter().map(find).collect()
}

/// The search for one defect.
struct Hunt<'a> {
    args: &'a CanaryArgs,
    canary: &'a Canary,
    jobs: Vec<(u64, Child, PathBuf, Instant)>,
    /// Runs that ended, by seed.
    seen: BTreeMap<u64, Objection>,
}

impl Hunt<'_> {
    fn until_found(&mut self) -> Result<Option<Found>, Error> {
        let end = self.args.first + self.args.seeds;
        let mut next = self.args.first;
        // All seeds below this one have ended, and none of them showed the defect.
        let mut open = self.args.first;
        while open < end {
            while next < end && self.jobs.len() < self.args.jobs.max(1) {
                let dir = self.dir(next, "");
                let child = self.spawn(next, &dir, true)?;
                self.jobs.push((next, child, dir, Instant::now()));
                next += 1;
            }
            self.reap()?;
            while let Some(objection) = self.seen.remove(&open) {
                if let Some((by, what)) = objection
                    && self.passes_without(open)?
                {
                    return Ok(Some(Found { seed: open, by, what }));
                }
                open += 1;
            }
            std::thread::sleep(LOOK);
        }
        Ok(None)
    }

    fn reap(&mut self) -> Result<(), Error> {
        let mut index = 0;
        while index < self.jobs.len() {
            let (seed, child, dir, begun) = &mut self.jobs[index];
            let is_late = begun.elapsed() > PATIENCE;
            if is_late {
                let _ = child.kill();
            }
            let failed =
                |error: std::io::Error| Error::Child { seed: *seed, what: error.to_string() };
            if child.try_wait().map_err(failed)?.is_none() {
                index += 1;
                continue;
            }
            let objection = objection(dir, is_late);
            let _ = std::fs::remove_dir_all(&*dir);
            let seed = *seed;
            self.seen.insert(seed, objection);
            self.jobs.swap_remove(index);
        }
        Ok(())
    }

    /// The control: the same seed without the defect.
    fn passes_without(&self, seed: u64) -> Result<bool, Error> {
        let dir = self.dir(seed, "-control");
        let mut child = self.spawn(seed, &dir, false)?;
        let failed = |error: std::io::Error| Error::Child { seed, what: error.to_string() };
        child.wait().map_err(failed)?;
        let passes = objection(&dir, false).is_none();
        let _ = std::fs::remove_dir_all(&dir);
        Ok(passes)
    }

    fn dir(&self, seed: u64, suffix: &str) -> PathBuf {
        self.args.out.join(format!("{}-{seed}{suffix}", self.canary.name))
    }

    fn spawn(&self, seed: u64, dir: &Path, is_planted: bool) -> Result<Child, Error> {
        let failed = |error: std::io::Error| Error::Child { seed, what: error.to_string() };
        let scenario = self.args.scenario.as_deref().unwrap_or(self.canary.scenario);
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command
            .args(["sim", "run", "--brief", "--scenario", scenario, "--seed", &seed.to_string()])
            .arg("--out")
            .arg(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if is_planted {
            command.args(["--canary", self.canary.name]);
        }
        command.spawn().map_err(failed)
    }

    /// Ends what runs still.
    fn end(&mut self) {
        for (_, child, dir, _) in &mut self.jobs {
            let _ = child.kill();
            let _ = child.wait();
            let _ = std::fs::remove_dir_all(&*dir);
        }
    }
}

/// Who objected to a run.
fn objection(dir: &Path, is_late: bool) -> Objection {
    let record: RunRecord = match files::record(dir) {
        Ok(record) => record,
        Err(_) if is_late => return Some(("hang".into(), "the run did not end".into())),
        Err(error) => return Some(("crash".into(), format!("the run left no record: {error}"))),
    };
    let first = record.violations.into_iter().next()?;
    Some((first.invariant, first.what))
}
