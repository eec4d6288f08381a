//! The ticker: wakes hosts whose time has come, and notices hosts that stand still.
//!
//! It looks every [`limits::TICK_MS`] while there is work, and when nothing waits not before the
//! first deadline, but for a look each [`limits::TICK_IDLE_MS`]; inboxes ring its [`Bell`] when
//! they want it earlier. So an idle node is idle.

use std::sync::{Arc, Weak};

use crate::ctx::Clock;
use crate::limits;
use crate::node::Life;
use crate::shard::inbox::{Bell, Inbox};

/// Ticks until the node is gone.
pub(super) fn start(
    life: &Life,
    clock: Arc<dyn Clock>,
    inboxes: &Arc<Vec<Arc<Inbox>>>,
    bell: Arc<Bell>,
) {
    let inboxes: Weak<Vec<Arc<Inbox>>> = Arc::downgrade(inboxes);
    life.spawn(async move {
        let mut watchdog = Watchdog::default();
        loop {
            let wait_ms = {
                let Some(inboxes) = inboxes.upgrade() else { return };
                // Whoever wants something from here on either is seen below or rings.
                bell.plan(u64::MAX);
                let now = clock.now().0;
                let wait_ms = wait_ms(&inboxes, now);
                bell.plan(if wait_ms <= limits::TICK_MS { 0 } else { now + wait_ms });
                wait_ms
            };
            tokio::select! {
                biased;
                () = bell.rung() => continue,
                () = clock.sleep(wait_ms) => {}
            }
            let Some(inboxes) = inboxes.upgrade() else { return };
            watchdog.look(&inboxes, wait_ms);
            let now = clock.now().0;
            // What was put in quietly has waited long enough.
            let is_due = |it: &&Arc<Inbox>| it.wakeup() <= now || it.depth() > 0;
            for inbox in inboxes.iter().filter(|it| it.has_host()).filter(is_due) {
                inbox.wake();
            }
        }
    });
}

/// How long nobody needs a tick.
fn wait_ms(inboxes: &[Arc<Inbox>], now: u64) -> u64 {
    let mut wait_ms = limits::TICK_IDLE_MS;
    for inbox in inboxes.iter().filter(|it| it.has_host()) {
        if inbox.is_awake() || inbox.depth() > 0 {
            return limits::TICK_MS;
        }
        wait_ms = wait_ms.min(inbox.wakeup().saturating_sub(now));
    }
    wait_ms.max(limits::TICK_MS)
}

/// Gives up hosts that have work and make no progress.
#[derive(Default)]
struct Watchdog {
    seen: Vec<(u64, u64)>,
}

impl Watchdog {
    /// `waited_ms` after the last look, as the ticker slept: a clock that is set must not count.
    fn look(&mut self, inboxes: &[Arc<Inbox>], waited_ms: u64) {
        self.seen.resize(inboxes.len(), (0, 0));
        for (index, (inbox, (turns, still_ms))) in inboxes.iter().zip(&mut self.seen).enumerate() {
            if !inbox.is_awake() || !inbox.has_host() || inbox.turns() != *turns {
                (*turns, *still_ms) = (inbox.turns(), 0);
                continue;
            }
            *still_ms += waited_ms;
            if *still_ms >= limits::WATCHDOG_MS && !inbox.is_given_up() {
                metrics::counter!("mercato_shards_given_up_total").increment(1);
                tracing::error!(shard = index, "the host makes no progress; shard given up");
                inbox.give_up();
            }
        }
    }
}
