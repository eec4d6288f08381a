//! A customer's state. Every list has a limit; the oldest entry goes first.

use codec::Stored;
use compact_str::CompactString;
use entity::{Affinity, EntityKey, EventContext, PrincipalKind, Tenant, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::address::Address;
use super::event::Event;
use super::points::{Level, Points};
use crate::kinds;

/// Addresses of a customer at the most (domain.md 15).
pub const ADDRESSES_MAX: usize = 50;

/// Orders that a customer remembers: the first page of the list.
pub const ORDERS_KEPT: usize = 40;

/// Carts that a customer remembers.
pub const CARTS_KEPT: usize = 20;

/// The key of an order of the same tenant, without what the tenant and the kind say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRef {
    /// Its affinity.
    pub affinity: Affinity,
    /// Its uuid.
    pub id: Uuid,
}

impl OrderRef {
    /// The order's key.
    #[must_use]
    pub const fn key(self, tenant: Tenant) -> EntityKey {
        EntityKey::derived(tenant, kinds::ORDER, self.affinity, self.id)
    }
}

/// An order that was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentOrder {
    /// The order.
    pub order: OrderRef,
    /// When it was placed.
    pub at: Timestamp,
}

/// Who the customer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What kind of party.
    pub kind: PrincipalKind,
    /// Who, by the token.
    pub subject: CompactString,
    /// Name.
    pub name: CompactString,
    /// Email address.
    pub email: CompactString,
    /// How far the buyer's clocks are ahead of UTC, in minutes.
    pub utc_offset_min: i16,
    /// Since when.
    pub created_at: Timestamp,
}

/// An address in the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAddress {
    /// Its id, chosen by the client.
    pub id: CompactString,
    /// Its version: the customer's when it was put, or became the default or ceased to be it, so
    /// that none is used twice.
    pub version: u64,
    /// Whether it is the default.
    pub is_default: bool,
    /// The address.
    pub address: Address,
}

/// A customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Who; a guest, or somebody who has not registered, has none.
    pub profile: Option<Profile>,
    /// The address book, in the order in which addresses were added.
    pub addresses: Vec<SavedAddress>,
    /// The newest orders, oldest first.
    pub orders: Vec<RecentOrder>,
    /// How many orders there ever were.
    pub n_orders: u64,
    /// Carts, oldest first: the newest, and of too many those that nobody placed.
    pub carts: Vec<EntityKey>,
    /// Sign-in points.
    pub points: Points,
    /// The customer's version when what the profile shows last changed: carts, orders and
    /// addresses leave it alone.
    pub profile_version: u64,
}

/// Before the profile had a version of its own.
#[derive(Serialize, Deserialize)]
struct CustomerV1 {
    profile: Option<Profile>,
    addresses: Vec<SavedAddress>,
    orders: Vec<RecentOrder>,
    n_orders: u64,
    carts: Vec<EntityKey>,
    points: Points,
}

impl Stored for Customer {
    const TYPE: codec::TypeId = 0x100 + kinds::CUSTOMER.0 * 16;
    const VERSION: u16 = 2;

    /// When an old profile changed is not known. Nobody was ever told version 0 of one.
    fn upcast(version: u16, bytes: &[u8]) -> Result<Self, codec::Error> {
        if version != 1 {
            return Err(codec::Error::Version { type_id: Self::TYPE, version });
        }
        let CustomerV1 { profile, addresses, orders, n_orders, carts, points } =
            codec::from_bytes(bytes)?;
        Ok(Self { profile, addresses, orders, n_orders, carts, points, profile_version: 0 })
    }
}

impl Customer {
    /// An address by its id.
    #[must_use]
    pub fn address(&self, id: &str) -> Option<&SavedAddress> {
        self.addresses.iter().find(|saved| saved.id == id)
    }

    /// Applies an event.
    pub(super) fn apply(&mut self, ctx: &EventContext<'_>, event: &Event) {
        match event {
            Event::Registered { kind, subject, name, email, utc_offset_min } => {
                self.profile = Some(Profile {
                    kind: *kind,
                    subject: subject.clone(),
                    name: name.clone(),
                    email: email.clone(),
                    utc_offset_min: *utc_offset_min,
                    created_at: ctx.at,
                });
                self.profile_version = ctx.version;
            }
            Event::Updated { name, email } => {
                if let Some(profile) = &mut self.profile {
                    profile.name.clone_from(name);
                    profile.email.clone_from(email);
                }
                self.profile_version = ctx.version;
            }
            Event::AddressPut { id, address, as_default } => {
                self.put_address(ctx, id, address, *as_default);
            }
            Event::AddressDeleted { id } => self.delete_address(ctx, id),
            Event::SignedIn(grant) => {
                let before = Level::of(self.points.earned);
                self.points.book(*grant);
                if Level::of(self.points.earned) != before {
                    self.profile_version = ctx.version;
                }
            }
            Event::OrderRecorded { order, at } => {
                push_bounded(&mut self.orders, RecentOrder { order: *order, at: *at }, ORDERS_KEPT);
                self.n_orders = self.n_orders.saturating_add(1);
            }
            Event::CartOpened { cart } => self.open_cart(cart),
        }
    }

    /// One more cart. Of too many the oldest goes that was placed, as far as orders are remembered;
    /// one that nobody placed may be open.
    fn open_cart(&mut self, cart: &EntityKey) {
        if self.carts.len() >= CARTS_KEPT {
            let was_placed = |cart: &EntityKey| {
                self.orders.iter().any(|recent| recent.order.affinity == cart.affinity)
            };
            self.carts.remove(self.carts.iter().position(was_placed).unwrap_or(0));
        }
        self.carts.push(cart.clone());
    }

    fn put_address(
        &mut self,
        ctx: &EventContext<'_>,
        id: &CompactString,
        address: &Address,
        as_default: bool,
    ) {
        let version = ctx.version;
        if as_default {
            for saved in self.addresses.iter_mut().filter(|saved| saved.is_default) {
                (saved.is_default, saved.version) = (false, version);
            }
        }
        match self.addresses.iter_mut().find(|saved| saved.id == *id) {
            Some(saved) => {
                saved.version = version;
                saved.is_default |= as_default;
                saved.address.clone_from(address);
            }
            None => self.addresses.push(SavedAddress {
                id: id.clone(),
                version,
                is_default: as_default,
                address: address.clone(),
            }),
        }
    }

    /// The oldest address becomes the default when the default goes.
    fn delete_address(&mut self, ctx: &EventContext<'_>, id: &str) {
        self.addresses.retain(|saved| saved.id != id);
        if !self.addresses.iter().any(|saved| saved.is_default)
            && let Some(first) = self.addresses.first_mut()
        {
            (first.is_default, first.version) = (true, ctx.version);
        }
    }

    /// Bytes on the heap, roughly; a few hundred for each address.
    pub(super) const fn bytes_held(&self) -> usize {
        let address_bytes = size_of::<SavedAddress>().saturating_add(200);
        self.addresses
            .len()
            .saturating_mul(address_bytes)
            .saturating_add(self.orders.capacity().saturating_mul(size_of::<RecentOrder>()))
            .saturating_add(self.carts.capacity().saturating_mul(size_of::<EntityKey>()))
    }
}

fn push_bounded<T>(items: &mut Vec<T>, item: T, max: usize) {
    if items.len() >= max {
        items.remove(0);
    }
    items.push(item);
}
