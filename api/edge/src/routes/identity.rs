//! Guests, browser sessions, stream tickets.

use std::collections::BTreeSet;
use std::future::ready;

use actix_web::http::header::SET_COOKIE;
use commerce::keys;
use compact_str::CompactString;
use data_encoding::HEXLOWER;
use entity::{Principal, PrincipalKind, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::Instant;
use crate::identity::{Identity, Session, Ticket, Topic, Via, clearing_cookie};
use crate::input::NoBody;
use crate::json::Text;
use crate::limits;
use crate::operation::{Caching, Operation};
use crate::problem::{Code, Fault, Problem};
use crate::reply::{Empty, Json, Reply};
use crate::route::{Call, Route, route};

const CREATE_GUEST: Operation = Operation::post("createGuest", "/v1/guests")
    .about("Identity", "A token for a buyer without an account")
    .public()
    .statuses(&[201])
    .unlocated()
    .caching(Caching::Never);

const CREATE_SESSION: Operation = Operation::post("createSession", "/v1/session")
    .about("Identity", "Exchanges a bearer token for a session cookie")
    .statuses(&[201])
    .unlocated()
    .caching(Caching::Never);

const GET_SESSION: Operation = Operation::get("getSession", "/v1/session")
    .about("Identity", "The session of the cookie, with its CSRF token")
    .codes(&[Code::NotFound])
    .caching(Caching::Never);

const DELETE_SESSION: Operation = Operation::delete("deleteSession", "/v1/session")
    .about("Identity", "Ends the session of the cookie")
    .codes(&[Code::NotFound])
    .caching(Caching::Never);

const CREATE_STREAM_TICKET: Operation = Operation::post("createStreamTicket", "/v1/stream-tickets")
    .about("Identity", "A read-only right to open streams, for a URL")
    .scoped(Scope::OrdersRead)
    .statuses(&[201])
    .unlocated()
    .caching(Caching::Never);

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route(&CREATE_GUEST, |call| ready(create_guest(&call))),
        route(&CREATE_SESSION, |call| ready(create_session(&call))),
        route(&GET_SESSION, |call| ready(get_session(&call))),
        route(&DELETE_SESSION, delete_session),
        route(&CREATE_STREAM_TICKET, |call| ready(create_stream_ticket(&call))),
    ]
}

/// A guest and its token.
#[derive(Debug, Serialize, ToSchema)]
struct Guest {
    #[schema(inline)]
    object: GuestObject,
    /// The guest's id as a customer.
    id: String,
    /// The bearer token.
    access_token: String,
    /// Its life, in seconds.
    expires_in: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GuestObject {
    Guest,
}

fn create_guest(call: &Call<NoBody>) -> Result<Reply<Json<Guest>>, Problem> {
    let token_id = HEXLOWER.encode(&call.edge.random::<16>());
    let subject = format!("guest:{}", HEXLOWER.encode(&call.edge.random::<12>()));
    let principal = Principal {
        tenant: call.caller.tenant.clone(),
        subject: CompactString::new(&subject),
        kind: PrincipalKind::Guest,
        scopes: crate::identity::scopes_of("orders:read orders:write"),
    };
    let access_token = crate::identity::issuer::guest_token(
        call.edge.authority(),
        &principal,
        &token_id,
        call.edge.wall(),
    );
    let guest = Guest {
        object: GuestObject::Guest,
        id: keys::customer(&principal.tenant, principal.kind, &principal.subject)
            .public(keys::CUSTOMER_PREFIX),
        access_token,
        expires_in: limits::GUEST_TOKEN_S,
    };
    Ok(Reply::created(guest))
}

/// A browser session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionBody {
    #[schema(inline)]
    object: SessionObject,
    /// What X-CSRF-Token has to be in every changing request.
    csrf_token: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SessionObject {
    Session,
}

fn create_session(call: &Call<NoBody>) -> Result<Reply<Json<SessionBody>>, Problem> {
    if call.caller.via != Via::Bearer {
        let detail = "a session begins with a bearer token";
        return Err(Problem::new(Code::Unauthenticated).detail(detail));
    }
    let authority = call.edge.authority();
    let id = HEXLOWER.encode(&call.edge.random::<16>());
    let session = Session::begin(call.caller.identity(), id, call.edge.wall());
    let cookie = session.cookie(authority.keys().sealer(), authority.secure_cookies());
    let body = session_body(call, &session);
    Ok(Reply::created(body).header(SET_COOKIE, cookie.to_string()))
}

fn get_session(call: &Call<NoBody>) -> Result<Reply<Json<SessionBody>>, Problem> {
    let session = session_of(call)?;
    Ok(Reply::ok(session_body(call, session)))
}

async fn delete_session(call: Call<NoBody>) -> Result<Reply<Empty>, Problem> {
    let session = session_of(&call)?;
    let authority = call.edge.authority();
    authority
        .revocations()
        .revoke(&session.handle(), session.expires_s(), call.edge.wall())
        .await
        .map_err(|error| not_revoked(&error))?;
    let cookie = clearing_cookie(authority.secure_cookies());
    Ok(Reply::no_content().header(SET_COOKIE, cookie.to_string()))
}

pub(crate) fn not_revoked(error: &crate::identity::RevokeError) -> Problem {
    tracing::error!(%error, cause = ?error, "a revocation was not stored");
    Problem::new(Code::Unavailable).detail("the revocation could not be stored")
}

fn session_of(call: &Call<NoBody>) -> Result<&Session, Problem> {
    match &call.caller.via {
        Via::Cookie(session) => Ok(session),
        Via::Nothing | Via::Bearer | Via::Ticket(_) => {
            Err(Problem::new(Code::NotFound).detail("there is no session"))
        }
    }
}

fn session_body(call: &Call<NoBody>, session: &Session) -> SessionBody {
    let sealer = call.edge.authority().keys().sealer();
    SessionBody { object: SessionObject::Session, csrf_token: session.csrf_token(sealer) }
}

/// The streams that a ticket is wanted for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateStreamTicket {
    /// `me`, or `orders/` and an order's id.
    #[schema(min_items = 1, max_items = 20)]
    topics: Vec<Text<1, 64>>,
}

/// A stream ticket.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamTicket)]
struct TicketBody {
    #[schema(inline)]
    object: TicketObject,
    /// The value of `?ticket=`.
    ticket: String,
    /// When it ends.
    expires_at: Instant,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TicketObject {
    StreamTicket,
}

fn create_stream_ticket(
    call: &Call<Json<CreateStreamTicket>>,
) -> Result<Reply<Json<TicketBody>>, Problem> {
    let texts = &call.body.0.topics;
    if texts.is_empty() || texts.len() > limits::TICKET_TOPICS_MAX {
        return Err(Problem::failed("/topics", "bad_length", "must name 1 to 20 topics"));
    }
    let mut topics = BTreeSet::new();
    let mut refusal: Option<Problem> = None;
    for (index, text) in texts.iter().enumerate() {
        match Topic::parse(text) {
            Some(topic) => {
                topics.insert(topic);
            }
            None => {
                let fault = Fault::new(
                    format!("/topics/{index}"),
                    "bad_form",
                    "must be `me` or `orders/ord_..`",
                );
                let begun = refusal.unwrap_or_else(|| Problem::new(Code::ValidationFailed));
                refusal = Some(begun.fault(fault));
            }
        }
    }
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let topics: Vec<Topic> = topics.into_iter().collect();
    Ok(Reply::created(ticket_for(call, call.caller.identity(), &topics)))
}

fn ticket_for<B>(call: &Call<B>, identity: &Identity, topics: &[Topic]) -> TicketBody {
    let ticket = Ticket::new(identity, topics, call.edge.wall());
    TicketBody {
        object: TicketObject::StreamTicket,
        ticket: ticket.seal(call.edge.authority().keys().sealer()),
        expires_at: Instant(Timestamp(ticket.expires_s() * 1000)),
    }
}
