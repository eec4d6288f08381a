//! Who owns what, as one life of a node asks the store for it.
//!
//! What the store grants is noted where it is granted: shards, and how long a lease lasts.

use async_trait::async_trait;
use cluster::ctx::Clock;
use entity::ShardId;
use ports::{
    Cas, CasError, LeaseRow, LeaseWrite, OwnerRow, OwnerWrite, Ownership, StoreError, Tail,
};

use super::{NONE, SimStore, UnderWay, kind_of};
use crate::plan::{FaultKind, Moment};
use crate::world::net::node_id;

impl SimStore {
    /// A conditional write of ownership: it may be applied and not answered, or never arrive.
    async fn cas<T>(
        &self,
        what: u64,
        shard: ShardId,
        call: impl Future<Output = Result<Cas<T>, CasError>>,
    ) -> Result<Cas<T>, CasError> {
        let name = self.next_name(what, shard);
        let back = self.enter(self.links.append, name).await;
        let node = self.node;
        let unknown = self.faults.struck(name, |kind| match kind {
            FaultKind::StoreUnknown { node: at, percent } if *at == node => Some(*percent),
            FaultKind::StoreDown { node: at } if *at == node => Some(100),
            _ => None,
        });
        let result = match unknown {
            None => call.await,
            Some(bits) => {
                if bits.is_multiple_of(2) {
                    drop(call.await);
                }
                Err(CasError::Unknown("the answer did not come".into()))
            }
        };
        if matches!(result, Ok(Cas::Applied(_))) {
            self.moments.came(node, Moment::Claim);
        }
        self.leave(kind_of(what), u32::from(shard.0), name, back).await;
        result
    }

    /// Who gives a shard away by a planned move has let everything end that it took: what is still
    /// under way would be answered by nobody (I11).
    fn gives_away(&self, write: &OwnerWrite) {
        let is_given = write.owner.node != node_id(self.node);
        if is_given && UnderWay::is_open(&self.appends, (write.shard, write.epoch)) {
            let (of, node, to) = (write.shard.0, self.node, &write.owner.node);
            let what = format!("node {node} gave shard {of} to {to:?} with an append under way");
            self.claims.breach("I11", self.kernel.now_us(), what);
        }
    }

    fn stale(&self, name: u64) {
        let node = self.node;
        let chance = |kind: &FaultKind| match kind {
            FaultKind::StaleReads { node: at, percent } if *at == node => Some(*percent),
            _ => None,
        };
        if self.faults.strikes(name, chance) {
            self.inner.set_stale(1 + usize::try_from(name % 8).unwrap_or(0));
        } else {
            self.inner.set_stale(0);
        }
    }
}

#[async_trait]
impl Ownership for SimStore {
    async fn leases(&self) -> Result<Vec<LeaseRow>, StoreError> {
        let name = self.next_name(18, NONE);
        self.other(18, NONE, async {
            self.stale(name);
            self.inner.leases().await
        })
        .await
    }

    async fn owners(&self) -> Result<Vec<OwnerRow>, StoreError> {
        let name = self.next_name(19, NONE);
        self.other(19, NONE, async {
            self.stale(name);
            self.inner.owners().await
        })
        .await
    }

    async fn write_lease(&self, write: LeaseWrite) -> Result<Cas<LeaseRow>, CasError> {
        let sent = self.clock.steady();
        self.cas(20, NONE, async {
            let written = self.inner.write_lease(write).await;
            if let Ok(Cas::Applied(row)) = &written
                && row.is_held()
                && row.life.node == node_id(self.node)
            {
                self.claims.granted(self.node, sent.plus_ms(u64::from(row.ttl_ms)));
            }
            written
        })
        .await
    }

    async fn write_owner(&self, write: OwnerWrite) -> Result<Cas<OwnerRow>, CasError> {
        self.gives_away(&write);
        self.cas(21, write.shard, self.inner.write_owner(write)).await
    }

    async fn claim_at(&self, shard: ShardId, epoch: u64) -> Result<Cas<Tail>, CasError> {
        self.cas(22, shard, async {
            let claimed = self.inner.claim_at(shard, epoch).await;
            if let Ok(Cas::Applied(_)) = &claimed {
                self.claims.note(shard, epoch, self.node);
            }
            claimed
        })
        .await
    }
}
