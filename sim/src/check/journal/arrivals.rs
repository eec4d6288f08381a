//! A parcel moved and arrived when its carrier saw it, however late that came in: the times in the
//! records of a shipment and of its order are those that the carrier gave, and the shipment shows
//! when it arrived; without a carrier's word, when it was taken for received.
//!
//! `looked_at`: scans and arrivals.

use std::collections::{BTreeMap, BTreeSet};

use commerce::keys;
use commerce::order;
use commerce::shipment::{Event, Fact, Query, Shipment, View};
use entity::{Answer, Cause, Context, Entity, EventContext, Principal, Source, Timestamp};

use super::{Findings, World};
use crate::history::{Ask, History, Said};

/// What carriers saw of a parcel, and what it showed.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Scans by the carrier's id.
    scans: Vec<(String, Timestamp)>,
    /// It left, and nothing is known of its end.
    is_moving: bool,
    /// It counts as arrived, and nobody has seen that.
    is_taken_for: bool,
    arrived_at: Option<Timestamp>,
    faults: Vec<String>,
}

impl Arrivals {
    /// Counts an event; `shipment` is the state after it.
    pub(super) fn event(&mut self, ctx: &EventContext<'_>, shipment: &Shipment, event: &Event) {
        let scan = match &event.fact {
            Fact::Noted(fact) => fact,
            fact => fact,
        };
        if let Fact::InTransit { event_id, at } | Fact::Delivered { event_id, at } = scan {
            self.scans.push((event_id.to_string(), *at));
        }
        let may_arrive = self.is_moving || self.is_taken_for;
        match &event.fact {
            Fact::Dispatched => self.is_moving = true,
            Fact::Delivered { at, .. } if may_arrive => self.ends(Some(*at)),
            Fact::Received if may_arrive => self.ends(Some(ctx.at)),
            Fact::AutoReceived => {
                self.ends(Some(ctx.at));
                self.is_taken_for = true;
            }
            Fact::Refused { .. } => self.ends(None),
            _ => {}
        }
        let shown = shown(ctx, shipment);
        if shown != self.arrived_at {
            let (key, version, is) = (ctx.key, ctx.version, self.arrived_at);
            self.faults.push(format!("{key} at {version} arrived {is:?}, and shows {shown:?}"));
        }
    }

    fn ends(&mut self, at: Option<Timestamp>) {
        (self.is_moving, self.is_taken_for) = (false, false);
        self.arrived_at = at.or(self.arrived_at);
    }
}

/// When the carrier saw what an order records.
pub(super) const fn seen(event: &order::Event) -> Option<Timestamp> {
    match event.fact {
        order::Fact::InTransit { at, .. } | order::Fact::Delivered { at, .. } => Some(at),
        _ => None,
    }
}

/// Judges when parcels moved and arrived.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("arrivals");
    let (events, orders) = said(&world.given.history);
    for (key, parcel) in &world.shop.arrivals {
        let id = key.public(keys::SHIPMENT_PREFIX);
        for (event, at) in &parcel.scans {
            let Some(said) = events.get(&(id.as_str(), event.as_str())) else { continue };
            found.judge(said.contains(&at.0), || {
                format!("{key} was seen at {said:?} ({event}), and records {}", at.0)
            });
        }
        for what in &parcel.faults {
            found.fail(what.as_str());
        }
    }
    for (key, order) in &world.shop.orders {
        let Some(said) = orders.get(key.public(keys::ORDER_PREFIX).as_str()) else { continue };
        for at in &order.seen {
            found.judge(said.contains(&at.0), || {
                format!("{key}: its parcels were seen at {said:?}, and it records {}", at.0)
            });
        }
    }
    found
}

type Times<K> = BTreeMap<K, BTreeSet<u64>>;

/// When carriers saw parcels, as they said it: by parcel and event, and by order.
fn said(history: &History) -> (Times<(&str, &str)>, Times<&str>) {
    let (mut events, mut orders) = (Times::new(), Times::new());
    for op in &history.ops {
        let Ask::Advance { order, said: Some(Said::Scan { parcel, event, at_ms }) } = &op.ask
        else {
            continue;
        };
        events.entry((parcel.as_str(), event.as_str())).or_default().insert(*at_ms);
        orders.entry(order.as_str()).or_default().insert(*at_ms);
    }
    (events, orders)
}

/// When a shipment shows that it arrived.
fn shown(at: &EventContext<'_>, shipment: &Shipment) -> Option<Timestamp> {
    let (principal, cause) = (Principal::system(at.key.tenant.clone()), Cause::default());
    let ctx = Context {
        key: at.key,
        now: at.at,
        version: at.version,
        principal: &principal,
        source: Source::Caller,
        cause: &cause,
    };
    match shipment.query(&ctx, &Query::View) {
        Answer::Ready(View::Shipment(view)) => view.arrived_at,
        Answer::NotYet(_) | Answer::Rejected(_) => None,
    }
}
