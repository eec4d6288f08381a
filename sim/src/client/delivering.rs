//! What staff, carriers and couriers do with an order's parcels.

use serde::Deserialize;
use serde_json::json;

use super::journey::draw;
use super::requests::{self, Money};
use super::{Visitor, Wire};
use crate::history::Ask;

/// Of a hundred deliveries, at so many carrier and courier say again what they have said: their
/// answer was lost.
const SAYS_AGAIN_PERCENT: u64 = 40;

#[derive(Deserialize)]
struct Shipments {
    data: Vec<Shipment>,
}

#[derive(Deserialize)]
struct Shipment {
    id: String,
    cod: Option<Cod>,
}

#[derive(Deserialize)]
struct Cod {
    due: Money,
}

impl<W: Wire> Visitor<W> {
    /// Staff ships the order's parcels, the carrier brings them, the courier takes the cash.
    pub(super) async fn deliver(&self, order: &str) {
        let path = format!("/v1/orders/{order}/shipments");
        let listed = self.staff(Ask::Other, requests::request("GET", path)).await;
        let Some(shipments) = listed.as_ref().and_then(requests::read::<Shipments>) else {
            return;
        };
        for shipment in &shipments.data {
            let moved = || Ask::Advance { order: order.into() };
            let path = |what: &str| format!("/v1/shipments/{}/{what}", shipment.id);
            let body = json!({"carrier": "swift", "tracking_number": shipment.id});
            let leave = requests::with_body(requests::request("POST", path("dispatch")), &body);
            let key = format!("d-{}", shipment.id);
            self.staff(moved(), requests::with(leave, "idempotency-key", &key)).await;
            let at = "2026-11-11T12:00:00.000Z";
            let body = json!({"event_id": "scan-1", "status": "delivered", "at": at});
            let scan = requests::with_body(requests::request("POST", path("tracking")), &body);
            let mut said = vec![scan];
            if let Some(Cod { due }) = &shipment.cod {
                let body = json!({"event_id": "cash-1", "result": "collected", "amount": due,
                                  "receipt": "R-1"});
                said.push(requests::with_body(requests::request("POST", path("cod")), &body));
            }
            for event in &said {
                self.staff(moved(), event.clone()).await;
            }
            if self.draws(draw::SAYS_AGAIN, SAYS_AGAIN_PERCENT) {
                for event in said {
                    self.staff(moved(), event).await;
                }
            }
        }
    }
}
