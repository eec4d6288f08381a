//! Strangers: what somebody else asks for who has the id of an order and of its cart.

use std::cell::Cell;

use serde_json::json;

use super::journey::draw;
use super::requests::{self, if_match, request, with, with_body};
use super::{Heard, Request, Try, Visitor, Who, Wire};
use crate::history::{Answer, Ask, Look, Op};
use crate::plan::{Line, Pay};
use crate::random::below;

/// Of a hundred orders, strangers ask for so many.
const PRIES_PERCENT: u64 = 12;
/// Requests of a stranger.
const N_REQUESTS: usize = 4;
/// Strangers are users from here on.
const STRANGERS_FROM: u32 = 100_000;
/// The step of a stranger's stream: behind those of its visit's requests and connections.
const STREAM_STEP: u32 = (1 << 15) + (1 << 14);

impl<W: Wire> Visitor<W> {
    /// A stranger asks for an order, for its cart and for what staff may see.
    pub(super) async fn is_pried_into(&self, order: &str, cart: &str) {
        if !self.draws(draw::PRIES, PRIES_PERCENT) {
            return;
        }
        let who = match self.visit.id.is_multiple_of(2) {
            true => Who::Guest(self.visit.user + STRANGERS_FROM),
            false => Who::Customer(self.visit.user + STRANGERS_FROM),
        };
        let requests = self.forbidden(order, cart);
        let n = requests.len();
        let from = below(self.bits(draw::PRIES_INTO), n as u64);
        let from = usize::try_from(from).expect("a short list");
        for request in requests.into_iter().cycle().skip(from).take(N_REQUESTS) {
            let what = format!("{} {}", request.method, request.uri);
            let ask = Ask::Look(Look::Pry { what });
            self.ask_as(&who, ask, request, 1).await;
        }
        self.overhears(&who, requests::listen(Some(order), None)).await;
    }

    /// What is not a stranger's to ask.
    fn forbidden(&self, order: &str, cart: &str) -> Vec<Request> {
        let get = |path: String| request("GET", path);
        let post = |what: &str| {
            let key = self.key(&format!("pry-{what}"));
            let post = request("POST", format!("/v1/orders/{order}/{what}"));
            with_body(with(post, "idempotency-key", &key), &json!({}))
        };
        let names = &self.clients.names;
        let (sku, line) = (names.sku(0), Line { sku: 0, qty: 1 });
        vec![
            requests::get_order(order),
            requests::await_order(order, 1, 1_000),
            requests::await_order(order, u64::from(u32::MAX), 1_000),
            get(format!("/v1/orders/{order}/timeline")),
            get(format!("/v1/orders/{order}/shipments")),
            post("cancel"),
            post("receipt"),
            requests::get_cart(cart),
            requests::put_cart((names, cart), &[line], Pay::Cod, 0, Some(1)),
            if_match(request("DELETE", format!("/v1/carts/{cart}/lines/{sku}")), 1),
            requests::quote(cart),
            get("/v1/orders".into()),
            get(format!("/v1/stock/{sku}")),
            requests::adjust(&sku, 0, &json!({"delta": 1}), &self.key("pry-stock")),
            requests::set_price(&sku, 1, 1),
        ]
    }

    /// A stranger opens a live stream, and leaves as soon as it is refused or tells something.
    async fn overhears(&self, who: &Who, request: Request) {
        let wire = &self.clients.wire;
        let this = Try { visit: self.visit.id, step: STREAM_STEP, attempt: 0 };
        let (node, sent_us) = (self.clients.node_for(this), wire.now_us());
        let what = format!("{} {}", request.method, request.uri);
        let status = Cell::new(None);
        let heard = |heard: Heard<'_>| match heard {
            // Whose order it is may not be known yet: then the stream opens and says good-bye.
            Heard::Opened(200) => {}
            Heard::Opened(refused) => status.set(Some(refused)),
            Heard::Piece(piece) if tells(piece) => status.set(Some(200)),
            Heard::Piece(_) => {}
        };
        let until_us = sent_us + u64::from(self.clients.policy.timeout_ms) * 1_000;
        let answered = async {
            while status.get().is_none() && wire.now_us() < until_us {
                wire.sleep_us(LOOK_US).await;
            }
        };
        tokio::select! {
            biased;
            () = wire.listen(this, who, node, request, &heard) => {}
            () = answered => {}
        }
        let Some(status) = status.get() else { return };
        let ask = Ask::Look(Look::Pry { what });
        // What a refusal says beside its status is not looked at.
        let answer = Answer { status, code: Some("stream".into()), ..Answer::default() };
        let (answer, answered_us) = (Some(answer), Some(wire.now_us()));
        let (visit, intended_us, key, over) = (self.visit.id, sent_us, None, None);
        let op = Op { visit, intended_us, sent_us, answered_us, node, key, over, ask, answer };
        self.clients.history.borrow_mut().ops.push(op);
    }
}

/// Whether a piece of a stream tells of an order.
fn tells(piece: &[u8]) -> bool {
    let text = String::from_utf8_lossy(piece);
    ["event: order", "event: reset"].iter().any(|event| text.contains(event))
}

/// How often it is looked whether a stream was answered, in us.
const LOOK_US: u64 = 50_000;
