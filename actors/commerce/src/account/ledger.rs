//! Four sides, and transfers between them.
//!
//! What leaves one side arrives at another, so the sides sum to zero for ever. Whether a transfer
//! fits is asked when it is decided; the transfer itself cannot fail.

use serde::{Deserialize, Serialize};

/// A side of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Where grants come from: negative.
    Funding,
    /// What may be held.
    Available,
    /// What is set aside.
    Pending,
    /// What orders got, less what they paid back.
    Spent,
}

/// Balances, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    funding: i64,
    available: i64,
    pending: i64,
    spent: i64,
}

impl Ledger {
    pub(super) const fn of(&self, side: Side) -> i64 {
        match side {
            Side::Funding => self.funding,
            Side::Available => self.available,
            Side::Pending => self.pending,
            Side::Spent => self.spent,
        }
    }

    /// Whether both sides can take it.
    pub(super) fn fits(&self, from: Side, to: Side, amount: i64) -> bool {
        let from = self.of(from).checked_sub(amount);
        from.is_some() && self.of(to).checked_add(amount).is_some()
    }

    /// Moves `amount`; does nothing when it does not fit, so that the sum stays zero.
    pub(super) fn transfer(&mut self, from: Side, to: Side, amount: i64) {
        if self.fits(from, to, amount) {
            let taken = self.side(from);
            *taken = taken.saturating_sub(amount);
            let given = self.side(to);
            *given = given.saturating_add(amount);
        }
    }

    const fn side(&mut self, side: Side) -> &mut i64 {
        match side {
            Side::Funding => &mut self.funding,
            Side::Available => &mut self.available,
            Side::Pending => &mut self.pending,
            Side::Spent => &mut self.spent,
        }
    }

    #[cfg(test)]
    pub(super) fn sum(&self) -> i128 {
        [self.funding, self.available, self.pending, self.spent].into_iter().map(i128::from).sum()
    }
}
