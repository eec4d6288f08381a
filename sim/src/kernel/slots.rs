//! Where events lie until they happen; those that were taken back leave an empty place.

use std::task::Waker;

use super::{Tag, Target};

/// What an event does.
pub(super) enum Work {
    /// Wakes a sleeper.
    Wake(Waker),
    /// Does something.
    Run(Box<dyn FnOnce() + Send>),
}

/// The events, by number. A number is used again after its heap entry was seen.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<(Target, Tag, Work)>>,
    free: Vec<u32>,
}

impl Slots {
    pub(super) fn put(&mut self, target: Target, tag: Tag, work: Work) -> u32 {
        let content = Some((target, tag, work));
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = content;
            return slot;
        }
        self.slots.push(content);
        u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 events wait")
    }

    /// Whom and what an event is for; `None`: it was taken back.
    pub(super) fn look(&self, slot: u32) -> Option<(Target, Tag)> {
        self.slots[slot as usize].as_ref().map(|(target, tag, _)| (*target, *tag))
    }

    /// Exchanges the waker of a sleeper.
    pub(super) fn rewake(&mut self, slot: u32, waker: &Waker) {
        if let Some((_, _, Work::Wake(kept))) = &mut self.slots[slot as usize]
            && !kept.will_wake(waker)
        {
            kept.clone_from(waker);
        }
    }

    /// Takes an event back; its place is free once its heap entry was seen.
    pub(super) fn cancel(&mut self, slot: u32) {
        self.slots[slot as usize] = None;
    }

    pub(super) fn free(&mut self, slot: u32) {
        self.slots[slot as usize] = None;
        self.free.push(slot);
    }

    pub(super) fn take(&mut self, slot: u32) -> Work {
        self.free.push(slot);
        let (_, _, work) = self.slots[slot as usize].take().expect("it was looked at");
        work
    }
}
