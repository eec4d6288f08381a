//! Bytes that an entity in memory takes beyond its domain state, by what was really allocated.
//!
//! A node over a store full of carts loads all of them; what is allocated then, less what the
//! same carts take in a plain vector, is what the runtime adds. The count comes from the caller,
//! whose binary has a counting allocator: the measurements of time do without one.

use std::path::Path;

use cluster::{Node, NodeOptions};
use commerce::cart::{self, Cart};
use embedded::Options;
use entity::Entity;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::workload::{Plan, Workload};
use crate::{Failed, rig, shop};

/// Asks under way together.
const AT_ONCE: usize = 128;
/// How long the snapshots may take, in ms.
const DRAIN_MS: u64 = 60_000;
/// Small, so that blocks that were read do not count as entities.
const STORE: Options =
    Options { n_shards: 64, cache_bytes: 1024 * 1024, segment_bytes: 64 * 1024 * 1024 };
/// SKUs of the carts' lines.
const N_SKUS: u32 = 10_000;

/// Bytes of an entity.
#[derive(Debug, Clone, Copy)]
pub struct Resident {
    /// In memory, all told.
    pub all: f64,
    /// Of its domain state in a plain vector.
    pub state: f64,
}

impl Resident {
    /// What the runtime adds.
    #[must_use]
    pub fn beyond(&self) -> f64 {
        self.all - self.state
    }
}

/// Fills a store with `n` carts, snapshots of all of them.
pub async fn fill(dir: &Path, n: u64) -> Result<(), Failed> {
    let (node, opened) = rig::start(dir, NodeOptions::default(), STORE).await?;
    let workload = Workload::uniform(N_SKUS);
    stream::iter(0..n)
        .map(|number| put(&node, workload.plan(number)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    if !node.drain(DRAIN_MS).await {
        return Err(Failed::new("write snapshots", "the drain took too long"));
    }
    opened.close().await;
    Ok(())
}

async fn put(node: &Node, plan: Plan) -> Result<(), Failed> {
    let (key, put) = (shop::cart_key(plan.number), shop::put(&plan));
    let done = node.region().ask::<Cart>(&key, &put, shop::buyer(&plan)).await;
    done.map(|_| ()).map_err(Failed::because("put a cart"))
}

/// Loads `n` carts of a filled store and says what each took. `allocated`: bytes allocated now.
///
/// In another runtime than [`fill`]: what that one's tasks hold goes with it.
pub async fn load(
    dir: &Path,
    n: u64,
    allocated: impl Fn() -> usize + Send,
) -> Result<Resident, Failed> {
    // First: a node that stops gives its memory back bit by bit.
    let state = plain(n, &allocated);
    let (node, opened) = rig::start(dir, NodeOptions::default(), STORE).await?;
    // One before, so that what is made once does not count.
    look(&node, 0).await?;
    let before = allocated();
    for number in 1..n {
        look(&node, number).await?;
    }
    let all = allocated().saturating_sub(before) as f64 / (n - 1) as f64;
    node.stop().await;
    opened.close().await;
    Ok(Resident { all, state })
}

async fn look(node: &Node, number: u64) -> Result<(), Failed> {
    let ask = cluster::Ask { wait_ms: 0, ..shop::staff() };
    let seen = node.region().query::<Cart>(&shop::cart_key(number), &cart::Query::View, ask).await;
    seen.map(|_| ()).map_err(Failed::because("read a cart"))
}

/// The same carts without a runtime: their states in a vector, made as a load makes them.
fn plain(n: u64, allocated: &impl Fn() -> usize) -> f64 {
    let workload = Workload::uniform(N_SKUS);
    let mut states: Vec<Cart> = Vec::with_capacity(usize::try_from(n).unwrap_or(0));
    let before = allocated() - states.capacity() * size_of::<Cart>();
    for number in 0..n {
        states.push(state(&workload.plan(number)));
    }
    let all = allocated() - before;
    // Looked at, so that they are there when they are counted.
    assert!(states.iter().all(|state| state.body.is_some()), "every cart was made");
    all as f64 / n as f64
}

fn state(plan: &Plan) -> Cart {
    let key = shop::cart_key(plan.number);
    let cart::Command::Put { content, .. } = shop::put(plan) else {
        unreachable!("a cart is made by putting it")
    };
    let owner = commerce::order::Owner::of(&shop::buyer(plan).principal);
    let mut cart = Cart::initial(&key);
    let ctx = entity::EventContext { key: &key, version: 1, at: entity::Timestamp(1) };
    cart.evolve(&ctx, &cart::Event::Created { owner, content: *content });
    // As a load makes it: decoded, with no spare room in its lists.
    let packed = codec::pack(&cart).expect("a cart is far below the codec's limit");
    codec::unpack(&packed).expect("what was packed just now")
}
