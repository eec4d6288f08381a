//! The region: where callers ask entities, by identity, without knowing where they live.
//!
//! Guarantees: a reply or view is given only when all that it depends on is durable (I4); every
//! wait has a deadline; what is refused here was not begun. Typed on the outside, bytes on the way
//! to another node.

use std::sync::Arc;

use codec::{Carried, pack, unpack};
use entity::{Cause, Entity, EntityKey, Kept, Keyed, Outcome, Principal, QueryOutcome, Timestamp};
use tokio::sync::oneshot;

use crate::admission::{Admission, NotAdmitted};
use crate::ctx::NodeCtx;
use crate::gateway::{Forwarding, Gateway, Request};
use crate::limits;
use crate::node::Seats;
use crate::shard::{Answer, Ask as ShardAsk, AskBody, Input, Refusal};

mod gathered;
mod history;
mod operator;
mod past;

pub use gathered::gathered;
pub use history::{HistoryError, Look};
pub use past::AsOf;

/// Who asks, why, under which key, and how long it may take.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who asks. The tenant must be the entity's.
    pub principal: Principal,
    /// The request.
    pub cause: Cause,
    /// The key under which a command's outcome is kept.
    pub idempotency: Option<Keyed>,
    /// A command's deadline; a query's longest wait while the entity answers `NotYet`.
    pub wait_ms: u64,
}

/// A command's answer.
#[derive(Debug)]
pub struct Reply<E: Entity> {
    /// The entity's version after the command.
    pub version: u64,
    /// What it said.
    pub value: E::Reply,
    /// The command had been taken before.
    pub replayed: Option<Replayed>,
}

/// What was kept with an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// When the first request was answered.
    pub at: Timestamp,
    /// Its number.
    pub request: u64,
    /// Its trace.
    pub trace_id: [u8; 16],
}

/// A query's answer.
#[derive(Debug)]
pub struct Seen<E: Entity> {
    /// The entity's version.
    pub version: u64,
    /// What it showed.
    pub view: E::View,
    /// Whether it is what was waited for.
    pub ready: bool,
}

/// Why there is no answer of the wanted kind.
#[derive(Debug, thiserror::Error)]
pub enum AskError<E: Entity> {
    /// The entity said no.
    #[error("rejected")]
    Rejected {
        /// How it said no.
        rejection: E::Rejection,
        /// It had said so before, to the same key.
        replayed: Option<Replayed>,
    },
    /// The key was used before for something else.
    #[error("idempotency key used for another request")]
    KeyReused,
    /// The entity keeps as many keys as it may.
    #[error("too many idempotency keys")]
    KeysFull,
    /// The entity is as large as it may be.
    #[error("entity too large")]
    StateFull,
    /// The entity takes nothing until an operator lifts its quarantine.
    #[error("entity quarantined")]
    Quarantined,
    /// Too much is under way; nothing was done.
    #[error("overloaded")]
    Overloaded {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The principal has too much under way; nothing was done.
    #[error("too many requests of one principal")]
    RateLimited {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// No answer in time; the outcome of a command is unknown.
    #[error("timed out")]
    TimedOut,
    /// The shard is not served at the moment. What it had taken and did not answer may have been
    /// done or not: a command is safe to repeat under its idempotency key.
    #[error("unavailable")]
    Unavailable,
    /// The bytes could not be read, on either side.
    #[error("unreadable")]
    Unreadable,
}

/// The entrance to all entities of a node.
#[derive(Clone)]
pub struct Region {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) ctx: NodeCtx,
    pub(crate) seats: Arc<Seats>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) admission: Admission,
}

impl Region {
    /// The node's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.ctx.clock.now()
    }

    /// The gate in front of it.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.inner.admission
    }

    /// Tells an entity a command and waits until its outcome is durable.
    pub async fn ask<E: Entity>(
        &self,
        key: &EntityKey,
        command: &E::Command,
        ask: Ask,
    ) -> Result<Reply<E>, AskError<E>> {
        assert_eq!(key.kind, E::KIND, "a command goes to an entity of its kind");
        let command = pack(command).map_err(|_| AskError::Unreadable)?;
        let _pass = self.inner.admission.enter_to_change(&ask.principal).map_err(refused)?;
        let body = AskBody::Command(command, ask.idempotency);
        match self.send(key, &ask, body).await.map_err(not_done)? {
            Answer::Outcome(outcome) => reply(outcome),
            Answer::Refused(refusal) => Err(from_refusal(refusal)),
            Answer::Query(_) | Answer::Located { .. } | Answer::Done | Answer::Troubles(_) => {
                Err(AskError::Unreadable)
            }
        }
    }

    /// Asks an entity and waits up to `ask.wait_ms` while it answers `NotYet`.
    pub async fn query<E: Entity>(
        &self,
        key: &EntityKey,
        query: &E::Query,
        ask: Ask,
    ) -> Result<Seen<E>, AskError<E>> {
        assert_eq!(key.kind, E::KIND, "a query goes to an entity of its kind");
        let query = Carried::of(query.clone());
        // A query that waits takes no place of those that work; its number is bounded per entity.
        let _pass = match ask.wait_ms {
            0 => Some(self.inner.admission.enter(&ask.principal).map_err(refused)?),
            _ => None,
        };
        match self.send(key, &ask, AskBody::Query(query)).await.map_err(from_refusal)? {
            Answer::Query(outcome) => seen(outcome),
            Answer::Refused(refusal) => Err(from_refusal(refusal)),
            Answer::Outcome(_) | Answer::Located { .. } | Answer::Done | Answer::Troubles(_) => {
                Err(AskError::Unreadable)
            }
        }
    }

    async fn send(&self, key: &EntityKey, ask: &Ask, body: AskBody) -> Result<Answer, Refusal> {
        if key.tenant != ask.principal.tenant {
            return Err(Refusal::NotFound);
        }
        let inner = &self.inner;
        let shard = key.shard(self.n_shards());
        let inbox = inner.seats.inbox(shard);
        let (body, wait_ms) = match inbox.is_open() {
            true => (body, ask.wait_ms),
            false => {
                let (principal, cause) = (ask.principal.clone(), ask.cause.clone());
                let (key, wait_ms) = (key.clone(), ask.wait_ms);
                let request = Request { shard, key, principal, cause, wait_ms, body };
                // Boxed: callers of entities of their own node do not carry its state.
                match Box::pin(inner.gateway.forward(request)).await {
                    Forwarding::Ended(ended) => return ended,
                    Forwarding::Here(request) => (request.body, request.wait_ms),
                }
            }
        };
        if inbox.is_given_up() {
            return Err(Refusal::Unavailable);
        }
        if matches!(body, AskBody::Command(..)) && inner.seats.is_full(shard) {
            sites::hit("log.full");
            return Err(Refusal::Overloaded);
        }
        let (reply_to, answer) = oneshot::channel();
        inbox.push_and_turn(Input::Ask(Box::new(ShardAsk {
            reply_to,
            key: key.clone(),
            principal: ask.principal.clone(),
            cause: ask.cause.clone(),
            deadline: inner.ctx.clock.now().plus_ms(wait_ms),
            body,
        })));
        let late = inner.ctx.clock.sleep(wait_ms + limits::ANSWER_GRACE_MS);
        let answer = tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| Refusal::Unavailable)?,
            () = late => {
                sites::hit("ask.timed_out");
                return Err(Refusal::TimedOut);
            }
        };
        // A node that was paused may have lost the shard meanwhile, and its answer may be old.
        match inner.seats.may_answer(inner.ctx.clock.steady()) {
            true => Ok(answer),
            false => {
                sites::hit("lease.answer_withheld");
                Err(Refusal::Unavailable)
            }
        }
    }
}

fn reply<E: Entity>(outcome: Outcome) -> Result<Reply<E>, AskError<E>> {
    match outcome {
        Outcome::Replied(version, value) => {
            let value = value.take().map_err(|_| AskError::Unreadable)?;
            Ok(Reply { version, value, replayed: None })
        }
        Outcome::Rejected(rejection) => {
            let rejection = unpack(&rejection).map_err(|_| AskError::Unreadable)?;
            Err(AskError::Rejected { rejection, replayed: None })
        }
        Outcome::Replayed(kept) => replay(kept),
        Outcome::KeyReused => Err(AskError::KeyReused),
        Outcome::KeysFull => Err(AskError::KeysFull),
        Outcome::StateFull => Err(AskError::StateFull),
        Outcome::Taken => Err(AskError::Unreadable),
    }
}

fn replay<E: Entity>(kept: Kept) -> Result<Reply<E>, AskError<E>> {
    let replayed = Some(Replayed { at: kept.at, request: kept.request, trace_id: kept.trace_id });
    match kept.outcome {
        Ok(value) => {
            let value = unpack(&value).map_err(|_| AskError::Unreadable)?;
            Ok(Reply { version: kept.version, value, replayed })
        }
        Err(rejection) => {
            let rejection = unpack(&rejection).map_err(|_| AskError::Unreadable)?;
            Err(AskError::Rejected { rejection, replayed })
        }
    }
}

fn seen<E: Entity>(outcome: QueryOutcome) -> Result<Seen<E>, AskError<E>> {
    let (version, view, ready) = match outcome {
        QueryOutcome::Ready(version, view) => (version, view, true),
        QueryOutcome::NotYet(version, view) => (version, view, false),
        QueryOutcome::Rejected(rejection) => {
            let rejection = unpack(&rejection).map_err(|_| AskError::Unreadable)?;
            return Err(AskError::Rejected { rejection, replayed: None });
        }
    };
    let view = view.take().map_err(|_| AskError::Unreadable)?;
    Ok(Seen { version, view, ready })
}

const fn refused<E: Entity>(why: NotAdmitted) -> AskError<E> {
    match why {
        NotAdmitted::Full => AskError::Overloaded { retry_after_ms: limits::RETRY_AFTER_MS },
        NotAdmitted::Principal => AskError::RateLimited { retry_after_ms: limits::RETRY_AFTER_MS },
        NotAdmitted::Closed => AskError::Unavailable,
        NotAdmitted::ReadOnly => AskError::Overloaded { retry_after_ms: limits::NO_ROOM_RETRY_MS },
    }
}

/// A command that was not answered. Its outcome is unknown, unless a defect says otherwise.
fn not_done<E: Entity>(refusal: Refusal) -> AskError<E> {
    if refusal == Refusal::TimedOut && sites::is_broken("unknown_outcome_as_failure") {
        return AskError::KeyReused;
    }
    from_refusal(refusal)
}

const fn from_refusal<E: Entity>(refusal: Refusal) -> AskError<E> {
    match refusal {
        Refusal::Overloaded => AskError::Overloaded { retry_after_ms: limits::RETRY_AFTER_MS },
        Refusal::Quarantined | Refusal::Failed => AskError::Quarantined,
        Refusal::TimedOut => AskError::TimedOut,
        Refusal::Unavailable => AskError::Unavailable,
        Refusal::Unreadable | Refusal::NotFound => AskError::Unreadable,
    }
}
