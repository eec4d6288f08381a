//! Values for contract tests: frames, snapshots and events that differ by a number.

use std::sync::Arc;

use codec::Packed;
use entity::{EntityKey, IdempotencyWindow, Kind, ShardId, Snapshot, Tenant, Timestamp, Trace};

use crate::{CloudEvent, Frame, FrameHeader, Store, Tail};

/// The frame that continues `tail`: `n_events` events, a payload of `n_bytes` made from `fill`.
#[must_use]
pub fn frame(shard: ShardId, tail: Tail, n_events: u32, fill: u8, n_bytes: usize) -> Frame {
    let header = FrameHeader {
        shard,
        commit_no: tail.next_commit,
        epoch: tail.epoch,
        first_seq: tail.next_seq,
        n_events,
        record_version: 1,
        prev_crc: tail.crc,
    };
    let payload = (0..n_bytes).map(|at| fill.wrapping_add(at.to_le_bytes()[0])).collect();
    Frame::new(header, payload)
}

/// Appends one frame of `n_bytes` to a shard and returns it with the tail after it.
pub async fn append(
    store: &dyn Store,
    shard: ShardId,
    tail: Tail,
    n_bytes: usize,
) -> (Frame, Tail) {
    let fill = tail.next_commit.to_le_bytes()[0];
    let frame = frame(shard, tail, 2, fill, n_bytes);
    store.append(Arc::new(vec![frame.clone()])).await.expect("the frame continues the chain");
    let tail = tail.after(&frame);
    (frame, tail)
}

/// The key of an entity by a name.
#[must_use]
pub fn key(name: &str) -> EntityKey {
    EntityKey::named(&Tenant::new("acme"), Kind(1), name)
}

/// A snapshot as of a commit; its state is `n_bytes` long.
#[must_use]
pub fn snapshot(last_commit: u64, n_bytes: usize) -> Snapshot {
    let bytes = (0..n_bytes).map(|at| at.to_le_bytes()[0] ^ last_commit.to_le_bytes()[0]);
    Snapshot {
        version: last_commit * 2,
        last_commit,
        state: Packed { type_id: 0xFFF1, version: 1, bytes: bytes.collect() },
        idempotency: IdempotencyWindow::default(),
        deadline: Some(Timestamp(last_commit * 1000)),
    }
}

/// An event of order `order`, the `number`-th of shard 0.
#[must_use]
pub fn event(history: &str, order: &str, number: u64) -> Arc<CloudEvent> {
    let key = key(order);
    Arc::new(CloudEvent {
        id: format!("{history}.0:{number}"),
        tenant: key.tenant.clone(),
        domain: "orders",
        event_type: "order.placed",
        subject: order.to_owned(),
        partition_key: format!("{:08x}", key.affinity.0),
        key,
        version: number,
        time: Timestamp(1_795_000_000_000 + number),
        trace: Trace { trace_id: [7; 16], span_id: [9; 8], flags: 1 },
        data_version: 1,
        data: format!("{{\"number\":{number}}}").into_bytes(),
    })
}
