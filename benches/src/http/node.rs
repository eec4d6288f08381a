//! A real node in a child process, its demo shop stocked, and buyers who order over HTTP.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Client, Exchange, expect};
use crate::Failed;
use crate::wire::Connection;
use crate::workload::Workload;

/// SKUs of the demo shop.
const N_SKUS: u32 = 48;
/// Units of each; a SKU keeps at most 20,000 holds that were not shipped.
const UNITS: u32 = 1_000_000;

/// A node. Ended when dropped.
#[derive(Debug)]
pub struct HttpNode {
    child: Child,
    address: String,
    prices: Prices,
    /// The next order's number: all its buyers share it.
    next: Arc<AtomicU64>,
    _dir: TempDir,
}

/// What orders cost, as the node quotes it.
#[derive(Debug, Clone, Default)]
struct Prices {
    /// One unit of each SKU, with its tax.
    units: Vec<i64>,
    shipping: i64,
}

impl HttpNode {
    /// Starts a node over an empty folder and stocks its shop.
    pub async fn start(binary: &Path) -> Result<Self, Failed> {
        let step = "start a node";
        let dir = tempfile::tempdir().map_err(Failed::because("make a folder"))?;
        let mut child = Command::new(binary)
            .args(["serve", "--demo", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .arg("--data")
            .arg(dir.path())
            .env("MERCATO_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failed::because(step))?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or_else(|| Failed::new(step, "no stdout"))?;
        BufReader::new(stdout).read_line(&mut line).map_err(Failed::because(step))?;
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = ready["http"].as_str().and_then(|url| url.strip_prefix("http://"));
        let address = address.ok_or_else(|| Failed::new(step, format!("it says {line:?}")))?;
        let address = address.to_owned();
        let (prices, next) = (Prices::default(), Arc::default());
        let mut node = Self { child, address, prices, next, _dir: dir };
        node.stock().await?;
        node.prices = node.quotes().await?;
        Ok(node)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn stock(&self) -> Result<(), Failed> {
        let mut connection = Connection::open(&self.address).await?;
        let form = "grant_type=client_credentials&client_id=demo-service&client_secret=demo-secret";
        let answer = connection.send_form("/oauth/token", form).await?;
        expect(&answer, &[200], "sign staff in")?;
        let token = answer.json()["access_token"].as_str().unwrap_or_default().to_owned();
        for number in 0..N_SKUS {
            let path = format!("/v1/stock/{}/adjustments", sku(number));
            let headers =
                format!("authorization: Bearer {token}\r\nidempotency-key: stock-{number}\r\n");
            let body = json!({"location": "main", "count": UNITS, "reason": "count"}).to_string();
            let answer = connection.send("POST", &path, &headers, &body).await?;
            expect(&answer, &[200], "stock a SKU")?;
        }
        Ok(())
    }

    /// Asks for the price of each SKU alone: the total of an order is the sum.
    async fn quotes(&self) -> Result<Prices, Failed> {
        let mut buyer = self.guest().await?;
        let mut prices = Prices::default();
        for number in 0..N_SKUS {
            let path = format!("/v1/carts/quote-{number:04}");
            let body = cart(&[number]);
            let (connection, headers) = (&mut buyer.connection, &buyer.put_headers);
            let put = connection.send("PUT", &path, headers, &body).await?;
            expect(&put, &[201], "put a cart")?;
            let path = format!("{path}/quote");
            let quote = connection.send("POST", &path, &buyer.token_header, "").await?;
            expect(&quote, &[200], "quote a cart")?;
            let quote = quote.json();
            let amount = |value: &Value| value["amount"].as_i64().unwrap_or_default();
            let line = &quote["lines"][0];
            let unit = amount(&line["line_total"]) + amount(&line["tax"]);
            prices.shipping = amount(&quote["totals"]["payable"]) - unit;
            prices.units.push(unit);
        }
        Ok(prices)
    }

    /// Buyers, each a guest with a connection; they share the numbers of orders.
    pub async fn buyers(&self, n: usize) -> Result<Vec<Buyer>, Failed> {
        let mut buyers = Vec::with_capacity(n);
        for _ in 0..n {
            buyers.push(self.guest().await?);
        }
        Ok(buyers)
    }

    async fn guest(&self) -> Result<Buyer, Failed> {
        let mut connection = Connection::open(&self.address).await?;
        let guest = connection.send("POST", "/v1/guests", "", "").await?;
        expect(&guest, &[200, 201], "be a guest")?;
        let token = guest.json()["access_token"].as_str().unwrap_or_default().to_owned();
        let token_header = format!("authorization: Bearer {token}\r\n");
        Ok(Buyer {
            connection,
            put_headers: format!("{token_header}if-none-match: *\r\n"),
            token_header,
            workload: Workload::uniform(N_SKUS),
            prices: self.prices.clone(),
            next: Arc::clone(&self.next),
            exchanges: Vec::new(),
        })
    }
}

impl Drop for HttpNode {
    fn drop(&mut self) {
        // Its folder goes with it, so it may end at once.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A guest who orders again and again.
#[derive(Debug)]
pub struct Buyer {
    connection: Connection,
    token_header: String,
    put_headers: String,
    workload: Workload,
    prices: Prices,
    next: Arc<AtomicU64>,
    exchanges: Vec<Exchange>,
}

impl Buyer {
    /// The requests of its last order with the lengths of their answers, for the echo server.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.clone()
    }
}

impl Client for Buyer {
    async fn act(&mut self) -> Result<(), Failed> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let skus: Vec<u32> = self.workload.plan(number).lines.iter().map(|l| l.sku).collect();
        let name = format!("cart-{number:012}");
        let body = cart(&skus);
        let path = format!("/v1/carts/{name}");
        let put = self.connection.send("PUT", &path, &self.put_headers, &body).await?;
        expect(&put, &[201], "put a cart")?;
        let units: i64 = skus.iter().map(|sku| self.prices.units[*sku as usize]).sum();
        let placing = json!({
            "cart_id": name,
            "cart_version": 1,
            "quote_hash": "of no matter: the total decides",
            "expected_total": {"amount": units + self.prices.shipping, "currency": "USD"},
            "tenders": [{"type": "cod"}],
            "txn_type": "cod",
        })
        .to_string();
        let headers = format!("{}idempotency-key: {name}\r\n", self.token_header);
        let placed = self.connection.send("POST", "/v1/orders", &headers, &placing).await?;
        expect(&placed, &[201], "place an order")?;
        // The words stand in the answer once; reading all of it would be the client's CPU.
        if !contains(&placed.body, b"\"confirmed\"") {
            return Err(Failed::new("place an order", "it is not confirmed"));
        }
        if self.exchanges.is_empty() {
            let exchange = |headers: &str, body: String, n_reply_bytes| Exchange {
                headers: headers.to_owned(),
                body,
                n_reply_bytes,
            };
            self.exchanges = vec![
                exchange(&self.put_headers, body, put.body.len()),
                exchange(&headers, placing, placed.body.len()),
            ];
        }
        Ok(())
    }
}

fn contains(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

fn sku(number: u32) -> String {
    format!("demo-{:03}", number + 1)
}

fn cart(skus: &[u32]) -> String {
    let lines: Vec<_> = skus.iter().map(|n| json!({"sku": sku(*n), "qty": 1})).collect();
    json!({
        "lines": lines,
        "address": {
            "name": "Ada Lovelace", "line1": "12 Main Street", "line2": null,
            "city": "Springfield", "region": null, "postal_code": "90210", "country": "US",
            "phone": null,
        },
        "tenders": [{"type": "cod"}],
    })
    .to_string()
}
