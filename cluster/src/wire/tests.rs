//! Frozen bytes of what nodes say to each other, and bytes that nobody should send.

use std::fmt::Write as _;
use std::sync::Arc;

use codec::Packed;
use entity::{
    Fingerprint, IdempotencyKey, Message, MessageKind, QueryOutcome, StreamSend, Tenant, Timestamp,
};
use expect_test::expect_file;

use super::*;
use crate::shard::{Refusal, Troubles};

fn packed(byte: u8) -> Packed {
    Packed { type_id: 0x171, version: 3, bytes: vec![byte, 1, 2] }
}

fn key() -> EntityKey {
    EntityKey::named(&Tenant::new("acme"), entity::Kind(7), "ada")
}

fn parcel(parcel: Parcel) -> PeerMessage {
    PeerMessage::Parcel { to: ShardId(63), parcel }
}

fn ask(body: AskBody) -> PeerMessage {
    PeerMessage::Ask(Box::new(Forwarded {
        id: 0x0123_4567_89AB_CDEF,
        origin: NodeId::new("n2"),
        hops: 1,
        epoch: 12,
        remaining_ms: 2_500,
        key: key(),
        principal: Principal {
            scopes: entity::Scopes(0x0FFF),
            ..Principal::system(Tenant::new("acme"))
        },
        cause: Cause { request: 9, subject: "ada".into(), ..Cause::default() },
        body,
    }))
}

fn answered(answer: Answer) -> PeerMessage {
    PeerMessage::Answer { id: 5, outcome: Outcome::Answered(answer), epoch: 300 }
}

fn not_answered(outcome: Outcome) -> PeerMessage {
    PeerMessage::Answer { id: 6, outcome, epoch: 0 }
}

fn messages() -> Vec<PeerMessage> {
    let message = Message {
        from: key(),
        to: key(),
        kind: MessageKind::Command,
        body: packed(4),
        cause: Cause::default(),
        expires_at: Timestamp::MAX,
    };
    let send = StreamSend { to_shard: ShardId(63), number: 300, message: Arc::new(message) };
    let keyed = Some((IdempotencyKey([1; 16]), Fingerprint([2; 16])).into());
    let (handoff, shard) = (3, ShardId(5));
    let life = ports::Life { node: NodeId::new("n3"), incarnation: 4 };
    let rejected = QueryOutcome::Rejected(packed(8));
    vec![
        parcel(Parcel::Stream { from: ShardId(2), sends: [send].into() }),
        parcel(Parcel::Acked { by: ShardId(2), through: 70_000 }),
        parcel(Parcel::Resend { to: ShardId(2) }),
        ask(AskBody::Command(packed(1), keyed)),
        ask(AskBody::Command(packed(1), None)),
        ask(AskBody::Query(packed(2).into())),
        ask(AskBody::Locate),
        ask(AskBody::Lift),
        ask(AskBody::ReplayDeadLetter(4)),
        ask(AskBody::Troubles),
        answered(Answer::Outcome(entity::Outcome::Replied(7, packed(3).into()))),
        answered(Answer::Query(QueryOutcome::NotYet(6, packed(5).into()))),
        answered(Answer::Query(rejected)),
        answered(Answer::Located { version: 4, last_commit: 2 }),
        answered(Answer::Done),
        answered(Answer::Troubles(Box::<Troubles>::default())),
        answered(Answer::Refused(Refusal::Overloaded)),
        answered(Answer::Refused(Refusal::Failed)),
        not_answered(Outcome::NotOwner(Some((NodeId::new("n3"), 13)))),
        not_answered(Outcome::NotOwner(None)),
        not_answered(Outcome::Lost),
        PeerMessage::Ownership(Peer::Offer { handoff, shard, view: 77, leaving: true }),
        PeerMessage::Ownership(Peer::Accept { handoff, shard, life: life.clone() }),
        PeerMessage::Ownership(Peer::Decline { handoff, shard }),
        PeerMessage::Ownership(Peer::Abort { handoff, shard }),
        PeerMessage::Ownership(Peer::Released { shard, epoch: 12, life }),
    ]
}

/// A message as it arrives.
fn arrives(frame: &[u8]) -> PeerMessage {
    match open(frame, FRAMES).unwrap() {
        Frame::Message(message) => message,
        Frame::Unread(unread) => panic!("{unread:?}"),
    }
}

fn hex(text: &mut String, bytes: &[u8]) {
    for line in bytes.chunks(48) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text.push('\n');
}

#[test]
fn frames_are_frozen() {
    let mut text = String::new();
    for message in messages() {
        let bytes = seal(&message, 2).unwrap();
        assert_eq!(arrives(&bytes), message);
        hex(&mut text, &bytes);
    }
    expect_file!["golden/peer_message_2.hex"].assert_eq(&text);
}

#[test]
fn frames_of_version_1_are_what_they_were() {
    let mut text = String::new();
    for message in messages() {
        let bytes = seal(&message, 1).unwrap();
        hex(&mut text, &bytes);
        let without = match message {
            PeerMessage::Answer { id, outcome, .. } => {
                PeerMessage::Answer { id, outcome, epoch: 0 }
            }
            PeerMessage::Parcel { .. } | PeerMessage::Ask(_) | PeerMessage::Ownership(_) => message,
        };
        assert_eq!(arrives(&bytes), without);
    }
    expect_file!["golden/peer_message.hex"].assert_eq(&text);
}

#[test]
fn what_says_that_a_frame_was_not_read_is_frozen_and_read_by_all() {
    let unread = Unread { version: 300, frames: Versions { lowest: 1, highest: 2 } };
    let bytes = codec::seal(&unread).unwrap();
    let mut text = String::new();
    hex(&mut text, &bytes);
    expect_file!["golden/unread.hex"].assert_eq(&text);
    let none = Versions { lowest: 9, highest: 9 };
    assert_eq!(open(&bytes, none).unwrap(), Frame::Unread(unread));
    assert!(!super::is_ownership(&bytes));
}

#[test]
fn a_version_is_refused_by_name_and_never_written_unknown() {
    let message = &messages()[0];
    let version = |version| Err(codec::Error::Version { type_id: PeerMessage::TYPE, version });
    let old = Versions { lowest: 1, highest: 1 };
    assert_eq!(open(&seal(message, 2).unwrap(), old), version(2));
    assert!(open(&seal(message, 1).unwrap(), old).is_ok());
    let later = codec::seal_as(PeerMessage::TYPE, 3, &"whatever it is").unwrap();
    assert_eq!(open(&later, FRAMES), version(3));
    for unknown in [0, 3] {
        assert!(seal(message, unknown).is_err(), "{unknown}");
    }
}

#[test]
fn every_cut_and_every_flipped_byte_is_refused() {
    for version in [1, 2] {
        let frame = seal(&messages()[0], version).unwrap();
        for cut in 0..frame.len() {
            assert!(open(&frame[..cut], FRAMES).is_err(), "cut at {cut}");
            let mut bad = frame.clone();
            bad[cut] ^= 0x10;
            assert!(open(&bad, FRAMES).is_err(), "flipped at {cut}");
        }
    }
    let huge = "x".repeat(limits::PEER_FRAME_BYTES_MAX);
    let reason = Packed { type_id: 1, version: 1, bytes: huge.into_bytes() };
    let huge = ask(AskBody::Query(reason.into()));
    assert!(seal(&huge, 1).is_err() && seal(&huge, 2).is_err());
}

#[test]
fn words_of_the_agents_are_known_by_a_byte() {
    for message in messages() {
        let is_ownership = matches!(message, PeerMessage::Ownership(_));
        for version in [1, 2] {
            let frame = seal(&message, version).unwrap();
            assert_eq!(super::is_ownership(&frame), is_ownership, "{message:?}");
        }
    }
    assert!(!super::is_ownership(b"short"));
}
