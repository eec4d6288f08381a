//! Who pays what: internal tenders in their order, then one tender for the rest.
//!
//! Guarantees: the shares sum to what is due and none is zero; an internal tender pays at most
//! what it offers and what is left, so that nothing is paid twice.
//! Whether a wallet holds what it offers is the wallet's to say.

use super::compute::not_negative;
use super::{PriceError, Tender, TenderKind, TenderShare};
use crate::money::{Ccy, Money, MoneyError};

/// How an amount that is due is paid, in minor units.
pub(super) struct Paid {
    pub(super) shares: Vec<TenderShare>,
    /// By internal tenders.
    pub(super) internal: i64,
    /// By the tender for the rest.
    pub(super) payable: i64,
    /// What of it is due before delivery.
    pub(super) due_now: i64,
}

/// Divides `due` (>= 0) over the tenders. Errors: `ConflictingTenders`, `Negative`, `Money`.
pub(super) fn pay(ccy: Ccy, due: i64, tenders: &[Tender]) -> Result<Paid, PriceError> {
    let mut shares = Vec::new();
    let mut payable = due;
    let mut rest_by = None;
    for tender in tenders {
        let (kind, offer) = match tender {
            Tender::Wallet { amount } => (TenderKind::Wallet, amount),
            Tender::Points { amount } => (TenderKind::Points, amount),
            Tender::GiftCard { amount } => (TenderKind::GiftCard, amount),
            Tender::Cod => {
                only_one(&mut rest_by, TenderKind::Cod)?;
                continue;
            }
            Tender::Gateway => {
                only_one(&mut rest_by, TenderKind::Gateway)?;
                continue;
            }
        };
        let amount = not_negative("tender", *offer, ccy)?.min(payable);
        payable = payable.checked_sub(amount).ok_or(MoneyError::Overflow)?;
        shares.push(TenderShare { kind, amount: Money::new(amount, ccy) });
    }
    let rest_by = rest_by.unwrap_or(TenderKind::Gateway);
    shares.push(TenderShare { kind: rest_by, amount: Money::new(payable, ccy) });
    shares.retain(|share| share.amount.minor > 0);
    let internal = due.checked_sub(payable).ok_or(MoneyError::Overflow)?;
    let due_now = if rest_by == TenderKind::Cod { 0 } else { payable };
    Ok(Paid { shares, internal, payable, due_now })
}

fn only_one(rest_by: &mut Option<TenderKind>, kind: TenderKind) -> Result<(), PriceError> {
    match rest_by.replace(kind) {
        None => Ok(()),
        Some(_) => Err(PriceError::ConflictingTenders),
    }
}
