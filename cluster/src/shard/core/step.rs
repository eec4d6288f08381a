//! Steps: a command, a message or a deadline is taken, journaled in one record, and what it asks
//! of others goes out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use codec::Packed;
use entity::{
    BounceReason, Cause, CellError, Context, DeadLetter, DeadLetterChange, EntityKey, Input, Mark,
    Message, MessageKind, Outcome, PackedEvents, Principal, Quarantine, RecordSource, Sends,
    ShardId, Source, Step, StepRecord, StreamSend, Timestamp,
};
use ports::Frame;

use super::{Alarm, Answer, Ask, AskBody, Caller, Env, Held, Output, Refusal, ShardCore, Slot};
use crate::log::Placed;

/// What is left of the time of a hasty message: one part of so many.
const HASTY_PART: u64 = 20;

/// Who caused a step.
struct Origin<'a> {
    principal: &'a Principal,
    source: Source<'a>,
    cause: &'a Cause,
    record: RecordSource,
    mark: Option<Mark>,
    message: Option<&'a Message>,
}

/// A step that a cell has taken, and what the cell says of itself after it.
struct Taken {
    step: Step,
    deadline: Option<Timestamp>,
    bytes: usize,
}

/// How a step failed.
enum Failure {
    /// The cell is as it was.
    Refused(CellError),
    /// The cell must be dropped.
    Panicked(String),
}

impl<R: Caller> ShardCore<R> {
    pub(super) fn command(
        &mut self,
        slot: Slot,
        ask: Ask<R>,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        let AskBody::Command(command, idempotency) = &ask.body else {
            unreachable!("called for commands only")
        };
        let origin = Origin {
            principal: &ask.principal,
            source: Source::Caller,
            cause: &ask.cause,
            record: RecordSource::Caller,
            mark: None,
            message: None,
        };
        match self.take(slot, &origin, Input::Command(command, *idempotency)) {
            Ok(mut taken) => {
                let outcome = std::mem::replace(&mut taken.step.outcome, Outcome::Taken);
                match self.journal(slot, taken, &origin, env) {
                    Some(lsn) => self.reply(lsn, ask.reply_to, Answer::Outcome(outcome), out),
                    None => {
                        let answer = Answer::Refused(Refusal::Unavailable);
                        out.push(Output::Reply(ask.reply_to, answer));
                    }
                }
            }
            Err(Failure::Refused(error)) => {
                let refusal = match error {
                    CellError::Unreadable(_) => Refusal::Unreadable,
                    CellError::StepTooLarge(_) | CellError::NoReply | CellError::Gap { .. } => {
                        Refusal::Failed
                    }
                };
                let lsn = self.residents.get(slot).last_lsn;
                self.reply(lsn, ask.reply_to, Answer::Refused(refusal), out);
            }
            Err(Failure::Panicked(reason)) => {
                let key = self.drop_cell(slot);
                let refusal = match self.impose(&key, reason, &ask.cause, env, out) {
                    Some(_) => Refusal::Failed,
                    None => Refusal::Unavailable,
                };
                self.reply(self.runtime_lsn, ask.reply_to, Answer::Refused(refusal), out);
            }
        }
    }

    pub(super) fn message(
        &mut self,
        slot: Slot,
        from: ShardId,
        message: &Arc<Message>,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        if message.expires_at < self.clock {
            sites::hit("message.expired");
            return self.bounce(from, message, BounceReason::Expired, env, out);
        }
        let principal = Principal::system(message.to.tenant.clone());
        let (mark, _) = self.incoming.take(from).expect("the message was looked at");
        let origin = Origin {
            principal: &principal,
            source: Source::Entity(&message.from),
            cause: &message.cause,
            record: RecordSource::Message,
            mark: Some(mark),
            message: Some(message),
        };
        match self.take(slot, &origin, Input::Message(message)) {
            Ok(taken) => {
                self.journal(slot, taken, &origin, env);
                // Before the next message changes it once more: whoever waits for a version sees
                // that very one, and nothing has to be folded for the answer.
                self.wake_waiters(out);
            }
            Err(Failure::Refused(error)) => {
                // A pure decision fails the same way each time: the first failure is final
                // (docs/decisions/0006). The entity is as it was and goes on.
                self.give_up(mark, message, error.to_string(), env, out);
            }
            Err(Failure::Panicked(reason)) => {
                let key = self.drop_cell(slot);
                self.give_up(mark, message, reason.clone(), env, out);
                self.impose(&key, reason, &message.cause, env, out);
            }
        }
    }

    pub(super) fn wake(&mut self, slot: Slot, env: &mut dyn Env, out: &mut Vec<Output<R>>) {
        let resident = self.residents.get(slot);
        let (deadline, version) = (resident.deadline, resident.cell.version());
        let key = resident.key.clone();
        let principal = Principal::system(key.tenant.clone());
        let cause = Cause::default();
        let origin = Origin {
            principal: &principal,
            source: Source::Timer,
            cause: &cause,
            record: RecordSource::Timer,
            mark: None,
            message: None,
        };
        match self.take(slot, &origin, Input::Wake) {
            Ok(taken) => {
                if self.journal(slot, taken, &origin, env).is_none() {
                    return;
                }
                let resident = self.residents.get(slot);
                if resident.deadline == deadline && resident.cell.version() == version {
                    // It was woken and did nothing: waking it again would never end.
                    self.timers.replace(&key, Some(deadline), None);
                }
            }
            Err(Failure::Refused(error)) => {
                self.drop_cell(slot);
                self.impose(&key, error.to_string(), &cause, env, out);
            }
            Err(Failure::Panicked(reason)) => {
                self.drop_cell(slot);
                self.impose(&key, reason, &cause, env, out);
            }
        }
    }

    /// Lets the cell take an input. The cell is changed, nothing else.
    fn take(
        &mut self,
        slot: Slot,
        origin: &Origin<'_>,
        input: Input<'_>,
    ) -> Result<Taken, Failure> {
        let now = self.time;
        let resident = self.residents.get_mut(slot);
        let ctx = Context {
            key: &resident.key,
            now,
            version: resident.cell.version(),
            principal: origin.principal,
            source: origin.source,
            cause: origin.cause,
        };
        let cell = &mut resident.cell;
        // All that is the entity's own code runs in here: what panics after the record is staged
        // would take the host down, and again at each recovery.
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            let step = cell.step(&ctx, input)?;
            Ok(Taken { step, deadline: cell.next_deadline(), bytes: cell.bytes() })
        }));
        match stepped {
            Ok(Ok(taken)) => Ok(taken),
            Ok(Err(error)) => Err(Failure::Refused(error)),
            Err(panic) => Err(Failure::Panicked(panic_text(panic.as_ref()))),
        }
    }

    /// Stages the record of a step and sends what it asks of others. Returns the place in the log
    /// that its answer depends on; `None`: the log refused, the shard has failed.
    fn journal(
        &mut self,
        slot: Slot,
        taken: Taken,
        origin: &Origin<'_>,
        env: &mut dyn Env,
    ) -> Option<u64> {
        let Taken { step, deadline, bytes } = taken;
        let resident = self.residents.get(slot);
        if step.is_empty() && origin.mark.is_none() {
            return Some(resident.last_lsn);
        }
        let key = resident.key.clone();
        let version = resident.cell.version() - step.events.len() as u64;
        let sends = self.sends(&key, step.effects, step.bounce, origin);
        let record = StepRecord {
            prev: self.residents.get(slot).last_commit,
            key,
            version,
            at: self.time,
            cause: origin.cause.clone(),
            source: origin.record.clone(),
            events: step.events,
            sends,
            mark: origin.mark,
            kept: step.kept,
            deadline,
            quarantine: None,
            dead_letter: None,
        };
        let placed = self.stage(record, env)?;
        self.residents.touched(slot, placed.lsn, placed.commit_no, bytes);
        let resident = self.residents.get_mut(slot);
        let next = deadline.unwrap_or(Timestamp::MAX);
        if next != resident.deadline {
            let old = std::mem::replace(&mut resident.deadline, next);
            self.timers.replace(&resident.key, known(old), deadline);
        }
        if self.waiters.has(&resident.key) {
            self.changed.insert(resident.key.clone());
        }
        Some(placed.lsn)
    }

    /// Puts a record into the log and lets its messages and its acknowledgement go when they may.
    pub(super) fn stage(&mut self, mut record: StepRecord, env: &mut dyn Env) -> Option<Placed> {
        let n_events = record.events.len();
        self.scratch.clear();
        let mark = record.mark;
        let mut sends = std::mem::take(&mut self.sending);
        sends.clear();
        sends.extend_from_slice(&record.sends);
        if sites::is_broken("dedup_mark_not_with_effect") {
            record.mark = None;
        }
        Frame::push_record(&mut self.scratch, &record).expect("a step was measured when taken");
        let staged = env.stage(self.config.shard, self.config.epoch, &self.scratch, record);
        let Ok(placed) = staged else {
            sites::hit("log.refused");
            self.failed = true;
            return None;
        };
        assert!(placed.lsn > self.staged, "I2: the log went back");
        self.staged = placed.lsn;
        self.snapshots.staged(&placed, n_events);
        for send in sends.drain(..) {
            self.outgoing.keep(placed.lsn, send.clone());
            if self.config.chaining {
                self.hand_over(send);
            } else {
                self.release.push(placed.lsn, Held::Send(send));
            }
        }
        self.sending = sends;
        if let Some(mark) = mark {
            let ack = Held::Ack { from: mark.from_shard, number: mark.number };
            self.release.push(placed.lsn, ack);
        }
        Some(placed)
    }

    fn sends(
        &mut self,
        key: &EntityKey,
        effects: Vec<entity::Effect>,
        bounce: Option<Packed>,
        origin: &Origin<'_>,
    ) -> Sends {
        let n_shards = self.config.n_shards;
        let mut sends = Sends::with_capacity(effects.len() + usize::from(bounce.is_some()));
        for effect in effects {
            let to_shard = effect.to.shard(n_shards);
            let ttl_ms = effect.ttl_ms.map(|ttl_ms| {
                let is_hasty = sites::fires("hasty_message", u64::from(to_shard.0));
                if is_hasty { ttl_ms / HASTY_PART } else { ttl_ms }
            });
            let expires_at = ttl_ms.map_or(Timestamp::MAX, |ttl_ms| self.clock.plus_ms(ttl_ms));
            let message = Message {
                from: key.clone(),
                to: effect.to,
                kind: MessageKind::Command,
                body: effect.command,
                cause: origin.cause.clone(),
                expires_at,
            };
            sends.push(self.outgoing.number(to_shard, message));
        }
        if let (Some(rejection), Some(message)) = (bounce, origin.message) {
            sites::hit("message.rejected");
            let reason = BounceReason::Rejected(rejection);
            let body = message.body.clone();
            sends.push(self.bounced(key, &message.from, reason, body, origin.cause));
        }
        sends
    }

    /// Numbers a bounce from `from` back to `to`.
    fn bounced(
        &mut self,
        from: &EntityKey,
        to: &EntityKey,
        reason: BounceReason,
        body: Packed,
        cause: &Cause,
    ) -> StreamSend {
        let message = Message {
            from: from.clone(),
            to: to.clone(),
            kind: MessageKind::Bounce(reason),
            body,
            cause: cause.clone(),
            expires_at: Timestamp::MAX,
        };
        self.outgoing.number(to.shard(self.config.n_shards), message)
    }

    /// Does not take the next message of a stream but sends it back; its mark moves on.
    pub(super) fn bounce(
        &mut self,
        from: ShardId,
        message: &Arc<Message>,
        reason: BounceReason,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        let (mark, _) = self.incoming.take(from).expect("the message was looked at");
        match &message.kind {
            MessageKind::Command => {
                let record = self.returned(mark, message, reason);
                self.stage_runtime(record, env);
            }
            // It cannot go back any further, and its target has to learn of it one day: a refused
            // payment that never comes back is lost money.
            MessageKind::Bounce(_) => {
                self.give_up(mark, message, format!("a bounce, not taken: {reason:?}"), env, out);
            }
        }
    }

    /// Keeps a message as a dead letter and answers its sender negatively.
    fn give_up(
        &mut self,
        mark: Mark,
        message: &Arc<Message>,
        reason: String,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        sites::hit("message.dead_letter");
        let mut record = self.returned(mark, message, BounceReason::DeadLetter);
        let letter = DeadLetter { message: Arc::clone(message), reason };
        self.last_dead_letter += 1;
        self.keep_dead_letter(self.last_dead_letter, letter.clone());
        let change = DeadLetterChange::Kept(self.last_dead_letter, letter.clone());
        record.dead_letter = Some(Box::new(change));
        self.alarm(Alarm::DeadLetter(Box::new(letter)), out);
        self.stage_runtime(record, env);
    }

    /// The record of a message that goes back. A bounce goes nowhere.
    fn returned(&mut self, mark: Mark, message: &Arc<Message>, reason: BounceReason) -> StepRecord {
        let sends = match &message.kind {
            MessageKind::Command => {
                let body = message.body.clone();
                [self.bounced(&message.to, &message.from, reason, body, &message.cause)].into()
            }
            MessageKind::Bounce(_) => Sends::new(),
        };
        let mut record = self.runtime_record(&message.to, &message.cause);
        record.mark = Some(mark);
        record.sends = sends;
        record
    }

    /// A record of the runtime's own about an entity.
    pub(super) fn runtime_record(&self, key: &EntityKey, cause: &Cause) -> StepRecord {
        StepRecord {
            key: key.clone(),
            prev: 0,
            version: 0,
            at: self.time,
            cause: cause.clone(),
            source: RecordSource::Runtime,
            events: PackedEvents::new(),
            sends: Sends::new(),
            mark: None,
            kept: None,
            deadline: None,
            quarantine: None,
            dead_letter: None,
        }
    }

    pub(super) fn stage_runtime(&mut self, record: StepRecord, env: &mut dyn Env) -> Option<u64> {
        let placed = self.stage(record, env)?;
        self.runtime_lsn = placed.lsn;
        Some(placed.lsn)
    }

    /// Quarantines an entity, durably. `None`: the log refused.
    pub(super) fn impose(
        &mut self,
        key: &EntityKey,
        reason: String,
        cause: &Cause,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) -> Option<u64> {
        sites::hit("entity.quarantined");
        let mut record = self.runtime_record(key, cause);
        record.quarantine = Some(Box::new(Quarantine::Imposed { reason: reason.clone() }));
        self.quarantined.insert(key.clone(), reason.clone());
        self.alarm(Alarm::Quarantined { key: key.clone(), reason }, out);
        self.stage_runtime(record, env)
    }

    /// Forgets a cell that may be half changed. Its journal is whole; it is folded again when the
    /// quarantine is lifted.
    fn drop_cell(&mut self, slot: Slot) -> EntityKey {
        let resident = self.residents.remove(slot);
        self.timers.replace(&resident.key, known(resident.deadline), None);
        let written = self.forget_writing(slot);
        let since = written.or_else(|| (resident.dirty_since > 0).then_some(resident.dirty_since));
        if let Some(since) = since {
            let commits = (since..=resident.last_commit).collect();
            self.tail.insert(resident.key.clone(), commits);
        }
        resident.key
    }
}

/// A deadline, if there is one.
pub(super) fn known(deadline: Timestamp) -> Option<Timestamp> {
    (deadline < Timestamp::MAX).then_some(deadline)
}

pub(in crate::shard) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a text".to_owned())
}
