//! Buttons follow `next_actions` (interfaces.md 0.4): an order offers its buyer what it would take
//! from him, and nothing that it would refuse. So it is at each of its versions.
//!
//! The order itself is asked: what it offers, and what it decides when the buyer does it.

use commerce::order::{ActionName, Command, Order, Query, View};
use commerce::protocol::IfVersion;
use entity::{Answer, Cause, Context, Entity, EventContext, Principal, Scopes, Source};

/// How what an order offers differs from what it takes.
pub(super) fn differ(at: &EventContext<'_>, order: &Order) -> Option<String> {
    let owner = &order.body.as_ref()?.terms.owner;
    let (kind, subject) = (owner.kind, owner.subject.clone());
    let principal =
        Principal { tenant: at.key.tenant.clone(), subject, kind, scopes: Scopes::default() };
    let ctx = Context {
        key: at.key,
        now: at.at,
        version: at.version,
        principal: &principal,
        source: Source::Caller,
        cause: &Cause::default(),
    };
    let Answer::Ready(View::Order(view)) = order.query(&ctx, &Query::View { since_seq: None })
    else {
        return Some(format!("{} at {} is not shown to its buyer", at.key, at.version));
    };
    let is_offered = |name| view.next_actions.iter().any(|action| action.name == name);
    let takes = |command| order.decide(&ctx, command).is_ok_and(|done| !done.events.is_empty());
    let (lines, if_version) = (Vec::new(), IfVersion::Any);
    let rows = [
        (ActionName::Cancel, Command::Cancel { lines, if_version }),
        (ActionName::ConfirmReceipt, Command::ConfirmReceipt { if_version }),
    ];
    let said = rows.map(|(name, command)| (name, is_offered(name), takes(command)));
    Some(format!("{} at {}: {}", at.key, at.version, wrong(&said)?))
}

/// The action that is offered and not taken, or the other way round.
pub(super) fn wrong(said: &[(ActionName, bool, bool)]) -> Option<String> {
    let (name, is_offered, takes) = said.iter().find(|(_, offered, taken)| offered != taken)?;
    Some(format!("{name:?} is offered: {is_offered}, and would be taken: {takes}"))
}
