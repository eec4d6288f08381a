//! What a SKU can be asked, what it shows, and how it refuses.

use compact_str::CompactString;
use entity::{Answer, Context, EntityKey, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::access::is_staff;
use super::event::{Availability, MovementKind};
use super::hold::{Hold, Phase};
use super::shelf::Shelves;
use super::text::Invalid;
use super::{DEFAULT_BOOK, Sku, limits};
use crate::money::Money;
use crate::protocol::{Location, Split};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// Anyone: title, default price, availability.
    Get,
    /// Anyone: the price in a book.
    Price {
        /// The book.
        book: CompactString,
    },
    /// Staff (`stock:read`): stock at every location.
    Stock,
    /// Staff (`stock:read`): holds by id, live ones and the memory of ended ones.
    Holds {
        /// The last one of the page before.
        after: Option<Uuid>,
        /// At most so many, and at most [`limits::PAGE_MAX`].
        limit: u32,
    },
    /// Staff (`stock:read`): the newest movements first; the SKU keeps
    /// [`limits::MOVEMENTS_KEPT`].
    Movements {
        /// Only those with a lower number.
        before: Option<u64>,
        /// At most so many, and at most [`limits::PAGE_MAX`].
        limit: u32,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// To [`Query::Get`].
    Sku(SkuView),
    /// To [`Query::Price`].
    Price(PriceView),
    /// To [`Query::Stock`].
    Stock(StockView),
    /// To [`Query::Holds`].
    Holds {
        /// The page.
        holds: Vec<HoldView>,
        /// Whether more follow.
        has_more: bool,
    },
    /// To [`Query::Movements`].
    Movements {
        /// The page.
        movements: Vec<MovementView>,
        /// Whether it keeps older ones; the first one has number 1.
        has_more: bool,
    },
}

/// The public SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuView {
    /// Its code.
    pub sku: CompactString,
    /// Its product.
    pub product_id: CompactString,
    /// Its title.
    pub title: CompactString,
    /// Its price in the default book.
    pub price: Option<Money>,
    /// Version of its prices; 0: it has none.
    pub price_version: u64,
    /// How much there is.
    pub availability: Availability,
    /// Whether its product is off sale.
    pub archived: bool,
    /// Version of the SKU.
    pub version: u64,
}

/// A price of the SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceView {
    /// The book.
    pub book: CompactString,
    /// The SKU's code.
    pub sku: CompactString,
    /// The price of one unit.
    pub amount: Money,
    /// The SKU's price version.
    pub version: u64,
}

/// The SKU's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockView {
    /// The SKU's code.
    pub sku: CompactString,
    /// Version of the SKU.
    pub version: u64,
    /// Units that one hold could take.
    pub available: u64,
    /// By location, ordered by name.
    pub locations: Vec<LocationView>,
}

/// Stock at a location, in units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationView {
    /// The location.
    pub location: Location,
    /// There.
    pub on_hand: i64,
    /// Kept back.
    pub safety: i64,
    /// May be sold beyond what is on hand.
    pub oversell_limit: i64,
    /// Held.
    pub held: i64,
    /// Pinned.
    pub pinned: i64,
    /// Sold, not yet shipped.
    pub committed: i64,
    /// May be held; negative after a count that found too few.
    pub sellable: i64,
}

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldState {
    /// It expires.
    Held,
    /// It does not expire.
    Pinned,
    /// Sold.
    Committed,
    /// Shipped.
    Consumed,
    /// Given back.
    Released,
    /// Its time was over, or a stock count took it away.
    Expired,
    /// Sold, and then not wanted.
    Restocked,
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// The hold.
    pub id: Uuid,
    /// Whose it is.
    pub owner: EntityKey,
    /// Where it stands.
    pub state: HoldState,
    /// Live: units that it keeps now. Ended: units of its last generation.
    pub qty_by_location: Split,
    /// When it expires, if it does.
    pub expires_at: Option<Timestamp>,
}

/// A change of units on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovementView {
    /// Its number within the SKU, from 1.
    pub number: u64,
    /// Why.
    pub kind: MovementKind,
    /// Where.
    pub location: Location,
    /// Signed change of the units on hand.
    pub qty: i64,
    /// When.
    pub at: Timestamp,
}

/// How a SKU says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// There is no such SKU, or no such price.
    NotFound,
    /// Not for this principal, or not by this way.
    Forbidden,
    /// Not the expected version.
    VersionMismatch {
        /// The present version (of the prices, for a price).
        version: u64,
    },
    /// Fewer than no units would be on hand.
    NegativeOnHand {
        /// Units that are on hand.
        on_hand: i64,
    },
    /// A field is not acceptable.
    Validation {
        /// Which: `/title`.
        pointer: CompactString,
        /// Why, for programs.
        code: CompactString,
        /// Why, for people.
        detail: CompactString,
    },
    /// The price passes the limit of amounts.
    MoneyOverflow,
    /// The hold is committed: it is shipped or restocked, not released or unpinned.
    AlreadyCommitted {
        /// The hold.
        hold_id: Uuid,
    },
    /// Fewer units are committed, or were shipped, than are to come back.
    NotThatMany {
        /// The hold.
        hold_id: Uuid,
    },
}

impl Rejection {
    /// The refusal of a field.
    pub(super) const fn invalid(
        pointer: &'static str,
        code: &'static str,
        detail: &'static str,
    ) -> Self {
        Self::Validation {
            pointer: CompactString::const_new(pointer),
            code: CompactString::const_new(code),
            detail: CompactString::const_new(detail),
        }
    }
}

impl From<Invalid> for Rejection {
    fn from(Invalid { pointer, code, detail }: Invalid) -> Self {
        Self::invalid(pointer, code, detail)
    }
}

pub(super) fn answer(sku: &Sku, ctx: &Context<'_>, query: &Query) -> Answer<View, Rejection> {
    if sku.about.is_none() {
        return Answer::Rejected(Rejection::NotFound);
    }
    let for_staff = match query {
        Query::Get | Query::Price { .. } => false,
        Query::Stock | Query::Holds { .. } | Query::Movements { .. } => true,
    };
    if for_staff && !is_staff(ctx, Scope::StockRead) {
        return Answer::Rejected(Rejection::Forbidden);
    }
    match query {
        Query::Get => Answer::Ready(View::Sku(sku.view())),
        Query::Price { book } => match sku.price_view(book) {
            Some(price) => Answer::Ready(View::Price(price)),
            None => Answer::Rejected(Rejection::NotFound),
        },
        Query::Stock => Answer::Ready(View::Stock(sku.stock_view(&sku.shelves, sku.version))),
        Query::Holds { after, limit } => Answer::Ready(holds(sku, ctx, *after, page(*limit))),
        Query::Movements { before, limit } => Answer::Ready(movements(sku, *before, page(*limit))),
    }
}

impl Sku {
    pub(super) fn view(&self) -> SkuView {
        let about = self.about.clone().unwrap_or_default();
        SkuView {
            sku: self.code.clone(),
            product_id: about.product_id,
            title: about.title,
            price: self.prices.get(DEFAULT_BOOK).copied(),
            price_version: self.price_version,
            availability: Availability::of(self.shelves.available()),
            archived: self.archived,
            version: self.version,
        }
    }

    pub(super) fn price_view(&self, book: &str) -> Option<PriceView> {
        self.prices.get_key_value(book).map(|(book, amount)| PriceView {
            book: book.clone(),
            sku: self.code.clone(),
            amount: *amount,
            version: self.price_version,
        })
    }

    /// The stock, as `shelves` are at `version`.
    pub(super) fn stock_view(&self, shelves: &Shelves, version: u64) -> StockView {
        let mut locations: Vec<_> = shelves
            .iter()
            .map(|shelf| LocationView {
                location: shelf.name.clone(),
                on_hand: shelf.on_hand,
                safety: shelf.safety,
                oversell_limit: shelf.oversell_limit,
                held: shelf.held,
                pinned: shelf.pinned,
                committed: shelf.committed,
                sellable: shelf.sellable(),
            })
            .collect();
        locations.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        StockView { sku: self.code.clone(), version, available: shelves.available(), locations }
    }
}

fn page(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX).clamp(1, limits::PAGE_MAX)
}

fn holds(sku: &Sku, ctx: &Context<'_>, after: Option<Uuid>, limit: usize) -> View {
    let mut found = sku.holds.page(after);
    let holds =
        found.by_ref().take(limit).map(|(id, hold)| hold_view(sku, ctx, id, hold)).collect();
    View::Holds { holds, has_more: found.next().is_some() }
}

fn hold_view(sku: &Sku, ctx: &Context<'_>, id: Uuid, hold: &Hold) -> HoldView {
    let kept = hold.open().plus(&hold.sold());
    let parts = if kept.is_empty() { &hold.parts } else { &kept };
    HoldView {
        id,
        owner: hold.owner(&ctx.key.tenant),
        state: state_of(hold),
        qty_by_location: sku.shelves.named(parts),
        expires_at: (hold.phase == Phase::Held).then_some(hold.due),
    }
}

fn state_of(hold: &Hold) -> HoldState {
    match hold.phase {
        Phase::Held => HoldState::Held,
        Phase::Pinned => HoldState::Pinned,
        Phase::Committed | Phase::Expired | Phase::Released if !hold.sold().is_empty() => {
            HoldState::Committed
        }
        Phase::Committed | Phase::Expired | Phase::Released => match &hold.more {
            Some(_) if hold.has_shipped() => HoldState::Consumed,
            Some(_) => HoldState::Restocked,
            None if hold.phase == Phase::Expired => HoldState::Expired,
            None => HoldState::Released,
        },
    }
}

fn movements(sku: &Sku, before: Option<u64>, limit: usize) -> View {
    let before = before.unwrap_or(u64::MAX);
    let mut found = sku.movements.iter().rev().filter(|movement| movement.number < before);
    let movements = found.by_ref().take(limit).cloned().collect();
    View::Movements { movements, has_more: found.next().is_some() }
}
