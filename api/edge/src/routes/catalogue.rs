//! The catalogue: products, SKUs and prices, read by everyone and written by staff.
//!
//! A product shows its SKUs with their prices, so its tag is a weak one over all versions inside,
//! `W/"v3-.."`. Its own version stands in front, so that a change of the product can name what was
//! read; a price that moved meanwhile is no obstacle, for the product does not keep it.

mod browse;
mod export;

use std::collections::BTreeMap;

use commerce::keys;
use commerce::product::{self, About, Product as ProductEntity, ProductView};
use commerce::sku::{self, Availability, DEFAULT_BOOK, Sku as SkuEntity, SkuView};
use entity::{EntityKey, Scope};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::{Money, SkuRef};
use crate::input::NoBody;
use crate::json::{Slug, Text};
use crate::limits;
use crate::operation::{Caching, Operation};
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::carts::read_money;
use crate::routes::common::{self, SKU_PARAM, if_version};
use crate::shop::Asker;

/// A product in a path.
pub(crate) const PRODUCT: Param =
    Param::new("id", ParamKind::Name { min: 1, max: 64 }, "A product's id.");

const BOOK: Param = Param::new("book", ParamKind::Name { min: 1, max: 64 }, "A price book.");

/// The currency that prices are wanted in.
pub(crate) const CURRENCY: Param =
    Param::new("currency", ParamKind::Name { min: 3, max: 3 }, "Currency of prices.");

const GET_PRODUCT: Operation = Operation::get("getProduct", "/v1/products/{id}")
    .about("Catalogue", "A product with its SKUs")
    .public()
    .params(&[PRODUCT])
    .query(&[CURRENCY])
    .codes(&[Code::CurrencyMismatch, Code::MoneyOverflow])
    .caching(Caching::Catalogue);

const GET_SKU: Operation = Operation::get("getSku", "/v1/skus/{sku}")
    .about("Catalogue", "A SKU with its price and whether there is any")
    .public()
    .params(&[SKU_PARAM])
    .query(&[CURRENCY])
    .codes(&[Code::CurrencyMismatch, Code::MoneyOverflow])
    .caching(Caching::Catalogue);

const PUT_PRODUCT: Operation = Operation::put("putProduct", "/v1/products/{id}")
    .about("Catalogue", "Makes or describes a product")
    .staff(Scope::CatalogueWrite)
    .params(&[PRODUCT])
    .statuses(&[200, 201])
    .if_match_as_read()
    .minimal();

const PUT_SKU: Operation = Operation::put("putSku", "/v1/skus/{sku}")
    .about(
        "Catalogue",
        "Makes or describes a SKU; its version is good until an edit, whatever is sold",
    )
    .staff(Scope::CatalogueWrite)
    .params(&[SKU_PARAM])
    .statuses(&[200, 201])
    .if_match()
    .minimal();

const PUT_PRICE: Operation = Operation::put("putPrice", "/v1/price-books/{book}/prices/{sku}")
    .about("Catalogue", "Sets the price of a SKU in a price book")
    .staff(Scope::CatalogueWrite)
    .params(&[BOOK, SKU_PARAM])
    .statuses(&[200, 201])
    .codes(&[Code::CurrencyMismatch, Code::MoneyOverflow])
    .if_match()
    .minimal();

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    let own = vec![
        route(&GET_PRODUCT, get_product),
        route(&GET_SKU, get_sku),
        route(&PUT_PRODUCT, put_product),
        route(&PUT_SKU, put_sku),
        route(&PUT_PRICE, put_price),
    ];
    [own, browse::routes(), export::routes()].concat()
}

common::object_word!(ProductWord = "product");
common::object_word!(SkuWord = "sku");
common::object_word!(PriceWord = "price");

/// Whether a product is sold.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProductStatus {
    Active,
    Archived,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AvailabilityWord {
    InStock,
    Low,
    Out,
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Product {
    #[schema(inline)]
    object: ProductWord,
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// Whether it is sold.
    status: ProductStatus,
    /// Its category.
    category: String,
    /// Its SKUs.
    skus: Vec<Sku>,
    /// Its version; that of its SKUs is their own.
    version: u64,
}

/// A SKU.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Sku {
    #[schema(inline)]
    object: SkuWord,
    /// Its code.
    sku: String,
    /// Its product.
    product_id: String,
    /// Its title.
    title: String,
    /// The price of one unit; null: it has none and is not for sale.
    price: Option<Money>,
    /// Version of the price; 0: it has none.
    price_version: u64,
    /// How much there is.
    availability: AvailabilityWord,
    /// Its version.
    version: u64,
}

/// A price.
#[derive(Debug, Serialize, ToSchema)]
struct Price {
    #[schema(inline)]
    object: PriceWord,
    /// The price book.
    book: String,
    /// The SKU.
    sku: String,
    /// The price of one unit.
    amount: Money,
    /// The SKU's price version.
    version: u64,
}

/// What staff says of a product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProductBody {
    /// Its title.
    title: Text<1, 200>,
    /// Whether it is sold.
    status: ProductStatus,
    /// Its category.
    category: Slug<64>,
}

/// What staff says of a SKU.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SkuBody {
    /// The product that it belongs to.
    product_id: Slug<64>,
    /// Its title.
    title: Text<1, 200>,
}

/// A price as written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PriceBody {
    /// The price of one unit, not negative.
    amount: Money,
}

impl Sku {
    fn new(view: &SkuView) -> Result<Self, Problem> {
        Ok(Self {
            object: SkuWord::Word,
            sku: view.sku.to_string(),
            product_id: view.product_id.to_string(),
            title: view.title.to_string(),
            price: view.price.map(common::money).transpose()?,
            price_version: view.price_version,
            availability: match (view.archived, view.availability) {
                (true, _) | (false, Availability::Out) => AvailabilityWord::Out,
                (false, Availability::Low) => AvailabilityWord::Low,
                (false, Availability::InStock) => AvailabilityWord::InStock,
            },
            version: view.version,
        })
    }
}

fn sku_key<B>(call: &Call<B>) -> EntityKey {
    keys::sku(&call.caller.tenant, call.path.expect("sku"))
}

fn product_key<B>(call: &Call<B>) -> EntityKey {
    keys::product(&call.caller.tenant, call.path.expect("id"))
}

/// Refuses prices in another currency than the shop sells in.
pub(crate) fn check_currency<B>(call: &Call<B>) -> Result<(), Problem> {
    match call.query.get("currency") {
        Some(asked) if asked != call.edge.shop().terms().ccy.code() => {
            Err(Problem::new(Code::CurrencyMismatch).detail("the shop has no prices in it"))
        }
        Some(_) | None => Ok(()),
    }
}

async fn read_sku<B>(call: &Call<B>, asker: &Asker, key: &EntityKey) -> Result<SkuView, Problem> {
    let seen = call.edge.shop().query::<SkuEntity>(asker, key, &sku::Query::Get, 0).await?;
    match seen.view {
        sku::View::Sku(view) => Ok(view),
        other @ (sku::View::Price(_)
        | sku::View::Stock(_)
        | sku::View::Holds { .. }
        | sku::View::Movements { .. }) => Err(common::unexpected(&other)),
    }
}

/// A product with its SKUs, and the tag over all versions inside.
pub(crate) async fn read_product<B>(
    call: &Call<B>,
    key: &EntityKey,
) -> Result<(Product, String), Problem> {
    let asker = call.asker();
    let query = product::Query::Get;
    let seen = call.edge.shop().query::<ProductEntity>(&asker, key, &query, 0).await?;
    let product::View::Product(view) = seen.view;
    with_skus(call, &asker, view).await
}

async fn with_skus<B>(
    call: &Call<B>,
    asker: &Asker,
    view: ProductView,
) -> Result<(Product, String), Problem> {
    let codes: Vec<EntityKey> =
        view.skus.iter().map(|code| keys::sku(&call.caller.tenant, code)).collect();
    let reads = codes.iter().map(|key| read_sku(call, asker, key));
    let reads: Vec<_> =
        futures_util::stream::iter(reads).buffered(limits::READS_AT_ONCE).collect().await;
    let mut skus = Vec::with_capacity(reads.len());
    for read in reads {
        match read {
            // A SKU tells its product before it is described itself.
            Err(problem) if problem.code() == Code::NotFound => {}
            read => skus.push(Sku::new(&read?)?),
        }
    }
    let versions: Vec<_> = skus.iter().map(|sku| (&sku.sku, sku.version)).collect();
    let tag = common::weak_tag_of(view.version, &versions);
    Ok((show(view, skus), tag))
}

/// Puts whole SKUs in place of their codes, and gives the tag over all versions inside; `version`
/// is that of the thing around them.
pub(crate) async fn expand_skus<'a, B>(
    call: &Call<B>,
    version: u64,
    places: impl Iterator<Item = &'a mut SkuRef>,
) -> Result<String, Problem> {
    let inside = whole_skus(call, places).await?;
    Ok(common::weak_tag_of(version, &inside))
}

/// Puts whole SKUs in place of their codes, and gives their versions. A SKU that several places
/// name is read once.
pub(crate) async fn whole_skus<'a, B>(
    call: &Call<B>,
    places: impl Iterator<Item = &'a mut SkuRef>,
) -> Result<Vec<(String, u64)>, Problem> {
    let asker = call.asker();
    let mut by_code: BTreeMap<String, Vec<&'a mut SkuRef>> = BTreeMap::new();
    for place in places {
        let SkuRef::Code(code) = &*place else { continue };
        let code = code.clone();
        by_code.entry(code).or_default().push(place);
    }
    let keys: Vec<EntityKey> =
        by_code.keys().map(|code| keys::sku(&call.caller.tenant, code)).collect();
    let reads = keys.iter().map(|key| read_sku(call, &asker, key));
    let reads: Vec<_> =
        futures_util::stream::iter(reads).buffered(limits::READS_AT_ONCE).collect().await;
    let mut versions = Vec::with_capacity(reads.len());
    for (places, read) in by_code.into_values().zip(reads) {
        match read {
            // A cart may name a SKU that there is not.
            Err(problem) if problem.code() == Code::NotFound => {}
            read => {
                let sku = Sku::new(&read?)?;
                versions.push((sku.sku.clone(), sku.version));
                for place in places {
                    *place = SkuRef::Whole(Box::new(sku.clone()));
                }
            }
        }
    }
    Ok(versions)
}

fn show(view: ProductView, skus: Vec<Sku>) -> Product {
    Product {
        object: ProductWord::Word,
        id: view.id.into_string(),
        title: view.title.into_string(),
        status: match view.status {
            product::Status::Active => ProductStatus::Active,
            product::Status::Archived => ProductStatus::Archived,
        },
        category: view.category.into_string(),
        skus,
        version: view.version,
    }
}

async fn get_product(call: Call<NoBody>) -> Result<Reply<Json<Product>>, Problem> {
    check_currency(&call)?;
    let (product, tag) = read_product(&call, &product_key(&call)).await?;
    let surrogate = format!("{}/product/{}", call.caller.tenant, product.id);
    Ok(Reply::ok(product).tag(tag).header(common::SURROGATE_KEY, surrogate))
}

async fn get_sku(call: Call<NoBody>) -> Result<Reply<Json<Sku>>, Problem> {
    check_currency(&call)?;
    let view = read_sku(&call, &call.asker(), &sku_key(&call)).await?;
    let surrogate = format!("{}/product/{}", call.caller.tenant, view.product_id);
    let reply = Reply::ok(Sku::new(&view)?).version(view.version);
    Ok(reply.header(common::SURROGATE_KEY, surrogate))
}

async fn put_product(call: Call<Json<ProductBody>>) -> Result<Reply<Json<Product>>, Problem> {
    let body = &call.body.0;
    let about = About {
        title: (&*body.title).into(),
        status: match body.status {
            ProductStatus::Active => product::Status::Active,
            ProductStatus::Archived => product::Status::Archived,
        },
        category: (&*body.category).into(),
    };
    let command = product::Command::Put { about, if_version: if_version(call.condition) };
    let key = product_key(&call);
    let asker = call.asker();
    let reply = call.edge.shop().ask::<ProductEntity>(&asker, &key, &command).await?;
    let product::Reply::Product(view) = reply.value;
    let (product, _) = with_skus(&call, &asker, view).await?;
    let path = format!("/v1/products/{}", product.id);
    let shown = if reply.version == 1 { Reply::created(product) } else { Reply::ok(product) };
    // No read has this tag, for the SKUs are not in it: the next change may name it all the same.
    Ok(shown.version(reply.version).location(path))
}

async fn put_sku(call: Call<Json<SkuBody>>) -> Result<Reply<Json<Sku>>, Problem> {
    let body = &call.body.0;
    let command = sku::Command::PutSku {
        product_id: (&*body.product_id).into(),
        title: (&*body.title).into(),
        if_version: if_version(call.condition),
    };
    let (asker, key) = (call.asker(), sku_key(&call));
    let reply = call.edge.shop().ask::<SkuEntity>(&asker, &key, &command).await?;
    // What this write made, and not what somebody made of it since: its tag is for the next one.
    let view = match reply.value {
        sku::Reply::Sku(view) => view,
        other @ (sku::Reply::Price(_) | sku::Reply::Stock(_) | sku::Reply::Adjusted { .. }) => {
            return Err(common::unexpected(&other));
        }
    };
    let sku = Sku::new(&view)?;
    let shown = if reply.version == 1 { Reply::created(sku) } else { Reply::ok(sku) };
    Ok(shown.version(view.version).location(format!("/v1/skus/{}", view.sku)))
}

async fn put_price(call: Call<Json<PriceBody>>) -> Result<Reply<Json<Price>>, Problem> {
    let amount = read_money(&call.body.0.amount, "/amount")?;
    let book = call.path.expect("book");
    if book == DEFAULT_BOOK && amount.ccy != call.edge.shop().terms().ccy {
        return Err(Problem::new(Code::CurrencyMismatch));
    }
    let command = sku::Command::SetPrice {
        book: book.into(),
        amount,
        if_version: if_version(call.condition),
    };
    let (shop, asker, key) = (call.edge.shop(), call.asker(), sku_key(&call));
    let query = sku::Query::Price { book: book.into() };
    let is_new = shop.query::<SkuEntity>(&asker, &key, &query, 0).await.is_err();
    let view = match shop.ask::<SkuEntity>(&asker, &key, &command).await?.value {
        sku::Reply::Price(view) => view,
        other @ (sku::Reply::Sku(_) | sku::Reply::Stock(_) | sku::Reply::Adjusted { .. }) => {
            return Err(common::unexpected(&other));
        }
    };
    let price = Price {
        object: PriceWord::Word,
        book: view.book.into_string(),
        sku: view.sku.into_string(),
        amount: common::money(view.amount)?,
        version: view.version,
    };
    let path = format!("/v1/price-books/{}/prices/{}", price.book, price.sku);
    let shown = if is_new { Reply::created(price) } else { Reply::ok(price) };
    Ok(shown.location(path).version(view.version))
}
