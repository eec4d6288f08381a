//! What a visit does, step by step.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use edge::in_process::Request;
use serde::Deserialize;
use serde_json::json;

use super::listening::Ear;
use super::requests;
use super::{Call, Clients, HttpAnswer, Local, Who, Wire};
use crate::history::{Ask, Look};
use crate::plan::{Journey, Line, Listen, Pay, Then, Visit};
use crate::random::{Stream, mix, percent};

/// Looks at an order until it has left its first state, at most so often.
pub(super) const WATCH_LOOKS: u32 = 8;
/// Pause between looks, in us.
pub(super) const WATCH_US: u64 = 150_000;
/// Of a hundred visits, so many ask everything again in the end that has a key: a page that is
/// loaded anew, a job that begins again.
const ASK_AGAIN_PERCENT: u64 = 15;
/// A stream stays open for so much longer than news of it may take, in us: what comes later than
/// that never came.
const LISTEN_ON_US: u64 = 1_000_000;
/// How long the page with all orders of its buyer stays open when there is nothing more to do, in
/// us: some are left open until long after whatever went wrong meanwhile.
const STAYS_US: u64 = 12_000_000;
const LEFT_OPEN_US: u64 = 40_000_000;
const ONE_OF_LEAVES_IT_OPEN: u32 = 2;

/// What a visit draws in [`Stream::Client`], each by a number of its own.
pub(super) mod draw {
    pub(in crate::client) const NEW_PRICE: u64 = 3;
    pub(in crate::client) const ASK_AGAIN: u64 = 4;
    pub(in crate::client) const STALE_PRICE: u64 = 5;
    pub(in crate::client) const SAYS_AGAIN: u64 = 6;
    pub(in crate::client) const WAITS: u64 = 7;
    pub(in crate::client) const PRIES: u64 = 8;
    pub(in crate::client) const PRIES_INTO: u64 = 9;
    pub(in crate::client) const TABS: u64 = 10;
    pub(in crate::client) const COMPARES: u64 = 11;
    pub(in crate::client) const FINDS: u64 = 12;
    pub(in crate::client) const STALE_CANCEL: u64 = 13;
    pub(in crate::client) const TWO_CLICKS: u64 = 14;
    pub(in crate::client) const SHORTAGE: u64 = 15;
    pub(in crate::client) const TWO_MERGES: u64 = 16;
    pub(in crate::client) const MERGES_AGAIN: u64 = 17;
    pub(in crate::client) const TWO_CUTS: u64 = 18;
    pub(in crate::client) const CUTS_AGAIN: u64 = 19;
    pub(in crate::client) const CUT_UNITS: u64 = 20;
}

/// One visit under way.
pub struct Visitor<W> {
    pub(super) clients: Rc<Clients<W>>,
    pub(super) visit: Visit,
    pub(super) who: Who,
    /// What the wallet gives, in minor units: what the lines cost as the plan has it, until a quote
    /// says that more has to be paid (taxes, shipping).
    pub(super) wallet_gives: Cell<i64>,
    step: Cell<u32>,
    /// Pauses of the plan so far, in us.
    thought_us: Cell<u64>,
    /// Requests with a key that were answered.
    keyed: RefCell<Vec<(Who, Ask, Request)>>,
}

/// An order, as far as its buyer looks.
#[derive(Deserialize)]
pub(super) struct Looked {
    pub(super) version: u64,
    pub(super) status: String,
    #[serde(default)]
    pub(super) lines: Vec<LookedLine>,
}

/// A line of it.
#[derive(Deserialize)]
pub(super) struct LookedLine {
    pub(super) id: String,
    pub(super) sku: String,
    pub(super) qty: u32,
}

impl<W: Wire> Visitor<W> {
    /// A visit of the plan; `price` is that of a SKU by its number, in minor units.
    pub fn new(clients: &Rc<Clients<W>>, visit: Visit, price: impl Fn(u32) -> i64) -> Self {
        let cost = |line: &Line| price(line.sku) * i64::from(line.qty);
        let (who, goods) = match &visit.journey {
            Journey::Buy { lines, pay: Pay::Wallet, .. } => {
                (Who::Customer(visit.user), lines.iter().map(cost).sum())
            }
            Journey::Restock { .. } | Journey::Count { .. } | Journey::Reprice { .. } => {
                (Who::Staff, 0)
            }
            Journey::Buy { brings, .. } if !brings.is_empty() => (Who::Customer(visit.user), 0),
            Journey::SignIn { .. } | Journey::Address { .. } => (Who::Customer(visit.user), 0),
            Journey::Buy { pay: Pay::Cod | Pay::Gateway, .. }
            | Journey::Browse { .. }
            | Journey::Abandon { .. }
            | Journey::Bot { .. } => (Who::Guest(visit.user), 0),
        };
        let (step, wallet_gives) = (Cell::new(0), Cell::new(goods));
        Self {
            clients: Rc::clone(clients),
            visit,
            who,
            wallet_gives,
            step,
            thought_us: Cell::new(0),
            keyed: RefCell::default(),
        }
    }

    /// Does it, from its intended time on.
    pub async fn run(self) {
        let wait = self.visit.at_us.saturating_sub(self.clients.wire.now_us());
        self.clients.wire.sleep_us(wait).await;
        match &self.visit.journey {
            Journey::Buy { .. } => self.buy().await,
            Journey::Browse { sku, n_reads, think_ms } => {
                for _ in 0..*n_reads {
                    self.think(*think_ms).await;
                    let path = format!("/v1/skus/{}", self.clients.names.sku(*sku));
                    let ask = Ask::Look(Look::Goods { sku: Some(*sku) });
                    self.ask(ask, requests::request("GET", path), 1).await;
                }
                self.compares_goods(*sku).await;
            }
            Journey::Abandon { lines } => {
                let cart = self.cart(0);
                if let Some(quote) = self.quoted(&cart, lines, Pay::Cod).await {
                    self.in_two_tabs(&cart, lines, quote.cart_version()).await;
                }
            }
            Journey::SignIn { times, two_tabs, think_ms } => {
                for _ in 0..*times {
                    self.think(*think_ms).await;
                    self.signs_in(*two_tabs).await;
                }
            }
            Journey::Address { writes, deletes, think_ms } => {
                self.keeps_address(*writes, *deletes, *think_ms).await;
            }
            Journey::Restock { sku, units, place } => {
                let (code, change) = (self.clients.names.sku(*sku), json!({"delta": units}));
                let request = requests::adjust(&code, *place, &change, &self.key("restock"));
                let ask = Ask::Restock { sku: *sku, units: *units, place: *place };
                self.adjusts(ask, request).await;
            }
            Journey::Count { sku, units, place } => self.count(*sku, *place, *units).await,
            Journey::Reprice { sku, price } => self.reprice(*sku, *price).await,
            Journey::Bot { line, tries } => self.snatch(*line, *tries).await,
        }
        self.ask_again().await;
    }

    /// Asks what has a key once more, as it was asked: the answers are those of before. A program
    /// that uses the key of a placing for another one too is refused.
    async fn ask_again(&self) {
        if self.draws(draw::ASK_AGAIN, ASK_AGAIN_PERCENT) {
            self.clients.wire.sleep_us(WATCH_US).await;
            for (who, ask, request) in self.keyed.take() {
                let other = reuse(&ask, &request);
                let answer = self.ask_as(&who, ask, request, self.clients.policy.tries).await;
                let is_done = answer.is_some_and(|it| matches!(it.status, 200 | 201));
                if let Some((ask, request)) = other.filter(|_| is_done) {
                    let fresh = requests::with_other_key(&request, &self.key("more"));
                    for request in [request, fresh] {
                        let tries = self.clients.policy.tries;
                        self.ask_as(&who, ask.clone(), request, tries).await;
                    }
                }
            }
        }
    }

    /// The bits of a draw of this visit.
    pub(super) fn bits(&self, what: u64) -> u64 {
        mix(self.clients.seed, Stream::Client, u64::from(self.visit.id), what)
    }

    /// Whether this visit is one of so many in a hundred.
    pub(super) fn draws(&self, what: u64, of_hundred: u64) -> bool {
        percent(self.bits(what), of_hundred)
    }

    /// What follows, beside a live stream that stays until it has told what its buyer sees in the
    /// end.
    pub(super) async fn after_by_stream(&self, order: &str, listen: Listen, then: Then) {
        let ear = Ear::new(&self.clients, &self.who, self.visit.id, order, listen);
        let patience_us = self.clients.policy.stream_patience_us() + LISTEN_ON_US;
        tokio::select! {
            biased;
            () = async {
                self.after(order, then).await;
                if let Some(looked) = self.look(order).await {
                    ear.wait_for(looked.version, patience_us).await;
                }
                if listen == Listen::All {
                    // What the same buyer places meanwhile in another visit is told here, too.
                    let is_left_open = self.visit.id.is_multiple_of(ONE_OF_LEAVES_IT_OPEN);
                    let stays_us = if is_left_open { LEFT_OPEN_US } else { STAYS_US };
                    self.clients.wire.sleep_us(stays_us).await;
                }
            } => {}
            () = ear.listen() => {}
        }
        ear.end();
    }

    pub(super) async fn after(&self, order: &str, then: Then) {
        match then {
            Then::Leave => self.wait_for_news(order).await,
            Then::Watch => {
                for _ in 0..WATCH_LOOKS {
                    let looked = self.look(order).await;
                    if looked.is_some_and(|order| order.status != "processing") {
                        return;
                    }
                    self.clients.wire.sleep_us(WATCH_US).await;
                }
            }
            Then::Cancel(ms) => {
                self.think(ms).await;
                self.cancels(order).await;
                self.look(order).await;
            }
            Then::CancelPart(ms) => {
                self.think(ms).await;
                self.cancels_part(order).await;
            }
            Then::Deliver(ms) => {
                self.think(ms).await;
                self.deliver(order).await;
                self.look(order).await;
            }
            Then::Ship(shipping) => {
                self.think(shipping.after_ms).await;
                self.ship(order, shipping).await;
                self.look(order).await;
            }
        }
    }

    /// Looks at the order; how it stands, if that was shown.
    pub(super) async fn look(&self, order: &str) -> Option<Looked> {
        let ask = Ask::GetOrder { order: order.into() };
        let answer = self.ask(ask, requests::get_order(order), 2).await?;
        (answer.status == 200).then(|| requests::read(&answer)).flatten()
    }

    pub(super) async fn think(&self, ms: u32) {
        if ms > 0 {
            let us = u64::from(ms) * 1_000;
            self.thought_us.set(self.thought_us.get() + us);
            self.clients.wire.sleep_us(us).await;
        }
    }

    /// With as many tries as the policy has.
    pub(super) fn ask_surely(&self, ask: Ask, request: Request) -> Local<'_, Option<HttpAnswer>> {
        let tries = self.clients.policy.tries;
        Box::pin(self.ask(ask, request, tries))
    }

    pub(super) async fn ask(&self, ask: Ask, request: Request, tries: u32) -> Option<HttpAnswer> {
        self.ask_as(&self.who, ask, request, tries).await
    }

    pub(super) async fn staff(&self, ask: Ask, request: Request) -> Option<HttpAnswer> {
        self.ask_as(&Who::Staff, ask, request, self.clients.policy.tries).await
    }

    pub(super) async fn ask_as(
        &self,
        who: &Who,
        ask: Ask,
        request: Request,
        tries: u32,
    ) -> Option<HttpAnswer> {
        let step = self.next_step();
        // When it would have been sent if every answer before had come at once.
        let start_us = self.visit.at_us + self.thought_us.get();
        let intended_us = matches!(ask, Ask::Place { .. }).then_some(start_us);
        let visit = self.visit.id;
        let keyed = requests::key_in(&request).map(|_| (who.clone(), ask.clone(), request.clone()));
        let call = Call { who, visit, step, intended_us, ask, request, tries, node: None };
        let answer = self.clients.call(call).await;
        let is_answered = answer.as_ref().is_some_and(|answer| answer.status < 500);
        self.keyed.borrow_mut().extend(keyed.filter(|_| is_answered));
        answer
    }

    /// The number of the next request of this visit.
    pub(super) fn next_step(&self) -> u32 {
        let step = self.step.get();
        self.step.set(step + 1);
        step
    }

    pub(super) fn cart(&self, n: u32) -> String {
        self.clients.names.cart(self.visit.id, n)
    }

    pub(super) fn key(&self, what: &str) -> String {
        self.clients.names.key(what, self.visit.id)
    }
}

/// Another placing under the same key.
fn reuse(ask: &Ask, request: &Request) -> Option<(Ask, Request)> {
    let Ask::Place { cart, .. } = ask else { return None };
    let request = requests::placing_more(request)?;
    Some((Ask::Reuse { cart: cart.clone() }, request))
}
