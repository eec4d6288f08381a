//! What a customer shows.

use entity::{Answer, Context, EntityKey, Scope};
use serde::{Deserialize, Serialize};

use super::command::Rejection;
use super::day::Day;
use super::decide::admits;
use super::points::{Level, Points};
use super::state::{Customer, Profile, RecentOrder, SavedAddress};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The profile. Not there before it was registered.
    Me,
    /// The address book.
    Addresses,
    /// The newest orders.
    Orders,
    /// The carts that are remembered, whether they are open or not.
    Carts,
    /// The points.
    Points,
    /// All of it.
    Overview,
    /// The newest orders, once the customer has a later version.
    Newer {
        /// The version that the caller has.
        than_version: u64,
    },
}

/// The profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeView {
    /// The customer's key.
    pub key: EntityKey,
    /// The profile's version: the customer's when this last changed.
    pub version: u64,
    /// Who.
    pub profile: Profile,
    /// Membership level.
    pub level: Level,
}

/// The points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsView {
    /// The customer's version.
    pub version: u64,
    /// The customer's day now.
    pub today: Day,
    /// Whether it was granted.
    pub is_signed_in: bool,
    /// The points.
    pub points: Points,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverviewView {
    /// The customer's key.
    pub key: EntityKey,
    /// The customer's version.
    pub version: u64,
    /// The profile, once there is one.
    pub me: Option<MeView>,
    /// The address book.
    pub addresses: Vec<SavedAddress>,
    /// The newest orders, newest first.
    pub orders: Vec<RecentOrder>,
    /// How many orders there ever were.
    pub n_orders: u64,
    /// The carts that are remembered, newest first.
    pub carts: Vec<EntityKey>,
    /// The points.
    pub points: PointsView,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// The profile.
    Me(Box<MeView>),
    /// The address book, oldest first.
    Addresses(Vec<SavedAddress>),
    /// The newest orders, newest first.
    Orders(Vec<RecentOrder>),
    /// The carts that are remembered, newest first.
    Carts(Vec<EntityKey>),
    /// The points.
    Points(PointsView),
    /// All of it.
    Overview(Box<OverviewView>),
}

/// Answers a question. Another customer is not there.
pub(super) fn answer(
    ctx: &Context<'_>,
    customer: &Customer,
    query: &Query,
) -> Answer<View, Rejection> {
    if !admits(ctx, Scope::OrdersRead) {
        return Answer::Rejected(Rejection::NotFound);
    }
    Answer::Ready(match query {
        Query::Me => match me(ctx, customer) {
            Some(me) => View::Me(Box::new(me)),
            None => return Answer::Rejected(Rejection::NotFound),
        },
        Query::Addresses => View::Addresses(customer.addresses.clone()),
        Query::Orders => View::Orders(orders(customer)),
        Query::Newer { than_version } => {
            let view = View::Orders(orders(customer));
            let is_newer = ctx.version > *than_version;
            return if is_newer { Answer::Ready(view) } else { Answer::NotYet(view) };
        }
        Query::Carts => View::Carts(carts(customer)),
        Query::Points => View::Points(points(ctx, customer)),
        Query::Overview => View::Overview(Box::new(OverviewView {
            key: ctx.key.clone(),
            version: ctx.version,
            me: me(ctx, customer),
            addresses: customer.addresses.clone(),
            orders: orders(customer),
            n_orders: customer.n_orders,
            carts: carts(customer),
            points: points(ctx, customer),
        })),
    })
}

fn me(ctx: &Context<'_>, customer: &Customer) -> Option<MeView> {
    customer.profile.as_ref().map(|profile| MeView {
        key: ctx.key.clone(),
        version: customer.profile_version,
        profile: profile.clone(),
        level: Level::of(customer.points.earned),
    })
}

fn orders(customer: &Customer) -> Vec<RecentOrder> {
    customer.orders.iter().rev().copied().collect()
}

fn carts(customer: &Customer) -> Vec<EntityKey> {
    customer.carts.iter().rev().cloned().collect()
}

fn points(ctx: &Context<'_>, customer: &Customer) -> PointsView {
    let offset_min = customer.profile.as_ref().map_or(0, |profile| profile.utc_offset_min);
    let today = Day::of(ctx.now, offset_min);
    PointsView {
        version: ctx.version,
        today,
        is_signed_in: customer.points.last.is_some_and(|last| last.day == today),
        points: customer.points,
    }
}
