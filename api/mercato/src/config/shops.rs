//! The shops that a node serves, on what terms, and whose tokens it takes: tables of the file.
//!
//! A demo brings its own shops and issuer. Without one, and without these tables, nobody can be
//! told from anybody else, so every request is refused.
//!
//! ```toml
//! [terms]
//! currency = "EUR"
//! tax_ppm = 190_000
//! tax_included = true
//! shipping = [{ id = "standard", amount = 490 }]
//!
//! [[shop]]
//! name = "acme"
//! hosts = ["shop.acme.example"]
//! keys = ["pk_acme"]
//! origins = ["https://shop.acme.example"]
//!
//! [[issuer]]
//! issuer = "https://login.acme.example"
//! audience = "mercato"
//! tenant = "acme"
//! ```

use std::collections::BTreeSet;

use commerce::cart::DEFAULT_SHIPPING;
use commerce::money::{Ccy, EDGE_MAX};
use commerce::pricing::SHIPPING_OPTIONS_MAX;
use commerce::sku::DEFAULT_BOOK;
use compact_str::CompactString;
use edge::identity::{IssuerConfig, TenantConfig, Tenants};
use edge::shop::{ShippingOption, Terms};
use entity::Tenant;
use serde::Deserialize;

use super::ConfigError;

/// The tables as they stand in the file.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) terms: Option<TermsTable>,
    pub(super) shops: Vec<ShopTable>,
    pub(super) issuers: Vec<IssuerTable>,
}

/// What all shops of the node sell on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TermsTable {
    currency: String,
    /// Tax rate, parts per million.
    #[serde(default)]
    tax_ppm: i32,
    #[serde(default)]
    tax_included: bool,
    shipping: Vec<ShippingTable>,
    #[serde(default = "web")]
    channel: String,
    #[serde(default = "main_location")]
    locations: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShippingTable {
    id: String,
    /// In minor units.
    amount: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShopTable {
    name: String,
    #[serde(default)]
    hosts: Vec<String>,
    /// Publishable keys.
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    origins: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssuerTable {
    issuer: String,
    audience: String,
    tenant: Option<String>,
}

fn web() -> String {
    "web".into()
}

fn main_location() -> Vec<String> {
    vec!["main".into()]
}

/// Shops, terms and issuers of a node that is no demo.
#[derive(Debug, Clone)]
pub struct Shops {
    /// On what all of them sell.
    pub terms: Terms,
    /// Hosts, keys and origins.
    pub tenants: Tenants,
    /// Whose tokens are taken.
    pub issuers: Vec<IssuerConfig>,
}

/// What the tables make. `None`: there are none.
pub(super) fn of(tables: Tables, is_demo: bool) -> Result<Option<Shops>, ConfigError> {
    let refuse = |text: &str| Err(ConfigError(text.into()));
    if tables.shops.is_empty() {
        if tables.terms.is_some() || !tables.issuers.is_empty() {
            return refuse("[terms] and [[issuer]] are of shops; there is no [[shop]]");
        }
        return Ok(None);
    }
    if is_demo {
        return refuse("[[shop]]: a demo brings its own shops");
    }
    let Some(terms) = tables.terms else {
        return refuse("[terms]: what the shops sell on is missing");
    };
    let terms = terms.check()?;
    let shops = tables.shops.into_iter().map(|shop| shop.check(&terms.channel));
    let shops = shops.collect::<Result<Vec<_>, _>>()?;
    distinct("shop.name", shops.iter().map(|shop| shop.name.as_str()))?;
    distinct("shop.hosts", shops.iter().flat_map(|shop| &shop.hosts).map(String::as_str))?;
    let keys = shops.iter().flat_map(|shop| &shop.keys);
    distinct("shop.keys", keys.map(|(key, _)| key.as_str()))?;
    let names: BTreeSet<Tenant> = shops.iter().map(|shop| shop.name.clone()).collect();
    let tenants = Tenants::new(shops, None).map_err(|error| ConfigError(error.to_string()))?;
    let issuers = tables.issuers.into_iter().map(|issuer| issuer.check(&names));
    let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
    // A token says its issuer; which of two was meant, nobody could tell.
    distinct("issuer.issuer", issuers.iter().map(|issuer| issuer.issuer.as_str()))?;
    Ok(Some(Shops { terms, tenants, issuers }))
}

impl TermsTable {
    fn check(self) -> Result<Terms, ConfigError> {
        let ccy = Ccy::parse(&self.currency).map_err(|_| {
            let currency = &self.currency;
            ConfigError(format!(
                "terms.currency = {currency}: allowed are ISO 4217 codes, such as EUR"
            ))
        })?;
        if !(0..=1_000_000).contains(&self.tax_ppm) {
            let tax_ppm = self.tax_ppm;
            return Err(ConfigError(format!(
                "terms.tax_ppm = {tax_ppm}: allowed are 0 to 1000000"
            )));
        }
        if !self.shipping.iter().any(|option| option.id == DEFAULT_SHIPPING) {
            return Err(ConfigError(format!(
                "terms.shipping: one with id = \"{DEFAULT_SHIPPING}\" is needed, with which carts begin"
            )));
        }
        let n_options = self.shipping.len();
        if n_options > SHIPPING_OPTIONS_MAX {
            return Err(ConfigError(format!(
                "terms.shipping: {n_options} of them, allowed are at most {SHIPPING_OPTIONS_MAX}"
            )));
        }
        for ShippingTable { id, amount } in &self.shipping {
            word("terms.shipping.id", id)?;
            if !(0..=EDGE_MAX).contains(amount) {
                return Err(ConfigError(format!(
                    "terms.shipping.amount = {amount}: allowed are 0 to {EDGE_MAX} minor units"
                )));
            }
        }
        distinct("terms.shipping.id", self.shipping.iter().map(|option| option.id.as_str()))?;
        if self.locations.is_empty() {
            return Err(ConfigError("terms.locations: at least one is needed".into()));
        }
        for location in &self.locations {
            word("terms.locations", location)?;
        }
        distinct("terms.locations", self.locations.iter().map(String::as_str))?;
        word("terms.channel", &self.channel)?;
        let option = |it: ShippingTable| ShippingOption { id: it.id, amount: it.amount };
        Ok(Terms {
            channel: self.channel,
            ccy,
            // The one that carts are priced from.
            book: DEFAULT_BOOK.into(),
            tax_ppm: self.tax_ppm,
            tax_included: self.tax_included,
            shipping: self.shipping.into_iter().map(option).collect(),
            locations: self.locations,
            // Money is given away in a demo only.
            wallet_grant: 0,
        })
    }
}

impl ShopTable {
    fn check(self, channel: &str) -> Result<TenantConfig, ConfigError> {
        word("shop.name", &self.name)?;
        let is_host = |host: &String| !host.is_empty() && !host.contains([':', '/', ' ']);
        if let Some(host) = self.hosts.iter().find(|host| !is_host(host)) {
            return Err(ConfigError(format!(
                "shop.hosts = {host}: allowed are names without a port"
            )));
        }
        if self.keys.iter().any(String::is_empty) {
            return Err(ConfigError("shop.keys: an empty key is none".into()));
        }
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError(format!(
                "shop.origins = {origin}: allowed is what browsers send, such as https://shop.example \
                 (lower case, no path, no slash at the end)"
            )));
        }
        let channel = CompactString::new(channel);
        Ok(TenantConfig {
            name: Tenant::new(&self.name),
            hosts: self.hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            keys: self.keys.into_iter().map(|key| (key, channel.clone())).collect(),
            channels: vec![channel],
            origins: self.origins,
        })
    }
}

impl IssuerTable {
    fn check(self, shops: &BTreeSet<Tenant>) -> Result<IssuerConfig, ConfigError> {
        let Self { issuer, audience, tenant } = self;
        edge::identity::check_transport(&issuer)
            .map_err(|error| ConfigError(format!("issuer.issuer: {error}")))?;
        if audience.is_empty() {
            return Err(ConfigError("issuer.audience: what its tokens are for is missing".into()));
        }
        let tenant = tenant.as_deref().map(Tenant::new);
        if let Some(unknown) = tenant.as_ref().filter(|tenant| !shops.contains(tenant)) {
            return Err(ConfigError(format!(
                "issuer.tenant = {unknown}: there is no such [[shop]]"
            )));
        }
        Ok(IssuerConfig { issuer, audience, tenant })
    }
}

/// Whether a page could have it: scheme and authority, in lower case, with nothing behind. Apps
/// have schemes of their own (`capacitor://localhost`).
fn is_origin(origin: &str) -> bool {
    let fits = |b: u8| {
        let is_word = b.is_ascii_lowercase() || b.is_ascii_digit();
        is_word || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    origin.split_once("://").is_some_and(|(scheme, authority)| {
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(fits);
        is_word(scheme) && is_word(authority)
    })
}

fn distinct<'a>(key: &str, all: impl Iterator<Item = &'a str>) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for one in all {
        if !seen.insert(one) {
            return Err(ConfigError(format!("{key} = {one}: stands there twice")));
        }
    }
    Ok(())
}

/// Names that stand in keys, subjects of events and paths.
fn word(key: &str, value: &str) -> Result<(), ConfigError> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=40).contains(&value.len()) && value.bytes().all(fits) {
        return Ok(());
    }
    Err(ConfigError(format!("{key} = {value}: allowed are a to z, 0 to 9 and -, at most 40")))
}
