//! The outbox: what a committed frame says to the outside.
//!
//! The journal is the outbox (architecture 8): nothing is written beside it, and any part of it
//! can be said again with the same ids and bytes. [`events_of`] is a pure function of the frame,
//! the kinds and the history. A frame is said whole or not at all: an event that cannot be read
//! is an error and never skipped, so that versions on the bus have no gaps (I2). Who publishes,
//! when, and what happens after such an error is the relay's business.

mod commits;
pub(crate) mod limits;
pub(crate) mod recent;
mod scan;
pub(crate) mod task;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use codec::Packed;
use entity::{
    EntityKey, EntityType, EntityTypes, EventContext, Kind, ShardId, StepRecord, Trace, uuid5,
};
use ports::{CloudEvent, Frame, FrameError, FrameHeader, HistoryId};

pub(crate) use commits::Handover;
pub use commits::{Commits, Read, Reader};
pub use recent::DurableFrame;
pub use scan::{kind_of, records_of};

/// Why a frame cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Its payload or a record in it cannot be read.
    #[error("frame {commit_no} unreadable")]
    Frame {
        /// Which frame of the shard.
        commit_no: u64,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// An event of a kind that this build does not have.
    #[error("kind {} of {key} is not known", kind.0)]
    Kind {
        /// The kind.
        kind: Kind,
        /// Whose event.
        key: EntityKey,
    },
    /// An event that its kind does not read.
    #[error("event {version} of {key} unreadable")]
    Event {
        /// Whose event.
        key: EntityKey,
        /// Which.
        version: u64,
        /// Why.
        #[source]
        source: codec::Error,
    },
    /// The kind's publication panicked: a bug of the entity.
    #[error("publication of event {version} of {key} panicked")]
    Panicked {
        /// Whose event.
        key: EntityKey,
        /// Which.
        version: u64,
    },
    /// The header counts other events than the payload holds; every id after it would be wrong.
    #[error("frame {commit_no} says {said} events and holds {held}")]
    Count {
        /// Which frame of the shard.
        commit_no: u64,
        /// Events by the header.
        said: u32,
        /// Events in the records.
        held: u64,
    },
}

/// The public events of a frame, in journal order, ids `{history}.{shard}:{seq}` with the shard's
/// event number. Kinds that are not published count in the numbers and yield nothing.
///
/// O(payload). Errors: see [`OutboxError`]; then nothing of the frame is to be said.
pub fn events_of(
    frame: &Frame,
    types: &EntityTypes,
    history: &HistoryId,
) -> Result<Vec<Arc<CloudEvent>>, OutboxError> {
    let commit_no = frame.header.commit_no;
    let records = frame.records().map_err(|source| OutboxError::Frame { commit_no, source })?;
    events_in(&frame.header, &records, types, history)
}

/// The same of a frame that was read, whose records may be at hand.
pub(crate) fn events_of_read(
    read: &Read,
    types: &EntityTypes,
    history: &HistoryId,
) -> Result<Vec<Arc<CloudEvent>>, OutboxError> {
    match read {
        Read::Stored(frame) => events_of(frame, types, history),
        Read::Recent(recent) => events_in(&recent.frame().header, recent.records(), types, history),
    }
}

fn events_in(
    header: &FrameHeader,
    records: &[StepRecord],
    types: &EntityTypes,
    history: &HistoryId,
) -> Result<Vec<Arc<CloudEvent>>, OutboxError> {
    let mut events = Vec::with_capacity(header.n_events as usize);
    let mut seq = header.first_seq;
    for record in records {
        if record.events.is_empty() {
            continue;
        }
        let kind = record.key.kind;
        let kind =
            types.get(kind).ok_or_else(|| OutboxError::Kind { kind, key: record.key.clone() })?;
        for (index, packed) in (1..).zip(&record.events) {
            let version = record.version + index;
            if let Some(mut event) = event_of(kind, record, version, packed)? {
                event.id = format!("{}{seq}", id_prefix(history, header.shard));
                event.trace = traced(event.trace, &event.id);
                events.push(Arc::new(event));
            }
            seq += 1;
        }
    }
    let held = seq - header.first_seq;
    if held != u64::from(header.n_events) {
        let commit_no = header.commit_no;
        return Err(OutboxError::Count { commit_no, said: header.n_events, held });
    }
    Ok(events)
}

/// What the ids of all events of a shard begin with; its number follows.
pub(crate) fn id_prefix(history: &HistoryId, shard: ShardId) -> String {
    format!("{}.{}:", history.0, shard.0)
}

/// The number of an event in its shard, by its id.
pub(crate) fn seq_of(event: &CloudEvent) -> u64 {
    let seq = event.id.rsplit_once(':').and_then(|(_, seq)| seq.parse().ok());
    seq.expect("ids are made here")
}

/// An event without its id.
fn event_of(
    kind: &EntityType,
    record: &StepRecord,
    version: u64,
    packed: &Packed,
) -> Result<Option<CloudEvent>, OutboxError> {
    let key = &record.key;
    let ctx = EventContext { key, version, at: record.at };
    // A bug in one kind's publication must stop its shard, not the relay of all shards.
    let face = catch_unwind(AssertUnwindSafe(|| (kind.publication)(&ctx, packed)))
        .map_err(|_| OutboxError::Panicked { key: key.clone(), version })?
        .map_err(|source| OutboxError::Event { key: key.clone(), version, source })?;
    Ok(face.map(|face| CloudEvent {
        id: String::new(),
        tenant: key.tenant.clone(),
        domain: face.domain,
        event_type: face.event_type,
        subject: face.subject,
        key: key.clone(),
        version,
        time: record.at,
        trace: record.cause.trace,
        partition_key: face.partition_key,
        data_version: face.data_version,
        data: face.data,
    }))
}

/// The trace of the causing request, or one made from the event's id: a step of a timer has no
/// request, and a repeat must carry the same trace.
fn traced(trace: Trace, id: &str) -> Trace {
    let made = |part: &[u8]| *uuid5(Kind(0), &[part, id.as_bytes()]).as_bytes();
    let span = |bytes: [u8; 16]| *bytes.first_chunk::<8>().expect("16 bytes hold 8");
    match (trace.trace_id == [0; 16], trace.span_id == [0; 8]) {
        (false, false) => trace,
        (false, true) => Trace { span_id: span(made(b"span")), ..trace },
        (true, _) => Trace { trace_id: made(b"trace"), span_id: span(made(b"span")), flags: 0 },
    }
}

#[cfg(test)]
pub(crate) mod tests;
