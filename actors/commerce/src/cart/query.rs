//! What a cart shows, and when a merge is over.

use entity::{Answer, Context, EntityKey, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use super::command::Rejection;
use super::state::{Body, Content, Status};
use crate::order::Owner;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The cart.
    View,
    /// The cart, once the lines of this guest's cart are in it (or will not come).
    Merged {
        /// The guest's cart.
        from: EntityKey,
    },
}

/// The cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartView {
    /// Its key.
    pub key: EntityKey,
    /// Its version.
    pub version: u64,
    /// Whose it is.
    pub owner: Owner,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// Which order comes next, or holds it.
    pub generation: u32,
    /// The order that holds it.
    pub order: Option<EntityKey>,
    /// What is in it. Prices and titles are the edge's to add.
    pub content: Content,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// The cart.
    Cart(Box<CartView>),
}

/// Answers a question. Another's cart is not there.
pub(super) fn answer(
    ctx: &Context<'_>,
    body: Option<&Body>,
    query: &Query,
) -> Answer<View, Rejection> {
    let owned = body.filter(|body| body.owner.admits(ctx.principal, Scope::OrdersRead));
    let Some(body) = owned else {
        return Answer::Rejected(Rejection::NotFound);
    };
    let is_ready = match query {
        Query::View => true,
        Query::Merged { from } => body.merging.as_ref().is_none_or(|merging| merging.from != *from),
    };
    let order = match body.status {
        Status::Open => None,
        Status::Frozen | Status::Ordered => Some(body.order(ctx.key)),
    };
    let view = View::Cart(Box::new(CartView {
        key: ctx.key.clone(),
        version: ctx.version,
        owner: body.owner.clone(),
        created_at: body.created_at,
        status: body.status,
        generation: body.generation,
        order,
        content: body.content.clone(),
    }));
    if is_ready { Answer::Ready(view) } else { Answer::NotYet(view) }
}
