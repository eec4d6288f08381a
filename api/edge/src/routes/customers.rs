//! The buyer's own things: profile, overview, address book, points.

use commerce::customer::{self, Customer, Day, Grant, Level, MeView, OverviewView, PointsView};
use commerce::keys;
use entity::{EntityKey, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::{Date, Instant, Money, Order};
use crate::input::{NoBody, OptionalJson};
use crate::json::{Patch, Text};
use crate::operation::Operation;
use crate::problem::{Code, Fault, Problem};
use crate::reply::{Json, Reply};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, if_version};
use crate::routes::{my_orders, order_lists};

use self::addresses::SavedAddressBody;

mod addresses;
mod wallet;

/// Orders that the overview shows.
const OVERVIEW_ORDERS: usize = 5;

const REGISTER: Operation = Operation::post("registerCustomer", "/v1/customers")
    .about("Customers", "The token's subject has a profile from now on; a repeat changes nothing")
    .scoped(Scope::OrdersWrite)
    .statuses(&[200, 201])
    .natural()
    .minimal();

const GET_ME: Operation = Operation::get("getMe", "/v1/me")
    .about("Customers", "The caller's profile")
    .scoped(Scope::OrdersRead)
    .codes(&[Code::NotFound]);

const UPDATE_ME: Operation = Operation::patch("updateMe", "/v1/me")
    .about("Customers", "Changes parts of the caller's profile (RFC 7396)")
    .scoped(Scope::OrdersWrite)
    .codes(&[Code::NotFound])
    .if_match()
    .minimal();

const OVERVIEW: Operation = Operation::get("getMyOverview", "/v1/me/overview")
    .about("Customers", "The user centre in one request: profile, wallet, orders, points")
    .scoped(Scope::OrdersRead);

const GET_POINTS: Operation = Operation::get("getMyPoints", "/v1/me/points")
    .about("Customers", "The caller's points")
    .scoped(Scope::OrdersRead);

const SIGN_IN: Operation = Operation::post("signInDaily", "/v1/me/sign-ins")
    .about("Customers", "Signs in for the day's points; a day is granted once")
    .scoped(Scope::OrdersWrite)
    .statuses(&[200, 201])
    .unlocated()
    .codes(&[Code::InvalidState, Code::NotFound])
    .natural();

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    let own = vec![
        route(&REGISTER, register),
        route(&GET_ME, get_me),
        route(&UPDATE_ME, update_me),
        route(&OVERVIEW, overview),
        route(&GET_POINTS, get_points),
        route(&SIGN_IN, sign_in),
    ];
    [own, addresses::routes()].concat()
}

common::object_word!(CustomerWord = "customer");
common::object_word!(OverviewWord = "overview");
common::object_word!(PointsWord = "points");
common::object_word!(SignInWord = "sign_in");

/// A customer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
struct Me {
    #[schema(inline)]
    object: CustomerWord,
    /// Its id.
    id: String,
    /// Its version.
    version: u64,
    /// Name.
    name: String,
    /// Email address.
    email: String,
    /// Membership level: `standard`, `silver` or `gold`.
    level: String,
    /// Since when.
    created_at: Instant,
}

impl Me {
    fn new(view: &MeView) -> Self {
        let level = match view.level {
            Level::Standard => "standard",
            Level::Silver => "silver",
            Level::Gold => "gold",
        };
        Self {
            object: CustomerWord::Word,
            id: view.key.public(keys::CUSTOMER_PREFIX),
            version: view.version,
            name: view.profile.name.to_string(),
            email: view.profile.email.to_string(),
            level: level.to_owned(),
            created_at: view.profile.created_at.into(),
        }
    }
}

/// What the user centre shows.
#[derive(Debug, Serialize, ToSchema)]
struct Overview {
    #[schema(inline)]
    object: OverviewWord,
    /// The profile; null before it was registered.
    customer: Option<Me>,
    /// What the wallet holds; null without a wallet.
    wallet: Option<Money>,
    /// The newest orders.
    orders: Vec<Order>,
    /// How many orders there ever were.
    n_orders: u64,
    /// The address book.
    addresses: Vec<SavedAddressBody>,
    /// The points.
    points: PointsBody,
}

/// Points.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Points)]
struct PointsBody {
    #[schema(inline)]
    object: PointsWord,
    /// What can be spent.
    balance: u64,
    /// What was ever granted; it decides the level.
    earned: u64,
    /// Days in a row up to the last sign-in.
    streak: u32,
    /// The customer's day now.
    today: Date,
    /// Whether today's points were granted.
    signed_in: bool,
}

impl PointsBody {
    fn new(view: &PointsView) -> Self {
        Self {
            object: PointsWord::Word,
            balance: view.points.balance,
            earned: view.points.earned,
            streak: view.points.last.map_or(0, |last| last.streak),
            today: date(view.today),
            signed_in: view.is_signed_in,
        }
    }
}

/// The points of a day.
#[derive(Debug, Serialize, ToSchema)]
struct SignIn {
    #[schema(inline)]
    object: SignInWord,
    /// Which day.
    date: Date,
    /// How many points.
    points: u32,
    /// Days in a row.
    streak: u32,
    /// Whether the day had been granted before.
    replayed: bool,
}

/// Who registers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RegisterBody {
    /// Name.
    name: Text<1, 100>,
    /// Email address.
    email: Text<3, 254>,
}

/// What changes in a profile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateBody {
    /// Name.
    #[serde(default)]
    name: Patch<Text<1, 100>>,
    /// Email address.
    #[serde(default)]
    email: Patch<Text<3, 254>>,
}

/// Which day.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInBody {
    /// The day; the customer's today when absent.
    date: Option<Date>,
}

fn date(day: Day) -> Date {
    let customer::Date { year, month, day } = day.date();
    let month = time::Month::try_from(month).expect("a date's month is from 1 to 12");
    Date(time::Date::from_calendar_date(year, month, day).unwrap_or(time::Date::MAX))
}

fn day(date: Date) -> Day {
    Day(date.0.to_julian_day() - UNIX_EPOCH_JULIAN)
}

/// The Julian day of 1970-01-01.
const UNIX_EPOCH_JULIAN: i32 = 2_440_588;

/// The customer that the caller is.
pub(crate) fn key<B>(call: &Call<B>) -> EntityKey {
    let principal = call.principal();
    keys::customer(&call.caller.tenant, principal.kind, &principal.subject)
}

async fn ask<B>(
    call: &Call<B>,
    command: &customer::Command,
) -> Result<cluster::Reply<Customer>, Problem> {
    call.edge.shop().ask::<Customer>(&call.asker_with_key(), &key(call), command).await
}

/// What the caller's customer shows.
pub(crate) async fn read<B>(
    call: &Call<B>,
    query: customer::Query,
) -> Result<customer::View, Problem> {
    let seen = call.edge.shop().query::<Customer>(&call.asker(), &key(call), &query, 0).await?;
    Ok(seen.view)
}

/// What a command that the caller's customer took made, and not what others have made of it since.
async fn made<B>(
    call: &Call<B>,
    reply: &cluster::Reply<Customer>,
    query: customer::Query,
) -> Result<customer::View, Problem> {
    let (asker, key) = (call.asker(), key(call));
    call.edge.shop().made::<Customer>(&asker, &key, reply.version, &query).await
}

fn profile(view: customer::View) -> Result<Box<MeView>, Problem> {
    match view {
        customer::View::Me(view) => Ok(view),
        other => Err(common::unexpected(&other)),
    }
}

async fn register(call: Call<Json<RegisterBody>>) -> Result<Reply<Json<Me>>, Problem> {
    let body = &call.body.0;
    let command = customer::Command::Register {
        name: (&*body.name).into(),
        email: (&*body.email).into(),
        utc_offset_min: 0,
    };
    let reply = ask(&call, &command).await?;
    wallet::open(&call).await?;
    let view = profile(made(&call, &reply, customer::Query::Me).await?)?;
    let me = Me::new(&view);
    let created = matches!(reply.value, customer::Reply::Registered { created: true });
    let shown = if created { Reply::created(me) } else { Reply::ok(me) };
    let shown = shown.location("/v1/me".to_owned()).version(view.version);
    Ok(shown.replayed(reply.replayed.is_some()))
}

async fn get_me(call: Call<NoBody>) -> Result<Reply<Json<Me>>, Problem> {
    let view = profile(read(&call, customer::Query::Me).await?)?;
    Ok(Reply::ok(Me::new(&view)).version(view.version))
}

async fn update_me(call: Call<Json<UpdateBody>>) -> Result<Reply<Json<Me>>, Problem> {
    let body = &call.body.0;
    let command = customer::Command::Update {
        name: kept(&body.name, "/name")?.map(Into::into),
        email: kept(&body.email, "/email")?.map(Into::into),
        if_version: if_version(call.condition),
    };
    let reply = ask(&call, &command).await?;
    let view = profile(made(&call, &reply, customer::Query::Me).await?)?;
    Ok(Reply::ok(Me::new(&view)).version(view.version))
}

/// A member that can be changed and not cleared.
fn kept<'a, const MIN: usize, const MAX: usize>(
    patch: &'a Patch<Text<MIN, MAX>>,
    pointer: &str,
) -> Result<Option<&'a str>, Problem> {
    match patch {
        Patch::Keep => Ok(None),
        Patch::Set(text) => Ok(Some(text)),
        Patch::Clear => {
            let fault = Fault::new(pointer, "required", "cannot be cleared");
            Err(Problem::new(Code::ValidationFailed).fault(fault))
        }
    }
}

async fn overview(call: Call<NoBody>) -> Result<Reply<Json<Overview>>, Problem> {
    let view: Box<OverviewView> = match read(&call, customer::Query::Overview).await? {
        customer::View::Overview(view) => view,
        other => return Err(common::unexpected(&other)),
    };
    let newest: Vec<EntityKey> = view
        .orders
        .iter()
        .take(OVERVIEW_ORDERS)
        .map(|recent| recent.order.key(call.caller.tenant.clone()))
        .collect();
    let wallet = wallet::read(&call).await?;
    let overview = Overview {
        object: OverviewWord::Word,
        customer: view.me.as_ref().map(Me::new),
        wallet: wallet.map(common::money).transpose()?,
        orders: my_orders::read_all(&call, &newest).await?,
        n_orders: view.n_orders,
        addresses: view.addresses.iter().map(SavedAddressBody::from).collect(),
        points: PointsBody::new(&view.points),
    };
    // Of the orders their versions: when they were read is no part of it.
    let Overview { object: _, customer, wallet, orders, n_orders, addresses, points } = &overview;
    let orders = order_lists::versions(orders);
    let tag = common::weak_tag(&(customer, wallet, orders, n_orders, addresses, points));
    Ok(Reply::ok(overview).tag(tag))
}

async fn get_points(call: Call<NoBody>) -> Result<Reply<Json<PointsBody>>, Problem> {
    match read(&call, customer::Query::Points).await? {
        customer::View::Points(view) => Ok(Reply::ok(PointsBody::new(&view))),
        other => Err(common::unexpected(&other)),
    }
}

async fn sign_in(call: Call<OptionalJson<SignInBody>>) -> Result<Reply<Json<SignIn>>, Problem> {
    let command = customer::Command::SignIn { date: call.body.0.date.map(day) };
    let reply = ask(&call, &command).await?;
    let (Grant { day, points, streak }, replayed) = match reply.value {
        customer::Reply::SignedIn { grant, replayed } => (grant, replayed),
        other @ (customer::Reply::Done
        | customer::Reply::Registered { .. }
        | customer::Reply::AddressPut { .. }) => return Err(common::unexpected(&other)),
    };
    let body = SignIn { object: SignInWord::Word, date: date(day), points, streak, replayed };
    let shown = if replayed { Reply::ok(body) } else { Reply::created(body) };
    Ok(shown.replayed(reply.replayed.is_some()))
}
