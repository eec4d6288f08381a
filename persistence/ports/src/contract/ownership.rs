//! Contract of lease rows and owner rows: every write conditional, every refusal with the row.

use entity::ShardId;

use super::sample::{append, frame};
use crate::{
    AppendError, Cas, LeaseRow, LeaseWrite, Life, NodeId, OwnerRow, OwnerWrite, Seen, Store,
    Versions,
};

/// Holds a store of many nodes to its promises. `store` has no lease and no owner rows yet.
pub async fn ownership(store: &dyn Store) {
    lives(store).await;
    owners(store, ShardId(1)).await;
    claims(store, ShardId(2)).await;
}

/// What nodes here read; kept with the row over renewals and ends.
const FRAMES: Versions = Versions { lowest: 3, highest: 5 };

async fn write(store: &dyn Store, write: LeaseWrite) -> Cas<LeaseRow> {
    store.write_lease(write).await.expect("the store answers")
}

/// Makes a write that has to be applied, and checks the row.
async fn applied(store: &dyn Store, lease: LeaseWrite, incarnation: u64, beat: u64) -> LeaseRow {
    let life = Life { node: lease.node().clone(), incarnation };
    let expected = LeaseRow { life, beat, ttl_ms: 3000, frames: FRAMES };
    assert_eq!(write(store, lease).await, Cas::Applied(expected.clone()));
    expected
}

async fn lives(store: &dyn Store) {
    assert_eq!(store.leases().await.expect("answers"), [], "nobody has joined");
    let (ada, bob) = (NodeId::new("ada"), NodeId::new("bob"));
    let join = |node: &NodeId, seen| LeaseWrite::Join {
        node: node.clone(),
        seen,
        ttl_ms: 3000,
        frames: FRAMES,
    };
    let seen = |incarnation, beat| Some(Seen { incarnation, beat });
    assert_eq!(write(store, join(&ada, seen(1, 1))).await, Cas::Refused(None), "no row yet");
    let row = applied(store, join(&ada, None), 1, 1).await;
    let again = write(store, join(&ada, None)).await;
    assert_eq!(again, Cas::Refused(Some(row)), "the row is there by now");

    let life = |incarnation| Life { node: ada.clone(), incarnation };
    let renew = |incarnation, beat| LeaseWrite::Renew { life: life(incarnation), beat };
    let end = |incarnation, beat| LeaseWrite::End { life: life(incarnation), beat };
    let row = applied(store, renew(1, 1), 1, 2).await;
    for stale in [renew(1, 1), end(1, 1), end(1, 3), renew(2, 2), end(0, 2), join(&ada, seen(1, 1))]
    {
        let refused = write(store, stale.clone()).await;
        assert_eq!(refused, Cas::Refused(Some(row.clone())), "{stale:?}");
    }
    let row = applied(store, end(1, 2), 2, 0).await;
    assert!(!row.is_held(), "an ended life leaves the row to nobody");
    for dead in [renew(1, 2), renew(2, 0), end(1, 2), end(2, 0)] {
        let refused = write(store, dead.clone()).await;
        assert_eq!(refused, Cas::Refused(Some(row.clone())), "nobody holds it: {dead:?}");
    }
    let ada_row = applied(store, join(&ada, seen(2, 0)), 3, 1).await;
    let ada_row = applied(store, join(&ada, Some(ada_row.seen())), 4, 1).await;
    let bob_row = applied(store, join(&bob, None), 1, 1).await;
    assert_eq!(store.leases().await.expect("answers"), [ada_row, bob_row], "all, by node");
}

async fn owners(store: &dyn Store, shard: ShardId) {
    assert_eq!(store.owners().await.expect("answers"), [], "no shard had an owner");
    let life = |name, incarnation| Life { node: NodeId::new(name), incarnation };
    let take = |epoch, owner| OwnerWrite { shard, epoch, owner };
    let refused = store.write_owner(take(1, life("ada", 4))).await.expect("answers");
    assert_eq!(refused, Cas::Refused(None), "no row yet");
    let mut row = OwnerRow { shard, epoch: 1, owner: life("ada", 4) };
    let first = store.write_owner(take(0, life("ada", 4))).await.expect("answers");
    assert_eq!(first, Cas::Applied(row.clone()));
    for (epoch, owner) in [(0, life("bob", 1)), (2, life("bob", 1)), (0, life("ada", 4))] {
        let refused = store.write_owner(take(epoch, owner)).await.expect("answers");
        assert_eq!(refused, Cas::Refused(Some(row.clone())), "an epoch is given once");
    }
    row = OwnerRow { shard, epoch: 2, owner: life("bob", 1) };
    let second = store.write_owner(take(1, life("bob", 1))).await.expect("answers");
    assert_eq!(second, Cas::Applied(row.clone()), "one above");
    let other = OwnerWrite { shard: ShardId(3), epoch: 0, owner: life("ada", 4) };
    let applied = store.write_owner(other.clone()).await.expect("answers");
    assert_eq!(applied, Cas::Applied(other.row()), "shards do not share epochs");
    assert_eq!(store.owners().await.expect("answers"), [row, other.row()], "all, by shard");
}

async fn claims(store: &dyn Store, shard: ShardId) {
    let before = store.tail(shard).await.expect("answers");
    let old = before.epoch + 3;
    let claim = async |epoch| store.claim_at(shard, epoch).await.expect("the store answers");
    let Cas::Applied(tail) = claim(old).await else { panic!("nobody is newer") };
    assert_eq!(tail, crate::Tail { epoch: old, ..before }, "the tail under the epoch asked for");
    let (written, tail) = append(store, shard, tail, 40).await;
    assert_eq!(claim(old).await, Cas::Applied(tail), "once more changes nothing");
    let refused = claim(old - 1).await;
    assert_eq!(refused, Cas::Refused(Some(tail)), "a newer epoch is there");
    let (_, tail) = append(store, shard, tail, 40).await;

    let Cas::Applied(new) = claim(old + 1).await else { panic!("nobody is newer") };
    assert_eq!(new, crate::Tail { epoch: old + 1, ..tail }, "what was appended is there");
    for zombie in [frame(shard, tail, 1, 1, 30), written] {
        let refused = store.append(std::sync::Arc::new(vec![zombie])).await;
        assert!(
            matches!(refused, Err(AppendError::Fenced { epoch, .. }) if epoch == old + 1),
            "I1: an older epoch is told so: {refused:?}"
        );
    }
    append(store, shard, new, 40).await;
}
