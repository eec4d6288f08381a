//! The terms of an order: everything that stood fixed when it was placed.
//!
//! Guarantees: an order keeps its terms for ever; a later price, address or timer changes nothing.
//! Amounts are minor units of the one currency of [`PricedOrder`]. Who prices is the edge, from
//! the price book (domain.md 2); the SKU compares the price versions when it is asked to hold.

use std::num::NonZeroU32;

use compact_str::CompactString;
use entity::{EntityKey, Principal, PrincipalKind, Scope, Tenant};
use serde::{Deserialize, Serialize};

use crate::customer::Address;
use crate::keys;
use crate::money::{Ccy, Money};

/// Lines of an order at the most: each asks one SKU, and a step sends at most 1,024 messages.
pub const LINES_MAX: usize = 500;

/// Whose a cart or an order is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// What kind of party.
    pub kind: PrincipalKind,
    /// Who, within tenant and kind.
    pub subject: CompactString,
}

impl Owner {
    /// The party behind a principal.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        Self { kind: principal.kind, subject: principal.subject.clone() }
    }

    /// Whether `principal` is this party.
    #[must_use]
    pub fn is(&self, principal: &Principal) -> bool {
        self.kind == principal.kind && self.subject == principal.subject
    }

    /// The party's customer record.
    #[must_use]
    pub fn customer(&self, tenant: &Tenant) -> EntityKey {
        keys::customer(tenant, self.kind, &self.subject)
    }

    /// Whether `principal` may do to this party's thing what needs `scope`: the party itself, the
    /// runtime, and staff that has the scope.
    #[must_use]
    pub fn admits(&self, principal: &Principal, scope: Scope) -> bool {
        principal.kind == PrincipalKind::System
            || (principal.is_staff() && principal.scopes.has(scope))
            || self.is(principal)
    }
}

/// The profile of an order (domain.md 2, transaction types).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TxnType {
    /// Fixed price, paid before it is confirmed.
    #[default]
    Fixed,
    /// Cash on delivery.
    Cod,
    /// Deposit and balance.
    Presale,
    /// Flash sale.
    Flash,
    /// Auction.
    Auction,
    /// Insurance.
    Insurance,
}

/// A way to pay, as the cart names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tender {
    /// Cash at the door; only alone.
    Cod,
    /// From the customer's wallet.
    Wallet {
        /// How much.
        amount: Money,
    },
    /// The rest, by a payment gateway; also the default.
    Gateway,
}

/// A reduction of a line, with the rule that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineDiscount {
    /// The rule.
    pub rule: CompactString,
    /// Its version.
    pub rule_version: u64,
    /// Its name for people.
    pub name: CompactString,
    /// How much less, in minor units, not negative.
    pub amount: i64,
}

/// A line as it was priced. Its public id is its position from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    /// The SKU; each stands in one line only.
    pub sku: CompactString,
    /// Its title at that time.
    pub title: CompactString,
    /// Units.
    pub qty: NonZeroU32,
    /// Price of one unit.
    pub unit_price: i64,
    /// The price version that was read; the SKU refuses an older one than its own.
    pub price_version: u64,
    /// Unit price times quantity.
    pub gross: i64,
    /// Reductions.
    pub discounts: Vec<LineDiscount>,
    /// Gross less discounts.
    pub total: i64,
    /// Tax on it, or in it.
    pub tax: i64,
}

/// Sums of an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Sum of the line totals.
    pub lines: i64,
    /// Shipping without exclusive tax.
    pub shipping: i64,
    /// Tax on lines and shipping.
    pub tax: i64,
    /// Whether prices contain the tax.
    pub tax_included: bool,
    /// What internal tenders (the wallet) cover.
    pub tenders: i64,
    /// What remains: at the door, or by a gateway.
    pub payable: i64,
}

/// A cart, priced by the edge from the price book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedOrder {
    /// Hash over the inputs' versions and the amounts.
    pub quote_hash: CompactString,
    /// The one currency.
    pub ccy: Ccy,
    /// In the cart's order.
    pub lines: Vec<PricedLine>,
    /// The sums.
    pub totals: Totals,
}

/// The priced lines and sums contradict each other: the pricing is broken, not the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("priced lines and totals disagree")]
pub struct Inconsistent;

impl PricedOrder {
    /// What a line costs with exclusive tax: what its units share.
    #[must_use]
    pub fn line_paid(&self, line: &PricedLine) -> i64 {
        if self.totals.tax_included { line.total } else { line.total.saturating_add(line.tax) }
    }

    /// What the buyer pays in all, whatever with.
    #[must_use]
    pub const fn to_pay(&self) -> i64 {
        self.totals.payable.saturating_add(self.totals.tenders)
    }

    /// What is paid beside the lines: shipping and its exclusive tax.
    #[must_use]
    pub fn beside_lines(&self) -> i64 {
        self.lines
            .iter()
            .fold(self.to_pay(), |left, line| left.saturating_sub(self.line_paid(line)))
    }

    /// Checks that no amount is negative and that the sums are sums. Errors: [`Inconsistent`].
    pub fn check(&self) -> Result<(), Inconsistent> {
        let Totals { lines, shipping, tax, tax_included, tenders, payable } = self.totals;
        let amounts = [lines, shipping, tax, tenders, payable];
        let line_fits = |line: &PricedLine| {
            line.total >= 0 && line.tax >= 0 && line.unit_price >= 0 && line.gross >= line.total
        };
        let total_of_lines =
            self.lines.iter().try_fold(0i64, |sum, line| sum.checked_add(line.total));
        let on_top = if tax_included { 0 } else { tax };
        let sum = lines.checked_add(shipping).and_then(|sum| sum.checked_add(on_top));
        let parts = payable.checked_add(tenders);
        let fits = amounts.iter().all(|amount| *amount >= 0)
            && self.lines.iter().all(line_fits)
            && total_of_lines == Some(lines)
            && sum.is_some()
            && sum == parts
            && self.beside_lines() >= 0;
        if fits { Ok(()) } else { Err(Inconsistent) }
    }
}

/// The times of an order, in milliseconds: dynamic configuration, copied when it is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// T_reserve: how long holds may take; longer than a failover.
    pub reserve_ms: u64,
    /// T_pay: how long payment may take.
    pub pay_ms: u64,
    /// How much longer than T_pay a hold lives: the order's clock decides.
    pub hold_grace_ms: u64,
    /// From dispatch to auto-receipt.
    pub auto_receipt_ms: u64,
    /// T_return_window: from the last receipt to completion.
    pub return_window_ms: u64,
    /// T_onhold: how often an order on hold raises an alarm.
    pub on_hold_ms: u64,
    /// From dispatch until cash on delivery counts as overdue.
    pub cod_overdue_ms: u64,
}

impl Default for Timers {
    fn default() -> Self {
        const SECOND: u64 = 1000;
        const MINUTE: u64 = 60 * SECOND;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            reserve_ms: 15 * SECOND,
            pay_ms: 30 * MINUTE,
            hold_grace_ms: MINUTE,
            auto_receipt_ms: 10 * DAY,
            return_window_ms: 7 * DAY,
            on_hold_ms: 3 * DAY,
            cod_overdue_ms: 14 * DAY,
        }
    }
}

/// Everything that stands fixed when an order is placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The cart that it was placed from.
    pub cart: EntityKey,
    /// Which order of the cart.
    pub generation: u32,
    /// Whose it is.
    pub owner: Owner,
    /// Where it was sold.
    pub channel: CompactString,
    /// Language of its notices.
    pub locale: CompactString,
    /// Its profile.
    pub txn_type: TxnType,
    /// How it is paid.
    pub tenders: Vec<Tender>,
    /// What is sold, at which price.
    pub priced: PricedOrder,
    /// Where it goes: a copy.
    pub address: Address,
    /// How it goes.
    pub shipping_option: CompactString,
    /// Its times.
    pub timers: Timers,
}

impl Terms {
    /// Whether the rest is collected at the door.
    #[must_use]
    pub fn is_cod(&self) -> bool {
        self.tenders.contains(&Tender::Cod)
    }

    /// What the wallet has to give, in minor units.
    #[must_use]
    pub const fn from_wallet(&self) -> i64 {
        self.priced.totals.tenders
    }

    /// Whether a payment must come before the order is confirmed.
    #[must_use]
    pub fn needs_payment(&self) -> bool {
        self.priced.totals.payable > 0 && !self.is_cod()
    }

    /// Bytes on the heap, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let lines = &self.priced.lines;
        let texts = lines.iter().fold(0usize, |sum, line| {
            let long = |text: &CompactString| {
                if text.is_heap_allocated() { text.capacity() } else { 0 }
            };
            sum.saturating_add(long(&line.sku))
                .saturating_add(long(&line.title))
                .saturating_add(line.discounts.capacity().saturating_mul(size_of::<LineDiscount>()))
        });
        size_of::<Self>()
            .saturating_add(lines.capacity().saturating_mul(size_of::<PricedLine>()))
            .saturating_add(texts)
            .saturating_add(self.address.heap_bytes())
    }
}

/// An order's number as people read it: `M10023`.
#[must_use]
pub fn number_text(number: u64) -> String {
    format!("M{number}")
}
