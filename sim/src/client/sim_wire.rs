//! The wire to simulated nodes: requests reach the edge's handlers in the process.
//!
//! A request takes time to the node and its answer takes time back; either may be lost. A node
//! that is down refuses at once, one that dies leaves its callers without an answer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use cluster::{Ask, AskError};
use commerce::keys;
use commerce::order::{Command, Order};
use entity::{Cause, Principal, PrincipalKind, Scopes, Tenant};
use serde_json::{Value, json};

use super::requests::FREEZE;
use super::{Heard, HttpAnswer, Local, Request, Try, Who, Wire, key_of};
use crate::kernel::{Kind, Sleep, Tag, Target};
use crate::plan::{FaultKind, Link};
use crate::world::{Life, World, draw};

/// A client is farther away than another node.
const FAR: u32 = 4;
/// How long putting an order on hold may take, in ms.
const FREEZE_WAIT_MS: u64 = 5_000;
/// When tokens end: far behind every run, in s since 1970.
const TOKENS_END_S: u64 = 4_000_000_000;

/// The wire of a simulated world.
pub struct SimWire {
    world: World,
    link: Link,
    claims: RefCell<BTreeMap<Who, Rc<Value>>>,
    /// Whose tokens stand in bodies.
    shown: RefCell<BTreeSet<Who>>,
}

impl SimWire {
    /// A wire whose links are like those between nodes, but longer.
    #[must_use]
    pub fn new(world: World, link: Link) -> Self {
        let link = Link { base_us: link.base_us * FAR, jitter_us: link.jitter_us * FAR, ..link };
        Self { world, link, claims: RefCell::default(), shown: RefCell::default() }
    }

    /// The token of a principal, which the node takes for one that it has checked: signing draws
    /// random bits that are in no plan, and signatures are not what is tested here.
    fn token(&self, who: &Who, life: &Life) -> String {
        let (claims, token) = (self.claims(who), self.token_of(who));
        let edge = &life.edge;
        let vouched = edge.authority().vouch(&token, &claims, edge.wall());
        vouched.expect("claims of ours that end far behind every run are taken");
        token
    }

    fn token_of(&self, who: &Who) -> String {
        format!("sim.{}", self.claims(who)["sub"].as_str().unwrap_or_default())
    }

    fn claims(&self, who: &Who) -> Rc<Value> {
        if let Some(claims) = self.claims.borrow().get(who) {
            return Rc::clone(claims);
        }
        let (sub, kind, scope) = match who {
            Who::Guest(user) => (format!("guest-{user}"), "guest", "orders:read orders:write"),
            Who::Customer(user) => {
                (format!("customer-{user}"), "customer", "orders:read orders:write")
            }
            Who::Staff => ("staff".to_owned(), "service", STAFF_SCOPES),
        };
        let claims = Rc::new(json!({
            "iss": "urn:mercato:edge", "aud": "mercato", "sub": sub, "exp": TOKENS_END_S,
            "tenant": "demo", "kind": kind, "scope": scope,
        }));
        self.claims.borrow_mut().insert(who.clone(), Rc::clone(&claims));
        claims
    }

    fn sleep_ns(&self, ns: u64) -> Sleep {
        self.world.kernel().sleep_ns(Target::Outside, ns)
    }

    fn is_lost(&self, name: u64) -> bool {
        self.world.ground().faults.strikes(name, |kind| match kind {
            FaultKind::ClientLoss { percent } => Some(*percent),
            _ => None,
        })
    }

    async fn exchange(
        &self,
        this: Try,
        who: &Who,
        node: u16,
        mut request: Request,
    ) -> Option<HttpAnswer> {
        let (key, kernel) = (key_of(this), self.world.kernel());
        let seed = kernel.seed();
        self.sleep_ns(draw::latency_ns(self.link, seed, key, 10)).await;
        if self.is_lost(key) {
            return std::future::pending().await;
        }
        let Some(life) = self.world.life(node) else {
            self.sleep_ns(draw::latency_ns(self.link, seed, key, 11)).await;
            return None;
        };
        self.enter(&life, node, who, &mut request).await;
        kernel.note(Tag { kind: Kind::Request, to: u32::from(node), id: key });
        let answer = match request.uri.strip_suffix(FREEZE) {
            Some(path) => freezes(&life, path).await,
            None => life.app.call(request).await,
        };
        if !self.arrives(this, node, &life, Kind::Response).await {
            return std::future::pending().await;
        }
        Some(answer)
    }

    /// The request is at a node that runs, with the credential of its sender.
    async fn enter(&self, life: &Life, node: u16, who: &Who, request: &mut Request) {
        let credential = format!("Bearer {}", self.token(who, life));
        request.headers.push(("authorization".into(), credential));
        if request.uri.ends_with("/merge") {
            self.shown.borrow().iter().for_each(|who| drop(self.token(who, life)));
        }
        self.goes_on(node).await;
    }

    /// A frozen machine takes connections and keeps them, and nothing happens until it goes on.
    async fn goes_on(&self, node: u16) {
        while self.world.kernel().is_paused(node) {
            self.sleep_ns(1_000_000).await;
        }
    }

    /// What a node has written comes to its client, or not: what a dead node had not sent yet is
    /// never sent.
    async fn arrives(&self, this: Try, node: u16, life: &Life, kind: Kind) -> bool {
        let (key, kernel) = (key_of(this), self.world.kernel());
        let is_current = self.world.life(node).is_some_and(|now| now.target == life.target);
        self.sleep_ns(draw::latency_ns(self.link, kernel.seed(), key, 12)).await;
        let arrives = is_current && !self.is_lost(key ^ 1 << 63);
        if arrives {
            kernel.note(Tag { kind, to: this.visit, id: key });
        }
        arrives
    }

    /// A live stream: what its node writes arrives in order, or the line is cut.
    async fn stream(
        &self,
        this: Try,
        who: &Who,
        node: u16,
        mut request: Request,
        heard: &dyn Fn(Heard<'_>),
    ) {
        let (key, kernel) = (key_of(this), self.world.kernel());
        self.sleep_ns(draw::latency_ns(self.link, kernel.seed(), key, 10)).await;
        let Some(life) = self.world.life(node).filter(|_| !self.is_lost(key)) else { return };
        self.enter(&life, node, who, &mut request).await;
        kernel.note(Tag { kind: Kind::Request, to: u32::from(node), id: key });
        let mut opened = tokio::select! {
            biased;
            () = life.over() => return,
            opened = life.app.open(request) => opened,
        };
        if !self.arrives(this, node, &life, Kind::Response).await {
            return;
        }
        heard(Heard::Opened(opened.status));
        for attempt in this.attempt + 1.. {
            let piece = tokio::select! {
                biased;
                () = life.over() => None,
                piece = opened.next() => piece,
            };
            let Some(piece) = piece else { return };
            self.goes_on(node).await;
            // A comment keeps the line open, and tells nobody anything.
            let kind = if piece.starts_with(b":") { Kind::Heartbeat } else { Kind::Response };
            if !self.arrives(Try { attempt, ..this }, node, &life, kind).await {
                return;
            }
            heard(Heard::Piece(&piece));
        }
    }
}

/// Puts an order on hold, as an operator would: no operation offers it yet.
async fn freezes(life: &Life, path: &str) -> HttpAnswer {
    let said = |status, code: &str| {
        let body = json!({"code": code}).to_string().into_bytes();
        HttpAnswer { status, headers: BTreeMap::new(), body }
    };
    let tenant = Tenant::new("demo");
    let id = path.rsplit('/').next().unwrap_or_default();
    let Ok(key) = keys::parse_order(&tenant, id) else { return said(404, "not_found") };
    let (subject, kind, scopes) = ("staff".into(), PrincipalKind::Operator, Scopes::ALL);
    let (principal, cause) = (Principal { tenant, subject, kind, scopes }, Cause::default());
    let ask = Ask { principal, cause, idempotency: None, wait_ms: FREEZE_WAIT_MS };
    let command = Command::PutOnHold { note: "plan".into() };
    match life.node.region().ask::<Order>(&key, &command, ask).await {
        Ok(_) => said(200, ""),
        Err(AskError::Rejected { .. }) => said(409, "invalid_state"),
        Err(_) => said(503, "unavailable"),
    }
}

/// Every scope that the shop's own service holds.
const STAFF_SCOPES: &str = "orders:read orders:write catalogue:read catalogue:write stock:read \
                            stock:write shipments:read shipments:write";

impl Wire for SimWire {
    fn send<'a>(
        &'a self,
        this: Try,
        who: &'a Who,
        node: u16,
        request: Request,
        timeout_ms: u32,
    ) -> Local<'a, Option<HttpAnswer>> {
        Box::pin(async move {
            let timeout = self.sleep_ns(u64::from(timeout_ms) * 1_000_000);
            tokio::select! {
                biased;
                answer = self.exchange(this, who, node, request) => answer,
                () = timeout => None,
            }
        })
    }

    fn listen<'a>(
        &'a self,
        this: Try,
        who: &'a Who,
        node: u16,
        request: Request,
        heard: &'a dyn Fn(Heard<'_>),
    ) -> Local<'a, ()> {
        Box::pin(self.stream(this, who, node, request, heard))
    }

    fn credential<'a>(&'a self, who: &'a Who) -> Local<'a, Option<String>> {
        self.shown.borrow_mut().insert(who.clone());
        Box::pin(std::future::ready(Some(self.token_of(who))))
    }

    fn now_us(&self) -> u64 {
        self.world.since_begin_us()
    }

    fn sleep_us(&self, us: u64) -> Local<'_, ()> {
        Box::pin(self.world.kernel().sleep_us(us))
    }

    fn n_nodes(&self) -> u16 {
        self.world.n_nodes()
    }
}
