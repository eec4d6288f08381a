//! Laws of every quote, for carts, rules, taxes and tenders of any kind.
//!
//! Most carts are small, so that rules meet on a line; `nothing_panics` adds amounts of any size.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{
    cart, coupon, exclusive, line, order_amount, order_percent, rule, shipped, sku_amount,
    sku_percent, stop_after, usd,
};
use crate::money::{
    EDGE_MAX, Ppm, Rounding, TaxBasis, TaxKind, TaxPolicy, TaxRounding, UnitShares,
};
use crate::pricing::{Benefit, Quote, QuoteInput, Rule, Tender, TenderKind, quote};

const SKUS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn benefits() -> impl Strategy<Value = Benefit> {
    let skus = || subsequence(SKUS.to_vec(), 0..4);
    let rates = || prop_oneof![0..1_000_000i32, Just(1_000_000), any::<i32>()];
    let amounts = || prop_oneof![0..2000i64, any::<i64>()];
    prop_oneof![
        (skus(), rates()).prop_map(|(skus, rate)| sku_percent(&skus, rate)),
        (skus(), amounts()).prop_map(|(skus, off)| sku_amount(&skus, off)),
        rates().prop_map(order_percent),
        amounts().prop_map(order_amount),
    ]
}

/// Up to eight rules; their number is id and priority, so they are in order.
fn rule_lists() -> impl Strategy<Value = Vec<Rule>> {
    let kinds = (benefits(), any::<bool>(), 0..4u8);
    prop::collection::vec(kinds, 0..8).prop_map(|kinds| {
        (0u32..)
            .zip(kinds)
            .map(|(number, (benefit, by_code, stacking))| {
                let id = format!("r{number}");
                let make = if by_code { coupon } else { rule };
                let rule = make(&id, number, benefit);
                match stacking {
                    0 => stop_after(rule),
                    1 => exclusive(rule, "g"),
                    2 => exclusive(rule, "h"),
                    _ => rule,
                }
            })
            .collect()
    })
}

fn tender_lists() -> impl Strategy<Value = Vec<Tender>> {
    let internal = (0..3u8, 0..5000i64).prop_map(|(kind, amount)| match kind {
        0 => Tender::Wallet { amount: usd(amount) },
        1 => Tender::Points { amount: usd(amount) },
        _ => Tender::GiftCard { amount: usd(amount) },
    });
    let rest = prop_oneof![Just(None), Just(Some(Tender::Cod)), Just(Some(Tender::Gateway))];
    (prop::collection::vec(internal, 0..4), rest).prop_map(|(mut tenders, rest)| {
        tenders.extend(rest);
        tenders
    })
}

fn tax_policies() -> impl Strategy<Value = TaxPolicy> {
    let modes = vec![Rounding::HalfEven, Rounding::HalfUp, Rounding::Down, Rounding::Up];
    (any::<[bool; 3]>(), 0..400_000i32, select(modes)).prop_map(
        |([kind, basis, rounding], rate, mode)| TaxPolicy {
            rate: Ppm(rate),
            kind: if kind { TaxKind::Exclusive } else { TaxKind::Inclusive },
            basis: if basis { TaxBasis::Line } else { TaxBasis::Unit },
            rounding: if rounding { TaxRounding::Line } else { TaxRounding::RateGroup },
            mode,
        },
    )
}

fn inputs() -> impl Strategy<Value = QuoteInput> {
    let lines = prop::collection::vec((select(&SKUS[..]), 1u32..50, 0..3000i64), 0..7);
    (lines, rule_lists(), tax_policies(), tender_lists(), prop::option::of(0..900i64)).prop_map(
        |(lines, rules, tax, tenders, shipping)| {
            let lines: Vec<_> =
                lines.into_iter().map(|(sku, qty, price)| line(sku, qty, price)).collect();
            let plain = QuoteInput { rules, tax, tenders, ..cart(&lines) };
            match shipping {
                Some(amount) => shipped(plain, amount),
                None => plain,
            }
        },
    )
}

/// What holds for every quote whatever was priced.
fn assert_sums(input: &QuoteInput, quote: &Quote) -> Result<(), TestCaseError> {
    let totals = &quote.totals;
    let mut line_totals = 0;
    let mut discounts = 0;
    let mut taxes = quote.shipping.as_ref().map_or(0, |shipping| shipping.tax.minor);
    for (number, (line, of)) in (1..).zip(quote.lines.iter().zip(&input.lines)) {
        prop_assert_eq!(&line.line_id, &number.to_string());
        prop_assert_eq!((&line.sku, line.qty, line.unit_price), (&of.sku, of.qty, of.unit_price));
        let off: i64 = line.discounts.iter().map(|discount| discount.amount.minor).sum();
        prop_assert!(line.discounts.iter().all(|discount| discount.amount.minor > 0));
        prop_assert_eq!(line.line_total.minor, line.gross.minor - off);
        prop_assert!(line.line_total.minor >= 0, "line floor 0");
        prop_assert!(line.tax.minor >= 0);
        line_totals += line.line_total.minor;
        discounts += off;
        taxes += line.tax.minor;
    }
    prop_assert_eq!(quote.lines.len(), input.lines.len());
    prop_assert_eq!((totals.lines.minor, totals.tax.minor), (line_totals, taxes));
    let adjusted: i64 = quote.adjustments.iter().map(|adjustment| adjustment.amount.minor).sum();
    prop_assert_eq!(adjusted, discounts, "adjustments and discounts are the same money");

    let on_top = if totals.tax_included { 0 } else { taxes };
    let due = line_totals + totals.shipping.minor + on_top;
    prop_assert_eq!(totals.payable.minor, due - totals.tenders.minor);
    prop_assert!(totals.payable.minor >= 0 && totals.tenders.minor >= 0);
    let shares: i64 = quote.tenders.iter().map(|share| share.amount.minor).sum();
    prop_assert_eq!(shares, due, "the tenders pay all that is due");
    prop_assert!(quote.tenders.iter().all(|share| share.amount.minor > 0));
    let at_door = input.tenders.contains(&Tender::Cod);
    prop_assert_eq!(totals.due_now.minor, if at_door { 0 } else { totals.payable.minor });
    let rest = if at_door { TenderKind::Cod } else { TenderKind::Gateway };
    let by_rest: i64 =
        quote.tenders.iter().filter(|s| s.kind == rest).map(|share| share.amount.minor).sum();
    prop_assert_eq!(by_rest, totals.payable.minor);
    Ok(())
}

proptest! {
    #[test]
    fn every_quote_adds_up(input in inputs()) {
        let quote = quote(&input).expect("small amounts have a price");
        assert_sums(&input, &quote)?;
    }

    #[test]
    fn equal_input_gives_equal_bytes(input in inputs(), turn in 0..8usize) {
        let first = quote(&input).expect("has a price");
        let mut turned = input;
        let turn = turn.min(turned.rules.len());
        turned.rules.rotate_left(turn);
        let again = quote(&turned).expect("has a price");
        let bytes = |quote| codec::to_bytes(quote).expect("encodes");
        prop_assert_eq!(bytes(&first), bytes(&again), "the order of rules given plays no part");
        prop_assert_eq!(first.hash.len(), 32);
        prop_assert!(first.hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    }

    #[test]
    fn any_version_changes_the_hash(input in inputs(), at in any::<prop::sample::Index>()) {
        let hash = |input: &QuoteInput| quote(input).expect("has a price").hash;
        let before = hash(&input);
        let mut versions = input.clone();
        if !versions.lines.is_empty() {
            let at = at.index(versions.lines.len());
            versions.lines[at].price_version += 1;
            prop_assert_ne!(&hash(&versions), &before, "a price version");
        }
        let mut versions = input.clone();
        if !versions.rules.is_empty() {
            let at = at.index(versions.rules.len());
            versions.rules[at].version += 1;
            prop_assert_ne!(&hash(&versions), &before, "a rule version");
        }
        let mut texts = input;
        for line in &mut texts.lines {
            line.title = "other words".into();
        }
        for rule in &mut texts.rules {
            rule.name = "other words".into();
        }
        prop_assert_eq!(&hash(&texts), &before, "texts cost nothing");
    }

    #[test]
    fn any_amount_changes_the_hash(input in inputs(), more in 1..50i64) {
        prop_assume!(!input.lines.is_empty());
        let hash = |input: &QuoteInput| quote(input).expect("has a price").hash;
        let before = hash(&input);
        let mut dearer = input.clone();
        dearer.lines[0].unit_price.minor += more;
        prop_assert_ne!(&hash(&dearer), &before);
        let mut shipping = input;
        if shipping.shipping_option.is_some() {
            shipping.shipping_options[1].amount.minor += more;
            prop_assert_ne!(&hash(&shipping), &before);
        }
    }

    #[test]
    fn all_off_is_exactly_nothing(input in inputs(), by_code in any::<bool>()) {
        let make = if by_code { coupon } else { rule };
        let mut free = input;
        // Last of its stage, where only a rule that stops the stage could keep it away.
        for rule in &mut free.rules {
            rule.stacking = crate::pricing::Stacking::Stack;
        }
        free.rules.push(make("free", 99, order_percent(1_000_000)));
        free.shipping_option = None;
        let quote = quote(&free).expect("has a price");
        prop_assert_eq!(quote.totals.lines.minor, 0);
        prop_assert_eq!((quote.totals.tax.minor, quote.totals.payable.minor), (0, 0));
        prop_assert!(quote.tenders.is_empty());
    }

    #[test]
    fn another_rule_never_makes_lines_dearer(input in inputs(), benefit in benefits()) {
        let before = quote(&input).expect("has a price").totals.lines.minor;
        let mut more = input;
        // A coupon that stacks after all others: it sees what they left.
        more.rules.push(coupon("last", 99, benefit));
        prop_assert!(quote(&more).expect("has a price").totals.lines.minor <= before);
    }

    #[test]
    fn cancelling_every_unit_gives_back_what_the_lines_cost(input in inputs()) {
        let quote = quote(&input).expect("has a price");
        let mut back = 0;
        for line in &quote.lines {
            let paid = quote.line_paid(line).expect("fits").minor;
            let mut shares = UnitShares::new(paid, line.qty);
            for _ in 0..line.qty.get() {
                back += shares.cancel(1).expect("a unit is left").uncaptured;
            }
        }
        let shipping = quote.shipping.as_ref().map_or(0, |shipping| {
            let on_top = if quote.totals.tax_included { 0 } else { shipping.tax.minor };
            shipping.amount.minor + on_top
        });
        prop_assert_eq!(back + shipping, quote.totals.payable.minor + quote.totals.tenders.minor);
    }

    /// Amounts from all of i64: a price within the edge, or an error.
    #[test]
    fn nothing_panics(
        input in inputs(), price in any::<i64>(), qty in 1u32.., rate in any::<i32>(),
        shipping in any::<i64>(),
    ) {
        let mut wild = shipped(input, shipping.saturating_sub(900));
        wild.lines.push(line("a", qty, price));
        wild.tax.rate = Ppm(rate);
        if let Ok(quote) = quote(&wild) {
            assert_sums(&wild, &quote)?;
            prop_assert!(quote.totals.payable.minor <= EDGE_MAX);
        }
        let single = QuoteInput { lines: vec![line("a", 1, price)], ..wild };
        if let Ok(quote) = quote(&single) {
            assert_sums(&single, &quote)?;
        }
    }
}
