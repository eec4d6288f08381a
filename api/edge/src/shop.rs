//! The shop behind the edge: the region, the settings, and the terms that it sells on.
//!
//! Handlers ask entities through here, so that principal, cause, key and deadline are filled in one
//! place, and every way in which an entity may not answer becomes a problem in one place.

use std::ops::ControlFlow;
use std::sync::Arc;

use cluster::{Ask, AskError, Look, Region, Reply, Seen};
use commerce::money::{Ccy, Money};
use commerce::order::Timers;
use entity::{
    Cause, Entity, EntityKey, Fingerprint, IdempotencyKey, Keyed, Principal, PrincipalKind, Scope,
    Scopes, StepRecord,
};
use ports::SharedStore;
use tokio::sync::Mutex;

use crate::limits;
use crate::problem::{Code, Problem};
use crate::refusal::Refused;
use crate::route::Call;
use crate::settings::{self, Settings};
use crate::views::Views;

/// A way to send an order.
#[derive(Debug, Clone)]
pub struct ShippingOption {
    /// Its id: `standard`.
    pub id: String,
    /// Its price, in minor units of the shop's currency.
    pub amount: i64,
}

/// What a shop sells on: one channel, one currency.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The channel.
    pub channel: String,
    /// Its currency.
    pub ccy: Ccy,
    /// The price book that it sells from.
    pub book: String,
    /// Tax rate, parts per million.
    pub tax_ppm: i32,
    /// Whether prices contain the tax.
    pub tax_included: bool,
    /// Ways to send an order.
    pub shipping: Vec<ShippingOption>,
    /// Stock locations.
    pub locations: Vec<String>,
    /// What a new customer's wallet holds, in minor units; 0 without a demo.
    pub wallet_grant: i64,
}

impl Terms {
    /// An amount in the shop's currency.
    #[must_use]
    pub const fn money(&self, minor: i64) -> Money {
        Money { minor, ccy: self.ccy }
    }
}

/// Who asks an entity, and how.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The principal.
    pub principal: Principal,
    /// The request.
    pub cause: Cause,
    /// The key of the request.
    pub key: Option<(IdempotencyKey, Fingerprint)>,
}

impl Asker {
    /// The same, to show what its command did: a command that was done is answered by the thing
    /// as it is then, also to staff that may write such things and not read the others.
    #[must_use]
    pub fn shown(&self, read: Scope) -> Self {
        let mut shown = Self { key: None, ..self.clone() };
        shown.principal.scopes = shown.principal.scopes.with(read);
        shown
    }

    /// A question of this caller, who waits `wait_ms` at the most for what is not yet so.
    fn reading(&self, wait_ms: u64) -> Ask {
        let (principal, cause) = (self.principal.clone(), self.cause.clone());
        Ask { principal, cause, idempotency: None, wait_ms }
    }
}

impl<B> Call<B> {
    /// Who asks, for questions and for commands without a key.
    #[must_use]
    pub fn asker(&self) -> Asker {
        let principal = self.principal();
        let cause = Cause {
            trace: self.context.trace,
            request: self.context.number,
            kind: principal.kind,
            subject: principal.subject.clone(),
        };
        Asker { principal, cause, key: None }
    }

    /// Who asks, with the key of the request.
    #[must_use]
    pub fn asker_with_key(&self) -> Asker {
        Asker { key: self.key, ..self.asker() }
    }
}

struct Inner {
    region: Region,
    store: SharedStore,
    settings: Settings,
    terms: Terms,
    views: Views,
    publishing: Mutex<()>,
}

/// The shop. Cheap to clone.
#[derive(Clone)]
pub struct Shop(Arc<Inner>);

impl Shop {
    /// A shop over a node.
    #[must_use]
    pub fn new(
        region: Region,
        store: SharedStore,
        settings: Settings,
        terms: Terms,
        views: Views,
    ) -> Self {
        let publishing = Mutex::default();
        Self(Arc::new(Inner { region, store, settings, terms, views, publishing }))
    }

    /// The entrance to all entities.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.0.region
    }

    /// Named values.
    #[must_use]
    pub fn store(&self) -> &SharedStore {
        &self.0.store
    }

    /// Dynamic configuration.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The read models behind lists.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.0.views
    }

    /// An order's clocks, as they are set now; it keeps those that it was placed with.
    pub(crate) fn timers(&self) -> Timers {
        let values = self.settings().values();
        Timers {
            reserve_ms: values.get(settings::T_RESERVE_MS),
            pay_ms: values.get(settings::T_PAY_MS),
            hold_grace_ms: values.get(settings::HOLD_GRACE_MS),
            auto_receipt_ms: values.get(settings::AUTO_RECEIPT_MS),
            return_window_ms: values.get(settings::RETURN_WINDOW_MS),
            cod_overdue_ms: values.get(settings::COD_OVERDUE_MS),
            ..Timers::default()
        }
    }

    /// Held while the catalogue is published: one publication at a time.
    pub(crate) fn publishing(&self) -> &Mutex<()> {
        &self.0.publishing
    }

    /// What it sells on.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// Tells an entity a command.
    pub async fn ask<E>(
        &self,
        asker: &Asker,
        key: &EntityKey,
        command: &E::Command,
    ) -> Result<Reply<E>, Problem>
    where
        E: Entity,
        E::Rejection: Refused,
    {
        self.tell(asker, key, command).await.map_err(|error| self.refused(error))
    }

    /// The same, for those who add something to a refusal.
    pub(crate) async fn tell<E: Entity>(
        &self,
        asker: &Asker,
        key: &EntityKey,
        command: &E::Command,
    ) -> Result<Reply<E>, AskError<E>> {
        let keep_ms = self.settings().get(settings::IDEMPOTENCY_KEEP_MS);
        let keyed = |(key, fingerprint)| Keyed { key, fingerprint, keep_ms };
        let ask = Ask {
            principal: asker.principal.clone(),
            cause: asker.cause.clone(),
            idempotency: asker.key.map(keyed),
            wait_ms: limits::COMMAND_DEADLINE_MS,
        };
        self.region().ask::<E>(key, command, ask).await
    }

    /// The shop itself, for what this caller must not do and the shop does for one. It keeps the
    /// caller's name: what is done counts against that one's share of the node, not everybody's.
    pub(crate) fn on_behalf_of(caller: &Principal) -> Principal {
        Principal { kind: PrincipalKind::Service, scopes: Scopes::ALL, ..caller.clone() }
    }

    /// The problem of a command that was not taken. A full window of keys says when there is
    /// room at the latest: no key is kept longer.
    pub(crate) fn refused<E>(&self, error: AskError<E>) -> Problem
    where
        E: Entity,
        E::Rejection: Refused,
    {
        let is_full = matches!(error, AskError::KeysFull);
        let problem = problem(error);
        let keep_ms = self.settings().get(settings::IDEMPOTENCY_KEEP_MS);
        if is_full { problem.retry_after_ms(keep_ms) } else { problem }
    }

    /// Asks an entity, waiting up to `wait_ms` until it has what is wanted.
    pub async fn query<E>(
        &self,
        asker: &Asker,
        key: &EntityKey,
        query: &E::Query,
        wait_ms: u64,
    ) -> Result<Seen<E>, Problem>
    where
        E: Entity,
        E::Rejection: Refused,
    {
        self.region().query::<E>(key, query, asker.reading(wait_ms)).await.map_err(problem)
    }

    /// What an entity shows of a command that it took: what that very command made, and not what
    /// somebody has made of it since, whose tag the caller would take for that of his own write.
    /// `version`: of the command's reply.
    ///
    /// Mostly nobody came in between, and one question is enough; else the journal tells, in
    /// O(frames of the entity since its snapshot, or all of them if that is a newer one). Replies
    /// that carry views would save the question, but older edges of a rolling upgrade could not
    /// read them.
    pub(crate) async fn made<E>(
        &self,
        asker: &Asker,
        key: &EntityKey,
        version: u64,
        query: &E::Query,
    ) -> Result<E::View, Problem>
    where
        E: Entity,
        E::Rejection: Refused,
    {
        let seen = self.query::<E>(asker, key, query, 0).await?;
        if seen.version == version {
            return Ok(seen.view);
        }
        // Boxed: answers that nobody came before do not carry its state.
        Ok(Box::pin(self.query_at::<E>(asker, key, version, query)).await?.view)
    }

    /// Asks an entity, and one in quarantine as its journal has it: for lists, which one thing that
    /// waits for an operator must not close.
    pub(crate) async fn query_or_read<E>(
        &self,
        asker: &Asker,
        key: &EntityKey,
        query: &E::Query,
    ) -> Result<Seen<E>, Problem>
    where
        E: Entity,
        E::Rejection: Refused,
    {
        match self.region().query::<E>(key, query, asker.reading(0)).await {
            // Boxed: reads of what is well do not carry its state.
            Err(AskError::Quarantined) => {
                Box::pin(self.query_at(asker, key, u64::MAX, query)).await
            }
            answer => answer.map_err(problem),
        }
    }

    /// Asks an entity as it was at a version.
    pub async fn query_at<E>(
        &self,
        asker: &Asker,
        key: &EntityKey,
        version: u64,
        query: &E::Query,
    ) -> Result<Seen<E>, Problem>
    where
        E: Entity,
        E::Rejection: Refused,
    {
        let ask = asker.reading(limits::COMMAND_DEADLINE_MS);
        self.region().query_at::<E>(key, version, query, ask).await.map_err(problem)
    }

    /// All steps of an entity, oldest first. Nobody is asked whether the caller may see it: that
    /// comes first. O(frames of the entity).
    pub(crate) async fn history<E>(
        &self,
        asker: &Asker,
        key: &EntityKey,
    ) -> Result<Vec<StepRecord>, Problem>
    where
        E: Entity,
        E::Rejection: Refused,
    {
        let ask = asker.reading(limits::COMMAND_DEADLINE_MS);
        let read = self.region().history(key, &ask, 0).await;
        read.map_err(|error| problem(AskError::<E>::from(error)))
    }

    /// Shows the steps of an entity, newest first, until `look` has seen enough. Nobody is asked
    /// whether the caller may see them: that comes first. O(frames of the entity until then).
    pub(crate) async fn look_back<E>(
        &self,
        asker: &Asker,
        key: &EntityKey,
        mut look: impl FnMut(&StepRecord) -> ControlFlow<()>,
    ) -> Result<(), Problem>
    where
        E: Entity,
        E::Rejection: Refused,
    {
        let ask = asker.reading(limits::COMMAND_DEADLINE_MS);
        let look = |record: &StepRecord| match look(record) {
            ControlFlow::Continue(()) => Look::Pass,
            ControlFlow::Break(()) => Look::Stop,
        };
        let read = self.region().walk_back(key, &ask, look).await;
        read.map(drop).map_err(|error| problem(AskError::<E>::from(error)))
    }
}

/// Every way in which an entity may not answer, as a problem.
pub fn problem<E>(error: AskError<E>) -> Problem
where
    E: Entity,
    E::Rejection: Refused,
{
    match error {
        AskError::Rejected { rejection, replayed } => {
            let problem = rejection.problem();
            match replayed {
                Some(first) => problem.replayed(first.request, first.trace_id),
                None => problem,
            }
        }
        AskError::KeyReused => Problem::new(Code::IdempotencyKeyReused),
        AskError::KeysFull => Problem::new(Code::RateLimited).detail(
            "this thing keeps as many idempotency keys as it may; one is forgotten by then",
        ),
        AskError::StateFull => {
            Problem::new(Code::OverCapacity).detail("the thing is as large as it may be")
        }
        AskError::Quarantined => {
            Problem::new(Code::Unavailable).detail("the thing waits for an operator")
        }
        AskError::Overloaded { retry_after_ms } => {
            Problem::new(Code::OverCapacity).retry_after_ms(retry_after_ms)
        }
        AskError::RateLimited { retry_after_ms } => Problem::new(Code::RateLimited)
            .detail("too many requests of this principal are under way")
            .retry_after_ms(retry_after_ms),
        AskError::TimedOut => Problem::new(Code::Unavailable).detail(
            "no answer in time; whether it was done is not known, repeat with the same key",
        ),
        AskError::Unavailable => Problem::new(Code::Unavailable),
        AskError::Unreadable => Problem::new(Code::Internal),
    }
}
