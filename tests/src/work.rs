//! Buyers and staff at work against a node until it goes away, each request into the book.
//!
//! Guests pay at the door, customers by wallet. They put carts, place orders, look at them,
//! repeat some requests and cancel some orders; staff dispatches shipments and looks at stock.
//! Every choice follows from the numbers of the round and the worker, so that a round is the same
//! work again, though not the same race.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::book::{Book, Line, now_us};
use crate::client::{Answer, Client, cart_of, cod, order_of};

/// Guests at work at the same time.
pub const GUESTS: usize = 100;
/// Customers with a wallet at work at the same time.
pub const CUSTOMERS: usize = 20;
/// What each customer's wallet holds at first, in minor units.
pub const WALLET: i64 = 100_000;
/// Staff at work at the same time.
pub const STAFF: usize = 8;
/// SKUs that are bought, `demo-001` and on.
pub const SKUS: usize = 16;
/// Orders that wait for staff at the most.
const WAITING_MAX: usize = 64;

/// What all workers of a process share.
#[derive(Debug)]
struct Shared {
    book: Book,
    round: u64,
    /// Orders to dispatch.
    waiting: Mutex<VecDeque<String>>,
}

/// Works against the node at `base` until it is gone. Returns then.
pub async fn work(base: &str, book: Book, round: u64) {
    let shared = Arc::new(Shared { book, round, waiting: Mutex::default() });
    let client = Client::with_token(base, "");
    let service = client.new_service().await;
    let mut buyers = Vec::new();
    for _ in 0..GUESTS {
        buyers.push(client.new_guest().await);
    }
    for index in 0..CUSTOMERS {
        buyers.push(client.new_customer(&customer(round, index)).await);
    }
    let mut workers = tokio::task::JoinSet::new();
    for (index, client) in buyers.into_iter().enumerate() {
        let worker = Worker { client, index, shared: Arc::clone(&shared) };
        workers.spawn(async move { worker.buy(index >= GUESTS).await });
    }
    for index in 0..STAFF {
        let client = service.clone();
        let worker = Worker { client, index, shared: Arc::clone(&shared) };
        workers.spawn(async move { worker.serve().await });
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
}

/// The name of a customer of a round.
#[must_use]
pub fn customer(round: u64, index: usize) -> String {
    format!("buyer-{round}-{index}")
}

/// The SKU with this number, counted around.
#[must_use]
pub fn sku(number: usize) -> String {
    format!("demo-{:03}", number % SKUS + 1)
}

struct Worker {
    client: Client,
    index: usize,
    shared: Arc<Shared>,
}

impl Worker {
    /// Sends a request and writes down what came of it. `None`: the node is gone.
    async fn ask(&self, method: &str, path: &str, key: &str, body: Value) -> Option<Answer> {
        let mut headers = Vec::new();
        if !key.is_empty() {
            headers.push(("idempotency-key", key));
        }
        if method == "PUT" {
            headers.push(("if-none-match", "*"));
        }
        let start = now_us();
        let sent = Some(body.clone()).filter(|body| !body.is_null());
        let answer = self.client.send(method, path, &headers, sent).await;
        let end = now_us();
        let (status, text) = answer.as_ref().map_or((0, ""), |got| (got.status, &got.text));
        self.shared.book.write(&Line {
            token: self.client.token().to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            key: key.to_owned(),
            body,
            start,
            end,
            status,
            text: text.to_owned(),
        });
        answer.ok()
    }

    async fn buy(self, has_wallet: bool) {
        let tenders = if has_wallet { self.wallet().await } else { Some(cod()) };
        let Some(tenders) = tenders else { return };
        for n in 0.. {
            if self.one_order(n, &tenders).await.is_none() {
                return;
            }
        }
    }

    /// A tender that covers one unit, whose price a first cart asks. `None`: the node is gone.
    async fn wallet(&self) -> Option<Value> {
        let cart = format!("/v1/carts/ask-{}-{}", self.shared.round, self.index);
        let content = cart_of(&self.lines(0), &json!([{"type": "gateway"}]));
        self.ask("PUT", &cart, "", content).await?;
        let quote = self.ask("POST", &format!("{cart}/quote"), "", Value::Null).await?;
        Some(json!([{"type": "wallet", "amount": quote.body["totals"]["payable"]}]))
    }

    fn lines(&self, n: usize) -> Value {
        let mut lines = vec![json!({"sku": sku(self.index), "qty": 1})];
        // Two SKUs live in two shards: the order waits for both.
        if n % 3 == 1 && self.index < GUESTS {
            lines.push(json!({"sku": sku(self.index + 5), "qty": 2}));
        }
        lines.into()
    }

    /// One cart and its order. `None`: the node is gone.
    async fn one_order(&self, n: usize, tenders: &Value) -> Option<()> {
        let name = format!("kill-{}-{}-{n}", self.shared.round, self.index);
        let cart = format!("/v1/carts/{name}");
        self.ask("PUT", &cart, "", cart_of(&self.lines(n), tenders)).await?;
        let quote = self.ask("POST", &format!("{cart}/quote"), "", Value::Null).await?;
        if quote.status != 200 {
            return Some(());
        }
        let wish = order_of(&name, &quote.body, tenders);
        let placed = self.ask("POST", "/v1/orders", &name, wish.clone()).await?;
        let Some(id) = placed.body["id"].as_str().filter(|_| placed.status == 201) else {
            return Some(());
        };
        let order = format!("/v1/orders/{id}");
        self.ask("GET", &order, "", Value::Null).await?;
        match (self.index + n) % 5 {
            0 => {
                let key = format!("{name}-cancel");
                self.ask("POST", &format!("{order}/cancel"), &key, Value::Null).await?;
            }
            1 => {
                self.ask("POST", "/v1/orders", &name, wish).await?;
            }
            2 | 3 => {
                let mut waiting = self.shared.waiting.lock().unwrap();
                if waiting.len() < WAITING_MAX {
                    waiting.push_back(id.to_owned());
                }
            }
            _ if self.index < GUESTS => {
                self.ask("GET", &cart, "", Value::Null).await?;
            }
            _ => {}
        }
        self.ask("GET", &order, "", Value::Null).await?;
        Some(())
    }

    async fn serve(self) {
        for n in 0.. {
            let order = self.shared.waiting.lock().unwrap().pop_front();
            let done = match order {
                Some(order) => self.dispatch(&order).await,
                None => {
                    let path = format!("/v1/stock/{}", sku(self.index + n));
                    self.ask("GET", &path, "", Value::Null).await.map(drop)
                }
            };
            if done.is_none() {
                return;
            }
        }
    }

    /// Sends the shipments of an order on their way. `None`: the node is gone.
    async fn dispatch(&self, order: &str) -> Option<()> {
        let path = format!("/v1/orders/{order}/shipments");
        let shipments = self.ask("GET", &path, "", Value::Null).await?;
        for shipment in shipments.body["data"].as_array().into_iter().flatten() {
            let id = shipment["id"].as_str().unwrap();
            let body = json!({"carrier": "DHL", "tracking_number": id});
            let path = format!("/v1/shipments/{id}/dispatch");
            self.ask("POST", &path, &format!("d-{id}"), body).await?;
            self.ask("GET", &format!("/v1/shipments/{id}"), "", Value::Null).await?;
        }
        Some(())
    }
}
