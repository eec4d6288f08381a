//! Faults of conditional writes: lost, answered to nobody, late; lists that are stale.

use super::*;
use crate::{
    Cas, CasError, LeaseRow, LeaseWrite, Life, NodeId, OwnerWrite, Ownership, Seen, Versions,
};

fn join(seen: Option<Seen>) -> LeaseWrite {
    let frames = Versions { lowest: 1, highest: 2 };
    LeaseWrite::Join { node: NodeId::new("ada"), seen, ttl_ms: 3000, frames }
}

fn renew(beat: u64) -> LeaseWrite {
    LeaseWrite::Renew { life: Life { node: NodeId::new("ada"), incarnation: 1 }, beat }
}

async fn beats(store: &MemoryStore) -> Vec<u64> {
    store.leases().await.unwrap().iter().map(|row: &LeaseRow| row.beat).collect()
}

#[tokio::test]
async fn a_lost_request_changes_nothing_and_a_lost_answer_does() {
    let store = MemoryStore::with_shard_logs(2);
    for (fault, expected) in [(CasFault::RequestLost, vec![]), (CasFault::AnswerLost, vec![1])] {
        store.inject_cas(Some(fault));
        let unknown = store.write_lease(join(None)).await;
        assert!(matches!(unknown, Err(CasError::Unknown(_))), "{unknown:?}");
        assert_eq!(beats(&store).await, expected, "{fault:?}");
    }
    store.inject_cas(None);
    store.inject_cas(Some(CasFault::AnswerLost));
    assert!(matches!(store.write_lease(renew(1)).await, Ok(Cas::Applied(_))));
    assert!(matches!(store.write_lease(renew(2)).await, Err(CasError::Unknown(_))));
    assert!(matches!(store.write_lease(renew(3)).await, Ok(Cas::Applied(_))), "faults are once");
}

#[tokio::test]
async fn a_late_write_is_applied_only_while_its_condition_holds() {
    let store = MemoryStore::with_shard_logs(2);
    store.write_lease(join(None)).await.unwrap();
    for write in [renew(1), renew(1), renew(2)] {
        store.inject_cas(Some(CasFault::Late));
        assert!(store.write_lease(write).await.is_err());
    }
    assert_eq!((store.n_late(), beats(&store).await), (3, vec![1]));
    assert!(store.apply_late(0), "nothing came between");
    assert!(!store.apply_late(0), "its twin did");
    assert!(store.apply_late(0), "the third one's turn");
    assert_eq!((store.n_late(), beats(&store).await), (0, vec![3]));

    let shard = ShardId(0);
    let Cas::Applied(tail) = store.claim_at(shard, 1).await.unwrap() else { panic!("free") };
    for (epoch, applies) in [(2, true), (1, false)] {
        store.inject_cas(Some(CasFault::Late));
        assert!(store.claim_at(shard, epoch).await.is_err());
        assert_eq!(store.apply_late(0), applies, "claim at {epoch}");
    }
    let late = Arc::new(vec![sample::frame(shard, tail, 1, 1, 10)]);
    store.inject(AppendFault::UnknownLate);
    assert!(matches!(store.append(late).await, Err(AppendError::Unknown(_))));
    assert!(!store.apply_late(0), "I1: a late append of an older epoch is refused");
    assert_eq!(store.tail(shard).await.unwrap().next_commit, 1);
}

#[tokio::test]
async fn stale_lists_tell_what_was() {
    let store = MemoryStore::with_shard_logs(2);
    let owner = Life { node: NodeId::new("ada"), incarnation: 1 };
    store.write_lease(join(None)).await.unwrap();
    store.write_lease(renew(1)).await.unwrap();
    let take = |epoch| OwnerWrite { shard: ShardId(1), epoch, owner: owner.clone() };
    store.write_owner(take(0)).await.unwrap();
    store.write_owner(take(1)).await.unwrap();
    let expected: [(&[u64], &[u64]); 6] =
        [(&[2], &[2]), (&[2], &[1]), (&[2], &[]), (&[1], &[]), (&[], &[]), (&[], &[])];
    for (n_writes, (leases, epochs)) in expected.into_iter().enumerate() {
        store.set_stale(n_writes);
        assert_eq!(beats(&store).await, leases, "{n_writes} writes ago");
        let rows = store.owners().await.unwrap();
        assert_eq!(rows.iter().map(|row| row.epoch).collect::<Vec<_>>(), epochs);
    }
    let refused = store.write_owner(take(1)).await.unwrap();
    assert!(matches!(refused, Cas::Refused(Some(row)) if row.epoch == 2), "writes are not stale");
}
