//! Staff who look into an order: it is put on hold, and goes on or is cancelled.

use super::{Staff, Visitor, Who, Wire, requests};
use crate::history::Ask;
use crate::plan::Freeze;

impl<W: Wire> Visitor<W> {
    /// Puts the order on hold for a while.
    pub(super) async fn freezes(&self, order: &str, freeze: Freeze) {
        let Freeze { after_ms, for_ms, cancels } = freeze;
        let ask = || Ask::Freeze { order: order.into() };
        self.clients.wire.sleep_us(u64::from(after_ms) * 1_000).await;
        self.clients.frozen.borrow_mut().insert(order.into());
        self.staff(ask(), requests::freeze(order)).await;
        self.clients.wire.sleep_us(u64::from(for_ms) * 1_000).await;
        if cancels {
            let release = requests::release(order, "cancel", &self.key("release"));
            self.staff(Ask::Cancel { order: order.into() }, release).await;
        }
        // What has left cannot be cancelled, and goes on.
        let release = requests::release(order, "resume", &self.key("resume"));
        let answer = self.staff(ask(), release).await;
        if answer.is_some_and(|answer| matches!(answer.status, 200 | 409)) {
            self.clients.frozen.borrow_mut().remove(order);
        }
    }
}

impl<W: Wire> Staff<W> {
    /// Lets go on what was put on hold and may be so still, since nobody answered.
    pub async fn let_go(&self, until_us: u64) {
        let frozen = self.clients.frozen.take();
        for order in frozen {
            let key = format!("let-go-{order}");
            let release = requests::release(&order, "resume", &key);
            self.ask_until(&Who::Staff, Ask::Freeze { order }, release, until_us).await;
        }
    }
}
