//! What an order or a quote costs, read from the body of an answer.

use serde::Deserialize;

use super::Names;
use crate::history::{Bill, Charge};

/// Money in minor units. All of a run is of one currency.
#[derive(Deserialize)]
struct Amount {
    amount: i64,
}

/// A line of an order or a quote, as far as it is about money.
#[derive(Deserialize)]
pub(super) struct Line {
    sku: String,
    qty: u32,
    #[serde(default)]
    cancelled_qty: u32,
    unit_price: Amount,
    gross: Amount,
    discounts: Vec<Discount>,
    line_total: Amount,
    tax: Amount,
}

#[derive(Deserialize)]
struct Discount {
    amount: Amount,
}

/// Its sums.
#[derive(Deserialize)]
pub(super) struct Totals {
    lines: Amount,
    shipping: Amount,
    tax: Amount,
    tax_included: bool,
    tenders: Amount,
    payable: Amount,
    refunded: Option<Amount>,
}

/// The bill that they make; `None`: it is of SKUs of somebody else.
pub(super) fn bill(names: &Names, lines: &[Line], totals: &Totals) -> Option<Bill> {
    let charge = |line: &Line| {
        Some(Charge {
            sku: names.number(&line.sku)?,
            units: line.qty,
            unit_price: line.unit_price.amount,
            gross: line.gross.amount,
            discounts: line.discounts.iter().map(|it| it.amount.amount).sum(),
            total: line.line_total.amount,
            tax: line.tax.amount,
            cancelled: line.cancelled_qty,
        })
    };
    Some(Bill {
        lines: lines.iter().map(charge).collect::<Option<_>>()?,
        goods: totals.lines.amount,
        shipping: totals.shipping.amount,
        tax: totals.tax.amount,
        tax_included: totals.tax_included,
        tenders: totals.tenders.amount,
        payable: totals.payable.amount,
        refunded: totals.refunded.as_ref().map_or(0, |money| money.amount),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bill_is_what_the_answer_says() {
        let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
        let mut body = json!({
            "object": "order",
            "lines": [{"sku": "sim-00002", "qty": 3, "unit_price": usd(100), "gross": usd(300),
                       "discounts": [{"name": "a", "amount": usd(20)}], "line_total": usd(280),
                       "tax": usd(23)}],
            "totals": {"lines": usd(280), "shipping": usd(50), "tax": usd(27),
                       "tax_included": false, "tenders": usd(7), "payable": usd(350)},
        });
        #[derive(Deserialize)]
        struct Body {
            lines: Vec<Line>,
            totals: Totals,
        }
        let read = |body: &serde_json::Value| {
            let Body { lines, totals } = Body::deserialize(body).unwrap();
            bill(&Names::default(), &lines, &totals)
        };
        let read_once = read(&body).expect("it is one");
        let line = &read_once.lines[0];
        assert_eq!((line.sku, line.units, line.unit_price, line.discounts), (2, 3, 100, 20));
        assert_eq!((read_once.tenders, read_once.payable), (7, 350));
        assert!(read_once.adds_up());
        body["totals"]["payable"] = usd(349);
        assert!(!read(&body).expect("it is one").adds_up());
        body["lines"][0]["sku"] = json!("demo-001");
        assert_eq!(read(&body), None);
    }
}
