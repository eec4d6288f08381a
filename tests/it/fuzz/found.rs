//! Which statuses were seen of which operation, and how that compares with what is declared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::operation::Operation;

/// Statuses by method and path template, with how often each was seen.
#[derive(Debug, Default)]
pub(super) struct Found(BTreeMap<(String, String), BTreeMap<u16, u64>>);

/// Answers that no operation declares, because they belong to all: a path or a method that is not
/// there. schemathesis asks for both on purpose.
const OF_NO_OPERATION: [u16; 1] = [405];

impl Found {
    /// Reads the events that schemathesis wrote, one a line.
    pub(super) fn read(report: &str) -> Self {
        let mut found = Self::default();
        for line in report.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            let recorder = &event["ScenarioFinished"]["recorder"];
            let Some(interactions) = recorder["interactions"].as_object() else { continue };
            for (id, interaction) in interactions {
                let case = &recorder["cases"][id]["value"];
                let status = interaction["response"]["status_code"].as_u64();
                let (method, path) = (case["method"].as_str(), case["path"].as_str());
                if let (Some(status), Some(method), Some(path)) = (status, method, path) {
                    found.see(method, path, u16::try_from(status).unwrap());
                }
            }
        }
        found
    }

    /// Notes an answer.
    pub(super) fn see(&mut self, method: &str, path: &str, status: u16) {
        let of = self.0.entry((method.to_owned(), path.to_owned())).or_default();
        *of.entry(status).or_default() += 1;
    }

    pub(super) fn n_answers(&self) -> usize {
        let n: u64 = self.0.values().flat_map(BTreeMap::values).sum();
        usize::try_from(n).unwrap()
    }

    fn of(&self, operation: &Operation) -> BTreeSet<u16> {
        let key = (operation.method.clone(), operation.path.clone());
        self.0.get(&key).map(|seen| seen.keys().copied().collect()).unwrap_or_default()
    }

    /// What was declared and not seen: a success at all, and each refusal.
    pub(super) fn missing(&self, operations: &[Operation]) -> Vec<String> {
        let mut missing = Vec::new();
        for operation in operations {
            let seen = self.of(operation);
            let is_success = |status: &&u16| (100..400).contains(*status) && **status != 304;
            if !seen.iter().any(|status| is_success(&status)) {
                missing.push(format!("{}: a success", operation.id));
            }
            let refusals = operation.statuses.iter().filter(|status| (400..500).contains(*status));
            let unseen: Vec<&u16> = refusals.filter(|status| !seen.contains(status)).collect();
            if !unseen.is_empty() {
                missing.push(format!("{}: {unseen:?}", operation.id));
            }
        }
        missing
    }

    /// What was seen of an operation and is not declared for it.
    pub(super) fn undeclared(&self, operations: &[Operation]) -> Vec<String> {
        let mut undeclared = Vec::new();
        for operation in operations {
            let seen = self.of(operation);
            let is_known = |status: &&u16| {
                operation.statuses.contains(*status) || OF_NO_OPERATION.contains(*status)
            };
            let others: Vec<&u16> = seen.iter().filter(|status| !is_known(status)).collect();
            if !others.is_empty() {
                undeclared.push(format!("{}: {others:?}", operation.id));
            }
        }
        undeclared
    }

    /// Operations with how often each declared status was seen; `!` marks one that was not.
    pub(super) fn table(&self, operations: &[Operation]) -> String {
        let mut table = String::new();
        for operation in operations {
            let key = (operation.method.clone(), operation.path.clone());
            let nothing = BTreeMap::new();
            let seen = self.0.get(&key).unwrap_or(&nothing);
            let cells =
                operation.statuses.iter().filter(|status| **status < 500).map(|status| match seen
                    .get(status)
                {
                    Some(n) => format!("{status}:{n}"),
                    None => format!("{status}!"),
                });
            let cells: Vec<String> = cells.collect();
            table.push_str(&format!("{:<24} {}\n", operation.id, cells.join(" ")));
        }
        table
    }
}
