//! What a published event says in its data, read as a consumer reads it: not by the code that
//! writes it.
//!
//! Its version is that of the event; of an order the status is the one that clients were shown at
//! that version. `looked_at`: published events.

use std::collections::BTreeMap;

use commerce::keys;
use serde::Deserialize;

use super::{Findings, World};
use crate::history::History;

/// The data, as far as any kind has it.
#[derive(Deserialize)]
struct Data {
    version: Option<u64>,
    status: Option<String>,
}

/// Judges the data of everything that was published.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("bus_data");
    let shown = shown(&world.given.history);
    for (_, _, event) in world.journals.published.iter().flatten() {
        let Ok(data) = serde_json::from_slice::<Data>(&event.data) else {
            found.fail(format!("{}: its data cannot be read", event.id));
            continue;
        };
        found.judge(data.version == Some(event.version), || {
            format!("{}: {:?} in the data of version {}", event.id, data.version, event.version)
        });
        let is_order = event.subject.starts_with(keys::ORDER_PREFIX);
        let wanted = shown.get(&(event.subject.as_str(), event.version));
        if let (true, Some(wanted)) = (is_order, wanted) {
            found.judge(data.status.as_deref() == Some(*wanted), || {
                let (subject, version) = (&event.subject, event.version);
                format!("{subject} at {version}: {wanted} to clients, {:?} here", data.status)
            });
        }
    }
    found
}

/// The words that answers and streams showed, by order and version.
fn shown(history: &History) -> BTreeMap<(&str, u64), &str> {
    let answers = history.ops.iter().filter_map(|op| {
        let answer = op.answer.as_ref().filter(|answer| answer.status / 100 == 2)?;
        let key = (answer.order.as_deref()?, answer.version?);
        Some((key, answer.state.as_deref()?))
    });
    let told = history.streams.iter().flat_map(|stream| &stream.told);
    let told = told.filter(|told| !told.order.is_empty());
    let told = told.map(|told| ((told.order.as_str(), told.version), told.state.as_str()));
    answers.chain(told).collect()
}
