//! The wire to live nodes: requests go over HTTP, time is the wall's.
//!
//! Guests come from the target itself; customers and staff sign in at its demo issuer. A user has
//! one token at a time, so that visits of one user share a principal. Nothing is retried here: an
//! answer that did not come is the client's business.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Mutex;

use super::{Heard, HttpAnswer, Local, Names, Request, Try, Who, Wire};

/// Tokens of the issuer live for ten minutes; they are asked for again well before.
const TOKEN_AGE: Duration = Duration::from_secs(300);
/// How long a token may take.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(20);
/// Below this a wait is spent awake: timers are no finer.
const FINE_US: u64 = 1_000;
/// RFC 7636, appendix B: nobody steals codes from a load test.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where the demo issuer sends a browser back to; nobody listens there.
const BACK: &str = "http://127.0.0.1:5173/back";

/// A service of the shop, as its issuer knows it.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

type Token = Rc<Mutex<Option<(String, Instant)>>>;

/// The wire to the nodes of a live system.
pub struct HttpWire {
    http: reqwest::Client,
    targets: Vec<String>,
    service: Service,
    names: Names,
    begun: Cell<Instant>,
    tokens: RefCell<BTreeMap<Who, Token>>,
}

impl HttpWire {
    /// A wire to base URLs of nodes. `Err`: the HTTP client cannot be made.
    ///
    /// # Panics
    /// When there is no target.
    pub fn new(targets: &[String], service: Service, names: Names) -> Result<Self, String> {
        assert!(!targets.is_empty(), "a wire goes somewhere");
        let plain = |target: &String| target.trim_end_matches('/').to_owned();
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Ok(Self {
            http: builder.build().map_err(|error| error.to_string())?,
            targets: targets.iter().map(plain).collect(),
            service,
            names,
            begun: Cell::new(Instant::now()),
            tokens: RefCell::default(),
        })
    }

    /// From now on times count.
    pub fn begin(&self) {
        self.begun.set(Instant::now());
    }

    async fn token(&self, who: &Who) -> Option<String> {
        let kept = Rc::clone(self.tokens.borrow_mut().entry(who.clone()).or_default());
        // Two visits of one user wait for one token: with two, each were somebody else.
        let mut kept = kept.lock().await;
        let is_fresh = |(_, since): &&(String, Instant)| match who {
            Who::Guest(_) => true,
            Who::Customer(_) | Who::Staff => since.elapsed() < TOKEN_AGE,
        };
        if let Some((token, _)) = kept.as_ref().filter(is_fresh) {
            return Some(token.clone());
        }
        let asked = tokio::time::timeout(TOKEN_TIMEOUT, self.ask_token(who)).await;
        let token = asked.ok().and_then(Result::ok).flatten()?;
        *kept = Some((token.clone(), Instant::now()));
        Some(token)
    }

    async fn ask_token(&self, who: &Who) -> Result<Option<String>, reqwest::Error> {
        let base = &self.targets[0];
        let answer = match who {
            Who::Guest(_) => self.http.post(format!("{base}/v1/guests")).send().await?,
            Who::Customer(user) => {
                let name = self.names.customer(*user);
                let Some(code) = self.sign_in(&name).await? else { return Ok(None) };
                let form = format!(
                    "grant_type=authorization_code&client_id=demo-web&code={code}\
                     &code_verifier={VERIFIER}&redirect_uri={BACK}"
                );
                self.issued(form).await?
            }
            Who::Staff => {
                let Service { id, secret } = &self.service;
                let form =
                    format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
                self.issued(form).await?
            }
        };
        let body: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        Ok(body["access_token"].as_str().map(str::to_owned))
    }

    /// Signs a customer in at the demo issuer; the code that it gives.
    async fn sign_in(&self, name: &str) -> Result<Option<String>, reqwest::Error> {
        let url = format!(
            "{}/oauth/authorize?response_type=code&client_id=demo-web&state=s\
             &redirect_uri={BACK}&code_challenge={CHALLENGE}&code_challenge_method=S256\
             &login_hint={name}",
            self.targets[0]
        );
        let answer = self.http.get(url).send().await?;
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok());
        let code = to.and_then(|to| to.split_once("code=")).map(|(_, rest)| rest);
        Ok(code.and_then(|rest| rest.split('&').next()).map(str::to_owned))
    }

    async fn issued(&self, form: String) -> Result<reqwest::Response, reqwest::Error> {
        let request = self.http.post(format!("{}/oauth/token", self.targets[0])).body(form);
        request.header("content-type", "application/x-www-form-urlencoded").send().await
    }

    async fn sent(&self, token: &str, node: u16, request: Request) -> Option<reqwest::Response> {
        let url = format!("{}{}", self.targets[usize::from(node)], request.uri);
        let method = request.method.parse().ok()?;
        let mut asked = self.http.request(method, url).bearer_auth(token);
        for (name, value) in request.headers {
            asked = asked.header(name, value);
        }
        if let Some(body) = request.body {
            asked = asked.body(body);
        }
        asked.send().await.ok()
    }

    async fn exchange(&self, token: &str, node: u16, request: Request) -> Option<HttpAnswer> {
        let answer = self.sent(token, node, request).await?;
        let status = answer.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().map(str::to_owned);
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value).ok()?)))
            .collect();
        let body = answer.bytes().await.ok()?.to_vec();
        Some(HttpAnswer { status, headers, body })
    }
}

impl Wire for HttpWire {
    fn send<'a>(
        &'a self,
        _this: Try,
        who: &'a Who,
        node: u16,
        request: Request,
        timeout_ms: u32,
    ) -> Local<'a, Option<HttpAnswer>> {
        Box::pin(async move {
            let token = self.token(who).await?;
            let patience = Duration::from_millis(timeout_ms.into());
            let answer = self.exchange(&token, node, request);
            tokio::time::timeout(patience, answer).await.ok().flatten()
        })
    }

    fn listen<'a>(
        &'a self,
        _this: Try,
        who: &'a Who,
        node: u16,
        request: Request,
        heard: &'a dyn Fn(Heard<'_>),
    ) -> Local<'a, ()> {
        Box::pin(async move {
            let Some(token) = self.token(who).await else { return };
            let Some(mut answer) = self.sent(&token, node, request).await else { return };
            heard(Heard::Opened(answer.status().as_u16()));
            while let Ok(Some(piece)) = answer.chunk().await {
                heard(Heard::Piece(&piece));
            }
        })
    }

    fn credential<'a>(&'a self, who: &'a Who) -> Local<'a, Option<String>> {
        Box::pin(self.token(who))
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.begun.get().elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn sleep_us(&self, us: u64) -> Local<'_, ()> {
        Box::pin(async move {
            if us >= FINE_US {
                return tokio::time::sleep(Duration::from_micros(us)).await;
            }
            let until_us = self.now_us() + us;
            while self.now_us() <= until_us {
                tokio::task::yield_now().await;
            }
        })
    }

    fn n_nodes(&self) -> u16 {
        u16::try_from(self.targets.len()).unwrap_or(u16::MAX)
    }
}
