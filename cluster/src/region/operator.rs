//! What an operator asks of shards: what waits for him, and to lift it or send it again.

use compact_str::CompactString;
use entity::{Affinity, Cause, EntityId, EntityKey, Kind, Principal, ShardId};

use super::{Answer, Ask, AskBody, Region};
use crate::limits;
use crate::shard::{Refusal, Troubles};

impl Region {
    /// How many shards there are.
    #[must_use]
    pub fn n_shards(&self) -> u16 {
        u16::try_from(self.inner.seats.inboxes.len()).expect("shard counts fit 16 bits")
    }

    /// Inputs that wait in a shard's inbox; `None`: there is no such shard.
    #[must_use]
    pub fn depth(&self, shard: ShardId) -> Option<usize> {
        self.inner.seats.inboxes.get(usize::from(shard.0)).map(|inbox| inbox.depth())
    }

    /// Whether a shard was given up: nothing is asked of it any more; `None`: there is none such.
    #[must_use]
    pub fn is_given_up(&self, shard: ShardId) -> Option<bool> {
        self.inner.seats.inboxes.get(usize::from(shard.0)).map(|inbox| inbox.is_given_up())
    }

    /// An operator's request to the shard of an entity: [`AskBody::Lift`].
    pub async fn operate(
        &self,
        key: &EntityKey,
        principal: Principal,
        body: AskBody,
    ) -> Result<(), Refusal> {
        match self.send(key, &operator(principal), body).await? {
            Answer::Refused(refusal) => Err(refusal),
            Answer::Done
            | Answer::Outcome(_)
            | Answer::Query(_)
            | Answer::Located { .. }
            | Answer::Troubles(_) => Ok(()),
        }
    }

    /// Entities in quarantine and dead letters of a shard, of all tenants.
    pub async fn troubles(
        &self,
        shard: ShardId,
        principal: Principal,
    ) -> Result<Troubles, Refusal> {
        let (key, ask) = (of_shard(shard, &principal), operator(principal));
        match self.send(&key, &ask, AskBody::Troubles).await? {
            Answer::Troubles(troubles) => Ok(*troubles),
            Answer::Refused(refusal) => Err(refusal),
            Answer::Done | Answer::Outcome(_) | Answer::Query(_) | Answer::Located { .. } => {
                Err(Refusal::Unreadable)
            }
        }
    }

    /// Sends a dead letter of a shard again, without an end of its life.
    pub async fn replay_dead_letter(
        &self,
        shard: ShardId,
        number: u64,
        principal: Principal,
    ) -> Result<(), Refusal> {
        let key = of_shard(shard, &principal);
        self.operate(&key, principal, AskBody::ReplayDeadLetter(number)).await
    }
}

fn operator(principal: Principal) -> Ask {
    Ask { principal, cause: Cause::default(), idempotency: None, wait_ms: limits::OPERATOR_MS }
}

/// A key that leads to a shard; nothing has it.
fn of_shard(shard: ShardId, principal: &Principal) -> EntityKey {
    EntityKey {
        tenant: principal.tenant.clone(),
        kind: Kind(0),
        affinity: Affinity(u32::from(shard.0)),
        id: EntityId::Name(CompactString::const_new("")),
    }
}
