//! Queries: answered on durable state, or waiting until the entity changes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use entity::{Context, EntityKey, Source, Timestamp};

use super::{Access, Answer, Ask, AskBody, Caller, Env, Output, Refusal, ShardCore, Slot};
use crate::log::Lsn;
use crate::shard::residents::Resident;
use crate::shard::waiters::Waiter;

impl<R: Caller> ShardCore<R> {
    pub(super) fn query(&mut self, slot: Slot, ask: Ask<R>, out: &mut Vec<Output<R>>) {
        let AskBody::Query(query) = ask.body else { unreachable!("called for queries only") };
        let waiter = Waiter {
            reply_to: ask.reply_to,
            principal: ask.principal,
            cause: ask.cause,
            query,
            deadline: ask.deadline,
        };
        self.answer_or_wait(slot, waiter, out);
    }

    /// Answers a query, or lets it wait when the entity says that it is not yet time.
    fn answer_or_wait(&mut self, slot: Slot, waiter: Waiter<R>, out: &mut Vec<Output<R>>) {
        let resident = self.residents.get(slot);
        let (lsn, key) = (readable_at(resident), &resident.key);
        match evaluate(resident, &waiter, self.time, self.clock) {
            Some(answer) => self.reply(lsn, waiter.reply_to, answer, out),
            None => {
                if let Err(waiter) = self.waiters.add(key.clone(), waiter) {
                    let answer = Answer::Refused(Refusal::Overloaded);
                    out.push(Output::Reply(waiter.reply_to, answer));
                }
            }
        }
    }

    /// Asks again the queries that wait for entities that changed in this turn.
    pub(super) fn wake_waiters(&mut self, out: &mut Vec<Output<R>>) {
        while let Some(key) = self.changed.pop_first() {
            let (time, clock) = (self.time, self.clock);
            let resident = self.residents.find(&key).map(|slot| self.residents.get(slot));
            let lsn = resident.map_or(0, readable_at);
            let answered = self.waiters.answered(&key, |waiter| match resident {
                Some(resident) => evaluate(resident, waiter, time, clock),
                None => Some(Answer::Refused(Refusal::Unavailable)),
            });
            for (waiter, answer) in answered {
                self.reply(lsn, waiter.reply_to, answer, out);
            }
        }
    }

    /// The deadline of a waiting query came: what is known is the answer.
    pub(super) fn answer_due(
        &mut self,
        key: &EntityKey,
        waiter: Waiter<R>,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        match self.access(key, env, out) {
            Access::Ready(slot) => self.answer_or_wait(slot, waiter, out),
            Access::Loading | Access::Quarantined | Access::Unknown => {
                let answer = Answer::Refused(Refusal::Unavailable);
                out.push(Output::Reply(waiter.reply_to, answer));
            }
        }
    }
}

/// The place in the log on which an answer from this entity depends.
fn readable_at(resident: &Resident) -> Lsn {
    if sites::is_broken("read_of_staged_state") { 0 } else { resident.last_lsn }
}

/// The answer to a query at shard time `time`; `None`, where it can wait by the node's `clock`:
/// what it waits for is not yet so.
fn evaluate<R>(
    resident: &Resident,
    waiter: &Waiter<R>,
    time: Timestamp,
    clock: Timestamp,
) -> Option<Answer> {
    let ctx = Context {
        key: &resident.key,
        now: time,
        version: resident.cell.version(),
        principal: &waiter.principal,
        source: Source::Caller,
        cause: &waiter.cause,
    };
    let (cell, query) = (&resident.cell, &waiter.query);
    // A query cannot change the cell, so a panic in it leaves nothing to mend.
    let answered = catch_unwind(AssertUnwindSafe(|| match waiter.deadline > clock {
        true => cell.awaited(&ctx, query),
        false => cell.query(&ctx, query).map(Some),
    }));
    match answered {
        Ok(Ok(outcome)) => outcome.map(Answer::Query),
        Ok(Err(_)) => Some(Answer::Refused(Refusal::Unreadable)),
        Err(_) => Some(Answer::Refused(Refusal::Failed)),
    }
}
