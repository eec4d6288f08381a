//! Watching: one question per slot is under way, and one for the customer's new orders.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use commerce::keys;
use entity::EntityKey;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::super::slot::Slot;
use super::super::{News, Position, Reason, Watcher, is_refusal};
use super::{Form, Live, Page, SlotKey};
use crate::identity::Topic;
use crate::limits;
use crate::problem::{Problem, is_of_one};

impl Watcher {
    /// The state of a topic for a client that has `last` of it.
    pub(crate) async fn page(&self, topic: &Topic, last: Option<&str>) -> Result<Page, Problem> {
        match topic {
            Topic::Order(id) => {
                let key = keys::parse_order(&self.asker.principal.tenant, id)
                    .expect("the form of a topic was checked");
                let have = last.and_then(super::super::read_id);
                let news = self.first(&key, have).await?;
                let orders = vec![(key, have, news)];
                Ok(Page { seen: 0, orders, missing: Vec::new(), is_reset: false })
            }
            Topic::Me => {
                let position = last.map(Position::read);
                // Who shows a position that nobody reads hears that all is told anew.
                let is_unread = position.as_ref().is_some_and(Option::is_none);
                let page = self.page_of_me(position.flatten()).await?;
                Ok(Page { is_reset: page.is_reset || is_unread, ..page })
            }
        }
    }

    /// The customer's newest orders, and older ones that may still have news. One that cannot be
    /// read now (in quarantine, in a shard that does not answer) is watched like the others and
    /// comes when it can be read: it ends no stream.
    async fn page_of_me(&self, position: Option<Position>) -> Result<Page, Problem> {
        let position = position.unwrap_or_default();
        let (seen, mut keys) = self.orders(None, limits::STREAM_OPEN_MS).await?;
        let n_recent = keys.len();
        let older = self.older_orders(&keys, &position).await;
        keys.extend(older);
        let firsts = keys.iter().map(|key| self.first(key, position.get(key)));
        let firsts: Vec<_> = stream::iter(firsts).buffered(limits::READS_AT_ONCE).collect().await;
        let (mut orders, mut missing) = (Vec::with_capacity(keys.len()), Vec::new());
        for (index, (key, first)) in keys.into_iter().zip(firsts).enumerate() {
            let have = position.get(&key);
            match first {
                // Told to the end: it leaves the token, or that would only grow.
                Ok(news) if index >= n_recent && news.is_end(have) => {}
                Ok(news) => orders.push((key, have, news)),
                // Recorded before it was placed, or never placed: the next look finds it.
                Err(problem) if is_refusal(&problem) => {}
                Err(problem) if is_of_one(&problem) => {
                    tracing::warn!(%key, %problem, "a stream begins without an order");
                    missing.push((key, have));
                }
                Err(problem) => return Err(problem),
            }
        }
        let is_reset = orders.iter().any(|(_, _, news)| news.is_reset);
        Ok(Page { seen, orders, missing, is_reset })
    }
}

impl Live {
    /// Asks an order for a version later than the slot's.
    pub(super) fn watch(&mut self, key: &SlotKey, ctx: &mut Context<Self>) {
        let Some((subscription, slot)) = self.slots.get(key) else { return };
        // A customer's old orders are many and quiet; an order watched by itself may be reopened.
        if slot.is_closed() && key.0 == Topic::Me {
            return;
        }
        let (key, subscription) = (key.clone(), *subscription);
        let (seen, since, watcher) = (slot.seen(), slot.since(), self.watcher.clone());
        let asked = async move {
            let answer = watcher.newer(&key.1, seen, since).await;
            (key, answer)
        };
        ctx.spawn(asked.into_actor(self).map(move |(key, answer), live, ctx| {
            live.answered(&key, subscription, answer, ctx);
        }));
    }

    fn answered(
        &mut self,
        key: &SlotKey,
        subscription: u64,
        answer: Result<Option<News>, Problem>,
        ctx: &mut Context<Self>,
    ) {
        let Some((of, slot)) = self.slots.get_mut(key) else { return };
        if *of != subscription {
            return;
        }
        match answer {
            Ok(Some(news)) => {
                if slot.put(news, Instant::now()) {
                    self.ready.push_back(key.clone());
                    self.flush(ctx);
                }
                self.watch(key, ctx);
            }
            Ok(None) => self.watch(key, ctx),
            Err(problem) if is_refusal(&problem) && key.0 != Topic::Me => {
                self.lost(&key.0, &problem, ctx);
            }
            // Overloaded, recovering, or a new order that is about to be placed.
            Err(_) => {
                let key = key.clone();
                let again = limits::STREAM_ASK_AGAIN_MS;
                let again = Duration::from_millis(again + self.draw(again));
                ctx.run_later(again, move |live, ctx| live.watch(&key, ctx));
            }
        }
    }

    /// The client may not read it any more. A new stream hears why.
    fn lost(&mut self, topic: &Topic, problem: &Problem, ctx: &mut Context<Self>) {
        match self.form {
            Form::Events => self.end(Reason::Unavailable, ctx),
            Form::Socket => {
                self.end_topic(topic);
                self.refuse(None, problem, ctx);
            }
        }
    }

    /// Watches the customer for orders that are new.
    pub(crate) fn watch_me(&mut self, seen: u64, ctx: &mut Context<Self>) {
        let Some(subscription) = self.topics.get(&Topic::Me).copied() else { return };
        let watcher = self.watcher.clone();
        let asked = async move { watcher.orders(Some(seen), limits::STREAM_ASK_MS).await };
        ctx.spawn(asked.into_actor(self).map(move |answer, live, ctx| {
            if live.topics.get(&Topic::Me) != Some(&subscription) {
                return;
            }
            match answer {
                Ok((version, keys)) => {
                    live.welcome(subscription, keys, ctx);
                    live.watch_me(version, ctx);
                }
                Err(_) => {
                    let again = Duration::from_millis(limits::STREAM_ASK_AGAIN_MS);
                    ctx.run_later(again, move |live, ctx| live.watch_me(seen, ctx));
                }
            }
        }));
    }

    fn welcome(&mut self, subscription: u64, keys: Vec<EntityKey>, ctx: &mut Context<Self>) {
        // Oldest first, so that a page shows them in the order in which they came.
        for key in keys.into_iter().rev() {
            let slot_key = (Topic::Me, key);
            if self.slots.contains_key(&slot_key) || !self.makes_room() {
                continue;
            }
            let slot = Slot::new(self.position.get(&slot_key.1));
            self.slots.insert(slot_key.clone(), (subscription, slot));
            self.watch(&slot_key, ctx);
        }
    }

    /// Whether there is room for another order; one that is over and told gives its own.
    fn makes_room(&mut self) -> bool {
        if self.slots.len() < limits::STREAM_ORDERS_MAX {
            return true;
        }
        let over = self.slots.iter().find(|((topic, _), (_, slot))| {
            *topic == Topic::Me && slot.is_closed() && slot.waits_since().is_none()
        });
        let Some(over) = over.map(|(key, _)| key.clone()) else { return false };
        self.position.forget(&over.1);
        self.slots.remove(&over).is_some()
    }
}
