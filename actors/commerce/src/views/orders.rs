//! Orders as they are listed: of a customer, and of a shop by status and payment.
//!
//! Filters that are indexed: customer, status, payment status, time. A row holds the words of the
//! order, not the order; the words may be older than the order's by the view's lag.

use codec::Packed;
use entity::{Affinity, EntityKey, EventContext, Kind, PrincipalKind, Tenant, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sort::{self, Key};
use super::{Entry, Listing, RowChange, Sort, moved};
use crate::order::{Event, Fact, FulfilmentStatus, PaymentStatus, Status};
use crate::{keys, kinds};

/// The view's name.
pub const NAME: &str = "orders";
/// Version of its keys and rows.
pub const VERSION: u16 = 2;
/// The kinds that it takes.
pub const KINDS: &[Kind] = &[kinds::ORDER];

const STATE: u8 = 1;
const BY_CUSTOMER: u8 = 2;
const ALL: u8 = 3;
const BY_STATUS: u8 = 4;
const BY_PAYMENT: u8 = 5;

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// When it was placed.
    pub created: Timestamp,
    /// Its customer's or guest's id.
    pub customer: (Affinity, Uuid),
    /// What kind of party that is.
    pub owner_kind: PrincipalKind,
    /// Public status.
    pub status: Status,
    /// Whether it is on hold.
    pub on_hold: bool,
    /// What the money says.
    pub payment: PaymentStatus,
    /// What the goods say.
    pub fulfilment: FulfilmentStatus,
}

/// Where an order's row of state stands.
#[must_use]
pub fn state_key(order: &EntityKey) -> Vec<u8> {
    Key::of(STATE, &order.tenant).id(order).done()
}

/// What an event of an order changes. Most change nothing: they leave the words as they were.
///
/// Errors: the event or the row of state is not one.
pub fn fold(
    ctx: &EventContext<'_>,
    event: &Packed,
    state: Option<&[u8]>,
) -> Result<Vec<RowChange>, codec::Error> {
    let event: Event = codec::unpack(event)?;
    let before: Option<OrderRow> = state.map(codec::from_bytes).transpose()?;
    let Some(row) = next(before.as_ref(), ctx, &event) else { return Ok(Vec::new()) };
    if before.as_ref() == Some(&row) {
        return Ok(Vec::new());
    }
    let bytes = codec::to_bytes(&row)?;
    let left = before.map_or_else(Vec::new, |before| listed(ctx.key, &before));
    let mut changes = moved(&left, listed(ctx.key, &row), &bytes);
    changes.push((state_key(ctx.key), Some(bytes)));
    Ok(changes)
}

/// The row after an event; `None` before the order is placed.
fn next(before: Option<&OrderRow>, ctx: &EventContext<'_>, event: &Event) -> Option<OrderRow> {
    let after = event.after;
    let (created, customer, owner_kind) = if let Fact::Placed(terms) = &event.fact {
        let customer = terms.owner.customer(&ctx.key.tenant);
        (ctx.at, uuid_of(&customer)?, terms.owner.kind)
    } else {
        before.map(|row| (row.created, row.customer, row.owner_kind))?
    };
    Some(OrderRow {
        created,
        customer,
        owner_kind,
        status: after.status,
        on_hold: after.on_hold,
        payment: after.payment,
        fulfilment: after.fulfilment,
    })
}

/// The keys under which a row is listed.
fn listed(order: &EntityKey, row: &OrderRow) -> Vec<Vec<u8>> {
    let tenant = &order.tenant;
    let prefixes = [
        of_customer(tenant, row.customer),
        Key::of(ALL, tenant),
        of_status(tenant, row.status),
        of_payment(tenant, row.payment),
    ];
    prefixes.map(|prefix| prefix.newest(row.created).id(order).done()).into()
}

fn of_customer(tenant: &Tenant, (affinity, uuid): (Affinity, Uuid)) -> Key {
    Key::of(BY_CUSTOMER, tenant).id(&EntityKey::derived(
        tenant.clone(),
        kinds::CUSTOMER,
        affinity,
        uuid,
    ))
}

fn of_status(tenant: &Tenant, status: Status) -> Key {
    let code = match status {
        Status::Processing => 1,
        Status::AwaitingPayment => 2,
        Status::Confirmed => 3,
        Status::InFulfilment => 4,
        Status::Fulfilled => 5,
        Status::Completed => 6,
        Status::Cancelling => 7,
        Status::Cancelled => 8,
    };
    Key::of(BY_STATUS, tenant).byte(code)
}

fn of_payment(tenant: &Tenant, payment: PaymentStatus) -> Key {
    let code = match payment {
        PaymentStatus::None => 1,
        PaymentStatus::Authorised => 2,
        PaymentStatus::PartiallyPaid => 3,
        PaymentStatus::Paid => 4,
        PaymentStatus::CodDue => 5,
        PaymentStatus::Overpaid => 6,
        PaymentStatus::PartiallyRefunded => 7,
        PaymentStatus::Refunded => 8,
        PaymentStatus::Voided => 9,
        PaymentStatus::Disputed => 10,
    };
    Key::of(BY_PAYMENT, tenant).byte(code)
}

const fn uuid_of(key: &EntityKey) -> Option<(Affinity, Uuid)> {
    match key.id {
        entity::EntityId::Uuid(uuid) => Some((key.affinity, uuid)),
        entity::EntityId::Name(_) => None,
    }
}

/// Whose orders are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// The customer's or guest's id.
    pub id: (Affinity, Uuid),
    /// What kind of party; `None`: whichever (staff asks by the id alone).
    pub kind: Option<PrincipalKind>,
}

impl Buyer {
    /// The buyer behind a token's subject.
    #[must_use]
    pub fn of(tenant: &Tenant, kind: PrincipalKind, subject: &str) -> Option<Self> {
        let id = uuid_of(&keys::customer(tenant, kind, subject))?;
        Some(Self { id, kind: Some(kind) })
    }
}

/// A list of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderList {
    /// The shop.
    pub tenant: Tenant,
    /// Whose; `None`: everybody's.
    pub buyer: Option<Buyer>,
    /// With one of these; empty: any.
    pub status: Vec<Status>,
    /// With one of these; empty: any.
    pub payment: Vec<PaymentStatus>,
    /// Placed at this time or later.
    pub from: Timestamp,
    /// Placed at this time or earlier.
    pub to: Timestamp,
    /// The order.
    pub sort: Sort,
}

impl OrderList {
    /// All orders of a shop, newest first.
    #[must_use]
    pub const fn all(tenant: Tenant) -> Self {
        Self {
            tenant,
            buyer: None,
            status: Vec::new(),
            payment: Vec::new(),
            from: Timestamp(0),
            to: Timestamp::MAX,
            sort: Sort::NewestFirst,
        }
    }

    /// The order that an entry stands for; `None`: it is none.
    #[must_use]
    pub fn key(&self, entry: &Entry<OrderRow>) -> Option<EntityKey> {
        let (_, id) = sort::split_time(&entry.position)?;
        let (affinity, uuid) = sort::read_id(id)?;
        Some(EntityKey::derived(self.tenant.clone(), kinds::ORDER, affinity, uuid))
    }
}

impl Listing for OrderList {
    type Row = OrderRow;

    /// The narrowest index there is: the customer's, else that of the status, else the payment's.
    fn prefixes(&self) -> Vec<Vec<u8>> {
        let tenant = &self.tenant;
        let mut prefixes: Vec<_> = match (&self.buyer, &self.status[..], &self.payment[..]) {
            (Some(buyer), ..) => vec![of_customer(tenant, buyer.id).done()],
            (None, [], []) => vec![Key::of(ALL, tenant).done()],
            (None, [], payment) => payment.iter().map(|p| of_payment(tenant, *p).done()).collect(),
            (None, status, _) => status.iter().map(|s| of_status(tenant, *s).done()).collect(),
        };
        prefixes.sort();
        prefixes.dedup();
        prefixes
    }

    fn times(&self) -> (Timestamp, Timestamp) {
        (self.from, self.to)
    }

    fn sort(&self) -> Sort {
        self.sort
    }

    fn read(&self, value: &[u8]) -> Result<OrderRow, codec::Error> {
        codec::from_bytes(value)
    }

    fn wants(&self, row: &OrderRow) -> bool {
        let kind = self.buyer.as_ref().and_then(|buyer| buyer.kind);
        (self.status.is_empty() || self.status.contains(&row.status))
            && (self.payment.is_empty() || self.payment.contains(&row.payment))
            && kind.is_none_or(|kind| kind == row.owner_kind)
    }

    fn is_filtered(&self) -> bool {
        let (by_status, by_payment) = (!self.status.is_empty(), !self.payment.is_empty());
        match self.buyer {
            Some(_) => by_status || by_payment,
            None => by_status && by_payment,
        }
    }
}
