//! Ways to change a journal so that its chain of frames still holds, but what is in it does not.

use codec::{pack, unpack};
use entity::{Entity, StepRecord};
use ports::{Frame, FrameHeader};

use crate::check::journal::Journals;

/// Records by shard and frame.
pub(super) type Records = Vec<Vec<Vec<StepRecord>>>;

/// Changes the records and writes all frames anew, each chained to the one before.
pub(super) fn rewrite(journals: &mut Journals, change: impl FnOnce(&mut Records)) {
    let mut records: Records = journals
        .shards
        .iter()
        .map(|frames| frames.iter().map(|frame| frame.records().unwrap()).collect())
        .collect();
    change(&mut records);
    for (frames, records) in journals.shards.iter_mut().zip(&records) {
        let (mut first_seq, mut prev_crc) = (1, 0);
        for (frame, records) in frames.iter_mut().zip(records) {
            let mut payload = Vec::new();
            for record in records {
                Frame::push_record(&mut payload, record).unwrap();
            }
            let n_events = records.iter().map(|record| record.events.len() as u32).sum();
            let header = FrameHeader { first_seq, n_events, prev_crc, ..frame.header };
            *frame = Frame::new(header, payload);
            first_seq += u64::from(n_events);
            prev_crc = frame.crc;
        }
    }
}

/// Changes the first record that `change` says it changed.
pub(super) fn record(journals: &mut Journals, mut change: impl FnMut(&mut StepRecord) -> bool) {
    rewrite(journals, |records| {
        let changed = records.iter_mut().flatten().flatten().any(&mut change);
        assert!(changed, "the journal has such a record");
    });
}

/// Changes the first event of kind `E` that `change` says it changed.
pub(super) fn event<E: Entity>(
    journals: &mut Journals,
    mut change: impl FnMut(&mut E::Event) -> bool,
) {
    record(journals, |record| {
        record.key.kind == E::KIND
            && record.events.iter_mut().any(|packed| {
                let mut event: E::Event = unpack(packed).unwrap();
                let changed = change(&mut event);
                *packed = pack(&event).unwrap();
                changed
            })
    });
}

/// Takes out the last event of kind `E` that is wanted, with its step's other events left.
pub(super) fn drop_event<E: Entity>(journals: &mut Journals, is: impl Fn(&E::Event) -> bool) {
    rewrite(journals, |records| {
        let own = records.iter_mut().flatten().flatten().filter(|it| it.key.kind == E::KIND);
        let mut all: Vec<_> = own.collect();
        let dropped = all.iter_mut().rev().any(|record| {
            let at = record.events.iter().rposition(|packed| is(&unpack(packed).unwrap()));
            at.map(|at| record.events.remove(at)).is_some()
        });
        assert!(dropped, "the journal has such an event");
    });
}

/// Lets the first event of kind `E` that is wanted happen twice.
pub(super) fn repeat_event<E: Entity>(journals: &mut Journals, is: impl Fn(&E::Event) -> bool) {
    record(journals, |record| {
        if record.key.kind != E::KIND {
            return false;
        }
        let at = record.events.iter().position(|packed| is(&unpack(packed).unwrap()));
        at.map(|at| record.events.insert(at, record.events[at].clone())).is_some()
    });
}
