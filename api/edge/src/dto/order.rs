//! The order as clients see it (interfaces.md 0.4), made from the entity's view.
//!
//! A function of the view and of the time that is shown with it: the same view and time give the
//! same bytes, which is what a replayed answer needs.

use commerce::keys;
use commerce::order::{
    self, Action, ActionName, CodPhase, Entry, LineIndex, OrderView, ParcelPhase, ParcelView,
    PricedLine, Progress, TxnType, number_text,
};
use entity::{EntityKey, Timestamp, public_id};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AddressBody, Instant, Money};
use crate::problem::Problem;
use crate::routes::catalogue::Sku;

crate::routes::common::object_word!(OrderWord = "order");

/// An order. Everything in it is the order's own record, so one version covers it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Order {
    #[schema(inline)]
    object: OrderWord,
    /// Its id.
    pub id: String,
    /// Its number for people; null until one was given.
    number: Option<String>,
    /// Number of its last event.
    pub version: u64,
    /// When this was said; no part of the version.
    server_time: Instant,
    /// Where it stands, in words for the buyer.
    pub status: String,
    /// Whether it is on hold beside its status.
    on_hold: bool,
    /// Whether a cancellation waits for a step to end.
    cancel_requested: bool,
    /// Why it was cancelled.
    pub reason: Option<String>,
    /// Where the money stands.
    payment_status: String,
    /// Where the goods stand.
    fulfilment_status: String,
    /// Where the newest return stands.
    return_status: String,
    /// Its profile.
    txn_type: String,
    /// Where it was sold.
    channel: String,
    /// Language of its notices.
    locale: String,
    /// Whose it is.
    customer_id: String,
    /// The cart that it was placed from.
    cart_id: String,
    /// The group that it belongs to.
    group_id: Option<String>,
    /// Orders of a group.
    children: Vec<Child>,
    /// When it was placed.
    created_at: Instant,
    /// Until when it has to be paid.
    pay_by: Option<Instant>,
    /// When it was over.
    closed_at: Option<Instant>,
    /// Its place in a queue, while it waits in one.
    queue: Option<Queue>,
    /// What was ordered.
    lines: Vec<OrderLine>,
    /// Sums.
    totals: Totals,
    /// Where it goes.
    address: AddressBody,
    /// Payments.
    payments: Vec<PaymentLink>,
    /// Shipments.
    shipments: Vec<ShipmentLink>,
    /// Refunds.
    refunds: Vec<RefundLink>,
    /// What this caller may do now.
    next_actions: Vec<NextAction>,
    /// What happened: the newest 50 entries, oldest first.
    timeline: Vec<TimelineEntry>,
    /// Its live stream.
    events_url: String,
}

/// An order of a group.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Child {
    id: String,
    seller: String,
    status: String,
}

/// A place in a queue.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Queue {
    position: u64,
}

/// A line of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderLine {
    /// Its id within the order.
    id: String,
    /// The SKU.
    sku: SkuRef,
    /// Its title at that time.
    title: String,
    /// Units ordered.
    qty: u32,
    /// Units cancelled.
    cancelled_qty: u32,
    /// Units that left.
    shipped_qty: u32,
    /// Units that came back.
    returned_qty: u32,
    /// Price of one unit.
    unit_price: Money,
    /// Price of all units.
    gross: Money,
    /// Reductions.
    discounts: Vec<Discount>,
    /// Gross less discounts.
    line_total: Money,
    /// Tax on it.
    tax: Money,
}

/// A SKU: its code, or the whole of it where `expand[]` asks for that.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum SkuRef {
    /// Its code.
    Code(String),
    /// As it is now.
    Whole(Box<Sku>),
}

/// A reduction of a line.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Discount {
    name: String,
    amount: Money,
}

/// Sums of an order or a quote.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Totals {
    /// Sum of the lines.
    lines: Money,
    /// Shipping.
    shipping: Money,
    /// Tax on both.
    tax: Money,
    /// Whether the prices contain the tax.
    tax_included: bool,
    /// What the wallet covers.
    tenders: Money,
    /// What the buyer pays beside the tenders, at the door too; `captured` is what was taken of it.
    pub payable: Money,
    /// What has to be paid before it goes on.
    due_now: Money,
    /// What was taken.
    captured: Money,
    /// What was given back.
    refunded: Money,
}

/// A payment of the order.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct PaymentLink {
    id: String,
    status: String,
    amount: Money,
}

/// A shipment of the order.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ShipmentLink {
    id: String,
    status: String,
    carrier: Option<String>,
}

/// A refund of the order.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct RefundLink {
    id: String,
    status: String,
    amount: Money,
}

/// Something that this caller may do now.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct NextAction {
    name: String,
    method: String,
    href: String,
    expires_at: Option<Instant>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// The order's version that it made.
    pub seq: u64,
    at: Instant,
    event: String,
    status: String,
}

impl From<Entry> for TimelineEntry {
    fn from(entry: Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at.into(),
            event: entry.name.word().to_owned(),
            status: entry.status.word().to_owned(),
        }
    }
}

/// The public id of an order.
#[must_use]
pub fn order_id(key: &EntityKey) -> String {
    key.public(keys::ORDER_PREFIX)
}

impl Order {
    /// What the view shows at `server_time`. Errors: an amount that JSON cannot carry.
    pub fn new(view: &OrderView, server_time: Timestamp) -> Result<Self, Problem> {
        let id = order_id(&view.key);
        let terms = &*view.terms;
        let money = |minor: i64| Money::new(minor, terms.priced.ccy.code());
        let priced = terms.priced.lines.iter().zip(&view.lines).enumerate();
        let lines: Result<Vec<_>, Problem> = priced
            .map(|(index, (line, progress))| order_line(index, line, *progress, &money))
            .collect();
        let totals = &terms.priced.totals;
        Ok(Self {
            object: OrderWord::Word,
            number: view.number.map(number_text),
            version: view.version,
            server_time: server_time.into(),
            status: view.after.status.word().to_owned(),
            on_hold: view.after.on_hold,
            cancel_requested: view.cancel_requested,
            reason: view.reason.map(|reason| reason.word().to_owned()),
            payment_status: view.after.payment.word().to_owned(),
            fulfilment_status: view.after.fulfilment.word().to_owned(),
            return_status: "none".to_owned(),
            txn_type: txn_word(terms.txn_type).to_owned(),
            channel: terms.channel.to_string(),
            locale: terms.locale.to_string(),
            customer_id: customer_id(view),
            cart_id: terms.cart.public("cart"),
            group_id: None,
            children: Vec::new(),
            created_at: view.created_at.into(),
            pay_by: view.pay_by.map(Instant),
            closed_at: view.closed_at.map(Instant),
            queue: None,
            lines: lines?,
            totals: Totals {
                lines: money(totals.lines)?,
                shipping: money(totals.shipping)?,
                tax: money(totals.tax)?,
                tax_included: totals.tax_included,
                tenders: money(totals.tenders)?,
                payable: money(totals.payable)?,
                due_now: money(view.due_now)?,
                captured: money(view.captured)?,
                refunded: money(view.refunded)?,
            },
            address: AddressBody::from(&terms.address),
            payments: Vec::new(),
            shipments: view.parcels.iter().map(|parcel| shipment(view, parcel)).collect(),
            refunds: Vec::new(),
            next_actions: view.next_actions.iter().map(|action| next(&id, *action)).collect(),
            timeline: view.timeline.iter().copied().map(TimelineEntry::from).collect(),
            events_url: format!("/v1/orders/{id}/events"),
            id,
        })
    }
}

impl Order {
    /// The SKUs of its lines.
    pub(crate) fn skus_mut(&mut self) -> impl Iterator<Item = &mut SkuRef> {
        self.lines.iter_mut().map(|line| &mut line.sku)
    }
}

impl Totals {
    /// Sums of a quote: nothing was taken yet.
    pub fn of_quote(
        totals: &commerce::order::Totals,
        due_now: i64,
        money: impl Fn(i64) -> Result<Money, Problem>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            lines: money(totals.lines)?,
            shipping: money(totals.shipping)?,
            tax: money(totals.tax)?,
            tax_included: totals.tax_included,
            tenders: money(totals.tenders)?,
            payable: money(totals.payable)?,
            due_now: money(due_now)?,
            captured: money(0)?,
            refunded: money(0)?,
        })
    }
}

/// A line of an order, or of a quote when nothing has happened to it.
pub fn order_line(
    index: usize,
    line: &PricedLine,
    progress: Progress,
    money: &impl Fn(i64) -> Result<Money, Problem>,
) -> Result<OrderLine, Problem> {
    let discount = |discount: &commerce::order::LineDiscount| {
        Ok(Discount { name: discount.name.to_string(), amount: money(discount.amount)? })
    };
    Ok(OrderLine {
        id: (index + 1).to_string(),
        sku: SkuRef::Code(line.sku.to_string()),
        title: line.title.to_string(),
        qty: line.qty.get(),
        cancelled_qty: progress.cancelled,
        shipped_qty: progress.shipped,
        returned_qty: progress.returned,
        unit_price: money(line.unit_price)?,
        gross: money(line.gross)?,
        discounts: line.discounts.iter().map(discount).collect::<Result<_, Problem>>()?,
        line_total: money(line.total)?,
        tax: money(line.tax)?,
    })
}

/// The public id of a line.
#[must_use]
pub fn line_id(index: LineIndex) -> String {
    order::line_id(index).into()
}

fn customer_id(view: &OrderView) -> String {
    let key = view.terms.owner.customer(&view.key.tenant);
    key.public(keys::CUSTOMER_PREFIX)
}

fn shipment(view: &OrderView, parcel: &ParcelView) -> ShipmentLink {
    ShipmentLink {
        id: public_id(keys::SHIPMENT_PREFIX, view.key.affinity, parcel.id),
        status: parcel_word(parcel.phase).to_owned(),
        carrier: parcel.carrier.as_ref().map(ToString::to_string),
    }
}

/// The word for where a shipment stands.
#[must_use]
pub const fn parcel_word(phase: ParcelPhase) -> &'static str {
    match phase {
        ParcelPhase::Pending | ParcelPhase::Stopping => "pending",
        ParcelPhase::Stopped => "stopped",
        ParcelPhase::Released => "released",
        ParcelPhase::Dispatched => "dispatched",
        ParcelPhase::InTransit => "in_transit",
        ParcelPhase::Delivered => "delivered",
        ParcelPhase::AutoReceived => "auto_received",
        ParcelPhase::Refused => "refused",
    }
}

/// The word for where a shipment stands, as it knows itself.
#[must_use]
pub const fn phase_word(phase: commerce::shipment::Phase) -> &'static str {
    use commerce::shipment::Phase;
    match phase {
        Phase::Pending | Phase::Asked => "pending",
        Phase::Released => "released",
        Phase::Dispatched => "dispatched",
        Phase::InTransit => "in_transit",
        Phase::Delivered => "delivered",
        Phase::AutoReceived => "auto_received",
        Phase::Refused => "refused",
        Phase::Stopped => "stopped",
    }
}

/// The word for where the cash of a shipment stands; none: nothing is collected.
#[must_use]
pub const fn cod_word(phase: CodPhase) -> Option<&'static str> {
    match phase {
        CodPhase::None => None,
        CodPhase::Due => Some("due"),
        CodPhase::Overdue => Some("overdue"),
        CodPhase::Collected => Some("collected"),
        CodPhase::Refused => Some("refused"),
    }
}

/// The word for an order's profile.
#[must_use]
pub const fn txn_word(txn_type: TxnType) -> &'static str {
    match txn_type {
        TxnType::Fixed => "fixed",
        TxnType::Cod => "cod",
        TxnType::Presale => "presale",
        TxnType::Flash => "flash",
        TxnType::Auction => "auction",
        TxnType::Insurance => "insurance",
    }
}

fn next(id: &str, action: Action) -> NextAction {
    let (name, path) = match action.name {
        ActionName::Pay => ("pay", "payments"),
        ActionName::Cancel => ("cancel", "cancel"),
        ActionName::ConfirmReceipt => ("confirm_receipt", "receipt"),
    };
    NextAction {
        name: name.to_owned(),
        method: "POST".to_owned(),
        href: format!("/v1/orders/{id}/{path}"),
        expires_at: action.expires_at.map(Instant),
    }
}
