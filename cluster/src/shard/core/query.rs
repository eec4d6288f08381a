//! Queries: answered on durable state, or waiting until the entity changes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use entity::{Context, EntityKey, QueryOutcome, Source};

use super::{Access, Answer, Ask, AskBody, Caller, Env, Output, Refusal, ShardCore, Slot};
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
        self.ask_again(slot, waiter, out);
    }

    /// Answers a query, or lets it wait when the entity says that it is not yet time.
    fn ask_again(&mut self, slot: Slot, waiter: Waiter<R>, out: &mut Vec<Output<R>>) {
        let staged = self.residents.get(slot).last_lsn;
        let lsn = if sites::is_broken("read_of_staged_state") { 0 } else { staged };
        let can_wait = waiter.deadline > self.clock;
        match self.evaluate(slot, &waiter, can_wait) {
            Ok(None) => {
                let key = self.residents.get(slot).key.clone();
                if let Err(waiter) = self.waiters.add(key, waiter) {
                    let answer = Answer::Refused(Refusal::Overloaded);
                    out.push(Output::Reply(waiter.reply_to, answer));
                }
            }
            Ok(Some(outcome)) => self.reply(lsn, waiter.reply_to, Answer::Query(outcome), out),
            Err(refusal) => self.reply(lsn, waiter.reply_to, Answer::Refused(refusal), out),
        }
    }

    /// Answers a query; `None`, where it can wait: what it waits for is not yet so.
    fn evaluate(
        &self,
        slot: Slot,
        waiter: &Waiter<R>,
        can_wait: bool,
    ) -> Result<Option<QueryOutcome>, Refusal> {
        let resident = self.residents.get(slot);
        let ctx = Context {
            key: &resident.key,
            now: self.time,
            version: resident.cell.version(),
            principal: &waiter.principal,
            source: Source::Caller,
            cause: &waiter.cause,
        };
        let (cell, query) = (&resident.cell, &waiter.query);
        // A query cannot change the cell, so a panic in it leaves nothing to mend.
        let answered = catch_unwind(AssertUnwindSafe(|| match can_wait {
            true => cell.awaited(&ctx, query),
            false => cell.query(&ctx, query).map(Some),
        }));
        match answered {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_)) => Err(Refusal::Unreadable),
            Err(_) => Err(Refusal::Failed),
        }
    }

    /// Asks again the queries that wait for entities that changed in this turn.
    pub(super) fn wake_waiters(&mut self, out: &mut Vec<Output<R>>) {
        while let Some(key) = self.changed.pop_first() {
            let waiters = self.waiters.take(&key);
            match self.residents.find(&key) {
                Some(slot) => {
                    for waiter in waiters.into_iter().filter(|it| !it.reply_to.has_left()) {
                        self.ask_again(slot, waiter, out);
                    }
                }
                None => {
                    for waiter in waiters {
                        let answer = Answer::Refused(Refusal::Unavailable);
                        out.push(Output::Reply(waiter.reply_to, answer));
                    }
                }
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
            Access::Ready(slot) => self.ask_again(slot, waiter, out),
            Access::Loading | Access::Quarantined | Access::Unknown => {
                let answer = Answer::Refused(Refusal::Unavailable);
                out.push(Output::Reply(waiter.reply_to, answer));
            }
        }
    }
}
