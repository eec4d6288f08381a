//! Several asks in one turn.

use std::future::{Future, poll_fn};
use std::pin::pin;

use crate::shard::following::{self, First};

/// Runs a future that asks several entities at once. What it asks until it waits for the first time
/// gathers, and the hosts take it together, in the order in which it was asked: asks of one shard
/// share a turn and a commit, and a query that is asked behind a command finds the entity right
/// after it.
///
/// Nothing is promised but speed: an ask of another node goes its own way, and a host that is
/// awake takes what there is.
pub async fn gathered<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut is_first = true;
    poll_fn(|cx| {
        let gathering = std::mem::take(&mut is_first).then(following::begin).flatten();
        let polled = future.as_mut().poll(cx);
        gathering.into_iter().for_each(First::run);
        polled
    })
    .await
}
