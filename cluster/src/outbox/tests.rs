//! Frames to events: ids, order, repeats, refusals; and records by their first bytes.

pub(crate) mod toy;

use entity::{Affinity, EntityId, ShardId, Tenant, Timestamp};
use ports::{FrameHeader, Tail};

use self::toy::{NOTE, SILENT, frame, key, step, types};
use super::*;

fn history() -> HistoryId {
    HistoryId("aaaabbbbcccc2222".into())
}

fn tail() -> Tail {
    Tail { epoch: 2, next_commit: 7, next_seq: 41, crc: 5 }
}

fn ids(events: &[Arc<CloudEvent>]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

#[test]
fn ids_count_every_event_of_the_shard() {
    let (a, b, quiet) = (key(NOTE, "a"), key(NOTE, "b"), key(SILENT, "q"));
    let mut runtime = step(&a, 2, 5, &[]);
    runtime.source = entity::RecordSource::Runtime;
    let records = [
        step(&a, 0, 5, &["one", "two"]),
        step(&quiet, 3, 5, &["x", "y", "z"]),
        runtime,
        step(&b, 9, 6, &["stock"]),
    ];
    let frame = frame(ShardId(3), tail(), &records);
    let events = events_of(&frame, &types(), &history()).unwrap();
    let prefix = "aaaabbbbcccc2222.3";
    assert_eq!(
        ids(&events),
        [format!("{prefix}:41"), format!("{prefix}:42"), format!("{prefix}:46")]
    );
    let versions: Vec<u64> = events.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 10]);
    assert_eq!(events[2].topic(), "stock.v1.acme.b.changed");
    assert_eq!((events[0].time, &events[0].key), (Timestamp(5), &a));
}

#[test]
fn a_repeat_is_the_same_in_every_byte_and_has_a_trace() {
    let mut caused = step(&key(NOTE, "a"), 0, 5, &["one"]);
    caused.cause.trace = Trace { trace_id: [1; 16], span_id: [2; 8], flags: 1 };
    let mut spanless = caused.clone();
    spanless.version = 1;
    spanless.cause.trace.span_id = [0; 8];
    let timer = step(&key(NOTE, "a"), 2, 6, &["two", "three"]);
    let frame = frame(ShardId(0), tail(), &[caused.clone(), spanless, timer]);
    let events = events_of(&frame, &types(), &history()).unwrap();
    assert_eq!(events, events_of(&frame, &types(), &history()).unwrap());
    assert_eq!(events[0].trace, caused.cause.trace, "the request's own");
    assert_eq!(events[1].trace.trace_id, [1; 16]);
    assert_ne!(events[1].trace.span_id, [0; 8]);
    assert_ne!(events[2].trace.trace_id, [0; 16], "a timer's event has one too");
    assert_ne!(events[2].trace, events[3].trace);
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_skipped() {
    let a = key(NOTE, "a");
    let of = |records: &[StepRecord]| {
        events_of(&frame(ShardId(0), tail(), records), &types(), &history())
    };
    let mut damaged = step(&a, 0, 1, &["one", "two"]);
    damaged.events[1].bytes.push(0);
    let error = of(&[damaged]).unwrap_err();
    assert!(matches!(error, OutboxError::Event { version: 2, .. }), "{error}");
    let mut newer = step(&a, 4, 1, &["one"]);
    newer.events[0].version = 9;
    assert!(matches!(of(&[newer]), Err(OutboxError::Event { version: 5, .. })));
    let error = of(&[step(&key(Kind(77), "k"), 0, 1, &["one"])]).unwrap_err();
    assert!(matches!(error, OutboxError::Kind { kind: Kind(77), .. }), "{error}");
    let error = of(&[step(&a, 6, 1, &["boom"])]).unwrap_err();
    assert!(matches!(error, OutboxError::Panicked { version: 7, .. }), "{error}");

    let good = frame(ShardId(0), tail(), &[step(&a, 0, 1, &["one"])]);
    let said = FrameHeader { n_events: 2, ..good.header };
    let counted = Frame::new(said, good.payload.clone());
    let error = events_of(&counted, &types(), &history()).unwrap_err();
    assert!(matches!(error, OutboxError::Count { said: 2, held: 1, .. }), "{error}");
    let cut = Frame::new(good.header, good.payload[..good.payload.len() - 1].to_vec());
    assert!(matches!(events_of(&cut, &types(), &history()), Err(OutboxError::Frame { .. })));
}

#[test]
fn records_are_told_apart_by_their_first_bytes() {
    let long = "t".repeat(300);
    let tenants = ["", "a", "acme", &"t".repeat(250), &"t".repeat(251), &long];
    let kinds = [0, 1, 7, 250, 251, 252, 255, 256, 900, u16::MAX];
    let mut records = Vec::new();
    for tenant in tenants {
        for kind in kinds {
            let key = EntityKey {
                tenant: Tenant::new(tenant),
                kind: Kind(kind),
                affinity: Affinity(u32::MAX),
                id: EntityId::Name("x".into()),
            };
            records.push(step(&key, u64::from(kind), 7, &["some text"]));
        }
    }
    let frame = frame(ShardId(0), tail(), &records);
    let raw: Vec<_> = records_of(&frame).map(Result::unwrap).collect();
    assert_eq!(raw.len(), records.len());
    let version = frame.header.record_version;
    for (bytes, record) in raw.iter().zip(&records) {
        assert_eq!(kind_of(version, bytes), Some(record.key.kind), "{:?}", record.key);
        assert_eq!(codec::from_bytes::<StepRecord>(bytes).as_ref(), Ok(record));
    }
    assert_eq!(kind_of(version + 1, raw[0]), None, "another layout has to be decoded");
    for cut in 0..raw[0].len().min(3) {
        assert_eq!(kind_of(version, &raw[raw.len() - 1][..cut]), None);
    }
}

#[test]
fn a_cut_payload_ends_in_an_error() {
    let records = [step(&key(NOTE, "a"), 0, 1, &["one"]), step(&key(NOTE, "a"), 1, 1, &["two"])];
    let whole = frame(ShardId(0), tail(), &records);
    let first = whole.payload.len() / 2;
    for cut in 0..whole.payload.len() {
        let cut_frame = Frame::new(whole.header, whole.payload[..cut].to_vec());
        let read: Vec<_> = records_of(&cut_frame).collect();
        let n_whole = usize::from(cut >= first);
        let clean = cut == 0 || cut == first;
        assert_eq!(read.len(), n_whole + usize::from(!clean), "cut at {cut}");
        assert_eq!(read.iter().all(Result::is_ok), clean, "cut at {cut}");
    }
}
