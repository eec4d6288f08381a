//! A demo node as a child process, and a client with one token.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A running node. Killed when dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) http: String,
    pub(crate) admin: String,
}

impl Node {
    /// Starts a demo node over a folder, with further flags, and waits until it is ready.
    pub(crate) fn start(data: &Path, flags: &[&str]) -> Self {
        Self::spawn(Self::command(data, flags).arg("--demo"))
    }

    /// The same without a demo shop.
    pub(crate) fn start_plain(data: &Path) -> Self {
        Self::spawn(&mut Self::command(data, &[]))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no ready line but {line:?}: {:?}", child.wait()));
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { http: text("http"), admin: text("admin"), child }
    }

    /// A node that is not started yet.
    pub(crate) fn command(data: &Path, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mercato"));
        command
            .args(["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(flags)
            .env("MERCATO_LOG", "error");
        command
    }

    /// Tells it to end.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([format!("-{name}"), pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; its exit code.
    pub(crate) async fn wait(mut self) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "the node does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A client with one token.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
    token: String,
}

impl Client {
    /// A fresh guest.
    pub(crate) async fn guest(node: &Node) -> Self {
        let http = http();
        let url = format!("{}/v1/guests", node.http);
        let guest: Value = http.post(url).send().await.unwrap().json().await.unwrap();
        let token = guest["access_token"].as_str().unwrap().to_owned();
        Self { http, base: node.http.clone(), token }
    }

    /// The demo service, with every scope.
    pub(crate) async fn service(node: &Node) -> Self {
        let http = http();
        let form = "grant_type=client_credentials&client_id=demo-service&client_secret=demo-secret";
        let answer = http
            .post(format!("{}/oauth/token", node.http))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        let token: Value = answer.json().await.unwrap();
        let token = token["access_token"].as_str().unwrap().to_owned();
        Self { http, base: node.http.clone(), token }
    }

    /// The same client on another listener, or on a node that was started again.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// A request. `Err`: no answer came.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Answer, reqwest::Error> {
        let method = method.parse().unwrap();
        let mut request =
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await.unwrap()
    }

    /// Orders one unit for cash on delivery. `Err`: no answer came.
    pub(crate) async fn order(&self, cart: &str, sku: &str) -> Result<Answer, reqwest::Error> {
        let content = json!({
            "lines": [{"sku": sku, "qty": 1}],
            "address": {"name": "Ada", "line1": "1 Main St", "line2": null, "city": "Springfield",
                        "region": "US-CA", "postal_code": "90001", "country": "US", "phone": null},
            "tenders": [{"type": "cod"}],
        });
        let path = format!("/v1/carts/{cart}");
        self.send("PUT", &path, &[("if-none-match", "*")], Some(content)).await?;
        let quote = self.send("POST", &format!("{path}/quote"), &[], None).await?;
        let body = json!({
            "cart_id": cart,
            "cart_version": quote.body["cart_version"],
            "quote_hash": quote.body["quote_hash"],
            "expected_total": quote.body["totals"]["payable"],
            "tenders": [{"type": "cod"}],
            "txn_type": "cod",
        });
        self.send("POST", "/v1/orders", &[("idempotency-key", cart)], Some(body)).await
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

/// What `look` gives once `wanted` says so.
pub(crate) async fn until<T, F>(mut look: impl FnMut() -> F, wanted: impl Fn(&T) -> bool) -> T
where
    T: std::fmt::Debug,
    F: Future<Output = T>,
{
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = look().await;
        if wanted(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "it takes too long: {seen:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
