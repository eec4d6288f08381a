//! `sim canary`: how many seeds of the unchanged swarm it takes to notice each planted defect.
//!
//! Seeds run in order, a process each, until a checker objects; the same seed without the defect
//! must pass, or it says nothing about the defect. Only a build with the feature `canaries` has
//! any; others say how to make one.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use sites::{CANARIES, Canary};

use super::children::{self, Children, Done, Which};
use super::{CanaryArgs, Ended, Error, files};
use crate::record::RunRecord;

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
        let mut hunt = Hunt {
            args,
            canary,
            children: Children::new(args.jobs, PATIENCE),
            seen: BTreeMap::new(),
        };
        let found = hunt.until_found()?;
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
    children: Children<()>,
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
            while next < end && self.children.has_room() {
                self.children.start((), which(self.args, self.canary, next, true))?;
                next += 1;
            }
            for done in self.children.reap()? {
                self.seen.insert(done.seed, objection(&done));
                children::forget(&done.dir);
            }
            while let Some(objection) = self.seen.remove(&open) {
                if let Some((by, what)) = objection
                    && self.passes_without(open)?
                {
                    return Ok(Some(Found { seed: open, by, what }));
                }
                open += 1;
            }
        }
        Ok(None)
    }

    /// The control: the same seed without the defect. It has to be quick, too: where it is not,
    /// a run that did not end says nothing.
    fn passes_without(&self, seed: u64) -> Result<bool, Error> {
        let mut control = Children::new(1, PATIENCE / 4);
        control.start((), which(self.args, self.canary, seed, false))?;
        loop {
            if let Some(done) = control.reap()?.pop() {
                let passes = objection(&done).is_none();
                children::forget(&done.dir);
                return Ok(passes);
            }
        }
    }
}

/// A run of this seed, with the defect or without.
fn which<'a>(args: &'a CanaryArgs, canary: &'a Canary, seed: u64, is_planted: bool) -> Which<'a> {
    let suffix = if is_planted { "" } else { "-control" };
    Which {
        scenario: args.scenario.as_deref().unwrap_or(canary.scenario),
        seed,
        canary: is_planted.then_some(canary.name),
        dir: args.out.join(format!("{}-{seed}{suffix}", canary.name)),
    }
}

/// Who objected to a run.
fn objection(done: &Done<()>) -> Objection {
    let record: RunRecord = match files::record(&done.dir) {
        Ok(record) => record,
        Err(_) if done.is_late => return Some(("hang".into(), "the run did not end".into())),
        Err(error) => return Some(("crash".into(), format!("the run left no record: {error}"))),
    };
    // A shop that cannot be opened shows a defect to anybody; it takes no simulator.
    let first = record.violations.into_iter().find(|violation| violation.invariant != "setup")?;
    Some((first.invariant, first.what))
}
