//! Whether a node works, for probes: its supervisor, and the shards that it gave up.
//!
//! Reads state and waits for nothing. A shard that is owned elsewhere is not given up.

use std::sync::Arc;

use entity::ShardId;
use ractor::{ActorCell, ActorStatus};

use super::Node;
use crate::shard::inbox::Inbox;

/// What probes may ask of a node. Cheap to clone; keeps nothing alive.
#[derive(Clone)]
pub struct Vitals {
    supervisor: ActorCell,
    inboxes: Arc<Vec<Arc<Inbox>>>,
}

impl Node {
    /// What probes may ask of it.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let inboxes = Arc::clone(&self.seats.inboxes);
        Vitals { supervisor: self.supervisor.get_cell(), inboxes }
    }
}

impl Vitals {
    /// Whether the supervisor runs. Without it nothing that fails is rebuilt, and its hosts end
    /// with it.
    #[must_use]
    pub fn is_supervised(&self) -> bool {
        self.supervisor.get_status() < ActorStatus::Stopping
    }

    /// Shards whose host could not be rebuilt or stands still: what lives there is not available
    /// until the next start. O(shards).
    #[must_use]
    pub fn given_up(&self) -> Vec<ShardId> {
        let shards = (0..).map(ShardId).zip(self.inboxes.iter());
        shards.filter(|(_, inbox)| inbox.is_given_up()).map(|(shard, _)| shard).collect()
    }

    /// How many shards there are.
    #[must_use]
    pub fn n_shards(&self) -> usize {
        self.inboxes.len()
    }

    /// Waits until the supervisor has ended. Cancel safe.
    pub async fn ended(&self) {
        // Without a timeout there is nothing to run out.
        let _ = self.supervisor.wait(None).await;
    }
}
