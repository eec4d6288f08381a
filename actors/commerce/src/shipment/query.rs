//! What a shipment shows (interfaces.md 0.7), and when its dispatch is settled.

use compact_str::CompactString;
use entity::{Answer, Context, EntityKey, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use super::command::{Rejection, ShipmentLine};
use super::state::{Body, Cod, Phase};
use crate::protocol::Location;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The shipment.
    View,
    /// The shipment, once the order and the SKUs have answered an asked dispatch.
    Settled,
    /// The shipment, once it has a later version.
    Newer {
        /// The version that the caller has.
        than_version: u64,
    },
}

/// The shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentView {
    /// Its key.
    pub key: EntityKey,
    /// Its version.
    pub version: u64,
    /// The order.
    pub order: EntityKey,
    /// Where it stands.
    pub phase: Phase,
    /// Where it leaves from.
    pub location: Location,
    /// Who carries it.
    pub carrier: Option<CompactString>,
    /// Its number there.
    pub tracking_number: Option<CompactString>,
    /// What is in it.
    pub lines: Vec<ShipmentLine>,
    /// Its cash.
    pub cod: Option<Cod>,
    /// Whether the last asked dispatch was refused (409 `invalid_state`).
    pub dispatch_refused: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it left.
    pub dispatched_at: Option<Timestamp>,
    /// When it arrived.
    pub arrived_at: Option<Timestamp>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// The shipment.
    Shipment(Box<ShipmentView>),
}

/// Answers a question. Another's shipment is not there.
pub(super) fn answer(
    ctx: &Context<'_>,
    body: Option<&Body>,
    query: &Query,
) -> Answer<View, Rejection> {
    let owned = body.filter(|body| body.content.owner.admits(ctx.principal, Scope::ShipmentsRead));
    let Some(body) = owned else {
        return Answer::Rejected(Rejection::NotFound);
    };
    let is_ready = match query {
        Query::View => true,
        Query::Settled => !matches!(body.phase, Phase::Asked | Phase::Released),
        Query::Newer { than_version } => ctx.version > *than_version,
    };
    let view = View::Shipment(Box::new(view(ctx, body)));
    if is_ready { Answer::Ready(view) } else { Answer::NotYet(view) }
}

fn view(ctx: &Context<'_>, body: &Body) -> ShipmentView {
    // A carrier that was asked for and refused is not the shipment's.
    let is_named = !matches!(body.phase, Phase::Pending | Phase::Stopped);
    let shown = |text: &CompactString| (is_named && !text.is_empty()).then(|| text.clone());
    ShipmentView {
        key: ctx.key.clone(),
        version: ctx.version,
        order: body.content.order.clone(),
        phase: body.phase,
        location: body.content.location.clone(),
        carrier: shown(&body.carrier),
        tracking_number: shown(&body.tracking_number),
        lines: body.content.lines.clone(),
        cod: body.cod.clone(),
        dispatch_refused: body.dispatch_refused,
        created_at: body.created_at,
        dispatched_at: body.dispatched_at,
        arrived_at: body.arrived_at,
    }
}
