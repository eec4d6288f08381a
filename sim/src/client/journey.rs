//! What a visit does, step by step.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use edge::in_process::Request;
use serde::Deserialize;
use serde_json::json;

use super::listening::Ear;
use super::requests::{self, Quote};
use super::{Call, Clients, HttpAnswer, Local, Who, Wire};
use crate::history::{Ask, Look};
use crate::plan::{Journey, Line, Listen, Pay, Then, Visit};
use crate::random::{Stream, mix, percent};

/// Looks at an order until it has left its first state, at most so often.
const WATCH_LOOKS: u32 = 8;
/// Of so many whose order was refused, one takes less in the same cart.
const ONE_OF_BUYS_LESS: u32 = 4;
/// Pause between looks, in us.
const WATCH_US: u64 = 150_000;
/// Of a hundred who are told that the price has changed, so many take the new one.
const TAKE_NEW_PRICE_PERCENT: u64 = 60;
/// Of a hundred visits, so many ask everything again in the end that has a key: a page that is
/// loaded anew, a job that begins again.
const ASK_AGAIN_PERCENT: u64 = 15;
/// Of a hundred who cancel, so many do it first over a version before.
const STALE_CANCEL_PERCENT: u64 = 40;
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
}

/// One visit under way.
pub struct Visitor<W> {
    pub(super) clients: Rc<Clients<W>>,
    pub(super) visit: Visit,
    pub(super) who: Who,
    /// What the wallet gives, in minor units: what the lines cost as the plan has it, until a quote
    /// says that more has to be paid (taxes, shipping).
    wallet_gives: Cell<i64>,
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
    status: String,
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
            Journey::Restock { sku, units } => {
                let change = json!({"delta": units});
                let request =
                    requests::adjust(&self.clients.names.sku(*sku), &change, &self.key("restock"));
                self.adjusts(Ask::Restock { sku: *sku, units: *units }, request).await;
            }
            Journey::Count { sku, units } => self.count(*sku, *units).await,
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

    async fn buy(&self) {
        let Journey::Buy { lines, pay, think_ms, listen, then, .. } = &self.visit.journey else {
            return;
        };
        let cart = self.cart(0);
        let Some(quote) = self.quoted(&cart, lines, *pay).await else { return };
        self.think(*think_ms).await;
        let mut placed = self.placed(&cart, lines, *pay, &quote).await;
        if let Some(answer) = placed.as_ref().filter(|answer| is_price_changed(answer))
            && self.takes_new_price()
        {
            placed = self.placed_anew(&cart, lines, *pay, &quote, answer).await;
        }
        match placed.as_ref().and_then(order_of) {
            Some(order) => {
                match *listen {
                    Some(listen) => self.after_by_stream(&order, listen, *then).await,
                    None => self.after(&order, *then).await,
                }
                self.compares(&order, *then).await;
                self.is_pried_into(&order, &cart).await;
            }
            None if self.visit.id.is_multiple_of(ONE_OF_BUYS_LESS) => {
                self.buy_less(&cart, lines, *pay).await;
            }
            None => {}
        }
    }

    /// Places the cart, perhaps by two clicks at once: of one page, which has one key, or of two.
    async fn placed(
        &self,
        cart: &str,
        lines: &[Line],
        pay: Pay,
        quote: &Quote,
    ) -> Option<HttpAnswer> {
        let Journey::Buy { double_click, .. } = &self.visit.journey else { return None };
        let place = |what: &str| {
            self.ask_surely(placing(cart, lines, quote), self.place(cart, quote, pay, what))
        };
        if !double_click {
            return place("place").await;
        }
        let is_one_page = self.visit.id.is_multiple_of(2);
        let other = place(if is_one_page { "place" } else { "place-too" });
        let (first, second) = tokio::join!(place("place"), other);
        first.or(second)
    }

    /// The placing of the cart, by a buyer who waits or does not.
    fn place(&self, cart: &str, quote: &Quote, pay: Pay, what: &str) -> Request {
        let gives = self.wallet_gives.get();
        let request = requests::place(cart, quote, pay, gives, &self.key(what));
        match &self.visit.journey {
            Journey::Buy { no_wait: true, .. } => {
                requests::with(request, "prefer", "respond-async")
            }
            _ => request,
        }
    }

    /// Whether this buyer takes another price than the first one.
    fn takes_new_price(&self) -> bool {
        self.draws(draw::NEW_PRICE, TAKE_NEW_PRICE_PERCENT)
    }

    /// The bits of a draw of this visit.
    pub(super) fn bits(&self, what: u64) -> u64 {
        mix(self.clients.seed, Stream::Client, u64::from(self.visit.id), what)
    }

    /// Whether this visit is one of so many in a hundred.
    pub(super) fn draws(&self, what: u64, of_hundred: u64) -> bool {
        percent(self.bits(what), of_hundred)
    }

    /// Places the cart at the price that it has by now: the refusal says it, unless an order was
    /// made that could not be sold.
    async fn placed_anew(
        &self,
        cart: &str,
        lines: &[Line],
        pay: Pay,
        old: &Quote,
        refusal: &HttpAnswer,
    ) -> Option<HttpAnswer> {
        #[derive(Deserialize)]
        struct Changed {
            quote: Option<Quote>,
        }
        let told = requests::read::<Changed>(refusal).and_then(|it| it.quote);
        let quote = match told {
            // It was made after the one that was refused.
            Some(quote) => quote.asked(old.offer().quoted_us),
            None => {
                // The cart is free again as soon as it hears of it.
                self.clients.wire.sleep_us(WATCH_US).await;
                self.quote(cart).await?
            }
        };
        let quote = self.covered(cart, lines, pay, quote).await?;
        let request = self.place(cart, &quote, pay, "anew");
        self.ask_surely(placing(cart, lines, &quote), request).await
    }

    /// What was wanted could not be had: asks for one unit of the first line, in the same cart.
    async fn buy_less(&self, cart: &str, lines: &[Line], pay: Pay) -> Option<()> {
        // The cart is free again as soon as it hears of it.
        self.clients.wire.sleep_us(WATCH_US).await;
        let less = [Line { qty: 1, ..*lines.first()? }];
        let seen = self.quote(cart).await?;
        // Refused over a version is not done here: it may be the placing that moved it.
        let over = Some(seen.cart_version());
        let is_less = self.filled(cart, &less, pay, over).await? == 200;
        let quote = if is_less { self.quote(cart).await? } else { return None };
        let request = self.place(cart, &quote, pay, "less");
        let ask = placing(cart, &less, &quote);
        let order = order_of(&self.ask_surely(ask, request).await?)?;
        self.look(&order).await.map(drop)
    }

    /// What follows, beside a live stream that stays until it has told what its buyer sees in the
    /// end.
    async fn after_by_stream(&self, order: &str, listen: Listen, then: Then) {
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

    async fn after(&self, order: &str, then: Then) {
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
                self.cancels_what_it_was(order).await;
                let request = requests::cancel(order, &self.key("cancel"));
                self.ask_surely(Ask::Cancel { order: order.into() }, request).await;
                self.look(order).await;
            }
            Then::Deliver(ms) => {
                self.think(ms).await;
                self.deliver(order).await;
                self.look(order).await;
            }
        }
    }

    /// Some cancel from a page that shows the order as it was before: over a version that it has no
    /// more. The shop tells them so, and they do it again.
    async fn cancels_what_it_was(&self, order: &str) {
        if !self.draws(draw::STALE_CANCEL, STALE_CANCEL_PERCENT) {
            return;
        }
        let Some(Looked { version, .. }) = self.look(order).await else { return };
        let request = requests::cancel(order, &self.key("cancel-stale"));
        let request = requests::if_match(request, version.saturating_sub(1));
        self.ask_surely(Ask::Cancel { order: order.into() }, request).await;
    }

    /// Looks at the order; how it stands, if that was shown.
    pub(super) async fn look(&self, order: &str) -> Option<Looked> {
        let ask = Ask::GetOrder { order: order.into() };
        let answer = self.ask(ask, requests::get_order(order), 2).await?;
        (answer.status == 200).then(|| requests::read(&answer)).flatten()
    }

    /// A buyer without patience or manners.
    async fn snatch(&self, line: Line, tries: u32) {
        for n in 0..tries {
            let cart = self.cart(n);
            let Some(quote) = self.quoted(&cart, &[line], Pay::Cod).await else { continue };
            let key = format!("{}-{n}", self.key("snatch"));
            let request = requests::place(&cart, &quote, Pay::Cod, 0, &key);
            let ask = placing(&cart, &[line], &quote);
            let answer = self.ask(ask, request, 1).await;
            if answer.is_some_and(|answer| answer.status == 201) {
                return;
            }
        }
    }

    /// Fills a cart and asks what it costs.
    async fn quoted(&self, cart: &str, lines: &[Line], pay: Pay) -> Option<Quote> {
        self.filled(cart, lines, pay, None).await?;
        let quote = self.quote(cart).await?;
        self.covered(cart, lines, pay, quote).await
    }

    /// The quote of the cart once the wallet gives all that it costs.
    async fn covered(&self, cart: &str, lines: &[Line], pay: Pay, quote: Quote) -> Option<Quote> {
        if pay != Pay::Wallet || quote.payable() == 0 {
            return Some(quote);
        }
        // The wallet gives all that has to be paid, and that is more than the goods.
        self.wallet_gives.set(self.wallet_gives.get() + quote.payable());
        self.filled(cart, lines, pay, Some(quote.cart_version())).await?;
        self.quote(cart).await
    }

    /// Writes the cart, in place of a version of it or anew; how it was answered if it stands.
    async fn filled(&self, cart: &str, lines: &[Line], pay: Pay, over: Option<u64>) -> Option<u16> {
        let names = (&self.clients.names, cart);
        let put = requests::put_cart(names, lines, pay, self.wallet_gives.get(), over);
        let made = self.ask_surely(Ask::PutCart { cart: cart.into() }, put).await?;
        // Refused as made already: an earlier try did it, and its answer was lost.
        matches!(made.status, 200 | 201 | 412).then_some(made.status)
    }

    pub(super) async fn quote(&self, cart: &str) -> Option<Quote> {
        let (ask, asked_us) = (Ask::Quote { cart: cart.into() }, self.clients.wire.now_us());
        let answer = self.ask_surely(ask, requests::quote(cart)).await?;
        let quote = (answer.status == 200).then(|| requests::read::<Quote>(&answer)).flatten();
        quote.map(|quote| quote.asked(asked_us))
    }

    async fn think(&self, ms: u32) {
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

    fn cart(&self, n: u32) -> String {
        self.clients.names.cart(self.visit.id, n)
    }

    pub(super) fn key(&self, what: &str) -> String {
        self.clients.names.key(what, self.visit.id)
    }
}

fn pairs(lines: &[Line]) -> Vec<(u32, u32)> {
    lines.iter().map(|line| (line.sku, line.qty)).collect()
}

/// Another placing under the same key.
fn reuse(ask: &Ask, request: &Request) -> Option<(Ask, Request)> {
    let Ask::Place { cart, .. } = ask else { return None };
    let request = requests::placing_more(request)?;
    Some((Ask::Reuse { cart: cart.clone() }, request))
}

/// The placing of these lines, for the history.
fn placing(cart: &str, lines: &[Line], quote: &Quote) -> Ask {
    Ask::Place { cart: cart.into(), lines: pairs(lines), offer: Some(quote.offer()) }
}

fn is_price_changed(answer: &HttpAnswer) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
    }
    let refusal = requests::read::<Refusal>(answer).filter(|_| answer.status == 409);
    refusal.is_some_and(|refusal| refusal.code == "price_changed")
}

/// The order that an answer made or found.
fn order_of(answer: &HttpAnswer) -> Option<String> {
    #[derive(Deserialize)]
    struct Order {
        id: String,
    }
    let is_made = matches!(answer.status, 200..=202);
    is_made.then(|| requests::read::<Order>(answer)).flatten().map(|order| order.id)
}
