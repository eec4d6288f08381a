//! Pricing a cart: reads the price of each SKU, then the pure quote of `commerce::pricing`.
//!
//! Prices come from the SKUs themselves, never from a cache: a cache may show a price, it does not
//! sell at it. The SKU compares its price version once more when it is asked to hold.

use std::num::NonZeroU32;

use commerce::cart::CartView;
use commerce::keys;
use commerce::money::{Money, Ppm, TaxKind, TaxPolicy};
use commerce::order::{LineDiscount, PricedLine, PricedOrder, Tender, Totals};
use commerce::pricing::{self, CartLine, PriceError, Quote, QuoteInput, ShippingOption};
use commerce::sku::{self, Availability, Sku};
use compact_str::CompactString;
use entity::Tenant;
use futures_util::StreamExt;

use crate::limits;
use crate::problem::{Code, Problem};
use crate::refusal::field;
use crate::shop::{Asker, Shop, Terms};

/// Something about a line that its buyer should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// `out_of_stock` or `not_for_sale`.
    pub code: &'static str,
    /// The SKU.
    pub sku: String,
}

/// A cart with its price.
#[derive(Debug, Clone)]
pub struct Priced {
    /// The quote over the lines that are for sale.
    pub quote: Quote,
    /// What is wrong with lines.
    pub warnings: Vec<Warning>,
    /// Whether every line is for sale.
    pub complete: bool,
    /// Lines of which there is some, and maybe not as much as is asked.
    pub scarce: Vec<(CompactString, NonZeroU32)>,
}

/// The lines of a cart as their SKUs are now. No price of the whole: a cart that cannot be priced
/// has lines all the same.
#[derive(Debug, Clone)]
pub struct Lines {
    /// Those that are for sale, with title and price of one.
    pub for_sale: Vec<CartLine>,
    /// See [`Priced::warnings`].
    pub warnings: Vec<Warning>,
    /// See [`Priced::scarce`].
    pub scarce: Vec<(CompactString, NonZeroU32)>,
}

/// Prices a cart.
pub async fn price(
    shop: &Shop,
    tenant: &Tenant,
    asker: &Asker,
    cart: &CartView,
) -> Result<Priced, Problem> {
    let Lines { for_sale, warnings, scarce } = lines(shop, tenant, asker, cart).await?;
    let complete = for_sale.len() == cart.content.lines.len();
    let quote = pricing::quote(&input(shop.terms(), cart, for_sale)).map_err(refused)?;
    Ok(Priced { quote, warnings, complete, scarce })
}

/// Reads the SKU of each line.
pub async fn lines(
    shop: &Shop,
    tenant: &Tenant,
    asker: &Asker,
    cart: &CartView,
) -> Result<Lines, Problem> {
    let reads = cart.content.lines.iter().map(|line| async move {
        let key = keys::sku(tenant, &line.sku);
        shop.query::<Sku>(asker, &key, &sku::Query::Get, 0).await
    });
    let mut for_sale = Vec::with_capacity(cart.content.lines.len());
    let (mut warnings, mut scarce) = (Vec::new(), Vec::new());
    let reads: Vec<_> =
        futures_util::stream::iter(reads).buffered(limits::READS_AT_ONCE).collect().await;
    for (line, read) in cart.content.lines.iter().zip(reads) {
        let view = match read {
            Ok(seen) => match seen.view {
                sku::View::Sku(view) => Some(view),
                other => return Err(crate::routes::common::unexpected(&other)),
            },
            Err(problem) if problem.code() == Code::NotFound => None,
            Err(problem) => return Err(problem),
        };
        let offered = view.as_ref().filter(|view| !view.archived);
        let Some((view, price)) = offered.and_then(|view| Some((view, view.price?))) else {
            warnings.push(Warning { code: "not_for_sale", sku: line.sku.to_string() });
            continue;
        };
        match view.availability {
            Availability::Out => {
                warnings.push(Warning { code: "out_of_stock", sku: line.sku.to_string() });
            }
            Availability::Low if line.qty.get() > 1 => scarce.push((line.sku.clone(), line.qty)),
            Availability::InStock if line.qty.get() > sku::limits::LOW_AT => {
                scarce.push((line.sku.clone(), line.qty));
            }
            Availability::Low | Availability::InStock => {}
        }
        for_sale.push(CartLine {
            sku: line.sku.clone(),
            qty: line.qty,
            title: view.title.clone(),
            unit_price: price,
            price_version: view.price_version,
        });
    }
    Ok(Lines { for_sale, warnings, scarce })
}

/// Warns of lines of which there is less than is asked. Stock is told to staff, so the shop itself
/// looks, and says only whether it is enough. A shard that is too busy to say gives no warning:
/// the order finds out.
pub async fn warn_of_shortages(
    shop: &Shop,
    tenant: &Tenant,
    asker: &Asker,
    cart: &CartView,
    priced: &mut Priced,
) -> Result<(), Problem> {
    let own = Asker { principal: Shop::on_behalf_of(&asker.principal), ..asker.clone() };
    let own = &own;
    let reads = priced.scarce.iter().map(|(code, _)| async move {
        shop.query::<Sku>(own, &keys::sku(tenant, code), &sku::Query::Stock, 0).await
    });
    let reads: Vec<_> =
        futures_util::stream::iter(reads).buffered(limits::READS_AT_ONCE).collect().await;
    for ((code, qty), read) in priced.scarce.iter().zip(reads) {
        let available = match read {
            Ok(seen) => match seen.view {
                sku::View::Stock(view) => view.available,
                other => return Err(crate::routes::common::unexpected(&other)),
            },
            Err(problem) if problem.code().retryable() => continue,
            Err(problem) => return Err(problem),
        };
        if available < u64::from(qty.get()) {
            priced.warnings.push(Warning { code: "out_of_stock", sku: code.to_string() });
        }
    }
    let place = |warning: &Warning| cart.content.lines.iter().position(|l| l.sku == warning.sku);
    priced.warnings.sort_by_key(place);
    Ok(())
}

fn input(terms: &Terms, cart: &CartView, lines: Vec<CartLine>) -> QuoteInput {
    let kind = if terms.tax_included { TaxKind::Inclusive } else { TaxKind::Exclusive };
    let tax = TaxPolicy { rate: Ppm(terms.tax_ppm), kind, ..TaxPolicy::default() };
    let options = terms.shipping.iter().map(|option| ShippingOption {
        id: option.id.as_str().into(),
        amount: terms.money(option.amount),
    });
    let tender = |tender: &Tender| match tender {
        Tender::Cod => pricing::Tender::Cod,
        Tender::Wallet { amount } => pricing::Tender::Wallet { amount: *amount },
        Tender::Gateway => pricing::Tender::Gateway,
    };
    let shipping_option = (!lines.is_empty()).then(|| cart.content.shipping_option.clone());
    QuoteInput {
        ccy: cart.content.currency,
        lines,
        rules: Vec::new(),
        shipping_options: options.collect(),
        shipping_option,
        tax,
        rounding: tax.mode,
        tenders: cart.content.tenders.iter().map(tender).collect(),
    }
}

fn refused(error: PriceError) -> Problem {
    match error {
        PriceError::Money(commerce::money::MoneyError::Overflow) => {
            Problem::new(Code::MoneyOverflow)
        }
        PriceError::Money(commerce::money::MoneyError::CurrencyMismatch) => {
            Problem::new(Code::CurrencyMismatch)
        }
        PriceError::UnknownShippingOption { .. } => {
            field("/shipping_option", "unknown", "there is no such shipping option")
        }
        PriceError::ConflictingTenders => {
            field("/tenders", "not_allowed", "more than one tender for the rest")
        }
        PriceError::TooMany { .. } => field("/lines", "too_many", "more than a quote takes"),
        PriceError::Money(commerce::money::MoneyError::Undefined)
        | PriceError::Negative { .. }
        | PriceError::NegativeTaxRate
        | PriceError::DuplicateRule { .. }
        | PriceError::DuplicatePriority { .. } => Problem::new(Code::Internal),
    }
}

/// The quote in the form that an order keeps.
#[must_use]
pub fn priced_order(quote: &Quote) -> PricedOrder {
    let minor = |money: Money| money.minor;
    let lines = quote.lines.iter().map(|line| PricedLine {
        sku: line.sku.clone(),
        title: line.title.clone(),
        qty: line.qty,
        unit_price: minor(line.unit_price),
        price_version: line.price_version,
        gross: minor(line.gross),
        discounts: line
            .discounts
            .iter()
            .map(|discount| LineDiscount {
                rule: discount.rule.clone(),
                rule_version: discount.rule_version,
                name: discount.name.clone(),
                amount: minor(discount.amount),
            })
            .collect(),
        total: minor(line.line_total),
        tax: minor(line.tax),
    });
    let totals = &quote.totals;
    PricedOrder {
        quote_hash: quote.hash.clone(),
        ccy: quote.ccy,
        lines: lines.collect(),
        totals: Totals {
            lines: minor(totals.lines),
            shipping: minor(totals.shipping),
            tax: minor(totals.tax),
            tax_included: totals.tax_included,
            tenders: minor(totals.tenders),
            payable: minor(totals.payable),
        },
    }
}
