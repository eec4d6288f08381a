//! All rules of a channel, indexed so that a cart meets only those that can match.
//!
//! Guarantees: ids are unique, priorities are unique within a stage, and so is a coupon's code.
//! Cost of a selection: the cart's lines and the rules that match, whatever the book's size.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::{CartLine, PriceError, Rule, RuleSource};
use crate::money::Ccy;

/// An indexed, checked set of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleBook {
    /// By stage, then priority.
    rules: Vec<Rule>,
    /// Automatic rules by the SKUs that they are for.
    by_sku: BTreeMap<CompactString, Vec<usize>>,
    /// Automatic rules for the order.
    order_wide: Vec<usize>,
    by_code: BTreeMap<CompactString, usize>,
}

impl RuleBook {
    /// Indexes the rules. Errors: `DuplicateRule` (a second id or code), `DuplicatePriority`.
    pub fn new(mut rules: Vec<Rule>) -> Result<Self, PriceError> {
        sort(&mut rules)?;
        let mut book = Self::default();
        for (index, rule) in rules.iter().enumerate() {
            match (&rule.source, rule.benefit.skus()) {
                (RuleSource::Coupon { code }, Some(_) | None) => {
                    if book.by_code.insert(code.clone(), index).is_some() {
                        return Err(PriceError::DuplicateRule { rule: rule.id.clone() });
                    }
                }
                (RuleSource::Automatic, Some(skus)) => {
                    for sku in skus {
                        book.by_sku.entry(sku.clone()).or_default().push(index);
                    }
                }
                (RuleSource::Automatic, None) => book.order_wide.push(index),
            }
        }
        book.rules = rules;
        Ok(book)
    }

    /// The rule of a coupon code, if the book has one.
    #[must_use]
    pub fn coupon(&self, code: &str) -> Option<&Rule> {
        self.by_code.get(code).and_then(|index| self.rules.get(*index))
    }

    /// The rules for a cart, by stage and priority: automatic ones that match it, and those of
    /// the coupons presented. Unknown codes and amounts of other currencies are left out.
    #[must_use]
    pub fn matching(&self, ccy: Ccy, lines: &[CartLine], coupons: &[CompactString]) -> Vec<Rule> {
        let by_sku = lines.iter().filter_map(|line| self.by_sku.get(&line.sku)).flatten();
        let by_code = coupons.iter().filter_map(|code| self.by_code.get(code));
        let found: BTreeSet<usize> =
            by_sku.chain(&self.order_wide).chain(by_code).copied().collect();
        found
            .into_iter()
            .filter_map(|index| self.rules.get(index))
            .filter(|rule| rule.benefit.ccy().is_none_or(|of| of == ccy))
            .cloned()
            .collect()
    }
}

/// Sorts rules by stage and priority. Errors: `DuplicateRule`, `DuplicatePriority`.
fn sort(rules: &mut [Rule]) -> Result<(), PriceError> {
    rules.sort_by_key(|rule| (rule.stage(), rule.priority));
    check_order(rules.iter())
}

/// Holds that sorted rules have unique ids, and unique priorities within a stage.
pub(super) fn check_order<'a>(
    rules: impl Iterator<Item = &'a Rule> + Clone,
) -> Result<(), PriceError> {
    let mut ids = BTreeSet::new();
    for rule in rules.clone() {
        if !ids.insert(&rule.id) {
            return Err(PriceError::DuplicateRule { rule: rule.id.clone() });
        }
    }
    for (rule, next) in rules.clone().zip(rules.skip(1)) {
        if (rule.stage(), rule.priority) == (next.stage(), next.priority) {
            let (stage, priority) = (rule.stage(), rule.priority);
            return Err(PriceError::DuplicatePriority { stage, priority });
        }
    }
    Ok(())
}
