//! A shop in one thread: real entities in real cells, FIFO streams between four shards, a clock.
//!
//! After every step the twin that is folded from stored events must equal the live cell (I3), no
//! deadline may be due any more, and every event must have a public face that is JSON.

use std::collections::{BTreeMap, VecDeque};

use codec::{Carried, Packed, Stored, pack, unpack};
use compact_str::CompactString;
use entity::{
    BounceReason, Cause, Cell, Context, Entity, EntityKey, EntityType, EntityTypes, EventContext,
    Fingerprint, IdempotencyKey, Input, Message, MessageKind, Outcome, PackedEvents, Principal,
    PrincipalKind, QueryOutcome, RecordSource, Scopes, Sends, ShardId, Source, StepRecord, Tenant,
    Timestamp,
};

use crate::account::{self, Account};
use crate::cart::{self, Cart};
use crate::customer::{self, Address, Customer};
use crate::money::{Ccy, Money};
use crate::numbers::Numbers;
use crate::order::*;
use crate::product::Product;
use crate::protocol::IfVersion;
use crate::shipment::{self, Shipment};
use crate::sku::{self, Sku};
use crate::{keys, kinds};

pub(crate) const N_SHARDS: u16 = 4;
const START: Timestamp = Timestamp(1_700_000_000_000);

pub(crate) fn tenant() -> Tenant {
    Tenant::new("demo")
}

pub(crate) fn buyer(name: &str) -> Principal {
    Principal {
        tenant: tenant(),
        subject: CompactString::new(name),
        kind: PrincipalKind::Customer,
        scopes: Scopes::ALL,
    }
}

pub(crate) fn staff() -> Principal {
    Principal { kind: PrincipalKind::Operator, ..buyer("operator") }
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::new(minor, Ccy::USD)
}

pub(crate) fn address() -> Address {
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

/// Lines at 1,000 each with 80 tax, 500 shipping with 40 tax; `wallet` pays so much of it.
pub(crate) fn priced(lines: &[(&str, u32)], price_version: u64, wallet: i64) -> PricedOrder {
    let priced: Vec<PricedLine> = lines
        .iter()
        .map(|(sku, qty)| PricedLine {
            sku: CompactString::new(sku),
            title: CompactString::new("A thing"),
            qty: (*qty).try_into().unwrap(),
            unit_price: 1_000,
            price_version,
            gross: 1_000 * i64::from(*qty),
            discounts: Vec::new(),
            total: 1_000 * i64::from(*qty),
            tax: 80 * i64::from(*qty),
        })
        .collect();
    let sum: i64 = priced.iter().map(|line| line.total).sum();
    let tax = priced.iter().map(|line| line.tax).sum::<i64>() + 40;
    let all = sum + 500 + tax;
    let tenders = wallet.min(all);
    PricedOrder {
        quote_hash: "hash".into(),
        ccy: Ccy::USD,
        lines: priced,
        totals: Totals {
            lines: sum,
            shipping: 500,
            tax,
            tax_included: false,
            tenders,
            payable: all - tenders,
        },
    }
}

fn types() -> EntityTypes {
    EntityTypes::new()
        .with(EntityType::of::<Cart>(|_| None))
        .with(EntityType::of::<Order>(|_| None))
        .with(EntityType::of::<Sku>(|_| None))
        .with(EntityType::of::<Product>(|_| None))
        .with(EntityType::of::<Account>(|_| None))
        .with(EntityType::of::<Shipment>(|_| None))
        .with(EntityType::of::<Customer>(|_| None))
        .with(EntityType::of::<Numbers>(|_| None))
}

/// What happens to a message on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Arrives,
    Bounces(fn() -> BounceReason),
}

type Judge = Box<dyn FnMut(&Message) -> Fate>;

/// A cell, and the same folded from its records.
type Twins = (Box<dyn Cell>, Box<dyn Cell>);

pub(crate) struct World {
    types: EntityTypes,
    cells: BTreeMap<EntityKey, Twins>,
    streams: BTreeMap<(ShardId, ShardId), VecDeque<Message>>,
    pub(crate) now: Timestamp,
    judge: Judge,
    /// Public names of order events, in order.
    pub(crate) published: Vec<(EntityKey, &'static str, serde_json::Value)>,
    pub(crate) n_events: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            types: types(),
            cells: BTreeMap::new(),
            streams: BTreeMap::new(),
            now: START,
            judge: Box::new(|_| Fate::Arrives),
            published: Vec::new(),
            n_events: 0,
        }
    }

    /// A shop with so many units of SKUs `a`, `b`, `c` at `main`.
    pub(crate) fn stocked(n: i64) -> Self {
        let mut world = Self::new();
        for sku in ["a", "b", "c"] {
            world.stock(sku, "main", n);
        }
        world
    }

    pub(crate) fn judge(&mut self, judge: impl FnMut(&Message) -> Fate + 'static) {
        self.judge = Box::new(judge);
    }

    pub(crate) fn stock(&mut self, sku: &str, location: &str, n: i64) {
        let key = keys::sku(&tenant(), sku);
        if self.version(&key) == 0 {
            let put = sku::Command::PutSku {
                product_id: "p".into(),
                title: "A thing".into(),
                if_version: IfVersion::Any,
            };
            self.ask::<Sku>(&staff(), &key, &put).unwrap();
            let price = sku::Command::SetPrice {
                book: "default".into(),
                amount: usd(1_000),
                if_version: IfVersion::Any,
            };
            self.ask::<Sku>(&staff(), &key, &price).unwrap();
        }
        let adjust = sku::Command::Adjust {
            location: location.into(),
            change: sku::Change::Delta(n),
            reason: "receipt".into(),
        };
        self.ask::<Sku>(&staff(), &key, &adjust).unwrap();
        self.run();
    }

    fn cell(&mut self, key: &EntityKey) -> &mut (Box<dyn Cell>, Box<dyn Cell>) {
        let initial = self.types.get(key.kind).expect("a kind of the shop").initial;
        self.cells.entry(key.clone()).or_insert_with(|| (initial(key), initial(key)))
    }

    pub(crate) fn version(&mut self, key: &EntityKey) -> u64 {
        self.cell(key).0.version()
    }

    /// The state of an entity.
    pub(crate) fn state<E: Entity>(&mut self, key: &EntityKey) -> E {
        unpack(&self.cell(key).0.snapshot(0).state).unwrap()
    }

    pub(crate) fn order_body(&mut self, key: &EntityKey) -> Body {
        *self.state::<Order>(key).body.expect("placed")
    }

    pub(crate) fn stage(&mut self, key: &EntityKey) -> Stage {
        self.order_body(key).stage
    }

    /// One step, journaled into the twin; answers the outcome.
    fn step(
        &mut self,
        key: &EntityKey,
        principal: &Principal,
        source: Source<'_>,
        input: Input<'_>,
    ) -> Outcome {
        let now = self.now;
        let cause = Cause::default();
        let (cell, twin) = self.cell(key);
        let version = cell.version();
        let ctx = Context { key, now, version, principal, source, cause: &cause };
        let step = cell.step(&ctx, input).unwrap_or_else(|error| panic!("{key}: {error}"));
        let deadline = cell.next_deadline();
        let record = StepRecord {
            version,
            events: step.events.clone(),
            kept: step.kept.clone(),
            deadline,
            ..record(key, now)
        };
        twin.replay(&record).unwrap();
        let (live, folded) = (cell.snapshot(0), twin.snapshot(0));
        assert_eq!(live, folded, "I3: {key} differs from the fold of its events");
        self.publish(key, version, &step.events);
        self.n_events += step.events.len();
        let bounce = match input {
            Input::Message(message) => step.bounce.map(|packed| (message.clone(), packed)),
            Input::Command(..) | Input::Wake => None,
        };
        if let Some((message, packed)) = bounce {
            self.bounce(&message, BounceReason::Rejected(packed));
        }
        for effect in step.effects {
            let message = Message {
                from: key.clone(),
                to: effect.to,
                kind: MessageKind::Command,
                body: effect.command,
                cause: Cause::default(),
                expires_at: effect.ttl_ms.map_or(Timestamp::MAX, |ms| now.plus_ms(ms)),
            };
            self.send(message);
        }
        step.outcome
    }

    fn publish(&mut self, key: &EntityKey, version: u64, events: &[Packed]) {
        let publication = self.types.get(key.kind).expect("a kind of the shop").publication;
        for (version, event) in (version + 1..).zip(events) {
            let ctx = EventContext { key, version, at: self.now };
            if let Some(public) = publication(&ctx, event).unwrap() {
                let data: serde_json::Value = serde_json::from_slice(&public.data).unwrap();
                assert_eq!(data["version"], version, "no gap in published versions");
                self.published.push((key.clone(), public.event_type, data));
            }
        }
    }

    fn send(&mut self, message: Message) {
        let stream = (message.from.shard(N_SHARDS), message.to.shard(N_SHARDS));
        self.streams.entry(stream).or_default().push_back(message);
    }

    fn bounce(&mut self, message: &Message, reason: BounceReason) {
        if message.kind == MessageKind::Command {
            self.send(Message {
                from: message.to.clone(),
                to: message.from.clone(),
                kind: MessageKind::Bounce(reason),
                body: message.body.clone(),
                cause: Cause::default(),
                expires_at: Timestamp::MAX,
            });
        }
    }

    /// Streams with something in them.
    pub(crate) fn pending(&self) -> Vec<(ShardId, ShardId)> {
        self.streams.iter().filter(|(_, queue)| !queue.is_empty()).map(|(key, _)| *key).collect()
    }

    /// Delivers the next message of a stream.
    pub(crate) fn deliver(&mut self, stream: (ShardId, ShardId)) {
        let Some(message) = self.streams.get_mut(&stream).and_then(VecDeque::pop_front) else {
            return;
        };
        if message.kind == MessageKind::Command {
            if message.expires_at <= self.now {
                return self.bounce(&message, BounceReason::Expired);
            }
            if let Fate::Bounces(reason) = (self.judge)(&message) {
                return self.bounce(&message, reason());
            }
        }
        let system = Principal::system(tenant());
        let outcome = self.step(
            &message.to.clone(),
            &system,
            Source::Entity(&message.from),
            Input::Message(&message),
        );
        assert_eq!(outcome, Outcome::Taken);
    }

    /// Delivers everything.
    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            match self.pending().first() {
                Some(stream) => self.deliver(*stream),
                None => return,
            }
        }
        panic!("messages go in circles");
    }

    /// Delivers messages until `until` holds; panics when it never does.
    pub(crate) fn run_until(&mut self, mut until: impl FnMut(&mut Self) -> bool) {
        while !until(self) {
            let stream = *self.pending().first().expect("something is under way");
            self.deliver(stream);
        }
    }

    /// Wakes everything that is due.
    pub(crate) fn wake(&mut self) {
        let system = Principal::system(tenant());
        let due: Vec<EntityKey> = self
            .cells
            .iter()
            .filter(|(_, (cell, _))| cell.next_deadline().is_some_and(|at| at <= self.now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.step(&key, &system, Source::Timer, Input::Wake);
            let deadline = self.cell(&key).0.next_deadline();
            assert!(deadline.is_none_or(|at| at > self.now), "{key} stays due");
        }
    }

    /// Lets time pass: every deadline on the way fires at its time, every message arrives.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        loop {
            self.run();
            let next = self.cells.values().filter_map(|(cell, _)| cell.next_deadline()).min();
            match next {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    self.wake();
                }
                Some(_) | None => break,
            }
        }
        self.now = end;
    }

    /// A caller's command.
    pub(crate) fn ask<E: Entity>(
        &mut self,
        principal: &Principal,
        key: &EntityKey,
        command: &E::Command,
    ) -> Result<E::Reply, E::Rejection> {
        let command = pack(command).unwrap();
        match self.step(key, principal, Source::Caller, Input::Command(&command, None)) {
            Outcome::Replied(_, reply) => Ok(reply.take().unwrap()),
            Outcome::Rejected(rejection) => Err(unpack(&rejection).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// A caller's command under an idempotency key.
    pub(crate) fn ask_keyed<C: Stored>(&mut self, key: &EntityKey, command: &C, n: u8) -> Outcome {
        let command = pack(command).unwrap();
        let print = Fingerprint([command.bytes.len() as u8; 16]);
        let input = Input::Command(&command, Some((IdempotencyKey([n; 16]), print).into()));
        self.step(key, &buyer("ada"), Source::Caller, input)
    }

    pub(crate) fn query<E: Entity>(
        &mut self,
        principal: &Principal,
        key: &EntityKey,
        query: &E::Query,
    ) -> (bool, Result<E::View, E::Rejection>) {
        let now = self.now;
        let cause = Cause::default();
        let (cell, _) = self.cell(key);
        let version = cell.version();
        let ctx = Context { key, now, version, principal, source: Source::Caller, cause: &cause };
        let query = Carried::of(query.clone());
        let answer = cell.query(&ctx, &query).unwrap();
        let waits = cell.awaited(&ctx, &query).unwrap().is_none();
        assert_eq!(
            waits,
            matches!(answer, QueryOutcome::NotYet(..)),
            "who waits, and who need not"
        );
        match answer {
            QueryOutcome::Ready(_, view) => (true, Ok(view.take().unwrap())),
            QueryOutcome::NotYet(_, view) => (false, Ok(view.take().unwrap())),
            QueryOutcome::Rejected(no) => (true, Err(unpack(&no).unwrap())),
        }
    }

    pub(crate) fn view(&mut self, key: &EntityKey) -> OrderView {
        match self.query::<Order>(&staff(), key, &Query::View { since_seq: None }).1.unwrap() {
            View::Order(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    /// Ada's cart `id` with these lines and tenders.
    pub(crate) fn cart(
        &mut self,
        id: &str,
        lines: &[(&str, u32)],
        tenders: &[Tender],
    ) -> EntityKey {
        let key = keys::cart(&tenant(), id);
        let content = cart::Content {
            channel: "web".into(),
            currency: Ccy::USD,
            lines: lines
                .iter()
                .map(|(sku, qty)| cart::CartLine {
                    sku: CompactString::new(sku),
                    qty: (*qty).try_into().unwrap(),
                })
                .collect(),
            address: Some(address()),
            shipping_option: "standard".into(),
            coupons: Vec::new(),
            tenders: tenders.to_vec(),
        };
        let put = cart::Command::Put { content: Box::new(content), if_version: IfVersion::Absent };
        self.ask::<Cart>(&buyer("ada"), &key, &put).unwrap();
        key
    }

    /// The command that places this cart.
    pub(crate) fn place_command(&mut self, cart: &EntityKey) -> cart::Place {
        let state: Cart = self.state(cart);
        let body = state.body.expect("the cart was made");
        let lines: Vec<(&str, u32)> =
            body.content.lines.iter().map(|line| (line.sku.as_str(), line.qty.get())).collect();
        let wallet = body.content.tenders.iter().find_map(|tender| match tender {
            Tender::Wallet { amount } => Some(amount.minor),
            Tender::Cod | Tender::Gateway => None,
        });
        let priced = priced(&lines, 1, wallet.unwrap_or(0));
        let is_cod = body.content.tenders == [Tender::Cod];
        cart::Place {
            body: cart::PlaceBody {
                cart_version: self.version(cart),
                quote_hash: priced.quote_hash.clone(),
                expected_total: usd(priced.totals.payable),
                txn_type: if is_cod { TxnType::Cod } else { TxnType::Fixed },
                tenders: body.content.tenders.clone(),
            },
            priced,
            locale: "en".into(),
            timers: Timers::default(),
        }
    }

    /// Places a cart as it is; answers the order.
    pub(crate) fn place(&mut self, cart: &EntityKey) -> EntityKey {
        let place = self.place_command(cart);
        let command = cart::Command::Place(Box::new(place));
        match self.ask::<Cart>(&buyer("ada"), cart, &command).unwrap() {
            cart::Reply::Placed { order, .. } => order,
            other => panic!("{other:?}"),
        }
    }

    /// A cash order of these lines, placed and not yet run.
    pub(crate) fn cod(&mut self, lines: &[(&str, u32)]) -> EntityKey {
        let cart = self.cart("cart-of-ada", lines, &[Tender::Cod]);
        self.place(&cart)
    }

    /// A cash order, confirmed.
    pub(crate) fn confirmed(&mut self, lines: &[(&str, u32)]) -> EntityKey {
        let order = self.cod(lines);
        self.run();
        assert_eq!(self.stage(&order), Stage::Confirmed);
        order
    }

    /// Ada's wallet with so much in it.
    pub(crate) fn wallet(&mut self, minor: i64) -> EntityKey {
        let key = keys::wallet(&keys::customer(&tenant(), PrincipalKind::Customer, "ada"));
        let open = account::Command::Open { grant: usd(minor) };
        self.ask::<Account>(&staff(), &key, &open).unwrap();
        key
    }

    pub(crate) fn shipment(&mut self, order: &EntityKey, index: usize) -> EntityKey {
        let parcel = &self.order_body(order).parcels[index];
        EntityKey::derived(tenant(), kinds::SHIPMENT, order.affinity, parcel.id)
    }

    /// Lets a shipment leave, and everything run.
    pub(crate) fn dispatch(&mut self, order: &EntityKey, index: usize) -> EntityKey {
        let key = self.shipment(order, index);
        let dispatch =
            shipment::Command::Dispatch { carrier: "post".into(), tracking_number: "T1".into() };
        let reply = self.ask::<Shipment>(&staff(), &key, &dispatch).unwrap();
        assert_eq!(reply, shipment::Reply::Asked);
        self.run();
        key
    }

    pub(crate) fn track(
        &mut self,
        shipment: &EntityKey,
        event_id: &str,
        status: shipment::TrackingStatus,
    ) -> Result<shipment::Reply, shipment::Rejection> {
        let track = shipment::Command::Track { event_id: event_id.into(), status, at: self.now };
        let reply = self.ask::<Shipment>(&staff(), shipment, &track);
        self.run();
        reply
    }

    pub(crate) fn collect(
        &mut self,
        shipment: &EntityKey,
        event_id: &str,
        minor: i64,
    ) -> Result<shipment::Reply, shipment::Rejection> {
        let cod = shipment::Command::Cod {
            event_id: event_id.into(),
            result: shipment::CodResult::Collected,
            amount: usd(minor),
            receipt: Some("R1".into()),
        };
        let reply = self.ask::<Shipment>(&staff(), shipment, &cod);
        self.run();
        reply
    }

    pub(crate) fn refuse(&mut self, shipment: &EntityKey) {
        let cod = shipment::Command::Cod {
            event_id: "refused".into(),
            result: shipment::CodResult::Refused,
            amount: usd(0),
            receipt: None,
        };
        self.ask::<Shipment>(&staff(), shipment, &cod).unwrap();
        self.run();
    }

    pub(crate) fn cancel(
        &mut self,
        order: &EntityKey,
        lines: &[(&str, u32)],
    ) -> Result<Reply, Rejection> {
        let lines = lines
            .iter()
            .map(|(id, qty)| LineQty { line_id: CompactString::new(id), qty: *qty })
            .collect();
        let cancel = Command::Cancel { lines, if_version: IfVersion::Any };
        self.ask::<Order>(&buyer("ada"), order, &cancel)
    }

    /// On hand and sellable of a SKU at a location.
    pub(crate) fn units(&mut self, sku: &str) -> (i64, i64) {
        let key = keys::sku(&tenant(), sku);
        match self.query::<Sku>(&staff(), &key, &sku::Query::Stock).1.unwrap() {
            sku::View::Stock(stock) => {
                stock.locations.iter().fold((0, 0), |(on_hand, sellable), it| {
                    (on_hand + it.on_hand, sellable + it.sellable)
                })
            }
            other => panic!("{other:?}"),
        }
    }

    /// What the wallet can give.
    pub(crate) fn balance(&mut self, account: &EntityKey) -> i64 {
        let account::View::Balance(balance) =
            self.query::<Account>(&staff(), account, &account::Query::Balance).1.unwrap();
        balance.available.minor
    }

    /// Public names of an order's events.
    pub(crate) fn names(&self, order: &EntityKey) -> Vec<&'static str> {
        self.published.iter().filter(|(key, ..)| key == order).map(|(_, name, _)| *name).collect()
    }

    pub(crate) fn customer_view(&mut self, name: &str) -> customer::OverviewView {
        let key = keys::customer(&tenant(), PrincipalKind::Customer, name);
        match self.query::<Customer>(&buyer(name), &key, &customer::Query::Overview).1.unwrap() {
            customer::View::Overview(view) => *view,
            other => panic!("{other:?}"),
        }
    }
}

fn record(key: &EntityKey, at: Timestamp) -> StepRecord {
    StepRecord {
        key: key.clone(),
        prev: 0,
        version: 0,
        at,
        cause: Cause::default(),
        source: RecordSource::Message,
        events: PackedEvents::new(),
        sends: Sends::new(),
        mark: None,
        kept: None,
        deadline: None,
        quarantine: None,
        dead_letter: None,
    }
}
