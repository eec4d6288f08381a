//! Clients: what visits of a plan do, over whatever carries their requests.
//!
//! The same journeys run against simulated nodes ([`Wire`] in the process) and against a live
//! node over HTTP. Each request, with its times and its outcome, goes into the [`History`].
//! Clients are open loop: a visit begins at its time, however slow the system is.

mod addressing;
mod billing;
mod buying;
mod cancelling;
mod closing;
mod comparing;
mod delivering;
mod feed;
mod freezing;
mod http_wire;
mod journey;
mod listening;
mod merging;
mod names;
mod prying;
mod reading;
mod requests;
mod rewards;
mod shop;
mod sim_wire;
mod staffing;
mod tabs;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

pub use edge::in_process::{Answer as HttpAnswer, Request};
pub(crate) use feed::pass_on;
pub use feed::{feed, wallets};
pub use http_wire::{HttpWire, Service};
pub use journey::Visitor;
pub use names::Names;
pub use shop::{Staff, open_shop};
pub use sim_wire::SimWire;

use crate::history::{Ask, History, Look, Op};
use crate::plan::{ClientPolicy, Jitter};
use crate::random::{Stream, below, mix};

/// A future of a client: it stays on its thread.
pub type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A user without an account.
    Guest(u32),
    /// A user with a wallet.
    Customer(u32),
    /// Staff, with every scope.
    Staff,
}

impl Who {
    /// What the history calls them.
    fn name(&self) -> String {
        match self {
            Self::Guest(user) => format!("guest-{user}"),
            Self::Customer(user) => format!("customer-{user}"),
            Self::Staff => "staff".to_owned(),
        }
    }
}

/// Names one try of one request, for the draws that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// The visit.
    pub visit: u32,
    /// The step of the visit.
    pub step: u32,
    /// The try of the step, from 0.
    pub attempt: u32,
}

/// What comes of a live stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// It was answered, with a status.
    Opened(u16),
    /// A piece of its body.
    Piece(&'a [u8]),
}

/// Carries requests to a system and brings answers back.
pub trait Wire {
    /// Sends a request, from a principal to a node; `None`: no answer within `timeout_ms`.
    fn send<'a>(
        &'a self,
        this: Try,
        who: &'a Who,
        node: u16,
        request: Request,
        timeout_ms: u32,
    ) -> Local<'a, Option<HttpAnswer>>;

    /// Opens a live stream, from a principal to a node, and hands over what comes; ends with the
    /// stream, or when it cannot be opened. Dropping it closes the stream.
    fn listen<'a>(
        &'a self,
        this: Try,
        who: &'a Who,
        node: u16,
        request: Request,
        heard: &'a dyn Fn(Heard<'_>),
    ) -> Local<'a, ()>;

    /// The access token of a principal, for a request whose body has to show it.
    fn credential<'a>(&'a self, who: &'a Who) -> Local<'a, Option<String>>;

    /// Time since the beginning of the run, in us.
    fn now_us(&self) -> u64;

    /// Waits.
    fn sleep_us(&self, us: u64) -> Local<'_, ()>;

    /// How many nodes there are to send to.
    fn n_nodes(&self) -> u16;
}

/// What all clients of a run share.
pub struct Clients<W> {
    /// What carries their requests.
    pub wire: W,
    /// Seed of their draws.
    pub seed: u64,
    /// How they behave.
    pub policy: ClientPolicy,
    /// What they call things.
    pub names: Names,
    /// Buyers who were told of an order, by name.
    pub buyers: RefCell<BTreeMap<String, Who>>,
    /// What somebody looks at once more when all is quiet, and who.
    pub last_looks: RefCell<BTreeMap<Ask, (Who, Request)>>,
    /// Orders that staff put on hold.
    pub frozen: RefCell<BTreeSet<String>>,
    /// What they saw.
    pub history: RefCell<History>,
}

impl<W: Wire> Clients<W> {
    /// Clients that have seen nothing yet.
    #[must_use]
    pub fn new(wire: W, seed: u64, policy: ClientPolicy, names: Names) -> Rc<Self> {
        let (buyers, last_looks) = (RefCell::default(), RefCell::default());
        let (frozen, history) = (RefCell::default(), RefCell::default());
        Rc::new(Self { wire, seed, policy, names, buyers, last_looks, frozen, history })
    }

    /// Sends a request until it is answered for good or tries run out; each try is noted.
    ///
    /// `tries` = 1: no retry. Statuses 429, 503 and 504 and a lost answer are tried again.
    pub async fn call(&self, call: Call<'_>) -> Option<HttpAnswer> {
        let mut last = None;
        for attempt in 0..call.tries.max(1) {
            if attempt > 0 {
                self.wire.sleep_us(self.pause_us(&call, attempt)).await;
            }
            last = self.once(&call, attempt).await;
            let again = last.as_ref().is_none_or(|answer| is_later(answer.status));
            if !again {
                break;
            }
        }
        last
    }

    async fn once(&self, call: &Call<'_>, attempt: u32) -> Option<HttpAnswer> {
        let this = Try { visit: call.visit, step: call.step, attempt };
        let node = call.node.unwrap_or_else(|| self.node_for(this));
        let place = self.sent(call, node);
        let timeout_ms = self.policy.timeout_ms + call.wait_ms();
        let request = call.request.clone();
        let answer = self.wire.send(this, call.who, node, request, timeout_ms).await;
        self.answered(place, answer.as_ref());
        let is_made = answer.as_ref().is_some_and(|answer| answer.status == 201);
        if is_made && matches!(call.ask, Ask::Place { .. }) {
            self.buyers.borrow_mut().insert(call.who.name(), call.who.clone());
        }
        // What follows is sent later than the answer came, and by the clock too: so everybody who
        // reads the history sees that it follows.
        self.wire.sleep_us(1).await;
        answer
    }

    /// The node that a try goes to.
    fn node_for(&self, this: Try) -> u16 {
        let draw = mix(self.seed, Stream::Client, key_of(this), 1);
        let node = below(draw, u64::from(self.wire.n_nodes()));
        u16::try_from(node).expect("nodes are counted in 16 bits")
    }

    fn sent(&self, call: &Call<'_>, node: u16) -> usize {
        let sent_us = self.wire.now_us();
        let op = Op {
            visit: call.visit,
            intended_us: call.intended_us.unwrap_or(sent_us),
            sent_us,
            answered_us: None,
            node,
            key: requests::key_in(&call.request).or_else(|| requests::event_in(&call.request)),
            over: requests::over_in(&call.request),
            ask: call.ask.clone(),
            answer: None,
        };
        let mut history = self.history.borrow_mut();
        if matches!(call.ask, Ask::Place { .. }) {
            history.buyers.entry(call.visit).or_insert_with(|| call.who.name());
        }
        history.ops.push(op);
        history.ops.len() - 1
    }

    fn answered(&self, place: usize, answer: Option<&HttpAnswer>) {
        let Some(answer) = answer else { return };
        let mut history = self.history.borrow_mut();
        let op = &mut history.ops[place];
        op.answered_us = Some(self.wire.now_us());
        op.answer = Some(reading::read(&self.names, &op.ask, answer));
    }

    fn pause_us(&self, call: &Call<'_>, attempt: u32) -> u64 {
        let policy = &self.policy;
        let doubled = policy.backoff_ms.saturating_mul(1 << (attempt - 1).min(20));
        let bound_us = u64::from(doubled.min(policy.backoff_max_ms)) * 1_000;
        let this = Try { visit: call.visit, step: call.step, attempt };
        let draw = below(mix(self.seed, Stream::Client, key_of(this), 2), bound_us.max(1));
        match policy.jitter {
            Jitter::Full => draw,
            Jitter::Equal => bound_us / 2 + draw / 2,
            Jitter::None => bound_us,
        }
    }
}

/// One request of a visit, with all its tries.
pub struct Call<'a> {
    /// Who sends it.
    pub who: &'a Who,
    /// The visit.
    pub visit: u32,
    /// The step.
    pub step: u32,
    /// When the visit wanted to send it, if that was earlier than now.
    pub intended_us: Option<u64>,
    /// What is asked, for the history.
    pub ask: Ask,
    /// The request.
    pub request: Request,
    /// Tries in all.
    pub tries: u32,
    /// The node that it is sent to; `None`: any, each try another one.
    pub node: Option<u16>,
}

impl Call<'_> {
    /// How long its answer may wait for something, in ms.
    const fn wait_ms(&self) -> u32 {
        match &self.ask {
            Ask::Look(Look::Wait { wait_ms, .. }) => *wait_ms,
            // Who asks one node and no other has time.
            _ if self.node.is_some() => comparing::PATIENCE_MS,
            _ => 0,
        }
    }
}

/// Whether an answer says: later.
fn is_later(status: u16) -> bool {
    matches!(status, 429 | 503 | 504)
}

/// The number of a try, for draws.
fn key_of(this: Try) -> u64 {
    u64::from(this.visit) << 32 | u64::from(this.step) << 16 | u64::from(this.attempt)
}
