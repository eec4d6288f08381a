//! Input that has no price, and what the rule book selects.
//!
//! Each refusal is asked for by name: a cart that fails for another reason fails the test.

use std::num::NonZeroU32;

use super::{
    cart, coupon, line, order_amount, order_percent, paid_by, rule, shipped, sku_percent, usd,
};
use crate::money::{Ccy, EDGE_MAX, Money, MoneyError, Ppm, TaxPolicy};
use crate::pricing::{
    Benefit, CartLine, LINES_MAX, PriceError, QuoteInput, RULES_MAX, Rule, RuleBook,
    SHIPPING_OPTIONS_MAX, Stage, TENDERS_MAX, Tender, quote,
};

const OVERFLOW: PriceError = PriceError::Money(MoneyError::Overflow);
const MISMATCH: PriceError = PriceError::Money(MoneyError::CurrencyMismatch);

fn check(input: &QuoteInput, wanted: &PriceError) {
    assert_eq!(quote(input).as_ref(), Err(wanted));
}

fn with_rules(rules: &[Rule]) -> QuoteInput {
    QuoteInput { rules: rules.to_vec(), ..cart(&[line("tea", 1, 100)]) }
}

#[test]
fn amounts_must_be_the_carts_and_not_below_zero() {
    let yen = Money::new(1, Ccy::JPY);
    check(&cart(&[line("tea", 1, -1)]), &PriceError::Negative { what: "unit price" });
    check(&cart(&[CartLine { unit_price: yen, ..line("tea", 1, 1) }]), &MISMATCH);
    let tea = cart(&[line("tea", 1, 100)]);
    check(&shipped(tea.clone(), -1), &PriceError::Negative { what: "shipping amount" });
    let wallet = |amount| paid_by(tea.clone(), &[Tender::Wallet { amount }]);
    check(&wallet(usd(-1)), &PriceError::Negative { what: "tender" });
    check(&wallet(yen), &MISMATCH);
    let rate = Ppm(-1);
    check(&QuoteInput { tax: TaxPolicy { rate, ..tea.tax }, ..tea }, &PriceError::NegativeTaxRate);
    let off = Money::new(1, Ccy::EUR);
    let skus = ["tea".into()].into();
    for benefit in [Benefit::OrderAmount { off }, Benefit::SkuAmount { skus, off_each: off }] {
        check(&with_rules(&[rule("euro", 1, benefit)]), &MISMATCH);
    }
}

#[test]
fn amounts_must_pass_the_edge() {
    check(&cart(&[line("tea", 1, i64::MAX)]), &OVERFLOW);
    check(&cart(&[line("tea", u32::MAX, EDGE_MAX)]), &OVERFLOW);
    check(&cart(&[line("tea", 1, EDGE_MAX), line("cup", 1, 1)]), &OVERFLOW);
    // The goods alone would pass, the tax on them does not.
    check(&cart(&[line("tea", 1, EDGE_MAX)]), &OVERFLOW);
    let untaxed = TaxPolicy::default();
    let largest = QuoteInput { tax: untaxed, ..cart(&[line("tea", 1, EDGE_MAX)]) };
    assert_eq!(quote(&largest).map(|quote| quote.totals.payable), Ok(usd(EDGE_MAX)));
    check(&shipped(largest, 1), &OVERFLOW);
    // What nobody pays is shown all the same: a gross amount, an option that was not chosen.
    let free = vec![rule("free", 1, order_percent(1_000_000))];
    let given = |price| QuoteInput { rules: free.clone(), ..cart(&[line("tea", 1, price)]) };
    assert_eq!(quote(&given(EDGE_MAX)).map(|quote| quote.totals.payable), Ok(usd(0)));
    let two = QuoteInput { lines: vec![line("tea", 2, EDGE_MAX / 2 + 1)], ..given(0) };
    check(&two, &OVERFLOW);
    let mut options = shipped(cart(&[line("tea", 1, 1)]), 5);
    options.shipping_options[0].amount = usd(EDGE_MAX + 1);
    check(&options, &OVERFLOW);
    let wallet = Tender::Wallet { amount: usd(EDGE_MAX + 1) };
    check(&paid_by(cart(&[line("tea", 1, 1)]), &[wallet]), &OVERFLOW);
}

#[test]
fn rules_need_an_order() {
    let one = rule("one", 1, order_amount(1));
    let twice = PriceError::DuplicateRule { rule: "one".into() };
    check(&with_rules(&[one.clone(), one.clone()]), &twice);
    let clash = PriceError::DuplicatePriority { stage: Stage::Order, priority: 1 };
    check(&with_rules(&[one.clone(), rule("two", 1, order_percent(1))]), &clash);
    let other_stages =
        [one, rule("item", 1, sku_percent(&["tea"], 1)), coupon("code", 1, order_amount(1))];
    assert!(quote(&with_rules(&other_stages)).is_ok(), "priorities count within a stage");
}

#[test]
fn what_is_chosen_must_be_there_once() {
    let tea = cart(&[line("tea", 1, 100)]);
    let drone = QuoteInput { shipping_option: Some("drone".into()), ..shipped(tea.clone(), 5) };
    check(&drone, &PriceError::UnknownShippingOption { id: "drone".into() });
    for rest in [[Tender::Cod, Tender::Gateway], [Tender::Gateway, Tender::Gateway]] {
        check(&paid_by(tea.clone(), &rest), &PriceError::ConflictingTenders);
    }
}

#[test]
fn everything_has_a_limit() {
    let rules = |n: usize| -> Vec<Rule> {
        let numbers = 0..u32::try_from(n).expect("small");
        numbers.map(|i| rule(&i.to_string(), i, order_amount(1))).collect()
    };
    let tea = cart(&[line("tea", 1, 100)]);
    let lines = |n| cart(&vec![line("tea", 1, 1); n]);
    let tenders = |n| paid_by(tea.clone(), &vec![Tender::Points { amount: usd(1) }; n]);
    let options = |n| {
        let option = shipped(tea.clone(), 5).shipping_options.remove(0);
        QuoteInput { shipping_options: vec![option; n], ..tea.clone() }
    };
    let too_many = |what, max| PriceError::TooMany { what, max };
    assert!(quote(&lines(LINES_MAX)).is_ok());
    check(&lines(LINES_MAX + 1), &too_many("lines", LINES_MAX));
    assert!(quote(&with_rules(&rules(RULES_MAX))).is_ok());
    check(&with_rules(&rules(RULES_MAX + 1)), &too_many("rules", RULES_MAX));
    assert!(quote(&tenders(TENDERS_MAX)).is_ok());
    check(&tenders(TENDERS_MAX + 1), &too_many("tenders", TENDERS_MAX));
    assert!(quote(&options(SHIPPING_OPTIONS_MAX)).is_ok());
    let options_over = options(SHIPPING_OPTIONS_MAX + 1);
    check(&options_over, &too_many("shipping options", SHIPPING_OPTIONS_MAX));
}

#[test]
fn a_book_selects_what_can_match() {
    let rules = vec![
        coupon("welcome", 1, order_amount(5)),
        rule("order", 2, order_percent(1)),
        rule("tea", 3, sku_percent(&["tea", "cup"], 1)),
        rule("pot", 1, sku_percent(&["pot"], 1)),
        rule("late", 9, sku_percent(&["cup"], 1)),
    ];
    let book = RuleBook::new(rules.clone()).expect("in order");
    let select = |ccy, skus: &[&str], codes: &[&str]| -> Vec<String> {
        let lines: Vec<CartLine> = skus.iter().map(|sku| line(sku, 1, 1)).collect();
        let codes: Vec<_> = codes.iter().map(|code| (*code).into()).collect();
        book.matching(ccy, &lines, &codes).into_iter().map(|rule| rule.id.into()).collect()
    };
    assert_eq!(select(Ccy::USD, &[], &[]), ["order"]);
    assert_eq!(select(Ccy::USD, &["cup", "tea"], &[]), ["tea", "late", "order"]);
    let codes = ["WELCOME", "WELCOME", "NONE"];
    assert_eq!(select(Ccy::USD, &["pot"], &codes), ["pot", "order", "welcome"]);
    assert_eq!(select(Ccy::EUR, &["pot"], &codes), ["pot", "order"], "no dollars off euros");
    assert_eq!(book.coupon("WELCOME").map(|rule| rule.id.as_str()), Some("welcome"));
    assert_eq!(book.coupon("welcome"), None);

    let mut same_code = rules.clone();
    same_code.push(Rule { id: "again".into(), ..coupon("welcome", 2, order_amount(1)) });
    let twice = PriceError::DuplicateRule { rule: "again".into() };
    assert_eq!(RuleBook::new(same_code), Err(twice));
    let mut same_priority = rules;
    same_priority.push(rule("clash", 2, order_percent(7)));
    let clash = PriceError::DuplicatePriority { stage: Stage::Order, priority: 2 };
    assert_eq!(RuleBook::new(same_priority), Err(clash));
}

#[test]
fn a_quote_is_stored_and_read() {
    let rules = [rule("tea", 1, sku_percent(&["tea"], 500_000))];
    let input = paid_by(shipped(with_rules(&rules), 5), &[Tender::Cod]);
    let bytes = codec::to_bytes(&input).expect("encodes");
    assert_eq!(codec::from_bytes(&bytes), Ok(input.clone()));
    let quote = quote(&input).expect("has a price");
    let bytes = codec::to_bytes(&quote).expect("encodes");
    assert_eq!(codec::from_bytes(&bytes), Ok(quote.clone()));
    let first = quote.lines.first().expect("one line");
    assert_eq!(first.qty, NonZeroU32::MIN);
    assert_eq!(quote.line_paid(first), Ok(usd(55)), "50 and the tax on top");
}
