//! Writing: one piece at a time, urgent ones first, then the slots in turn.

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use bytes::Bytes;
use entity::EntityKey;
use tokio::time::Instant;

use super::super::wire::Event;
use super::super::{News, PageFrame, Reason};
use super::{Live, SlotKey};
use crate::dto::Order;
use crate::identity::Topic;
use crate::problem::Problem;

impl Live {
    /// Writes what there is room for; comes back by itself when there is room again.
    pub(super) fn flush(&mut self, ctx: &mut Context<Self>) {
        while !self.awaits_room {
            if self.outlet.capacity() == 0 {
                if !self.urgent.is_empty() || !self.ready.is_empty() {
                    self.await_room(ctx);
                }
                return;
            }
            let piece = match self.next_piece() {
                Ok(Some(piece)) => piece,
                Ok(None) => return,
                Err(problem) => {
                    tracing::error!(%problem, "an order could not be shown on a stream");
                    return self.end(Reason::Unavailable, ctx);
                }
            };
            self.handed_at = Instant::now();
            // The actor is the only sender, so there is room; an error is a client that is gone.
            if self.outlet.try_send(piece).is_err() {
                return ctx.stop();
            }
            if self.ends && self.urgent.is_empty() {
                // The piece that was handed over still leaves: the body ends after it.
                return ctx.stop();
            }
        }
    }

    fn await_room(&mut self, ctx: &mut Context<Self>) {
        self.awaits_room = true;
        let outlet = self.outlet.clone();
        let room = async move { outlet.reserve_owned().await.is_ok() };
        ctx.spawn(room.into_actor(self).map(|is_open, live, ctx| {
            live.awaits_room = false;
            if is_open {
                live.flush(ctx);
            } else {
                ctx.stop();
            }
        }));
    }

    fn next_piece(&mut self) -> Result<Option<Bytes>, Problem> {
        if let Some(piece) = self.urgent.pop_front() {
            return Ok(Some(piece));
        }
        while let Some(key) = self.ready.pop_front() {
            let news = self.slots.get_mut(&key).and_then(|(_, slot)| slot.take());
            if let Some(news) = news {
                return self.write(&key, &news).map(Some);
            }
        }
        Ok(None)
    }

    /// The frame of an order.
    fn write(&mut self, (topic, order): &SlotKey, news: &News) -> Result<Bytes, Problem> {
        let version = news.view.version;
        let id = match topic {
            Topic::Order(_) => version.to_string(),
            Topic::Me => {
                self.position.set(order, version);
                self.position.token()
            }
        };
        let frame = news.frame(self.watcher.shop.region().now())?;
        let data = serde_json::to_string(&frame).expect("plain data with text keys");
        let name = if news.is_reset { "reset" } else { "order.status" };
        let topic = topic.text();
        let event = Event { topic: &topic, name, id: &id, seq: Some(version), data };
        metrics::counter!("mercato_edge_stream_frames_total").increment(1);
        Ok(self.form.event(&event))
    }

    /// The first page of a customer's orders, whole: what a reset of `me` carries.
    pub(super) fn write_page(&mut self, topic: &Topic, page: &[(EntityKey, Option<u64>, News)]) {
        let now = self.watcher.shop.region().now();
        for (order, _, news) in page {
            self.position.set(order, news.view.version);
        }
        let shown: Result<Vec<Order>, Problem> =
            page.iter().map(|(_, _, news)| Order::new(&news.view, now)).collect();
        let orders = match shown {
            Ok(orders) => orders,
            Err(problem) => {
                tracing::error!(%problem, "an order could not be shown on a stream");
                Vec::new()
            }
        };
        let data = serde_json::to_string(&PageFrame { orders }).expect("plain data");
        let (topic, id) = (topic.text(), self.position.token());
        let event = Event { topic: &topic, name: "reset", id: &id, seq: None, data };
        self.urgent.push_back(self.form.event(&event));
    }
}
