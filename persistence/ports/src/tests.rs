//! Golden bytes of what the runtime itself stores: records, frames, snapshots, checkpoints.
//!
//! A difference here is a difference to data that somebody has: it needs a new version with an
//! upcast, not a new golden file.

use std::fmt::Write;
use std::sync::Arc;

use codec::{Packed, Stored, open, seal};
use compact_str::CompactString;
use entity::{
    BounceReason, Cause, DeadLetter, DeadLetterChange, EntityKey, Fingerprint, IdempotencyKey,
    IdempotencyWindow, Kept, Kind, Mark, Message, MessageKind, PackedEvents, PrincipalKind,
    Quarantine, RecordSource, Sends, ShardId, Snapshot, StepRecord, StreamSend, Tenant, Timestamp,
    Trace,
};
use expect_test::{ExpectFile, expect_file};

use crate::{Checkpoint, Frame, FrameHeader, OutStreamState};

const AT: Timestamp = Timestamp(1_795_000_000_123);

fn key(name: &str) -> EntityKey {
    EntityKey::named(&Tenant::new("acme"), Kind(7), name)
}

fn packed(fill: u8) -> Packed {
    Packed { type_id: 0x171, version: 2, bytes: vec![fill; 5] }
}

fn cause() -> Cause {
    Cause {
        trace: Trace { trace_id: [0xAB; 16], span_id: [0xCD; 8], flags: 1 },
        request: 300,
        kind: PrincipalKind::Customer,
        subject: CompactString::const_new("ada"),
    }
}

fn message(kind: MessageKind) -> Arc<Message> {
    Arc::new(Message {
        from: key("one"),
        to: EntityKey::derived(Tenant::new("acme"), Kind(9), key("one").affinity, uuid()),
        kind,
        body: packed(1),
        cause: cause(),
        expires_at: Timestamp::MAX,
    })
}

fn uuid() -> uuid::Uuid {
    uuid::Uuid::from_bytes([0x11; 16])
}

fn send(number: u64, kind: MessageKind) -> StreamSend {
    StreamSend { to_shard: ShardId(63), number, message: message(kind) }
}

fn letter() -> DeadLetter {
    DeadLetter { message: message(MessageKind::Command), reason: "unreadable".into() }
}

fn kept(outcome: Result<Packed, Packed>) -> Kept {
    Kept {
        fingerprint: Fingerprint([0x22; 16]),
        at: AT,
        expires_at: AT.plus_ms(172_800_000),
        version: 4,
        request: 300,
        trace_id: [0xAB; 16],
        outcome,
    }
}

fn step() -> StepRecord {
    StepRecord {
        key: key("one"),
        prev: 8,
        version: 3,
        at: AT,
        cause: cause(),
        source: RecordSource::Caller,
        events: vec![packed(2), packed(3)].into(),
        sends: [send(70_000, MessageKind::Command)].into(),
        mark: None,
        kept: Some(Box::new((IdempotencyKey([0x33; 16]), kept(Ok(packed(4)))))),
        deadline: Some(AT.plus_ms(1_000)),
        quarantine: None,
        dead_letter: None,
    }
}

/// Every variant of everything in a record stands in one of these.
fn steps() -> Vec<StepRecord> {
    let own = StepRecord { events: PackedEvents::new(), sends: Sends::new(), kept: None, ..step() };
    let runtime = StepRecord { source: RecordSource::Runtime, deadline: None, ..own.clone() };
    let mark = Some(Mark { from_shard: ShardId(5), number: 251 });
    let bounces = [
        BounceReason::Rejected(packed(9)),
        BounceReason::Expired,
        BounceReason::Quarantined,
        BounceReason::DeadLetter,
        BounceReason::Unreadable,
    ];
    let sends = (1..).zip(bounces).map(|(n, reason)| send(n, MessageKind::Bounce(reason)));
    let lifted = Quarantine::Lifted { by: "ops".into() };
    vec![
        step(),
        StepRecord { source: RecordSource::Message, mark, ..own.clone() },
        StepRecord {
            source: RecordSource::Timer,
            kept: Some(Box::new((IdempotencyKey([0; 16]), kept(Err(packed(5)))))),
            ..own
        },
        StepRecord { mark, sends: sends.collect(), ..runtime.clone() },
        StepRecord {
            quarantine: Some(Box::new(Quarantine::Imposed { reason: "panic".into() })),
            dead_letter: Some(Box::new(DeadLetterChange::Kept(2, letter()))),
            ..runtime.clone()
        },
        StepRecord {
            quarantine: Some(Box::new(lifted)),
            dead_letter: Some(Box::new(DeadLetterChange::Replayed(2))),
            ..runtime
        },
    ]
}

fn check<T: Stored + PartialEq + std::fmt::Debug>(samples: &[T], file: &ExpectFile) {
    let mut text = String::new();
    for sample in samples {
        let bytes = seal(sample).unwrap();
        assert_eq!(open::<T>(&bytes).unwrap(), *sample);
        for line in bytes.chunks(48) {
            for byte in line {
                write!(text, "{byte:02x}").unwrap();
            }
            text.push('\n');
        }
        text.push('\n');
    }
    file.assert_eq(&text);
}

#[test]
fn records_are_frozen() {
    check(&steps(), &expect_file!["golden/step_record.hex"]);
}

#[test]
fn frames_are_frozen() {
    let mut payload = Vec::new();
    for step in steps() {
        Frame::push_record(&mut payload, &step).unwrap();
    }
    let header = FrameHeader {
        shard: ShardId(3),
        commit_no: 9,
        epoch: 2,
        first_seq: 41,
        n_events: 2,
        record_version: StepRecord::VERSION,
        prev_crc: 0xDEAD_BEEF,
    };
    let frame = Frame::new(header, payload);
    frame.verify().unwrap();
    assert_eq!(frame.records().unwrap(), steps());
    check(&[frame], &expect_file!["golden/frame.hex"]);
}

#[test]
fn snapshots_are_frozen() {
    let mut idempotency = IdempotencyWindow::default();
    idempotency.keep(IdempotencyKey([1; 16]), kept(Ok(packed(4))));
    idempotency.keep(IdempotencyKey([2; 16]), kept(Err(packed(5))));
    let snapshot =
        Snapshot { version: 5, last_commit: 9, state: packed(6), idempotency, deadline: Some(AT) };
    let bare =
        Snapshot { idempotency: IdempotencyWindow::default(), deadline: None, ..snapshot.clone() };
    check(&[snapshot, bare], &expect_file!["golden/snapshot.hex"]);
}

#[test]
fn checkpoints_are_frozen() {
    let checkpoint = Checkpoint {
        commit_no: 9,
        time: AT,
        out: vec![OutStreamState {
            to_shard: ShardId(63),
            last: 70_000,
            unacked: vec![send(70_000, MessageKind::Command)],
        }],
        marks: vec![Mark { from_shard: ShardId(5), number: 251 }],
        dead_letters: vec![(2, letter())],
        last_dead_letter: 3,
        quarantined: vec![(key("one"), "panic".into())],
    };
    check(&[checkpoint, Checkpoint::default()], &expect_file!["golden/checkpoint.hex"]);
}
