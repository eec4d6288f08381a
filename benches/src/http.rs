//! Load over HTTP: closed loops on the echo server and on a real node, CPU of the server apart.
//!
//! Server and load generator are different processes, so each one's CPU is known. An order is two
//! requests, a cart and its placing; the answer to the second follows the durable Confirmed.

use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::wire::{Connection, Response};
use crate::{Failed, usage};

pub mod node;

/// Something that a client does again and again on its connection.
pub trait Client: Send + 'static {
    /// Does it once.
    fn act(&mut self) -> impl Future<Output = Result<(), Failed>> + Send;
}

/// What was measured.
#[derive(Debug)]
pub struct Served {
    /// Acts done.
    pub n_acts: u64,
    /// From the first start to the last answer.
    pub elapsed: Duration,
    /// CPU time of the server.
    pub server_cpu: Duration,
    /// CPU time of the load generator.
    pub client_cpu: Duration,
    /// Latencies in microseconds.
    pub latency_us: Histogram<u64>,
}

impl Served {
    /// Acts in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.n_acts as f64 / self.elapsed.as_secs_f64()
    }

    /// CPU time of the server for an act, in microseconds.
    #[must_use]
    pub fn server_us(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / self.n_acts.max(1) as f64
    }

    /// CPU time of server and load generator for an act, in microseconds.
    #[must_use]
    pub fn total_us(&self) -> f64 {
        self.server_us() + self.client_cpu.as_secs_f64() * 1e6 / self.n_acts.max(1) as f64
    }

    /// A percentile of the latency in milliseconds.
    #[must_use]
    pub fn latency_ms(&self, percent: f64) -> f64 {
        self.latency_us.value_at_percentile(percent) as f64 / 1000.0
    }
}

/// A closed loop: each client acts again when it is answered, for a time.
pub async fn closed<C: Client>(
    server: u32,
    clients: Vec<C>,
    time: Duration,
) -> Result<Served, Failed> {
    let (server_cpu, client_cpu) = (usage::of_process(server), usage::own());
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let mut latency: Histogram<u64> = Histogram::new(3).expect("three digits are allowed");
            let mut from = Instant::now();
            while from - started < time {
                client.act().await?;
                let now = Instant::now();
                let us = u64::try_from((now - from).as_micros()).unwrap_or(u64::MAX);
                latency.record(us.max(1)).expect("an unbounded histogram takes everything");
                from = now;
            }
            Ok::<_, Failed>(latency)
        });
    }
    let mut latency_us: Histogram<u64> = Histogram::new(3).expect("three digits are allowed");
    while let Some(ended) = tasks.join_next().await {
        let of_client = ended.map_err(Failed::because("run a client"))??;
        latency_us.add(of_client).map_err(Failed::because("add up latencies"))?;
    }
    Ok(Served {
        n_acts: latency_us.len(),
        elapsed: started.elapsed(),
        server_cpu: usage::of_process(server).saturating_sub(server_cpu),
        client_cpu: usage::own().saturating_sub(client_cpu),
        latency_us,
    })
}

/// A request that is sent again and again.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Its headers, each with its line end.
    pub headers: String,
    /// Its body.
    pub body: String,
    /// Bytes of the body that answers it.
    pub n_reply_bytes: usize,
}

/// A client of the echo server, whose act is some requests, one after the other.
#[derive(Debug)]
pub struct Echoing {
    connection: Connection,
    exchanges: Vec<Exchange>,
}

impl Echoing {
    /// Connects.
    pub async fn new(address: &str, exchanges: Vec<Exchange>) -> Result<Self, Failed> {
        Ok(Self { connection: Connection::open(address).await?, exchanges })
    }
}

impl Client for Echoing {
    async fn act(&mut self) -> Result<(), Failed> {
        for exchange in &self.exchanges {
            let path = format!("/echo/{}", exchange.n_reply_bytes);
            let (headers, body) = (&exchange.headers, &exchange.body);
            let answer = self.connection.send("POST", &path, headers, body).await?;
            expect(&answer, &[200], "echo")?;
        }
        Ok(())
    }
}

/// Refuses another status than these.
pub(crate) fn expect(
    answer: &Response,
    statuses: &[u16],
    step: &'static str,
) -> Result<(), Failed> {
    if statuses.contains(&answer.status) {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body);
    Err(Failed::new(step, format!("{} {body}", answer.status)))
}

/// The program of a node: beside our own, as cargo builds them.
pub fn node_binary(own: &Path) -> Result<std::path::PathBuf, Failed> {
    let beside = own.parent().unwrap_or_else(|| Path::new("")).join("mercato");
    if beside.exists() {
        return Ok(beside);
    }
    let why = format!("{} is not there; build it with -p mercato", beside.display());
    Err(Failed::new("find the node's program", why))
}
