//! Stock, for staff: locations, stock, policy, adjustments, movements, holds.

mod movements;

use std::collections::BTreeMap;

use commerce::keys;
use commerce::sku::{self, Sku};
use entity::{EntityKey, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cursor::CursorOf;
use crate::dto::{Instant, List};
use crate::input::NoBody;
use crate::json::{Int, Text};
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Fault, Problem};
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, CURSOR, LIMIT, SKU_PARAM, if_version};

const LOCATION: Param =
    Param::new("location", ParamKind::Name { min: 1, max: 64 }, "A stock location.");

const LIST_LOCATIONS: Operation = Operation::get("listLocations", "/v1/locations")
    .about("Stock", "Stock locations")
    .staff(Scope::StockRead)
    .query(&[LIMIT, CURSOR]);

const GET_STOCK: Operation = Operation::get("getStock", "/v1/stock/{sku}")
    .about("Stock", "Stock of a SKU at every location")
    .staff(Scope::StockRead)
    .params(&[SKU_PARAM]);

const SET_POLICY: Operation =
    Operation::put("setStockPolicy", "/v1/stock/{sku}/locations/{location}")
        .about("Stock", "Keeps back or oversells at a location; its version is good until an edit")
        .staff(Scope::StockWrite)
        .params(&[SKU_PARAM, LOCATION])
        .if_match()
        .minimal();

const ADJUST: Operation = Operation::post("adjustStock", "/v1/stock/{sku}/adjustments")
    .about("Stock", "Receipt, correction or count")
    .staff(Scope::StockWrite)
    .params(&[SKU_PARAM])
    .key()
    .minimal();

const LIST_MOVEMENTS: Operation = Operation::get("listMovements", "/v1/stock/{sku}/movements")
    .about("Stock", "Changes of what is on hand, newest first")
    .staff(Scope::StockRead)
    .params(&[SKU_PARAM])
    .query(&[LIMIT, CURSOR]);

const LIST_HOLDS: Operation = Operation::get("listHolds", "/v1/stock/{sku}/holds")
    .about("Stock", "Units that are set aside, and for whom")
    .staff(Scope::StockRead)
    .params(&[SKU_PARAM])
    .query(&[LIMIT, CURSOR]);

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route(&LIST_LOCATIONS, list_locations),
        route(&GET_STOCK, get_stock),
        route(&SET_POLICY, set_policy),
        route(&ADJUST, adjust),
        route(&LIST_MOVEMENTS, movements::list),
        route(&LIST_HOLDS, list_holds),
    ]
}

common::object_word!(StockWord = "stock");
common::object_word!(LocationWord = "location");
common::object_word!(HoldWord = "hold");
common::object_word!(MovementWord = "movement");
common::object_word!(AdjustmentWord = "adjustment");

/// A stock location.
#[derive(Debug, Serialize, ToSchema)]
struct Location {
    #[schema(inline)]
    object: LocationWord,
    /// Its name.
    id: String,
}

/// Stock of a SKU.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stock {
    #[schema(inline)]
    object: StockWord,
    /// The SKU.
    sku: String,
    /// Version of the SKU.
    version: u64,
    /// Units that one order could take.
    available: u64,
    /// By location.
    locations: Vec<StockAt>,
}

/// Stock at a location, in units.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockAt {
    /// The location.
    location: String,
    /// There.
    on_hand: i64,
    /// Kept back.
    safety: i64,
    /// May be sold beyond what is on hand.
    oversell_limit: i64,
    /// Held for a while.
    held: i64,
    /// Held while a payment is under way.
    pinned: i64,
    /// Sold, not yet shipped.
    committed: i64,
    /// May be held.
    sellable: i64,
}

impl From<sku::StockView> for Stock {
    fn from(view: sku::StockView) -> Self {
        let at = |location: sku::LocationView| StockAt {
            location: location.location.to_string(),
            on_hand: location.on_hand,
            safety: location.safety,
            oversell_limit: location.oversell_limit,
            held: location.held,
            pinned: location.pinned,
            committed: location.committed,
            sellable: location.sellable,
        };
        Self {
            object: StockWord::Word,
            sku: view.sku.to_string(),
            version: view.version,
            available: view.available,
            locations: view.locations.into_iter().map(at).collect(),
        }
    }
}

/// Why units on hand changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MovementKind {
    Received,
    Adjusted,
    Counted,
    Shipped,
    Restocked,
}

/// A change of units on hand.
#[derive(Debug, Serialize, ToSchema)]
struct Movement {
    #[schema(inline)]
    object: MovementWord,
    /// Its id within the SKU.
    id: String,
    /// Why.
    kind: MovementKind,
    /// Where.
    location: String,
    /// Signed change of on_hand.
    qty: i64,
    /// When.
    at: Instant,
}

impl From<sku::MovementView> for Movement {
    fn from(view: sku::MovementView) -> Self {
        let kind = match view.kind {
            sku::MovementKind::Received => MovementKind::Received,
            sku::MovementKind::Adjusted => MovementKind::Adjusted,
            sku::MovementKind::Counted => MovementKind::Counted,
            sku::MovementKind::Shipped => MovementKind::Shipped,
            sku::MovementKind::Restocked => MovementKind::Restocked,
        };
        Self {
            object: MovementWord::Word,
            id: format!("mov_{}", view.number),
            kind,
            location: view.location.to_string(),
            qty: view.qty,
            at: view.at.into(),
        }
    }
}

/// Where a hold stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HoldState {
    Held,
    Pinned,
    Committed,
    Consumed,
    Released,
    Expired,
    Restocked,
}

/// Units set aside for an owner.
#[derive(Debug, Serialize, ToSchema)]
struct Hold {
    #[schema(inline)]
    object: HoldWord,
    /// Its id.
    id: String,
    /// Whose it is: an order.
    owner: String,
    /// Where it stands.
    state: HoldState,
    /// Units by location.
    qty_by_location: BTreeMap<String, u32>,
    /// When it ends by itself.
    expires_at: Option<Instant>,
}

impl From<sku::HoldView> for Hold {
    fn from(view: sku::HoldView) -> Self {
        let state = match view.state {
            sku::HoldState::Held => HoldState::Held,
            sku::HoldState::Pinned => HoldState::Pinned,
            sku::HoldState::Committed => HoldState::Committed,
            sku::HoldState::Consumed => HoldState::Consumed,
            sku::HoldState::Released => HoldState::Released,
            sku::HoldState::Expired => HoldState::Expired,
            sku::HoldState::Restocked => HoldState::Restocked,
        };
        let split = view.qty_by_location.into_iter();
        Self {
            object: HoldWord::Word,
            id: view.id.to_string(),
            owner: view.owner.public(keys::ORDER_PREFIX),
            state,
            qty_by_location: split.map(|(at, qty)| (at.to_string(), qty)).collect(),
            expires_at: view.expires_at.map(Instant),
        }
    }
}

/// What is kept back and what may be oversold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Policy {
    /// Units that are not sold.
    safety: Int<0, 1_000_000_000>,
    /// Units that are sold beyond those on hand.
    oversell_limit: Int<0, 1_000_000_000>,
}

/// A receipt, correction or count. Exactly one of `delta` and `count`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Adjustment {
    /// Where.
    location: Text<1, 64>,
    /// By how many units.
    delta: Option<Int<-1_000_000_000, 1_000_000_000>>,
    /// To how many units.
    count: Option<Int<0, 1_000_000_000>>,
    /// Why, for the record.
    reason: Text<1, 200>,
}

/// What an adjustment did.
#[derive(Debug, Serialize, ToSchema)]
struct Adjusted {
    #[schema(inline)]
    object: AdjustmentWord,
    /// The stock afterwards.
    stock: Stock,
    /// The change.
    movement: Movement,
    /// By how much more was promised than there is, before holds were revoked.
    shortfall: u64,
}

fn key<B>(call: &Call<B>) -> EntityKey {
    keys::sku(&call.caller.tenant, call.path.expect("sku"))
}

async fn ask_sku<B>(call: &Call<B>, query: sku::Query) -> Result<sku::View, Problem> {
    let seen = call.edge.shop().query::<Sku>(&call.asker(), &key(call), &query, 0).await?;
    Ok(seen.view)
}

async fn list_locations(call: Call<NoBody>) -> Result<Reply<Json<List<Location>>>, Problem> {
    let all = call.edge.shop().terms().locations.clone();
    let (page, next) = common::page_of(&call, "locations", all, String::clone)?;
    let data = page.into_iter().map(|id| Location { object: LocationWord::Word, id }).collect();
    let reply = Reply::page(List::new(data, next), &call.raw_path, &call.raw_query);
    std::future::ready(Ok(reply)).await
}

async fn get_stock(call: Call<NoBody>) -> Result<Reply<Json<Stock>>, Problem> {
    match ask_sku(&call, sku::Query::Stock).await? {
        sku::View::Stock(view) => Ok(Reply::ok(Stock::from(view.clone())).version(view.version)),
        other => Err(common::unexpected(&other)),
    }
}

/// Whether the shop has a location: stock that lies nowhere could be sold and never leave. What
/// ever lay at one that was taken out of the terms can still be counted and kept back.
async fn has_location<B>(call: &Call<B>, name: &str) -> Result<bool, Problem> {
    if call.edge.shop().terms().locations.iter().any(|known| known == name) {
        return Ok(true);
    }
    let asker = call.asker().shown(Scope::StockRead);
    let seen = call.edge.shop().query::<Sku>(&asker, &key(call), &sku::Query::Stock, 0).await;
    match seen.map(|seen| seen.view) {
        Ok(sku::View::Stock(stock)) => Ok(stock.locations.iter().any(|at| at.location == name)),
        Ok(other) => Err(common::unexpected(&other)),
        Err(problem) if problem.code() == Code::NotFound => Ok(false),
        Err(problem) => Err(problem),
    }
}

async fn set_policy(call: Call<Json<Policy>>) -> Result<Reply<Json<Stock>>, Problem> {
    if !has_location(&call, call.path.expect("location")).await? {
        return Err(Problem::new(Code::NotFound).detail("no such location"));
    }
    let command = sku::Command::SetPolicy {
        location: call.path.expect("location").into(),
        safety: common::units(call.body.0.safety.0),
        oversell_limit: common::units(call.body.0.oversell_limit.0),
        if_version: if_version(call.condition),
    };
    let reply = call.edge.shop().ask::<Sku>(&call.asker(), &key(&call), &command).await?;
    match reply.value {
        sku::Reply::Stock(view) => Ok(Reply::ok(Stock::from(view)).version(reply.version)),
        other => Err(common::unexpected(&other)),
    }
}

async fn adjust(call: Call<Json<Adjustment>>) -> Result<Reply<Json<Adjusted>>, Problem> {
    let body = &call.body.0;
    if !has_location(&call, &body.location).await? {
        return Err(Problem::failed("/location", "unknown_value", "is no location of the shop"));
    }
    let change = match (&body.delta, &body.count) {
        (Some(Int(0)), None) => {
            return Err(Problem::failed("/delta", "out_of_range", "must not be 0"));
        }
        (Some(delta), None) => sku::Change::Delta(delta.0),
        (None, Some(count)) => sku::Change::Count(common::units(count.0)),
        (None, None) | (Some(_), Some(_)) => {
            return Err(Problem::new(Code::ValidationFailed).fault(Fault::new(
                "/delta",
                "required",
                "send exactly one of delta and count",
            )));
        }
    };
    let command = sku::Command::Adjust {
        location: (&*body.location).into(),
        change,
        reason: (&*body.reason).into(),
    };
    let asker = call.asker_with_key();
    let reply = call.edge.shop().ask::<Sku>(&asker, &key(&call), &command).await?;
    match reply.value {
        sku::Reply::Adjusted { stock, movement, shortfall } => {
            let (stock, movement) = (stock.into(), movement.into());
            let object = AdjustmentWord::Word;
            let adjusted = Adjusted { object, stock, movement, shortfall };
            Ok(Reply::ok(adjusted).replayed(reply.replayed.is_some()))
        }
        other => Err(common::unexpected(&other)),
    }
}

async fn list_holds(call: Call<NoBody>) -> Result<Reply<Json<List<Hold>>>, Problem> {
    let cursor = CursorOf::new("holds", &call.caller, &call.raw_query).under(&call.raw_path);
    let sealer = call.edge.authority().keys().sealer();
    let after = call.query.get("cursor").map(|text| cursor.open(sealer, text)).transpose()?;
    let limit = common::limit(&call, limits::PAGE_DEFAULT);
    let query = sku::Query::Holds { after, limit };
    let sku::View::Holds { holds, has_more } = ask_sku(&call, query).await? else {
        return Err(Problem::new(Code::Internal));
    };
    let last = holds.last().map(|hold| hold.id).filter(|_| has_more);
    let next = last.map(|id| cursor.seal(sealer, id));
    let data = holds.into_iter().map(Hold::from).collect();
    Ok(Reply::page(List::new(data, next), &call.raw_path, &call.raw_query))
}
