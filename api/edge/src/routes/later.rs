//! Operations whose part of an order comes later: amendments, card payments, returns, refunds.
//!
//! They check who asks and what about as every operation does, and then refuse in the words of the
//! interface: an order is in no state that allows them, and a payment, return or refund that
//! nobody could make is not there. They stand in no document before they can succeed.

use commerce::order::{Order as OrderEntity, Query};
use entity::Scope;

use crate::input::Unread;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::reply::{Empty, Reply};
use crate::request::{Condition, Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::orders::{self, ORDER, whole};

const PAYMENT: Param = Param::new("id", ParamKind::Id { prefix: "pay" }, "A payment's id.");
const RETURN: Param = Param::new("id", ParamKind::Id { prefix: "ret" }, "A return's id.");
const REFUND: Param = Param::new("id", ParamKind::Id { prefix: "rfd" }, "A refund's id.");

const fn on_order(operation: Operation) -> Operation {
    operation.params(&[ORDER]).codes(&[Code::InvalidState]).key()
}

const AMEND: Operation = on_order(Operation::post("amendOrder", "/v1/orders/{id}/amendments"))
    .about("Orders", "Changes what was ordered")
    .scoped(Scope::OrdersWrite)
    .may_match();

const PAY: Operation = on_order(Operation::post("startPayment", "/v1/orders/{id}/payments"))
    .about("Payments", "Pays an order")
    .scoped(Scope::OrdersWrite)
    .may_match();

const REQUEST_RETURN: Operation =
    on_order(Operation::post("requestReturn", "/v1/orders/{id}/returns"))
        .about("Returns", "Asks to send something back")
        .scoped(Scope::OrdersWrite)
        .may_match();

const CREATE_REFUND: Operation =
    on_order(Operation::post("createRefund", "/v1/orders/{id}/refunds"))
        .about("Refunds", "Gives money back")
        .staff(Scope::RefundsWrite);

const GET_PAYMENT: Operation = Operation::get("getPayment", "/v1/payments/{id}")
    .about("Payments", "A payment")
    .scoped(Scope::OrdersRead)
    .params(&[PAYMENT]);

const COMPLETE_PAYMENT: Operation =
    Operation::post("completePayment", "/v1/payments/{id}/complete")
        .about("Payments", "The buyer came back from a redirect")
        .scoped(Scope::OrdersWrite)
        .params(&[PAYMENT])
        .natural();

const GET_RETURN: Operation = Operation::get("getReturn", "/v1/returns/{id}")
    .about("Returns", "A return")
    .scoped(Scope::OrdersRead)
    .params(&[RETURN]);

const CANCEL_RETURN: Operation = Operation::post("cancelReturn", "/v1/returns/{id}/cancel")
    .about("Returns", "Takes a return back")
    .scoped(Scope::OrdersWrite)
    .params(&[RETURN])
    .key();

const DECIDE_RETURN: Operation = Operation::post("decideReturn", "/v1/returns/{id}/decision")
    .about("Returns", "Approves or rejects a return")
    .staff(Scope::OrdersWrite)
    .params(&[RETURN])
    .key();

const RECEIVE_RETURN: Operation = Operation::post("receiveReturn", "/v1/returns/{id}/receipts")
    .about("Returns", "Goods came back")
    .staff(Scope::OrdersWrite)
    .params(&[RETURN])
    .key();

const INSPECT_RETURN: Operation = Operation::post("inspectReturn", "/v1/returns/{id}/inspection")
    .about("Returns", "What the goods that came back are worth")
    .staff(Scope::OrdersWrite)
    .params(&[RETURN])
    .key();

const GET_REFUND: Operation = Operation::get("getRefund", "/v1/refunds/{id}")
    .about("Refunds", "A refund")
    .scoped(Scope::OrdersRead)
    .params(&[REFUND]);

const APPROVE_REFUND: Operation = Operation::post("approveRefund", "/v1/refunds/{id}/approval")
    .about("Refunds", "Another person approves a refund")
    .staff(Scope::RefundsApprove)
    .params(&[REFUND])
    .key();

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route(&AMEND, refuse),
        route(&PAY, refuse),
        route(&REQUEST_RETURN, refuse),
        route(&CREATE_REFUND, refuse),
        route(&GET_PAYMENT, nothing),
        route(&COMPLETE_PAYMENT, nothing),
        route(&GET_RETURN, nothing),
        route(&CANCEL_RETURN, nothing),
        route(&DECIDE_RETURN, nothing),
        route(&RECEIVE_RETURN, nothing),
        route(&INSPECT_RETURN, nothing),
        route(&GET_REFUND, nothing),
        route(&APPROVE_REFUND, nothing),
    ]
}

/// The caller's order, in the version that was named, is not in a state for this.
async fn refuse(call: Call<Unread>) -> Result<Reply<Empty>, Problem> {
    let (shop, asker, key) = (call.edge.shop(), call.asker(), orders::key(&call));
    let query = Query::View { since_seq: None };
    let view = whole(shop.query::<OrderEntity>(&asker, &key, &query, 0).await?.view)?;
    match call.condition {
        Condition::Any | Condition::Exists => {}
        Condition::Version(version) if version == view.version => {}
        Condition::Version(_) | Condition::Absent | Condition::Never => {
            return Err(Problem::new(Code::VersionMismatch).with("version", view.version));
        }
    }
    Err(Problem::new(Code::InvalidState)
        .with("state", view.after.status.word())
        .with("on_hold", view.after.on_hold)
        .detail("this is not implemented yet"))
}

async fn nothing(_: Call<Unread>) -> Result<Reply<Empty>, Problem> {
    std::future::ready(Err(Problem::new(Code::NotFound))).await
}
