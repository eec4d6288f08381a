//! Records that a test writes into the journal behind a node's back: what a build with a bug
//! leaves behind, without the bug. The node has to be stopped first, or not started yet; the
//! stores have four shards.

use std::sync::Arc;

use entity::{
    Cause, EntityKey, PackedEvents, Quarantine, RecordSource, Sends, StepRecord, Timestamp,
};
use ports::memory::MemoryStore;
use ports::{Frame, FrameHeader, Journal};

/// A record of the runtime, nothing in it.
pub(crate) fn record(key: &EntityKey) -> StepRecord {
    StepRecord {
        key: key.clone(),
        prev: 0,
        version: 0,
        at: Timestamp(1),
        cause: Cause::default(),
        source: RecordSource::Runtime,
        events: PackedEvents::new(),
        sends: Sends::new(),
        mark: None,
        kept: None,
        deadline: None,
        quarantine: None,
        dead_letter: None,
    }
}

/// An entity is put in quarantine.
pub(crate) fn imposed(key: &EntityKey) -> StepRecord {
    let mut imposed = record(key);
    let change = Quarantine::Imposed { reason: "panicked: a bug".into() };
    imposed.quarantine = Some(Box::new(change));
    imposed
}

/// Writes records of the runtime behind what a shard's journal has.
pub(crate) async fn append(store: &MemoryStore, records: &[&StepRecord]) {
    let shard = records[0].key.shard(4);
    let tail = store.claim(shard).await.unwrap();
    let mut payload = Vec::new();
    for record in records {
        Frame::push_record(&mut payload, record).unwrap();
    }
    let header = FrameHeader {
        shard,
        commit_no: tail.next_commit,
        epoch: tail.epoch,
        first_seq: tail.next_seq,
        n_events: 0,
        record_version: 1,
        prev_crc: tail.crc,
    };
    store.append(Arc::new(vec![Frame::new(header, payload)])).await.unwrap();
}
