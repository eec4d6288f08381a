//! A client of the HTTP interface with one token.

use std::time::Duration;

use serde_json::{Value, json};

use crate::node::Node;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client with one token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Base URL of the node.
    pub base: String,
    token: String,
}

/// An answer: its status and body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON; null when it is none.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where the demo issuer sends a browser back to; nobody listens there.
const BACK: &str = "http://127.0.0.1:5173/back";

fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.timeout(PATIENCE).build().unwrap()
}

impl Client {
    /// A client with a token from before.
    #[must_use]
    pub fn with_token(base: &str, token: &str) -> Self {
        Self { http: http(), base: base.to_owned(), token: token.to_owned() }
    }

    /// A fresh guest.
    pub async fn guest(node: &Node) -> Self {
        Self::with_token(&node.http, "").new_guest().await
    }

    /// The demo service, with every scope.
    pub async fn service(node: &Node) -> Self {
        Self::with_token(&node.http, "").new_service().await
    }

    /// A fresh guest over the same connections.
    pub async fn new_guest(&self) -> Self {
        let url = format!("{}/v1/guests", self.base);
        let guest: Value = self.http.post(url).send().await.unwrap().json().await.unwrap();
        self.and_token(guest["access_token"].as_str().unwrap())
    }

    /// The demo service over the same connections. The token lives for 10 min.
    pub async fn new_service(&self) -> Self {
        let form = "grant_type=client_credentials&client_id=demo-service&client_secret=demo-secret";
        self.issued(form).await
    }

    /// A customer with a wallet, signed in at the demo issuer, over the same connections. The
    /// token lives for 10 min.
    pub async fn new_customer(&self, name: &str) -> Self {
        let url = format!(
            "{}/oauth/authorize?response_type=code&client_id=demo-web&state=s\
             &redirect_uri={BACK}&code_challenge={CHALLENGE}&code_challenge_method=S256\
             &login_hint={name}",
            self.base
        );
        let answer = self.http.get(url).send().await.unwrap();
        let to = answer.headers()["location"].to_str().unwrap();
        let code = to.split_once("code=").unwrap().1.split('&').next().unwrap();
        let form = format!(
            "grant_type=authorization_code&client_id=demo-web&code={code}\
             &code_verifier={VERIFIER}&redirect_uri={BACK}"
        );
        self.issued(&form).await
    }

    /// With the access token that the demo issuer gives for a form.
    async fn issued(&self, form: &str) -> Self {
        let request = self.http.post(format!("{}/oauth/token", self.base)).body(form.to_owned());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let token: Value = request.send().await.unwrap().json().await.unwrap();
        self.and_token(token["access_token"].as_str().unwrap_or_else(|| panic!("{token}")))
    }

    /// The same client on a node that was started again.
    #[must_use]
    pub fn at(&self, node: &Node) -> Self {
        Self { base: node.http.clone(), ..self.clone() }
    }

    /// Its token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Another token over the same connections.
    #[must_use]
    pub fn and_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Whether the node says that it is ready.
    pub async fn is_ready(&self, node: &Node) -> bool {
        let answer = self.http.get(format!("{}/readyz", node.admin)).send().await.unwrap();
        answer.status().as_u16() == 200
    }

    /// A request. `Err`: the node went away before it answered.
    pub async fn send(
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
    pub async fn prepare(&self, cart: &str, sku: &str, qty: u32) -> Result<Value, reqwest::Error> {
        let content = cart_of(&json!([{"sku": sku, "qty": qty}]), &cod());
        let path = format!("/v1/carts/{cart}");
        let put = self.send("PUT", &path, &[("if-none-match", "*")], Some(content)).await?;
        assert!(put.status == 201 || put.status == 412, "{put:?}");
        let quote = self.send("POST", &format!("{path}/quote"), &[], None).await?;
        assert_eq!(quote.status, 200, "{quote:?}");
        Ok(order_of(cart, &quote.body, &cod()))
    }

    /// Places a prepared order under a key.
    pub async fn place(&self, key: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        self.send("POST", "/v1/orders", &[("idempotency-key", key)], Some(body.clone())).await
    }
}

/// Cash on delivery.
#[must_use]
pub fn cod() -> Value {
    json!([{"type": "cod"}])
}

/// A cart of these lines, paid by these tenders.
#[must_use]
pub fn cart_of(lines: &Value, tenders: &Value) -> Value {
    json!({
        "lines": lines,
        "address": {"name": "Ada", "line1": "1 Main St", "line2": null, "city": "Springfield",
                    "region": "US-CA", "postal_code": "90001", "country": "US", "phone": null},
        "tenders": tenders,
    })
}

/// What places a cart at a quote.
#[must_use]
pub fn order_of(cart: &str, quote: &Value, tenders: &Value) -> Value {
    json!({
        "cart_id": cart,
        "cart_version": quote["cart_version"],
        "quote_hash": quote["quote_hash"],
        "expected_total": quote["totals"]["payable"],
        "tenders": tenders,
        "txn_type": if *tenders == cod() { "cod" } else { "fixed" },
    })
}
