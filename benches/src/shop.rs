//! The shop of the workload as commands to a node: stocking, carts, placing, reading back.
//!
//! What an HTTP edge adds (prices, totals, timers) is made here from the plan, so that a node
//! gets the same commands as from an edge. Reads nothing and knows no node.

use std::num::NonZeroU32;

use cluster::Ask;
use commerce::cart::{self, CartLine, Content, Place, PlaceBody};
use commerce::customer::Address;
use commerce::keys;
use commerce::money::{Ccy, Money};
use commerce::order::{PricedLine, PricedOrder, Tender, Timers, Totals, TxnType};
use commerce::protocol::IfVersion;
use commerce::sku;
use compact_str::{CompactString, format_compact};
use entity::{
    Cause, EntityKey, Fingerprint, IdempotencyKey, Principal, PrincipalKind, Scopes, Tenant,
};

use crate::workload::{self, Plan, PlannedLine, SHIPPING, UNITS};

/// How long an order may take, in ms.
const WAIT_MS: u64 = 30_000;

/// Who sells.
#[must_use]
pub fn tenant() -> Tenant {
    Tenant::new("bench")
}

/// Staff with every scope.
#[must_use]
pub fn staff() -> Ask {
    ask("staff".into(), PrincipalKind::Service)
}

/// The customer of an order.
#[must_use]
pub fn buyer(plan: &Plan) -> Ask {
    ask(format_compact!("customer-{}", plan.customer), PrincipalKind::Customer)
}

fn ask(subject: CompactString, kind: PrincipalKind) -> Ask {
    let principal = Principal { tenant: tenant(), subject, kind, scopes: Scopes::ALL };
    Ask { principal, cause: Cause::default(), idempotency: None, wait_ms: WAIT_MS }
}

/// A SKU.
#[must_use]
pub fn sku_key(number: u32) -> EntityKey {
    keys::sku(&tenant(), &sku_code(number))
}

fn sku_code(number: u32) -> CompactString {
    format_compact!("sku-{number:05}")
}

/// What makes a SKU with its stock.
#[must_use]
pub fn stocking(number: u32) -> [sku::Command; 3] {
    [
        sku::Command::PutSku {
            product_id: format_compact!("product-{}", number / 2),
            title: "A thing that sells".into(),
            if_version: IfVersion::Any,
        },
        sku::Command::SetPrice {
            book: "default".into(),
            amount: Money::new(workload::price(number), Ccy::USD),
            if_version: IfVersion::Any,
        },
        sku::Command::Adjust {
            location: "main".into(),
            change: sku::Change::Count(UNITS),
            reason: "count".into(),
        },
    ]
}

/// The cart of an order.
#[must_use]
pub fn cart_key(number: u64) -> EntityKey {
    keys::cart(&tenant(), &format_compact!("cart-{number:010}"))
}

/// The order of a cart that nothing was ordered from before.
#[must_use]
pub fn order_key(number: u64) -> EntityKey {
    keys::order(&cart_key(number), 1)
}

/// Makes the cart.
#[must_use]
pub fn put(plan: &Plan) -> cart::Command {
    let line = |line: &PlannedLine| CartLine { sku: sku_code(line.sku), qty: qty(line) };
    let content = Content {
        channel: "web".into(),
        currency: Ccy::USD,
        lines: plan.lines.iter().map(line).collect(),
        address: Some(address()),
        shipping_option: "standard".into(),
        coupons: Vec::new(),
        tenders: vec![Tender::Cod],
    };
    cart::Command::Put { content: Box::new(content), if_version: IfVersion::Any }
}

/// Places the order, cash on delivery.
#[must_use]
pub fn place(plan: &Plan) -> cart::Command {
    let priced = priced(plan);
    cart::Command::Place(Box::new(Place {
        body: PlaceBody {
            cart_version: 1,
            quote_hash: priced.quote_hash.clone(),
            expected_total: Money::new(priced.totals.payable, Ccy::USD),
            txn_type: TxnType::Cod,
            tenders: vec![Tender::Cod],
        },
        priced,
        locale: "en".into(),
        timers: Timers::default(),
    }))
}

/// The key under which the outcome of placing is kept, and what it is compared by.
#[must_use]
pub fn idempotency(plan: &Plan) -> (IdempotencyKey, Fingerprint) {
    let half = workload::mix(plan.number).to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half);
    bytes[8..].copy_from_slice(&plan.number.to_le_bytes());
    (IdempotencyKey(bytes), Fingerprint(bytes))
}

fn qty(line: &PlannedLine) -> NonZeroU32 {
    NonZeroU32::new(line.qty).expect("a line has units")
}

fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        line1: "12 Main Street".into(),
        line2: None,
        city: "Springfield".into(),
        region: None,
        postal_code: "90210".into(),
        country: "US".into(),
        phone: None,
    }
}

fn priced(plan: &Plan) -> PricedOrder {
    let line = |line: &PlannedLine| {
        let gross = workload::gross(line);
        PricedLine {
            sku: sku_code(line.sku),
            title: "A thing that sells".into(),
            qty: qty(line),
            unit_price: workload::price(line.sku),
            price_version: 1,
            gross,
            discounts: Vec::new(),
            total: gross,
            tax: workload::tax(gross),
        }
    };
    let lines: Vec<PricedLine> = plan.lines.iter().map(line).collect();
    let tax = lines.iter().map(|line| line.tax).sum::<i64>() + workload::tax(SHIPPING);
    let totals = Totals {
        lines: lines.iter().map(|line| line.total).sum(),
        shipping: SHIPPING,
        tax,
        tax_included: false,
        tenders: 0,
        payable: plan.payable(),
    };
    PricedOrder {
        quote_hash: "0123456789abcdef0123456789abcdef".into(),
        ccy: Ccy::USD,
        lines,
        totals,
    }
}
