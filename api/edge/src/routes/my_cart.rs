//! The buyer's newest open cart, and what a guest's cart brings along at sign-in.

use commerce::cart::{self, Cart, Content, DEFAULT_SHIPPING};
use commerce::customer;
use commerce::keys;
use commerce::protocol::IfVersion;
use entity::{EntityKey, PrincipalKind, Scope};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::input::NoBody;
use crate::json::{Slug, Text};
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem, is_of_one};
use crate::reply::{Json, Reply};
use crate::route::{Call, Route, route};
use crate::routes::carts::{CART, CartJson, key, read_cart, show, shown};
use crate::routes::common::{self, EXPAND};
use crate::routes::customers;
use crate::shop::Asker;

const GET_MY_CART: Operation = Operation::get("getMyCart", "/v1/me/cart")
    .about("Carts", "The caller's newest open cart; makes an empty one if there is none")
    .scoped(Scope::OrdersWrite)
    .query(&[EXPAND]);

const MERGE: Operation = Operation::post("mergeCart", "/v1/carts/{id}/merge")
    .about("Carts", "Takes over the lines of a guest's cart; an empty one changes nothing")
    .scoped(Scope::OrdersWrite)
    .params(&[CART])
    .codes(&[Code::NotFound, Code::CartAlreadyOrdered, Code::InvalidState])
    .natural()
    .minimal();

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route(&GET_MY_CART, get_my_cart), route(&MERGE, merge)]
}

/// A guest's cart, and the proof that it is ours to take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MergeBody {
    /// The guest's cart.
    guest_cart_id: Slug<64>,
    /// The guest's access token.
    guest_token: Text<1, 8192>,
}

async fn get_my_cart(call: Call<NoBody>) -> Result<Reply<Json<CartJson>>, Problem> {
    let carts = match customers::read(&call, customer::Query::Carts).await? {
        customer::View::Carts(carts) => carts,
        other => return Err(common::unexpected(&other)),
    };
    let (asker, mut silent) = (call.asker(), None);
    for key in &carts {
        match read_cart(&call, &asker, key).await {
            Ok(view) if view.status == cart::Status::Open => return shown(&call, view).await,
            Ok(_) => {}
            Err(problem) if problem.code() == Code::NotFound => {}
            Err(problem) if is_of_one(&problem) => {
                tracing::warn!(%key, %problem, "a cart cannot be read; an older one is looked for");
                silent = silent.or(Some(problem));
            }
            Err(problem) => return Err(problem),
        }
    }
    match silent {
        // It may be the open one: an empty cart in its place would hide it.
        Some(problem) => Err(problem),
        None => make(&call, carts.first()).await,
    }
}

/// Makes an empty cart. Its id follows from the newest cart there is, so that two requests at the
/// same time make one.
async fn make(
    call: &Call<NoBody>,
    newest: Option<&EntityKey>,
) -> Result<Reply<Json<CartJson>>, Problem> {
    let owner = customers::key(call).public(keys::CUSTOMER_PREFIX);
    let after = newest.map(|key| key.public("cart")).unwrap_or_default();
    let hash = Sha256::digest(format!("{owner}/{after}"));
    let id = format!("cart_{}", data_encoding::BASE32_DNSSEC.encode(&hash[..20]));
    let key = keys::cart(&call.caller.tenant, &id);
    let terms = call.edge.shop().terms();
    let content = Content {
        channel: terms.channel.as_str().into(),
        currency: terms.ccy,
        lines: Vec::new(),
        address: None,
        shipping_option: DEFAULT_SHIPPING.into(),
        coupons: Vec::new(),
        tenders: Vec::new(),
    };
    let put = cart::Command::Put { content: Box::new(content), if_version: IfVersion::Absent };
    let asker = call.asker();
    match call.edge.shop().ask::<Cart>(&asker, &key, &put).await {
        Ok(_) => {}
        // The other request was faster.
        Err(problem) if problem.code() == Code::VersionMismatch => {}
        Err(problem) => return Err(problem),
    }
    shown(call, read_cart(call, &asker, &key).await?).await
}

async fn merge(call: Call<Json<MergeBody>>) -> Result<Reply<Json<CartJson>>, Problem> {
    let body = &call.body.0;
    let guest = call.edge.authority().identify(&body.guest_token, call.edge.wall()).await;
    let guest = guest.map(|identity| identity.principal.clone()).ok().filter(|principal| {
        principal.kind == PrincipalKind::Guest && principal.tenant == call.caller.tenant
    });
    let Some(guest) = guest else {
        let detail = "is not a valid token of a guest of this shop";
        return Err(Problem::failed("/guest_token", "not_allowed", detail));
    };
    let from = keys::cart(&call.caller.tenant, &body.guest_cart_id);
    let (shop, asker, key) = (call.edge.shop(), call.asker_with_key(), key(&call));
    // Another guest's cart is as little there as none.
    let looking = Asker { principal: guest.clone(), ..call.asker() }.shown(Scope::OrdersRead);
    let seen = read_cart(&call, &looking, &from).await?;
    // What an order holds, or became, is not there to be taken.
    let lines = if seen.status == cart::Status::Open { seen.content.lines } else { Vec::new() };
    let guest = guest.subject;
    let command = cart::Command::MergeSeen { from: from.clone(), guest, lines };
    let reply = shop.ask::<Cart>(&asker, &key, &command).await?;
    let (asker, query) = (asker.shown(Scope::OrdersRead), cart::Query::Merged { from });
    let wait_ms = limits::WAIT_COMMAND_DEFAULT_MS;
    let seen = shop.query::<Cart>(&asker, &key, &query, wait_ms).await?;
    if !seen.ready {
        return Err(Problem::new(Code::Unavailable).detail("the merge is under way; repeat it"));
    }
    let cart::View::Cart(view) = seen.view;
    let version = view.version;
    let cart = Reply::ok(show(&call, *view).await?).version(version);
    Ok(cart.replayed(reply.replayed.is_some()))
}
