//! What an order or a quote costs, read from the body of an answer.

use serde::Deserialize;

use super::Names;
use super::requests::{Money, read_body};
use crate::history::{Bill, Charge};

/// An order or a quote, as far as it is about money.
#[derive(Deserialize)]
struct Body {
    lines: Vec<Line>,
    totals: Totals,
}

#[derive(Deserialize)]
struct Line {
    sku: String,
    qty: u32,
    #[serde(default)]
    cancelled_qty: u32,
    unit_price: Money,
    gross: Money,
    discounts: Vec<Discount>,
    line_total: Money,
    tax: Money,
}

#[derive(Deserialize)]
struct Discount {
    amount: Money,
}

#[derive(Deserialize)]
struct Totals {
    lines: Money,
    shipping: Money,
    tax: Money,
    tax_included: bool,
    tenders: Money,
    payable: Money,
    refunded: Option<Money>,
}

/// The bill in a body; `None`: it is no order or quote, or of SKUs of somebody else.
pub(super) fn bill(names: &Names, body: &[u8]) -> Option<Bill> {
    let body: Body = read_body(body)?;
    let charge = |line: &Line| {
        Some(Charge {
            sku: names.number(&line.sku)?,
            units: line.qty,
            unit_price: line.unit_price.amount(),
            gross: line.gross.amount(),
            discounts: line.discounts.iter().map(|it| it.amount.amount()).sum(),
            total: line.line_total.amount(),
            tax: line.tax.amount(),
            cancelled: line.cancelled_qty,
        })
    };
    let totals = &body.totals;
    Some(Bill {
        lines: body.lines.iter().map(charge).collect::<Option<_>>()?,
        goods: totals.lines.amount(),
        shipping: totals.shipping.amount(),
        tax: totals.tax.amount(),
        tax_included: totals.tax_included,
        tenders: totals.tenders.amount(),
        payable: totals.payable.amount(),
        refunded: totals.refunded.as_ref().map_or(0, Money::amount),
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
        let read = |body: &serde_json::Value| bill(&Names::default(), body.to_string().as_bytes());
        let read_once = read(&body).expect("it is one");
        let line = &read_once.lines[0];
        assert_eq!((line.sku, line.units, line.unit_price, line.discounts), (2, 3, 100, 20));
        assert_eq!((read_once.tenders, read_once.payable), (7, 350));
        assert!(read_once.adds_up());
        body["totals"]["payable"] = usd(349);
        assert!(!read(&body).expect("it is one").adds_up());
        body["lines"][0]["sku"] = json!("demo-001");
        assert_eq!(read(&body), None);
        assert_eq!(read(&json!({"object": "shipment", "lines": []})), None);
    }
}
