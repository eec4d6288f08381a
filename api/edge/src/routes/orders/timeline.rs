//! Everything that happened to an order, in pages from its first entry on.
//!
//! The order itself keeps its newest entries. Older ones are read from its journal, where every
//! event stands with the words after it, so a long timeline costs a walk over the order's frames.

use commerce::order::{Entry, Event, Order as OrderEntity, OrderView, Query};
use entity::{EntityKey, Scope};

use super::{ORDER, key, whole};
use crate::cursor::CursorOf;
use crate::dto::{List, TimelineEntry};
use crate::input::NoBody;
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::route::Call;
use crate::routes::common::{self, CURSOR, LIMIT};
use crate::shop::{Asker, Shop};

pub(super) const TIMELINE: Operation = Operation::get("getTimeline", "/v1/orders/{id}/timeline")
    .about("Orders", "Everything that happened to an order, oldest first")
    .scoped(Scope::OrdersRead)
    .params(&[ORDER])
    .query(&[LIMIT, CURSOR]);

/// A page of what happened, oldest first.
pub(super) async fn timeline(
    call: Call<NoBody>,
) -> Result<Reply<Json<List<TimelineEntry>>>, Problem> {
    let (shop, asker, order) = (call.edge.shop(), call.asker(), key(&call));
    let cursor = CursorOf::new("timeline", &call.caller, &call.raw_query).under(&call.raw_path);
    let sealer = call.edge.authority().keys().sealer();
    let after: Option<u64> =
        call.query.get("cursor").map(|text| cursor.open(sealer, text)).transpose()?;
    let after = after.unwrap_or(0);
    let query = Query::View { since_seq: Some(after) };
    // Whether the caller may see the order is said here, before its journal is read.
    let view = whole(shop.query::<OrderEntity>(&asker, &order, &query, 0).await?.view)?;
    let mut entries = if view.timeline_trimmed {
        // Boxed: a timeline that the order has whole does not carry its state.
        Box::pin(from_journal(shop, &asker, &order, &view, after)).await?
    } else {
        view.timeline
    };
    let limit = common::limit(&call, limits::PAGE_DEFAULT) as usize;
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().map(|entry| entry.seq).filter(|_| has_more);
    let next = last.map(|seq| cursor.seal(sealer, seq));
    let data = entries.into_iter().map(TimelineEntry::from).collect();
    Ok(Reply::page(List::new(data, next), &call.raw_path, &call.raw_query))
}

/// Entries after event `after`, up to the version that the caller was shown.
async fn from_journal(
    shop: &Shop,
    asker: &Asker,
    order: &EntityKey,
    view: &OrderView,
    after: u64,
) -> Result<Vec<Entry>, Problem> {
    let mut entries = Vec::new();
    for record in shop.history::<OrderEntity>(asker, order).await? {
        let numbered = (record.version.saturating_add(1)..=view.version).zip(&record.events);
        for (seq, packed) in numbered.filter(|(seq, _)| *seq > after) {
            let event: Event = codec::unpack(packed).map_err(|error| {
                tracing::error!(%error, key = %order, seq, "an event cannot be read");
                Problem::new(Code::Internal)
            })?;
            entries.extend(Entry::of(seq, record.at, &event));
        }
    }
    Ok(entries)
}
