//! Who shops as a guest first: fills a guest's cart, signs in, and takes along what lies in it.

use super::buying::pairs;
use super::journey::draw;
use super::requests::{self, Quote};
use super::{HttpAnswer, Visitor, Who, Wire};
use crate::history::{Ask, Look};
use crate::plan::{Line, Pay};

/// Of a hundred merges, so many are asked for by two clicks at once.
const TWO_MERGES_PERCENT: u64 = 40;
/// Of a hundred merges, so many are asked for again once they are done.
const MERGES_AGAIN_PERCENT: u64 = 40;

impl<W: Wire> Visitor<W> {
    /// Fills a cart, merges into it what was chosen as a guest, and asks what all costs. Who is
    /// not told that it is merged goes away.
    pub(super) async fn quoted_with(
        &self,
        cart: &str,
        lines: &[Line],
        brings: &[Line],
        pay: Pay,
    ) -> Option<(Vec<Line>, Quote)> {
        let (guest, from) =
            (Who::Guest(self.visit.user), self.clients.names.guest_cart(self.visit.id));
        let names = (&self.clients.names, from.as_str());
        let put = requests::put_cart(names, brings, Pay::Cod, 0, None);
        let (ask, tries) = (Ask::PutCart { cart: from.clone() }, self.clients.policy.tries);
        let made = self.ask_as(&guest, ask, put, tries).await?;
        // Refused as made already: an earlier try did it, and its answer was lost.
        matches!(made.status, 201 | 412).then_some(())?;
        self.filled(cart, lines, pay, None).await?;
        for (cart, who) in [(cart, &self.who), (&from, &guest)] {
            let look = (who.clone(), requests::get_cart(cart));
            self.clients.last_looks.borrow_mut().insert(seen(cart), look);
        }
        let merged = self.merged((cart, lines), (&guest, &from, brings)).await;
        self.look_at(cart).await;
        self.ask_as(&guest, seen(&from), requests::get_cart(&from), tries).await;
        merged.filter(|answer| answer.status == 200)?;
        self.ask_all_nodes(&seen(cart), &requests::get_cart(cart)).await;
        let all = sum(lines, brings);
        let quote = self.quote(cart).await?;
        let quote = self.covered(cart, &all, pay, quote).await?;
        Some((all, quote))
    }

    /// Merges, perhaps by two clicks at once, and perhaps once more when that is done.
    async fn merged(
        &self,
        (cart, lines): (&str, &[Line]),
        (guest, from, brings): (&Who, &str, &[Line]),
    ) -> Option<HttpAnswer> {
        let token = self.clients.wire.credential(guest).await?;
        let merge = || {
            let (cart, from) = (cart.to_owned(), from.to_owned());
            let request = requests::merge(&cart, &from, &token);
            let ask = Ask::Merge { cart, from, own: pairs(lines), brought: pairs(brings) };
            self.ask_surely(ask, request)
        };
        let merged = if self.draws(draw::TWO_MERGES, TWO_MERGES_PERCENT) {
            let (first, second) = tokio::join!(merge(), merge());
            first.filter(|answer| answer.status == 200).or(second)
        } else {
            merge().await
        };
        if self.draws(draw::MERGES_AGAIN, MERGES_AGAIN_PERCENT) {
            merge().await;
        }
        merged
    }
}

fn seen(cart: &str) -> Ask {
    Ask::Look(Look::Cart { cart: cart.into() })
}

/// The lines of both carts in one, unit by unit: those of the first stay where they are.
fn sum(lines: &[Line], brings: &[Line]) -> Vec<Line> {
    let mut all = lines.to_vec();
    for line in brings {
        match all.iter_mut().find(|other| other.sku == line.sku) {
            Some(other) => other.qty += line.qty,
            None => all.push(*line),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_both_carts_are_added_by_sku() {
        let line = |sku, qty| Line { sku, qty };
        let all = sum(&[line(2, 1), line(0, 3)], &[line(0, 2), line(5, 1)]);
        assert_eq!(all, [line(2, 1), line(0, 5), line(5, 1)]);
    }
}
