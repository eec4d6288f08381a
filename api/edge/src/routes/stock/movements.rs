//! The movements of a SKU's units on hand, newest first.
//!
//! They are numbered from 1 without gaps. The SKU keeps its newest ones; older ones are read from
//! its journal, backwards and as far as a page needs, so a page of old ones costs a walk over all
//! that happened to the SKU since.

use std::ops::ControlFlow;

use commerce::sku::{Event, MovementView, Query, Sku, View};
use entity::{EntityKey, StepRecord};

use super::{Movement, key};
use crate::cursor::CursorOf;
use crate::dto::List;
use crate::input::NoBody;
use crate::limits;
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::route::Call;
use crate::routes::common;
use crate::shop::{Asker, Shop};

/// A page of movements.
pub(super) async fn list(call: Call<NoBody>) -> Result<Reply<Json<List<Movement>>>, Problem> {
    let (shop, asker, sku) = (call.edge.shop(), call.asker(), key(&call));
    let cursor = CursorOf::new("movements", &call.caller, &call.raw_query).under(&call.raw_path);
    let sealer = call.edge.authority().keys().sealer();
    let before: Option<u64> =
        call.query.get("cursor").map(|text| cursor.open(sealer, text)).transpose()?;
    let limit = common::limit(&call, limits::PAGE_DEFAULT);
    // Whether the caller may see them is said here, before the journal is read.
    let (_, mut movements) = kept(shop, &asker, &sku, before, limit).await?;
    let oldest = movements.last().map(|movement| movement.number).or(before);
    let n_missing = (limit as usize).saturating_sub(movements.len());
    if let Some(oldest) = oldest.filter(|number| *number > 1 && n_missing > 0) {
        movements.extend(from_journal(shop, &asker, &sku, oldest, n_missing).await?);
    }
    let last = movements.last().map(|movement| movement.number).filter(|number| *number > 1);
    let next = last.map(|number| cursor.seal(sealer, number));
    let data = movements.into_iter().map(Movement::from).collect();
    Ok(Reply::page(List::new(data, next), &call.raw_path, &call.raw_query))
}

/// Of what the SKU keeps: at most `limit` before number `before`; with the SKU's version.
async fn kept(
    shop: &Shop,
    asker: &Asker,
    sku: &EntityKey,
    before: Option<u64>,
    limit: u32,
) -> Result<(u64, Vec<MovementView>), Problem> {
    let seen = shop.query::<Sku>(asker, sku, &Query::Movements { before, limit }, 0).await?;
    match seen.view {
        View::Movements { movements, has_more: _ } => Ok((seen.version, movements)),
        other => Err(common::unexpected(&other)),
    }
}

/// `n` movements before number `before`, or all that there are.
async fn from_journal(
    shop: &Shop,
    asker: &Asker,
    sku: &EntityKey,
    before: u64,
    n: usize,
) -> Result<Vec<MovementView>, Problem> {
    // Counted down from the newest one of a version: what happens meanwhile is newer.
    let (version, newest) = kept(shop, asker, sku, None, 1).await?;
    let mut number = newest.first().map_or(0, |newest| newest.number);
    let (mut found, mut unreadable, mut n_steps) = (Vec::new(), None, 0);
    let look = |record: &StepRecord| {
        n_steps += 1;
        if n_steps > limits::STEPS_LOOKED_BACK_MAX {
            return ControlFlow::Break(());
        }
        if record.version >= version {
            return ControlFlow::Continue(());
        }
        for packed in record.events.iter().rev() {
            let event: Event = match codec::unpack(packed) {
                Ok(event) => event,
                Err(error) => {
                    unreadable = Some(error);
                    return ControlFlow::Break(());
                }
            };
            let Some(moved) = event.movement() else { continue };
            if number < before && found.len() < n {
                found.push(moved.numbered(number, record.at));
            }
            number = number.saturating_sub(1);
        }
        let is_all = found.len() == n || number == 0;
        if is_all { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    shop.look_back::<Sku>(asker, sku, look).await?;
    if let Some(error) = unreadable {
        tracing::error!(%error, key = %sku, "an event cannot be read");
        return Err(Problem::new(Code::Internal));
    }
    if n_steps > limits::STEPS_LOOKED_BACK_MAX {
        let detail = "too much has happened to the SKU since; the journal still has them";
        return Err(Problem::new(Code::OverCapacity).detail(detail));
    }
    Ok(found)
}
