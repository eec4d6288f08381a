//! The life of a connection: heartbeats, age, credential, drain, and clients that do not read.

use std::time::Duration;

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::time::Instant;

use super::Live;
use crate::limits;
use crate::push::{Form, Reason};
use crate::settings;

impl Live {
    /// Starts the clocks.
    pub(super) fn live_on(&mut self, ctx: &mut Context<Self>) {
        let look = Duration::from_millis(self.edge.streams().pace().look_ms);
        ctx.run_interval(look, Self::look);
        // Streams that began together must not all come back together.
        let age = self.setting(settings::STREAM_MAX_AGE_MS);
        let age = age - self.draw(age / 5) + age / 10;
        ctx.run_later(Duration::from_millis(age), |live, ctx| live.end(Reason::TooOld, ctx));
        self.beat_later(ctx);
        let told = self.place.told_to_go();
        ctx.spawn(told.into_actor(self).map(|over, live, ctx| {
            let over = over.map_or(0, |over| u64::try_from(over.as_millis()).unwrap_or(u64::MAX));
            // A fifth of the time is left for the last ones to be written.
            let moment = Duration::from_millis(live.draw(over - over / 5));
            ctx.run_later(moment, |live, ctx| live.end(Reason::Drained, ctx));
        }));
    }

    fn setting(&self, spec: settings::Spec) -> u64 {
        self.watcher.shop.settings().get(spec)
    }

    /// A number below `bound`; 0 when there is none.
    pub(super) fn draw(&self, bound: u64) -> u64 {
        u64::from_be_bytes(self.edge.random()).checked_rem(bound).unwrap_or(0)
    }

    fn beat_later(&mut self, ctx: &mut Context<Self>) {
        let every = self.setting(settings::HEARTBEAT_MS);
        self.beat_ms = every;
        let every = every - self.draw(every / 10);
        ctx.run_later(Duration::from_millis(every), |live, ctx| {
            live.silent_since.get_or_insert_with(Instant::now);
            // A piece that is still on its way says as much as a heartbeat.
            if !live.ends && live.urgent.is_empty() && live.outlet.capacity() > 0 {
                live.urgent.push_back(live.form.heartbeat());
                live.flush(ctx);
            }
            live.beat_later(ctx);
        });
    }

    /// Looks after itself.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.outlet.is_closed() {
            return ctx.stop();
        }
        self.budget = self.budget.saturating_add(limits::SOCKET_PER_SECOND);
        self.budget = self.budget.min(limits::SOCKET_BURST);
        let now = self.edge.wall();
        let has_ended = self.credential().is_some_and(|(expires_s, handles)| {
            expires_s <= now.0 / 1000 || self.edge.authority().revocations().holds(handles, now)
        });
        if has_ended {
            self.end(Reason::TicketExpired, ctx);
        }
        self.look_at_client(ctx);
    }

    fn look_at_client(&mut self, ctx: &mut Context<Self>) {
        let (pace, now) = (self.edge.streams().pace(), Instant::now());
        let passed = |since: Instant, ms: u64| now >= since + Duration::from_millis(ms);
        if self.outlet.capacity() == 0 && passed(self.handed_at, pace.unsent_ms) {
            let labels = [("reason", Reason::Slow.word())];
            metrics::counter!("mercato_edge_streams_ended_total", &labels).increment(1);
            // Nothing can be said to a client that does not read.
            return self.cut_now(ctx);
        }
        let longest = self.slots.values().filter_map(|(_, slot)| slot.waits_since()).min();
        if longest.is_some_and(|since| passed(since, pace.slot_ms)) {
            return self.end(Reason::Slow, ctx);
        }
        // The next ping comes when it was planned, whatever the setting has become since.
        let beat_ms = self.beat_ms.max(self.setting(settings::HEARTBEAT_MS));
        let silence_ms = beat_ms.saturating_mul(3) / 2;
        let is_silent = self.silent_since.is_some_and(|since| passed(since, silence_ms));
        if self.form == Form::Socket && is_silent {
            // Two pings without an answer: nobody is there.
            self.cut_now(ctx);
        }
    }

    /// Cuts the connection when its `bye` has not left in time.
    pub(super) fn cut_later(&self, ctx: &mut Context<Self>) {
        ctx.run_later(Duration::from_millis(limits::STREAM_BYE_MS), Self::cut_now);
    }

    pub(super) fn cut_now(&mut self, ctx: &mut Context<Self>) {
        self.cut.cut();
        ctx.stop();
    }
}
