//! A node's edge in a test: memory store, own clock, own random numbers, requests in process.

pub(crate) mod journal;
pub(crate) mod unsteady;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix_web::http::Method;
use data_encoding::BASE64URL_NOPAD;
use entity::Timestamp;
use ports::memory::MemoryStore;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::health::Health;
use crate::identity::issuer::{Families, Issuer};
use crate::identity::{
    Authority, AuthorityParts, EdgeKeys, IssuerConfig, Revocations, Tenants, TokenVerifier,
};
pub(crate) use crate::in_process::Answer;
use crate::in_process::{InProcess, Request};
use crate::route::Route;
use crate::state::{EdgeLimits, EdgeParts, EdgeState};

/// 2026-11-20T08:15:30Z.
pub(crate) const NOW_MS: u64 = 1_795_162_530_000;

/// One node.
pub(crate) struct World {
    pub(crate) edge: EdgeState,
    pub(crate) store: Arc<MemoryStore>,
    clock_ms: Arc<AtomicU64>,
    /// Customers that were registered at sign-in.
    pub(crate) registered: Arc<parking_lot::Mutex<Vec<String>>>,
    /// Whether registering fails.
    pub(crate) register_fails: Arc<AtomicBool>,
    routes: Option<Vec<Route>>,
}

/// What a node is made with.
pub(crate) struct Setup {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) demo: bool,
    pub(crate) limits: EdgeLimits,
    pub(crate) tenants: Tenants,
    pub(crate) secure_cookies: bool,
    pub(crate) issuers: Vec<IssuerConfig>,
    pub(crate) shop: Option<crate::shop::Shop>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::new(4)),
            demo: true,
            limits: EdgeLimits { rate_limit: 0, in_flight_max: 100 },
            tenants: Tenants::demo(),
            secure_cookies: false,
            issuers: Vec::new(),
            shop: None,
        }
    }
}

impl World {
    pub(crate) async fn demo() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let clock_ms = Arc::new(AtomicU64::new(NOW_MS));
        let registered = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let meta: Arc<dyn ports::Meta> = Arc::clone(&setup.store) as _;
        let keys = EdgeKeys::load(&*meta).await.unwrap();
        let now = Timestamp(NOW_MS);
        let demo = setup.demo.then_some(None);
        let authority = Authority::new(AuthorityParts {
            verifier: TokenVerifier::new(keys.clone(), demo, setup.issuers).unwrap(),
            revocations: Revocations::load(Arc::clone(&meta), now).await.unwrap(),
            tenants: setup.tenants,
            secure_cookies: setup.secure_cookies,
            keys,
        });
        let register_fails = Arc::new(AtomicBool::new(false));
        let (names, fails) = (Arc::clone(&registered), Arc::clone(&register_fails));
        let issuer = setup.demo.then(|| {
            let register = move |tenant: entity::Tenant, subject: compact_str::CompactString| {
                let fails = fails.load(Ordering::Relaxed);
                if !fails {
                    names.lock().push(format!("{tenant}/{subject}"));
                }
                let made = if fails { Err("no answer".to_owned()) } else { Ok(()) };
                Box::pin(std::future::ready(made)) as _
            };
            Issuer::new(Families::new(meta), Arc::new(register), None)
        });
        let clock = Arc::clone(&clock_ms);
        let drawn = AtomicU64::new(1);
        let health = Health::new(Arc::new(Vec::new));
        health.enter(crate::health::Phase::Serving);
        let edge = EdgeState::new(EdgeParts {
            authority,
            issuer,
            limits: setup.limits,
            clock: Arc::new(move || Timestamp(clock.load(Ordering::Relaxed))),
            entropy: Arc::new(move |bytes| {
                let seed = drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                let hash = Sha256::digest(seed);
                for (byte, drawn) in bytes.iter_mut().zip(hash) {
                    *byte = drawn;
                }
            }),
            health,
            scrape: Arc::new(|| "# no metrics\n".to_owned()),
            shop: setup.shop,
        });
        let store = setup.store;
        Self { edge, store, clock_ms, registered, register_fails, routes: None }
    }

    /// The same node with these routes only.
    pub(crate) fn serving(mut self, routes: Vec<Route>) -> Self {
        self.routes = Some(routes);
        self
    }

    pub(crate) fn pass_s(&self, seconds: u64) {
        self.clock_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    pub(crate) async fn send(&self, request: Ask) -> Answer {
        self.send_through(self.routes.as_deref(), request).await
    }

    /// Sends a request to these routes of the node; `None`: to all public ones.
    pub(crate) async fn send_through(&self, routes: Option<&[Route]>, request: Ask) -> Answer {
        let app = match routes {
            None => InProcess::public(self.edge.clone()).await,
            Some(routes) => InProcess::of(self.edge.clone(), routes.to_vec()).await,
        };
        let Ask { method, uri, headers, body } = request;
        app.call(Request { method: method.to_string(), uri, headers, body }).await
    }

    /// Signs a person in by code and PKCE; answers what the token endpoint said.
    pub(crate) async fn sign_in(&self, query: &str) -> Answer {
        let code = self.code(query).await;
        self.send(exchange(&code, VERIFIER)).await
    }

    /// The code that the authorization endpoint sends back.
    pub(crate) async fn code(&self, query: &str) -> String {
        let answer = self.send(get(&authorize_uri(query))).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        query_of(answer.header("location"), "code").expect("a code comes back")
    }

    /// An access token of a person.
    pub(crate) async fn token(&self, query: &str) -> String {
        let answer = self.sign_in(query).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// An access token of a service.
    pub(crate) async fn service_token(&self, client: &str) -> String {
        self.scoped_token(client, "").await
    }

    /// The token of a service with these scopes only.
    pub(crate) async fn scoped_token(&self, client: &str, scope: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret=demo-secret\
             &scope={scope}"
        );
        let answer = self.send(post("/oauth/token").form(&form)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
}

pub(crate) const VERIFIER: &str = "test-verifier-test-verifier-test-verifier-0123";

pub(crate) fn authorize_uri(query: &str) -> String {
    let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(VERIFIER));
    format!(
        "/oauth/authorize?response_type=code&client_id=demo-web&state=s1\
         &redirect_uri=http://127.0.0.1:5173/back&code_challenge_method=S256\
         &code_challenge={challenge}&{query}"
    )
}

pub(crate) fn exchange(code: &str, verifier: &str) -> Ask {
    post("/oauth/token").form(&format!(
        "grant_type=authorization_code&client_id=demo-web&code={code}\
         &code_verifier={verifier}&redirect_uri=http://127.0.0.1:5173/back"
    ))
}

pub(crate) fn query_of(uri: &str, name: &str) -> Option<String> {
    let (_, query) = uri.split_once('?')?;
    crate::request::read_form(query)?
        .into_iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// A request.
pub(crate) struct Ask {
    method: Method,
    uri: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

pub(crate) fn ask(method: &str, uri: &str) -> Ask {
    Ask { method: method.parse().unwrap(), uri: uri.to_owned(), headers: Vec::new(), body: None }
}

pub(crate) fn get(uri: &str) -> Ask {
    ask("GET", uri)
}

pub(crate) fn post(uri: &str) -> Ask {
    ask("POST", uri)
}

impl Ask {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With this token, unless it has one.
    pub(crate) fn or_bearer(self, token: &str) -> Self {
        let has_one = self.headers.iter().any(|(name, _)| name == "authorization");
        if has_one { self } else { self.bearer(token) }
    }

    pub(crate) fn json(self, body: &str) -> Self {
        let mut with = self.header("content-type", "application/json");
        with.body = Some(body.as_bytes().to_vec());
        with
    }

    pub(crate) fn form(self, body: &str) -> Self {
        let mut with = self.header("content-type", "application/x-www-form-urlencoded");
        with.body = Some(body.as_bytes().to_vec());
        with
    }

    pub(crate) fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn path(&self) -> &str {
        self.uri.split('?').next().expect("a split has a first part")
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// `409 out_of_stock`, `400 invalid_request syntax @ /lines`, or
    /// `@ ?limit` of a parameter or header, `200`.
    pub(crate) fn brief(&self) -> String {
        let body = self.json();
        let mut text = self.status.to_string();
        if let Some(code) = body["code"].as_str() {
            text.push_str(&format!(" {code}"));
        } else if let Some(error) = body["error"].as_str() {
            text.push_str(&format!(" {error}"));
        }
        for fault in body["errors"].as_array().into_iter().flatten() {
            let place = match (fault["pointer"].as_str(), fault["parameter"].as_str()) {
                (Some(pointer), None) => pointer.to_owned(),
                (Some(""), Some(name)) => format!("?{name}"),
                other => panic!("a fault has one place: {other:?}"),
            };
            let code = fault["code"].as_str().unwrap();
            text.push_str(&format!(" {code} @ {place}"));
        }
        text
    }
}
