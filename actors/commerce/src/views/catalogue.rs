//! Products and their SKUs as they are listed: of a shop, of a category, of a product.
//!
//! Only products that staff have put and that are on sale are listed. A SKU's row follows its
//! title, prices and the word of its availability, not its units: those are the SKU's own.

use codec::Packed;
use compact_str::CompactString;
use entity::{EntityKey, EventContext, Kind, Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use super::sort::{self, Key};
use super::{Entry, Listing, RowChange, Scan, Sort, moved};
use crate::money::Money;
use crate::product::{self, About, Status};
use crate::sku::{self, Availability, Left};
use crate::{keys, kinds};

/// The view's name.
pub const NAME: &str = "catalogue";
/// Version of its keys and rows.
pub const VERSION: u16 = 1;
/// The kinds that it takes.
pub const KINDS: &[Kind] = &[kinds::PRODUCT, kinds::SKU];

const PRODUCT: u8 = 1;
const PRODUCTS: u8 = 2;
const BY_CATEGORY: u8 = 3;
const SKU: u8 = 4;
const BY_PRODUCT: u8 = 5;

/// A product in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRow {
    /// When staff put it first; `None`: only SKUs name it so far.
    pub created: Option<Timestamp>,
    /// What staff say.
    pub about: Option<About>,
    /// Version of the product.
    pub version: u64,
}

/// A SKU in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuRow {
    /// Its product; empty before staff put it.
    pub product_id: CompactString,
    /// Its title.
    pub title: CompactString,
    /// Whether its product is off sale.
    pub archived: bool,
    /// The price of one unit by book, in order.
    pub prices: Vec<(CompactString, Money)>,
    /// Version of its prices; 0: it has none.
    pub price_version: u64,
    /// How much there is.
    pub availability: Availability,
    /// Version of the SKU when any of this changed last; the SKU's own moves on with its stock.
    pub version: u64,
}

impl SkuRow {
    /// A SKU of which nothing is known: without product, price and stock.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            product_id: CompactString::const_new(""),
            title: CompactString::const_new(""),
            archived: false,
            prices: Vec::new(),
            price_version: 0,
            availability: Availability::Out,
            version: 0,
        }
    }
}

/// Where the row of state of a product or a SKU stands.
#[must_use]
pub fn state_key(key: &EntityKey) -> Vec<u8> {
    let table = if key.kind == kinds::PRODUCT { PRODUCT } else { SKU };
    Key::of(table, &key.tenant).id(key).done()
}

/// What an event of a product or a SKU changes.
///
/// Errors: the event or the row of state is not one.
pub fn fold(
    ctx: &EventContext<'_>,
    event: &Packed,
    state: Option<&[u8]>,
) -> Result<Vec<RowChange>, codec::Error> {
    if ctx.key.kind == kinds::PRODUCT {
        fold_product(ctx, &codec::unpack(event)?, state)
    } else {
        fold_sku(ctx, &codec::unpack(event)?, state)
    }
}

fn fold_product(
    ctx: &EventContext<'_>,
    event: &product::Event,
    state: Option<&[u8]>,
) -> Result<Vec<RowChange>, codec::Error> {
    let before: Option<ProductRow> = state.map(codec::from_bytes).transpose()?;
    let left = before.as_ref().map_or_else(Vec::new, |row| products_listed(ctx.key, row));
    let mut row = before.unwrap_or(ProductRow { created: None, about: None, version: 0 });
    row.version = ctx.version;
    match event {
        product::Event::Put(about) => {
            row.created = row.created.or(Some(ctx.at));
            row.about = Some(about.clone());
        }
        product::Event::SkuLinked { .. } | product::Event::SkuUnlinked { .. } => {}
    }
    let bytes = codec::to_bytes(&row)?;
    let mut changes = moved(&left, products_listed(ctx.key, &row), &bytes);
    changes.push((state_key(ctx.key), Some(bytes)));
    Ok(changes)
}

/// The keys under which a product is listed.
fn products_listed(product: &EntityKey, row: &ProductRow) -> Vec<Vec<u8>> {
    let tenant = &product.tenant;
    match (row.created, &row.about) {
        (Some(created), Some(about)) if about.status == Status::Active => {
            let prefixes =
                [Key::of(PRODUCTS, tenant), Key::of(BY_CATEGORY, tenant).text(&about.category)];
            prefixes.map(|prefix| prefix.newest(created).id(product).done()).into()
        }
        (Some(_) | None, Some(_) | None) => Vec::new(),
    }
}

fn fold_sku(
    ctx: &EventContext<'_>,
    event: &sku::Event,
    state: Option<&[u8]>,
) -> Result<Vec<RowChange>, codec::Error> {
    let before: Option<SkuRow> = state.map(codec::from_bytes).transpose()?;
    let before = before.unwrap_or(const { SkuRow::unknown() });
    let mut row = before.clone();
    apply(&mut row, event);
    if row == before && state.is_some() {
        return Ok(Vec::new());
    }
    row.version = ctx.version;
    let bytes = codec::to_bytes(&row)?;
    let left = sku_listed(ctx.key, &before);
    let mut changes = moved(&left, sku_listed(ctx.key, &row), &bytes);
    changes.push((state_key(ctx.key), Some(bytes)));
    Ok(changes)
}

fn apply(row: &mut SkuRow, event: &sku::Event) {
    match event {
        sku::Event::Put { product_id, title } => {
            row.product_id.clone_from(product_id);
            row.title.clone_from(title);
        }
        sku::Event::ArchivedSet { archived } => row.archived = *archived,
        sku::Event::PriceSet { book, amount, price_version } => {
            row.price_version = *price_version;
            match row.prices.binary_search_by(|(name, _)| name.cmp(book)) {
                Ok(at) => row.prices.iter_mut().skip(at).take(1).for_each(|p| p.1 = *amount),
                Err(at) => row.prices.insert(at, (book.clone(), *amount)),
            }
        }
        sku::Event::PolicySet { left, .. }
        | sku::Event::Adjusted { left, .. }
        | sku::Event::Held { left, .. }
        | sku::Event::Resized { left, .. }
        | sku::Event::Grown { left, .. }
        | sku::Event::Released { left, .. }
        | sku::Event::Expired { left, .. }
        | sku::Event::Revoked { left, .. }
        | sku::Event::Shipped { left, .. }
        | sku::Event::Restocked { left, .. } => turn(row, *left),
        sku::Event::Pinned { .. }
        | sku::Event::Unpinned { .. }
        | sku::Event::Committed { .. }
        | sku::Event::Transferred { .. }
        | sku::Event::OwnersAsked { .. } => {}
    }
}

const fn turn(row: &mut SkuRow, left: Left) {
    if let Some(word) = left.turned {
        row.availability = word;
    }
}

/// The key under which a SKU is listed.
fn sku_listed(sku: &EntityKey, row: &SkuRow) -> Vec<Vec<u8>> {
    if row.product_id.is_empty() {
        return Vec::new();
    }
    vec![of_product(&sku.tenant, &row.product_id).id(sku).done()]
}

fn of_product(tenant: &Tenant, product_id: &str) -> Key {
    Key::of(BY_PRODUCT, tenant).text(product_id)
}

/// A list of products on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductList {
    /// The shop.
    pub tenant: Tenant,
    /// In this category; `None`: in all.
    pub category: Option<CompactString>,
    /// The order, by the time when staff put them first.
    pub sort: Sort,
}

impl ProductList {
    /// The product that an entry stands for; `None`: it is none.
    #[must_use]
    pub fn key(&self, entry: &Entry<ProductRow>) -> Option<EntityKey> {
        let (_, id) = sort::split_time(&entry.position)?;
        Some(keys::product(&self.tenant, &sort::read_text(id)?))
    }
}

impl Listing for ProductList {
    type Row = ProductRow;

    fn prefixes(&self) -> Vec<Vec<u8>> {
        let tenant = &self.tenant;
        let all = || Key::of(PRODUCTS, tenant).done();
        let of = |category: &CompactString| Key::of(BY_CATEGORY, tenant).text(category).done();
        vec![self.category.as_ref().map_or_else(all, of)]
    }

    fn times(&self) -> (Timestamp, Timestamp) {
        (Timestamp(0), Timestamp::MAX)
    }

    fn sort(&self) -> Sort {
        self.sort
    }

    fn read(&self, value: &[u8]) -> Result<ProductRow, codec::Error> {
        codec::from_bytes(value)
    }

    fn wants(&self, _row: &ProductRow) -> bool {
        true
    }

    fn is_filtered(&self) -> bool {
        false
    }
}

/// The row of a SKU by its code: key of its row of state.
#[must_use]
pub fn sku_row_key(tenant: &Tenant, code: &str) -> Vec<u8> {
    state_key(&keys::sku(tenant, code))
}

/// The rows of a product's SKUs, by code; a product has at most [`product::SKUS_MAX`].
#[must_use]
pub fn skus_of(tenant: &Tenant, product_id: &str) -> Scan {
    let from = of_product(tenant, product_id).done();
    let to = sort::after_all(&from).unwrap_or_else(|| vec![0xFF]);
    Scan { from, to, backward: false, limit: product::SKUS_MAX }
}

/// A row of [`skus_of`]: code and content. Errors: it is none.
pub fn read_sku(
    tenant: &Tenant,
    product_id: &str,
    key: &[u8],
    value: &[u8],
) -> Result<(String, SkuRow), codec::Error> {
    let prefix = of_product(tenant, product_id).done();
    let code = key.strip_prefix(prefix.as_slice()).and_then(sort::read_text);
    let code = code.ok_or_else(|| codec::Error::Decode("not a key of a SKU".into()))?;
    Ok((code, codec::from_bytes(value)?))
}

/// The categories of a shop that have products on sale, one scan of one row each: the row after
/// category `after` (`None`: from the first). [`category_of`] says which it is.
#[must_use]
pub fn next_category(tenant: &Tenant, after: Option<&str>) -> Scan {
    let all = Key::of(BY_CATEGORY, tenant).done();
    let behind = |category: &str| {
        sort::after_all(&Key::of(BY_CATEGORY, tenant).text(category).done())
            .unwrap_or_else(|| vec![0xFF])
    };
    let from = after.map_or_else(|| all.clone(), behind);
    let to = sort::after_all(&all).unwrap_or_else(|| vec![0xFF]);
    Scan { from, to, backward: false, limit: 1 }
}

/// The category in a row of [`next_category`], from its value.
///
/// Errors: the value is no product's.
pub fn category_of(value: &[u8]) -> Result<Option<CompactString>, codec::Error> {
    let row: ProductRow = codec::from_bytes(value)?;
    Ok(row.about.map(|about| about.category))
}
