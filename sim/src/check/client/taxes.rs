//! Every bill has the tax of the shop (domain.md 1): of each line's total and of the price of
//! sending, each rounded once, half to even; on top, or inside when prices contain it.
//!
//! Counted here from what a bill shows and from the rate alone, in whole numbers. That totals are
//! the sums of their parts is judged with the prices. `looked_at`: bills.

use crate::check::Findings;
use crate::check::client::facts::is_done;
use crate::history::{Bill, History};
use crate::plan::Tax;

const NAME: &str = "taxes";
const WHOLE: i128 = 1_000_000;

/// Judges the bills of all orders and quotes.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let Some(tax) = history.tax else { return findings };
    for op in &history.ops {
        let answer = op.answer.as_ref().filter(|answer| is_done(answer));
        let Some(bill) = answer.and_then(|answer| answer.bill.as_deref()) else { continue };
        findings.looked_at += 1;
        if let Some(what) = differs(tax, bill) {
            let at_us = op.answered_us.unwrap_or(op.sent_us);
            findings.report(NAME, at_us, format!("{:?}: {what}", op.ask));
        }
    }
    findings
}

/// How a bill shows another tax than it has to.
fn differs(tax: Tax, bill: &Bill) -> Option<String> {
    let wrong = bill.lines.iter().find(|line| line.tax != of(tax, line.total));
    if let Some(line) = wrong {
        let (total, is, wanted) = (line.total, line.tax, of(tax, line.total));
        return Some(format!("a line of {total} has {is} of tax, not {wanted} ({tax:?})"));
    }
    let lines: i64 = bill.lines.iter().map(|line| line.tax).sum();
    let wanted = lines + of(tax, bill.shipping);
    let is_said = bill.lines.is_empty() || bill.tax_included == tax.included;
    let fits = bill.tax == wanted && is_said;
    (!fits).then(|| {
        let (is, included) = (bill.tax, bill.tax_included);
        format!("{is} of tax in all, included: {included}; it is {wanted} ({tax:?})")
    })
}

/// The tax on an amount, or inside it.
fn of(tax: Tax, amount: i64) -> i64 {
    let (amount, ppm) = (i128::from(amount), i128::from(tax.ppm));
    let minor = match tax.included {
        false => half_even(amount * ppm, WHOLE),
        true => amount - half_even(amount * WHOLE, WHOLE + ppm),
    };
    i64::try_from(minor).unwrap_or(i64::MAX)
}

/// `n / d` in whole numbers, a half to the even one; neither is below 0.
fn half_even(n: i128, d: i128) -> i128 {
    let (whole, rest) = (n / d, n % d);
    let is_up = 2 * rest > d || 2 * rest == d && whole % 2 == 1;
    whole + i128::from(is_up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, Ask, Charge, Op};

    const ON_TOP: Tax = Tax { ppm: 82_500, included: false };

    /// Vectors of domain.md 1, and halves.
    #[test]
    fn a_tax_is_rounded_once_and_half_to_even() {
        let on_top = |ppm, amount| of(Tax { ppm, included: false }, amount);
        assert_eq!(on_top(82_500, 3_112), 257);
        assert_eq!([on_top(200_000, 5_042), on_top(200_000, 15_456)], [1_008, 3_091]);
        assert_eq!([50, 150, 250].map(|amount| on_top(10_000, amount)), [0, 2, 2]);
        let inside = |amount| of(Tax { ppm: 190_000, included: true }, amount);
        assert_eq!([inside(39_900), inside(0)], [6_371, 0]);
    }

    /// What is found at a bill of one line of 3,112 and 7 for sending, which is changed.
    fn found(change: impl FnOnce(&mut Bill)) -> usize {
        let line = Charge { sku: 1, units: 1, total: 3_112, tax: 257, ..Charge::default() };
        let mut bill = Bill { lines: vec![line], shipping: 7, tax: 258, ..Bill::default() };
        change(&mut bill);
        let bill = Some(Box::new(bill));
        let answer = Some(Answer { status: 200, bill, ..Answer::default() });
        let (ask, key, over) = (Ask::Quote { cart: "c".into() }, None, None);
        let (intended_us, sent_us, answered_us) = (0, 0, Some(5));
        let op =
            Op { visit: 1, intended_us, sent_us, answered_us, node: 0, key, over, ask, answer };
        let history = History { tax: Some(ON_TOP), ops: vec![op], ..History::default() };
        check(&history).violations.len()
    }

    #[test]
    fn another_tax_is_found() {
        assert_eq!(found(|_| {}), 0);
        assert_eq!(found(|bill| bill.lines[0].tax = 256), 1);
        assert_eq!(found(|bill| bill.tax = 257), 1, "sending is taxed, too");
        assert_eq!(found(|bill| bill.tax_included = true), 1);
    }
}
