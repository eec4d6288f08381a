//! A client that hears of an order on a live stream: server-sent events, with reconnects.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use edge::in_process::Request;
use serde::Deserialize;

use super::reading::{Entry, versions};
use super::{Clients, Heard, Try, Who, Wire, requests};
use crate::history::{Listening, Told};
use crate::plan::Listen;

/// The number of a visit's first connection among its steps: behind all requests.
const FIRST_STEP: u32 = 1 << 15;
/// How often it is looked whether a version has been told, in us.
const LOOK_US: u64 = 50_000;
/// Pause before a reconnect until the stream says another one, in us.
const RETRY_US: u64 = 3_000_000;
/// How long a stream is waited for that ended: the longest pause that the edge asks for, in us.
const REOPEN_US: u64 = 15_000_000;

/// A client's ear at the stream of an order, or of all orders of the client.
pub(super) struct Ear<'a, W> {
    clients: &'a Clients<W>,
    who: &'a Who,
    visit: u32,
    order: &'a str,
    all: bool,
    /// Place of the connection in the history.
    place: Cell<Option<usize>>,
    retry_us: Cell<u64>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    reader: Reader,
    last_id: Option<String>,
    /// Versions that were told, by order.
    has: BTreeMap<String, u64>,
}

impl<'a, W: Wire> Ear<'a, W> {
    pub(super) fn new(
        clients: &'a Clients<W>,
        who: &'a Who,
        visit: u32,
        order: &'a str,
        listen: Listen,
    ) -> Self {
        let (place, retry_us) = (Cell::new(None), Cell::new(RETRY_US));
        let all = listen == Listen::All;
        Self { clients, who, visit, order, all, place, retry_us, state: RefCell::default() }
    }

    /// Listens, and comes back whenever the stream ends. To be dropped when it is enough.
    pub(super) async fn listen(&self) {
        for n in 0.. {
            let this = Try { visit: self.visit, step: FIRST_STEP + n, attempt: 0 };
            let node = self.clients.node_for(this);
            let request = self.begin(node);
            let heard = |heard: Heard<'_>| self.hear(heard);
            self.clients.wire.listen(this, self.who, node, request, &heard).await;
            self.end();
            self.clients.wire.sleep_us(self.retry_us.get()).await;
        }
    }

    /// Waits until this version of the order was told, but no longer than `patience_us` after the
    /// stream was open, and not for one that does not open again.
    pub(super) async fn wait_for(&self, version: u64, patience_us: u64) {
        let since_us = self.clients.wire.now_us();
        let has = || self.state.borrow().has.get(self.order).copied().unwrap_or(0);
        let until_us = || match self.opened_us() {
            Some(opened_us) => since_us.max(opened_us) + patience_us,
            None => since_us + REOPEN_US + patience_us,
        };
        while has() < version && self.clients.wire.now_us() < until_us() {
            self.clients.wire.sleep_us(LOOK_US).await;
        }
    }

    /// When the connection was answered, if it was.
    fn opened_us(&self) -> Option<u64> {
        self.clients.history.borrow().streams[self.place.get()?].opened_us
    }

    /// Notes that the connection has ended, if one is open.
    pub(super) fn end(&self) {
        let Some(place) = self.place.take() else { return };
        let ended_us = self.clients.wire.now_us();
        self.clients.history.borrow_mut().streams[place].ended_us = Some(ended_us);
    }

    /// Notes a new connection; its request.
    fn begin(&self, node: u16) -> Request {
        let mut state = self.state.borrow_mut();
        state.reader = Reader::default();
        let mut history = self.clients.history.borrow_mut();
        self.place.set(Some(history.streams.len()));
        history.streams.push(Listening {
            visit: self.visit,
            order: self.order.to_owned(),
            all: self.all,
            node,
            has: state.has.clone(),
            asked_us: self.clients.wire.now_us(),
            ..Listening::default()
        });
        requests::listen((!self.all).then_some(self.order), state.last_id.as_deref())
    }

    fn hear(&self, heard: Heard<'_>) {
        let Some(place) = self.place.get() else { return };
        let now_us = self.clients.wire.now_us();
        let piece = match heard {
            Heard::Opened(status) => {
                let connection = &mut self.clients.history.borrow_mut().streams[place];
                (connection.opened_us, connection.status) = (Some(now_us), Some(status));
                return;
            }
            Heard::Piece(piece) => piece,
        };
        let mut state = self.state.borrow_mut();
        for event in state.reader.take(piece) {
            if let Some(retry_ms) = event.retry_ms {
                self.retry_us.set(retry_ms * 1_000);
            }
            let told = told(&event, now_us);
            if event.id.is_some() {
                state.last_id.clone_from(&event.id);
            }
            for told in &told {
                state.has.insert(told.order.clone(), told.version);
            }
            let connection = &mut self.clients.history.borrow_mut().streams[place];
            connection.told.extend(told);
            if event.name == "bye" {
                connection.bye = Some(reason(&event));
            }
        }
    }
}

#[derive(Deserialize)]
struct Frame {
    seq: u64,
    order: Order,
    timeline: Vec<Entry>,
}

#[derive(Deserialize)]
struct Page {
    orders: Vec<Order>,
}

#[derive(Deserialize)]
struct Order {
    id: String,
    version: u64,
    status: String,
    timeline: Vec<Entry>,
}

/// What an event tells of orders.
fn told(event: &Event, at_us: u64) -> Vec<Told> {
    let is_reset = event.name == "reset";
    if !is_reset && event.name != "order.status" {
        return Vec::new();
    }
    let one = |order: Order, timeline: &[Entry]| {
        let Order { id, version, status, .. } = order;
        Told { at_us, order: id, version, state: status, entries: versions(timeline), is_reset }
    };
    let unreadable = || Told { at_us, is_reset, ..Told::default() };
    if let Ok(Frame { seq, order, timeline }) = serde_json::from_str(&event.data) {
        let is_whole = seq == order.version;
        return vec![if is_whole { one(order, &timeline) } else { unreadable() }];
    }
    match serde_json::from_str(&event.data) {
        Ok(Page { orders }) => orders
            .into_iter()
            .map(|mut order| {
                let timeline = std::mem::take(&mut order.timeline);
                one(order, &timeline)
            })
            .collect(),
        Err(_) => vec![unreadable()],
    }
}

/// Why a stream says that it ends.
fn reason(event: &Event) -> String {
    #[derive(Deserialize)]
    struct Bye {
        reason: String,
    }
    serde_json::from_str(&event.data).map_or_else(|_| "unreadable".into(), |bye: Bye| bye.reason)
}

/// An event of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    id: Option<String>,
    data: String,
    retry_ms: Option<u64>,
}

/// Cuts a body into events (WHATWG HTML 9.2, as far as the edge's line feeds and fields go).
#[derive(Debug, Default)]
struct Reader {
    rest: Vec<u8>,
}

impl Reader {
    /// The events that end with this piece.
    fn take(&mut self, piece: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(piece);
        let mut events = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.rest.drain(..end + 2).collect();
            events.push(event(&String::from_utf8_lossy(&block)));
        }
        events
    }
}

fn event(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        // A line that begins with the colon is a comment: its name is empty.
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut event.name),
            "id" => event.id = Some(value.to_owned()),
            "retry" => event.retry_ms = value.parse().ok(),
            "data" => event.data.push_str(value),
            _ => {}
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "retry: 3000\n\n: hb\n\nid: 4\nevent: order.status\ndata: {\"seq\":4,\
        \"order\":{\"id\":\"ord_1\",\"version\":4,\"status\":\"confirmed\",\"timeline\":[]},\
        \"timeline\":[{\"seq\":2},{\"seq\":4}]}\n\nretry: 500\nevent: bye\ndata: {\"reason\":\"drained\"}\n\n";

    #[test]
    fn events_are_the_same_wherever_the_body_is_cut() {
        let whole = Reader::default().take(BODY.as_bytes());
        assert_eq!(whole.len(), 4);
        assert_eq!((whole[0].retry_ms, whole[3].retry_ms), (Some(3_000), Some(500)));
        assert_eq!(whole[1], Event::default(), "a comment says nothing");
        for at in 0..BODY.len() {
            let mut reader = Reader::default();
            let mut cut = reader.take(&BODY.as_bytes()[..at]);
            cut.extend(reader.take(&BODY.as_bytes()[at..]));
            assert_eq!(cut, whole, "cut at {at}");
        }
    }

    #[test]
    fn what_an_event_tells() {
        let events = Reader::default().take(BODY.as_bytes());
        let expected = Told {
            at_us: 9,
            order: "ord_1".into(),
            version: 4,
            state: "confirmed".into(),
            entries: vec![2, 4],
            is_reset: false,
        };
        assert_eq!(told(&events[2], 9), std::slice::from_ref(&expected));
        assert_eq!(told(&events[3], 9), [], "a bye tells of no order");
        assert_eq!(reason(&events[3]), "drained");
        let reset =
            |data: &str| told(&Event { name: "reset".into(), data: data.into(), ..event("") }, 9);
        let page = "{\"orders\":[{\"id\":\"ord_1\",\"version\":4,\"status\":\"confirmed\",\
            \"timeline\":[{\"seq\":2},{\"seq\":4}]}]}";
        assert_eq!(reset(page), [Told { is_reset: true, ..expected }]);
        assert_eq!(reset("{")[0].order, "", "what cannot be read names no order");
    }
}
