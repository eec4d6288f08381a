//! News of an order: its state, and the timeline entries that the client does not have.
//!
//! Pure: which entries belong to a frame, and whether the client has to begin anew, follows from
//! the view and from the version that the client has.

use commerce::order::{Entry, OrderView, TIMELINE_SHOWN};
use entity::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dto::{Order, TimelineEntry};
use crate::problem::Problem;

/// A state of an order that may be worth a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    /// The order.
    pub(crate) view: Box<OrderView>,
    /// What happened since `since`, oldest first.
    pub(crate) facts: Vec<Entry>,
    /// The version from which on `facts` is whole; none: the newest entries.
    pub(crate) since: Option<u64>,
    /// The client has to forget what it has: entries that it lacks are gone, or its version is
    /// none of this history.
    pub(crate) is_reset: bool,
}

impl News {
    /// Whether the entries of `view` (the newest 50) do not reach back to what the client has, so
    /// that the order has to be asked for those since a version.
    pub(crate) fn asks_since(view: &OrderView, have: Option<u64>) -> Option<u64> {
        let have = have?;
        if have > view.version {
            return Some(0);
        }
        let oldest = view.timeline.first()?;
        let is_cut = view.timeline.len() >= TIMELINE_SHOWN;
        (is_cut && oldest.seq > have.saturating_add(1)).then_some(have)
    }

    /// News for a client that has a version, from a view whose entries reach back that far.
    ///
    /// `all`: the entries since what [`Self::asks_since`] said, and whether some are gone; `keep`:
    /// entries that a stream may go back.
    pub(crate) fn new(
        view: Box<OrderView>,
        all: Option<(Vec<Entry>, bool)>,
        have: Option<u64>,
        keep: Option<usize>,
    ) -> Self {
        let is_ahead = have.is_some_and(|have| have > view.version);
        let (mut facts, is_gone) = all.unwrap_or_else(|| (view.timeline.clone(), false));
        // The entries were asked for after the view: later ones belong to a later frame.
        facts.retain(|entry| entry.seq <= view.version);
        let first_wanted = if is_ahead { 0 } else { have.unwrap_or(0) };
        facts.retain(|entry| entry.seq > first_wanted);
        let mut is_trimmed = is_gone && have.is_some();
        if let Some(keep) = keep
            && facts.len() > keep
        {
            is_trimmed |= have.is_some();
            facts.drain(..facts.len() - keep);
        }
        Self { view, facts, since: have, is_reset: is_ahead || is_trimmed }
    }

    /// Whether a client with this version has all that there will ever be.
    pub(crate) fn is_end(&self, have: Option<u64>) -> bool {
        self.view.closed_at.is_some() && have == Some(self.view.version)
    }

    /// The body of the frame.
    pub(crate) fn frame(&self, now: Timestamp) -> Result<OrderFrame, Problem> {
        Ok(OrderFrame {
            seq: self.view.version,
            order: Order::new(&self.view, now)?,
            timeline: self.facts.iter().copied().map(TimelineEntry::from).collect(),
        })
    }
}

/// The data of `order.status` and `reset`.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderFrame {
    /// The order's version; the `id` of the event on the order's own stream.
    seq: u64,
    /// The order as getOrder answers it.
    order: Order,
    /// Entries that the client does not have, oldest first.
    timeline: Vec<TimelineEntry>,
}

/// What the data of an event may be: of `order.status`, of `reset`, of `bye`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used; the frames are written one by one")]
pub enum StreamFrame {
    /// An order.
    Order(Box<OrderFrame>),
    /// The first page of a customer's orders.
    Page(PageFrame),
    /// The stream ends.
    Bye(ByeFrame),
}

/// The data of `bye`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used; `Reason` writes it")]
pub struct ByeFrame {
    /// Why the stream ends.
    reason: String,
    /// When to come back, in ms.
    reconnect_ms: u64,
}

/// The data of `reset` on the stream of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageFrame {
    /// The newest orders, newest first.
    pub(crate) orders: Vec<Order>,
}

/// A version as a client names it; anything else counts as none.
pub(crate) fn read_id(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}
