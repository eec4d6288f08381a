//! What an operator may do to a shard (lift a quarantine, send a dead letter again), and see.

use entity::{DeadLetter, DeadLetterChange, Quarantine};

use super::step::known;
use super::{Access, Answer, Ask, AskBody, Caller, Env, Output, Refusal, ShardCore};
use crate::limits;
use crate::shard::io::Troubles;

impl<R: Caller> ShardCore<R> {
    /// Whether messages to other shards may wait for their acknowledgement: it is looked again when
    /// they are due to be sent again.
    #[must_use]
    pub const fn may_have_unacked(&self) -> bool {
        self.retransmit_at.is_some()
    }

    /// Entities in quarantine, with the reason.
    pub fn quarantined(&self) -> impl Iterator<Item = (&entity::EntityKey, &str)> {
        self.quarantined.iter().map(|(key, reason)| (key, reason.as_str()))
    }

    /// Dead letters by number.
    pub fn dead_letters(&self) -> impl Iterator<Item = (u64, &DeadLetter)> {
        self.dead_letters.iter().map(|(number, letter)| (*number, letter))
    }

    /// Lists what waits for an operator. What is not durable yet is not shown before it is (I4).
    pub(super) fn tell_troubles(&mut self, ask: Ask<R>, out: &mut Vec<Output<R>>) {
        let troubles = Troubles {
            quarantined: self.quarantined().map(|(key, why)| (key.clone(), why.into())).collect(),
            dead_letters: self.dead_letters().map(|(n, letter)| (n, letter.clone())).collect(),
        };
        let answer = Answer::Troubles(Box::new(troubles));
        self.reply(self.runtime_lsn, ask.reply_to, answer, out);
    }

    /// What a quarantined entity still says: where its history is, so that it can be looked at.
    pub(super) fn answer_in_quarantine(&mut self, ask: &Ask<R>) -> Answer {
        match ask.body {
            AskBody::Locate => {
                let slot = self.residents.find(&ask.key);
                let resident = slot.map(|slot| self.residents.get(slot).last_commit);
                let in_tail = || self.tail.get(&ask.key).and_then(|commits| commits.last());
                let last_commit = match resident {
                    Some(last_commit) => last_commit,
                    // Without a tail its snapshot knows.
                    None => in_tail().copied().unwrap_or(0),
                };
                // The version is the cell's to know, and there is none.
                Answer::Located { version: 0, last_commit }
            }
            AskBody::Command(..)
            | AskBody::Query(_)
            | AskBody::Lift
            | AskBody::ReplayDeadLetter(_)
            | AskBody::Troubles => Answer::Refused(Refusal::Quarantined),
        }
    }

    pub(super) fn keep_dead_letter(&mut self, number: u64, letter: DeadLetter) {
        self.dead_letters.insert(number, letter);
        if self.dead_letters.len() > limits::DEAD_LETTERS_MAX {
            // The journal still has it; the list that an operator sees is bounded.
            self.dead_letters.pop_first();
        }
    }

    pub(super) fn lift(&mut self, ask: Ask<R>, env: &mut dyn Env, out: &mut Vec<Output<R>>) {
        // The entity is folded again from the journal: all of it must be durable. Its records
        // stand before the one that quarantined it.
        if self.runtime_lsn > self.durable {
            let answer = Answer::Refused(Refusal::Overloaded);
            return out.push(Output::Reply(ask.reply_to, answer));
        }
        if self.quarantined.remove(&ask.key).is_none() {
            let answer = Answer::Refused(Refusal::NotFound);
            return self.reply(self.runtime_lsn, ask.reply_to, answer, out);
        }
        self.unfoldable.remove(&ask.key);
        let mut record = self.runtime_record(&ask.key, &ask.cause);
        let by = ask.principal.subject.to_string();
        record.quarantine = Some(Box::new(Quarantine::Lifted { by }));
        let key = ask.key.clone();
        self.finish_operator(ask, record, env, out);
        // Its deadline was taken out of the index, and nothing else may ever ask for it.
        if let Access::Ready(slot) = self.access(&key, env, out) {
            let deadline = known(self.residents.get(slot).deadline);
            self.timers.replace(&key, None, deadline);
        }
    }

    pub(super) fn replay_dead_letter(
        &mut self,
        number: u64,
        ask: Ask<R>,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        let Some(letter) = self.dead_letters.remove(&number) else {
            let answer = Answer::Refused(Refusal::NotFound);
            return self.reply(self.runtime_lsn, ask.reply_to, answer, out);
        };
        let mut message = (*letter.message).clone();
        message.expires_at = entity::Timestamp::MAX;
        let mut record = self.runtime_record(&message.to, &ask.cause);
        record.dead_letter = Some(Box::new(DeadLetterChange::Replayed(number)));
        record.sends = [self.outgoing.number(self.config.shard, message)].into();
        self.finish_operator(ask, record, env, out);
    }

    fn finish_operator(
        &mut self,
        ask: Ask<R>,
        record: entity::StepRecord,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        match self.stage_runtime(record, env) {
            Some(lsn) => self.reply(lsn, ask.reply_to, Answer::Done, out),
            None => {
                out.push(Output::Reply(ask.reply_to, Answer::Refused(Refusal::Unavailable)));
            }
        }
    }
}
