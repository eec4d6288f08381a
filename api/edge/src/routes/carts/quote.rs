//! What a cart costs now, with everything that the price was made of.

use commerce::cart::CartView;
use commerce::order::Progress;
use entity::{Scope, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CART, key, read_cart};
use crate::dto::{Instant, Money, OrderLine, Totals, order_line};
use crate::input::NoBody;
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::quoting::{self, Priced};
use crate::reply::{Json, Reply};
use crate::route::Call;
use crate::routes::common;

pub(super) const QUOTE: Operation = Operation::post("quoteCart", "/v1/carts/{id}/quote")
    .about("Carts", "What the cart costs now")
    .scoped(Scope::OrdersRead)
    .params(&[CART])
    .codes(&[Code::MoneyOverflow, Code::CurrencyMismatch, Code::ValidationFailed]);

common::object_word!(QuoteWord = "quote");

/// A price with everything that it was made of.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
pub(crate) struct QuoteJson {
    #[schema(inline)]
    object: QuoteWord,
    cart_id: String,
    cart_version: u64,
    quote_hash: String,
    valid_until: Instant,
    lines: Vec<OrderLine>,
    adjustments: Vec<AdjustmentJson>,
    shipping_options: Vec<ShippingOptionJson>,
    totals: Totals,
    warnings: Vec<WarningJson>,
}

/// A change of the price by a rule.
#[derive(Debug, Serialize, ToSchema)]
struct AdjustmentJson {
    rule: String,
    rule_version: u64,
    line_id: Option<String>,
    amount: Money,
}

/// A way to send it.
#[derive(Debug, Serialize, ToSchema)]
struct ShippingOptionJson {
    id: String,
    amount: Money,
}

/// Something about a line that its buyer should know.
#[derive(Debug, Serialize, ToSchema)]
struct WarningJson {
    code: String,
    sku: String,
}

pub(super) async fn quote_cart(call: Call<NoBody>) -> Result<Reply<Json<QuoteJson>>, Problem> {
    let view = read_cart(&call, &call.asker(), &key(&call)).await?;
    let shop = call.edge.shop();
    let (tenant, asker) = (&call.caller.tenant, call.asker());
    let mut priced = quoting::price(shop, tenant, &asker, &view).await?;
    quoting::warn_of_shortages(shop, tenant, &asker, &view, &mut priced).await?;
    Ok(Reply::ok(show_quote(&call, &view, &priced, shop.region().now())?))
}

/// The quote of a cart, as it was made `at` this time.
pub(crate) fn show_quote<B>(
    call: &Call<B>,
    view: &CartView,
    priced: &Priced,
    at: Timestamp,
) -> Result<QuoteJson, Problem> {
    let terms = call.edge.shop().terms();
    let money = |minor: i64| Money::new(minor, view.content.currency.code());
    let order = quoting::priced_order(&priced.quote);
    let untouched = Progress { cancelled: 0, shipped: 0, returned: 0, available: None };
    let lines = order.lines.iter().enumerate();
    let adjustment = |adjustment: &commerce::pricing::Adjustment| {
        Ok(AdjustmentJson {
            rule: adjustment.rule.to_string(),
            rule_version: adjustment.rule_version,
            line_id: adjustment.line_id.as_ref().map(ToString::to_string),
            amount: common::money(adjustment.amount)?,
        })
    };
    let option = |option: &crate::shop::ShippingOption| {
        Ok(ShippingOptionJson { id: option.id.clone(), amount: money(option.amount)? })
    };
    let warning = |warning: &quoting::Warning| WarningJson {
        code: warning.code.to_owned(),
        sku: warning.sku.clone(),
    };
    let due_now = priced.quote.totals.due_now.minor;
    Ok(QuoteJson {
        object: QuoteWord::Word,
        cart_id: view.key.public("cart"),
        cart_version: view.version,
        quote_hash: order.quote_hash.to_string(),
        valid_until: at.plus_ms(limits::QUOTE_MS).into(),
        lines: lines
            .map(|(index, line)| order_line(index, line, untouched, &money))
            .collect::<Result<_, _>>()?,
        adjustments: priced
            .quote
            .adjustments
            .iter()
            .map(adjustment)
            .collect::<Result<_, Problem>>()?,
        shipping_options: terms.shipping.iter().map(option).collect::<Result<_, Problem>>()?,
        totals: Totals::of_quote(&order.totals, due_now, money)?,
        warnings: priced.warnings.iter().map(warning).collect(),
    })
}
