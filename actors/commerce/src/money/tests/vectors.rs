//! Tables: the domain's checked vectors, the rounding modes, currencies and the edges of i64.
//!
//! The wanted amounts come from the domain's description or by hand, never from the code.

use entity::Timestamp;

use super::{units, usd};
use crate::money::{
    CancelShare, Cancellation, Ccy, Cover, EDGE_MAX, Earned, EvenSplit, FxError, FxQuote, FxRate,
    Money, MoneyError, Ppm, Rounding, SharesError, SplitError, TaxBasis, TaxKind, TaxPolicy,
    TaxRounding, Taxable, UnitShares, UnknownCurrency, allocate, ccy, percent_off, round_div,
    scale, split_refund, spread_off, tax_of, taxes,
};

const EVEN: Rounding = Rounding::HalfEven;

fn exclusive(rate: i32) -> TaxPolicy {
    TaxPolicy { rate: Ppm(rate), ..TaxPolicy::default() }
}

fn inclusive(rate: i32) -> TaxPolicy {
    TaxPolicy { kind: TaxKind::Inclusive, ..exclusive(rate) }
}

fn line(total: i64, qty: u32) -> Taxable {
    Taxable { total, qty: units(qty) }
}

/// (n, d) and the quotient in the order HalfEven, HalfUp, HalfDown, Down, Up.
#[test]
fn each_mode_rounds_by_its_name() {
    let table: &[(i128, i128, [i128; 5])] = &[
        (5, 2, [2, 3, 2, 2, 3]),
        (7, 2, [4, 4, 3, 3, 4]),
        (1, 2, [0, 1, 0, 0, 1]),
        (4, 3, [1, 1, 1, 1, 2]),
        (5, 3, [2, 2, 2, 1, 2]),
        (6, 3, [2, 2, 2, 2, 2]),
        (0, 3, [0, 0, 0, 0, 0]),
        (1, i128::MAX, [0, 0, 0, 0, 1]),
        (i128::MAX, i128::MAX, [1, 1, 1, 1, 1]),
        (i128::MAX, 1, [i128::MAX; 5]),
        (i128::MIN, 1, [i128::MIN; 5]),
        (i128::MIN, 2, [i128::MIN / 2; 5]),
    ];
    let modes =
        [Rounding::HalfEven, Rounding::HalfUp, Rounding::HalfDown, Rounding::Down, Rounding::Up];
    for (n, d, wanted) in table {
        for (mode, wanted) in modes.into_iter().zip(wanted) {
            assert_eq!(round_div(*n, *d, mode), Ok(*wanted), "{n}/{d} {mode:?}");
            if *n != i128::MIN {
                assert_eq!(round_div(-n, *d, mode), Ok(-wanted), "-{n}/{d} {mode:?}");
                assert_eq!(round_div(*n, -d, mode), Ok(-wanted), "{n}/-{d} {mode:?}");
            }
        }
    }
    assert_eq!(round_div(1, 0, EVEN), Err(MoneyError::Undefined));
    assert_eq!(round_div(i128::MIN, -1, EVEN), Err(MoneyError::Overflow));
    assert_eq!(scale(i64::MAX, 2, 1, EVEN), Err(MoneyError::Overflow));
    assert_eq!(scale(i64::MIN, i64::MIN, i64::MIN, EVEN), Ok(i64::MIN));
}

#[test]
fn money_adds_only_its_own_kind_and_never_wraps() {
    assert_eq!(usd(3).try_add(usd(4)), Ok(usd(7)));
    assert_eq!(usd(3).try_sub(usd(4)), Ok(usd(-1)));
    assert_eq!(usd(3).try_neg(), Ok(usd(-3)));
    assert_eq!(usd(108).mul_qty(3), Ok(usd(324)));
    assert_eq!(Money::sum(Ccy::USD, [usd(1), usd(2), usd(3)]), Ok(usd(6)));
    assert_eq!(Money::sum(Ccy::USD, []), Ok(usd(0)));
    assert_eq!(usd(i64::MAX).try_add(usd(1)), Err(MoneyError::Overflow));
    assert_eq!(usd(i64::MIN).try_sub(usd(1)), Err(MoneyError::Overflow));
    assert_eq!(usd(i64::MIN).try_neg(), Err(MoneyError::Overflow));
    assert_eq!(usd(i64::MAX).mul_qty(2), Err(MoneyError::Overflow));
    let yen = Money::new(1, Ccy::JPY);
    assert_eq!(usd(1).try_add(yen), Err(MoneyError::CurrencyMismatch));
    assert_eq!(usd(1).try_sub(yen), Err(MoneyError::CurrencyMismatch));
    assert_eq!(Money::sum(Ccy::USD, [yen]), Err(MoneyError::CurrencyMismatch));
    assert_eq!(EDGE_MAX, 9_007_199_254_740_991);
    assert_eq!(usd(EDGE_MAX).within_edge(), Ok(usd(EDGE_MAX)));
    assert_eq!(usd(-EDGE_MAX).within_edge(), Ok(usd(-EDGE_MAX)));
    for beyond in [EDGE_MAX + 1, -EDGE_MAX - 1, i64::MIN, i64::MAX] {
        assert_eq!(usd(beyond).within_edge(), Err(MoneyError::Overflow), "{beyond}");
    }
}

#[test]
fn currencies_are_those_of_the_table() {
    let table = [("USD", 2), ("EUR", 2), ("MGA", 2), ("ZWG", 2), ("AED", 2)]
        .into_iter()
        .chain([("BIF", 0), ("JPY", 0), ("KRW", 0), ("UYI", 0), ("XPF", 0), ("CLP", 0)])
        .chain([("BHD", 3), ("TND", 3), ("CLF", 4), ("UYW", 4)]);
    for (code, exponent) in table {
        let ccy = Ccy::parse(code).expect(code);
        assert_eq!((ccy.code(), ccy.exponent()), (code, exponent));
        assert_eq!(code.parse(), Ok(ccy));
    }
    for code in ["", "US", "usd", "USDX", "XXX", "XTS", "XAU", "ABC", "USÐ", " US", "SD ", "USD "]
    {
        assert_eq!(Ccy::parse(code), Err(UnknownCurrency), "{code:?}");
    }
    let mut n_codes = 0;
    for (exponent, codes) in ccy::TABLES {
        let rows: Vec<&str> = codes.split_terminator(' ').collect();
        assert!(rows.is_sorted() && codes.len() == rows.len() * 4, "rows of exponent {exponent}");
        for code in &rows {
            assert_eq!(Ccy::parse(code).map(Ccy::exponent), Ok(exponent), "{code} is in one list");
        }
        n_codes += rows.len();
    }
    assert_eq!(n_codes, 167);
}

#[test]
fn stored_currencies_are_checked_when_read() {
    let money = Money::new(-1099, Ccy::EUR);
    let bytes = codec::to_bytes(&money).expect("encodes");
    assert_eq!(codec::from_bytes::<Money>(&bytes), Ok(money));
    assert_eq!(codec::to_bytes(&Ccy::EUR).expect("encodes"), b"EUR");
    assert!(codec::from_bytes::<Ccy>(b"EUX").is_err());
    let text = serde_json::to_string(&money).expect("encodes");
    assert_eq!(text, r#"{"minor":-1099,"ccy":"EUR"}"#);
    assert_eq!(serde_json::from_str::<Money>(&text).expect("decodes"), money);
    assert!(serde_json::from_str::<Money>(r#"{"minor":1,"ccy":"EUX"}"#).is_err());
}

#[test]
fn allocation_gives_the_rest_to_the_largest_remainders() {
    let table: &[(i64, &[i64], &[i64])] = &[
        (1000, &[1, 1, 1], &[334, 333, 333]),
        (1000, &[1999, 501, 0], &[800, 200, 0]),
        (-1000, &[1, 1, 1], &[-334, -333, -333]),
        (5, &[0, 0, 0], &[2, 2, 1]),
        (7, &[0, 3, 0], &[0, 7, 0]),
        (4100, &[5042, 15456], &[1008, 3092]),
        (0, &[1, 2], &[0, 0]),
        (0, &[], &[]),
        (i64::MAX, &[i64::MAX, i64::MAX], &[i64::MAX / 2 + 1, i64::MAX / 2]),
        (i64::MIN, &[1, 1], &[i64::MIN / 2, i64::MIN / 2]),
        (i64::MIN, &[1], &[i64::MIN]),
    ];
    for (total, weights, wanted) in table {
        assert_eq!(allocate(*total, weights).as_deref(), Ok(*wanted), "{total} {weights:?}");
    }
    assert_eq!(allocate(1, &[]), Err(MoneyError::Undefined));
    assert_eq!(allocate(1, &[2, -1]), Err(MoneyError::Undefined));
}

#[test]
fn refunds_are_split_by_what_each_tender_has_left() {
    let mut left = [1, 2];
    for wanted in [[0, 1], [1, 0], [0, 1]] {
        let parts = split_refund(1, &left).expect("one unit is left");
        assert_eq!(parts, wanted);
        left = [left[0] - parts[0], left[1] - parts[1]];
    }
    assert_eq!(left, [0, 0]);
    assert_eq!(split_refund(1, &left), Err(SplitError::Exceeds { refundable: 0 }));
    assert_eq!(split_refund(4, &[1, 2]), Err(SplitError::Exceeds { refundable: 3 }));
    assert_eq!(split_refund(0, &[]), Ok(vec![]));
    assert_eq!(split_refund(-1, &[1]), Err(SplitError::Money(MoneyError::Undefined)));
    assert_eq!(split_refund(1, &[2, -1]), Err(SplitError::Money(MoneyError::Undefined)));
}

/// commercetools' example: 108 x 3 at 19 %.
#[test]
fn a_tax_is_rounded_by_line_or_by_unit() {
    let by_unit = TaxPolicy { basis: TaxBasis::Unit, ..exclusive(190_000) };
    let three = [line(324, 3)];
    assert_eq!(taxes(&three, &exclusive(190_000)), Ok(vec![386 - 324]));
    assert_eq!(taxes(&three, &by_unit), Ok(vec![387 - 324]));
    // 326 over 3 units is 109, 109, 108: two different roundings, 21 + 21 + 21.
    assert_eq!(taxes(&[line(326, 3)], &by_unit), Ok(vec![63]));
    let inside = TaxPolicy { kind: TaxKind::Inclusive, ..by_unit };
    // 100 holds 84 net; three of them hold 252, where the line as one holds 252.1 -> 252.
    assert_eq!(taxes(&[line(300, 3)], &inside), Ok(vec![48]));
    assert_eq!(taxes(&[line(0, 3)], &inside), Ok(vec![0]));
}

/// woocommerce#16305: 5186, 40 % off, 8.25 % tax.
#[test]
fn a_discount_is_rounded_before_the_tax() {
    let off = percent_off(5186, Ppm(400_000), EVEN);
    let net = 5186 - off;
    let tax = tax_of(net, &exclusive(82_500)).expect("fits");
    assert_eq!((off, net, tax, net + tax), (2074, 3112, 257, 3369));
}

/// prestashop#25145: 20 x 274 and 50 x 336, 8 % off, 20 % tax.
#[test]
fn a_rate_group_is_rounded_once_and_allocated() {
    let net = |gross: i64| gross - percent_off(gross, Ppm(80_000), EVEN);
    let lines = [line(net(20 * 274), 20), line(net(50 * 336), 50)];
    assert_eq!(lines.map(|line| line.total), [5042, 15456]);
    assert_eq!(5042 + 15456, 20498);
    let group = TaxPolicy { rounding: TaxRounding::RateGroup, ..exclusive(200_000) };
    assert_eq!(taxes(&lines, &exclusive(200_000)), Ok(vec![1008, 3091]));
    assert_eq!(taxes(&lines, &group), Ok(vec![1008, 3092]));
    assert_eq!(taxes(&[], &group), Ok(vec![]));
    assert_eq!(taxes(&[line(0, 1), line(0, 2)], &group), Ok(vec![0, 0]));
}

#[test]
fn an_inclusive_tax_is_inside_the_price() {
    let tax = tax_of(39900, &inclusive(190_000));
    assert_eq!(tax.map(|tax| (39900 - tax, tax)), Ok((33529, 6371)));
    assert_eq!(tax_of(-39900, &inclusive(190_000)), Ok(-6371));
    let free = 39900 - percent_off(39900, Ppm::ONE, EVEN);
    assert_eq!((free, tax_of(free, &inclusive(190_000))), (0, Ok(0)));
    assert_eq!(tax_of(1, &inclusive(-1_000_000)), Err(MoneyError::Undefined));
    assert_eq!(tax_of(1, &inclusive(i32::MIN)), Err(MoneyError::Undefined));
}

#[test]
fn a_reduction_stays_within_its_line() {
    assert_eq!(percent_off(5480, Ppm(80_000), EVEN), 438);
    assert_eq!(percent_off(100, Ppm(i32::MAX), EVEN), 100);
    assert_eq!(percent_off(100, Ppm(-1), EVEN), 0);
    assert_eq!(percent_off(-100, Ppm::ONE, EVEN), 0);
    assert_eq!(percent_off(i64::MAX, Ppm(999_999), Rounding::Up), i64::MAX - i64::MAX / 1_000_000);
    assert_eq!(spread_off(500, &[1999, 501, 0]), Ok(vec![400, 100, 0]));
    assert_eq!(spread_off(9999, &[300, 100]), Ok(vec![300, 100]));
    assert_eq!(spread_off(-5, &[300, 100]), Ok(vec![0, 0]));
    assert_eq!(spread_off(5, &[]), Ok(vec![]));
    assert_eq!(spread_off(5, &[3, -1]), Err(MoneyError::Undefined));
    assert_eq!(spread_off(5, &[i64::MAX, 1]), Err(MoneyError::Overflow));
}

/// 1000 over 3 units: shares 334, 333, 333.
#[test]
fn unit_shares_follow_their_indices() {
    let mut shares = UnitShares::new(1000, units(3));
    assert_eq!(shares.capture(1), Ok(334), "captures take from the first");
    assert_eq!(shares.cancel(1), Ok(CancelShare { uncaptured: 333, captured: 0 }), "the last");
    assert_eq!(shares.take_return(1), Ok(334), "the unit captured last");
    assert_eq!(shares.take_return(1), Err(SharesError::NotEnough { available: 0 }));
    assert_eq!((shares.live(), shares.capture(2)), (1, Err(NOT_TWO)));
    assert_eq!(shares.capture(1), Ok(333), "a returned unit is not captured again");
    assert_eq!(shares.cancel(1), Ok(CancelShare { uncaptured: 0, captured: 333 }));
    assert_eq!(shares.cancel(1), Err(SharesError::NotEnough { available: 0 }));

    // Returned in the middle, captured on: index 2 goes first, then 0, as 1 is back already.
    let mut shares = UnitShares::new(11, units(4));
    assert_eq!(shares.capture(2), Ok(6));
    assert_eq!(shares.take_return(1), Ok(3));
    assert_eq!(shares.capture(1), Ok(3));
    assert_eq!(shares.cancel(2), Ok(CancelShare { uncaptured: 2, captured: 3 }));
    assert_eq!((shares.captured(), shares.uncaptured(), shares.live()), (1, 0, 1));
    assert_eq!(shares.take_return(1), Ok(3));
}

const NOT_TWO: SharesError = SharesError::NotEnough { available: 1 };

#[test]
fn an_even_split_is_an_allocation_in_closed_form() {
    for (total, n) in [(1000, 3), (-1000, 3), (2, 5), (0, 4), (i64::MIN, 7), (i64::MAX, 2)] {
        let split = EvenSplit::new(total, units(n));
        let parts = allocate(total, &vec![1; n as usize]).expect("has weights");
        for (index, part) in (0..).zip(parts) {
            assert_eq!(split.sum(index..index + 1), Ok(part), "{total} over {n} at {index}");
        }
        assert_eq!(split.sum(0..n), Ok(total));
    }
}

/// 120 000 for 365 days, cancelled with 265 days left.
#[test]
fn a_premium_is_earned_by_the_day() {
    let cover = Cover { premium: 120_000, days_used: 100, days_total: units(365) };
    assert_eq!(cover.earned(EVEN), Ok(Earned { earned: 32_877, unearned: 87_123 }));
    let table = [
        (120_000, Cancellation::ProRata, 87_123, 0),
        (120_000, Cancellation::ShortRate, 78_411, 0),
        (30_000, Cancellation::ProRata, 0, 2_877),
        (0, Cancellation::ShortRate, 0, 41_589),
    ];
    for (collected, cancellation, refund, owed) in table {
        let settled = cover.settle(collected, cancellation, EVEN).expect("fits");
        assert_eq!((settled.refund, settled.owed), (refund, owed), "{collected} {cancellation:?}");
    }
    let over = Cover { days_used: 400, ..cover };
    assert_eq!(over.earned(EVEN), Ok(Earned { earned: 120_000, unearned: 0 }));
}

fn fx(from: Ccy, to: Ccy, num: i64, den: i64) -> Result<FxRate, FxError> {
    FxQuote { from, to, num, den, at: Timestamp(7), source: "ecb".into() }.try_into()
}

#[test]
fn an_exchange_minds_the_exponents() {
    let bhd = Ccy::parse("BHD").expect("known");
    let table = [
        (Ccy::USD, Ccy::JPY, 150, 1, 100, 150),
        (Ccy::JPY, Ccy::USD, 1, 150, 150, 100),
        (Ccy::JPY, bhd, 1, 400, 1000, 2500),
        (Ccy::USD, Ccy::EUR, 9, 10, 1005, 904),
        (Ccy::USD, Ccy::EUR, 9, 10, -1005, -904),
    ];
    for (from, to, num, den, minor, wanted) in table {
        let rate = fx(from, to, num, den).expect("above zero");
        let got = rate.convert(Money::new(minor, from), EVEN);
        assert_eq!(got, Ok(Money::new(wanted, to)), "{minor} {from} at {num}/{den}");
    }
    let rate = fx(Ccy::USD, Ccy::EUR, 9, 10).expect("above zero");
    let wrong = rate.convert(Money::new(1, Ccy::EUR), EVEN);
    assert_eq!(wrong, Err(MoneyError::CurrencyMismatch));
    let steep = fx(Ccy::JPY, bhd, i64::MAX, 1).expect("above zero");
    let beyond = steep.convert(Money::new(i64::MAX, Ccy::JPY), EVEN);
    assert_eq!(beyond, Err(MoneyError::Overflow));
    assert_eq!(fx(Ccy::USD, Ccy::EUR, 0, 1), Err(FxError));
    assert_eq!(fx(Ccy::USD, Ccy::EUR, 1, -1), Err(FxError));
    let bytes = codec::to_bytes(&rate).expect("encodes");
    assert_eq!(codec::from_bytes(&bytes), Ok(rate.clone()));
    let zero = codec::to_bytes(&FxQuote { den: 0, ..rate.into() }).expect("encodes");
    assert!(codec::from_bytes::<FxRate>(&zero).is_err(), "a stored rate is checked when read");
}
