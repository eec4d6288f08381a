//! Who cancels an order, or some of its units.

use super::journey::{Looked, WATCH_LOOKS, WATCH_US, draw};
use super::{Visitor, Wire, requests};
use crate::history::Ask;
use crate::random::below;

/// Of a hundred who cancel, so many do it first over a version before.
const STALE_CANCEL_PERCENT: u64 = 40;
/// Of a hundred who cancel some units, so many do it by two clicks at once.
const TWO_CUTS_PERCENT: u64 = 40;
/// Of a hundred who cancel some units, so many say so again once it is done.
const CUTS_AGAIN_PERCENT: u64 = 40;

impl<W: Wire> Visitor<W> {
    /// Cancels all of it.
    pub(super) async fn cancels(&self, order: &str) {
        self.cancels_what_it_was(order).await;
        let request = requests::cancel(order, &self.key("cancel"));
        self.ask_surely(Ask::Cancel { order: order.into() }, request).await;
    }

    /// Some cancel from a page that shows the order as it was before: over a version that it has no
    /// more. The shop tells them so, and they do it again.
    async fn cancels_what_it_was(&self, order: &str) {
        if !self.draws(draw::STALE_CANCEL, STALE_CANCEL_PERCENT) {
            return;
        }
        let Some(Looked { version, .. }) = self.look(order).await else { return };
        let request = requests::cancel(order, &self.key("cancel-stale"));
        let request = requests::if_match(request, version.saturating_sub(1));
        self.ask_surely(Ask::Cancel { order: order.into() }, request).await;
    }

    /// Cancels some units of the last line of a confirmed order, perhaps by two clicks at once, and
    /// perhaps says so again.
    pub(super) async fn cancels_part(&self, order: &str) -> Option<()> {
        let looked = self.confirmed(order).await?;
        let line = looked.lines.last()?;
        let sku = self.clients.names.number(&line.sku)?;
        let some = below(self.bits(draw::CUT_UNITS), u64::from(line.qty)) + 1;
        let units = u32::try_from(some).ok()?;
        let cut = || {
            let lines = [(line.id.clone(), units)];
            let request = requests::cancel_part(order, &lines, &self.key("cut"));
            let ask = Ask::CancelPart { order: order.into(), units: vec![(sku, units)] };
            self.ask_surely(ask, request)
        };
        if self.draws(draw::TWO_CUTS, TWO_CUTS_PERCENT) {
            tokio::join!(cut(), cut());
        } else {
            cut().await;
        }
        self.look(order).await;
        if self.draws(draw::CUTS_AGAIN, CUTS_AGAIN_PERCENT) {
            cut().await;
            self.look(order).await;
        }
        Some(())
    }

    /// The order once it is confirmed, if it is before long.
    async fn confirmed(&self, order: &str) -> Option<Looked> {
        for _ in 0..WATCH_LOOKS {
            let looked = self.look(order).await;
            if let Some(looked) = looked.filter(|looked| looked.status == "confirmed") {
                return Some(looked);
            }
            self.clients.wire.sleep_us(WATCH_US).await;
        }
        None
    }
}
