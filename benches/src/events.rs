//! Durable events a second: our log beside a bare fjall and beside a bare file, by group size.
//!
//! All three write the same records, so many to a sync, one group after the other. The log does
//! all that a node does of it: it encodes each record, stages it, seals frames with their
//! checksums and chains, checks them against the tails, and writes them through the store.
//! The two others get the bytes ready made.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::log::{Stage, Staging};
use codec::Packed;
use embedded::{EmbeddedStore, Options};
use entity::{Cause, EntityKey, Kind, RecordSource, Sends, ShardId, StepRecord, Tenant, Timestamp};
use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use ports::{Frame, Journal};

use crate::Failed;

/// Bytes of an event.
const EVENT_BYTES: usize = 200;
/// Entities that the events are of.
const N_ENTITIES: u64 = 1_000;

/// Events written durably in a time.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// How many.
    pub n_events: u64,
    /// In which time.
    pub elapsed: Duration,
}

impl Written {
    /// Events in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.n_events as f64 / self.elapsed.as_secs_f64()
    }

    /// Time of a group in microseconds.
    #[must_use]
    pub fn group_us(&self, n_group: usize) -> f64 {
        self.elapsed.as_secs_f64() * 1e6 * n_group as f64 / self.n_events.max(1) as f64
    }
}

fn record(number: u64) -> StepRecord {
    let name = format!("entity-{:06}", number % N_ENTITIES);
    StepRecord {
        key: EntityKey::named(&Tenant::new("bench"), Kind(1), &name),
        prev: number.saturating_sub(N_ENTITIES),
        version: number / N_ENTITIES,
        at: Timestamp(1_700_000_000_000 + number),
        cause: Cause::default(),
        source: RecordSource::Caller,
        events: [Packed { type_id: 1, version: 1, bytes: vec![7; EVENT_BYTES] }].into(),
        sends: Sends::new(),
        mark: None,
        kept: None,
        deadline: None,
        quarantine: None,
        dead_letter: None,
    }
}

fn encoded(record: &StepRecord) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::with_capacity(2 * EVENT_BYTES);
    Frame::push_record(&mut bytes, record).map_err(Failed::because("encode a record"))?;
    Ok(bytes)
}

/// Writes groups until the time is over.
fn groups(
    n_group: usize,
    time: Duration,
    mut write: impl FnMut(u64) -> Result<(), Failed>,
) -> Result<Written, Failed> {
    let started = Instant::now();
    let mut n_events = 0;
    while started.elapsed() < time {
        write(n_events)?;
        n_events += n_group as u64;
    }
    Ok(Written { n_events, elapsed: started.elapsed() })
}

/// Our log: staging, frames, the embedded store.
pub async fn log(dir: &Path, n_group: usize, time: Duration) -> Result<Written, Failed> {
    let opened = EmbeddedStore::open(dir, Options::default());
    let store = opened.map_err(Failed::because("open a store"))?;
    let mut staging = Staging::default();
    let mut epochs = Vec::new();
    for shard in (0..store.n_shards()).map(ShardId) {
        let tail = store.claim(shard).await.map_err(Failed::because("claim a shard"))?;
        staging.own(shard, tail);
        epochs.push(tail.epoch);
    }
    // Made before: a node has its records from its entities. They go round.
    let mut records: VecDeque<StepRecord> =
        (0..N_ENTITIES.max(n_group as u64)).map(record).collect();
    let started = Instant::now();
    let mut n_events = 0;
    while started.elapsed() < time {
        for record in records.drain(..n_group) {
            let shard = record.key.shard(store.n_shards());
            let epoch = epochs[usize::from(shard.0)];
            let staged = staging.stage(shard, epoch, &encoded(&record)?, record);
            staged.map_err(Failed::because("stage a record"))?;
        }
        while let Some(taken) = staging.take() {
            records.extend(taken.records.into_iter().flatten());
            let appended = store.append(Arc::new(taken.frames)).await;
            appended.map_err(Failed::because("append a group"))?;
            staging.committed(taken.last_lsn);
        }
        n_events += n_group;
    }
    let written = Written { n_events: n_events as u64, elapsed: started.elapsed() };
    store.close().await;
    Ok(written)
}

/// Events that the journal of a store holds. O(journal).
pub async fn n_stored(dir: &Path) -> Result<u64, Failed> {
    let opened = EmbeddedStore::open(dir, Options::default());
    let store = opened.map_err(Failed::because("open a store"))?;
    let mut n_events = 0;
    for shard in (0..store.n_shards()).map(ShardId) {
        let tail = store.tail(shard).await.map_err(Failed::because("read a tail"))?;
        n_events += tail.next_seq - 1;
    }
    store.close().await;
    Ok(n_events)
}

/// A bare fjall: one row an event, one durable batch a group, set up as the store sets it up.
pub fn fjall(dir: &Path, n_group: usize, time: Duration) -> Result<Written, Failed> {
    let step = "write to a bare fjall";
    let db = Database::builder(dir)
        .journal_compression(fjall::CompressionType::None)
        .open()
        .map_err(Failed::because(step))?;
    let rows =
        db.keyspace("rows", KeyspaceCreateOptions::default).map_err(Failed::because(step))?;
    let row = encoded(&record(0))?;
    groups(n_group, time, |from| {
        let mut batch = db.batch().durability(Some(PersistMode::SyncData));
        for number in from..from + n_group as u64 {
            batch.insert(&rows, number.to_be_bytes(), row.as_slice());
        }
        batch.commit().map_err(Failed::because(step))
    })
}

/// A bare file: one write and one `fdatasync` a group.
pub fn file(dir: &Path, n_group: usize, time: Duration) -> Result<Written, Failed> {
    let step = "write to a bare file";
    let path = dir.join("raw");
    let opened = OpenOptions::new().create(true).append(true).open(path);
    let mut file = opened.map_err(Failed::because(step))?;
    let group = encoded(&record(0))?.repeat(n_group);
    groups(n_group, time, |_| {
        file.write_all(&group).map_err(Failed::because(step))?;
        file.sync_data().map_err(Failed::because(step))
    })
}
