//! How an unsynced write is taken back: the content before it.
//!
//! A list of these costs memory only for what is not durable yet, where a second copy of the
//! state would cost it for all history.

use std::collections::BTreeMap;

use entity::{EntityKey, ShardId, Snapshot};

use super::{ShardState, ViewState};
use crate::{Checkpoint, TimerRow};

/// A cursor behind the epoch of its writer.
pub(super) type EpochValue = (u64, Vec<u8>);

/// One write's opposite.
#[derive(Debug)]
pub(super) enum Undo {
    /// An append; it is never unsynced but for a planted defect.
    Append { shards: Vec<usize> },
    /// A write of the checkpointer.
    Snapshots {
        shard: ShardId,
        before: Vec<(EntityKey, Option<Snapshot>)>,
        timers: Vec<(TimerRow, Option<()>)>,
        checkpoint: Option<Checkpoint>,
    },
    /// A move of cursors.
    Cursors { name: String, before: Vec<(ShardId, Option<EpochValue>)> },
    /// A change of a view.
    View {
        view: String,
        shard: ShardId,
        cursor: Option<u64>,
        before: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    },
}

impl Undo {
    /// Takes the write back. Writes are taken back newest first.
    pub(super) fn apply(self, shards: &mut [ShardState], views: &mut BTreeMap<String, ViewState>) {
        match self {
            Self::Append { shards: of } => {
                for shard in of {
                    shards[shard].frames.pop();
                }
            }
            Self::Snapshots { shard, before, timers, checkpoint } => {
                let shard = &mut shards[shard.0 as usize];
                restore(&mut shard.snapshots, before);
                restore(&mut shard.timers, timers);
                shard.checkpoint = checkpoint;
            }
            Self::Cursors { name, before } => {
                for (shard, value) in before.into_iter().rev() {
                    put(&mut shards[shard.0 as usize].cursors, name.clone(), value);
                }
            }
            Self::View { view, shard, cursor, before } => {
                let view = views.entry(view).or_default();
                restore(&mut view.rows, before);
                put(&mut view.cursors, shard, cursor);
            }
        }
    }
}

/// Puts back values, the newest first: a key may stand more than once.
fn restore<K: Ord, V>(map: &mut BTreeMap<K, V>, before: Vec<(K, Option<V>)>) {
    for (key, value) in before.into_iter().rev() {
        put(map, key, value);
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}
