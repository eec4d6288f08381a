//! Browsing: the home page, categories and lists of products, from the read model.
//!
//! Touches no entity, so browsing costs the writers nothing. A price or the word for availability
//! is as new as the view, which lags by milliseconds; what is sold is priced by the SKU itself.

use commerce::product::About;
use commerce::sku::Availability;
use commerce::views::catalogue::{ProductList, ProductRow, SkuRow};
use commerce::views::{Entry, Sort};
use compact_str::CompactString;
use data_encoding::BASE64URL_NOPAD;
use entity::EntityId;
use futures_util::StreamExt;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    AvailabilityWord, CURRENCY, Product, ProductStatus, ProductWord, Sku, SkuWord, check_currency,
};
use crate::cursor::CursorOf;
use crate::dto::List;
use crate::input::NoBody;
use crate::limits;
use crate::operation::{Caching, Operation};
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind, read_query};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, CURSOR, LIMIT, SURROGATE_KEY};
use crate::routes::order_lists::{SORT, position, sort};

const CATEGORY: Param =
    Param::new("category", ParamKind::Name { min: 1, max: 64 }, "Products of this category.");

const PRODUCTS_QUERY: &[Param] = &[LIMIT, CURSOR, CATEGORY, SORT, CURRENCY];

const LIST_PRODUCTS: Operation = Operation::get("listProducts", "/v1/products")
    .about("Catalogue", "Products on sale with their SKUs, newest first")
    .public()
    .query(PRODUCTS_QUERY)
    .codes(&[Code::CurrencyMismatch, Code::MoneyOverflow])
    .caching(Caching::Catalogue);

const LIST_CATEGORIES: Operation = Operation::get("listCategories", "/v1/categories")
    .about("Catalogue", "Categories that have products on sale")
    .public()
    .query(&[LIMIT, CURSOR])
    .caching(Caching::Catalogue);

const HOME: Operation = Operation::get("getHome", "/v1/home")
    .about("Catalogue", "What the home page shows, in one answer")
    .public()
    .query(&[CURRENCY])
    .codes(&[Code::CurrencyMismatch, Code::MoneyOverflow])
    .caching(Caching::Catalogue);

/// The operations of this file.
pub(super) fn routes() -> Vec<Route> {
    vec![
        route(&LIST_PRODUCTS, list_products),
        route(&LIST_CATEGORIES, list_categories),
        route(&HOME, home),
    ]
}

common::object_word!(CategoryWord = "category");
common::object_word!(HomeWord = "home");

/// A category.
#[derive(Debug, Serialize, ToSchema)]
struct Category {
    #[schema(inline)]
    object: CategoryWord,
    /// Its id, as products name it.
    id: String,
}

impl Category {
    fn new(id: &CompactString) -> Self {
        Self { object: CategoryWord::Word, id: id.to_string() }
    }
}

/// The home page.
#[derive(Debug, Serialize, ToSchema)]
struct Home {
    #[schema(inline)]
    object: HomeWord,
    /// The first categories; `listCategories` has all.
    categories: Vec<Category>,
    /// The newest products on sale; `listProducts` has all.
    newest: Vec<Product>,
}

impl Product {
    fn listed(id: &str, about: &About, version: u64, skus: Vec<Sku>) -> Self {
        Self {
            object: ProductWord::Word,
            id: id.to_owned(),
            title: about.title.to_string(),
            // The view lists products on sale only.
            status: ProductStatus::Active,
            category: about.category.to_string(),
            skus,
            version,
        }
    }
}

impl Sku {
    fn listed(code: String, row: &SkuRow, book: &str) -> Result<Self, Problem> {
        let price = row.prices.iter().find(|(name, _)| name == book).map(|(_, amount)| *amount);
        Ok(Self {
            object: SkuWord::Word,
            sku: code,
            product_id: row.product_id.to_string(),
            title: row.title.to_string(),
            price: price.map(common::money).transpose()?,
            price_version: row.price_version,
            availability: match (row.archived, row.availability) {
                (true, _) | (false, Availability::Out) => AvailabilityWord::Out,
                (false, Availability::Low) => AvailabilityWord::Low,
                (false, Availability::InStock) => AvailabilityWord::InStock,
            },
            version: row.version,
        })
    }
}

/// The products of a page of the view, with their SKUs.
pub(super) async fn with_skus<B>(
    call: &Call<B>,
    rows: Vec<(CompactString, ProductRow)>,
) -> Result<Vec<Product>, Problem> {
    let shop = call.edge.shop();
    let (views, book) = (shop.views(), shop.terms().book.as_str());
    let listed = |(id, row): (CompactString, ProductRow)| async move {
        let Some(about) = row.about else { return Ok(None) };
        let skus = views.skus_of(&call.caller.tenant, &id).await?;
        let skus = skus.into_iter().map(|(code, row)| Sku::listed(code, &row, book));
        let skus = skus.collect::<Result<_, Problem>>()?;
        Ok(Some(Product::listed(&id, &about, row.version, skus)))
    };
    let reads = rows.into_iter().map(listed);
    let reads: Vec<Result<Option<Product>, Problem>> =
        futures_util::stream::iter(reads).buffered(limits::READS_AT_ONCE).collect().await;
    reads.into_iter().filter_map(Result::transpose).collect()
}

/// Id and row of a listed product.
pub(super) fn row_of(
    list: &ProductList,
    entry: Entry<ProductRow>,
) -> Option<(CompactString, ProductRow)> {
    match list.key(&entry)?.id {
        EntityId::Name(name) => Some((name, entry.row)),
        EntityId::Uuid(_) => None,
    }
}

async fn list_products(call: Call<NoBody>) -> Result<Reply<Json<List<Product>>>, Problem> {
    let cursor = CursorOf::public("products", &call.caller.tenant, &call.raw_query);
    let sealer = call.edge.authority().keys().sealer();
    let text = call.query.get("cursor");
    let after = text.map(|text| position(&cursor.open::<String>(sealer, text)?)).transpose()?;
    let filter_text = cursor.filter(sealer, text);
    let filter = read_query(PRODUCTS_QUERY, &filter_text)?;
    check_currency(&call)?;
    let list = ProductList {
        tenant: call.caller.tenant.clone(),
        category: filter.get("category").map(CompactString::from),
        sort: sort(&filter),
    };
    let limit = common::limit(&call, limits::PAGE_DEFAULT);
    let page = call.edge.shop().views().products(list.clone(), limit, after.as_deref()).await?;
    let rows = page.entries.into_iter().filter_map(|entry| row_of(&list, entry)).collect();
    let products = with_skus(&call, rows).await?;
    let cursor = CursorOf::public("products", &call.caller.tenant, &filter_text);
    let next = page.next.map(|place| cursor.seal(sealer, BASE64URL_NOPAD.encode(&place)));
    let list = List::new(products, next);
    let tag = common::weak_tag(&list);
    let reply = Reply::page(list, &call.raw_path, &call.raw_query);
    Ok(reply.tag(tag).header(SURROGATE_KEY, surrogate(&call)))
}

async fn list_categories(call: Call<NoBody>) -> Result<Reply<Json<List<Category>>>, Problem> {
    let cursor = CursorOf::public("categories", &call.caller.tenant, &call.raw_query);
    let sealer = call.edge.authority().keys().sealer();
    let after: Option<String> =
        call.query.get("cursor").map(|text| cursor.open(sealer, text)).transpose()?;
    let limit = common::limit(&call, limits::PAGE_DEFAULT) as usize;
    let (views, tenant) = (call.edge.shop().views(), &call.caller.tenant);
    let mut found = views.categories(tenant, limit, after.map(CompactString::from)).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next = last.map(|category| cursor.seal(sealer, category.to_string()));
    let list = List::new(found.iter().map(Category::new).collect(), next);
    let tag = common::weak_tag(&list);
    let reply = Reply::page(list, &call.raw_path, &call.raw_query);
    Ok(reply.tag(tag).header(SURROGATE_KEY, surrogate(&call)))
}

async fn home(call: Call<NoBody>) -> Result<Reply<Json<Home>>, Problem> {
    check_currency(&call)?;
    let (views, tenant) = (call.edge.shop().views(), &call.caller.tenant);
    let list = ProductList { tenant: tenant.clone(), category: None, sort: Sort::NewestFirst };
    let mut categories = views.categories(tenant, limits::HOME_CATEGORIES, None).await?;
    categories.truncate(limits::HOME_CATEGORIES);
    let page = views.products(list.clone(), limits::HOME_PRODUCTS, None).await?;
    let rows = page.entries.into_iter().filter_map(|entry| row_of(&list, entry)).collect();
    let home = Home {
        object: HomeWord::Word,
        categories: categories.iter().map(Category::new).collect(),
        newest: with_skus(&call, rows).await?,
    };
    let tag = common::weak_tag(&home);
    Ok(Reply::ok(home).tag(tag).header(SURROGATE_KEY, surrogate(&call)))
}

/// What a list of the catalogue depends on: any change of the shop's catalogue.
fn surrogate<B>(call: &Call<B>) -> String {
    format!("{}/catalogue", call.caller.tenant)
}
