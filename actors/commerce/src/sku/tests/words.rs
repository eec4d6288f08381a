//! Decisions in few words, for tables that people read.

use super::*;
use crate::protocol::Split;

/// Events, answers and the reply, a line each.
pub(super) fn transcript(decided: Result<Decision<Sku>, Rejection>) -> String {
    let mut out = String::new();
    match decided {
        Ok(decision) => {
            for event in &decision.events {
                let _ = writeln!(out, "  {}", event_words(event));
            }
            for effect in &decision.effects {
                let what = if effect.to.kind == kinds::ORDER {
                    reply_words(&heard(effect))
                } else {
                    format!("{:?}", unpack::<crate::product::Command>(&effect.command).unwrap())
                };
                let _ = writeln!(out, "  -> {what}");
            }
            match &decision.reply {
                Some(Reply::Adjusted { stock, movement, shortfall }) => {
                    let (number, available) = (movement.number, stock.available);
                    let _ = writeln!(
                        out,
                        "  = movement {number}, shortfall {shortfall}, available {available}"
                    );
                }
                Some(Reply::Sku(_) | Reply::Price(_) | Reply::Stock(_)) | None => {}
            }
        }
        Err(rejection) => {
            let _ = writeln!(out, "  no: {}", rejection_words(&rejection));
        }
    }
    out
}

pub(super) fn name_of(id: Uuid) -> String {
    let bytes: Vec<u8> = id.into_bytes().into_iter().take_while(|b| *b != 0).collect();
    String::from_utf8(bytes).unwrap()
}

fn rejection_words(rejection: &Rejection) -> String {
    match rejection {
        Rejection::Validation { pointer, code, detail: _ } => format!("{pointer} {code}"),
        Rejection::AlreadyCommitted { hold_id } => format!("{} is committed", name_of(*hold_id)),
        Rejection::NotThatMany { hold_id } => format!("not that many of {}", name_of(*hold_id)),
        Rejection::NotFound
        | Rejection::Forbidden
        | Rejection::VersionMismatch { .. }
        | Rejection::NegativeOnHand { .. }
        | Rejection::MoneyOverflow => format!("{rejection:?}"),
    }
}

fn left(left: &Left) -> String {
    match left.turned {
        Some(word) => format!("left {}, now {word:?}", left.units),
        None => format!("left {}", left.units),
    }
}

fn owner_of(owner: &Owner) -> String {
    match owner.id {
        EntityId::Uuid(id) => name_of(id),
        EntityId::Name(ref name) => name.to_string(),
    }
}

fn terms_of(hold_id: &Uuid, terms: &Terms) -> String {
    let parts = terms.parts.as_slice();
    let Terms { generation, ttl_ms, phase, .. } = terms;
    format!("{}/{generation} {parts:?} {phase:?} {} s", name_of(*hold_id), ttl_ms / 1000)
}

fn names(hold_ids: &[Uuid]) -> String {
    hold_ids.iter().map(|id| name_of(*id)).collect::<Vec<_>>().join(" ")
}

fn event_words(event: &Event) -> String {
    match event {
        Event::Put { product_id, title } => format!("Put in {product_id}: {title}"),
        Event::ArchivedSet { archived } => format!("ArchivedSet {archived}"),
        Event::PriceSet { book, amount, price_version } => {
            format!("PriceSet {book} {} {}, version {price_version}", amount.minor, amount.ccy)
        }
        Event::PolicySet { location, safety, oversell_limit, left: units } => {
            format!("PolicySet {location} -{safety} +{oversell_limit}; {}", left(units))
        }
        Event::Adjusted { location, kind, delta, reason, shortfall, left: units } => {
            let units = left(units);
            format!("{kind:?} {location} {delta:+} ({reason}), short {shortfall}; {units}")
        }
        Event::Held { hold_id, owner, terms, left: units } => {
            let (terms, units) = (terms_of(hold_id, terms), left(units));
            format!("Held {terms} by {}; {units}", owner_of(owner))
        }
        Event::Resized { hold_id, terms, left: units } => {
            format!("Resized {}; {}", terms_of(hold_id, terms), left(units))
        }
        Event::Grown { hold_id, terms, left: units } => {
            format!("Grown {}; {}", terms_of(hold_id, terms), left(units))
        }
        Event::Pinned { hold_id } => format!("Pinned {}", name_of(*hold_id)),
        Event::Unpinned { hold_id, ttl_ms } => {
            format!("Unpinned {} {} s", name_of(*hold_id), ttl_ms / 1000)
        }
        Event::Committed { hold_id } => format!("Committed {}", name_of(*hold_id)),
        Event::Released { hold_id, left: units } => {
            format!("Released {}; {}", name_of(*hold_id), left(units))
        }
        Event::Expired { hold_ids, left: units } => {
            format!("Expired {}; {}", names(hold_ids), left(units))
        }
        Event::Revoked { hold_ids, left: units } => {
            format!("Revoked {}; {}", names(hold_ids), left(units))
        }
        Event::Transferred { hold_id, owner } => {
            format!("Transferred {} to {}", name_of(*hold_id), owner_of(owner))
        }
        Event::Shipped { hold_id, shipment_id, location, qty, left: units } => {
            let (hold, shipment, units) = (name_of(*hold_id), name_of(*shipment_id), left(units));
            format!("Shipped {qty} of {hold} from {location} in {shipment}; {units}")
        }
        Event::Restocked { hold_id, movement, location, qty, origin, condition, left: units } => {
            let (hold, by, units) = (name_of(*hold_id), name_of(movement.0), left(units));
            format!(
                "Restocked {qty} {origin:?} of {hold} at {location} by {by}, {condition:?}; {units}"
            )
        }
        Event::OwnersAsked { hold_ids } => format!("OwnersAsked {}", names(hold_ids)),
    }
}

fn split_words(split: &Split) -> String {
    split.iter().map(|(location, qty)| format!("{location} {qty}")).collect::<Vec<_>>().join(", ")
}

fn reply_words(reply: &StockReply) -> String {
    let name = |id: &Uuid| name_of(*id);
    match reply {
        StockReply::HoldAcked { hold_id, generation, split, expires_at, committed } => {
            let until = match (expires_at, committed) {
                (Some(at), false) => format!("until {} s", at.0 / 1000),
                (None, true) => "committed".to_owned(),
                (None, false) => "pinned".to_owned(),
                (Some(_), true) => panic!("what is committed does not expire"),
            };
            format!("HoldAcked {}/{generation} {} {until}", name(hold_id), split_words(split))
        }
        StockReply::HoldRejected { hold_id, generation, refusal, available } => {
            format!("HoldRejected {}/{generation} {refusal:?}, {available} left", name(hold_id))
        }
        StockReply::Stale { hold_id, generation } => {
            format!("Stale {}/{generation}", name(hold_id))
        }
        StockReply::Pinned { hold_id, generation } => {
            format!("Pinned {}/{generation}", name(hold_id))
        }
        StockReply::Gone { hold_id, generation } => format!("Gone {}/{generation}", name(hold_id)),
        StockReply::Unpinned { hold_id } => format!("Unpinned {}", name(hold_id)),
        StockReply::Committed { hold_id } => format!("Committed {}", name(hold_id)),
        StockReply::CommitRefused { hold_id, refusal } => {
            format!("CommitRefused {} {refusal:?}", name(hold_id))
        }
        StockReply::Released { hold_id, generation } => {
            format!("Released {}/{generation}", name(hold_id))
        }
        StockReply::Transferred { hold_id } => format!("Transferred {}", name(hold_id)),
        StockReply::Shipped { hold_id, shipment_id } => {
            format!("Shipped {} {}", name(hold_id), name(shipment_id))
        }
        StockReply::ShipRefused { hold_id, shipment_id } => {
            format!("ShipRefused {} {}", name(hold_id), name(shipment_id))
        }
        StockReply::Restocked { hold_id, movement } => {
            format!("Restocked {} {}", name(hold_id), name(&movement.0))
        }
        StockReply::OwnerStatusAsked { hold_id } => format!("OwnerStatusAsked {}", name(hold_id)),
    }
}
