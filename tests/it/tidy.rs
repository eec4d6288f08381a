//! Rules of style that a machine can hold: heads, lengths of files, functions and lines.

use crate::tree::{is_test, sources};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;

fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn every_file_has_a_head() {
    let broken: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    report("a source file begins with a //! head", &broken);
}

#[test]
fn files_are_one_concept_long() {
    let broken: Vec<_> = sources()
        .into_iter()
        .filter(|(name, text)| !is_test(name) && text.lines().count() > FILE_LINES_MAX)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    report("a file has at most 500 lines", &broken);
}

#[test]
fn lines_fit_the_screen() {
    let mut broken = Vec::new();
    for (name, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            if line.chars().count() > LINE_CHARS_MAX && !line.contains('"') {
                broken.push(format!("{name}:{}", index + 1));
            }
        }
    }
    report("a line has at most 100 characters", &broken);
}

#[test]
fn functions_fit_a_page() {
    let mut broken = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| !is_test(name)) {
        for (line, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                broken.push(format!("{name}:{line}: {length} lines"));
            }
        }
    }
    report("a function has at most 70 lines", &broken);
}

/// Where functions begin and how long they are, by the indentation that rustfmt gives.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let is_fn = ["fn ", "pub fn ", "async fn ", "pub async fn ", "const fn ", "pub const fn "]
            .iter()
            .any(|start| code.starts_with(start))
            || (code.starts_with("pub(") && code.contains(" fn "));
        if !is_fn || code.ends_with(';') {
            continue;
        }
        // A declaration in a trait ends with a semicolon some lines on.
        let end = lines[index..].iter().find(|line| line.ends_with(['{', ';']));
        if end.is_none_or(|line| line.ends_with(';')) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[index..].iter().position(|line| *line == close) {
            found.push((index + 1, length + 1));
        }
    }
    found
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = ["todo!(", "unimplemented!(", concat!("FIX", "ME"), "#[ignore]"];
    let mut broken = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.ends_with("tidy.rs")) {
        for (index, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                broken.push(format!("{name}:{}", index + 1));
            }
        }
    }
    report("nothing is left unfinished in the sources", &broken);
}

#[test]
fn pure_crates_hold_nothing_impure() {
    let pure = ["actors/codec/src", "actors/entity/src", "actors/commerce/src"];
    let banned = [
        "HashMap",
        "HashSet",
        "SystemTime",
        "Instant::now",
        "async fn",
        "std::fs",
        "tracing::",
        "rand::",
        "println!",
        "thread::",
    ];
    let mut broken = Vec::new();
    for (name, text) in sources() {
        if !pure.iter().any(|dir| name.starts_with(dir)) || is_test(&name) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && banned.iter().any(|word| code.contains(word)) {
                broken.push(format!("{name}:{}: {code}", index + 1));
            }
        }
    }
    report("pure crates have no I/O, clock, randomness, async, logging or hash maps", &broken);
}

#[test]
fn stored_types_have_distinct_numbers() {
    let mut seen = std::collections::BTreeMap::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| !is_test(name)) {
        let declared = text.lines().filter_map(|line| {
            line.trim().strip_prefix("const TYPE: TypeId = ")?.strip_suffix(';').map(str::to_owned)
        });
        for number in declared {
            if let Some(other) = seen.insert(number.clone(), name.clone()) {
                panic!("type number {number} stands in {other} and in {name}");
            }
        }
    }
    assert!(seen.len() >= 4, "the declarations were not found");
}
