//! The cell: one entity's state with version and keys, stepped input by input.
//!
//! Guarantees: decide comes first and cannot change anything; the events are encoded and measured
//! before the first of them is applied; so an error leaves the cell as it was. A panic inside
//! `evolve` may not: the host drops the cell and folds it again from the journal, which is the
//! copy that is kept only when the step succeeded (docs/decisions/0005).

use codec::{Carried, Packed, unpack};

use crate::decision::packed;
use crate::{
    Answer, Bounce, Cell, CellError, Context, Decision, Entity, EntityKey, EventContext,
    Fingerprint, IdempotencyKey, IdempotencyWindow, Input, Kept, Keyed, Message, MessageKind,
    Outcome, PackedEvents, QueryOutcome, Snapshot, Step, StepRecord, Timestamp, limits,
};

/// An entity with what the framework keeps about it.
#[derive(Debug, Clone)]
pub struct EntityCell<E> {
    state: E,
    version: u64,
    idempotency: IdempotencyWindow,
}

impl<E: Entity> EntityCell<E> {
    /// A cell before its first event.
    #[must_use]
    pub fn initial(key: &EntityKey) -> Self {
        assert_eq!(key.kind, E::KIND, "a cell is made for a key of its kind");
        Self { state: E::initial(key), version: 0, idempotency: IdempotencyWindow::default() }
    }

    /// A cell from a snapshot. Errors: a state that this build cannot read.
    pub fn restore(key: &EntityKey, snapshot: &Snapshot) -> Result<Self, CellError> {
        assert_eq!(key.kind, E::KIND, "a cell is made for a key of its kind");
        Ok(Self {
            state: unpack(&snapshot.state).map_err(CellError::Unreadable)?,
            version: snapshot.version,
            idempotency: snapshot.idempotency.clone(),
        })
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &E {
        &self.state
    }

    fn command(
        &mut self,
        ctx: &Context<'_>,
        command: &Packed,
        keyed: Option<Keyed>,
    ) -> Result<Step, CellError> {
        let seen = keyed.and_then(|keyed| self.seen(keyed.key, keyed.fingerprint, ctx.now));
        if let Some(outcome) = seen {
            return Ok(Step::only(outcome));
        }
        if self.state.heap_bytes() > limits::STATE_BYTES_MAX {
            return Ok(Step::only(Outcome::StateFull));
        }
        let command = unpack(command).map_err(CellError::Unreadable)?;
        match self.state.decide(ctx, command) {
            Ok(mut decision) => {
                let reply = decision.reply.take().ok_or(CellError::NoReply)?;
                let version = self.version + decision.events.len() as u64;
                let kept = keyed.map(|keyed| kept(ctx, keyed, version, Ok(packed(&reply))));
                self.apply(ctx, decision, kept, Outcome::Replied(version, Carried::of(reply)))
            }
            Err(rejection) => {
                let rejection = packed(&rejection);
                let kept =
                    keyed.map(|keyed| kept(ctx, keyed, self.version, Err(rejection.clone())));
                let outcome = Outcome::Rejected(rejection);
                self.apply(ctx, Decision::nothing(), kept, outcome)
            }
        }
    }

    fn seen(&self, key: IdempotencyKey, print: Fingerprint, now: Timestamp) -> Option<Outcome> {
        match self.idempotency.get(key, now) {
            Some(kept) if kept.fingerprint == print => {
                sites::hit("idempotency.replayed");
                Some(Outcome::Replayed(kept.clone()))
            }
            Some(_) => {
                sites::hit("idempotency.key_reused");
                Some(Outcome::KeyReused)
            }
            None => {
                let is_full = self.idempotency.is_full(key, E::PRINCIPAL_KEYS, now);
                is_full.then_some(Outcome::KeysFull)
            }
        }
    }

    fn message(&mut self, ctx: &Context<'_>, message: &Message) -> Result<Step, CellError> {
        let decision = match &message.kind {
            MessageKind::Command => {
                let command = unpack(&message.body).map_err(CellError::Unreadable)?;
                match self.state.decide(ctx, command) {
                    Ok(decision) => decision,
                    Err(rejection) => {
                        let bounce = Some(packed(&rejection));
                        return Ok(Step { bounce, ..Step::only(Outcome::Taken) });
                    }
                }
            }
            MessageKind::Bounce(reason) => {
                let bounce = Bounce { from: &message.from, command: &message.body, reason };
                self.state.bounced(ctx, &bounce)
            }
        };
        self.apply(ctx, decision, None, Outcome::Taken)
    }

    fn apply(
        &mut self,
        ctx: &Context<'_>,
        decision: Decision<E>,
        kept: Option<Box<(IdempotencyKey, Kept)>>,
        outcome: Outcome,
    ) -> Result<Step, CellError> {
        let events: PackedEvents = decision.events.iter().map(packed).collect();
        let bytes = events.iter().map(|e| e.bytes.len() + 8).sum::<usize>()
            + decision.effects.iter().map(|e| e.command.bytes.len() + 256).sum::<usize>();
        if bytes > limits::STEP_BYTES_MAX || decision.effects.len() > limits::SENDS_PER_STEP_MAX {
            return Err(CellError::StepTooLarge(bytes));
        }
        for event in &decision.events {
            self.evolve(ctx.key, ctx.now, event);
        }
        if let Some((key, kept)) = kept.as_deref() {
            self.idempotency.keep(*key, kept.clone());
        }
        Ok(Step { events, effects: decision.effects, bounce: None, kept, outcome })
    }

    fn outcome(&self, answer: Answer<E::View, E::Rejection>) -> QueryOutcome {
        match answer {
            Answer::Ready(view) => QueryOutcome::Ready(self.version, Carried::of(view)),
            Answer::NotYet(view) => QueryOutcome::NotYet(self.version, Carried::of(view)),
            Answer::Rejected(rejection) => QueryOutcome::Rejected(packed(&rejection)),
        }
    }

    fn evolve(&mut self, key: &EntityKey, at: Timestamp, event: &E::Event) {
        self.version += 1;
        self.state.evolve(&EventContext { key, version: self.version, at }, event);
    }
}

impl<E: Entity> Cell for EntityCell<E> {
    fn version(&self) -> u64 {
        self.version
    }

    fn step(&mut self, ctx: &Context<'_>, input: Input<'_>) -> Result<Step, CellError> {
        assert_eq!(ctx.version, self.version, "I2: decided on another version");
        match input {
            Input::Command(command, keyed) => self.command(ctx, command, keyed),
            Input::Message(message) => self.message(ctx, message),
            Input::Wake => {
                let decision = self.state.wake(ctx);
                self.apply(ctx, decision, None, Outcome::Taken)
            }
        }
    }

    fn query(&self, ctx: &Context<'_>, query: &Carried) -> Result<QueryOutcome, CellError> {
        let answer = query.with(|query| self.state.query(ctx, query));
        answer.map(|answer| self.outcome(answer)).map_err(CellError::Unreadable)
    }

    fn awaited(
        &self,
        ctx: &Context<'_>,
        query: &Carried,
    ) -> Result<Option<QueryOutcome>, CellError> {
        let answer = query.with(|query| {
            let may_be_ready = self.state.may_be_ready(ctx, query);
            may_be_ready.then(|| self.state.query(ctx, query))
        });
        Ok(match answer.map_err(CellError::Unreadable)? {
            None | Some(Answer::NotYet(_)) => None,
            Some(answer @ (Answer::Ready(_) | Answer::Rejected(_))) => Some(self.outcome(answer)),
        })
    }

    fn replay(&mut self, record: &StepRecord) -> Result<(), CellError> {
        if record.version != self.version {
            return Err(CellError::Gap { have: self.version, found: record.version });
        }
        for event in &record.events {
            let event = unpack(event).map_err(CellError::Unreadable)?;
            self.evolve(&record.key, record.at, &event);
        }
        if let Some((key, kept)) = record.kept.as_deref() {
            self.idempotency.keep(*key, kept.clone());
        }
        assert_eq!(self.version, record.version_after(), "I2: replay lost an event");
        Ok(())
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.state.next_deadline()
    }

    fn snapshot(&self, last_commit: u64) -> Snapshot {
        Snapshot {
            version: self.version,
            last_commit,
            state: packed(&self.state),
            idempotency: self.idempotency.clone(),
            deadline: self.state.next_deadline(),
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.state.heap_bytes() + self.idempotency.heap_bytes()
    }
}

fn kept(
    ctx: &Context<'_>,
    keyed: Keyed,
    version: u64,
    outcome: Result<Packed, Packed>,
) -> Box<(IdempotencyKey, Kept)> {
    let keep_ms = match outcome {
        Ok(_) => keyed.keep_ms,
        Err(_) => limits::REFUSAL_KEEP_MS,
    };
    let kept = Kept {
        fingerprint: keyed.fingerprint,
        at: ctx.now,
        expires_at: ctx.now.plus_ms(keep_ms),
        version,
        request: ctx.cause.request,
        trace_id: ctx.cause.trace.trace_id,
        outcome,
    };
    Box::new((keyed.key, kept))
}
