//! A demo node with its own log and configuration, asked as any client would: tools of the tests of
//! the HTTP edge.
//!
//! Requests are data ([`Ask`]), so that a test can send one, or write it on a socket byte by byte.
//! What the node logs is kept, because a panic behind a good answer is a failure too.

pub(crate) mod operation;
pub(crate) mod stage;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "http://127.0.0.1:5173/back";

/// A running demo node. Killed when dropped.
pub(crate) struct Demo {
    child: Child,
    pub(crate) http: String,
    pub(crate) admin: String,
    folder: tempfile::TempDir,
    client: reqwest::Client,
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// An answer. The body of a live stream is not waited for.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

/// The program under test.
fn binary() -> std::path::PathBuf {
    let folder = std::env::var_os("MERCATO_TEST_CARGO_BIN_DIR")
        .map_or_else(|| crate::tree::root().join("target/debug"), std::path::PathBuf::from);
    let binary = folder.join("mercato");
    assert!(binary.exists(), "{} is not there: build it with scripts/test", binary.display());
    binary
}

/// A request with nothing but its line.
pub(crate) fn ask(method: &str, path: impl Into<String>) -> Ask {
    Ask { method: method.to_owned(), path: path.into(), headers: Vec::new(), body: None }
}

impl Ask {
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn if_version(self, version: &Value) -> Self {
        self.header("if-match", format!("\"v{version}\""))
    }

    pub(crate) fn create(self) -> Self {
        self.header("if-none-match", "*")
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string().into_bytes())
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.bytes("application/x-www-form-urlencoded", body.as_bytes().to_vec())
    }

    pub(crate) fn bytes(mut self, media_type: &str, body: Vec<u8>) -> Self {
        if !media_type.is_empty() {
            self = self.header("content-type", media_type);
        }
        self.body = Some(body);
        self
    }

    /// The bytes of the request as HTTP/1.1; its length is announced unless a header says one.
    pub(crate) fn wire(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: 127.0.0.1\r\n", self.method, self.path);
        head.push_str("connection: close\r\n");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = self.body.clone().unwrap_or_default();
        if self.body.is_some() && !self.headers.iter().any(|(name, _)| name == "content-length") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        [head.into_bytes(), body].concat()
    }
}

impl Answer {
    /// Status and code: `404 not_found`.
    pub(crate) fn brief(&self) -> String {
        match self.body["code"].as_str() {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.body
    }

    fn read(wire: &[u8]) -> Option<Self> {
        let end = wire.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&wire[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name: reqwest::header::HeaderName = name.parse().ok()?;
            headers.append(name, value.parse().ok()?);
        }
        let text = String::from_utf8_lossy(&wire[end + 4..]).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Self { status, headers, text, body })
    }
}

impl Demo {
    /// Starts a node whose file of dynamic settings is `settings`, and waits until it is ready.
    pub(crate) fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("mercato.toml");
        std::fs::write(&config, settings).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new(binary())
            .args(["serve", "--demo", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .arg("--data")
            .arg(folder.path().join("data"))
            .arg("--config")
            .arg(config)
            .env("MERCATO_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {}", log()));
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { http: text("http"), admin: text("admin"), child, folder, client }
    }

    /// Asks the node to end, and says how it did.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// Where the test may keep files beside the node's.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Fails when the node logged a panic, or an error. The HTTP library calls a request that it
    /// cannot read an error; that is the client's.
    #[track_caller]
    pub(crate) fn assert_quiet(&self) {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        let is_clients = |line: &str| line.contains("actix_http::h1::dispatcher");
        let is_error = |line: &str| line.contains("\"ERROR\"") && !is_clients(line);
        let is_bad = |line: &&str| line.contains("panicked") || is_error(line);
        let bad: Vec<&str> = log.lines().filter(is_bad).take(5).collect();
        assert!(bad.is_empty(), "the node logged {bad:#?}");
    }

    /// Fails unless the node lives and is ready.
    pub(crate) async fn assert_well(&self) {
        for probe in ["livez", "readyz"] {
            let url = format!("{}/{probe}", self.admin);
            let answer = self.client.get(url).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 200, "{probe}");
        }
    }

    /// Sends a request.
    pub(crate) async fn send(&self, ask: &Ask) -> Answer {
        let method = ask.method.parse().unwrap();
        // The admin listener has routes of its own.
        let base = if ask.path.starts_with("/admin/") || ask.path.starts_with("/demo/") {
            &self.admin
        } else {
            &self.http
        };
        let mut request = self.client.request(method, format!("{base}{}", ask.path));
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{ask:?}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let is_stream = headers
            .get("content-type")
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let text =
            if is_stream || status == 101 { String::new() } else { response.text().await.unwrap() };
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }

    /// Writes bytes on a new connection and reads what comes back. `None`: nothing that is HTTP.
    pub(crate) fn raw(&self, wire: &[u8]) -> Option<Answer> {
        let address = self.http.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(wire);
        let mut answer = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while let Ok(n @ 1..) = stream.read(&mut chunk) {
            answer.extend_from_slice(&chunk[..n]);
        }
        Answer::read(&answer)
    }

    /// The status of the answer to some bytes; the connection is not read to its end.
    pub(crate) fn first_status(&self, wire: &[u8]) -> u16 {
        let mut stream = TcpStream::connect(self.http.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(wire).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// A token of a service client; `scope` narrows it.
    pub(crate) async fn service(&self, client: &str, scope: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret=demo-secret&scope={scope}"
        );
        let answer = self.send(&ask("POST", "/oauth/token").form(&form)).await.ok();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// What the token endpoint says when a person signs in: `login_hint=ada&tenant=demo2`.
    pub(crate) async fn sign_in(&self, query: &str) -> Value {
        let code = self.code(query).await;
        let form = format!(
            "grant_type=authorization_code&client_id=demo-web&code={code}\
             &code_verifier={VERIFIER}&redirect_uri={BACK}"
        );
        self.send(&ask("POST", "/oauth/token").form(&form)).await.ok()
    }

    /// A code of the authorization endpoint.
    pub(crate) async fn code(&self, query: &str) -> String {
        let answer = self.send(&ask("GET", authorize_path(query))).await;
        let location = answer.header("location");
        let code = location.split(['?', '&']).find_map(|pair| pair.strip_prefix("code="));
        code.unwrap_or_else(|| panic!("no code: {} {location}", answer.status)).to_owned()
    }

    /// An access token of a person.
    pub(crate) async fn person(&self, query: &str) -> String {
        self.sign_in(query).await["access_token"].as_str().unwrap().to_owned()
    }

    /// A guest's token.
    pub(crate) async fn guest(&self) -> String {
        let guest = self.send(&ask("POST", "/v1/guests")).await.ok();
        guest["access_token"].as_str().unwrap().to_owned()
    }

    /// The document that the node serves.
    pub(crate) async fn document(&self) -> Value {
        self.send(&ask("GET", "/openapi.json")).await.ok()
    }

    /// Puts a cart for cash on delivery.
    pub(crate) async fn put_cart(&self, token: &str, cart: &str, sku: &str, qty: u32) -> Value {
        let content = cart_body(sku, qty);
        let put = ask("PUT", format!("/v1/carts/{cart}")).bearer(token).create().json(&content);
        self.send(&put).await.ok()
    }

    /// What is to be sent to place a cart.
    pub(crate) async fn quote(&self, token: &str, cart: &str) -> Value {
        let quote = ask("POST", format!("/v1/carts/{cart}/quote")).bearer(token);
        let quote = self.send(&quote).await.ok();
        json!({
            "cart_id": cart, "cart_version": quote["cart_version"],
            "quote_hash": quote["quote_hash"], "expected_total": quote["totals"]["payable"],
            "tenders": [{"type": "cod"}], "txn_type": "cod",
        })
    }

    /// Orders units of a SKU for cash on delivery.
    pub(crate) async fn order(&self, token: &str, cart: &str, sku: &str, qty: u32) -> Value {
        self.put_cart(token, cart, sku, qty).await;
        let body = self.quote(token, cart).await;
        let place = ask("POST", "/v1/orders").bearer(token).key(cart).json(&body);
        self.send(&place).await.ok()
    }

    /// Orders a unit of a SKU that a customer's wallet pays.
    pub(crate) async fn paid_order(&self, token: &str, cart: &str, sku: &str) -> Value {
        self.put_cart(token, cart, sku, 1).await;
        let mut body = self.quote(token, cart).await;
        let tenders = json!([{"type": "wallet", "amount": body["expected_total"]}]);
        let patch = ask("PATCH", format!("/v1/carts/{cart}")).bearer(token);
        let patch = patch.if_version(&body["cart_version"]).json(&json!({"tenders": tenders}));
        self.send(&patch).await.ok();
        body = self.quote(token, cart).await;
        body["tenders"] = tenders;
        body["txn_type"] = json!("fixed");
        self.send(&ask("POST", "/v1/orders").bearer(token).key(cart).json(&body)).await.ok()
    }

    /// The first shipment of an order, once the order has one.
    pub(crate) async fn shipment(&self, token: &str, order: &Value) -> Value {
        let path = format!("/v1/orders/{}/shipments", order["id"].as_str().unwrap());
        for _ in 0..200 {
            let answer = self.send(&ask("GET", path.clone()).bearer(token)).await;
            if let Some(shipment) = answer.body["data"].get(0) {
                return shipment.clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{path} stays empty")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request to the authorization endpoint.
pub(crate) fn authorize_path(query: &str) -> String {
    format!(
        "/oauth/authorize?response_type=code&client_id=demo-web&state=s1&redirect_uri={BACK}\
         &code_challenge_method=S256&code_challenge={CHALLENGE}&{query}"
    )
}

/// A postal address.
pub(crate) fn address() -> Value {
    json!({"name": "Ada", "line1": "1 Main St", "line2": null, "city": "Springfield",
           "region": "US-CA", "postal_code": "90001", "country": "US", "phone": null})
}

/// A cart for cash on delivery.
pub(crate) fn cart_body(sku: &str, qty: u32) -> Value {
    json!({"lines": [{"sku": sku, "qty": qty}], "address": address(), "tenders": [{"type": "cod"}]})
}
