//! Opens the shop before a run and looks at its orders after it, through the public interface.

use std::collections::BTreeSet;
use std::rc::Rc;

use futures_util::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::requests::{self, request, with, with_body};
use super::{Call, Clients, HttpAnswer, Request, Who, Wire, is_later};
use crate::check::client::liveness::rests;
use crate::history::Ask;
use crate::plan::{Setup, SkuSetup};

/// The visit that requests of staff before and after a run are noted under.
const NOBODY: u32 = u32::MAX;
/// Tries of each of its requests: it works until it is done.
const TRIES: u32 = 40;

/// How long an order that still moves is left alone before it is looked at again, in us.
const LOOK_AGAIN_US: u64 = 500_000;

/// Pages of a list that are looked at: 3 orders of a buyer's own, 20 of the shop's. A list that is
/// longer is not judged as a whole.
pub(super) const PAGES_MAX: usize = 100;

/// Looks on their way at once, so that the end of a run does not take longer than the run.
const LOOKS_AT_ONCE: usize = 16;

/// An order, as far as it matters here.
#[derive(Deserialize)]
struct Looked {
    status: String,
}

/// Staff that must not fail.
pub struct Staff<W> {
    pub(super) clients: Rc<Clients<W>>,
    step: std::cell::Cell<u32>,
}

impl<W: Wire> Staff<W> {
    /// Staff of a run.
    #[must_use]
    pub fn new(clients: &Rc<Clients<W>>) -> Self {
        Self { clients: Rc::clone(clients), step: std::cell::Cell::new(0) }
    }

    async fn ask(&self, ask: Ask, request: Request) -> Option<HttpAnswer> {
        self.ask_as(&Who::Staff, ask, request).await
    }

    /// Asks without a second try.
    pub(super) async fn ask_once(&self, who: &Who, ask: Ask, request: Request) {
        self.tried(who, ask, request, 1).await;
    }

    async fn ask_as(&self, who: &Who, ask: Ask, request: Request) -> Option<HttpAnswer> {
        self.tried(who, ask, request, TRIES).await
    }

    async fn tried(&self, who: &Who, ask: Ask, request: Request, tries: u32) -> Option<HttpAnswer> {
        let step = self.step.get();
        self.step.set(step + 1);
        let (visit, intended_us, node) = (NOBODY, None, None);
        self.clients.call(Call { who, visit, step, intended_us, ask, request, tries, node }).await
    }

    /// Puts something; a version that is there already is from an earlier try.
    async fn put(&self, uri: String, body: &Value) -> Result<(), String> {
        let put = with(with_body(request("PUT", uri.clone()), body), "if-none-match", "*");
        let answer = self.ask(Ask::Other, put).await;
        match answer.map(|answer| (answer.status, answer.body)) {
            Some((200 | 201 | 412, _)) => Ok(()),
            Some((status, body)) => {
                Err(format!("{uri}: {status} {}", String::from_utf8_lossy(&body)))
            }
            None => Err(format!("{uri}: no answer")),
        }
    }

    async fn sku(&self, sku: u32, wanted: &SkuSetup) -> Result<(), String> {
        let names = &self.clients.names;
        let code = names.sku(sku);
        let body = json!({"product_id": names.product(), "title": "A thing"});
        self.put(format!("/v1/skus/{code}"), &body).await?;
        let body = json!({"amount": {"amount": wanted.price, "currency": "USD"}});
        self.put(format!("/v1/price-books/default/prices/{code}"), &body).await?;
        for (place, units) in (0..).zip(wanted.at_places()) {
            let key = match place {
                0 => names.key("open", sku),
                _ => names.key(&format!("open-{place}"), sku),
            };
            let request = requests::adjust(&code, place, &json!({"count": units}), &key);
            let answer = self.ask(Ask::Other, request).await;
            match answer.map(|answer| answer.status) {
                Some(200 | 201) => {}
                other => return Err(format!("stock of {code}: {other:?}")),
            }
        }
        Ok(())
    }

    /// Registers customers; each gets a wallet.
    pub async fn open_wallets(&self, users: &BTreeSet<u32>) -> Result<(), String> {
        for user in users {
            let body = json!({"name": format!("Customer {user}"),
                              "email": format!("c{user}@example.com")});
            let request = with_body(request("POST", "/v1/customers".into()), &body);
            match self.ask_as(&Who::Customer(*user), Ask::Other, request).await {
                Some(answer) if matches!(answer.status, 200 | 201) => {}
                other => return Err(format!("customer {user}: {other:?}")),
            }
        }
        Ok(())
    }

    /// Looks at every order that a client was told of, until it is at rest or `until_us` has come,
    /// at the stock, and with their owners at what else is looked at once more and at the lists of
    /// their own orders. Whatever is not answered is asked again.
    pub async fn look_at_all(&self, n_skus: u32, until_us: u64) {
        let mut orders = self.known();
        loop {
            let looks = stream::iter(orders).map(|order| async move {
                let ask = Ask::GetOrder { order: order.clone() };
                let request = requests::get_order(&order);
                let answer = self.ask_until(&Who::Staff, ask, request, until_us).await;
                let state = answer.as_ref().and_then(requests::read::<Looked>);
                (!state.is_some_and(|looked| rests(&looked.status))).then_some(order)
            });
            let looked = looks.buffer_unordered(LOOKS_AT_ONCE);
            let moving: BTreeSet<_> = looked.filter_map(std::future::ready).collect().await;
            if moving.is_empty() || self.clients.wire.now_us() >= until_us {
                break;
            }
            orders = moving;
            self.clients.wire.sleep_us(LOOK_AGAIN_US).await;
        }
        let looks = stream::iter(0..n_skus).map(|sku| {
            let request = requests::get_stock(&self.clients.names.sku(sku));
            self.ask_until(&Who::Staff, Ask::GetStock { sku }, request, until_us)
        });
        looks.buffer_unordered(LOOKS_AT_ONCE).for_each(|_| std::future::ready(())).await;
        let last_looks = self.clients.last_looks.take();
        let looks = last_looks.into_iter().map(|(ask, (who, request))| async move {
            self.ask_until(&who, ask, request, until_us).await;
        });
        let looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        looks.for_each(|()| std::future::ready(())).await;
        let buyers = self.clients.buyers.borrow().clone();
        let looks = buyers.iter().map(|(name, who)| self.list_of(name, who, until_us));
        let looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        looks.for_each(|_| std::future::ready(())).await;
    }

    /// A buyer looks at the list of all orders of his own.
    async fn list_of(&self, name: &str, who: &Who, until_us: u64) -> Option<()> {
        #[derive(Deserialize)]
        struct Page {
            next: Option<String>,
        }
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let ask = Ask::ListMine { buyer: name.to_owned() };
            let request = requests::my_orders(cursor.as_deref());
            let answer = self.ask_until(who, ask, request, until_us).await?;
            cursor = Some(requests::read::<Page>(&answer)?.next?);
        }
        None
    }

    /// Orders that an answer to a client named, sold or not.
    fn known(&self) -> BTreeSet<String> {
        let history = self.clients.history.borrow();
        let answers = history.ops.iter().filter_map(|op| op.answer.as_ref());
        answers.filter_map(|answer| answer.order.clone()).collect()
    }

    /// Tells of each answer that showed an order: its id, when it came, its version and its state.
    pub(super) fn each_read(&self, mut tell: impl FnMut(&str, u64, u64, &str)) {
        for op in &self.clients.history.borrow().ops {
            let (Ask::GetOrder { order }, Some(answer)) = (&op.ask, &op.answer) else { continue };
            if let (Some(at_us), Some(version), Some(state)) =
                (op.answered_us, answer.version, &answer.state)
            {
                tell(order, at_us, version, state);
            }
        }
    }

    /// What the run calls things.
    pub(super) fn names(&self) -> &super::Names {
        &self.clients.names
    }

    /// Waits.
    pub(super) async fn sleep_us(&self, us: u64) {
        self.clients.wire.sleep_us(us).await;
    }

    /// Asks until there is an answer that is not "later", but not beyond `until_us`.
    pub(super) async fn ask_until(
        &self,
        who: &Who,
        ask: Ask,
        request: Request,
        until_us: u64,
    ) -> Option<HttpAnswer> {
        loop {
            let answer = self.ask_as(who, ask.clone(), request.clone()).await;
            let is_answered = answer.as_ref().is_some_and(|answer| !is_later(answer.status));
            if is_answered || self.clients.wire.now_us() >= until_us {
                return answer;
            }
        }
    }
}

/// Makes the products, SKUs, prices and stock of a plan. `Err`: what the system refused.
pub async fn open_shop<W: Wire>(staff: &Staff<W>, setup: &Setup) -> Result<(), String> {
    let about = json!({"title": "Things", "status": "active", "category": "things"});
    staff.put(format!("/v1/products/{}", staff.clients.names.product()), &about).await?;
    for (sku, wanted) in (0_u32..).zip(&setup.skus) {
        staff.sku(sku, wanted).await?;
        let mut history = staff.clients.history.borrow_mut();
        history.stock.insert(sku, wanted.stock);
        history.prices.insert(sku, wanted.price);
        history.spread.extend((wanted.n_places() > 1).then_some(sku));
    }
    Ok(())
}
