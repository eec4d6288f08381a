//! The demo shop: made once, in an empty store, through the same commands that staff would use.
//!
//! Two tenants with 24 products and 48 SKUs of 1,000 units each. A repeat changes nothing: every
//! command says that it expects the thing to be absent.

use cluster::{Ask, AskError, Region};
use commerce::account::{self, Account};
use commerce::customer::{self, Customer};
use commerce::keys;
use commerce::money::{Ccy, Money};
use commerce::product::{self, About, Product};
use commerce::protocol::IfVersion;
use commerce::sku::{self, Sku};
use compact_str::{CompactString, format_compact};
use edge::shop::{ShippingOption, Terms};
use entity::{Cause, Entity, Principal, PrincipalKind, Scopes, Tenant};

/// Tenants of the demo.
pub const TENANTS: [&str; 2] = ["demo", "demo2"];
/// Products of each.
const N_PRODUCTS: u32 = 24;
/// SKUs of each product.
const SKUS_PER_PRODUCT: u32 = 2;
/// Units of each SKU.
const UNITS: u32 = 1_000;
/// What a demo customer's wallet holds, in minor units.
const WALLET_GRANT: i64 = 100_000;
/// How long one command of the making may take, in ms.
const WAIT_MS: u64 = 30_000;

const CATEGORIES: [&str; 4] = ["kitchen", "garden", "books", "travel"];
const NAMES: [&str; 12] = [
    "Kettle", "Lantern", "Atlas", "Satchel", "Teapot", "Trowel", "Novel", "Duffel", "Skillet",
    "Planter", "Almanac", "Canteen",
];

/// What the demo shop sells on.
#[must_use]
pub fn terms() -> Terms {
    Terms {
        channel: "web".into(),
        ccy: Ccy::USD,
        book: "default".into(),
        tax_ppm: 82_500,
        tax_included: false,
        shipping: vec![
            ShippingOption { id: "standard".into(), amount: 500 },
            ShippingOption { id: "express".into(), amount: 1_500 },
        ],
        locations: vec!["main".into()],
        wallet_grant: WALLET_GRANT,
    }
}

/// Why the demo shop could not be made.
#[derive(Debug, thiserror::Error)]
#[error("demo shop not made: {0}")]
pub struct DemoError(String);

/// Makes the shop of every tenant, unless it is there.
pub async fn make(region: &Region) -> Result<(), DemoError> {
    for tenant in TENANTS.map(Tenant::new) {
        let first = sku_code(1);
        let there = region
            .query::<Sku>(&keys::sku(&tenant, &first), &sku::Query::Get, staff(&tenant))
            .await
            .is_ok();
        if there {
            continue;
        }
        // The first SKU comes last: once it is there, all of them are.
        for number in (1..=N_PRODUCTS).rev() {
            make_product(region, &tenant, number).await?;
        }
        tracing::info!(tenant = tenant.as_str(), "demo shop made");
    }
    Ok(())
}

/// Registers a customer and opens the wallet. A repeat changes nothing.
pub async fn register(
    region: &Region,
    tenant: Tenant,
    subject: CompactString,
) -> Result<(), String> {
    let customer = keys::customer(&tenant, PrincipalKind::Customer, &subject);
    let principal = Principal {
        tenant: tenant.clone(),
        subject: subject.clone(),
        kind: PrincipalKind::Customer,
        scopes: Scopes::ALL,
    };
    let command = customer::Command::Register {
        name: subject.clone(),
        email: format_compact!("{subject}@example.com"),
        utc_offset_min: 0,
    };
    region
        .ask::<Customer>(&customer, &command, ask(principal))
        .await
        .map_err(|error| error.to_string())?;
    // The shop itself does it: a buyer who could open accounts could print money.
    let open = account::Command::Open { grant: Money { minor: WALLET_GRANT, ccy: Ccy::USD } };
    region
        .ask::<Account>(&keys::wallet(&customer), &open, staff(&tenant))
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}

fn sku_code(number: u32) -> String {
    format!("demo-{number:03}")
}

fn staff(tenant: &Tenant) -> Ask {
    let principal = Principal {
        tenant: tenant.clone(),
        subject: CompactString::const_new("demo"),
        kind: PrincipalKind::Service,
        scopes: Scopes::ALL,
    };
    ask(principal)
}

fn ask(principal: Principal) -> Ask {
    Ask { principal, cause: Cause::default(), idempotency: None, wait_ms: WAIT_MS }
}

async fn make_product(region: &Region, tenant: &Tenant, number: u32) -> Result<(), DemoError> {
    let id = format!("product-{number:02}");
    let index = number as usize;
    let name = NAMES[(index - 1) % NAMES.len()];
    let about = About {
        title: format_compact!("{name} No. {number}"),
        status: product::Status::Active,
        category: CompactString::const_new(CATEGORIES[index % CATEGORIES.len()]),
    };
    let put = product::Command::Put { about, if_version: IfVersion::Absent };
    tell::<Product>(region, tenant, &keys::product(tenant, &id), &put).await?;
    for variant in (1..=SKUS_PER_PRODUCT).rev() {
        let sku_number = (number - 1) * SKUS_PER_PRODUCT + variant;
        make_sku(region, tenant, sku_number, &id, name).await?;
    }
    Ok(())
}

async fn make_sku(
    region: &Region,
    tenant: &Tenant,
    number: u32,
    product_id: &str,
    name: &str,
) -> Result<(), DemoError> {
    let key = keys::sku(tenant, &sku_code(number));
    let size = if number % 2 == 1 { "small" } else { "large" };
    let price = Money { minor: 995 + i64::from(number) * 105, ccy: Ccy::USD };
    let commands = [
        sku::Command::SetPrice {
            book: CompactString::const_new("default"),
            amount: price,
            if_version: IfVersion::Absent,
        },
        sku::Command::SetPolicy {
            location: CompactString::const_new("main"),
            safety: 0,
            oversell_limit: 0,
            if_version: IfVersion::Absent,
        },
        // A count, not a delta: repeated, it is the same stock.
        sku::Command::Adjust {
            location: CompactString::const_new("main"),
            change: sku::Change::Count(UNITS),
            reason: CompactString::const_new("demo"),
        },
    ];
    let put = sku::Command::PutSku {
        product_id: product_id.into(),
        title: format_compact!("{name}, {size}"),
        if_version: IfVersion::Absent,
    };
    tell::<Sku>(region, tenant, &key, &put).await?;
    for command in &commands {
        tell::<Sku>(region, tenant, &key, command).await?;
    }
    Ok(())
}

/// Tells a command; a rejection means that the thing is there from an earlier attempt.
async fn tell<E: Entity>(
    region: &Region,
    tenant: &Tenant,
    key: &entity::EntityKey,
    command: &E::Command,
) -> Result<(), DemoError> {
    match region.ask::<E>(key, command, staff(tenant)).await {
        Ok(_) | Err(AskError::Rejected { .. }) => Ok(()),
        Err(error) => Err(DemoError(format!("{key}: {error}"))),
    }
}
