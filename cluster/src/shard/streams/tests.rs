//! Numbers, repeats, gaps, windows.

use codec::Packed;
use entity::{Cause, EntityKey, Kind, MessageKind, Tenant, Timestamp};

use super::*;

const A: ShardId = ShardId(1);

fn message() -> Message {
    let key = EntityKey::named(&Tenant::new("t"), Kind(1), "x");
    Message {
        from: key.clone(),
        to: key,
        kind: MessageKind::Command,
        body: Packed { type_id: 0, version: 1, bytes: vec![] },
        cause: Cause::default(),
        expires_at: Timestamp::MAX,
    }
}

#[test]
fn a_repeat_is_dropped_and_a_gap_is_seen() {
    let mut out = Outgoing::new(limits::STREAM_WINDOW);
    let sends: Vec<_> = (0..3).map(|_| out.number(A, message())).collect();
    let mut incoming = Incoming::default();
    assert_eq!(incoming.arrive(A, sends[1].clone()), Arrival::Gap);
    assert!(!incoming.has_waiting());
    assert_eq!(incoming.arrive(A, sends[0].clone()), Arrival::Queued);
    assert_eq!(incoming.arrive(A, sends[0].clone()), Arrival::Repeat);
    assert_eq!(incoming.arrive(A, sends[1].clone()), Arrival::Queued);
    assert!(incoming.has_waiting());
    assert_eq!(incoming.take(A).unwrap().0.number, 1);
    assert_eq!(incoming.arrive(A, sends[0].clone()), Arrival::Repeat);
    assert_eq!(incoming.take(A).unwrap().0.number, 2);
    assert!(!incoming.has_waiting());
    assert_eq!(incoming.mark(A), 2);
}

#[test]
fn the_window_closes_and_opens_again() {
    let mut out = Outgoing::new(limits::STREAM_WINDOW);
    for _ in 0..limits::STREAM_WINDOW {
        assert!(!out.is_closed());
        let send = out.number(A, message());
        out.keep(7, send);
    }
    assert!(out.is_closed());
    assert_eq!(out.unacked(A, 6).len(), 0, "not durable yet");
    assert_eq!(out.unacked(A, 7).len(), limits::STREAM_WINDOW);
    out.acked(A, 1);
    assert!(!out.is_closed());
    out.acked(A, u64::MAX);
    assert!(out.is_idle());
}

#[test]
fn a_checkpoint_takes_the_stream_over() {
    let mut out = Outgoing::new(limits::STREAM_WINDOW);
    for _ in 0..3 {
        let send = out.number(A, message());
        out.keep(1, send);
    }
    out.acked(A, 1);
    let mut restored = Outgoing::new(limits::STREAM_WINDOW);
    restored.restore(out.checkpoint());
    assert_eq!(restored.unacked(A, 0).len(), 2);
    assert_eq!(restored.number(A, message()).number, 4);
}
