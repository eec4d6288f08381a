//! The dependency table: which crate may know which, held against the manifests.
//!
//! Arrows point from shell to core; each driver is named by its own shell crate only; every crate
//! from outside has its line in `docs/dependencies.md`, and `deny.toml` says the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::root;

/// Crate, folder, and the own crates that it may name.
const TABLE: &[(&str, &str, &[&str])] = &[
    ("codec", "actors/codec", &[]),
    ("entity", "actors/entity", &["codec", "sites"]),
    ("sites", "actors/sites", &[]),
    ("commerce", "actors/commerce", &["codec", "entity", "sites"]),
    ("ports", "persistence/ports", &["codec", "entity", "sites"]),
    ("embedded", "persistence/embedded", &["codec", "entity", "ports"]),
    ("nats", "persistence/nats", &["entity", "ports"]),
    ("cluster", "cluster", &["codec", "entity", "ports", "sites"]),
    ("edge", "api/edge", &["cluster", "codec", "commerce", "entity", "ports", "sites"]),
    (
        "mercato",
        "api/mercato",
        &[
            "cluster", "codec", "commerce", "edge", "embedded", "entity", "nats", "ports", "sim",
            "sites",
        ],
    ),
    ("sim", "sim", &["cluster", "codec", "commerce", "edge", "entity", "ports", "sites"]),
    ("tests", "tests", &[]),
    ("benches", "benches", &["cluster", "codec", "commerce", "embedded", "entity", "ports"]),
];

/// Drivers, and the crates that may name them.
const DRIVERS: &[(&str, &[&str])] = &[
    ("bincode", &["codec"]),
    ("ractor", &["cluster"]),
    ("fjall", &["embedded", "benches"]),
    ("async-nats", &["nats", "tests"]),
    ("actix-web", &["edge", "benches"]),
    ("actix", &["edge"]),
    ("utoipa", &["edge"]),
];

fn manifest(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(path).join("Cargo.toml")).unwrap();
    text.parse().unwrap()
}

/// The crates of a section, those of single targets among them.
fn names(manifest: &toml::Table, section: &str) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let of_targets = targets.into_iter().flat_map(toml::Table::values);
    let tables = of_targets.filter_map(toml::Value::as_table).chain([manifest]);
    let sections = tables.filter_map(|table| table.get(section)?.as_table());
    sections.flat_map(toml::Table::keys).cloned().collect()
}

#[test]
fn crates_know_only_what_the_table_allows() {
    let own: BTreeSet<_> = TABLE.iter().map(|(name, ..)| *name).collect();
    for (name, path, allowed) in TABLE {
        let manifest = manifest(path);
        let package = manifest["package"]["name"].as_str().unwrap();
        assert_eq!(package, *name, "folder {path}");
        for dependency in names(&manifest, "dependencies") {
            if own.contains(dependency.as_str()) {
                assert!(allowed.contains(&dependency.as_str()), "{name} names {dependency}");
            }
        }
    }
    let members: BTreeSet<_> = manifest(".")["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member.as_str().unwrap().to_owned())
        .collect();
    let listed: BTreeSet<_> = TABLE.iter().map(|(_, path, _)| (*path).to_owned()).collect();
    assert_eq!(members, listed, "the table lists every crate");
}

#[test]
fn drivers_stay_in_their_shells() {
    for (name, path, _) in TABLE {
        let dependencies = names(&manifest(path), "dependencies");
        for (driver, shells) in DRIVERS {
            let named = dependencies.contains(*driver);
            assert!(!named || shells.contains(name), "{name} names the driver {driver}");
        }
    }
}

#[test]
fn every_outside_crate_is_explained() {
    let own: BTreeSet<_> = TABLE.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let explained = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let mut used: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, path, _) in TABLE {
        let manifest = manifest(path);
        for section in ["dependencies", "dev-dependencies"] {
            for dependency in names(&manifest, section) {
                if !own.contains(&dependency) {
                    used.entry(dependency).or_default().push(name);
                }
            }
        }
    }
    for (dependency, by) in &used {
        let line = format!("| {dependency} |");
        assert!(explained.contains(&line), "docs/dependencies.md lacks {dependency} (in {by:?})");
    }
    let workspace = manifest(".");
    let listed = workspace["workspace"]["dependencies"].as_table().unwrap();
    for name in listed.keys().filter(|name| !own.contains(*name)) {
        assert!(used.contains_key(name), "{name} is in the workspace table and nobody uses it");
    }
}

/// `deny.toml` is checked by rule, not by the tool: installing it takes longer than all tests.
#[test]
fn the_deny_table_holds_over_the_lock_file() {
    let deny: toml::Table =
        std::fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let lock: toml::Table =
        std::fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let packages: BTreeSet<_> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["name"].as_str().unwrap().to_owned())
        .collect();
    for banned in deny["bans"]["deny"].as_array().unwrap() {
        let name = banned["crate"].as_str().unwrap();
        if banned.get("wrappers").is_none() {
            assert!(!packages.contains(name), "{name} is banned by deny.toml");
        }
    }
    for advisory in deny["advisories"]["ignore"].as_array().unwrap() {
        assert!(advisory["reason"].as_str().is_some_and(|reason| reason.len() > 20));
    }
    let wrapped: BTreeMap<_, _> = deny["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|ban| Some((ban["crate"].as_str()?, ban.get("wrappers")?.as_array()?)))
        .collect();
    for (driver, shells) in DRIVERS {
        let Some(wrappers) = wrapped.get(driver) else { panic!("deny.toml lacks {driver}") };
        for shell in *shells {
            assert!(
                wrappers.iter().any(|wrapper| wrapper.as_str() == Some(shell)),
                "deny.toml does not let {shell} use {driver}"
            );
        }
    }
}

#[test]
fn licences_are_allowed() {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let deny: toml::Table =
        std::fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let allowed: BTreeSet<_> = deny["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|licence| licence.as_str().unwrap().to_owned())
        .collect();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or("");
        let fits = licence.split(" OR ").flat_map(|part| part.split('/')).any(|choice| {
            choice
                .trim_matches(['(', ')', ' '])
                .split(" AND ")
                .all(|one| allowed.contains(one.trim_matches(['(', ')', ' '])))
        });
        assert!(fits, "{name} has the licence {licence:?}, which deny.toml does not allow");
    }
}
