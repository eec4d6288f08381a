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
    /// The client has to begin anew; holds until that is written, whatever comes meanwhile.
    must_reset: bool,
    /// The order will not change any more.
    is_closed: bool,
}

impl Slot {
    /// For a client that has a version.
    pub(crate) fn new(have: Option<u64>) -> Self {
        Self { have, ..Self::default() }
    }

    /// The version from which on facts are asked for.
    pub(crate) const fn since(&self) -> Option<u64> {
        if self.must_reset { Some(0) } else { self.have }
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
        self.must_reset |= news.is_reset && news.since == self.since();
        let is_skipped = !news.view.version.is_multiple_of(2)
            && self.have.is_some()
            && sites::is_broken("live_stream_skips_a_version");
        let is_known = self.have.is_some_and(|have| have >= news.view.version) || is_skipped;
        if is_known && !self.must_reset {
            return false;
        }
        let since = self.waits_since();
        if since.is_some() {
            sites::hit("push.replaced");
        }
        self.waits = Some((news, since.unwrap_or(now)));
        since.is_none()
    }

    /// Takes out what is to be written.
    pub(crate) fn take(&mut self) -> Option<News> {
        let (mut news, _) = self.waits.take()?;
        news.is_reset = std::mem::take(&mut self.must_reset);
        if !news.is_reset {
            // Something may have been written while the order was asked: that is not new.
            let have = self.have.unwrap_or(0);
            news.facts.retain(|entry| entry.seq > have);
        }
        self.have = Some(news.view.version);
        Some(news)
    }
}
