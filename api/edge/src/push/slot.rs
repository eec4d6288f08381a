//! A slot: the newest state of one order that a client has not got yet.
//!
//! Pure. A newer state takes the place of the one that waits; facts add up, because they are
//! counted from what was written last and not from what was replaced.

use tokio::time::Instant;

use super::News;

/// The slot of an order.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The version that the client has: its id, then what was written.
    have: Option<u64>,
    /// The newest version that was asked for and seen.
    seen: u64,
    /// What waits, and since when.
    waits: Option<(News, Instant)>,
    /// The order will not change any more.
    is_closed: bool,
}

impl Slot {
    /// For a client that has a version.
    pub(crate) fn new(have: Option<u64>) -> Self {
        Self { have, ..Self::default() }
    }

    /// The version that the client has.
    pub(crate) const fn have(&self) -> Option<u64> {
        self.have
    }

    /// The version that newer ones are asked for.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether nothing more will come.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Since when a state waits.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.waits.as_ref().map(|(_, since)| *since)
    }

    /// Takes news in. Answers whether something waits now that did not before.
    pub(crate) fn put(&mut self, news: News, now: Instant) -> bool {
        self.seen = news.view.version;
        self.is_closed = news.view.closed_at.is_some();
        let is_known = self.have.is_some_and(|have| have >= news.view.version);
        let is_reset = news.is_reset && news.since == self.have;
        if is_known && !is_reset {
            return false;
        }
        let since = self.waits_since();
        self.waits = Some((news, since.unwrap_or(now)));
        since.is_none()
    }

    /// Takes out what is to be written.
    pub(crate) fn take(&mut self) -> Option<News> {
        let (mut news, _) = self.waits.take()?;
        if news.since != self.have {
            // Something was written while the order was asked: what that held is not new.
            news.is_reset = false;
            let have = self.have.unwrap_or(0);
            news.facts.retain(|entry| entry.seq > have);
        }
        self.have = Some(news.view.version);
        Some(news)
    }
}
