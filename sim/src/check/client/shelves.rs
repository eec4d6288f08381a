//! Stock at each place adds up (I6): what may be sold there is what is there, less what is kept
//! back and promised, and what is for sale is the sum over places that have some; the answer to a
//! count shows what was found, where it was found.
//!
//! `looked_at`: answers that show stock.

use super::facts::is_done;
use crate::check::Findings;
use crate::history::{Answer, Ask, History, Shelf};
use crate::plan::PLACES;

/// Judges every answer that shows stock.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    for op in &history.ops {
        let answer = op.answer.as_ref().filter(|answer| is_done(answer));
        let Some(answer) = answer.filter(|answer| !answer.shelves.is_empty()) else { continue };
        findings.looked_at += 1;
        if let Some(what) = differs(&op.ask, answer) {
            let at_us = op.answered_us.unwrap_or(op.sent_us);
            findings.report("I6", at_us, format!("{:?}: {what}", op.ask));
        }
    }
    findings
}

fn differs(ask: &Ask, answer: &Answer) -> Option<String> {
    let wrong = answer.shelves.iter().find(|shelf| !adds_up(shelf));
    if let Some(shelf) = wrong {
        return Some(format!("does not add up: {shelf:?}"));
    }
    let for_sale: i64 = answer.shelves.iter().map(|shelf| shelf.sellable.max(0)).sum();
    if answer.available != Some(for_sale) {
        return Some(format!("{:?} for sale, of {for_sale} at all places", answer.available));
    }
    let Ask::Count { units, place, .. } = ask else { return None };
    let at = PLACES.get(*place as usize).copied().unwrap_or_default();
    let there = answer.shelves.iter().find(|shelf| shelf.location == at);
    let is_there = there.is_some_and(|shelf| shelf.on_hand == i64::from(*units));
    (!is_there).then(|| format!("shows {there:?}"))
}

const fn adds_up(shelf: &Shelf) -> bool {
    let Shelf { on_hand, safety, oversell_limit, held, pinned, committed, sellable, .. } = shelf;
    let promised = *held + *pinned + *committed;
    *sellable == *on_hand + *oversell_limit - *safety - promised
        && *on_hand >= 0
        && *held >= 0
        && *pinned >= 0
        && *committed >= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(location: &str, on_hand: i64, held: i64) -> Shelf {
        let (sellable, location) = (on_hand - held, location.to_owned());
        Shelf { location, on_hand, held, sellable, ..Shelf::default() }
    }

    fn shown(shelves: [Shelf; 2], available: i64) -> Option<String> {
        let answer =
            Answer { available: Some(available), shelves: shelves.to_vec(), ..Answer::default() };
        differs(&Ask::Count { sku: 0, units: 3, place: 1 }, &answer)
    }

    #[test]
    fn places_add_up_each_for_itself() {
        assert_eq!(shown([shelf("main", 5, 1), shelf("annex", 3, 0)], 7), None);
        let short = || [shelf("main", 5, 8), shelf("annex", 3, 1)];
        assert_eq!(shown(short(), 2), None, "what is missing at one takes nothing from the other");
        assert!(shown(short(), 0).is_some());
        let other = [shelf("main", 3, 0), shelf("annex", 4, 0)];
        assert!(shown(other, 7).is_some(), "counted at the other place");
        let wrong = Shelf { sellable: 4, ..shelf("main", 5, 0) };
        assert!(shown([wrong, shelf("annex", 3, 0)], 7).is_some());
    }
}
