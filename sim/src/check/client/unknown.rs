//! How many of the requests that change something have an outcome that no client knows.
//!
//! A request whose answer did not come is not counted if the same key was answered for good by
//! another try: then its outcome is known.

use std::collections::BTreeSet;

use super::facts::is_done;
use crate::history::{Ask, History, Op};

const PPM: u64 = 1_000_000;

/// Whether a request changes something.
const fn changes(ask: &Ask) -> bool {
    match ask {
        Ask::PutCart { .. }
        | Ask::PutAddress { .. }
        | Ask::DeleteAddress { .. }
        | Ask::SignIn { .. }
        | Ask::Merge { .. }
        | Ask::Place { .. }
        | Ask::Cancel { .. }
        | Ask::CancelPart { .. }
        | Ask::Advance { .. }
        | Ask::Freeze { .. }
        | Ask::Restock { .. }
        | Ask::SetPrice { .. }
        | Ask::Count { .. } => true,
        Ask::Quote { .. }
        | Ask::GetOrder { .. }
        | Ask::GetStock { .. }
        | Ask::ListMine { .. }
        | Ask::Reuse { .. }
        | Ask::Look(_)
        | Ask::Other => false,
    }
}

fn is_definite(op: &Op) -> bool {
    op.answer.as_ref().is_some_and(|answer| {
        is_done(answer) || (400..500).contains(&answer.status) && answer.status != 429
    })
}

/// Unknown outcomes of all requests that change something, in parts per million.
#[must_use]
pub fn unknown_ppm(history: &History) -> u64 {
    let changes: Vec<_> = history.ops.iter().filter(|op| changes(&op.ask)).collect();
    let known: BTreeSet<_> = changes
        .iter()
        .filter(|op| is_definite(op))
        .filter_map(|op| Some((&op.ask, op.key.as_deref()?)))
        .collect();
    let is_unknown = |op: &&&Op| {
        op.is_open() && !op.key.as_deref().is_some_and(|key| known.contains(&(&op.ask, key)))
    };
    let n_unknown = changes.iter().filter(is_unknown).count() as u64;
    (n_unknown * PPM).checked_div(changes.len() as u64).unwrap_or(0)
}
