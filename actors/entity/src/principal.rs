//! Who asks: tenant, subject, kind and scopes, checked at the edge, trusted below it.
//!
//! Identity is a seam: every command carries a principal, the tenant is part of every key, and
//! entities check ownership themselves. How a token becomes a principal is the edge's business.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::Tenant;

/// What kind of party a principal is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum PrincipalKind {
    /// The runtime itself: a timer, a message between entities.
    #[default]
    System,
    /// A signed-in buyer.
    Customer,
    /// A buyer without an account.
    Guest,
    /// A sales agent.
    Agent,
    /// Staff of a seller.
    Seller,
    /// Staff of the platform.
    Operator,
    /// Another program.
    Service,
}

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Scope {
    /// Read orders (a buyer: the own ones).
    OrdersRead = 1,
    /// Write carts and orders (a buyer: the own ones).
    OrdersWrite = 1 << 1,
    /// Read unpublished catalogue data.
    CatalogueRead = 1 << 2,
    /// Change the catalogue and prices.
    CatalogueWrite = 1 << 3,
    /// Read stock, movements and holds.
    StockRead = 1 << 4,
    /// Change stock and its policy.
    StockWrite = 1 << 5,
    /// Read shipments.
    ShipmentsRead = 1 << 6,
    /// Dispatch, track, collect.
    ShipmentsWrite = 1 << 7,
    /// Read refunds.
    RefundsRead = 1 << 8,
    /// Create refunds.
    RefundsWrite = 1 << 9,
    /// Approve refunds of others.
    RefundsApprove = 1 << 10,
    /// What a shop's operator does on the admin listener: the shop's own things.
    Admin = 1 << 11,
    /// What the operator of the node does on the admin listener: it concerns every shop.
    Node = 1 << 12,
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scopes(pub u16);

impl Scopes {
    /// Every scope there is.
    pub const ALL: Self = Self(0x1FFF);

    /// The set with `scope` added.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope as u16)
    }

    /// Whether `scope` is in the set.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope as u16 != 0
    }
}

/// A checked identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The shop that the principal belongs to.
    pub tenant: Tenant,
    /// Who, unique within tenant and kind: a customer's, guest's or client's id.
    pub subject: CompactString,
    /// What kind of party.
    pub kind: PrincipalKind,
    /// What it may do.
    pub scopes: Scopes,
}

impl Principal {
    /// The runtime acting inside a tenant: timers and messages between entities.
    #[must_use]
    pub const fn system(tenant: Tenant) -> Self {
        Self {
            tenant,
            subject: CompactString::const_new(""),
            kind: PrincipalKind::System,
            scopes: Scopes::ALL,
        }
    }

    /// Whether staff routes are open to this kind (seller, operator, service).
    #[must_use]
    pub const fn is_staff(&self) -> bool {
        match self.kind {
            PrincipalKind::Seller | PrincipalKind::Operator | PrincipalKind::Service => true,
            PrincipalKind::System
            | PrincipalKind::Customer
            | PrincipalKind::Guest
            | PrincipalKind::Agent => false,
        }
    }
}
