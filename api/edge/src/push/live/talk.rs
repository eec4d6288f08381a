//! What a WebSocket's client says: `sub`, `unsub`, `ping`; and the answers.
//!
//! Bounded in size, in number per second and in topics. What has no form is answered with a
//! problem; a client that says too much is told to go. A `sub` that is taken back while it opens
//! is acknowledged before its `unsub`, and no frame of it comes.

use actix::{
    ActorContext, ActorFutureExt, AsyncContext, Context, SpawnHandle, StreamHandler, WrapFuture,
};
use actix_http::ws::ProtocolError;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, MessageStream};
use serde_json::{Value, json};

use super::message::{ClientMessage, MessageId};
use super::{Live, Page};
use crate::identity::Topic;
use crate::json;
use crate::limits;
use crate::problem::{Code, Problem};
use crate::push::{Reason, wire};

/// A topic that begins, or why it does not.
type Began = Result<Page, Problem>;

/// A `sub` whose page is not there yet, and that nothing took back or overtook.
pub(super) struct Wish {
    number: u64,
    id: Option<MessageId>,
    topic: Topic,
    /// Reads the page; ended with the wish, since it may cost as much as some hundred questions.
    opening: SpawnHandle,
}

/// The client's messages, bounded.
pub(crate) fn bounded(messages: MessageStream) -> AggregatedMessageStream {
    messages
        .max_frame_size(limits::SOCKET_MESSAGE_BYTES_MAX)
        .aggregate_continuations()
        .max_continuation_size(limits::SOCKET_MESSAGE_BYTES_MAX)
}

impl StreamHandler<Result<AggregatedMessage, ProtocolError>> for Live {
    fn handle(
        &mut self,
        message: Result<AggregatedMessage, ProtocolError>,
        ctx: &mut Context<Self>,
    ) {
        self.silent_since = None;
        if self.ends {
            return;
        }
        let Some(budget) = self.budget.checked_sub(1) else {
            return self.end(Reason::Policy, ctx);
        };
        self.budget = budget;
        match message {
            Ok(AggregatedMessage::Text(text)) => {
                if let Err((id, problem)) = self.hear(text.as_bytes(), ctx) {
                    self.refuse(id.as_ref(), &problem, ctx);
                }
            }
            Ok(AggregatedMessage::Ping(payload)) => self.say(wire::pong(&payload), ctx),
            Ok(AggregatedMessage::Pong(_)) => {}
            Ok(AggregatedMessage::Close(_)) => {
                self.ends = true;
                self.ready.clear();
                self.urgent.clear();
                self.say(wire::close(1000, ""), ctx);
                self.cut_later(ctx);
            }
            Ok(AggregatedMessage::Binary(_)) | Err(_) => self.end(Reason::Policy, ctx),
        }
    }

    /// The client has closed its half without a word.
    fn finished(&mut self, ctx: &mut Context<Self>) {
        if !self.ends {
            ctx.stop();
        }
    }
}

impl Live {
    /// Does what a message asks for.
    fn hear(
        &mut self,
        text: &[u8],
        ctx: &mut Context<Self>,
    ) -> Result<(), (Option<MessageId>, Problem)> {
        let tree = json::parse(text).map_err(|problem| (None, problem))?;
        // Who sent a message that is not understood still wants to know which one it was.
        let refused = |problem| (tree.get("id").and_then(|id| json::decode(id).ok()), problem);
        let message: ClientMessage = json::decode(&tree).map_err(refused)?;
        let id = message.id;
        let topic = match (&*message.op, message.topic) {
            ("ping", None) => {
                self.acknowledge(id.as_ref(), None, ctx);
                return Ok(());
            }
            ("sub" | "unsub", Some(topic)) => Topic::parse(&topic).ok_or_else(|| {
                let detail = "a topic is `me` or `orders/ord_..`";
                (id.clone(), Problem::invalid("/topic", "bad_form", detail))
            })?,
            (_, _) => {
                let detail = "`sub` and `unsub` with a topic, or `ping`";
                return Err((id, Problem::invalid("/op", "unknown_value", detail)));
            }
        };
        if &*message.op == "unsub" {
            self.settle_wishes(&topic, u64::MAX, ctx);
            self.end_topic(&topic);
            self.acknowledge(id.as_ref(), Some(&topic), ctx);
            return Ok(());
        }
        let may = self.caller.may_watch(&topic).and_then(|()| self.has_room_for(&topic));
        may.map_err(|problem| (id.clone(), problem))?;
        let last = match message.last_seq {
            // The `seq` of one of many orders: to begin anew would repeat all without a word.
            Some(Value::Number(_)) if topic == Topic::Me => {
                let detail = "`me` goes on from the `id` of its last frame";
                return Err((id, Problem::invalid("/last_seq", "bad_form", detail)));
            }
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(Value::String(text)) => Some(text),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                let detail = "a number or the `id` of a frame";
                return Err((id, Problem::invalid("/last_seq", "bad_form", detail)));
            }
            Some(Value::Null) | None => None,
        };
        self.subscribe(id, topic, last, ctx);
        Ok(())
    }

    fn has_room_for(&self, topic: &Topic) -> Result<(), Problem> {
        if self.topics.contains_key(topic) || self.topics.len() < limits::SOCKET_TOPICS_MAX {
            return Ok(());
        }
        let detail = format!("a connection has {} topics at the most", limits::SOCKET_TOPICS_MAX);
        Err(Problem::new(Code::OverCapacity).detail(detail))
    }

    fn subscribe(
        &mut self,
        id: Option<MessageId>,
        topic: Topic,
        last: Option<String>,
        ctx: &mut Context<Self>,
    ) {
        self.n_wishes += 1;
        let number = self.n_wishes;
        let (watcher, asked) = (self.watcher.clone(), topic.clone());
        let opening = async move { watcher.page(&asked, last.as_deref()).await };
        let opening = ctx.spawn(opening.into_actor(self).map(move |began, live, ctx| {
            live.began(number, began, ctx);
        }));
        self.wishes.push(Wish { number, id, topic, opening });
    }

    fn began(&mut self, number: u64, began: Began, ctx: &mut Context<Self>) {
        if self.ends {
            return;
        }
        // One that was taken back or overtaken was answered then.
        let at = self.wishes.iter().position(|wish| wish.number == number);
        let Some(at) = at else { return };
        let Wish { id, topic, .. } = self.wishes.remove(at);
        match began.and_then(|page| self.has_room_for(&topic).map(|()| page)) {
            Ok(page) => {
                self.settle_wishes(&topic, number, ctx);
                // The answer goes before the first frame: both are written in this order.
                self.acknowledge(id.as_ref(), Some(&topic), ctx);
                if self.ends {
                    return; // There were too many answers.
                }
                self.begin(topic.clone(), page);
                self.watch_topic(&topic, ctx);
                self.flush(ctx);
            }
            Err(problem) => self.refuse(id.as_ref(), &problem, ctx),
        }
    }

    /// Acknowledges the wishes for a topic with smaller numbers, in order, and ends their reading.
    fn settle_wishes(&mut self, topic: &Topic, number: u64, ctx: &mut Context<Self>) {
        let (settled, open): (Vec<Wish>, Vec<Wish>) = std::mem::take(&mut self.wishes)
            .into_iter()
            .partition(|wish| wish.topic == *topic && wish.number < number);
        self.wishes = open;
        for wish in settled {
            ctx.cancel_future(wish.opening);
            self.acknowledge(wish.id.as_ref(), Some(topic), ctx);
        }
    }

    fn acknowledge(
        &mut self,
        id: Option<&MessageId>,
        topic: Option<&Topic>,
        ctx: &mut Context<Self>,
    ) {
        let topic = topic.map(Topic::text);
        self.say(wire::answer(&json!({"op": "ack", "id": id, "topic": topic})), ctx);
    }

    /// Answers with a problem.
    pub(super) fn refuse(
        &mut self,
        id: Option<&MessageId>,
        problem: &Problem,
        ctx: &mut Context<Self>,
    ) {
        let body = problem.body(&self.origin);
        let body: Value = serde_json::from_slice(&body).expect("we wrote it as JSON");
        self.say(wire::answer(&json!({"op": "error", "id": id, "problem": body})), ctx);
    }

    fn say(&mut self, piece: bytes::Bytes, ctx: &mut Context<Self>) {
        if self.urgent.len() >= limits::SOCKET_ANSWERS_MAX {
            return self.end(Reason::Policy, ctx);
        }
        self.urgent.push_back(piece);
        self.flush(ctx);
    }
}
