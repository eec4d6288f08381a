//! The catalogue as immutable files for a CDN, and the manifest that names the newest.
//!
//! A publication reads all products on sale from the read model, cuts them into files named by
//! their content, and makes a version of the list of files. The same content is the same files
//! and makes no new version. Files of the versions that are kept stay; older ones are given up.
//! One publication at a time on a node; a miss falls back to the live routes.

use commerce::views::Sort;
use commerce::views::catalogue::ProductList;
use data_encoding::HEXLOWER;
use entity::{Fingerprint, IdempotencyKey, Scope, Tenant, Timestamp};
use ports::SharedStore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Product;
use super::browse::{row_of, with_skus};
use crate::dto::Instant;
use crate::input::NoBody;
use crate::limits;
use crate::openapi::Content;
use crate::operation::{Caching, Operation};
use crate::problem::{Code, Problem};
use crate::reply::{Json, Output, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, SURROGATE_KEY};
use crate::views::unavailable;

const FILE: Param =
    Param::new("file", ParamKind::Name { min: 1, max: 64 }, "`sha256` of a file of the manifest.");

const MANIFEST: Operation = Operation::get("getManifest", "/v1/catalogue/manifest")
    .about("Catalogue", "The files of the newest publication of the catalogue")
    .public()
    .caching(Caching::Catalogue);

const GET_FILE: Operation = Operation::get("getCatalogueFile", "/v1/catalogue/files/{file}")
    .about("Catalogue", "A file of a publication of the catalogue; it never changes")
    .public()
    .params(&[FILE])
    .caching(Caching::Immutable);

const PUBLISH: Operation = Operation::post("publishCatalogue", "/v1/catalogue/versions")
    .about("Catalogue", "Publishes the catalogue as files; 200 when nothing has changed")
    .staff(Scope::CatalogueWrite)
    .statuses(&[200, 201])
    .codes(&[Code::MoneyOverflow])
    .key();

/// The operations of this file.
pub(super) fn routes() -> Vec<Route> {
    vec![route(&MANIFEST, manifest), route(&GET_FILE, file), route(&PUBLISH, publish)]
}

common::object_word!(ManifestWord = "catalogue_manifest");
common::object_word!(PartWord = "catalogue_part");

/// The files of a publication. Without one: version 0 and no files.
#[derive(Debug, Serialize, ToSchema)]
struct CatalogueManifest {
    #[schema(inline)]
    object: ManifestWord,
    /// Counts the publications that changed something.
    version: u64,
    /// When it was published; null: never.
    published_at: Option<Instant>,
    /// Its files, oldest products first.
    files: Vec<CatalogueFile>,
}

/// A file of a publication.
#[derive(Debug, Serialize, ToSchema)]
struct CatalogueFile {
    /// Where it is.
    href: String,
    /// Its name: SHA-256 of its bytes.
    sha256: String,
    /// Its length.
    n_bytes: usize,
    /// Products in it.
    n_products: usize,
}

/// The content of a file.
#[derive(Debug, Serialize, ToSchema)]
struct CataloguePart {
    #[schema(inline)]
    object: PartWord,
    /// Products on sale with their SKUs.
    products: Vec<Product>,
}

/// A file as it is stored.
#[derive(Debug, Clone)]
struct Stored(Vec<u8>);

impl Output for Stored {
    fn content() -> Content {
        Content::of::<CataloguePart>("application/json")
    }

    fn into_bytes(self) -> Option<(Vec<u8>, &'static str)> {
        Some((self.0, "application/json"))
    }
}

/// What is kept of a shop's publications.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    /// The newest last.
    versions: Vec<Version>,
    /// What was answered to keys, the newest last.
    answers: Vec<Answered>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    version: u64,
    at: Timestamp,
    files: Vec<File>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    sha256: String,
    n_bytes: usize,
    n_products: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answered {
    key: IdempotencyKey,
    fingerprint: Fingerprint,
    is_new: bool,
    version: Version,
}

impl From<&Version> for CatalogueManifest {
    fn from(version: &Version) -> Self {
        let file = |file: &File| CatalogueFile {
            href: format!("/v1/catalogue/files/{}", file.sha256),
            sha256: file.sha256.clone(),
            n_bytes: file.n_bytes,
            n_products: file.n_products,
        };
        Self {
            object: ManifestWord::Word,
            version: version.version,
            published_at: (version.version > 0).then_some(Instant(version.at)),
            files: version.files.iter().map(file).collect(),
        }
    }
}

fn kept_name(tenant: &Tenant) -> String {
    format!("catalogue/{tenant}")
}

fn file_name(tenant: &Tenant, sha256: &str) -> String {
    format!("catalogue/{tenant}/{sha256}")
}

async fn kept(store: &SharedStore, tenant: &Tenant) -> Result<Kept, Problem> {
    let bytes = store.value(&kept_name(tenant)).await.map_err(|error| unavailable(&error))?;
    let Some(bytes) = bytes else { return Ok(Kept::default()) };
    serde_json::from_slice(&bytes).map_err(|error| {
        tracing::error!(%error, "the list of publications is not readable");
        Problem::new(Code::Internal)
    })
}

async fn set(store: &SharedStore, name: &str, value: Vec<u8>) -> Result<(), Problem> {
    store.set_value(name, value).await.map_err(|error| unavailable(&error))
}

async fn manifest(call: Call<NoBody>) -> Result<Reply<Json<CatalogueManifest>>, Problem> {
    let tenant = &call.caller.tenant;
    let kept = kept(call.edge.shop().store(), tenant).await?;
    let newest = kept.versions.last().cloned().unwrap_or_default();
    let reply = Reply::ok(CatalogueManifest::from(&newest)).version(newest.version);
    Ok(reply.header(SURROGATE_KEY, format!("{tenant}/catalogue")))
}

async fn file(call: Call<NoBody>) -> Result<Reply<Stored>, Problem> {
    let (tenant, sha256) = (&call.caller.tenant, call.path.expect("file"));
    let stored = call.edge.shop().store().value(&file_name(tenant, sha256)).await;
    let stored = stored.map_err(|error| unavailable(&error))?;
    // One that was given up is empty: named values are not deleted.
    let bytes = stored.filter(|bytes| !bytes.is_empty());
    let bytes = bytes.ok_or_else(|| Problem::new(Code::NotFound))?;
    let reply = Reply::new(200, Stored(bytes)).tag(format!("\"{sha256}\""));
    Ok(reply.header(SURROGATE_KEY, format!("{tenant}/catalogue")))
}

async fn publish(call: Call<NoBody>) -> Result<Reply<Json<CatalogueManifest>>, Problem> {
    let (shop, tenant) = (call.edge.shop(), &call.caller.tenant);
    let (key, fingerprint) = call.key.ok_or_else(|| Problem::new(Code::IdempotencyKeyRequired))?;
    let _publishing = shop.publishing().lock().await;
    let mut kept = kept(shop.store(), tenant).await?;
    if let Some(answered) = kept.answers.iter().find(|answered| answered.key == key) {
        if answered.fingerprint != fingerprint {
            return Err(Problem::new(Code::IdempotencyKeyReused));
        }
        return Ok(answer(answered.is_new, &answered.version).replayed(true));
    }
    let parts = parts(&call).await?;
    let files: Vec<File> = parts.iter().map(|(file, _)| file.clone()).collect();
    let newest = kept.versions.last().cloned().unwrap_or_default();
    let is_new = newest.version == 0 || newest.files != files;
    let version = if is_new {
        // Files go before the list that names them, so that no name leads nowhere.
        for (file, bytes) in parts {
            set(shop.store(), &file_name(tenant, &file.sha256), bytes).await?;
        }
        Version { version: newest.version + 1, at: shop.region().now(), files }
    } else {
        newest
    };
    if is_new {
        kept.versions.push(version.clone());
    }
    let excess = kept.versions.len().saturating_sub(limits::CATALOGUE_VERSIONS_MAX);
    let given_up: Vec<Version> = kept.versions.drain(..excess).collect();
    kept.answers.push(Answered { key, fingerprint, is_new, version: version.clone() });
    let excess = kept.answers.len().saturating_sub(limits::CATALOGUE_KEYS_MAX);
    kept.answers.drain(..excess);
    let bytes = serde_json::to_vec(&kept).expect("the list is plain data with text keys");
    set(shop.store(), &kept_name(tenant), bytes).await?;
    for file in given_up.iter().flat_map(|version| &version.files) {
        if !kept.versions.iter().any(|version| version.files.contains(file)) {
            set(shop.store(), &file_name(tenant, &file.sha256), Vec::new()).await?;
        }
    }
    Ok(answer(is_new, &version))
}

fn answer(is_new: bool, version: &Version) -> Reply<Json<CatalogueManifest>> {
    let manifest = CatalogueManifest::from(version);
    let reply = if is_new { Reply::created(manifest) } else { Reply::ok(manifest) };
    reply.version(version.version).location("/v1/catalogue/manifest".to_owned())
}

/// The catalogue in files, with all that was durable before.
async fn parts<B>(call: &Call<B>) -> Result<Vec<(File, Vec<u8>)>, Problem> {
    let views = call.edge.shop().views();
    if !views.catalogue_is_current(limits::COMMAND_DEADLINE_MS).await {
        return Err(Problem::new(Code::Unavailable).detail("the catalogue's view lags"));
    }
    let list = ProductList {
        tenant: call.caller.tenant.clone(),
        category: None,
        // New products come last: the files before them stay as they are.
        sort: Sort::OldestFirst,
    };
    let (mut parts, mut after) = (Vec::new(), None);
    loop {
        let limit = limits::CATALOGUE_FILE_PRODUCTS;
        let page = views.products(list.clone(), limit, after.as_deref()).await?;
        let rows = page.entries.into_iter().filter_map(|entry| row_of(&list, entry)).collect();
        cut(with_skus(call, rows).await?, limits::CATALOGUE_FILE_BYTES_MAX, &mut parts);
        let Some(next) = page.next else { return Ok(parts) };
        after = Some(next);
        // A store that answers at once never gives way to the other requests of this thread.
        tokio::task::yield_now().await;
    }
}

/// Products as a file, or as several where one would be too large: in halves, so that the same
/// products are the same files.
fn cut(mut products: Vec<Product>, bytes_max: usize, parts: &mut Vec<(File, Vec<u8>)>) {
    let n_products = products.len();
    if n_products == 0 {
        return;
    }
    let part = CataloguePart { object: PartWord::Word, products };
    let bytes = serde_json::to_vec(&part).expect("replies are plain data");
    if bytes.len() <= bytes_max || n_products == 1 {
        let sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
        return parts.push((File { sha256, n_bytes: bytes.len(), n_products }, bytes));
    }
    products = part.products;
    let rest = products.split_off(n_products / 2);
    cut(products, bytes_max, parts);
    cut(rest, bytes_max, parts);
}

#[cfg(test)]
mod tests;
