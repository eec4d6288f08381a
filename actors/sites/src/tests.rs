//! Names are those of the sources; a watcher sees its own thread and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// The first argument of every call of `function` in production code, tests left out.
fn used(function: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = BTreeSet::new();
    for dir in ["actors", "cluster", "persistence", "api"] {
        scan(&root.join(dir), &format!("sites::{function}(\""), &mut found);
    }
    found
}

fn scan(dir: &Path, call: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" && name != "target" && name != "sites" {
            scan(&path, call, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).unwrap();
            for after in text.split(call).skip(1) {
                found.insert(after.split('"').next().unwrap().to_owned());
            }
        }
    }
}

fn listed(names: impl Iterator<Item = &'static str>) -> BTreeSet<String> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    let set: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(set.len(), names.len(), "a name stands once");
    set
}

#[test]
fn every_site_is_listed_and_every_listed_one_has_a_site() {
    assert_eq!(used("hit"), listed(PROBES.iter().map(|(name, _)| *name)));
    assert_eq!(used("fires"), listed(BUGGIFY.iter().map(|(name, _)| *name)));
    assert_eq!(used("is_broken"), listed(CANARIES.iter().map(|canary| canary.name)));
}

#[test]
fn every_canary_is_told_of_in_its_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/canaries.md");
    let text = std::fs::read_to_string(path).unwrap();
    for canary in CANARIES {
        assert!(text.contains(&format!("| {} |", canary.name)), "{}", canary.name);
    }
}

/// A build that was not asked for canaries has none: features are unified over a workspace, so
/// no manifest may ask for them but as a feature of the same name that is never a default.
#[test]
fn no_manifest_asks_for_canaries() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifests =
        ["Cargo.toml", "sim/Cargo.toml", "api/mercato/Cargo.toml", "cluster/Cargo.toml"];
    for manifest in manifests {
        let text = std::fs::read_to_string(root.join(manifest)).unwrap();
        for line in text.lines().filter(|line| line.contains("canaries")) {
            let asks = line.starts_with("canaries = [") || line.starts_with('#');
            assert!(asks, "{manifest}: {line}");
        }
    }
}

#[cfg(feature = "watched")]
#[test]
fn a_watcher_sees_its_own_thread_only() {
    use std::cell::RefCell;
    use std::rc::Rc;

    struct Log(Rc<RefCell<Vec<String>>>);
    impl Watch for Log {
        fn hit(&mut self, probe: &'static str) {
            self.0.borrow_mut().push(probe.to_owned());
        }
        fn fires(&mut self, site: &'static str, subject: u64) -> bool {
            self.0.borrow_mut().push(format!("{site} {subject}"));
            subject == 2
        }
        fn is_broken(&mut self, _canary: &'static str) -> bool {
            true
        }
    }

    hit("before");
    let log = Rc::new(RefCell::new(Vec::new()));
    let watching = watch(Box::new(Log(Rc::clone(&log))));
    hit("mine");
    assert!(!fires("site", 1) && fires("site", 2));
    assert_eq!(is_broken("any"), HAS_CANARIES);
    std::thread::spawn(|| {
        hit("other");
        assert!(!fires("site", 2) && !is_broken("any"));
    })
    .join()
    .unwrap();
    drop(watching);
    hit("after");
    assert!(!fires("site", 2) && !is_broken("any"));
    assert_eq!(*log.borrow(), ["mine", "site 1", "site 2"]);
}

/// What a site costs a program that is not watched; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_site_that_is_off() {
    const N: u64 = 50_000_000;
    #[inline(never)]
    fn without() -> u64 {
        (0..N).fold(0, |sum: u64, n| sum.wrapping_add(std::hint::black_box(n)))
    }
    #[inline(never)]
    fn with() -> u64 {
        (0..N).fold(0, |sum: u64, n| {
            let n = std::hint::black_box(n);
            sum.wrapping_add(if fires("site", n) { 1 } else { n })
        })
    }
    let ns = |work: fn() -> u64| {
        let begun = std::time::Instant::now();
        std::hint::black_box(work());
        begun.elapsed().as_secs_f64() / N as f64 * 1e9
    };
    // The least of many: what else runs on the machine only adds.
    let least = |work| (0..40).map(|_| ns(work)).fold(f64::MAX, f64::min);
    let (without, with) = (least(without), least(with));
    let watched = cfg!(feature = "watched");
    std::eprintln!("{without:.3} ns without, {with:.3} ns with, watched {watched}");
}
