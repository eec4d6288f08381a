//! Nodes together: forwarding, lost frames, takeovers, fences, planned moves.

mod purse;
mod rig;
mod versions;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use entity::ShardId;
use ports::Journal as _;
use ports::memory::AppendFault;
use tokio::time::Instant;

use self::rig::{Rig, ask, look, pay, served, settle_up};
use super::*;
use crate::node::Loss;
use crate::region::AskError;

const SHARDS: u16 = 12;

/// Two nodes that share the shards by hand: the even ones are of the first.
async fn two_nodes(rig: &Rig) -> [Arc<Node>; 2] {
    let nodes = [rig.node("a").await, rig.node("b").await];
    for shard in (0..SHARDS).map(ShardId) {
        let owner = &nodes[usize::from(shard.0 % 2)];
        move_to(rig, shard, owner, &nodes).await;
    }
    nodes
}

async fn move_to(rig: &Rig, shard: ShardId, owner: &Arc<Node>, nodes: &[Arc<Node>]) {
    let tail = rig.store.claim(shard).await.unwrap();
    owner.open(shard, tail).await.unwrap();
    let named = Owner { node: owner.ctx().node.clone(), epoch: tail.epoch };
    for node in nodes {
        node.directory().learn(shard, named.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn sagas_cross_nodes_over_a_network_that_loses_a_third() {
    let rig = Rig::new(SHARDS, 1);
    let nodes = two_nodes(&rig).await;
    rig.network.loss_percent.store(30, Ordering::Relaxed);
    let n = 60;
    for order in 0..n {
        // A repeat under the same id is taken for what it is, so asking again is right.
        let mut n_tries = 0;
        while pay(&nodes[order % 2], order).await.is_err() {
            n_tries += 1;
            assert!(n_tries < 50);
        }
    }
    // Nothing more is sent that would show a gap: lost last messages are mended by time alone.
    settle_up(&nodes[0], n).await;
    assert!(rig.network.n_frames.load(Ordering::Relaxed) > 100, "nothing crossed");
}

/// A relay amid a publish that the bus does not answer keeps one shard waiting, not each of them.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_the_relay_once() {
    let rig = Rig::new(SHARDS, 3);
    let nodes = two_nodes(&rig).await;
    let commits = nodes[0].commits();
    commits.relay_is_ready();
    let (shards, begun) = (served(&nodes[0]), Instant::now());
    assert!(shards.len() > 2);
    for shard in shards {
        assert!(nodes[0].close(ShardId(shard), 1_000).await);
    }
    let once_ms = crate::limits::HANDOVER_PUBLISH_MS;
    let took_ms = begun.elapsed().as_millis();
    assert!((u128::from(once_ms)..2 * u128::from(once_ms)).contains(&took_ms), "{took_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn a_shard_is_closed_here_and_opened_there_without_losing_an_answer() {
    let rig = Rig::new(SHARDS, 2);
    let nodes = two_nodes(&rig).await;
    let n = 40;
    let mut asked = Vec::new();
    for order in 0..n {
        let node = Arc::clone(&nodes[order % 2]);
        asked.push(tokio::spawn(async move { (order, pay(&node, order).await.is_ok()) }));
    }
    rig.pass(3).await;
    for shard in (0..SHARDS).map(ShardId) {
        let (source, target) = match shard.0 % 2 {
            0 => (&nodes[0], &nodes[1]),
            _ => (&nodes[1], &nodes[0]),
        };
        assert!(source.close(shard, 1_000).await, "{shard:?} was not drained");
        assert!(source.serves(shard).is_none() && !source.close(shard, 10).await);
        move_to(&rig, shard, target, &nodes).await;
    }
    for task in asked {
        let (order, acked) = task.await.unwrap();
        if acked {
            assert!(look(&nodes[0], &format!("order{order}")).await.stage > 0, "order{order}");
        } else {
            pay(&nodes[0], order).await.unwrap();
        }
    }
    settle_up(&nodes[1], n).await;
}

#[tokio::test(start_paused = true)]
async fn an_ask_waits_while_its_shard_is_between_two_nodes() {
    let rig = Rig::new(SHARDS, 3);
    let nodes = two_nodes(&rig).await;
    let shard = purse::key("order0").shard(SHARDS);
    let [source, target] = match shard.0 % 2 {
        0 => [&nodes[0], &nodes[1]],
        _ => [&nodes[1], &nodes[0]],
    };
    assert!(source.close(shard, 1_000).await);
    let asked = [source, target].map(|node| {
        let node = Arc::clone(node);
        tokio::spawn(async move { pay(&node, 0).await.map(|_| ()) })
    });
    rig.pass(100).await;
    move_to(&rig, shard, target, &nodes).await;
    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    settle_up(target, 1).await;
    // Nobody opens it: the caller hears that before he gives up.
    assert!(target.close(shard, 1_000).await);
    let begun = Instant::now();
    for node in &nodes {
        assert!(matches!(pay(node, 0).await, Err(AskError::Unavailable)));
    }
    assert!(begun.elapsed().as_millis() < 2_000, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_fenced_owner_drops_that_shard_only_and_acknowledges_nothing() {
    let rig = Rig::new(SHARDS, 3);
    let nodes = two_nodes(&rig).await;
    let shard = purse::key("order7").shard(SHARDS);
    let (owner, other) = match shard.0 % 2 {
        0 => (&nodes[0], &nodes[1]),
        _ => (&nodes[1], &nodes[0]),
    };
    pay(owner, 7).await.unwrap();
    rig.pass(500).await;
    // Another node takes the shard, and nobody tells the owner.
    let tail = rig.store.claim(shard).await.unwrap();
    other.open(shard, tail).await.unwrap();
    let n_served = served(owner).len();
    let say = purse::Say::Pay { from: "x".into(), to: "y".into(), amount: 1 };
    let mut in_shard =
        (0..).map(|n| purse::key(&format!("z{n}"))).filter(|key| key.shard(SHARDS) == shard);
    let key = in_shard.next().unwrap();
    let refused = owner.region().ask::<purse::Purse>(&key, &say, ask(1_000)).await;
    assert!(matches!(refused, Err(AskError::Unavailable)), "{refused:?}");
    let (lost, _, loss) = owner.next_loss().await;
    assert_eq!((lost, loss), (shard, Loss::Fenced { epoch: tail.epoch }));
    assert_eq!(served(owner).len(), n_served - 1, "only that shard is dropped");
    // It learns of the owner, and what it forwards is taken there.
    let named = Owner { node: other.ctx().node.clone(), epoch: tail.epoch };
    owner.directory().learn(shard, named);
    assert_eq!(look(owner, "order7").await.stage, 3);
    owner.region().ask::<purse::Purse>(&key, &say, ask(1_000)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unknown_append_is_tried_again_and_then_the_shard_is_given_up() {
    let rig = Rig::new(SHARDS, 4);
    let nodes = two_nodes(&rig).await;
    rig.store.inject(AppendFault::UnknownApplied);
    pay(&nodes[0], 0).await.unwrap();
    settle_up(&nodes[0], 1).await;
    for _ in 0..20 {
        rig.store.inject(AppendFault::UnknownNotApplied);
    }
    assert!(matches!(pay(&nodes[0], 1).await, Err(AskError::Unavailable | AskError::TimedOut)));
    let owner = &nodes[usize::from(purse::key("order1").shard(SHARDS).0 % 2)];
    let (shard, _, loss) = owner.next_loss().await;
    assert!(matches!(loss, Loss::Unknown(_)), "{loss:?}");
    assert!(owner.serves(shard).is_none());
    rig.store.crash_keeping(usize::MAX);
    move_to(&rig, shard, owner, &nodes).await;
    pay(&nodes[0], 1).await.unwrap();
    settle_up(&nodes[0], 2).await;
}

#[tokio::test(start_paused = true)]
async fn after_its_lease_a_node_answers_neither_its_own_callers_nor_others() {
    let rig = Rig::new(SHARDS, 5);
    let nodes = two_nodes(&rig).await;
    let query = async |node: &Node| {
        let key = purse::key("purse1");
        node.region().query::<purse::Purse>(&key, &purse::Say::Moved, ask(0)).await
    };
    let owner = usize::from(purse::key("purse1").shard(SHARDS).0 % 2);
    nodes[owner].set_lease(nodes[0].ctx().clock.now().plus_ms(100));
    query(&nodes[0]).await.unwrap();
    query(&nodes[1]).await.unwrap();
    rig.pass(100).await;
    assert!(matches!(query(&nodes[0]).await, Err(AskError::Unavailable)));
    assert!(matches!(query(&nodes[1]).await, Err(AskError::Unavailable)));
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_comes_twice_or_for_another_epoch_is_not_taken() {
    use crate::wire::{Forwarded, Frame, Outcome, PeerMessage, open, seal};

    let rig = Rig::new(SHARDS, 6);
    let nodes = two_nodes(&rig).await;
    let key = purse::key("order5");
    let shard = key.shard(SHARDS);
    let owner = &nodes[usize::from(shard.0 % 2)];
    let epoch = owner.serves(shard).unwrap();
    let say = purse::Say::Pay { from: "x".into(), to: "y".into(), amount: 1 };
    let forwarded = |id, epoch| {
        let body = crate::shard::AskBody::Command(codec::pack(&say).unwrap(), None);
        let ask = ask(500);
        let origin = NodeId::new("c");
        let (principal, cause) = (ask.principal, ask.cause);
        let (hops, remaining_ms, key) = (0, 500, key.clone());
        let ask = Forwarded { id, origin, hops, epoch, remaining_ms, key, principal, cause, body };
        seal(&PeerMessage::Ask(Box::new(ask)), 1).unwrap()
    };
    let sent = rig.listen("c");
    for _ in 0..3 {
        owner.deliver(&NodeId::new("c"), &forwarded(1, epoch));
    }
    owner.deliver(&NodeId::new("c"), &forwarded(2, epoch - 1));
    owner.deliver(&NodeId::new("c"), &forwarded(3, epoch + 1));
    rig.pass(300).await;
    let message = |frame: &Vec<u8>| match open(frame, crate::wire::FRAMES).unwrap() {
        Frame::Message(message) => message,
        Frame::Unread(unread) => panic!("{unread:?}"),
    };
    let mut outcomes: Vec<_> = sent.lock().iter().map(message).collect();
    outcomes.sort_by_key(|message| match message {
        PeerMessage::Answer { id, .. } => *id,
        other => panic!("{other:?}"),
    });
    outcomes.dedup();
    let hint = Some((owner.ctx().node.clone(), epoch));
    let answered = |message: &PeerMessage| {
        matches!(message, PeerMessage::Answer { id: 1, outcome: Outcome::Answered(_), .. })
    };
    assert!(answered(&outcomes[0]));
    let refused = |id, hint| PeerMessage::Answer { id, outcome: Outcome::NotOwner(hint), epoch: 0 };
    assert_eq!(outcomes[1..], [refused(2, hint), refused(3, None)]);
}

fn timing() -> Timing {
    // Short residence, so that a planned move comes soon.
    Timing { residence_ms: 2_000, ..Timing::default() }
}

/// Nodes with agents; waits until they own all shards.
async fn cluster(rig: &Rig, names: &[&str]) -> Vec<(Arc<Node>, Membership)> {
    let mut members = Vec::new();
    for name in names {
        let node = rig.node(name).await;
        members.push((Arc::clone(&node), Membership::start(node, timing())));
    }
    let nodes: Vec<_> = members.iter().map(|(node, _)| Arc::clone(node)).collect();
    all_owned(rig, &nodes, 20_000).await;
    members
}

/// Waits until each shard is served, and each node serves some.
async fn all_owned(rig: &Rig, nodes: &[Arc<Node>], ms: u64) {
    rig.until("all shards are owned", ms, || {
        let served: Vec<_> = nodes.iter().map(|node| served(node)).collect();
        let n: usize = served.iter().map(Vec::len).sum();
        n == usize::from(SHARDS) && served.iter().all(|own| !own.is_empty())
    })
    .await;
}

/// Pays orders in `from..to` one after another, each until it is acknowledged.
async fn pay_all(nodes: &[Arc<Node>], from: usize, to: usize) {
    for order in from..to {
        let mut n_tries = 0;
        while pay(&nodes[(order + n_tries) % nodes.len()], order).await.is_err() {
            n_tries += 1;
            assert!(n_tries < 100, "order{order} is not taken");
            nodes[0].ctx().clock.sleep(50).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_node_is_taken_over_and_nothing_acknowledged_is_lost() {
    let rig = Rig::new(SHARDS, 11);
    rig.network.loss_percent.store(5, Ordering::Relaxed);
    let members = cluster(&rig, &["a", "b", "c"]).await;
    let nodes: Vec<_> = members.iter().map(|(node, _)| Arc::clone(node)).collect();
    pay_all(&nodes, 0, 30).await;
    // In the middle of sagas.
    nodes[1].kill();
    rig.forget("b");
    assert!(served(&nodes[1]).is_empty());
    let rest = [Arc::clone(&nodes[0]), Arc::clone(&nodes[2])];
    pay_all(&rest, 30, 60).await;
    all_owned(&rig, &rest, 10_000).await;
    settle_up(&rest[0], 60).await;
    // It comes back under its name, as another life, and gets a share again.
    let b = rig.node("b").await;
    let _b = Membership::start(Arc::clone(&b), timing());
    let nodes = [Arc::clone(&rest[0]), b, Arc::clone(&rest[1])];
    all_owned(&rig, &nodes, 60_000).await;
    pay_all(&nodes, 60, 80).await;
    settle_up(&nodes[1], 80).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stands_still_is_fenced_and_answers_nothing_old() {
    let rig = Rig::new(SHARDS, 12);
    let mut members = cluster(&rig, &["a", "b", "c"]).await;
    let nodes: Vec<_> = members.iter().map(|(node, _)| Arc::clone(node)).collect();
    pay_all(&nodes, 0, 20).await;
    settle_up(&nodes[0], 20).await;
    // It goes on to serve what it thinks it owns, and hears nothing from anybody.
    let (zombie, membership) = members.remove(1);
    membership.halt().await;
    rig.cut("b", true);
    let believed = served(&zombie);
    let rest = [Arc::clone(&nodes[0]), Arc::clone(&nodes[2])];
    all_owned(&rig, &rest, 20_000).await;
    pay_all(&rest, 20, 40).await;
    assert_eq!(served(&zombie), believed, "nobody told it");
    for order in 100..160 {
        let local = believed.contains(&purse::key(&format!("order{order}")).shard(SHARDS).0);
        if local {
            assert!(pay(&zombie, order).await.is_err(), "a fenced owner acknowledged order{order}");
        }
    }
    let old = (0..40).map(|n| purse::key(&format!("order{n}")));
    for key in old.filter(|key| believed.contains(&key.shard(SHARDS).0)) {
        let seen = zombie.region().query::<purse::Purse>(&key, &purse::Say::Moved, ask(0)).await;
        assert!(seen.is_err(), "{key} was shown by a node whose lease is over");
    }
    settle_up(&rest[1], 40).await;
    assert!(
        (100..160)
            .any(|order| believed.contains(&purse::key(&format!("order{order}")).shard(SHARDS).0))
    );
    assert_eq!(look(&rest[0], "x").await.balance, 0);
}

#[tokio::test(start_paused = true)]
async fn shards_move_to_a_node_that_joins_and_away_from_one_that_leaves() {
    let rig = Rig::new(SHARDS, 13);
    let members = cluster(&rig, &["a", "b"]).await;
    let nodes: Vec<_> = members.iter().map(|(node, _)| Arc::clone(node)).collect();
    let callers = nodes.clone();
    let load = tokio::spawn(async move { pay_all(&callers, 0, 1_500).await });
    let c = rig.node("c").await;
    let c_membership = Membership::start(Arc::clone(&c), timing());
    rig.until("the joining node has a share", 60_000, || served(&c).len() >= 2).await;
    assert!(!load.is_finished(), "the load ended before the moves");
    c_membership.leave().await;
    assert!(served(&c).is_empty());
    assert!(c_membership.standing().get().left);
    all_owned(&rig, &nodes, 20_000).await;
    load.await.unwrap();
    settle_up(&nodes[0], 1_500).await;
}

#[tokio::test(start_paused = true)]
async fn a_takeover_survives_a_store_and_network_that_fail_now_and_then() {
    for seed in 21..25 {
        let rig = Rig::new(SHARDS, seed);
        rig.network.loss_percent.store(20, Ordering::Relaxed);
        let members = cluster(&rig, &["a", "b", "c"]).await;
        let nodes: Vec<_> = members.iter().map(|(node, _)| Arc::clone(node)).collect();
        for round in 0..6 {
            let fault = match round % 3 {
                0 => AppendFault::UnknownApplied,
                1 => AppendFault::UnknownNotApplied,
                _ => AppendFault::Fenced,
            };
            rig.store.inject(fault);
            pay_all(&nodes, round * 10, round * 10 + 10).await;
        }
        settle_up(&nodes[0], 60).await;
    }
}
