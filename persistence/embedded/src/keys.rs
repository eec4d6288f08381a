//! Keys of rows of derived data. All numbers are big endian, so that rows lie in the order of
//! their meaning.
//!
//! ```text
//! snap    shard u16 | 1 entity | 2 at u64 entity | 3 | 4 name | 5 name
//! view    len u8 name | 0 shard u16 | 1 row key
//! ```

use entity::{EntityId, EntityKey, ShardId, Timestamp};
use ports::TimerRow;
use smallvec::SmallVec;

/// A key; most are shorter than that.
pub(crate) type Key = SmallVec<[u8; 64]>;

fn of_shard(shard: ShardId, tag: u8) -> Key {
    let mut key = Key::new();
    key.extend_from_slice(&shard.0.to_be_bytes());
    key.push(tag);
    key
}

pub(crate) fn snapshot(shard: ShardId, entity: &EntityKey) -> Key {
    let mut key = of_shard(shard, 1);
    push_entity(&mut key, entity);
    key
}

pub(crate) fn timer(shard: ShardId, row: &TimerRow) -> Key {
    let mut key = of_shard(shard, 2);
    key.extend_from_slice(&row.at.0.to_be_bytes());
    push_entity(&mut key, &row.key);
    key
}

/// The first key of all timers of a shard.
pub(crate) fn timers_from(shard: ShardId) -> Key {
    of_shard(shard, 2)
}

/// The first key behind all timers at or before `until`.
pub(crate) fn timers_to(shard: ShardId, until: Timestamp) -> Key {
    match until.0.checked_add(1) {
        None => of_shard(shard, 3),
        Some(next) => {
            let mut key = of_shard(shard, 2);
            key.extend_from_slice(&next.to_be_bytes());
            key
        }
    }
}

pub(crate) fn checkpoint(shard: ShardId) -> Key {
    of_shard(shard, 3)
}

/// A cursor behind the epoch of its writer.
pub(crate) fn cursor(shard: ShardId, name: &str) -> Key {
    let mut key = of_shard(shard, 5);
    key.extend_from_slice(name.as_bytes());
    key
}

/// A cursor as builds wrote it that knew no epochs; read while there is none of the other form.
pub(crate) fn cursor_of_no_epoch(shard: ShardId, name: &str) -> Key {
    let mut key = of_shard(shard, 4);
    key.extend_from_slice(name.as_bytes());
    key
}

fn of_view(view: &str, tag: u8) -> Key {
    let len = u8::try_from(view.len()).expect("names of views are constants of the program");
    let mut key = Key::new();
    key.push(len);
    key.extend_from_slice(view.as_bytes());
    key.push(tag);
    key
}

pub(crate) fn view_cursor(view: &str, shard: ShardId) -> Key {
    let mut key = of_view(view, 0);
    key.extend_from_slice(&shard.0.to_be_bytes());
    key
}

/// The key of a row of a view; what stands before the row's own key has [`view_prefix_len`].
pub(crate) fn view_row(view: &str, row: &[u8]) -> Key {
    let mut key = of_view(view, 1);
    key.extend_from_slice(row);
    key
}

pub(crate) const fn view_prefix_len(view: &str) -> usize {
    view.len() + 2
}

/// Appends an entity's key so that bytes compare as keys do.
fn push_entity(out: &mut Key, key: &EntityKey) {
    // A zero byte ends the tenant; one inside it is followed by 0xff, so it sorts behind the end.
    for byte in key.tenant.as_str().bytes() {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&key.kind.0.to_be_bytes());
    out.extend_from_slice(&key.affinity.0.to_be_bytes());
    match &key.id {
        EntityId::Uuid(uuid) => {
            out.push(0);
            out.extend_from_slice(uuid.as_bytes());
        }
        EntityId::Name(name) => {
            out.push(1);
            out.extend_from_slice(name.as_bytes());
        }
    }
}
