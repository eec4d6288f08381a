//! Shipments: what of an order leaves from where, and what becomes of it on the way.

use commerce::keys;
use commerce::order::{Order as OrderEntity, ParcelView, Query as OrderQuery};
use commerce::shipment::{
    CodResult, CodStatus, Command, Phase, Query, Reply as Said, Shipment as ShipmentEntity,
    ShipmentLine, ShipmentView, TrackingStatus, View,
};
use entity::{EntityKey, Scope, public_id};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::{Instant, List, Money, line_id, order_id, phase_word};
use crate::input::NoBody;
use crate::json::Text;
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind, WaitLimit};
use crate::route::{Call, Route, route};
use crate::routes::carts::read_money;
use crate::routes::common::{self, CURSOR, LIMIT};
use crate::routes::orders::{self, ORDER, whole};
use crate::shop::Asker;

const SHIPMENT: Param =
    Param::new("id", ParamKind::Id { prefix: keys::SHIPMENT_PREFIX }, "A shipment's id.");

const LIST: Operation = Operation::get("listShipments", "/v1/orders/{id}/shipments")
    .about("Shipments", "The shipments of an order")
    .owned(Scope::OrdersRead, Scope::ShipmentsRead)
    .params(&[ORDER])
    .query(&[LIMIT, CURSOR]);

const GET: Operation = Operation::get("getShipment", "/v1/shipments/{id}")
    .about("Shipments", "A shipment")
    .owned(Scope::OrdersRead, Scope::ShipmentsRead)
    .params(&[SHIPMENT]);

const DISPATCH: Operation = Operation::post("dispatchShipment", "/v1/shipments/{id}/dispatch")
    .about("Shipments", "A shipment is ready to leave")
    .staff(Scope::ShipmentsWrite)
    .params(&[SHIPMENT])
    .statuses(&[200, 202])
    .codes(&[Code::InvalidState])
    .wait(WaitLimit::COMMAND)
    .key()
    .minimal();

const TRACK: Operation = Operation::post("addTracking", "/v1/shipments/{id}/tracking")
    .about("Shipments", "The carrier says where a shipment is; once per event id")
    .staff(Scope::ShipmentsWrite)
    .params(&[SHIPMENT])
    .natural()
    .minimal();

const COD: Operation = Operation::post("recordCod", "/v1/shipments/{id}/cod")
    .about("Shipments", "The courier says what became of the cash; once per event id")
    .staff(Scope::ShipmentsWrite)
    .params(&[SHIPMENT])
    .codes(&[Code::InvalidState, Code::CurrencyMismatch, Code::MoneyOverflow])
    .natural()
    .minimal();

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route(&LIST, list),
        route(&GET, get),
        route(&DISPATCH, dispatch),
        route(&TRACK, track),
        route(&COD, cod),
    ]
}

common::object_word!(ShipmentWord = "shipment");

/// A shipment of an order.
#[derive(Debug, Serialize, ToSchema)]
struct Shipment {
    #[schema(inline)]
    object: ShipmentWord,
    /// Its id.
    id: String,
    /// The order.
    order_id: String,
    /// Its version.
    version: u64,
    /// `pending`, `released`, `dispatched`, `in_transit`, `delivered`, `auto_received`,
    /// `refused` or `stopped`.
    status: String,
    /// Where it leaves from.
    location: String,
    /// Who carries it.
    carrier: Option<String>,
    /// Its number there.
    tracking_number: Option<String>,
    /// What is in it.
    lines: Vec<Line>,
    /// Cash to collect at the door; null: none.
    cod: Option<Cod>,
}

/// Units of an order's line.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShipmentLine)]
struct Line {
    /// The order's line.
    line_id: String,
    /// Units.
    qty: u32,
}

/// Cash to collect at the door.
#[derive(Debug, Serialize, ToSchema)]
struct Cod {
    /// How much.
    due: Money,
    /// `due`, `collected`, `refused` or `overdue`.
    status: &'static str,
    /// The courier's receipt.
    receipt: Option<String>,
}

impl Shipment {
    fn new(view: &ShipmentView) -> Result<Self, Problem> {
        let is_stopped = view.phase == commerce::shipment::Phase::Stopped;
        let line = |line: &ShipmentLine| Line { line_id: line_id(line.line), qty: line.qty };
        let cod = |cod: &commerce::shipment::Cod| {
            let due =
                if is_stopped { commerce::money::Money { minor: 0, ..cod.due } } else { cod.due };
            Ok(Cod {
                due: common::money(due)?,
                status: match cod.status {
                    CodStatus::Due | CodStatus::Overdue if is_stopped => "collected",
                    CodStatus::Due => "due",
                    CodStatus::Collected => "collected",
                    CodStatus::Refused => "refused",
                    CodStatus::Overdue => "overdue",
                },
                receipt: cod.receipt.as_ref().map(ToString::to_string),
            })
        };
        Ok(Self {
            object: ShipmentWord::Word,
            id: view.key.public(keys::SHIPMENT_PREFIX),
            order_id: order_id(&view.order),
            version: view.version,
            status: phase_word(view.phase).to_owned(),
            location: view.location.to_string(),
            carrier: view.carrier.as_ref().map(ToString::to_string),
            tracking_number: view.tracking_number.as_ref().map(ToString::to_string),
            lines: view.lines.iter().map(line).collect(),
            // What does not leave collects nothing; a courier may have before.
            cod: view
                .cod
                .as_ref()
                .filter(|it| !is_stopped || it.collected.is_some())
                .map(cod)
                .transpose()?,
        })
    }
}

/// Who carries a shipment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DispatchBody {
    /// The carrier.
    carrier: Text<1, 100>,
    /// The shipment's number there.
    tracking_number: Text<1, 100>,
}

/// What a carrier can say.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TrackingWord {
    InTransit,
    Delivered,
}

/// An event of the carrier.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TrackingBody {
    /// The carrier's id of the event.
    event_id: Text<1, 100>,
    /// What.
    status: TrackingWord,
    /// When.
    at: Instant,
}

/// What a courier can say about the cash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CodWord {
    Collected,
    Refused,
}

/// What became of the cash.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodBody {
    /// The courier's id of the event.
    event_id: Text<1, 100>,
    /// What.
    result: CodWord,
    /// How much; 0 when it was refused.
    amount: Money,
    /// The receipt: required when it was collected, null when it was refused.
    receipt: Option<Text<1, 100>>,
}

fn key<B>(call: &Call<B>) -> EntityKey {
    keys::parse_shipment(&call.caller.tenant, call.path.expect("id"))
        .expect("the parameter's form was checked")
}

async fn read<B>(
    call: &Call<B>,
    asker: &Asker,
    key: &EntityKey,
) -> Result<Box<ShipmentView>, Problem> {
    let seen = call.edge.shop().query::<ShipmentEntity>(asker, key, &Query::View, 0).await?;
    let View::Shipment(view) = seen.view;
    Ok(view)
}

async fn list(call: Call<NoBody>) -> Result<Reply<Json<List<Shipment>>>, Problem> {
    let (shop, asker, order) = (call.edge.shop(), call.asker(), orders::key(&call));
    let query = OrderQuery::View { since_seq: None };
    // Only the names of its shipments are taken from the order: staff may read shipments alone.
    let reader = asker.shown(Scope::OrdersRead);
    let seen = shop.query::<OrderEntity>(&reader, &order, &query, 0).await?;
    let view = whole(seen.view)?;
    let id = |parcel: &ParcelView| public_id(keys::SHIPMENT_PREFIX, order.affinity, parcel.id);
    let (page, next) = common::page_of(&call, "shipments", view.parcels, id)?;
    let keys: Vec<EntityKey> = page
        .iter()
        .filter_map(|parcel| keys::parse_shipment(&call.caller.tenant, &id(parcel)).ok())
        .collect();
    let reads = keys.iter().map(|key| read(&call, &asker, key));
    let read: Vec<_> =
        futures_util::stream::iter(reads).buffered(limits::READS_AT_ONCE).collect().await;
    let mut shipments = Vec::with_capacity(read.len());
    for view in read {
        match view {
            Ok(view) => shipments.push(Shipment::new(&view)?),
            // The order has just asked for it; it is about to be made.
            Err(problem) if problem.code() == Code::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(Reply::page(List::new(shipments, next), &call.raw_path, &call.raw_query))
}

async fn get(call: Call<NoBody>) -> Result<Reply<Json<Shipment>>, Problem> {
    let view = read(&call, &call.asker(), &key(&call)).await?;
    Ok(Reply::ok(Shipment::new(&view)?).version(view.version))
}

async fn dispatch(call: Call<Json<DispatchBody>>) -> Result<Reply<Json<Shipment>>, Problem> {
    let (shop, asker, key) = (call.edge.shop(), call.asker_with_key(), key(&call));
    let command = Command::Dispatch {
        carrier: (&*call.body.0.carrier).into(),
        tracking_number: (&*call.body.0.tracking_number).into(),
    };
    let reply = shop.ask::<ShipmentEntity>(&asker, &key, &command).await?;
    let (asker, wait_ms) = (asker.shown(Scope::ShipmentsRead), call.prefer.wait_ms);
    let seen = shop.query::<ShipmentEntity>(&asker, &key, &Query::Settled, wait_ms).await?;
    let View::Shipment(view) = seen.view;
    let view = if seen.ready {
        first_settled(&call, &asker, &key, reply.version, view).await?
    } else {
        view
    };
    let first = reply.replayed.map(|first| (first.request, first.trace_id));
    if seen.ready && view.dispatch_refused {
        let problem = Problem::new(Code::InvalidState).with("state", phase_word(view.phase));
        return Err(match first {
            Some((request, trace_id)) => problem.replayed(request, trace_id),
            None => problem,
        });
    }
    let path = format!("/v1/shipments/{}", call.path.expect("id"));
    let status = if seen.ready { 200 } else { 202 };
    let shown = Reply::new(status, Json(Shipment::new(&view)?)).version(view.version);
    let shown = if status == 202 { shown.location(path) } else { shown };
    Ok(shown.replayed(first.is_some()))
}

/// The shipment as it was when its dispatch had come to something, so that a repeat with the same
/// key shows the same whatever has happened since. A dispatch takes three steps at the most.
async fn first_settled<B>(
    call: &Call<B>,
    asker: &Asker,
    key: &EntityKey,
    asked_at: u64,
    now: Box<ShipmentView>,
) -> Result<Box<ShipmentView>, Problem> {
    let shop = call.edge.shop();
    for version in asked_at..now.version {
        let seen = shop.query_at::<ShipmentEntity>(asker, key, version, &Query::View).await?;
        let View::Shipment(view) = seen.view;
        if !matches!(view.phase, Phase::Asked | Phase::Released) {
            return Ok(view);
        }
    }
    Ok(now)
}

/// Tells a shipment what somebody outside said, and shows what this made of it.
async fn report<B>(call: &Call<B>, command: Command) -> Result<Reply<Json<Shipment>>, Problem> {
    let (shop, asker, key) = (call.edge.shop(), call.asker_with_key(), key(call));
    let reply = shop.ask::<ShipmentEntity>(&asker, &key, &command).await?;
    let is_repeat = match reply.value {
        Said::Repeated => true,
        Said::Done | Said::Asked => reply.replayed.is_some(),
    };
    let asker = asker.shown(Scope::ShipmentsRead);
    let view = shop.made::<ShipmentEntity>(&asker, &key, reply.version, &Query::View).await?;
    let View::Shipment(view) = view;
    let shown = Reply::ok(Shipment::new(&view)?).version(view.version);
    Ok(shown.replayed(is_repeat))
}

async fn track(call: Call<Json<TrackingBody>>) -> Result<Reply<Json<Shipment>>, Problem> {
    let body = &call.body.0;
    let command = Command::Track {
        event_id: (&*body.event_id).into(),
        status: match body.status {
            TrackingWord::InTransit => TrackingStatus::InTransit,
            TrackingWord::Delivered => TrackingStatus::Delivered,
        },
        at: body.at.0,
    };
    report(&call, command).await
}

async fn cod(call: Call<Json<CodBody>>) -> Result<Reply<Json<Shipment>>, Problem> {
    let body = &call.body.0;
    let command = Command::Cod {
        event_id: (&*body.event_id).into(),
        result: match body.result {
            CodWord::Collected => CodResult::Collected,
            CodWord::Refused => CodResult::Refused,
        },
        amount: read_money(&body.amount, "/amount")?,
        receipt: body.receipt.as_deref().map(Into::into),
    };
    report(&call, command).await
}
