//! A real node as a child process: started on free ports, asked over HTTP, killed, started again.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// The program under test.
pub(crate) fn binary() -> PathBuf {
    let dir = std::env::var_os("MERCATO_TEST_CARGO_BIN_DIR")
        .map_or_else(|| crate::tree::root().join("target/debug"), PathBuf::from);
    let binary = dir.join("mercato");
    assert!(binary.exists(), "{} is not there: build it with scripts/test", binary.display());
    binary
}

/// A running node. Killed when dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) http: String,
    pub(crate) admin: String,
}

impl Node {
    /// Starts a demo node over a folder and waits until it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with further environment.
    pub(crate) fn start_with(data: &Path, env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary())
            .args(["serve", "--demo", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("MERCATO_LOG", "warn")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no ready line but {line:?}: {:?}", child.wait()));
        assert_eq!(ready["ready"], true);
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { http: text("http"), admin: text("admin"), child }
    }

    /// Ends it at once, as the kernel would. Its requests in flight end with it.
    pub(crate) fn signal_kill(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }

    /// Waits for the end of a node that was killed.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and says how it did.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client with one token.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
    token: String,
}

/// An answer: its status and body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Client {
    /// A fresh guest.
    pub(crate) async fn guest(node: &Node) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        let url = format!("{}/v1/guests", node.http);
        let guest: Value = http.post(url).send().await.unwrap().json().await.unwrap();
        let token = guest["access_token"].as_str().unwrap().to_owned();
        Self { http, base: node.http.clone(), token }
    }

    /// The demo service, with every scope.
    pub(crate) async fn service(node: &Node) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
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

    /// The same client on a node that was started again.
    pub(crate) fn at(&self, node: &Node) -> Self {
        Self { base: node.http.clone(), ..self.clone() }
    }

    /// Whether the node says that it is ready.
    pub(crate) async fn is_ready(&self, node: &Node) -> bool {
        let answer = self.http.get(format!("{}/readyz", node.admin)).send().await.unwrap();
        answer.status().as_u16() == 200
    }

    /// A request. `Err`: the node went away before it answered.
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
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, body, text })
    }

    /// Puts a cart for cash on delivery and quotes it; what is to be sent to place it.
    pub(crate) async fn prepare(
        &self,
        cart: &str,
        sku: &str,
        qty: u32,
    ) -> Result<Value, reqwest::Error> {
        let content = json!({
            "lines": [{"sku": sku, "qty": qty}],
            "address": {"name": "Ada", "line1": "1 Main St", "line2": null, "city": "Springfield",
                        "region": "US-CA", "postal_code": "90001", "country": "US", "phone": null},
            "tenders": [{"type": "cod"}],
        });
        let path = format!("/v1/carts/{cart}");
        let put = self.send("PUT", &path, &[("if-none-match", "*")], Some(content)).await?;
        assert!(put.status == 201 || put.status == 412, "{put:?}");
        let quote = self.send("POST", &format!("{path}/quote"), &[], None).await?;
        assert_eq!(quote.status, 200, "{quote:?}");
        Ok(json!({
            "cart_id": cart,
            "cart_version": quote.body["cart_version"],
            "quote_hash": quote.body["quote_hash"],
            "expected_total": quote.body["totals"]["payable"],
            "tenders": [{"type": "cod"}],
            "txn_type": "cod",
        }))
    }

    /// Places a prepared order under a key.
    pub(crate) async fn place(&self, key: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        self.send("POST", "/v1/orders", &[("idempotency-key", key)], Some(body.clone())).await
    }
}
