//! Leases: the holder of one's own, the watcher of another's.
//!
//! The holder counts from the moment it sent the renewal and stops a margin before the end; the
//! watcher must have seen the row unchanged for the whole time and a margin, on its own clock.
//! Expiry alone gives no permission: the watcher's conditional write ends the life (step 0), and
//! a renewal that came before refuses it. Clocks are never compared. Source: persistence 1.6.

use entity::Timestamp;
use ports::{Cas, LeaseRow, LeaseWrite, Life, Seen};

use super::Timing;

/// One's own lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    life: Life,
    beat: u64,
    ttl_ms: u32,
    /// When the renewal was sent that the present beat came from.
    sent: Timestamp,
    renewal: Option<Renewal>,
    next_at: Timestamp,
}

/// A renewal that has no definite answer yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Renewal {
    first_sent: Timestamp,
    last_sent: Timestamp,
    in_flight: bool,
}

/// What an answer to a renewal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// The lease goes on.
    Holds,
    /// Not known: the same renewal is sent again.
    Unknown,
    /// The life was ended: drop everything and join anew.
    Ended,
}

impl Holder {
    /// The lease of a join that was applied with `row` and sent at `sent`.
    #[must_use]
    pub fn joined(row: LeaseRow, sent: Timestamp, timing: &Timing) -> Self {
        assert!(row.is_held(), "a join begins at beat 1");
        let next_at = sent.plus_ms(timing.renew_ms);
        Self { life: row.life, beat: row.beat, ttl_ms: row.ttl_ms, sent, renewal: None, next_at }
    }

    /// The life.
    #[must_use]
    pub const fn life(&self) -> &Life {
        &self.life
    }

    /// What a conditional write of the row expects.
    #[must_use]
    pub const fn beat(&self) -> u64 {
        self.beat
    }

    /// Until when reads may be answered.
    #[must_use]
    pub fn until(&self, timing: &Timing) -> Timestamp {
        self.sent.plus_ms(u64::from(self.ttl_ms)).minus_ms(timing.margin_ms)
    }

    /// The renewal to send now, if one is due.
    pub fn renew(&mut self, now: Timestamp, timing: &Timing) -> Option<LeaseWrite> {
        let in_flight = self.renewal.as_ref().is_some_and(|renewal| renewal.in_flight);
        if in_flight || now < self.next_at {
            return None;
        }
        let first_sent = self.renewal.as_ref().map_or(now, |renewal| renewal.first_sent);
        self.renewal = Some(Renewal { first_sent, last_sent: now, in_flight: true });
        self.next_at = now.plus_ms(timing.renew_ms);
        Some(LeaseWrite::Renew { life: self.life.clone(), beat: self.beat })
    }

    /// Takes the answer to the renewal in flight; `None`: the outcome is unknown.
    pub fn answer(
        &mut self,
        answer: Option<Cas<LeaseRow>>,
        now: Timestamp,
        timing: &Timing,
    ) -> Renewed {
        let Some(renewal) = &mut self.renewal else { return Renewed::Unknown };
        let (sent, row) = match answer {
            None => {
                renewal.in_flight = false;
                self.next_at = now.plus_ms(timing.retry_ms);
                return Renewed::Unknown;
            }
            Some(Cas::Applied(row)) => (renewal.last_sent, Some(row)),
            // An earlier try of the same renewal was applied: which one is not known.
            Some(Cas::Refused(row)) => (renewal.first_sent, row),
        };
        if sent < renewal.last_sent {
            sites::hit("lease.earlier_try");
        }
        let next = Some((&self.life, self.beat + 1));
        if row.as_ref().map(|row| (&row.life, row.beat)) != next
            && !sites::is_broken("lease_revived_beside_takeover")
        {
            return Renewed::Ended;
        }
        self.sent = sent;
        self.beat += 1;
        self.renewal = None;
        Renewed::Holds
    }
}

/// Another node's lease, as seen from here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Watch {
    row: LeaseRow,
    /// When it was first seen as it is.
    since: Timestamp,
}

impl Watch {
    /// A row that is seen for the first time.
    #[must_use]
    pub const fn new(row: LeaseRow, now: Timestamp) -> Self {
        Self { row, since: now }
    }

    /// The newest row that was seen.
    #[must_use]
    pub const fn row(&self) -> &LeaseRow {
        &self.row
    }

    /// Takes a row that was read; an older one than the newest seen is a stale read. Returns
    /// whether the life in it is another one or ended.
    pub fn see(&mut self, row: LeaseRow, now: Timestamp) -> bool {
        let order = |seen: Seen| (seen.incarnation, seen.beat);
        if order(row.seen()) <= order(self.row.seen()) {
            return false;
        }
        let changed = row.life != self.row.life;
        *self = Self { row, since: now };
        changed
    }

    /// The write that ends the life, once it was silent for long enough.
    #[must_use]
    pub fn end(&self, now: Timestamp, timing: &Timing) -> Option<LeaseWrite> {
        let silent_ms = u64::from(self.row.ttl_ms) + timing.margin_ms;
        let expired = self.row.is_held() && now.since_ms(self.since) >= silent_ms;
        let LeaseRow { life, beat, .. } = &self.row;
        expired.then(|| LeaseWrite::End { life: life.clone(), beat: *beat })
    }
}

#[cfg(test)]
mod tests;
