//! Old and new builds in one cluster: what they write to each other, and who is refused.

use std::collections::BTreeSet;

use ports::{LeaseRow, Versions};

use super::*;
use crate::wire::FRAMES;

const OLD: Versions = Versions { lowest: 1, highest: 1 };

fn row(name: &str, incarnation: u64, frames: Versions) -> LeaseRow {
    let life = NodeLife { node: NodeId::new(name), incarnation };
    LeaseRow { life, beat: 1, ttl_ms: 3_000, frames }
}

/// Starts members; waits until they own all shards.
async fn members(rig: &Rig, builds: &[(&str, Versions)]) -> Vec<(Arc<Node>, Membership)> {
    let mut members = Vec::new();
    for (name, frames) in builds {
        let node = rig.build(name, *frames).await;
        members.push((Arc::clone(&node), Membership::start(node, timing())));
    }
    let nodes: Vec<_> = members.iter().map(|(node, _)| Arc::clone(node)).collect();
    all_owned(rig, &nodes, 20_000).await;
    members
}

#[tokio::test(start_paused = true)]
async fn each_pair_speaks_the_newest_version_that_both_read() {
    let rig = Rig::new(SHARDS, 41);
    let builds = [("a", OLD), ("b", FRAMES), ("c", FRAMES)];
    let mut members = members(&rig, &builds).await;
    let nodes: Vec<_> = members.iter().map(|(node, _)| Arc::clone(node)).collect();
    rig.network.versions.lock().clear();
    pay_all(&nodes, 0, 60).await;
    settle_up(&nodes[0], 60).await;
    let pair = |from: &str, to: &str, version| (from.to_owned(), to.to_owned(), version);
    let spoken = |pairs: &[(&str, &str, u16)]| {
        pairs.iter().map(|(from, to, version)| pair(from, to, *version)).collect()
    };
    let mixed: BTreeSet<_> = spoken(&[
        ("a", "b", 1),
        ("a", "c", 1),
        ("b", "a", 1),
        ("b", "c", 2),
        ("c", "a", 1),
        ("c", "b", 2),
    ]);
    assert_eq!(*rig.network.versions.lock(), mixed);

    // The last old one is upgraded: from then on all write the new form.
    let (_, membership) = members.remove(0);
    membership.leave().await;
    rig.forget("a");
    let a = rig.node("a").await;
    let _a = Membership::start(Arc::clone(&a), timing());
    let nodes = [a, Arc::clone(&nodes[1]), Arc::clone(&nodes[2])];
    all_owned(&rig, &nodes, 60_000).await;
    rig.pass(1_000).await;
    rig.network.versions.lock().clear();
    pay_all(&nodes, 60, 90).await;
    settle_up(&nodes[1], 90).await;
    assert!(rig.network.versions.lock().iter().all(|(_, _, version)| *version == 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_read_is_told_to_its_sender_at_once() {
    let rig = Rig::new(SHARDS, 42);
    let nodes = [rig.build("a", OLD).await, rig.node("b").await];
    let shard = purse::key("order5").shard(SHARDS);
    move_to(&rig, shard, &nodes[0], &nodes).await;
    // It was the newer build when its row was read.
    nodes[1].learn_members(&[row("a", 1, FRAMES)]);
    let clock = &nodes[0].ctx().clock;
    let before = clock.now();
    let refused = pay(&nodes[1], 5).await;
    assert!(matches!(refused, Err(AskError::Unavailable)), "{refused:?}");
    assert!(clock.now().since_ms(before) < 100, "it did not wait for its time to be over");
    // The same again goes the way that is read there, until a row says otherwise.
    pay(&nodes[1], 5).await.unwrap();
    nodes[1].learn_members(&[row("a", 2, FRAMES)]);
    assert!(matches!(pay(&nodes[1], 5).await, Err(AskError::Unavailable)));
    // Where there is no common version nothing is sent, and that is said too.
    nodes[1].learn_members(&[row("a", 3, Versions { lowest: 7, highest: 9 })]);
    let n_frames = rig.network.n_frames.load(Ordering::Relaxed);
    assert!(matches!(pay(&nodes[1], 5).await, Err(AskError::Unavailable)));
    assert_eq!(rig.network.n_frames.load(Ordering::Relaxed), n_frames);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_version_2_tells_who_owns_the_shard_now() {
    for (frames, told) in [(FRAMES, true), (OLD, false)] {
        let rig = Rig::new(SHARDS, 43);
        let nodes = [rig.node("a").await, rig.node("b").await, rig.build("c", frames).await];
        for node in &nodes {
            node.learn_members(&[row("a", 1, FRAMES), row("b", 1, FRAMES), row("c", 1, frames)]);
        }
        let shard = purse::key("order5").shard(SHARDS);
        move_to(&rig, shard, &nodes[0], &nodes).await;
        assert!(nodes[0].close(shard, 1_000).await);
        // Nobody tells the third, and it asks where the shard was.
        move_to(&rig, shard, &nodes[1], &nodes[..2]).await;
        pay(&nodes[2], 5).await.unwrap();
        let owner = nodes[2].directory().owner(shard).unwrap();
        assert_eq!(owner.node == NodeId::new("b"), told, "{owner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_that_no_member_understands_does_not_join_while_one_is_there() {
    let rig = Rig::new(SHARDS, 44);
    let mut members = members(&rig, &[("a", OLD)]).await;
    let frames = Versions { lowest: 2, highest: 2 };
    let late = rig.build("b", frames).await;
    let late_membership = Membership::start(Arc::clone(&late), timing());
    let standing = late_membership.standing();
    rig.pass(20_000).await;
    let unfit = Unfit { member: NodeId::new("a"), own: frames, theirs: OLD };
    assert_eq!(standing.get(), Standing { life: None, left: false, unfit: Some(unfit.clone()) });
    assert_eq!(
        unfit.to_string(),
        "frames of versions 2 to 2 are read here, 1 to 1 by the member a"
    );
    assert_eq!((served(&members[0].0).len(), served(&late).len()), (usize::from(SHARDS), 0));

    // Once it has left, or has been silent for long, nobody is there to misunderstand.
    let (old, membership) = members.remove(0);
    membership.halt().await;
    old.kill();
    rig.until("it takes over", 20_000, || served(&late).len() == usize::from(SHARDS)).await;
    assert_eq!(standing.get().unfit, None);
}
