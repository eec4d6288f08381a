//! Who compares: asks every node for what somebody has just seen. A node that does not know yet
//! that others have gone on without it would show how things stood.

use futures_util::future::join_all;

use super::journey::draw;
use super::{Call, Request, Visitor, Wire, requests};
use crate::history::{Ask, Look};
use crate::plan::Then;

/// Of a hundred who looked at a SKU, so many compare.
const COMPARES_PERCENT: u64 = 50;
/// How much longer than others who compares waits for an answer, in ms: longer than a node may be
/// frozen.
pub(super) const PATIENCE_MS: u32 = 10_000;

impl<W: Wire> Visitor<W> {
    /// Who has changed an order, and seen how it stands since, asks every node for it.
    pub(super) async fn compares(&self, order: &str, then: Then) {
        if matches!(then, Then::Cancel(_) | Then::CancelPart(_) | Then::Deliver(_)) {
            let ask = Ask::GetOrder { order: order.into() };
            self.ask_all_nodes(&ask, &requests::get_order(order)).await;
        }
    }

    /// Who has seen a SKU of the catalogue asks every node for it.
    pub(super) async fn compares_goods(&self, sku: u32) {
        if !self.draws(draw::COMPARES, COMPARES_PERCENT) {
            return;
        }
        let path = format!("/v1/skus/{}", self.clients.names.sku(sku));
        let ask = Ask::Look(Look::Goods { sku: Some(sku) });
        self.ask_all_nodes(&ask, &requests::request("GET", path)).await;
    }

    /// All at once, each node for itself: one of them need not wait for another one.
    pub(super) async fn ask_all_nodes(&self, ask: &Ask, request: &Request) {
        let n_nodes = self.clients.wire.n_nodes();
        if n_nodes < 2 {
            return;
        }
        let calls = (0..n_nodes).map(|node| Call {
            who: &self.who,
            visit: self.visit.id,
            step: self.next_step(),
            intended_us: None,
            ask: ask.clone(),
            request: request.clone(),
            tries: 1,
            node: Some(node),
        });
        join_all(calls.map(|call| self.clients.call(call))).await;
    }
}
