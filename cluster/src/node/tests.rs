//! Nodes alone: what a killed one leaves behind.

use std::sync::Arc;

use entity::{Cause, Principal, Tenant};
use ports::MemoryStore;

use super::*;
use crate::ctx::{NoPeers, NodeId};
use crate::outbox::tests::toy::{NOTE, NoRandom, Note, TestClock, Text, key, settle, types};
use crate::region::{Ask, AskError};

fn ctx(store: &MemoryStore, clock: &Arc<TestClock>) -> NodeCtx {
    NodeCtx {
        node: NodeId::new("n"),
        transport: Arc::new(NoPeers),
        clock: Arc::clone(clock) as _,
        random: Arc::new(NoRandom),
        store: Arc::new(store.clone()),
        types: types(),
    }
}

fn ask() -> Ask {
    let principal = Principal::system(Tenant::new("acme"));
    Ask { principal, cause: Cause::default(), idempotency: None, wait_ms: 1_000 }
}

#[tokio::test]
async fn a_killed_node_writes_nothing_more_and_answers_nobody() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let region = node.region().clone();
    region.ask::<Note>(&key(NOTE, "a"), &Text("kept".into()), ask()).await.unwrap();
    let mut waiting = Vec::new();
    for n in 0..20 {
        let region = region.clone();
        let mut asked = Box::pin(async move {
            let name = format!("b{n}");
            region.ask::<Note>(&key(NOTE, &name), &Text("lost".into()), ask()).await
        });
        // Polled once: it is in the inbox, and no host has run yet.
        tokio::select! {
            biased;
            _ = &mut asked => panic!("answered at once"),
            () = std::future::ready(()) => {}
        }
        waiting.push(asked);
    }
    assert!(node.depths().iter().sum::<usize>() > 0, "nothing was under way");
    node.kill();
    let n_syncs = store.n_syncs();
    for answer in waiting {
        assert!(matches!(answer.await, Err(AskError::Unavailable)));
    }
    settle().await;
    clock.advance(20).await;
    assert_eq!(store.n_syncs(), n_syncs, "a dead node wrote");
    node.kill();

    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let reply = node.region().ask::<Note>(&key(NOTE, "a"), &Text("more".into()), ask()).await;
    assert_eq!(reply.unwrap().version, 2, "what was acknowledged is there, once");
    let none = node.region().history(&key(NOTE, "b7"), &ask(), 0).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn frames_that_cannot_be_read_are_dropped() {
    let (store, clock) = (MemoryStore::new(2), TestClock::at(1));
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    for frame in [&b""[..], b"nonsense", &[0xAC; 64]] {
        node.deliver(&NodeId::new("m"), frame);
    }
    node.region().ask::<Note>(&key(NOTE, "a"), &Text("x".into()), ask()).await.unwrap();
}
