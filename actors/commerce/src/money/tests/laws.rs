//! Laws for any input: symmetry, exact sums, bounds, and no panic anywhere in i64.
//!
//! Where a closed form replaces a plain rule (even splits, unit shares, tax by unit), the plain
//! rule is written here and held beside it.

use entity::Timestamp;
use proptest::prelude::*;

use super::units;
use crate::money::{
    Cancellation, Ccy, Cover, EvenSplit, FxQuote, FxRate, Money, MoneyError, Ppm, Rounding,
    TaxBasis, TaxKind, TaxPolicy, TaxRounding, Taxable, UnitShares, allocate, percent_off,
    round_div, scale, split_refund, spread_off, tax_of, taxes,
};

fn modes() -> impl Strategy<Value = Rounding> {
    prop::sample::select(vec![
        Rounding::HalfEven,
        Rounding::HalfUp,
        Rounding::HalfDown,
        Rounding::Down,
        Rounding::Up,
    ])
}

/// Amounts of every size: the uniform ones alone would all be huge.
fn amounts() -> impl Strategy<Value = i64> {
    prop_oneof![-10i64..10, -1_000_000i64..1_000_000, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

fn policies() -> impl Strategy<Value = TaxPolicy> {
    (any::<[bool; 3]>(), prop_oneof![0..2_000_000i32, any::<i32>()], modes()).prop_map(
        |([kind, basis, rounding], rate, mode)| TaxPolicy {
            rate: Ppm(rate),
            kind: if kind { TaxKind::Exclusive } else { TaxKind::Inclusive },
            basis: if basis { TaxBasis::Line } else { TaxBasis::Unit },
            rounding: if rounding { TaxRounding::Line } else { TaxRounding::RateGroup },
            mode,
        },
    )
}

/// One step in the life of a line.
#[derive(Debug, Clone, Copy)]
enum Step {
    Capture(u32),
    Cancel(u32),
    Return(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u32..4).prop_map(Step::Capture),
        (0u32..3).prop_map(Step::Cancel),
        (0u32..3).prop_map(Step::Return),
    ];
    prop::collection::vec(step, 0..40)
}

/// The same line, unit by unit, as the domain words it.
struct Model {
    shares: Vec<i64>,
    /// Indices neither captured nor cancelled, ascending.
    open: Vec<usize>,
    /// Indices captured and live, in the order of capture.
    captured: Vec<usize>,
}

impl Model {
    fn new(line_paid: i64, qty: u32) -> Self {
        let shares = allocate(line_paid, &vec![1; qty as usize]).expect("has weights");
        Self { open: (0..shares.len()).collect(), captured: Vec::new(), shares }
    }

    /// What the step moves, none when it is refused.
    fn step(&mut self, step: Step) -> Option<i64> {
        let indices: Vec<usize> = match step {
            Step::Capture(n) if n as usize <= self.open.len() => {
                let taken: Vec<usize> = self.open.drain(..n as usize).collect();
                self.captured.extend(&taken);
                taken
            }
            Step::Cancel(n) if n as usize <= self.open.len() + self.captured.len() => {
                let pop = |_| self.open.pop().or_else(|| self.captured.pop());
                (0..n).filter_map(pop).collect()
            }
            Step::Return(n) if n as usize <= self.captured.len() => {
                (0..n).filter_map(|_| self.captured.pop()).collect()
            }
            Step::Capture(_) | Step::Cancel(_) | Step::Return(_) => return None,
        };
        Some(indices.into_iter().map(|index| self.shares[index]).sum())
    }
}

proptest! {
    #[test]
    fn rounding_is_symmetric_and_near(n in any::<i128>(), d in any::<i128>(), mode in modes()) {
        prop_assume!(n != i128::MIN && d != i128::MIN && d != 0);
        let quotient = round_div(n, d, mode).expect("fits");
        prop_assert_eq!(round_div(-n, d, mode), Ok(-quotient));
        prop_assert_eq!(round_div(n, -d, mode), Ok(-quotient));
        prop_assert!((quotient - n / d).abs() <= 1, "within one of the exact quotient");
        let exact = n % d == 0;
        prop_assert!(!exact || quotient == n / d, "an exact quotient is not rounded");
    }

    #[test]
    fn allocated_parts_sum_and_are_fair(
        total in amounts(),
        weights in prop::collection::vec(prop_oneof![Just(0i64), 1..9i64, 0..=i64::MAX], 1..9),
    ) {
        let parts = allocate(total, &weights).expect("has weights");
        prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), total.into());
        let all: u128 = weights.iter().map(|weight| *weight as u128).sum();
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(*part == 0 || (*part < 0) == (total < 0), "no part against the sign");
            let claim = u128::from(total.unsigned_abs()) * *weight as u128;
            let part = u128::from(part.unsigned_abs());
            if let Some(floor) = claim.checked_div(all) {
                prop_assert!(part == floor || part == floor + 1);
                prop_assert!(*weight > 0 || part == 0, "nothing for a weight of 0");
            }
        }
        if total != i64::MIN {
            let negated: Vec<i64> = parts.iter().map(|part| -part).collect();
            prop_assert_eq!(allocate(-total, &weights), Ok(negated));
        }
    }

    #[test]
    fn equal_claims_are_served_by_index(total in amounts(), n in 1u32..40) {
        let parts = allocate(total, &vec![1; n as usize]).expect("has weights");
        prop_assert!(parts.is_sorted_by_key(|part| std::cmp::Reverse(part.unsigned_abs())));
        let split = EvenSplit::new(total, units(n));
        for (index, part) in (0..).zip(&parts) {
            prop_assert_eq!(split.sum(index..index + 1), Ok(*part));
        }
    }

    #[test]
    fn any_life_of_a_line_gives_back_what_was_paid(
        line_paid in amounts(), qty in 1u32..30, steps in steps(),
    ) {
        let mut shares = UnitShares::new(line_paid, units(qty));
        let mut model = Model::new(line_paid, qty);
        let (mut captured, mut voided, mut refunded) = (0i128, 0i128, 0i128);
        for step in steps {
            let before = shares.clone();
            let moved = match step {
                Step::Capture(n) => shares.capture(n).inspect(|sum| captured += i128::from(*sum)),
                Step::Return(n) => {
                    shares.take_return(n).inspect(|sum| refunded += i128::from(*sum))
                }
                Step::Cancel(n) => shares.cancel(n).map(|cancelled| {
                    voided += i128::from(cancelled.uncaptured);
                    refunded += i128::from(cancelled.captured);
                    cancelled.uncaptured + cancelled.captured
                }),
            };
            prop_assert_eq!(moved.ok(), model.step(step), "as unit by unit: {:?}", step);
            prop_assert!(moved.is_ok() || shares == before, "a refusal changes nothing");
            prop_assert_eq!(shares.captured() as usize, model.captured.len());
            prop_assert_eq!(shares.uncaptured() as usize, model.open.len());
        }
        let rest = shares.cancel(shares.live()).expect("the live units are there");
        voided += i128::from(rest.uncaptured);
        refunded += i128::from(rest.captured);
        prop_assert_eq!(voided + refunded, i128::from(line_paid), "the whole line is back");
        prop_assert_eq!(captured, refunded, "only what was captured was refunded");
    }

    #[test]
    fn reductions_stay_within_their_lines(
        totals in prop::collection::vec(0..=i64::MAX / 16, 0..9),
        off in amounts(), rate in any::<i32>(), mode in modes(),
    ) {
        for total in &totals {
            prop_assert!((0..=*total).contains(&percent_off(*total, Ppm(rate), mode)));
        }
        let parts = spread_off(off, &totals).expect("the totals sum");
        prop_assert!(parts.iter().zip(&totals).all(|(part, total)| (0..=*total).contains(part)));
        prop_assert_eq!(parts.iter().sum::<i64>(), off.clamp(0, totals.iter().sum()));
    }

    #[test]
    fn repeated_refunds_drain_every_tender(
        paid in prop::collection::vec(0..50i64, 1..5),
        amounts in prop::collection::vec(0..20i64, 0..20),
    ) {
        let mut left = paid;
        for amount in amounts {
            if let Ok(parts) = split_refund(amount, &left) {
                prop_assert_eq!(parts.iter().sum::<i64>(), amount);
                left = left.iter().zip(&parts).map(|(left, part)| left - part).collect();
                prop_assert!(left.iter().all(|left| *left >= 0));
            } else {
                prop_assert!(amount > left.iter().sum());
            }
        }
        let rest = left.iter().sum();
        prop_assert_eq!(split_refund(rest, &left), Ok(left));
    }

    #[test]
    fn taxes_are_one_for_each_line_and_a_group_sums(
        totals in prop::collection::vec((0..=1_000_000_000i64, 1u32..50), 0..8),
        policy in policies(),
    ) {
        prop_assume!(policy.rate.0 >= 0);
        let line = |(total, qty): &(i64, u32)| Taxable { total: *total, qty: units(*qty) };
        let lines: Vec<Taxable> = totals.iter().map(line).collect();
        let got = taxes(&lines, &policy).expect("small amounts fit");
        prop_assert_eq!(got.len(), lines.len());
        prop_assert!(got.iter().all(|tax| *tax >= 0));
        if policy.kind == TaxKind::Inclusive {
            prop_assert!(got.iter().zip(&lines).all(|(tax, line)| *tax <= line.total));
        }
        if policy.rounding == TaxRounding::RateGroup {
            let all = totals.iter().map(|(total, _)| total).sum();
            prop_assert_eq!(Ok(got.iter().sum::<i64>()), tax_of(all, &policy));
        }
    }

    #[test]
    fn a_unit_tax_is_the_sum_over_units(
        total in -100_000i64..100_000, qty in 1u32..50, policy in policies(),
    ) {
        prop_assume!(policy.rate.0 > -900_000);
        let policy = TaxPolicy { basis: TaxBasis::Unit, rounding: TaxRounding::Line, ..policy };
        let shares = allocate(total, &vec![1; qty as usize]).expect("has weights");
        let by_unit: i64 = shares.iter().map(|share| tax_of(*share, &policy).expect("fits")).sum();
        prop_assert_eq!(taxes(&[Taxable { total, qty: units(qty) }], &policy), Ok(vec![by_unit]));
    }

    #[test]
    fn premiums_settle_to_the_unit(
        premium in 0..1_000_000_000i64, collected in 0..1_000_000_000i64,
        days_used in 0u32..500, days_total in 1u32..500, mode in modes(),
    ) {
        let cover = Cover { premium, days_used, days_total: units(days_total) };
        let earned = cover.earned(mode).expect("fits");
        prop_assert_eq!(earned.earned + earned.unearned, premium);
        prop_assert!(earned.earned >= 0 && earned.unearned >= 0);
        let pro_rata = cover.settle(collected, Cancellation::ProRata, mode).expect("fits");
        prop_assert_eq!(pro_rata.refund - pro_rata.owed, collected - earned.earned);
        prop_assert!(pro_rata.refund == 0 || pro_rata.owed == 0);
        let short = cover.settle(collected, Cancellation::ShortRate, mode).expect("fits");
        prop_assert!(short.refund <= pro_rata.refund && short.owed >= pro_rata.owed);
    }

    /// Every public function, with arguments from all of i64: an answer or an error.
    #[test]
    fn nothing_panics(
        a in amounts(), b in amounts(), c in amounts(), qty in 1u32.., n in any::<u32>(),
        policy in policies(), mode in modes(),
    ) {
        let (x, y) = (Money::new(a, Ccy::USD), Money::new(b, Ccy::USD));
        let sums = [x.try_add(y), x.try_sub(y), x.try_neg(), x.mul_qty(n), x.within_edge()];
        let exact = [
            i128::from(a) + i128::from(b), i128::from(a) - i128::from(b), -i128::from(a),
            i128::from(a) * i128::from(n),
        ];
        for (sum, exact) in sums.into_iter().zip(exact) {
            let fits = i64::try_from(exact).map(|minor| Money::new(minor, Ccy::USD));
            prop_assert_eq!(sum, fits.map_err(|_| MoneyError::Overflow));
        }
        let _ = (scale(a, b, c, mode), policy.rate.of(a, mode), percent_off(a, policy.rate, mode));
        let _ = (allocate(a, &[b, c]), spread_off(a, &[b, c]), split_refund(a, &[b, c]));
        let line = |total| Taxable { total, qty: units(qty) };
        let _ = (tax_of(a, &policy), taxes(&[line(a), line(b), line(c)], &policy));
        let _ = EvenSplit::new(a, units(qty)).sum(n..qty);
        let mut shares = UnitShares::new(a, units(qty));
        let _ = (shares.capture(n / 2), shares.cancel(n / 3), shares.take_return(n / 4));
        let cover = Cover { premium: a, days_used: n, days_total: units(qty) };
        let _ = (cover.earned(mode), cover.settle(b, Cancellation::ShortRate, mode));
        let (from, to) = (Ccy::USD, Ccy::JPY);
        let at = Timestamp::default();
        let quote = FxQuote { from, to, num: b, den: c, at, source: "s".into() };
        if let Ok(rate) = FxRate::try_from(quote) {
            let _ = rate.convert(x, mode);
        }
    }
}
