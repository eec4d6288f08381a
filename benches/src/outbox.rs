//! Reads the outbox of a store: the public events that its journal yields.

use std::collections::BTreeMap;

use cluster::outbox::events_of;
use embedded::EmbeddedStore;
use entity::ShardId;
use ports::{Journal, Meta};

use crate::Failed;

/// Bytes of frames read at once.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// How many public events of each type the whole journal yields. O(journal).
pub async fn read(store: &EmbeddedStore) -> Result<BTreeMap<String, u64>, Failed> {
    let step = "read the outbox";
    let (types, history) = (commerce::hosting::entity_types(), store.history());
    let mut said = BTreeMap::new();
    for shard in (0..store.n_shards()).map(ShardId) {
        let tail = store.tail(shard).await.map_err(Failed::because(step))?;
        let mut next = 1;
        while next < tail.next_commit {
            let frames = store.read(shard, next, PAGE_BYTES).await;
            let frames = frames.map_err(Failed::because(step))?;
            let Some(last) = frames.last() else {
                return Err(Failed::new(step, format!("shard {} ends at {next}", shard.0)));
            };
            next = last.header.commit_no + 1;
            for frame in &frames {
                let events = events_of(frame, &types, &history).map_err(Failed::because(step))?;
                for event in events {
                    *said.entry(event.event_type.to_string()).or_insert(0) += 1;
                }
            }
        }
    }
    Ok(said)
}
