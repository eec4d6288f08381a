//! Carts: what is in them, where it goes, how it is paid.

use std::num::NonZeroU32;

use commerce::cart::{
    self, Cart, CartLine as Line, CartPatch, CartView, Content, DEFAULT_SHIPPING,
};
use commerce::customer::Address;
use commerce::keys;
use commerce::money::Ccy;
use commerce::order::Tender;
use commerce::protocol::IfVersion;
use entity::{EntityKey, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::{AddressBody, AddressPatch, Money, SkuRef, order_id};
use crate::input::NoBody;
use crate::json::{Int, Patch, Slug, Text};
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::quoting;
use crate::refusal::field;
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::catalogue::expand_skus;
use crate::routes::common::{self, EXPAND, SKU_PARAM, if_version};
use crate::routes::regions::check_region;
use crate::shop::{Asker, Terms};

pub(crate) mod quote;

/// A cart in a path.
pub(crate) const CART: Param =
    Param::new("id", ParamKind::Name { min: 8, max: 64 }, "A cart's id, chosen by the client.");

const PUT_CART: Operation = Operation::put("putCart", "/v1/carts/{id}")
    .about("Carts", "Makes a cart, or sets all of it")
    .scoped(Scope::OrdersWrite)
    .params(&[CART])
    .statuses(&[200, 201])
    .codes(&[Code::CartAlreadyOrdered, Code::CurrencyMismatch, Code::MoneyOverflow])
    .if_match()
    .minimal();

const GET_CART: Operation = Operation::get("getCart", "/v1/carts/{id}")
    .about("Carts", "A cart, at the prices of now")
    .scoped(Scope::OrdersRead)
    .params(&[CART])
    .query(&[EXPAND]);

const UPDATE_CART: Operation = Operation::patch("updateCart", "/v1/carts/{id}")
    .about("Carts", "Changes parts of a cart (RFC 7396)")
    .scoped(Scope::OrdersWrite)
    .params(&[CART])
    .codes(&[Code::CartAlreadyOrdered, Code::CurrencyMismatch, Code::MoneyOverflow])
    .if_match()
    .minimal();

const PUT_LINE: Operation = Operation::put("putCartLine", "/v1/carts/{id}/lines/{sku}")
    .about("Carts", "Sets the units of a SKU")
    .scoped(Scope::OrdersWrite)
    .params(&[CART, SKU_PARAM])
    .codes(&[Code::CartAlreadyOrdered])
    .if_match()
    .minimal();

const DELETE_LINE: Operation = Operation::delete("deleteCartLine", "/v1/carts/{id}/lines/{sku}")
    .about("Carts", "Takes a SKU out of the cart")
    .scoped(Scope::OrdersWrite)
    .params(&[CART, SKU_PARAM])
    .codes(&[Code::CartAlreadyOrdered])
    .if_match();

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route(&PUT_CART, put_cart),
        route(&GET_CART, get_cart),
        route(&UPDATE_CART, update_cart),
        route(&PUT_LINE, put_line),
        route(&DELETE_LINE, delete_line),
        route(&quote::QUOTE, quote::quote_cart),
    ]
}

common::object_word!(CartWord = "cart");

/// A way to pay.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum TenderBody {
    /// Cash on delivery; stands alone.
    Cod {},
    /// So much from the wallet.
    Wallet {
        /// How much.
        amount: Money,
    },
    /// The rest, by a payment gateway; also the default.
    Gateway {},
}

impl TenderBody {
    /// The tender as the cart keeps it. `pointer`: where it stands in the body.
    fn read(&self, pointer: &str) -> Result<Tender, Problem> {
        Ok(match self {
            Self::Cod {} => Tender::Cod,
            Self::Gateway {} => Tender::Gateway,
            Self::Wallet { amount } => {
                Tender::Wallet { amount: read_money(amount, &format!("{pointer}/amount"))? }
            }
        })
    }

    fn show(tender: &Tender) -> Result<Self, Problem> {
        Ok(match tender {
            Tender::Cod => Self::Cod {},
            Tender::Gateway => Self::Gateway {},
            Tender::Wallet { amount } => Self::Wallet { amount: common::money(*amount)? },
        })
    }
}

/// The member `tenders` of a body.
pub fn read_tenders(tenders: &[TenderBody]) -> Result<Vec<Tender>, Problem> {
    let read = |(index, tender): (usize, &TenderBody)| tender.read(&format!("/tenders/{index}"));
    tenders.iter().enumerate().map(read).collect()
}

/// An amount of a request. `pointer`: where it stands in the body.
pub fn read_money(money: &Money, pointer: &str) -> Result<commerce::money::Money, Problem> {
    let ccy = read_ccy(&money.currency, &format!("{pointer}/currency"))?;
    Ok(commerce::money::Money { minor: money.amount, ccy })
}

fn read_ccy(code: &str, pointer: &str) -> Result<Ccy, Problem> {
    Ccy::parse(code).map_err(|_| field(pointer, "unknown", "there is no such currency"))
}

/// Units of a SKU, as written.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LineBody {
    /// The SKU.
    sku: Slug<64>,
    /// How many.
    qty: Int<1, 1_000_000>,
}

/// A cart, as written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CartBody {
    /// Its currency; the channel's when absent.
    currency: Option<Text<3, 3>>,
    /// Units of SKUs.
    #[serde(default)]
    lines: Vec<LineBody>,
    /// Where it goes.
    address: Option<AddressBody>,
    /// How it goes; `standard` when absent.
    shipping_option: Option<Text<1, 64>>,
    /// Codes.
    #[serde(default)]
    coupons: Vec<Text<1, 64>>,
    /// How it is paid.
    #[serde(default)]
    tenders: Vec<TenderBody>,
}

/// A change of some parts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CartPatchBody {
    /// The cart's own, which stays; null: the channel's.
    #[serde(default)]
    currency: Patch<Text<3, 3>>,
    /// Where it goes: members that are absent stay as they are.
    #[serde(default)]
    address: Patch<AddressPatch>,
    /// How it goes; null: the default.
    #[serde(default)]
    shipping_option: Patch<Text<1, 64>>,
    /// Codes.
    #[serde(default)]
    coupons: Patch<Vec<Text<1, 64>>>,
    /// How it is paid; null: by a gateway.
    #[serde(default)]
    tenders: Patch<Vec<TenderBody>>,
    /// Units of SKUs.
    #[serde(default)]
    lines: Patch<Vec<LineBody>>,
}

/// Units of one SKU.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QtyBody {
    /// How many.
    qty: Int<1, 1_000_000>,
}

/// Where a cart stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CartStatus {
    Open,
    Frozen,
    Ordered,
}

/// A line with its price of now.
#[derive(Debug, Serialize, ToSchema)]
struct CartLine {
    sku: SkuRef,
    qty: u32,
    /// Null when the SKU is not for sale.
    title: Option<String>,
    /// Null when the SKU is not for sale.
    unit_price: Option<Money>,
}

/// A cart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cart)]
pub(crate) struct CartJson {
    #[schema(inline)]
    object: CartWord,
    id: String,
    version: u64,
    status: CartStatus,
    generation: u32,
    order_id: Option<String>,
    customer_id: String,
    channel: String,
    currency: String,
    lines: Vec<CartLine>,
    address: Option<AddressBody>,
    shipping_option: String,
    coupons: Vec<String>,
    tenders: Vec<TenderBody>,
}

/// The cart of a path.
pub(crate) fn key<B>(call: &Call<B>) -> EntityKey {
    keys::cart(&call.caller.tenant, call.path.expect("id"))
}

/// The cart as its entity shows it.
pub(crate) async fn read_cart<B>(
    call: &Call<B>,
    asker: &Asker,
    key: &EntityKey,
) -> Result<CartView, Problem> {
    let seen = call.edge.shop().query::<Cart>(asker, key, &cart::Query::View, 0).await?;
    let cart::View::Cart(view) = seen.view;
    Ok(*view)
}

/// The cart as clients see it, at the prices of now.
pub(crate) async fn show<B>(call: &Call<B>, view: CartView) -> Result<CartJson, Problem> {
    let shop = call.edge.shop();
    // Of each SKU, not of a quote: a cart that cannot be priced can still be looked at and mended.
    let now = quoting::lines(shop, &call.caller.tenant, &call.asker(), &view).await?;
    let line = |line: &Line| -> Result<CartLine, Problem> {
        let seen = now.for_sale.iter().find(|seen| seen.sku == line.sku);
        Ok(CartLine {
            sku: SkuRef::Code(line.sku.to_string()),
            qty: line.qty.get(),
            title: seen.map(|seen| seen.title.to_string()),
            unit_price: seen.map(|seen| common::money(seen.unit_price)).transpose()?,
        })
    };
    let customer = view.owner.customer(&call.caller.tenant);
    Ok(CartJson {
        object: CartWord::Word,
        id: view.key.public("cart"),
        version: view.version,
        status: match view.status {
            cart::Status::Open => CartStatus::Open,
            cart::Status::Frozen => CartStatus::Frozen,
            cart::Status::Ordered => CartStatus::Ordered,
        },
        generation: view.generation,
        order_id: view.order.as_ref().map(order_id),
        customer_id: customer.public(keys::CUSTOMER_PREFIX),
        channel: view.content.channel.to_string(),
        currency: view.content.currency.code().to_owned(),
        lines: view.content.lines.iter().map(line).collect::<Result<_, _>>()?,
        address: view.content.address.as_ref().map(AddressBody::from),
        shipping_option: view.content.shipping_option.to_string(),
        coupons: view.content.coupons.iter().map(ToString::to_string).collect(),
        tenders: view.content.tenders.iter().map(TenderBody::show).collect::<Result<_, _>>()?,
    })
}

/// Tells the cart; its version after that.
async fn tell<B>(call: &Call<B>, command: cart::Command) -> Result<u64, Problem> {
    let reply = call.edge.shop().ask::<Cart>(&call.asker(), &key(call), &command).await?;
    match reply.value {
        cart::Reply::Done => Ok(reply.version),
        other @ (cart::Reply::Merging | cart::Reply::Placed { .. } | cart::Reply::Held { .. }) => {
            Err(common::unexpected(&other))
        }
    }
}

/// Tells the cart, and shows what this made of it.
async fn edit<B>(call: &Call<B>, command: cart::Command) -> Result<CartView, Problem> {
    let version = tell(call, command).await?;
    let (asker, query) = (call.asker().shown(Scope::OrdersRead), cart::Query::View);
    let view = call.edge.shop().made::<Cart>(&asker, &key(call), version, &query).await?;
    let cart::View::Cart(view) = view;
    Ok(*view)
}

/// What can be chosen are the shop's options. One that went since can stay in a cart, and is
/// refused when that is priced.
fn check_option(option: &str, terms: &Terms) -> Result<(), Problem> {
    if terms.shipping.iter().any(|known| known.id == option) {
        return Ok(());
    }
    let detail = "is no shipping option of the shop";
    Err(Problem::failed("/shipping_option", "unknown_value", detail))
}

fn qty(qty: i64) -> NonZeroU32 {
    NonZeroU32::new(common::units(qty)).expect("the body's type bounds it from 1")
}

async fn put_cart(call: Call<Json<CartBody>>) -> Result<Reply<Json<CartJson>>, Problem> {
    let body = &call.body.0;
    let terms = call.edge.shop().terms();
    let ccy = match &body.currency {
        None => terms.ccy,
        Some(code) => read_ccy(code, "/currency")?,
    };
    if ccy != terms.ccy {
        return Err(Problem::new(Code::CurrencyMismatch));
    }
    if let Some(address) = &body.address {
        check_region(address, "/address")?;
    }
    if let Some(option) = &body.shipping_option {
        check_option(option, terms)?;
    }
    let line = |item: &LineBody| Line { sku: (&*item.sku).into(), qty: qty(item.qty.0) };
    let content = Content {
        channel: terms.channel.as_str().into(),
        currency: ccy,
        lines: body.lines.iter().map(line).collect(),
        address: body.address.clone().map(Into::into),
        shipping_option: body.shipping_option.as_deref().unwrap_or(DEFAULT_SHIPPING).into(),
        coupons: body.coupons.iter().map(|code| (&**code).into()).collect(),
        tenders: read_tenders(&body.tenders)?,
    };
    let if_version = if_version(call.condition);
    let view = edit(&call, cart::Command::Put { content: Box::new(content), if_version }).await?;
    let version = view.version;
    let cart = show(&call, view).await?;
    let path = format!("/v1/carts/{}", cart.id);
    let is_new = if_version == IfVersion::Absent;
    let reply = if is_new { Reply::created(cart) } else { Reply::ok(cart) };
    Ok(reply.location(path).version(version))
}

async fn get_cart(call: Call<NoBody>) -> Result<Reply<Json<CartJson>>, Problem> {
    let view = read_cart(&call, &call.asker(), &key(&call)).await?;
    shown(&call, view).await
}

/// The cart as the request wants it: with codes of SKUs, or with the SKUs.
pub(crate) async fn shown(
    call: &Call<NoBody>,
    view: CartView,
) -> Result<Reply<Json<CartJson>>, Problem> {
    let version = view.version;
    let mut cart = show(call, view).await?;
    if common::expands_skus(&call.query) {
        let skus = cart.lines.iter_mut().map(|line| &mut line.sku);
        let tag = expand_skus(call, version, skus).await?;
        return Ok(Reply::ok(cart).tag(tag));
    }
    // Prices and titles are the SKUs', of now.
    Ok(Reply::ok(cart).version_of_a_part(version))
}

/// A member of a merge patch as the cart takes it.
fn patched<T, U>(
    patch: &Patch<T>,
    read: impl FnOnce(&T) -> Result<U, Problem>,
) -> Result<cart::Patch<U>, Problem> {
    Ok(match patch {
        Patch::Keep => cart::Patch::Keep,
        Patch::Clear => cart::Patch::Clear,
        Patch::Set(value) => cart::Patch::Set(read(value)?),
    })
}

/// The address after the patch, and what the cart has to be to take it: the very version whose
/// address it was merged with here, also when the caller takes any. Another writer in between is
/// 412 then, and no change is lost.
async fn merged_address(
    call: &Call<Json<CartPatchBody>>,
    if_version: IfVersion,
) -> Result<(cart::Patch<Address>, IfVersion), Problem> {
    let patch = match &call.body.0.address {
        Patch::Keep => return Ok((cart::Patch::Keep, if_version)),
        Patch::Clear => return Ok((cart::Patch::Clear, if_version)),
        Patch::Set(patch) => patch,
    };
    let view = read_cart(call, &call.asker().shown(Scope::OrdersRead), &key(call)).await?;
    if view.status != cart::Status::Open || !if_version.holds(Some(view.version)) {
        // The cart itself says why it refuses, whatever the address.
        return Ok((cart::Patch::Keep, if_version));
    }
    let merged = patch.merge(view.content.address.as_ref(), "/address")?;
    check_region(&merged, "/address")?;
    Ok((cart::Patch::Set(merged.into()), IfVersion::Exact(view.version)))
}

/// A cart keeps its currency: a patch may name it, and changes nothing by that.
async fn check_currency(call: &Call<Json<CartPatchBody>>) -> Result<(), Problem> {
    let named = match &call.body.0.currency {
        Patch::Keep => return Ok(()),
        Patch::Clear => call.edge.shop().terms().ccy,
        Patch::Set(code) => read_ccy(code, "/currency")?,
    };
    let view = read_cart(call, &call.asker().shown(Scope::OrdersRead), &key(call)).await?;
    if view.content.currency == named { Ok(()) } else { Err(Problem::new(Code::CurrencyMismatch)) }
}

async fn update_cart(call: Call<Json<CartPatchBody>>) -> Result<Reply<Json<CartJson>>, Problem> {
    let body = &call.body.0;
    check_currency(&call).await?;
    if let Patch::Set(option) = &body.shipping_option {
        check_option(option, call.edge.shop().terms())?;
    }
    let line = |item: &LineBody| Line { sku: (&*item.sku).into(), qty: qty(item.qty.0) };
    let (address, if_version) = merged_address(&call, if_version(call.condition)).await?;
    let patch = CartPatch {
        address,
        shipping_option: patched(&body.shipping_option, |option| Ok((&**option).into()))?,
        coupons: patched(&body.coupons, |codes| {
            Ok(codes.iter().map(|code| (&**code).into()).collect())
        })?,
        tenders: patched(&body.tenders, |tenders| read_tenders(tenders))?,
        lines: patched(&body.lines, |lines| Ok(lines.iter().map(line).collect()))?,
    };
    let view = edit(&call, cart::Command::Update { patch: Box::new(patch), if_version }).await?;
    let version = view.version;
    Ok(Reply::ok(show(&call, view).await?).version(version))
}

async fn put_line(call: Call<Json<QtyBody>>) -> Result<Reply<Json<CartJson>>, Problem> {
    let command = cart::Command::PutLine {
        sku: call.path.expect("sku").into(),
        qty: qty(call.body.0.qty.0),
        if_version: if_version(call.condition),
    };
    let view = edit(&call, command).await?;
    let version = view.version;
    Ok(Reply::ok(show(&call, view).await?).version(version))
}

async fn delete_line(call: Call<NoBody>) -> Result<Reply<crate::reply::Empty>, Problem> {
    let sku = call.path.expect("sku").into();
    let if_version = if_version(call.condition);
    let version = tell(&call, cart::Command::DeleteLine { sku, if_version }).await?;
    Ok(Reply::no_content().version(version))
}
