//! Holder and watcher, each on its own clock.

use ports::NodeId;

use super::*;

const fn at(ms: u64) -> Timestamp {
    Timestamp(1_000_000 + ms)
}

fn row(incarnation: u64, beat: u64) -> LeaseRow {
    let life = Life { node: NodeId::new("ada"), incarnation };
    LeaseRow { life, beat, ttl_ms: 3_000, frames: crate::wire::FRAMES }
}

fn joined() -> (Holder, Timing) {
    let timing = Timing::default();
    (Holder::joined(row(1, 1), at(0), &timing), timing)
}

#[test]
fn the_lease_counts_from_sending_and_stops_a_margin_early() {
    let (mut holder, timing) = joined();
    assert_eq!(holder.until(&timing), at(2_400));
    assert_eq!(holder.renew(at(749), &timing), None, "not due yet");
    let renewal = holder.renew(at(750), &timing);
    assert_eq!(renewal, Some(LeaseWrite::Renew { life: row(1, 1).life, beat: 1 }));
    assert_eq!(holder.renew(at(2_000), &timing), None, "one in flight");
    assert_eq!(holder.until(&timing), at(2_400), "a renewal under way renews nothing");
    let renewed = holder.answer(Some(Cas::Applied(row(1, 2))), at(1_400), &timing);
    assert_eq!(renewed, Renewed::Holds);
    assert_eq!(holder.until(&timing), at(750 + 2_400), "from when it was sent");
    assert_eq!(holder.renew(at(1_500), &timing).map(|_| holder.beat()), Some(2));
}

#[test]
fn an_unknown_renewal_is_sent_again_and_counts_from_the_first_sending() {
    let (mut holder, timing) = joined();
    let first = holder.renew(at(750), &timing);
    assert_eq!(holder.answer(None, at(1_450), &timing), Renewed::Unknown);
    assert_eq!(holder.renew(at(1_500), &timing), None, "after a pause");
    let again = holder.renew(at(1_550), &timing);
    assert_eq!(first, again, "the same write");
    let applied_before = Some(Cas::Refused(Some(row(1, 2))));
    assert_eq!(holder.answer(applied_before, at(1_600), &timing), Renewed::Holds);
    assert_eq!(holder.until(&timing), at(750 + 2_400), "which try was applied is not known");

    let (mut holder, timing) = joined();
    holder.renew(at(750), &timing);
    let _ = holder.answer(None, at(1_450), &timing);
    holder.renew(at(1_550), &timing);
    let applied = Some(Cas::Applied(row(1, 2)));
    assert_eq!(holder.answer(applied, at(1_600), &timing), Renewed::Holds);
    assert_eq!(holder.until(&timing), at(1_550 + 2_400), "this try was applied");
}

#[test]
fn a_renewal_that_is_refused_ends_the_life() {
    for found in [None, Some(row(2, 0)), Some(row(2, 1)), Some(row(1, 1)), Some(row(1, 3))] {
        let (mut holder, timing) = joined();
        holder.renew(at(750), &timing);
        let refused = Some(Cas::Refused(found.clone()));
        assert_eq!(holder.answer(refused, at(800), &timing), Renewed::Ended, "{found:?}");
    }
}

#[test]
fn a_lease_that_ran_out_comes_back_when_its_renewal_is_applied() {
    let (mut holder, timing) = joined();
    holder.renew(at(5_000), &timing);
    assert!(holder.until(&timing) < at(5_000), "frozen meanwhile");
    let applied = Some(Cas::Applied(row(1, 2)));
    assert_eq!(holder.answer(applied, at(5_001), &timing), Renewed::Holds);
    assert!(holder.until(&timing) > at(5_001), "nobody ended it: nobody took anything");
}

#[test]
fn a_watcher_waits_the_whole_time_from_the_last_change() {
    let timing = Timing::default();
    let mut watch = Watch::new(row(1, 7), at(0));
    assert_eq!(watch.end(at(3_599), &timing), None);
    assert!(!watch.see(row(1, 7), at(1_000)), "no change");
    assert!(!watch.see(row(1, 6), at(1_000)), "a stale read is no change");
    let end = LeaseWrite::End { life: row(1, 7).life, beat: 7 };
    assert_eq!(watch.end(at(3_600), &timing), Some(end), "ttl and margin on its own clock");
    assert!(!watch.see(row(1, 8), at(3_700)), "it renewed: the same life");
    assert_eq!(watch.end(at(7_299), &timing), None);
    assert!(watch.end(at(7_300), &timing).is_some());
    assert!(watch.see(row(2, 0), at(8_000)), "its life is over");
    assert_eq!(watch.end(at(80_000), &timing), None, "nobody's life is not ended");
    assert!(watch.see(row(3, 1), at(9_000)), "another life");
    assert!(!watch.see(row(2, 0), at(9_000)), "incarnations only rise");
    assert_eq!(watch.row(), &row(3, 1));
}
