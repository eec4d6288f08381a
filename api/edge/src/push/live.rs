//! The actor of one live connection.
//!
//! Lives on the arbiter of the worker that serves the connection. Owns the slots, asks the
//! orders, writes when there is room, and ends itself: credential, age, drain, a slow or silent
//! client. Holds at most one unsent piece, the answers to a WebSocket's client, and one state per
//! order.

mod flow;
mod life;
mod message;
mod talk;
mod watching;

use std::collections::{BTreeMap, VecDeque};

use actix::{Actor, Context, StreamHandler};
use actix_ws::AggregatedMessageStream;
use bytes::Bytes;
use compact_str::CompactString;
use entity::EntityKey;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::identity::{Caller, Topic, Via};
use crate::limits;
use crate::request::Origin;
use crate::shop::Asker;
use crate::state::EdgeState;

use super::cut::Cut;
use super::gate::Place;
use super::slot::Slot;
use super::{Form, News, Position, Reason, Watcher};

pub(crate) use talk::bounded;

/// The slot of an order under a topic: a WebSocket may watch one order under two.
type SlotKey = (Topic, EntityKey);

/// What a connection begins with.
pub(crate) struct Opening {
    pub(crate) edge: EdgeState,
    pub(crate) caller: Caller,
    pub(crate) asker: Asker,
    pub(crate) origin: Origin,
    pub(crate) form: Form,
    pub(crate) place: Place,
    pub(crate) cut: Cut,
    /// What a WebSocket's client sends.
    pub(crate) messages: Option<AggregatedMessageStream>,
}

/// A live connection.
pub(crate) struct Live {
    edge: EdgeState,
    caller: Caller,
    watcher: Watcher,
    origin: Origin,
    form: Form,
    place: Place,
    cut: Cut,
    /// Pieces go here; a full channel means that the client has not taken the last one.
    outlet: mpsc::Sender<Bytes>,
    /// When a piece last went.
    handed_at: Instant,
    /// Whether a future waits for room.
    awaits_room: bool,
    /// What goes before any state: the hello, answers, the end.
    urgent: VecDeque<Bytes>,
    /// Slots, and the number of the subscription that each belongs to.
    slots: BTreeMap<SlotKey, (u64, Slot)>,
    /// Slots in which something waits, the longest first.
    ready: VecDeque<SlotKey>,
    /// Subscriptions by topic.
    topics: BTreeMap<Topic, u64>,
    n_subscriptions: u64,
    /// Topics that a WebSocket's client asked for and whose pages are to come, the oldest first.
    wishes: Vec<talk::Wish>,
    n_wishes: u64,
    /// What the client has of `me`, and the customer's version that was seen.
    position: Position,
    customer_seen: u64,
    /// Whether the end is on its way.
    ends: bool,
    /// How far the next heartbeat was planned ahead, and when the first one went that the client
    /// has not said anything after: WebSocket.
    beat_ms: u64,
    silent_since: Option<Instant>,
    /// Messages that a WebSocket's client may still send.
    budget: u32,
    /// What a WebSocket's client sends, until the actor runs.
    messages: Option<AggregatedMessageStream>,
}

impl Live {
    /// A connection, and the pieces that it writes.
    pub(crate) fn new(opening: Opening) -> (Self, mpsc::Receiver<Bytes>) {
        let (outlet, pieces) = mpsc::channel(1);
        let now = Instant::now();
        let Opening { edge, caller, asker, origin, form, place, cut, messages } = opening;
        let live = Self {
            watcher: Watcher { shop: edge.shop().clone(), asker },
            edge,
            caller,
            origin,
            form,
            place,
            cut,
            outlet,
            handed_at: now,
            awaits_room: false,
            urgent: form.hello().into_iter().collect(),
            slots: BTreeMap::new(),
            ready: VecDeque::new(),
            topics: BTreeMap::new(),
            n_subscriptions: 0,
            wishes: Vec::new(),
            n_wishes: 0,
            position: Position::default(),
            customer_seen: 0,
            ends: false,
            beat_ms: 0,
            silent_since: None,
            budget: limits::SOCKET_BURST,
            messages,
        };
        (live, pieces)
    }

    /// Begins a topic with news of its orders; the actor need not run yet.
    pub(crate) fn begin(&mut self, topic: Topic, page: Page) {
        self.end_topic(&topic);
        self.n_subscriptions += 1;
        let subscription = self.n_subscriptions;
        self.topics.insert(topic.clone(), subscription);
        let Page { seen, orders, missing, is_reset } = page;
        if topic == Topic::Me {
            // Orders that are no longer on the page leave the token too, or it would only grow;
            // a client that begins anew has none.
            self.position = Position::default();
            let shown = orders.iter().map(|(key, have, _)| (key, have));
            let known = shown.chain(missing.iter().map(|(key, have)| (key, have)));
            for (key, have) in known.filter(|_| !is_reset) {
                have.iter().for_each(|have| self.position.set(key, *have));
            }
            self.customer_seen = seen;
        }
        let now = Instant::now();
        if is_reset {
            let n_shown = orders.len().min(limits::STREAM_RESET_MAX);
            self.write_page(&topic, &orders[..n_shown]);
        }
        for (key, have) in missing {
            let slot = Slot::new(if is_reset { None } else { have });
            self.slots.insert((topic.clone(), key), (subscription, slot));
        }
        for (index, (key, have, news)) in orders.into_iter().enumerate() {
            let (have, news) = match is_reset {
                false => (have, news),
                true if index < limits::STREAM_RESET_MAX => (Some(news.view.version), news),
                // Behind the page each comes by itself, as to a client that has nothing.
                true => (None, News::new(news.view, None, None, None)),
            };
            let mut slot = Slot::new(have);
            let slot_key = (topic.clone(), key);
            if slot.put(news, now) {
                self.ready.push_back(slot_key.clone());
            }
            self.slots.insert(slot_key, (subscription, slot));
        }
    }

    fn end_topic(&mut self, topic: &Topic) -> bool {
        self.slots.retain(|(of, _), _| of != topic);
        self.ready.retain(|(of, _)| of != topic);
        self.topics.remove(topic).is_some()
    }

    /// When the credential ends, wall time in seconds, and what it may be revoked by.
    fn credential(&self) -> Option<(u64, &[CompactString])> {
        let identity = self.caller.identity.as_ref()?;
        let leeway = match self.caller.via {
            Via::Ticket(_) => 0,
            // As long as it would be taken on a request.
            Via::Bearer | Via::Cookie(_) | Via::Nothing => limits::LEEWAY_S,
        };
        Some((identity.expires_s.saturating_add(leeway), &identity.handles))
    }
}

/// News of the orders of a topic, for a client that has some versions.
pub(crate) struct Page {
    /// The customer's version, under `me`.
    pub(crate) seen: u64,
    /// Orders, the version that the client has, and their news; newest order first.
    pub(crate) orders: Vec<(EntityKey, Option<u64>, News)>,
    /// Orders that cannot be read now, and the version that the client has.
    pub(crate) missing: Vec<(EntityKey, Option<u64>)>,
    /// The client has a version that is none of this history: all of it is written anew.
    pub(crate) is_reset: bool,
}

impl Actor for Live {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.live_on(ctx);
        if let Some(messages) = self.messages.take() {
            Self::add_stream(messages, ctx);
        }
        let topics: Vec<Topic> = self.topics.keys().cloned().collect();
        for topic in &topics {
            self.watch_topic(topic, ctx);
        }
        self.flush(ctx);
    }
}

impl Live {
    /// Asks for what comes after the page that a topic began with.
    fn watch_topic(&mut self, topic: &Topic, ctx: &mut Context<Self>) {
        let of_topic = self.slots.keys().filter(|(of, _)| of == topic);
        let keys: Vec<SlotKey> = of_topic.cloned().collect();
        for key in keys {
            self.watch(&key, ctx);
        }
        if *topic == Topic::Me {
            self.watch_me(self.customer_seen, ctx);
        }
    }

    /// Ends with a word, as soon as the client can take it.
    fn end(&mut self, reason: Reason, ctx: &mut Context<Self>) {
        if self.ends {
            return;
        }
        self.ends = true;
        let labels = [("reason", reason.word())];
        metrics::counter!("mercato_edge_streams_ended_total", &labels).increment(1);
        self.ready.clear();
        self.urgent.push_back(self.form.bye(reason));
        self.flush(ctx);
        self.cut_later(ctx);
    }
}
