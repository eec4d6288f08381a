//! Carts beside their quotes, the domain's checked vectors among them.
//!
//! One row a line, then what each rule did, shipping, who pays, and the sums.

use expect_test::{Expect, expect};

use super::{
    cart, coupon, exclusive, line, order_amount, order_percent, paid_by, render, rule, shipped,
    sku_amount, sku_percent, stop_after, usd,
};
use crate::money::{Ppm, TaxBasis, TaxKind, TaxPolicy, TaxRounding};
use crate::pricing::{QuoteInput, Rule, Tender, is_same_deal, quote};

fn check(input: &QuoteInput, wanted: &Expect) {
    wanted.assert_eq(&render(&quote(input).expect("has a price")));
}

fn check_rules(rules: &[Rule], wanted: &Expect) {
    let lines = [line("tea", 2, 500), line("cup", 1, 900)];
    check(&QuoteInput { rules: rules.to_vec(), ..cart(&lines) }, wanted);
}

#[test]
fn a_plain_cart_is_lines_shipping_and_tax() {
    let lines = [line("tea", 2, 500), line("cup", 1, 905)];
    check(
        &shipped(cart(&lines), 399),
        &expect![[r#"
        1 tea 2 x 500 = 1000 = 1000 tax 100
        2 cup 1 x 905 = 905 = 905 tax 90
        shipping standard 399 tax 40
        Gateway pays 2534
        lines 1905 + shipping 399 + tax 230 - tenders 0 = payable 2534, due now 2534
    "#]],
    );
    check(
        &shipped(cart(&[]), 399),
        &expect![[r#"
        lines 0 + shipping 0 + tax 0 - tenders 0 = payable 0, due now 0
    "#]],
    );
}

#[test]
fn the_domains_vectors_hold_in_a_cart() {
    let taxed = |input: QuoteInput, rate| {
        let tax = TaxPolicy { rate: Ppm(rate), ..input.tax };
        QuoteInput { tax, ..input }
    };
    let three = taxed(cart(&[line("ct", 3, 108)]), 190_000);
    let by_unit = TaxPolicy { basis: TaxBasis::Unit, ..three.tax };
    check(
        &three,
        &expect![[r#"
        1 ct 3 x 108 = 324 = 324 tax 62
        Gateway pays 386
        lines 324 + shipping 0 + tax 62 - tenders 0 = payable 386, due now 386
    "#]],
    );
    check(
        &QuoteInput { tax: by_unit, ..three },
        &expect![[r#"
        1 ct 3 x 108 = 324 = 324 tax 63
        Gateway pays 387
        lines 324 + shipping 0 + tax 63 - tenders 0 = payable 387, due now 387
    "#]],
    );

    let woo = QuoteInput {
        rules: vec![rule("40off", 1, order_percent(400_000))],
        ..taxed(cart(&[line("woo", 1, 5186)]), 82_500)
    };
    check(
        &woo,
        &expect![[r#"
        1 woo 1 x 5186 = 5186 -2074 40off = 3112 tax 257
          40off v1 on order: -2074
        Gateway pays 3369
        lines 3112 + shipping 0 + tax 257 - tenders 0 = payable 3369, due now 3369
    "#]],
    );

    let presta = QuoteInput {
        rules: vec![rule("8off", 1, sku_percent(&["a", "b"], 80_000))],
        ..taxed(cart(&[line("a", 20, 274), line("b", 50, 336)]), 200_000)
    };
    let group = TaxPolicy { rounding: TaxRounding::RateGroup, ..presta.tax };
    check(
        &presta,
        &expect![[r#"
        1 a 20 x 274 = 5480 -438 8off = 5042 tax 1008
        2 b 50 x 336 = 16800 -1344 8off = 15456 tax 3091
          8off v1 on 1: -438
          8off v1 on 2: -1344
        Gateway pays 24597
        lines 20498 + shipping 0 + tax 4099 - tenders 0 = payable 24597, due now 24597
    "#]],
    );
    check(
        &QuoteInput { tax: group, ..presta },
        &expect![[r#"
        1 a 20 x 274 = 5480 -438 8off = 5042 tax 1008
        2 b 50 x 336 = 16800 -1344 8off = 15456 tax 3092
          8off v1 on 1: -438
          8off v1 on 2: -1344
        Gateway pays 24598
        lines 20498 + shipping 0 + tax 4100 - tenders 0 = payable 24598, due now 24598
    "#]],
    );

    let inside = taxed(cart(&[line("tv", 1, 39900)]), 190_000);
    let inside = QuoteInput { tax: TaxPolicy { kind: TaxKind::Inclusive, ..inside.tax }, ..inside };
    check(
        &inside,
        &expect![[r#"
        1 tv 1 x 39900 = 39900 = 39900 tax 6371
        Gateway pays 39900
        lines 39900 + shipping 0 with tax 6371 - tenders 0 = payable 39900, due now 39900
    "#]],
    );
    let free = vec![rule("free", 1, order_percent(1_000_000))];
    check(
        &QuoteInput { rules: free, ..inside },
        &expect![[r#"
        1 tv 1 x 39900 = 39900 -39900 free = 0 tax 0
          free v1 on order: -39900
        lines 0 + shipping 0 with tax 0 - tenders 0 = payable 0, due now 0
    "#]],
    );
}

#[test]
fn stages_follow_each_other_whatever_the_order_given() {
    check_rules(
        &[
            coupon("welcome", 1, order_amount(100)),
            rule("spring", 1, order_percent(100_000)),
            rule("teaday", 1, sku_percent(&["tea", "none"], 500_000)),
        ],
        &expect![[r#"
            1 tea 2 x 500 = 1000 -500 teaday -50 spring -36 welcome = 414 tax 41
            2 cup 1 x 900 = 900 -90 spring -64 welcome = 746 tax 75
              teaday v1 on 1: -500
              spring v1 on order: -140
              welcome v1 on order: -100
            Gateway pays 1276
            lines 1160 + shipping 0 + tax 116 - tenders 0 = payable 1276, due now 1276
        "#]],
    );
}

#[test]
fn a_percentage_of_a_line_is_of_its_gross_and_stops_at_zero() {
    check_rules(
        &[
            rule("a", 1, sku_percent(&["tea"], 600_000)),
            rule("b", 2, sku_percent(&["tea"], 300_000)),
            rule("c", 3, sku_percent(&["tea", "cup"], 200_000)),
        ],
        &expect![[r#"
            1 tea 2 x 500 = 1000 -600 a -300 b -100 c = 0 tax 0
            2 cup 1 x 900 = 900 -180 c = 720 tax 72
              a v1 on 1: -600
              b v2 on 1: -300
              c v3 on 1: -100
              c v3 on 2: -180
            Gateway pays 792
            lines 720 + shipping 0 + tax 72 - tenders 0 = payable 792, due now 792
        "#]],
    );
}

#[test]
fn lines_and_their_adjustments_keep_the_order_of_the_cart() {
    let lines = [line("c", 1, 300), line("a", 1, 100), line("b", 1, 200), line("a", 2, 10)];
    let rules = vec![rule("ac", 1, sku_percent(&["a", "c"], 100_000))];
    check(
        &QuoteInput { rules, ..cart(&lines) },
        &expect![[r#"
        1 c 1 x 300 = 300 -30 ac = 270 tax 27
        2 a 1 x 100 = 100 -10 ac = 90 tax 9
        3 b 1 x 200 = 200 = 200 tax 20
        4 a 2 x 10 = 20 -2 ac = 18 tax 2
          ac v1 on 1: -30
          ac v1 on 2: -10
          ac v1 on 4: -2
        Gateway pays 636
        lines 578 + shipping 0 + tax 58 - tenders 0 = payable 636, due now 636
    "#]],
    );
}

#[test]
fn an_amount_off_a_sku_is_for_each_unit() {
    check_rules(
        &[rule("a", 1, sku_amount(&["tea"], 30)), rule("b", 2, sku_amount(&["cup"], 9999))],
        &expect![[r#"
            1 tea 2 x 500 = 1000 -60 a = 940 tax 94
            2 cup 1 x 900 = 900 -900 b = 0 tax 0
              a v1 on 1: -60
              b v2 on 2: -900
            Gateway pays 1034
            lines 940 + shipping 0 + tax 94 - tenders 0 = payable 1034, due now 1034
        "#]],
    );
}

#[test]
fn an_order_amount_is_allocated_and_stops_at_zero() {
    check_rules(
        &[rule("a", 1, order_amount(101))],
        &expect![[r#"
        1 tea 2 x 500 = 1000 -53 a = 947 tax 95
        2 cup 1 x 900 = 900 -48 a = 852 tax 85
          a v1 on order: -101
        Gateway pays 1979
        lines 1799 + shipping 0 + tax 180 - tenders 0 = payable 1979, due now 1979
    "#]],
    );
    check_rules(
        &[rule("a", 1, order_amount(99_999))],
        &expect![[r#"
        1 tea 2 x 500 = 1000 -1000 a = 0 tax 0
        2 cup 1 x 900 = 900 -900 a = 0 tax 0
          a v1 on order: -1900
        lines 0 + shipping 0 + tax 0 - tenders 0 = payable 0, due now 0
    "#]],
    );
    check_rules(
        &[rule("a", 1, order_amount(-5))],
        &expect![[r#"
        1 tea 2 x 500 = 1000 = 1000 tax 100
        2 cup 1 x 900 = 900 = 900 tax 90
        Gateway pays 2090
        lines 1900 + shipping 0 + tax 190 - tenders 0 = payable 2090, due now 2090
    "#]],
    );
}

#[test]
fn stop_after_stops_its_stage_once_it_took_something() {
    check_rules(
        &[
            stop_after(rule("none", 1, sku_percent(&["pot"], 500_000))),
            stop_after(rule("tea", 2, sku_percent(&["tea"], 100_000))),
            rule("never", 3, sku_percent(&["cup"], 900_000)),
            rule("order", 1, order_amount(9)),
        ],
        &expect![[r#"
            1 tea 2 x 500 = 1000 -100 tea -5 order = 895 tax 90
            2 cup 1 x 900 = 900 -4 order = 896 tax 90
              tea v2 on 1: -100
              order v1 on order: -9
            Gateway pays 1971
            lines 1791 + shipping 0 + tax 180 - tenders 0 = payable 1971, due now 1971
        "#]],
    );
}

#[test]
fn an_exclusive_group_takes_the_best_in_the_place_of_its_first() {
    check_rules(
        &[
            exclusive(rule("small", 1, order_percent(100_000)), "g"),
            rule("other", 2, order_amount(100)),
            exclusive(rule("large", 3, order_amount(400)), "g"),
            exclusive(rule("alone", 4, order_amount(10)), "h"),
        ],
        &expect![[r#"
            1 tea 2 x 500 = 1000 -211 large -53 other -5 alone = 731 tax 73
            2 cup 1 x 900 = 900 -189 large -47 other -5 alone = 659 tax 66
              large v3 on order: -400
              other v2 on order: -100
              alone v4 on order: -10
            Gateway pays 1529
            lines 1390 + shipping 0 + tax 139 - tenders 0 = payable 1529, due now 1529
        "#]],
    );
    // Both take 190: the first of the two is taken.
    check_rules(
        &[
            exclusive(rule("first", 1, order_percent(100_000)), "g"),
            exclusive(rule("second", 2, order_amount(190)), "g"),
        ],
        &expect![[r#"
            1 tea 2 x 500 = 1000 -100 first = 900 tax 90
            2 cup 1 x 900 = 900 -90 first = 810 tax 81
              first v1 on order: -190
            Gateway pays 1881
            lines 1710 + shipping 0 + tax 171 - tenders 0 = payable 1881, due now 1881
        "#]],
    );
    // A group's name means nothing in another stage.
    check_rules(
        &[
            exclusive(rule("item", 1, sku_percent(&["tea"], 100_000)), "g"),
            exclusive(coupon("code", 1, order_amount(10)), "g"),
        ],
        &expect![[r#"
            1 tea 2 x 500 = 1000 -100 item -5 code = 895 tax 90
            2 cup 1 x 900 = 900 -5 code = 895 tax 90
              item v1 on 1: -100
              code v1 on order: -10
            Gateway pays 1970
            lines 1790 + shipping 0 + tax 180 - tenders 0 = payable 1970, due now 1970
        "#]],
    );
}

#[test]
fn tenders_pay_at_most_what_is_due() {
    let input = shipped(cart(&[line("tea", 2, 500)]), 100);
    let wallet = Tender::Wallet { amount: usd(300) };
    let card = Tender::GiftCard { amount: usd(5000) };
    let points = Tender::Points { amount: usd(10) };
    check(
        &paid_by(input.clone(), std::slice::from_ref(&wallet)),
        &expect![[r#"
        1 tea 2 x 500 = 1000 = 1000 tax 100
        shipping standard 100 tax 10
        Wallet pays 300
        Gateway pays 910
        lines 1000 + shipping 100 + tax 110 - tenders 300 = payable 910, due now 910
    "#]],
    );
    check(
        &paid_by(input.clone(), &[Tender::Gateway, points, wallet.clone()]),
        &expect![[r#"
        1 tea 2 x 500 = 1000 = 1000 tax 100
        shipping standard 100 tax 10
        Points pays 10
        Wallet pays 300
        Gateway pays 900
        lines 1000 + shipping 100 + tax 110 - tenders 310 = payable 900, due now 900
    "#]],
    );
    check(
        &paid_by(input.clone(), &[wallet, card]),
        &expect![[r#"
        1 tea 2 x 500 = 1000 = 1000 tax 100
        shipping standard 100 tax 10
        Wallet pays 300
        GiftCard pays 910
        lines 1000 + shipping 100 + tax 110 - tenders 1210 = payable 0, due now 0
    "#]],
    );
    check(
        &paid_by(input, &[Tender::Cod]),
        &expect![[r#"
        1 tea 2 x 500 = 1000 = 1000 tax 100
        shipping standard 100 tax 10
        Cod pays 1210
        lines 1000 + shipping 100 + tax 110 - tenders 0 = payable 1210, due now 0
    "#]],
    );
}

/// Frozen: a change of the encoding makes every open quote re-price, so it is not made unawares.
#[test]
fn the_hash_is_the_same_in_every_release() {
    let input = QuoteInput {
        rules: vec![
            rule("teaday", 7, sku_percent(&["tea"], 500_000)),
            coupon("welcome", 2, order_amount(100)),
        ],
        ..shipped(cart(&[line("tea", 2, 500), line("cup", 1, 905)]), 399)
    };
    let input = paid_by(input, &[Tender::Wallet { amount: usd(300) }]);
    let hash = |input| quote(input).expect("has a price").hash;
    expect!["85bdfd41ca656b075daf5b7cfdd432fe"].assert_eq(&hash(&input));
    expect!["6e9003b942386bd57c0241c44333b4d2"].assert_eq(&hash(&cart(&[])));
}

#[test]
fn the_same_goods_for_the_same_amounts_are_the_same_deal() {
    let hash = |input: &QuoteInput| quote(input).expect("has a price").hash;
    let agreed = shipped(cart(&[line("tea", 1, 500), line("cup", 1, 900)]), 399);
    let mut newer = agreed.clone();
    newer.lines[0].price_version += 2;
    let against = shipped(cart(&[line("tea", 1, 600), line("cup", 1, 800)]), 399);
    let swapped = shipped(cart(&[line("tea", 1, 900), line("cup", 1, 500)]), 399);
    let by_wallet = paid_by(agreed.clone(), &[Tender::Wallet { amount: usd(300) }]);
    let of = hash(&agreed);
    for (name, now, wanted) in [
        ("the same", &agreed, true),
        ("a newer version of a price", &newer, true),
        ("prices that moved against each other", &against, false),
        ("prices that changed places", &swapped, false),
        ("another payer", &by_wallet, false),
    ] {
        assert_eq!(is_same_deal(&of, &hash(now)), wanted, "{name}");
    }
    let payable = |input: &QuoteInput| quote(input).expect("has a price").totals.payable;
    assert_eq!(payable(&agreed), payable(&against), "the total tells nothing");
    let (loud, short) = (of.to_uppercase(), &of[1..]);
    for text in ["", "hash", "of no matter: the total decides", loud.as_str(), short] {
        assert!(is_same_deal(text, &of) && is_same_deal(&of, text), "{text} is no hash");
    }
}
