//! A shop that serves streams on a free port, orders to watch, and clients that read them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::clock::SystemClock;
use cluster::ctx::{NoPeers, NodeCtx, NodeId, Random};
use cluster::{Node, NodeOptions};
use commerce::cart::{self, Cart, Content, Place, PlaceBody};
use commerce::customer::Address;
use commerce::money::{Ccy, Money};
use commerce::order::{self, Decided, Order, PricedLine, PricedOrder, Timers, Totals, TxnType};
use commerce::protocol::IfVersion;
use commerce::sku::{self, Sku};
use commerce::{hosting, keys};
use entity::{Cause, Entity, EntityKey, Principal, PrincipalKind, Scopes, Tenant};
use ports::memory::MemoryStore;
use serde_json::Value;

use crate::refusal::Refused;
use crate::server::{Server, ServerHandle, ServerOptions};
use crate::settings::{Settings, Spec};
use crate::shop::{Asker, Shop, Terms};
use crate::testing::{Setup, World};

/// How long a test waits for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

struct Draws(std::sync::atomic::AtomicU64);

impl Random for Draws {
    fn bits(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, std::sync::atomic::Ordering::Relaxed)
    }
}

pub(super) struct Rig {
    pub(super) world: World,
    pub(super) base: String,
    pub(super) handle: ServerHandle,
    shop: Shop,
    pub(super) node: Node,
}

pub(super) fn buyer(name: &str) -> Principal {
    Principal {
        tenant: Tenant::new("demo"),
        subject: name.into(),
        kind: PrincipalKind::Customer,
        scopes: Scopes::ALL,
    }
}

fn staff() -> Principal {
    Principal { kind: PrincipalKind::Operator, ..buyer("operator") }
}

impl Rig {
    pub(super) async fn new() -> Self {
        let rig = Self::over(Arc::new(MemoryStore::new(4))).await;
        rig.stock().await;
        rig
    }

    /// The shop over what a store holds.
    pub(super) async fn over(store: Arc<MemoryStore>) -> Self {
        let ctx = NodeCtx {
            node: NodeId::new("n1"),
            transport: Arc::new(NoPeers),
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(Draws(1.into())),
            store: Arc::clone(&store) as _,
            types: Arc::new(hosting::entity_types()),
        };
        let node = Node::start(ctx, NodeOptions::default()).await.unwrap();
        let terms = Terms {
            channel: "web".into(),
            ccy: Ccy::USD,
            book: "default".into(),
            tax_ppm: 0,
            tax_included: false,
            shipping: Vec::new(),
            locations: vec!["main".into()],
            wallet_grant: 0,
        };
        let settings = Settings::default();
        let views = crate::Views::start(&node).await.unwrap();
        let region = node.region().clone();
        let shop = Shop::new(region, Arc::clone(&store) as _, settings, terms, views);
        let setup = Setup { store, shop: Some(shop.clone()), ..Setup::default() };
        let world = World::with(setup).await;
        let free = "127.0.0.1:0".parse().unwrap();
        let mut options = ServerOptions::new(free, free);
        options.bye_ms = 400;
        options.finish_ms = 1_000;
        let server = Server::bind(world.edge.clone(), options).unwrap();
        let base = format!("http://{}", server.http_addr());
        let handle = server.handle();
        actix_web::rt::spawn(server.run());
        Self { world, base, handle, shop, node }
    }

    pub(super) fn set(&self, spec: Spec, value: u64) {
        let changes = BTreeMap::from([(spec.key.to_owned(), value)]);
        let settings = self.shop.settings();
        settings.put(settings.values().changed(&changes).unwrap());
    }

    async fn ask<E>(&self, who: &Principal, key: &EntityKey, command: &E::Command) -> E::Reply
    where
        E: Entity,
        E::Rejection: Refused,
    {
        let asker = Asker { principal: who.clone(), cause: Cause::default(), key: None };
        match self.shop.ask::<E>(&asker, key, command).await {
            Ok(reply) => reply.value,
            Err(problem) => panic!("{problem}"),
        }
    }

    async fn stock(&self) {
        let key = keys::sku(&Tenant::new("demo"), "a");
        let (any, amount) = (IfVersion::Any, Money::new(1_000, Ccy::USD));
        let put = sku::Command::PutSku {
            product_id: "p".into(),
            title: "A thing".into(),
            if_version: any,
        };
        let price = sku::Command::SetPrice { book: "default".into(), amount, if_version: any };
        let adjust = sku::Command::Adjust {
            location: "main".into(),
            change: sku::Change::Delta(1_000),
            reason: "receipt".into(),
        };
        for command in [put, price, adjust] {
            self.ask::<Sku>(&staff(), &key, &command).await;
        }
    }

    /// An order of one thing that awaits its payment.
    pub(super) async fn order(&self, who: &str, cart: &str) -> EntityKey {
        let who = buyer(who);
        let key = keys::cart(&who.tenant, cart);
        let content = Content {
            channel: "web".into(),
            currency: Ccy::USD,
            lines: vec![cart::CartLine { sku: "a".into(), qty: 1.try_into().unwrap() }],
            address: Some(address()),
            shipping_option: "standard".into(),
            coupons: Vec::new(),
            tenders: Vec::new(),
        };
        let put = cart::Command::Put { content: Box::new(content), if_version: IfVersion::Any };
        self.ask::<Cart>(&who, &key, &put).await;
        let priced = priced();
        let body = PlaceBody {
            cart_version: 1,
            quote_hash: priced.quote_hash.clone(),
            expected_total: Money::new(priced.totals.payable, Ccy::USD),
            txn_type: TxnType::Fixed,
            tenders: Vec::new(),
        };
        let place = Place { body, priced, timers: Timers::default(), locale: "en".into() };
        let place = cart::Command::Place(Box::new(place));
        let cart::Reply::Placed { order, .. } = self.ask::<Cart>(&who, &key, &place).await else {
            panic!("not placed");
        };
        self.until(&order, &order::Query::Settled).await;
        // Its number comes by itself, in a version without a fact.
        while self.view(&order).await.number.is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        order
    }

    pub(super) async fn view(&self, order: &EntityKey) -> Box<order::OrderView> {
        let asker = Asker { principal: staff(), cause: Cause::default(), key: None };
        let query = order::Query::View { since_seq: None };
        match self.shop.query::<Order>(&asker, order, &query, 0).await.unwrap().view {
            order::View::Order(view) => view,
            other => panic!("{other:?}"),
        }
    }

    async fn until(&self, order: &EntityKey, query: &order::Query) -> u64 {
        let asker = Asker { principal: staff(), cause: Cause::default(), key: None };
        for _ in 0..100 {
            let seen = self.shop.query::<Order>(&asker, order, query, 2_000).await.unwrap();
            if seen.ready {
                return seen.version;
            }
        }
        panic!("the order does not settle");
    }

    pub(super) async fn version(&self, order: &EntityKey) -> u64 {
        self.until(order, &order::Query::Summary).await
    }

    /// Freezes and releases an order: two facts.
    pub(super) async fn shake(&self, order: &EntityKey) {
        let hold = order::Command::PutOnHold { note: "look".into() };
        self.ask::<Order>(&staff(), order, &hold).await;
        let release = order::Command::Release { decided: Decided::Resume, note: "fine".into() };
        self.ask::<Order>(&staff(), order, &release).await;
    }

    pub(super) async fn cancel(&self, order: &EntityKey) {
        let cancel = order::Command::Cancel { lines: Vec::new(), if_version: IfVersion::Any };
        self.ask::<Order>(&staff(), order, &cancel).await;
        self.until(order, &order::Query::CancelSettled).await;
    }

    pub(super) async fn token(&self, who: &str) -> String {
        self.world.token(&format!("login_hint={who}")).await
    }

    pub(super) async fn ticket(&self, token: &str, topic: &str) -> String {
        let ask = crate::testing::post("/v1/stream-tickets").bearer(token);
        let answer = self.world.send(ask.json(&format!(r#"{{"topics":["{topic}"]}}"#))).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["ticket"].as_str().unwrap().to_owned()
    }

    /// Opens a stream that must begin.
    pub(super) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Reader {
        let response = self.get(path, headers).await;
        assert_eq!(response.status().as_u16(), 200, "{}", response.text().await.unwrap());
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("cache-control"), "no-cache, no-transform");
        assert_eq!(header("x-accel-buffering"), "no");
        Reader { response, text: String::new() }
    }

    pub(super) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Waits until no stream is open.
    /// The headers of a path only.
    pub(super) async fn head(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = reqwest::Client::new().head(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    pub(super) async fn until_all_are_gone(&self) {
        let streams = self.world.edge.streams();
        for _ in 0..1_000 {
            if streams.n_open() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} streams are still open", streams.n_open());
    }
}

fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        line1: "12 Main Street".into(),
        line2: None,
        city: "Springfield".into(),
        region: Some("US-CA".into()),
        postal_code: "90210".into(),
        country: "US".into(),
        phone: None,
    }
}

fn priced() -> PricedOrder {
    let line = PricedLine {
        sku: "a".into(),
        title: "A thing".into(),
        qty: 1.try_into().unwrap(),
        unit_price: 1_000,
        price_version: 1,
        gross: 1_000,
        discounts: Vec::new(),
        total: 1_000,
        tax: 80,
    };
    PricedOrder {
        quote_hash: "hash".into(),
        ccy: Ccy::USD,
        lines: vec![line],
        totals: Totals {
            lines: 1_000,
            shipping: 500,
            tax: 120,
            tax_included: false,
            tenders: 0,
            payable: 1_620,
        },
    }
}

/// The path of an order's stream.
pub(super) fn events_of(order: &EntityKey) -> String {
    format!("/v1/orders/{}/events", crate::dto::order_id(order))
}

/// One block of a stream.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Block {
    pub(super) id: Option<String>,
    pub(super) event: String,
    pub(super) retry: Option<u64>,
    pub(super) data: Value,
    pub(super) comment: Option<String>,
}

impl Block {
    pub(super) fn seqs(&self) -> Vec<u64> {
        let entries = self.data["timeline"].as_array().unwrap();
        entries.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect()
    }

    pub(super) fn status(&self) -> &str {
        self.data["order"]["status"].as_str().unwrap()
    }
}

/// A client of server-sent events.
pub(super) struct Reader {
    response: reqwest::Response,
    text: String,
}

impl Reader {
    /// The next block; none: the stream has ended.
    pub(super) async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (parse(block), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            match chunk.expect("a block comes in time").unwrap() {
                Some(chunk) => self.text.push_str(std::str::from_utf8(&chunk).unwrap()),
                None => {
                    assert_eq!(self.text, "", "a stream ends between blocks");
                    return None;
                }
            }
        }
    }

    /// The next block with an event.
    pub(super) async fn event(&mut self) -> Block {
        loop {
            let block = self.next().await.expect("the stream goes on");
            if !block.event.is_empty() {
                return block;
            }
        }
    }
}

fn parse(text: &str) -> Block {
    let mut block = Block::default();
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap();
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => block.id = Some(value.to_owned()),
            "event" => block.event = value.to_owned(),
            "retry" => block.retry = Some(value.parse().unwrap()),
            "data" => block.data = serde_json::from_str(value).unwrap(),
            "" => block.comment = Some(value.to_owned()),
            other => panic!("unknown field {other}"),
        }
    }
    block
}
