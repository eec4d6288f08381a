//! A shop with two SKUs, its staff and its buyers.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::ctx::{NoPeers, NodeCtx, NodeId, Random};
use cluster::relay::{BusKind, Relay, RelayHandle, RelayOptions};
use cluster::{Node, NodeOptions};
use commerce::hosting;
use commerce::money::Ccy;
use ports::memory::MemoryStore;
use ports::{LocalBus, LocalBusOptions, Meta};
use serde_json::json;
use tokio::sync::Notify;

use crate::configuration::Configuration;
use crate::operator::{DemoClock, LogFilter, Operator};
use crate::route::Route;
use crate::routes;
use crate::settings::{RATE_LIMIT, Values};
use crate::shop::{ShippingOption, Shop, Terms};
use crate::testing::{Answer, Ask, Setup, World, ask, get, post};
use crate::views::Views;

struct Draws(std::sync::atomic::AtomicU64);

impl Random for Draws {
    fn bits(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, std::sync::atomic::Ordering::Relaxed)
    }
}

async fn relay(node: &Node, bus: Arc<LocalBus>) -> RelayHandle {
    let commits = Arc::clone(node.commits());
    let options = RelayOptions { bus: BusKind::InProcess };
    Relay::start(node.ctx().clone(), commits, bus, options).await.unwrap()
}

pub(super) struct Rig {
    pub(super) world: World,
    /// The token of a service with every scope.
    pub(super) staff: String,
    /// Told when an operator drains the node.
    pub(super) drain: Arc<Notify>,
    admin: Vec<Route>,
    pub(super) node: Node,
    /// Where its events go.
    pub(super) bus: Arc<LocalBus>,
}

pub(super) const ADDRESS: &str = r#"{"name":"Alice","line1":"1 Main St","line2":null,
    "city":"Oakland","region":"US-CA","postal_code":"94601","country":"US","phone":null}"#;

impl Rig {
    /// A shop without anything in it.
    pub(super) async fn empty() -> Self {
        Self::over(Arc::new(MemoryStore::new(4))).await
    }

    /// A shop over what a store holds.
    pub(super) async fn over(store: Arc<MemoryStore>) -> Self {
        let meta: Arc<dyn Meta> = Arc::clone(&store) as _;
        let clock = DemoClock::load(Arc::clone(&meta)).await.unwrap();
        let ctx = NodeCtx {
            node: NodeId::new("n1"),
            transport: Arc::new(NoPeers),
            clock: clock.clock(),
            random: Arc::new(Draws(1.into())),
            store: Arc::clone(&store) as _,
            types: Arc::new(hosting::entity_types()),
        };
        let node = Node::start(ctx, NodeOptions::default()).await.unwrap();
        let option = |id: &str, amount| ShippingOption { id: id.to_owned(), amount };
        let terms = Terms {
            channel: "web".into(),
            ccy: Ccy::USD,
            book: "default".into(),
            tax_ppm: 82_500,
            tax_included: false,
            shipping: vec![option("standard", 500), option("express", 1_500)],
            locations: vec!["main".into()],
            wallet_grant: 100_000,
        };
        let region = node.region().clone();
        let views = Views::start(&node).await.unwrap();
        let no_limit = BTreeMap::from([(RATE_LIMIT.key.to_owned(), 0)]);
        let file = Values { version: 0, set: no_limit };
        let configuration = Configuration::load(&file, meta).await.unwrap();
        let settings = configuration.settings().clone();
        let shop = Shop::new(region, Arc::clone(&store) as _, settings, terms, views);
        let world = World::with(Setup { store, shop: Some(shop), ..Setup::default() }).await;
        let staff = world.service_token("demo-service").await;
        let drain = Arc::new(Notify::new());
        let bus = Arc::new(LocalBus::new(LocalBusOptions::default()));
        let operator = Operator {
            node: "n1".to_owned(),
            configuration,
            relay: relay(&node, Arc::clone(&bus)).await,
            drain: Arc::clone(&drain),
            clock: Some(clock),
            log: LogFilter::new(
                "info".to_owned(),
                Box::new(|filter| match filter.contains(' ') {
                    true => Err("has a space in it".to_owned()),
                    false => Ok(()),
                }),
            ),
        };
        let admin = routes::admin::routes(&Arc::new(operator));
        Self { world, staff, drain, admin, node, bus }
    }

    /// A shop with the product `tea` and its SKUs `tea-1` (9.95) and `tea-2` (19.90), ten of each.
    pub(super) async fn new() -> Self {
        let rig = Self::empty().await;
        let tea = r#"{"title":"Tea","status":"active","category":"kitchen"}"#;
        rig.made(rig.put("/v1/products/tea", tea)).await;
        for (sku, price) in [("tea-1", 995), ("tea-2", 1_990)] {
            rig.sku(sku, price).await;
        }
        rig
    }

    /// Ten more pieces of tea, of one kind.
    pub(super) async fn sku(&self, sku: &str, price: i64) {
        let body = format!(r#"{{"product_id":"tea","title":"Tea {sku}"}}"#);
        self.made(self.put(&format!("/v1/skus/{sku}"), &body)).await;
        let body = format!(r#"{{"amount":{{"amount":{price},"currency":"USD"}}}}"#);
        self.made(self.put(&format!("/v1/price-books/default/prices/{sku}"), &body)).await;
        let adjust = post(&format!("/v1/stock/{sku}/adjustments"))
            .bearer(&self.staff)
            .header("idempotency-key", sku)
            .json(r#"{"location":"main","delta":10,"reason":"receipt"}"#);
        assert_eq!(self.world.send(adjust).await.status, 200);
    }

    /// Staff makes a thing.
    pub(super) fn put(&self, path: &str, body: &str) -> Ask {
        ask("PUT", path).bearer(&self.staff).header("if-none-match", "*").json(body)
    }

    /// Sends a request that makes the thing at its path.
    async fn made(&self, request: Ask) {
        let path = request.path().to_owned();
        let answer = self.world.send(request).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.header("location"), path);
    }

    pub(super) async fn send(&self, request: Ask) -> Answer {
        self.world.send(request).await
    }

    /// A request to the admin listener, by the service unless it says otherwise.
    pub(super) async fn admin(&self, request: Ask) -> Answer {
        self.world.send_through(Some(&self.admin), request.or_bearer(&self.staff)).await
    }

    /// A registered buyer's token.
    pub(super) async fn buyer(&self, name: &str) -> String {
        let token = self.world.token(&format!("login_hint={name}")).await;
        let body = format!(r#"{{"name":"{name}","email":"{name}@example.com"}}"#);
        let answer = self.send(post("/v1/customers").bearer(&token).json(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        token
    }

    /// An address in the book.
    pub(super) async fn put_address(&self, token: &str, id: &str) {
        let put = ask("PUT", &format!("/v1/me/addresses/{id}")).bearer(token).json(ADDRESS);
        self.made(put.header("if-none-match", "*")).await;
    }

    /// A cart with an address, one `tea-1` and these tenders; its quote.
    pub(super) async fn cart(&self, token: &str, id: &str, tenders: &str) -> Answer {
        self.cart_of(token, id, &["tea-1"], tenders).await
    }

    /// A cart with an address, one of each of these SKUs and these tenders; its quote.
    pub(super) async fn cart_of(
        &self,
        token: &str,
        id: &str,
        skus: &[&str],
        tenders: &str,
    ) -> Answer {
        let lines: Vec<_> = skus.iter().map(|sku| json!({"sku": sku, "qty": 1})).collect();
        let lines = json!(lines);
        let body = format!(r#"{{"lines":{lines},"address":{ADDRESS},"tenders":{tenders}}}"#);
        let path = format!("/v1/carts/{id}");
        let put = ask("PUT", &path).bearer(token).header("if-none-match", "*").json(&body);
        self.made(put).await;
        let quote = self.send(post(&format!("{path}/quote")).bearer(token)).await;
        assert_eq!(quote.status, 200, "{}", quote.text());
        quote
    }

    /// The request that orders a quoted cart.
    pub(super) fn place(token: &str, quote: &Answer, more: &str) -> Ask {
        let quote = quote.json();
        let body = format!(
            r#"{{"cart_id":{},"cart_version":{},"quote_hash":{},"expected_total":{}{more}}}"#,
            quote["cart_id"],
            quote["cart_version"],
            quote["quote_hash"],
            quote["totals"]["payable"],
        );
        post("/v1/orders").bearer(token).json(&body)
    }

    /// An order that is paid at the door, and with it confirmed.
    pub(super) async fn cod_order(&self, token: &str, cart: &str) -> Answer {
        let quote = self.cart(token, cart, r#"[{"type":"cod"}]"#).await;
        let more = r#","txn_type":"cod","tenders":[{"type":"cod"}]"#;
        let placed = self.send(Self::place(token, &quote, more).header("idempotency-key", cart));
        let placed = placed.await;
        assert_eq!(placed.status, 201, "{}", placed.text());
        placed
    }

    /// The only shipment of an order.
    pub(super) async fn shipment(&self, order: &Answer) -> String {
        let path = format!("/v1/orders/{}/shipments", order.json()["id"].as_str().unwrap());
        for _ in 0..100 {
            let list = self.send(get(&path).bearer(&self.staff)).await.json();
            if let Some(id) = list["data"][0]["id"].as_str() {
                return id.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the order has no shipment");
    }
}
