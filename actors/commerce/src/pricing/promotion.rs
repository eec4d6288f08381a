//! Applies rules to lines, stage by stage and by priority.
//!
//! Guarantees: no line falls below zero, whatever the rules; what an order-wide rule takes is
//! allocated to the lines and sums exactly; the outcome depends on nothing but lines and rules.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::{Adjustment, Benefit, CartLine, Discount, PriceError, Rule, Stacking};
use crate::money::{Ccy, Money, MoneyError, Rounding, percent_off, spread_off};

/// A line while it is priced.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) id: CompactString,
    pub(super) of: &'a CartLine,
    pub(super) gross: i64,
    /// `gross` less `discounts`.
    pub(super) total: i64,
    pub(super) discounts: Vec<Discount>,
}

/// The lines of a cart, and what rules did to them so far.
pub(super) struct Promotion<'a> {
    ccy: Ccy,
    rounding: Rounding,
    lines: Vec<Line<'a>>,
    by_sku: BTreeMap<&'a str, Vec<usize>>,
    adjustments: Vec<Adjustment>,
}

/// What a rule would take off at this point.
struct Cut {
    /// Line indices and amounts above zero.
    parts: Vec<(usize, i64)>,
    /// The sum of the amounts.
    sum: i64,
}

impl Cut {
    fn new(parts: impl Iterator<Item = (usize, i64)>) -> Result<Self, MoneyError> {
        let parts: Vec<(usize, i64)> = parts.filter(|(_, off)| *off > 0).collect();
        let sum = sum(parts.iter().map(|(_, off)| *off))?;
        Ok(Self { parts, sum })
    }
}

impl<'a> Promotion<'a> {
    pub(super) fn new(ccy: Ccy, rounding: Rounding, lines: Vec<Line<'a>>) -> Self {
        let mut by_sku: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, line) in lines.iter().enumerate() {
            by_sku.entry(line.of.sku.as_str()).or_default().push(index);
        }
        Self { ccy, rounding, lines, by_sku, adjustments: Vec::new() }
    }

    /// Applies rules that are sorted by stage and priority, and answers lines and adjustments.
    pub(super) fn apply(
        mut self,
        rules: &[&Rule],
    ) -> Result<(Vec<Line<'a>>, Vec<Adjustment>), PriceError> {
        for stage in rules.chunk_by(|a, b| a.stage() == b.stage()) {
            self.apply_stage(stage)?;
        }
        Ok((self.lines, self.adjustments))
    }

    fn apply_stage(&mut self, rules: &[&Rule]) -> Result<(), PriceError> {
        let mut groups: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
        for rule in rules {
            if let Stacking::Exclusive { group } = &rule.stacking {
                groups.entry(group).or_default().push(rule);
            }
        }
        for rule in rules {
            match &rule.stacking {
                Stacking::Stack => {
                    self.take(rule, &self.cut(rule)?)?;
                }
                Stacking::StopAfter => {
                    let cut = self.cut(rule)?;
                    self.take(rule, &cut)?;
                    if cut.sum > 0 {
                        return Ok(());
                    }
                }
                Stacking::Exclusive { group } => {
                    // Settled in the place of its first rule; the others find it gone.
                    let group = groups.remove(group.as_str()).unwrap_or_default();
                    if let Some((best, cut)) = self.best(&group)? {
                        self.take(best, &cut)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The rule of a group that takes most off at this point, the first of equal ones.
    fn best<'r>(&self, group: &[&'r Rule]) -> Result<Option<(&'r Rule, Cut)>, PriceError> {
        let mut best: Option<(&Rule, Cut)> = None;
        for rule in group {
            let cut = self.cut(rule)?;
            if best.as_ref().is_none_or(|(_, best)| cut.sum > best.sum) {
                best = Some((rule, cut));
            }
        }
        Ok(best)
    }

    /// What a rule would take off. Within each line's total by construction.
    fn cut(&self, rule: &Rule) -> Result<Cut, PriceError> {
        let cut = match &rule.benefit {
            Benefit::SkuPercent { skus, rate } => {
                let off = |line: &Line<'_>| percent_off(line.gross, *rate, self.rounding);
                Cut::new(self.matching(skus).map(|(i, line)| (i, off(line).min(line.total))))
            }
            Benefit::SkuAmount { skus, off_each } => {
                let each = off_each.minor_of(self.ccy)?;
                // Saturating is exact here: more than the line is the line.
                let off = |line: &Line<'_>| each.saturating_mul(i64::from(line.of.qty.get()));
                Cut::new(self.matching(skus).map(|(i, line)| (i, off(line).clamp(0, line.total))))
            }
            Benefit::OrderPercent { rate } => {
                let all = sum(self.lines.iter().map(|line| line.total))?;
                self.spread(percent_off(all, *rate, self.rounding))
            }
            Benefit::OrderAmount { off } => self.spread(off.minor_of(self.ccy)?),
        };
        Ok(cut?)
    }

    fn spread(&self, off: i64) -> Result<Cut, MoneyError> {
        let totals: Vec<i64> = self.lines.iter().map(|line| line.total).collect();
        Cut::new(spread_off(off, &totals)?.into_iter().enumerate())
    }

    /// The lines with one of these SKUs, in their order; found from whichever side is shorter.
    fn matching(&self, skus: &BTreeSet<CompactString>) -> impl Iterator<Item = (usize, &Line<'a>)> {
        let mut found: Vec<usize> = if skus.len() < self.lines.len() {
            let by_sku = skus.iter().filter_map(|sku| self.by_sku.get(sku.as_str()));
            by_sku.flatten().copied().collect()
        } else {
            let lines = self.lines.iter().enumerate();
            lines.filter(|(_, line)| skus.contains(&line.of.sku)).map(|(i, _)| i).collect()
        };
        found.sort_unstable();
        found.into_iter().filter_map(|i| Some((i, self.lines.get(i)?)))
    }

    /// Takes a cut off the lines, and writes down which rule it was.
    fn take(&mut self, rule: &Rule, cut: &Cut) -> Result<(), PriceError> {
        for (index, off) in &cut.parts {
            let line = self.lines.get_mut(*index).ok_or(MoneyError::Undefined)?;
            line.total = line.total.checked_sub(*off).ok_or(MoneyError::Overflow)?;
            assert!(line.total >= 0, "a line never falls below zero");
            let amount = Money::new(*off, self.ccy);
            line.discounts.push(Discount {
                rule: rule.id.clone(),
                rule_version: rule.version,
                name: rule.name.clone(),
                amount,
            });
            if rule.benefit.skus().is_some() {
                let line_id = Some(line.id.clone());
                self.adjustments.push(adjustment(rule, line_id, amount));
            }
        }
        if rule.benefit.skus().is_none() && cut.sum > 0 {
            self.adjustments.push(adjustment(rule, None, Money::new(cut.sum, self.ccy)));
        }
        Ok(())
    }
}

fn adjustment(rule: &Rule, line_id: Option<CompactString>, amount: Money) -> Adjustment {
    Adjustment { rule: rule.id.clone(), rule_version: rule.version, line_id, amount }
}

fn sum(mut amounts: impl Iterator<Item = i64>) -> Result<i64, MoneyError> {
    amounts.try_fold(0i64, i64::checked_add).ok_or(MoneyError::Overflow)
}
