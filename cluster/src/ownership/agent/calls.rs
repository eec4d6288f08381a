//! Answers of the store: what each means for the lease, the view and the shards.

use entity::Timestamp;
use ports::{Cas, LeaseRow};

use super::{Agent, Lease, Pending};
use crate::ownership::io::{Answer, Output};
use crate::ownership::lease::{Holder, Renewed, Watch};

impl Agent {
    pub(super) fn answer(
        &mut self,
        call: u64,
        answer: Answer,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        // What belongs to an earlier life is not known any more.
        let Some(pending) = self.calls.remove(&call) else { return };
        match pending {
            Pending::Leases | Pending::Owners => self.lists(answer, now, out),
            Pending::Join => self.join_answered(lease_answer(answer), now, out),
            Pending::Renew => self.renewal_answered(lease_answer(answer), now, out),
            Pending::End(_) => match lease_answer(answer) {
                Some(Cas::Applied(row) | Cas::Refused(Some(row))) => {
                    self.see_leases([row], now, out);
                }
                Some(Cas::Refused(None)) => {}
                None => self.end_at = now.plus_ms(self.config.timing.retry_ms),
            },
            Pending::EndOwn => self.end_answered(lease_answer(answer), now, out),
            Pending::Take(shard) => self.take_answered(shard, answer, now, out),
            Pending::Release(shard, handoff) => {
                self.release_answered(shard, handoff, answer, now, out);
            }
        }
    }

    fn lists(&mut self, answer: Answer, now: Timestamp, out: &mut Vec<Output>) {
        match answer {
            Answer::Leases(rows) => {
                if let Lease::None { join_at } = &mut self.lease {
                    *join_at = now.min(*join_at);
                }
                self.see_leases(rows, now, out);
            }
            Answer::Owners(rows) => {
                for row in rows {
                    self.see_owner(row, now, out);
                }
            }
            Answer::Unknown => {}
            Answer::Lease(_) | Answer::Owner(_) | Answer::Claim(_) => {
                unreachable!("a list was answered by a write's answer")
            }
        }
    }

    fn see_leases(
        &mut self,
        rows: impl IntoIterator<Item = LeaseRow>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let mut changed = false;
        for row in rows {
            if row.life.node == self.config.node {
                self.see_own(row, now, out);
                continue;
            }
            match self.watches.get_mut(&row.life.node) {
                Some(watch) => changed |= watch.see(row, now),
                None => {
                    self.watches.insert(row.life.node.clone(), Watch::new(row, now));
                    changed = true;
                }
            }
        }
        if changed {
            self.rebuild_view();
        }
    }

    /// A row of one's own with a later life in it: this life was ended.
    fn see_own(&mut self, row: LeaseRow, now: Timestamp, out: &mut Vec<Output>) {
        let ended = self.life().is_some_and(|life| life.incarnation < row.life.incarnation);
        let order = |row: &LeaseRow| (row.life.incarnation, row.beat);
        if self.own.as_ref().is_none_or(|own| order(own) < order(&row)) {
            self.own = Some(row);
        }
        if ended {
            self.lose_life(now, out);
        }
    }

    fn join_answered(
        &mut self,
        answer: Option<Cas<LeaseRow>>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Lease::Joining { sent } = self.lease else { return };
        match answer {
            Some(Cas::Applied(row)) => {
                let timing = &self.config.timing;
                let holder = Holder::joined(row.clone(), sent, timing);
                out.push(Output::Life(Some(row.life.clone())));
                out.push(Output::ServeUntil(holder.until(timing)));
                self.own = Some(row);
                self.lease = Lease::Held { holder, since: now };
                self.rebuild_view();
            }
            // Also where an earlier try of ours was applied: another process of this name may
            // have written it as well, so only an applied answer gives a life.
            Some(Cas::Refused(row)) => {
                self.own = row;
                self.lease = Lease::None { join_at: now };
            }
            None => {
                let join_at = now.plus_ms(self.config.timing.retry_ms);
                self.lease = Lease::None { join_at };
            }
        }
    }

    fn renewal_answered(
        &mut self,
        answer: Option<Cas<LeaseRow>>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Lease::Held { holder, .. } = &mut self.lease else { return };
        let found = match &answer {
            Some(Cas::Applied(row)) => Some(row.clone()),
            Some(Cas::Refused(row)) => row.clone(),
            None => None,
        };
        let renewed = holder.answer(answer, now, &self.config.timing);
        let until = holder.until(&self.config.timing);
        self.own = found.or_else(|| self.own.take());
        match renewed {
            Renewed::Holds => out.push(Output::ServeUntil(until)),
            Renewed::Unknown => {}
            Renewed::Ended => self.lose_life(now, out),
        }
    }

    fn end_answered(
        &mut self,
        answer: Option<Cas<LeaseRow>>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Lease::Ending { life, beat, at } = &mut self.lease else { return };
        match answer {
            // A renewal that was under way came first.
            Some(Cas::Refused(Some(row))) if row.life == *life => {
                *beat = row.beat;
                *at = Some(now);
            }
            Some(Cas::Applied(_) | Cas::Refused(_)) => {
                self.lease = Lease::Left;
                out.push(Output::Life(None));
                out.push(Output::Left);
            }
            None => *at = Some(now.plus_ms(self.config.timing.retry_ms)),
        }
    }
}

/// The answer to a write of a lease; `None`: unknown.
fn lease_answer(answer: Answer) -> Option<Cas<LeaseRow>> {
    match answer {
        Answer::Lease(cas) => Some(cas),
        Answer::Unknown => None,
        Answer::Leases(_) | Answer::Owners(_) | Answer::Owner(_) | Answer::Claim(_) => {
            unreachable!("a lease was answered by another call's answer")
        }
    }
}
