//! A decision in the making: facts are applied to a copy as they are decided.
//!
//! So each further decision sees what the facts before it did, and no rule has to guess the state
//! after a fact. The copy is small (the terms are shared); the cell applies the same facts again.

use entity::{Context, Decision, Effect, EventContext};

use super::Order;
use super::body::Body;
use super::command::Reply;
use super::effects::Voice;
use super::event::{Event, Fact};

/// Facts and effects so far, and the order as they leave it.
pub(super) struct Draft<'a> {
    pub(super) ctx: &'a Context<'a>,
    pub(super) body: Body,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl<'a> Draft<'a> {
    /// Nothing decided yet.
    pub(super) const fn new(ctx: &'a Context<'a>, body: Body) -> Self {
        Self { ctx, body, events: Vec::new(), effects: Vec::new() }
    }

    /// Decides a fact.
    pub(super) fn push(&mut self, fact: Fact) {
        let before = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        let version = self.ctx.version.saturating_add(before).saturating_add(1);
        let ctx = EventContext { key: self.ctx.key, version, at: self.ctx.now };
        self.body.evolve(&ctx, &fact);
        self.events.push(Event { after: self.body.after(), fact });
    }

    /// Asks something of others, as the order stands now.
    pub(super) fn tell(&mut self, build: impl FnOnce(Voice<'_>, &mut Vec<Effect>)) {
        build(Voice { key: self.ctx.key, body: &self.body }, &mut self.effects);
    }

    /// The decision.
    pub(super) fn done(self) -> Decision<Order> {
        Decision { events: self.events, effects: self.effects, reply: None }
    }

    /// The decision with an answer for a caller.
    pub(super) fn replying(self, reply: Reply) -> Decision<Order> {
        self.done().replying(reply)
    }
}
