//! A small good journal, made by a real node over a store in memory: orders that were delivered,
//! cancelled after they were paid, refused for lack of stock, left unpaid, and paid.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use cluster::clock::SystemClock;
use cluster::ctx::{NoPeers, NodeCtx, NodeId, Random};
use cluster::outbox::events_of;
use cluster::{Ask, Node, NodeOptions, Region};
use commerce::account::{self, Account};
use commerce::cart::{self, Cart, CartLine, Content, Place, PlaceBody};
use commerce::customer::{self, Address, Customer};
use commerce::hosting::entity_types;
use commerce::keys;
use commerce::money::{Ccy, Money};
use commerce::order::{
    self, Order, OrderView, PricedLine, PricedOrder, Tender, Timers, Totals, TxnType,
};
use commerce::protocol::IfVersion;
use commerce::shipment::{self, Shipment};
use commerce::sku::{self, Sku};
use entity::{
    Cause, Entity, EntityKey, Fingerprint, IdempotencyKey, Principal, PrincipalKind, Scopes,
    ShardId, Tenant, Timestamp,
};
use ports::{MemoryStore, Store};

use crate::calm::Calm;
use crate::check::journal::{Depth, Given, Journals, Owned, Published, World};
use crate::history::{Answer, Op, Said};
use crate::history::{Ask as Asked, History};

/// The price of a unit of everything.
const PRICE: i64 = 1_000;
/// More commits than a shard of it has.
const N_COMMITS: usize = 10_000;
/// How long one request may take, in ms.
const WAIT_MS: u64 = 20_000;

struct Draws(AtomicU64);

impl Random for Draws {
    fn bits(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

pub(super) fn tenant() -> Tenant {
    Tenant::new("demo")
}

/// The journal, and what a run would know beside it. Made once; each test tampers its own copy.
pub(super) fn good() -> (Journals, Given) {
    static GOOD: OnceLock<(Journals, Given)> = OnceLock::new();
    GOOD.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(make(false))
    })
    .clone()
}

struct Rig {
    region: Region,
    history: History,
}

/// The same shop with more of everything: revoked holds, cancelled units, refused parcels, orders
/// on hold, payments that never come.
pub(super) fn busy() -> (Journals, Given) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(make(true))
}

async fn make(is_busy: bool) -> (Journals, Given) {
    let (store, clock) = (Arc::new(MemoryStore::new(3)), Arc::new(SystemClock::default()));
    let ctx = NodeCtx {
        node: NodeId::new("n1"),
        transport: Arc::new(NoPeers),
        clock: Arc::clone(&clock) as _,
        random: Arc::new(Draws(AtomicU64::new(1))),
        store: Arc::clone(&store) as _,
        types: Arc::new(entity_types()),
    };
    let node = Node::start(ctx, NodeOptions::default()).await.unwrap();
    let mut rig = Rig { region: node.region().clone(), history: History::default() };
    rig.shop().await;
    rig.trade().await;
    if is_busy {
        for round in 0..6 {
            rig.trade_busily(round, &clock).await;
        }
    }
    assert!(node.drain(WAIT_MS).await, "the node comes to rest");
    let published = published(&*store).await;
    let mut given = Given::of(tenant());
    given.is_healed = true;
    given.end_us = 1_000_000;
    given.owners = (0..3).map(|it| Owned { shard: ShardId(it), epoch: 1, node: 0 }).collect();
    given.depths = BTreeMap::from([("inbox".to_owned(), Depth { max_seen: 3, limit: 8 })]);
    given.calm = Some(Calm::of_nodes(1));
    given.durable_us = (0..3).map(|shard| (ShardId(shard), vec![0; N_COMMITS])).collect();
    given.skus = vec!["a".into(), "b".into()];
    given.history = rig.history;
    let world = World::read(&*store, Some(published), given.clone()).await.unwrap();
    (world.journals().clone(), given)
}

/// What a relay would have said: everything once, and the first event of a stream again.
async fn published(store: &dyn Store) -> Vec<Published> {
    let (types, history) = (entity_types(), store.history());
    let mut events = Vec::new();
    for shard in (0..store.n_shards()).map(ShardId) {
        for frame in store.read(shard, 1, usize::MAX).await.unwrap() {
            events.extend(events_of(&frame, &types, &history).unwrap());
        }
    }
    events.extend(events.first().cloned());
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let place = |event: Arc<ports::CloudEvent>| {
        let stream = event.stream();
        let end = ends.entry(stream.clone()).or_insert(0);
        *end += 1;
        (stream, *end, event)
    };
    events.into_iter().map(place).collect()
}

fn principal(subject: &str, kind: PrincipalKind) -> Principal {
    Principal { tenant: tenant(), subject: subject.into(), kind, scopes: Scopes::ALL }
}

fn buyer(name: &str) -> Principal {
    principal(name, PrincipalKind::Customer)
}

fn staff() -> Principal {
    principal("staff", PrincipalKind::Operator)
}

pub(super) fn usd(minor: i64) -> Money {
    Money::new(minor, Ccy::USD)
}

impl Rig {
    async fn tell<E: Entity>(
        &self,
        who: Principal,
        key: &EntityKey,
        command: &E::Command,
        idempotency: Option<u8>,
    ) -> E::Reply {
        let idempotency =
            idempotency.map(|n| (IdempotencyKey([n; 16]), Fingerprint([n; 16])).into());
        let ask = Ask { principal: who, cause: Cause::default(), idempotency, wait_ms: WAIT_MS };
        match self.region.ask::<E>(key, command, ask).await {
            Ok(reply) => reply.value,
            Err(error) => panic!("{key}: {error}"),
        }
    }

    async fn shop(&self) {
        for (code, units) in [("a", 1_000), ("b", 5)] {
            let key = keys::sku(&tenant(), code);
            let (if_version, location) = (IfVersion::Any, "main");
            let put = sku::Command::PutSku {
                product_id: "p".into(),
                title: "A thing".into(),
                if_version,
            };
            let price =
                sku::Command::SetPrice { book: "default".into(), amount: usd(PRICE), if_version };
            let adjust = sku::Command::Adjust {
                location: location.into(),
                change: sku::Change::Delta(units),
                reason: "receipt".into(),
            };
            for command in [put, price, adjust] {
                self.tell::<Sku>(staff(), &key, &command, None).await;
            }
        }
        let customer = keys::customer(&tenant(), PrincipalKind::Customer, "ann");
        let register = customer::Command::Register {
            name: "Ann".into(),
            email: "ann@example.com".into(),
            utc_offset_min: 0,
        };
        self.tell::<Customer>(buyer("ann"), &customer, &register, None).await;
        let open = account::Command::Open { grant: usd(50_000) };
        self.tell::<Account>(staff(), &keys::wallet(&customer), &open, None).await;
    }

    async fn trade(&mut self) {
        let delivered = self.place(1, "ann", &[(0, 2)], &[Tender::Cod]).await;
        self.deliver(&delivered, 2 * PRICE).await;
        let cancelled = self.place(2, "ann", &[(0, 1), (1, 2)], &[wallet(3 * PRICE)]).await;
        self.cancel(&cancelled, Vec::new()).await;
        self.place(3, "bob", &[(0, 1), (1, 9)], &[Tender::Cod]).await;
        self.place(4, "bob", &[(0, 1)], &[]).await;
        self.place(5, "ann", &[(0, 3), (1, 1)], &[wallet(4 * PRICE)]).await;
        // Nothing follows any more once each order that was sold or is to be paid has its number.
        for op in 0..self.history.ops.len() {
            let order = self.history.ops[op].answer.as_ref().and_then(|it| it.order.clone());
            let Some(order) = order else { continue };
            let key = keys::parse_order(&tenant(), &order).unwrap();
            let is_sold = |view: &OrderView| view.stage != order::Stage::Cancelled;
            loop {
                let view = self.view(&key, &order::Query::View { since_seq: None }).await;
                if view.number.is_some() || !is_sold(&view) || view.reason.is_some() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    }

    /// Places an order of (SKU, units) and notes what its client saw.
    async fn place(
        &mut self,
        n: u8,
        who: &str,
        lines: &[(u32, u32)],
        tenders: &[Tender],
    ) -> EntityKey {
        let name = format!("cart-{n}");
        let key = keys::cart(&tenant(), &name);
        let content = Content {
            channel: "web".into(),
            currency: Ccy::USD,
            lines: lines
                .iter()
                .map(|(sku, qty)| CartLine {
                    sku: code(*sku).into(),
                    qty: (*qty).try_into().unwrap(),
                })
                .collect(),
            address: Some(address()),
            shipping_option: "standard".into(),
            coupons: Vec::new(),
            tenders: tenders.to_vec(),
        };
        let put = cart::Command::Put { content: Box::new(content), if_version: IfVersion::Any };
        self.tell::<Cart>(buyer(who), &key, &put, None).await;
        let priced = priced(lines, tenders);
        let is_cod = tenders == [Tender::Cod];
        let body = PlaceBody {
            cart_version: 1,
            quote_hash: priced.quote_hash.clone(),
            expected_total: usd(priced.totals.payable),
            txn_type: if is_cod { TxnType::Cod } else { TxnType::Fixed },
            tenders: tenders.to_vec(),
        };
        let place = Place { body, priced, timers: Timers::default(), locale: "en".into() };
        let place = cart::Command::Place(Box::new(place));
        let reply = self.tell::<Cart>(buyer(who), &key, &place, Some(n)).await;
        let again = self.tell::<Cart>(buyer(who), &key, &place, Some(n)).await;
        assert_eq!(again, reply, "a repeat says the same");
        let cart::Reply::Placed { order, .. } = reply else { panic!("not placed") };
        let view = self.view(&order, &order::Query::Settled).await;
        let ask = Asked::Place { cart: name, lines: lines.to_vec(), offer: None };
        self.note(n, ask, &view);
        order
    }

    async fn view(&self, order: &EntityKey, query: &order::Query) -> Box<OrderView> {
        let ask = Ask {
            principal: staff(),
            cause: Cause::default(),
            idempotency: None,
            wait_ms: WAIT_MS,
        };
        match self.region.query::<Order>(order, query, ask).await.unwrap().view {
            order::View::Order(view) => view,
            other => panic!("{other:?}"),
        }
    }

    async fn look(&mut self, order: &EntityKey, query: &order::Query) {
        let view = self.view(order, query).await;
        self.note(0, Asked::GetOrder { order: order.public(keys::ORDER_PREFIX) }, &view);
    }

    async fn until(&self, order: &EntityKey, is: impl Fn(&OrderView) -> bool) {
        while !is(&*self.view(order, &order::Query::View { since_seq: None }).await) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Staff ships an order's only parcel.
    async fn dispatch(&self, order: &EntityKey) -> EntityKey {
        let key = keys::shipment(order, "main");
        let ask = shipment::Command::Dispatch { carrier: "c".into(), tracking_number: "1".into() };
        self.tell::<Shipment>(staff(), &key, &ask, None).await;
        self.until(order, |view| view.parcels[0].phase >= order::ParcelPhase::Dispatched).await;
        key
    }

    /// Staff ships an order's only parcel, which arrives and is paid.
    async fn deliver(&mut self, order: &EntityKey, due: i64) {
        let key = self.dispatch(order).await;
        let arrived = shipment::Command::Track {
            event_id: "e1".into(),
            status: shipment::TrackingStatus::Delivered,
            at: Timestamp(1_000),
        };
        let paid = shipment::Command::Cod {
            event_id: "e2".into(),
            result: shipment::CodResult::Collected,
            amount: usd(due),
            receipt: Some("R-1".into()),
        };
        for command in [arrived, paid] {
            self.tell::<Shipment>(staff(), &key, &command, None).await;
        }
        self.scanned(order, &key);
        self.until(order, |view| view.stage == order::Stage::Fulfilled).await;
        self.look(order, &order::Query::Settled).await;
    }

    /// A client's word of the scan.
    fn scanned(&mut self, order: &EntityKey, parcel: &EntityKey) {
        let (parcel, event) = (parcel.public(keys::SHIPMENT_PREFIX), "e1".into());
        let said = Some(Said::Scan { parcel, event, at_ms: 1_000 });
        let ask = Asked::Advance { order: order.public(keys::ORDER_PREFIX), said };
        let (answered_us, key, over, answer) = (Some(0), None, None, None);
        let (visit, intended_us, sent_us, node) = (0, 0, 0, 0);
        let op = Op { visit, intended_us, sent_us, answered_us, node, key, over, ask, answer };
        self.history.ops.push(op);
    }

    async fn cancel(&mut self, order: &EntityKey, lines: Vec<order::LineQty>) {
        let cancel = order::Command::Cancel { lines, if_version: IfVersion::Any };
        self.tell::<Order>(staff(), order, &cancel, None).await;
        self.look(order, &order::Query::CancelSettled).await;
    }

    async fn adjust(&self, code: &str, change: sku::Change) {
        let (location, reason) = ("main".into(), "look".into());
        let adjust = sku::Command::Adjust { location, change, reason };
        self.tell::<Sku>(staff(), &keys::sku(&tenant(), code), &adjust, None).await;
    }

    async fn trade_busily(&mut self, round: u8, clock: &SystemClock) {
        let (n, who) = (10 + round * 8, format!("buyer-{round}"));
        self.adjust("b", sku::Change::Delta(3)).await;
        self.place(n, &who, &[(0, 2)], &[Tender::Cod]).await;
        let parts = self.place(n + 1, &who, &[(0, 3), (1, 1)], &[Tender::Cod]).await;
        self.cancel(&parts, vec![order::LineQty { line_id: "1".into(), qty: 1 }]).await;
        let refused = self.place(n + 2, &who, &[(0, 1)], &[Tender::Cod]).await;
        let shipment = self.dispatch(&refused).await;
        let at_the_door = shipment::Command::Cod {
            event_id: "e".into(),
            result: shipment::CodResult::Refused,
            amount: usd(0),
            receipt: None,
        };
        self.tell::<Shipment>(staff(), &shipment, &at_the_door, None).await;
        self.until(&refused, |view| view.stage == order::Stage::Cancelled).await;
        let held = self.place(n + 3, "ann", &[(0, 2)], &[wallet(2 * PRICE)]).await;
        let freeze = order::Command::PutOnHold { note: "look".into() };
        let decided = order::Decided::Resume;
        let resume = order::Command::Release { decided, note: "fine".into() };
        for command in [freeze, resume] {
            self.tell::<Order>(staff(), &held, &command, None).await;
        }
        self.cancel(&held, Vec::new()).await;
        // Two that are never paid: one loses its hold to a stock count, one is cancelled.
        let revoked = self.place(n + 4, &who, &[(0, 4)], &[]).await;
        let given_up = self.place(n + 5, &who, &[(0, 1)], &[]).await;
        self.cancel(&given_up, Vec::new()).await;
        self.adjust("a", sku::Change::Count(1)).await;
        self.adjust("a", sku::Change::Count(1_000)).await;
        let unpaid = self.place(n + 6, &who, &[(0, 1), (1, 1)], &[]).await;
        clock.advance(32 * 60 * 1_000);
        for order in [&revoked, &unpaid] {
            self.until(order, |view| view.stage == order::Stage::Cancelled).await;
        }
    }

    fn note(&mut self, n: u8, ask: Asked, view: &OrderView) {
        let at = self.history.ops.len() as u64;
        let is_placing = matches!(ask, Asked::Place { .. });
        let answer = Answer {
            status: if is_placing { 201 } else { 200 },
            order: Some(view.key.public(keys::ORDER_PREFIX)),
            version: Some(view.version),
            state: Some(view.after.status.word().to_owned()),
            body: at,
            ..Answer::default()
        };
        self.history.ops.push(Op {
            visit: n.into(),
            intended_us: at,
            sent_us: at,
            answered_us: Some(at + 1),
            node: 0,
            key: is_placing.then(|| format!("key-{n}")),
            over: None,
            ask,
            answer: Some(answer),
        });
    }
}

fn code(sku: u32) -> &'static str {
    ["a", "b"][usize::try_from(sku).unwrap()]
}

fn wallet(minor: i64) -> Tender {
    Tender::Wallet { amount: usd(minor) }
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

fn priced(lines: &[(u32, u32)], tenders: &[Tender]) -> PricedOrder {
    let line = |(sku, qty): &(u32, u32)| PricedLine {
        sku: code(*sku).into(),
        title: "A thing".into(),
        qty: (*qty).try_into().unwrap(),
        unit_price: PRICE,
        price_version: 1,
        gross: PRICE * i64::from(*qty),
        discounts: Vec::new(),
        total: PRICE * i64::from(*qty),
        tax: 0,
    };
    let lines: Vec<_> = lines.iter().map(line).collect();
    let total: i64 = lines.iter().map(|line| line.total).sum();
    let is_wallet = matches!(tenders, [Tender::Wallet { .. }]);
    let (from_wallet, payable) = if is_wallet { (total, 0) } else { (0, total) };
    let totals = Totals {
        lines: total,
        shipping: 0,
        tax: 0,
        tax_included: false,
        tenders: from_wallet,
        payable,
    };
    PricedOrder { quote_hash: "hash".into(), ccy: Ccy::USD, lines, totals }
}
