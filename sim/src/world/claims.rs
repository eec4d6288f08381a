//! What the store let happen: claims of shards, appends and when it took them. Noted beside the
//! store, for checkers that the journal alone tells too little (I1, I4).

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::{ShardId, Timestamp};
use parking_lot::Mutex;
use ports::{AppendError, Frame, Journal, MemoryStore};

use crate::check::journal::{Beside, LetIn, Owned, Written};
use crate::kernel::Kernel;
use crate::record::Violation;

/// Every claim of a shard that the store took, whoever heard of it, and the appends that it took
/// although a newer owner had claimed their shard. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Claims(Arc<Mutex<Fences>>);

#[derive(Debug, Default)]
struct Fences {
    claims: Vec<Owned>,
    newest: BTreeMap<ShardId, Owned>,
    let_in: Vec<LetIn>,
    beside: Vec<Beside>,
    durable_us: BTreeMap<ShardId, Vec<u64>>,
    /// Until when each node's lease lasts, in steady time of its clock: from when the write was
    /// sent that the store took last.
    leased: BTreeMap<u16, Timestamp>,
    written: Vec<Written>,
    breaches: Vec<Violation>,
}

impl Claims {
    /// All of them, in the order in which they were taken.
    #[must_use]
    pub fn all(&self) -> Vec<Owned> {
        self.0.lock().claims.clone()
    }

    /// Appends that should have been fenced off.
    #[must_use]
    pub fn let_in(&self) -> Vec<LetIn> {
        self.0.lock().let_in.clone()
    }

    /// When each commit was taken, in us after `begun_us`: by shard, from commit 1 on.
    #[must_use]
    pub fn durable_us(&self, begun_us: u64) -> BTreeMap<ShardId, Vec<u64>> {
        let since = |times: &Vec<u64>| times.iter().map(|us| us.saturating_sub(begun_us)).collect();
        let fences = self.0.lock();
        fences.durable_us.iter().map(|(shard, times)| (*shard, since(times))).collect()
    }

    /// Writes of snapshots, with their times in us after `begun_us`.
    #[must_use]
    pub fn written(&self, begun_us: u64) -> Vec<Written> {
        let mut written = self.0.lock().written.clone();
        written.iter_mut().for_each(|it| it.at_us = it.at_us.saturating_sub(begun_us));
        written
    }

    pub(super) fn note(&self, shard: ShardId, epoch: u64, node: u16) {
        let fences = &mut *self.0.lock();
        let claim = Owned { shard, epoch, node };
        fences.claims.push(claim);
        let newest = fences.newest.entry(shard).or_insert(claim);
        if newest.epoch < epoch {
            *newest = claim;
        }
    }

    /// A node may answer for a shard under this epoch, as seen just now: noted if another node
    /// has a newer one.
    pub fn serves(&self, shard: ShardId, epoch: u64, node: u16, at_us: u64) {
        let Fences { newest, beside, .. } = &mut *self.0.lock();
        if let Some(claim) = newest.get(&shard)
            && claim.epoch > epoch
            && claim.node != node
        {
            beside.push(Beside { old: Owned { shard, epoch, node }, new: *claim, at_us });
        }
    }

    /// The store took a write of a node's lease, which lasts until then if it is counted from when
    /// that very try was sent.
    pub(super) fn granted(&self, node: u16, until: Timestamp) {
        self.0.lock().leased.insert(node, until);
    }

    /// A node means to answer until then. Others count from when they first see what the store
    /// took, which is later than it was sent: longer than that it would answer beside them (I1).
    pub fn trusts(&self, node: u16, until: Timestamp, margin_ms: u64, at_us: u64) {
        let fences = &mut *self.0.lock();
        let granted = fences.leased.get(&node).copied().unwrap_or_default();
        if until.plus_ms(margin_ms) > granted && until > Timestamp(0) {
            // Once is enough.
            fences.leased.insert(node, Timestamp::MAX);
            let what = format!("node {node} trusts its lease until {until:?}, of {granted:?}");
            fences.breaches.push(Violation { invariant: "I1".into(), at_us, what });
        }
    }

    /// Nodes that might have answered beside a newer owner.
    #[must_use]
    pub fn beside(&self) -> Vec<Beside> {
        self.0.lock().beside.clone()
    }

    /// What else the store took, or was asked for, that no owner may do.
    #[must_use]
    pub fn breaches(&self) -> Vec<Violation> {
        self.0.lock().breaches.clone()
    }

    /// Notes something of that kind.
    pub fn breach(&self, invariant: &str, at_us: u64, what: String) {
        self.0.lock().breaches.push(Violation { invariant: invariant.into(), at_us, what });
    }

    /// The store took this write of snapshots.
    pub(super) fn wrote(&self, written: Written) {
        self.0.lock().written.push(written);
    }

    /// The store took snapshots under this epoch just now: what an owner writes that is behind
    /// would hide what the newest one has done since (I1).
    pub(super) fn snapshots_taken(&self, shard: ShardId, epoch: u64, now_us: u64) {
        let newest = self.0.lock().newest.get(&shard).map_or(0, |claim| claim.epoch);
        if epoch < newest {
            let of = shard.0;
            let what =
                format!("snapshots of shard {of} were taken under epoch {epoch} after {newest}");
            self.breach("I1", now_us, what);
        }
    }

    /// The store took these frames just now.
    fn appended(&self, group: &[Frame], now_us: u64) {
        let Fences { newest, let_in, durable_us, .. } = &mut *self.0.lock();
        for Frame { header, .. } in group {
            let times = durable_us.entry(header.shard).or_default();
            let place = usize::try_from(header.commit_no - 1).expect("a run's commits");
            // A frame that is sent again was taken before.
            if place >= times.len() {
                times.resize(place + 1, now_us);
            }
            let newest = newest.get(&header.shard).map_or(0, |claim| claim.epoch);
            if header.epoch < newest {
                let (shard, commit, epoch) = (header.shard, header.commit_no, header.epoch);
                let_in.push(LetIn { shard, commit, epoch, newest });
            }
        }
    }
}

/// Where appends end up, and are noted.
pub(super) struct Shelf {
    pub(super) inner: MemoryStore,
    pub(super) kernel: Kernel,
    pub(super) claims: Claims,
}

impl Shelf {
    pub(super) async fn append(&self, group: Arc<Vec<Frame>>) -> Result<(), AppendError> {
        let result = self.inner.append(Arc::clone(&group)).await;
        if result.is_ok() {
            self.claims.appended(&group, self.kernel.now_us());
        }
        result
    }
}

/// Appends of each shard under each epoch, as the node that sends them sees it.
pub(super) type Appends = Arc<Mutex<BTreeMap<(ShardId, u64), Sent>>>;

/// What became of the appends of a shard under one epoch.
#[derive(Debug, Default)]
pub(super) struct Sent {
    n_under_way: u32,
    /// Nobody waits for the answer to the last one any more.
    is_forgotten: bool,
}

/// An append that is under way, until it is answered or dropped.
pub(super) struct UnderWay {
    appends: Appends,
    at: (ShardId, u64),
    is_answered: bool,
}

impl UnderWay {
    pub(super) fn begin(appends: &Appends, at: (ShardId, u64)) -> Self {
        appends.lock().entry(at).or_default().n_under_way += 1;
        Self { appends: Arc::clone(appends), at, is_answered: false }
    }

    /// It was answered to who sent it.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }

    /// Whether an append was sent whose answer did not come, or that nobody waited for.
    pub(super) fn is_open(appends: &Appends, at: (ShardId, u64)) -> bool {
        let appends = appends.lock();
        appends.get(&at).is_some_and(|sent| sent.n_under_way > 0 || sent.is_forgotten)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(sent) = self.appends.lock().get_mut(&self.at) {
            sent.n_under_way -= 1;
            sent.is_forgotten = !self.is_answered;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_writes_no_snapshots() {
        let (claims, shard) = (Claims::default(), ShardId(3));
        claims.note(shard, 1, 0);
        claims.snapshots_taken(shard, 1, 5);
        claims.note(shard, 2, 1);
        claims.snapshots_taken(shard, 2, 6);
        assert_eq!(claims.breaches(), []);
        claims.snapshots_taken(shard, 1, 7);
        assert_eq!(claims.breaches().len(), 1);
    }

    #[test]
    fn a_lease_lasts_from_when_it_was_asked_for() {
        let claims = Claims::default();
        claims.trusts(0, Timestamp(0), 100, 1);
        claims.granted(0, Timestamp(3_000));
        claims.trusts(0, Timestamp(2_900), 100, 2);
        assert_eq!(claims.breaches(), []);
        // Counted from a later try.
        claims.trusts(0, Timestamp(2_901), 100, 3);
        claims.trusts(0, Timestamp(2_901), 100, 4);
        assert_eq!(claims.breaches().len(), 1);
        claims.trusts(1, Timestamp(1), 0, 5);
        assert_eq!(claims.breaches().len(), 2, "of a node that has none");
    }

    #[test]
    fn an_append_is_open_until_it_is_answered() {
        let (appends, at) = (Appends::default(), (ShardId(3), 1));
        let is_open = || UnderWay::is_open(&appends, at);
        let first = UnderWay::begin(&appends, at);
        assert!(is_open());
        first.answered();
        assert!(!is_open());
        drop(UnderWay::begin(&appends, at));
        assert!(is_open(), "nobody heard of it");
        assert!(!UnderWay::is_open(&appends, (ShardId(3), 2)), "another epoch");
    }
}
