//! Load on a node: closed loop (each client waits for its order) and open loop (a fixed rate).
//!
//! An order is done when the answer to its waiting query came, and that shows a durable Confirmed.
//! Latency in an open loop counts from the intended start: a stall of the node or of the sender
//! shows in all orders that should have begun meanwhile (no coordinated omission).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cluster::{AskError, Node, gathered};
use commerce::cart::Cart;
use commerce::order::{self, Order, Stage};
use futures_util::future::{Either, select};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::workload::{Plan, Workload};
use crate::{Failed, shop, usage};

/// Attempts at an order that the node refuses because it is full.
const ATTEMPTS_MAX: u32 = 100;

/// How a client talks to the node about one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// Cart, placing and waiting are sent together: one round trip.
    AtOnce,
    /// Each after the answer to the one before: three round trips.
    OneByOne,
}

/// When a closed loop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After a time; orders under way are finished.
    Elapsed(Duration),
    /// After so many orders.
    Orders(u64),
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// Orders confirmed.
    pub n_orders: u64,
    /// From the first start to the last answer.
    pub elapsed: Duration,
    /// CPU time of this process, load generator included.
    pub cpu: Duration,
    /// Syncs of the log.
    pub n_syncs: u64,
    /// Times that the node refused because it was full.
    pub n_refused: u64,
    /// Latencies of whole orders in microseconds.
    pub latency_us: Histogram<u64>,
}

impl Measured {
    /// Orders in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.n_orders as f64 / self.elapsed.as_secs_f64()
    }

    /// CPU time of an order in microseconds.
    #[must_use]
    pub fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.n_orders.max(1) as f64
    }

    /// Syncs of an order.
    #[must_use]
    pub fn syncs(&self) -> f64 {
        self.n_syncs as f64 / self.n_orders.max(1) as f64
    }

    /// A percentile of the latency in milliseconds.
    #[must_use]
    pub fn latency_ms(&self, percent: f64) -> f64 {
        self.latency_us.value_at_percentile(percent) as f64 / 1000.0
    }
}

/// Clients of one node, who share the numbers of orders.
pub struct Clients {
    node: Arc<Node>,
    workload: Workload,
    steps: Steps,
    next: AtomicU64,
    n_refused: AtomicU64,
}

impl Clients {
    /// Clients who begin with order 0.
    #[must_use]
    pub const fn new(node: Arc<Node>, workload: Workload, steps: Steps) -> Self {
        let (next, n_refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { node, workload, steps, next, n_refused }
    }

    /// Orders taken so far.
    #[must_use]
    pub fn n_taken(&self) -> u64 {
        self.next.load(Ordering::Relaxed).min(self.workload.n_orders_max())
    }

    /// Closed loop: `n_clients` clients, each with one order under way.
    pub async fn closed(
        self: &Arc<Self>,
        n_clients: usize,
        until: Until,
    ) -> Result<Measured, Failed> {
        let end = match until {
            Until::Elapsed(_) => self.workload.n_orders_max(),
            Until::Orders(n) => self.n_taken().saturating_add(n).min(self.workload.n_orders_max()),
        };
        let before = self.before();
        let started = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..n_clients {
            let this = Arc::clone(self);
            clients.spawn(async move {
                let mut latency = histogram();
                let over = |now: Instant| match until {
                    Until::Elapsed(time) => now - started >= time,
                    Until::Orders(_) => false,
                };
                let mut from = Instant::now();
                while !over(from) {
                    let taken = this.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                        (n < end).then_some(n + 1)
                    });
                    let Ok(number) = taken else { break };
                    this.order(&this.workload.plan(number)).await?;
                    let now = Instant::now();
                    record(&mut latency, now - from);
                    from = now;
                }
                Ok::<_, Failed>(latency)
            });
        }
        self.gather(before, started, clients).await
    }

    /// Open loop: `per_second` orders a second for a time, whatever becomes of them.
    pub async fn open(
        self: &Arc<Self>,
        per_second: u32,
        time: Duration,
    ) -> Result<Measured, Failed> {
        let n_orders = (f64::from(per_second) * time.as_secs_f64()) as u64;
        let gap = Duration::from_secs(1) / per_second;
        let before = self.before();
        let started = Instant::now();
        let this = Arc::clone(self);
        let runtime = tokio::runtime::Handle::current();
        let (done, mut sent) = tokio::sync::mpsc::unbounded_channel();
        // A thread of its own: the runtime's timer counts in milliseconds.
        let sender = std::thread::spawn(move || {
            let mut due = started;
            for _ in 0..n_orders {
                let now = Instant::now();
                if due > now {
                    std::thread::sleep(due - now);
                }
                let (this, done, intended) = (Arc::clone(&this), done.clone(), due);
                let number = this.next.fetch_add(1, Ordering::Relaxed);
                runtime.spawn(async move {
                    let ordered = this.order(&this.workload.plan(number)).await;
                    // The receiver goes only when an order failed before.
                    drop(done.send(ordered.map(|()| intended.elapsed())));
                });
                due += gap;
            }
        });
        let mut latency = histogram();
        while let Some(ordered) = sent.recv().await {
            record(&mut latency, ordered?);
        }
        sender.join().map_err(|_| Failed::new("send at a fixed rate", "the sender panicked"))?;
        let mut one = JoinSet::new();
        one.spawn(async move { Ok(latency) });
        self.gather(before, started, one).await
    }

    fn before(&self) -> (Duration, u64, u64) {
        (usage::own(), self.node.log().commits(), self.n_refused.load(Ordering::Relaxed))
    }

    async fn gather(
        &self,
        (cpu, n_syncs, n_refused): (Duration, u64, u64),
        started: Instant,
        mut clients: JoinSet<Result<Histogram<u64>, Failed>>,
    ) -> Result<Measured, Failed> {
        let mut latency_us = histogram();
        while let Some(ended) = clients.join_next().await {
            let of_client = ended.map_err(Failed::because("run a client"))??;
            latency_us.add(of_client).map_err(Failed::because("add up latencies"))?;
        }
        Ok(Measured {
            n_orders: latency_us.len(),
            elapsed: started.elapsed(),
            cpu: usage::own().saturating_sub(cpu),
            n_syncs: self.node.log().commits() - n_syncs,
            n_refused: self.n_refused.load(Ordering::Relaxed) - n_refused,
            latency_us,
        })
    }

    /// One order, from its cart to its durable Confirmed.
    async fn order(&self, plan: &Plan) -> Result<(), Failed> {
        for _ in 0..ATTEMPTS_MAX {
            let tried = match self.steps {
                Steps::AtOnce => self.at_once(plan).await,
                Steps::OneByOne => self.one_by_one(plan).await,
            };
            match tried? {
                Tried::Confirmed => return Ok(()),
                Tried::Refused => {
                    self.n_refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
        Err(Failed::new("place an order", "the node refused too often"))
    }

    async fn at_once(&self, plan: &Plan) -> Result<Tried, Failed> {
        let mut ordered = pin!(async { tokio::join!(self.put(plan), self.place(plan)) });
        let mut settled = pin!(self.settled(plan));
        let (put, place, settled) = match gathered(select(&mut ordered, &mut settled)).await {
            Either::Left(((put, place), _)) => match (put?, place?) {
                // An order that was not taken would be waited for until its deadline.
                (Tried::Refused, _) | (_, Tried::Refused) => return Ok(Tried::Refused),
                (put, place) => (put, place, settled.await?),
            },
            Either::Right((settled, _)) => {
                let (put, place) = ordered.await;
                (put?, place?, settled?)
            }
        };
        Ok(match (put, place, settled) {
            (Tried::Confirmed, Tried::Confirmed, Tried::Confirmed) => Tried::Confirmed,
            _ => Tried::Refused,
        })
    }

    async fn one_by_one(&self, plan: &Plan) -> Result<Tried, Failed> {
        if self.put(plan).await? == Tried::Refused || self.place(plan).await? == Tried::Refused {
            return Ok(Tried::Refused);
        }
        self.settled(plan).await
    }

    async fn put(&self, plan: &Plan) -> Result<Tried, Failed> {
        let (key, command) = (shop::cart_key(plan.number), shop::put(plan));
        let put = self.node.region().ask::<Cart>(&key, &command, shop::buyer(plan)).await;
        tried(put.map(|_| ()), "put a cart")
    }

    async fn place(&self, plan: &Plan) -> Result<Tried, Failed> {
        let (key, command) = (shop::cart_key(plan.number), shop::place(plan));
        let ask =
            cluster::Ask { idempotency: Some(shop::idempotency(plan).into()), ..shop::buyer(plan) };
        let placed = self.node.region().ask::<Cart>(&key, &command, ask).await;
        tried(placed.map(|_| ()), "place an order")
    }

    async fn settled(&self, plan: &Plan) -> Result<Tried, Failed> {
        let key = shop::order_key(plan.number);
        let query = order::Query::Settled;
        let seen = self.node.region().query::<Order>(&key, &query, shop::buyer(plan)).await;
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => return tried(Err(error), "wait for an order"),
        };
        let stage = match &seen.view {
            order::View::Order(view) => Some(view.stage),
            order::View::Unplaced | order::View::Summary(_) => None,
        };
        if stage == Some(Stage::Confirmed) && seen.ready {
            return Ok(Tried::Confirmed);
        }
        Err(Failed::new("wait for an order", format!("order {} is {stage:?}", plan.number)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Confirmed,
    /// The node was full; nothing was done.
    Refused,
}

fn tried<E: entity::Entity>(
    result: Result<(), AskError<E>>,
    step: &'static str,
) -> Result<Tried, Failed> {
    match result {
        Ok(()) => Ok(Tried::Confirmed),
        Err(AskError::Overloaded { .. } | AskError::RateLimited { .. }) => Ok(Tried::Refused),
        Err(error) => Err(Failed::new(step, error.to_string())),
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

fn record(latency: &mut Histogram<u64>, time: Duration) {
    let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    latency.record(us.max(1)).expect("an unbounded histogram takes everything");
}
