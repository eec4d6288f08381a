//! The trait that every business entity implements.

use codec::Stored;

use crate::{
    Answer, Bounce, Context, Decision, EntityKey, EventContext, Kind, Publication, Timestamp,
    limits,
};

/// A business entity as a pure state machine.
///
/// `decide` looks and does not touch; `evolve` touches and does not look around. What must not be
/// drawn again in replay (an id, a share) stands inside the event. Both are total: a state and a
/// command that do not fit are a rejection, never a panic.
pub trait Entity: Sized + Clone + Stored + Send + 'static {
    /// The kind's number, never used again.
    const KIND: Kind;
    /// The kind's name: `order`.
    const NAME: &'static str;
    /// Idempotency keys that it keeps of one principal.
    const PRINCIPAL_KEYS: usize = limits::PRINCIPAL_KEYS;
    /// What it can be told.
    type Command: Stored + Send;
    /// What can happen to it.
    type Event: Stored + Send;
    /// What a caller hears after a command.
    type Reply: Stored + Send + Sync;
    /// How it says no. A rejection writes nothing but, under a key, itself.
    type Rejection: Stored + Send;
    /// What it can be asked.
    type Query: Stored + Clone + Send + Sync;
    /// What it shows.
    type View: Stored + Send + Sync;

    /// The state before the first event.
    fn initial(key: &EntityKey) -> Self;

    /// Decides a command of a caller or of another entity. Ownership is checked here.
    ///
    /// A caller's command needs a reply. A rejection of another entity's command goes back to it
    /// as a bounce.
    fn decide(
        &self,
        ctx: &Context<'_>,
        command: Self::Command,
    ) -> Result<Decision<Self>, Self::Rejection>;

    /// Decides what happens now that [`Self::next_deadline`] has passed.
    ///
    /// After its events the next deadline must be later than `now`, or gone.
    fn wake(&self, ctx: &Context<'_>) -> Decision<Self>;

    /// Decides what happens when a message of ours was not taken.
    fn bounced(&self, ctx: &Context<'_>, bounce: &Bounce<'_>) -> Decision<Self>;

    /// Applies an event: live and in replay alike.
    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Self::Event);

    /// When it wants to be woken next.
    fn next_deadline(&self) -> Option<Timestamp>;

    /// Answers a query on durable state.
    fn query(&self, ctx: &Context<'_>, query: &Self::Query) -> Answer<Self::View, Self::Rejection>;

    /// Whether a query that can wait may have what it waits for. Asked after each change, before a
    /// view is made that nobody would get: `false` says that [`Self::query`] would answer
    /// [`Answer::NotYet`], `true` says nothing.
    fn may_be_ready(&self, _ctx: &Context<'_>, _query: &Self::Query) -> bool {
        true
    }

    /// The public face of an event; `None` for kinds that are not published.
    ///
    /// All events of a published kind must have one, so that versions on the bus have no gaps.
    fn publication(ctx: &EventContext<'_>, event: &Self::Event) -> Option<Publication>;

    /// Bytes on the heap that the state holds, roughly; for the memory budget and the cap.
    fn heap_bytes(&self) -> usize;
}
