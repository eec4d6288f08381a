//! The ticker: wakes hosts whose time has come, and notices hosts that stand still.

use std::sync::{Arc, Weak};

use crate::ctx::Clock;
use crate::limits;
use crate::node::Life;
use crate::shard::inbox::Inbox;

/// Ticks until the node is gone.
pub(super) fn start(life: &Life, clock: Arc<dyn Clock>, inboxes: &Arc<Vec<Arc<Inbox>>>) {
    let inboxes: Weak<Vec<Arc<Inbox>>> = Arc::downgrade(inboxes);
    life.spawn(async move {
        let mut watchdog = Watchdog::default();
        loop {
            clock.sleep(limits::TICK_MS).await;
            let Some(inboxes) = inboxes.upgrade() else { return };
            let now = clock.now().0;
            watchdog.look(&inboxes);
            // What was put in quietly has waited long enough.
            for inbox in inboxes.iter().filter(|it| it.wakeup() <= now || it.depth() > 0) {
                inbox.wake();
            }
        }
    });
}

/// Gives up hosts that have work and make no progress.
#[derive(Default)]
struct Watchdog {
    seen: Vec<(u64, u64)>,
}

impl Watchdog {
    fn look(&mut self, inboxes: &[Arc<Inbox>]) {
        self.seen.resize(inboxes.len(), (0, 0));
        for (index, (inbox, (turns, still_ms))) in inboxes.iter().zip(&mut self.seen).enumerate() {
            if !inbox.is_awake() || !inbox.has_host() || inbox.turns() != *turns {
                (*turns, *still_ms) = (inbox.turns(), 0);
                continue;
            }
            *still_ms += limits::TICK_MS;
            if *still_ms >= limits::WATCHDOG_MS && !inbox.is_given_up() {
                metrics::counter!("mercato_shards_given_up_total").increment(1);
                tracing::error!(shard = index, "the host makes no progress; shard given up");
                inbox.give_up();
            }
        }
    }
}
