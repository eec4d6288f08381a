//! Which visits of a failing plan are likely enough: those that its violations name.
//!
//! A violation names orders and carts, each of which some visit asked for, and happened at a
//! time. So what is tried is: the visits that asked for what is named; those that wanted the
//! same SKUs before that time; all before that time. Faults that begin later go, too, and so do
//! SKUs that nobody wants then. A guess is tried and dropped, so nothing here has to be right.

use std::collections::BTreeSet;

use super::rules::fewer_skus;
use crate::history::{Ask, History, Op};
use crate::plan::Plan;
use crate::record::Violation;

/// Smaller plans that may show the same violation, the smallest first.
#[must_use]
pub fn guesses(plan: &Plan, history: &History, violation: &Violation) -> Vec<Plan> {
    let words: BTreeSet<&str> = violation.what.split(is_between).collect();
    let asked = history.ops.iter().filter(|op| names(op).into_iter().any(|n| words.contains(n)));
    let named: BTreeSet<u32> = asked.map(|op| op.visit).collect();
    let skus: BTreeSet<u32> = plan
        .traffic
        .iter()
        .filter(|visit| named.contains(&visit.id))
        .flat_map(|visit| visit.journey.skus())
        .chain(said_skus(&violation.what))
        .collect();
    let until = |plan: &mut Plan| {
        plan.traffic.retain(|visit| visit.at_us <= violation.at_us);
        plan.faults.retain(|fault| fault.at_us <= violation.at_us);
    };
    let mut by_name = plan.clone();
    by_name.traffic.retain(|visit| named.contains(&visit.id));
    let mut by_sku = plan.clone();
    by_sku.traffic.retain(|visit| visit.journey.skus().iter().any(|sku| skus.contains(sku)));
    let mut guesses = vec![by_name, by_sku, plan.clone()];
    guesses.iter_mut().for_each(until);
    guesses.retain(|guess| !guess.traffic.is_empty() && guess.len() < plan.len());
    // A shop of few SKUs first: to open one of a thousand costs more than most plans.
    guesses.into_iter().flat_map(|guess| fewer_skus(&guess).into_iter().chain([guess])).collect()
}

/// What stands between the names in a violation's text.
fn is_between(letter: char) -> bool {
    !(letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
}

/// Carts and orders that a request is about.
fn names(op: &Op) -> Vec<&str> {
    let asked = match &op.ask {
        Ask::PutCart { cart }
        | Ask::Merge { cart, .. }
        | Ask::Quote { cart }
        | Ask::Place { cart, .. } => Some(cart),
        Ask::GetOrder { order }
        | Ask::Cancel { order }
        | Ask::CancelPart { order, .. }
        | Ask::Advance { order, .. }
        | Ask::Freeze { order } => Some(order),
        Ask::GetStock { .. }
        | Ask::Restock { .. }
        | Ask::Count { .. }
        | Ask::SetPrice { .. }
        | Ask::ListMine { .. }
        | Ask::Reuse { .. }
        | Ask::SignIn { .. }
        | Ask::PutAddress { .. }
        | Ask::DeleteAddress { .. }
        | Ask::Look(_)
        | Ask::Other => None,
    };
    let answered = op.answer.as_ref().and_then(|answer| answer.order.as_ref());
    asked.into_iter().chain(answered).map(String::as_str).collect()
}

/// SKUs that a text speaks of: `SKU 4` (clients) and `sim-00004` (the journal).
fn said_skus(what: &str) -> BTreeSet<u32> {
    let said = |before: &str| {
        let mut found = Vec::new();
        for (at, _) in what.match_indices(before) {
            let rest = &what[at + before.len()..];
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            found.extend(rest[..end].parse::<u32>());
        }
        found
    };
    said("SKU ").into_iter().chain(said("sim-")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Answer;
    use crate::scenario::Scenario;

    #[test]
    fn a_violation_leads_to_the_visits_that_it_names_then_to_their_skus_then_to_its_time() {
        let plan = Scenario::built_in("double-11").expect("built in").plan(3);
        let wanted = plan.traffic[700].clone();
        let op = Op {
            visit: wanted.id,
            intended_us: wanted.at_us,
            sent_us: wanted.at_us,
            answered_us: Some(wanted.at_us + 1),
            node: 0,
            key: None,
            over: None,
            ask: Ask::Other,
            answer: Some(Answer { order: Some("ord_x1".into()), ..Answer::default() }),
        };
        let history = History { ops: vec![op], ..History::default() };
        let at_us = wanted.at_us + 5;
        let what = "order ord_x1, known since 7 us, was answered 404".to_owned();
        let violation = Violation { invariant: "acked".into(), at_us, what };
        let mut found = guesses(&plan, &history, &violation);
        let n_skus = wanted.journey.skus().len();
        assert_eq!((found[0].len(), found[0].setup.skus.len()), (1, n_skus), "a smaller shop");
        // The same guesses in the shop as it was.
        found.retain(|guess| guess.setup.skus == plan.setup.skus);
        assert_eq!(found[0].traffic, std::slice::from_ref(&wanted));
        let shares = |sku: u32| wanted.journey.skus().contains(&sku);
        assert!(found[1].traffic.iter().all(|visit| visit.journey.skus().into_iter().any(shares)));
        assert!(found[2].traffic.iter().all(|visit| visit.at_us <= at_us));
        assert!(found[0].len() < found[1].len() && found[1].len() < found[2].len());
        assert!(found[2].len() < plan.len());
    }

    #[test]
    fn what_names_nothing_leaves_its_time_to_go_by() {
        let plan = Scenario::built_in("double-11").expect("built in").plan(3);
        let at_us = plan.traffic[40].at_us;
        let what = "node 0 panicked: attempt to add with overflow".to_owned();
        let violation = Violation { invariant: "panicked".into(), at_us, what };
        let found = guesses(&plan, &History::default(), &violation);
        assert!(found.iter().all(|guess| guess.traffic.len() == 41));
        assert_eq!(found.last().map(|guess| &guess.setup), Some(&plan.setup));
        let of_sku = Violation { what: "SKU 1: sim-00002 is below zero".into(), ..violation };
        assert_eq!(said_skus(&of_sku.what), BTreeSet::from([1, 2]));
    }
}
