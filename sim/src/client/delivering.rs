//! What staff, carriers and couriers do with an order's parcels.

use serde::Deserialize;
use serde_json::json;

use super::journey::draw;
use super::requests::{self, Money};
use super::{Request, Visitor, Wire};
use crate::history::{Ask, Said};
use crate::kernel::EPOCH_MS;
use crate::plan::{Fate, Shipping};

/// Of a hundred deliveries, at so many carrier and courier say again what they have said: their
/// answer was lost.
const SAYS_AGAIN_PERCENT: u64 = 40;
/// When an order is seen to arrive that leaves as a whole, in ms of its day.
const NOON_MS: u64 = 12 * 3_600_000;

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

impl Shipment {
    fn path(&self, what: &str) -> String {
        format!("/v1/shipments/{}/{what}", self.id)
    }

    fn says(&self, what: &str, body: &serde_json::Value) -> Request {
        requests::with_body(requests::request("POST", self.path(what)), body)
    }

    /// A carrier has seen it, at this time of the day.
    fn scan(&self, event: &str, status: &str, ms: u64) -> (Said, Request) {
        let (h, m, s) = (ms / 3_600_000 % 24, ms / 60_000 % 60, ms / 1_000 % 60);
        let at = format!("2026-11-11T{h:02}:{m:02}:{s:02}.{:03}Z", ms % 1_000);
        let body = json!({"event_id": event, "status": status, "at": at});
        let (parcel, event, at_ms) = (self.id.clone(), event.into(), EPOCH_MS + ms);
        (Said::Scan { parcel, event, at_ms }, self.says("tracking", &body))
    }

    /// It arrived at this time of the day, and its cash is paid.
    fn arrives(&self, ms: u64) -> Vec<(Option<Said>, Request)> {
        let (said, scan) = self.scan("scan-1", "delivered", ms);
        let cash = self.cod.as_ref().map(|Cod { due }| {
            let body = json!({"event_id": "cash-1", "result": "collected", "amount": due,
                              "receipt": "R-1"});
            (None, self.says("cod", &body))
        });
        std::iter::once((Some(said), scan)).chain(cash).collect()
    }
}

impl<W: Wire> Visitor<W> {
    /// Staff ships the order's parcels, the carrier brings them, the courier takes the cash.
    pub(super) async fn deliver(&self, order: &str) {
        for shipment in &self.parcels(order).await {
            self.leaves(order, shipment).await;
            self.is_told(order, shipment.arrives(NOON_MS)).await;
        }
    }

    /// Staff ships them one by one, and what becomes of them comes in late.
    pub(super) async fn ship(&self, order: &str, shipping: Shipping) {
        let Shipping { apart_ms, late_ms, in_turn, last, .. } = shipping;
        let parcels = self.parcels(order).await;
        let seen_ms = || (self.clients.wire.now_us() / 1_000).saturating_sub(u64::from(late_ms));
        if !in_turn {
            for parcel in &parcels {
                self.leaves(order, parcel).await;
                self.think(apart_ms).await;
            }
        }
        for (n, parcel) in parcels.iter().enumerate() {
            if in_turn {
                self.leaves(order, parcel).await;
                self.think(apart_ms).await;
            }
            let (said, scan) = parcel.scan("scan-0", "in_transit", seen_ms());
            self.is_told(order, vec![(Some(said), scan)]).await;
            self.think(apart_ms).await;
            let fate = if n + 1 == parcels.len() { last } else { Fate::Arrives };
            match (fate, &parcel.cod) {
                (Fate::Lost, _) => {}
                (Fate::Refused, Some(cod)) => {
                    let body = json!({"event_id": "cash-1", "result": "refused",
                                      "amount": cod.due.none(), "receipt": null});
                    self.is_told(order, vec![(Some(Said::Refused), parcel.says("cod", &body))])
                        .await;
                }
                (Fate::Arrives | Fate::Refused, _) => {
                    self.is_told(order, parcel.arrives(seen_ms())).await;
                }
            }
        }
    }

    async fn parcels(&self, order: &str) -> Vec<Shipment> {
        let path = format!("/v1/orders/{order}/shipments");
        let listed = self.staff(Ask::Other, requests::request("GET", path)).await;
        let shipments = listed.as_ref().and_then(requests::read::<Shipments>);
        shipments.map_or_else(Vec::new, |shipments| shipments.data)
    }

    async fn leaves(&self, order: &str, shipment: &Shipment) {
        let body = json!({"carrier": "swift", "tracking_number": shipment.id});
        let leave = shipment.says("dispatch", &body);
        let key = format!("d-{}", shipment.id);
        let ask = Ask::Advance { order: order.into(), said: None };
        self.staff(ask, requests::with(leave, "idempotency-key", &key)).await;
    }

    /// Carrier and courier say this of a parcel, and perhaps say it again.
    async fn is_told(&self, order: &str, said: Vec<(Option<Said>, Request)>) {
        let times = 1 + usize::from(self.draws(draw::SAYS_AGAIN, SAYS_AGAIN_PERCENT));
        for (said, event) in said.iter().cycle().take(times * said.len()) {
            let ask = Ask::Advance { order: order.into(), said: said.clone() };
            self.staff(ask, event.clone()).await;
        }
    }
}
