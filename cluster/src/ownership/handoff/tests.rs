//! The phases of a move, their deadlines, and how each is undone.

use super::*;

const SHARD: ShardId = ShardId(3);

const fn at(ms: u64) -> Timestamp {
    Timestamp(50_000 + ms)
}

fn target() -> Life {
    Life { node: NodeId::new("bob"), incarnation: 2 }
}

/// A move that reached `phase` at time 0.
fn reached(phase: Phase) -> (Source, Timing) {
    let timing = Timing::default();
    let mut source = Source::offer(9, (SHARD, 4), target(), at(0), &timing);
    let steps = [(Phase::Snapshotting, source.accepted(9, &target(), at(0), &timing))];
    if phase == Phase::Offered {
        source = Source::offer(9, (SHARD, 4), target(), at(0), &timing);
        return (source, timing);
    }
    assert!(steps[0].1);
    if phase != Phase::Snapshotting {
        assert!(source.snapshotted(at(0), &timing));
    }
    if phase == Phase::Releasing {
        assert!(source.drained(at(0), &timing));
    }
    assert_eq!(source.phase(), phase);
    (source, timing)
}

#[test]
fn only_the_life_that_was_asked_may_accept_this_offer() {
    let (source, timing) = reached(Phase::Offered);
    let restarted = Life { incarnation: 3, ..target() };
    for (handoff, life) in [(8, target()), (9, restarted)] {
        let mut source = source.clone();
        assert!(!source.accepted(handoff, &life, at(1), &timing));
        assert_eq!(source.phase(), Phase::Offered);
    }
    let (mut source, timing) = reached(Phase::Draining);
    assert!(!source.accepted(9, &target(), at(1), &timing), "a repeat");
    assert!(!source.snapshotted(at(1), &timing), "a repeat");
}

#[test]
fn steps_come_in_order() {
    let (mut source, timing) = reached(Phase::Offered);
    assert!(!source.snapshotted(at(1), &timing) && !source.drained(at(1), &timing));
    let (mut source, timing) = reached(Phase::Snapshotting);
    assert!(!source.drained(at(1), &timing));
}

#[test]
fn each_phase_has_its_deadline_and_its_way_back() {
    for (phase, ms, undo) in [
        (Phase::Offered, 1_000, Undo::Serve),
        (Phase::Snapshotting, 10_000, Undo::Serve),
        (Phase::Draining, 2_000, Undo::Reopen),
        (Phase::Releasing, 2_000, Undo::TakeBack),
    ] {
        let (source, _) = reached(phase);
        assert!(!source.is_overdue(at(ms - 1)) && source.is_overdue(at(ms)), "{phase:?}");
        assert_eq!(source.undo(), undo, "{phase:?}");
        let declined = source.is_declined_by(9, &target().node);
        assert_eq!(declined, phase != Phase::Releasing, "{phase:?}: later the row decides");
        assert!(!source.is_declined_by(8, &target().node), "another attempt");
        assert!(!source.is_declined_by(9, &NodeId::new("eve")), "not the one who was asked");
    }
}

#[test]
fn the_release_is_what_the_row_says() {
    let (source, _) = reached(Phase::Releasing);
    let write = OwnerWrite { shard: SHARD, epoch: 4, owner: target() };
    assert_eq!(source.release(), write);
    let ours = write.row();
    let other = OwnerRow { owner: Life { incarnation: 3, ..target() }, ..write.row() };
    for (answer, expected) in [
        (Answer::Owner(Cas::Applied(ours.clone())), Released::Done(ours.clone())),
        (Answer::Owner(Cas::Refused(Some(ours.clone()))), Released::Done(ours)),
        (Answer::Owner(Cas::Refused(Some(other.clone()))), Released::Lost(Some(other))),
        (Answer::Owner(Cas::Refused(None)), Released::Lost(None)),
        (Answer::Unknown, Released::Again),
    ] {
        assert_eq!(source.released(answer.clone()), expected, "{answer:?}");
    }
}
