//! Live streams of orders: server-sent events of one order or of a customer, and a WebSocket.
//!
//! Whoever may read gets 200 whatever the state of the node: another status closes an EventSource
//! for good (interfaces.md 0.6). A stream that cannot be served says `bye` and when to come back.

use actix::Actor;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::ORIGIN;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use entity::Scope;

use crate::identity::{Topic, Via};
use crate::input::NoBody;
use crate::openapi::Content;
use crate::operation::{Caching, Operation};
use crate::problem::{Code, Problem};
use crate::push::{
    Cut, Form, Live, LiveBody, Opening, Reason, StreamFrame, Watcher, bounded, is_refusal, response,
};
use crate::request::{Param, ParamKind, read_form};
use crate::route::{Call, Route, live_route};
use crate::routes::orders::ORDER;
use crate::settings;

const LAST_EVENT_ID: Param = Param::new(
    "last_event_id",
    ParamKind::Text { max: 4_000 },
    "The id of the last event that the client has; the header Last-Event-ID goes before it.",
);
const TICKET: Param = Param::new("ticket", ParamKind::Text { max: 4_000 }, "A stream ticket.");

const STREAM_ORDER: Operation = Operation::get("streamOrder", "/v1/orders/{id}/events")
    .about("Events", "Changes of an order as they happen (server-sent events)")
    .scoped(Scope::OrdersRead)
    .params(&[ORDER])
    .query(&[LAST_EVENT_ID, TICKET])
    .caching(Caching::Never)
    .lenient()
    .shedding(shed)
    .ticket();

const STREAM_ME: Operation = Operation::get("streamMe", "/v1/me/events")
    .about(
        "Events",
        "Changes of the caller's orders as they happen (server-sent events): of the newest 40, and \
         of older ones until they are over, 200 together",
    )
    .scoped(Scope::OrdersRead)
    .query(&[LAST_EVENT_ID, TICKET])
    .caching(Caching::Never)
    .lenient()
    .shedding(shed)
    .ticket();

const OPEN_SOCKET: Operation = Operation::get("openSocket", "/v1/ws")
    .about("Events", "The same frames over a WebSocket, subprotocol commerce.v1+json")
    .scoped(Scope::OrdersRead)
    .query(&[TICKET])
    .statuses(&[101])
    .caching(Caching::Never)
    .lenient()
    .ticket();

/// The name of what is spoken on a WebSocket.
const SUBPROTOCOL: &str = "commerce.v1+json";

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    let frames = || Content::events::<StreamFrame>();
    vec![
        live_route(&STREAM_ORDER, frames, |call, http, _| async move {
            check_names(&STREAM_ORDER, &call)?;
            let id = call.path.expect("id").to_owned();
            stream(call, http, Topic::Order(id)).await
        }),
        live_route(&STREAM_ME, frames, |call, http, _| async move {
            check_names(&STREAM_ME, &call)?;
            stream(call, http, Topic::Me).await
        }),
        live_route(&OPEN_SOCKET, || Content::None, open_socket),
    ]
}

async fn stream(
    call: Call<NoBody>,
    http: HttpRequest,
    topic: Topic,
) -> Result<HttpResponse, Problem> {
    call.caller.may_watch(&topic)?;
    if has_ended(&call) {
        return Ok(bye(Reason::TicketExpired));
    }
    let shop = call.edge.shop().clone();
    let place = match call.edge.streams().enter(shop.settings().get(settings::STREAMS_MAX)) {
        Ok(place) => place,
        Err(reason) => return Ok(bye(reason)),
    };
    let last = last_event_id(&call, &topic);
    if last.is_some() {
        sites::hit("push.resumed");
    }
    let watcher = Watcher { shop, asker: call.asker() };
    let page = match watcher.page(&topic, last.as_deref()).await {
        Ok(page) => page,
        Err(problem) if is_refusal(&problem) => return Err(problem),
        Err(_) => return Ok(bye(Reason::Unavailable)),
    };
    if http.method() == Method::HEAD {
        // Nobody reads on: a stream would hold its place, and the connection, for ever.
        return Ok(response(Bytes::new()));
    }
    let (mut live, pieces) = Live::new(Opening {
        asker: watcher.asker,
        origin: call.context.origin(&call.raw_path),
        edge: call.edge,
        caller: call.caller,
        form: Form::Events,
        place,
        cut: Cut::of(&http),
        messages: None,
    });
    live.begin(topic, page);
    live.start();
    Ok(response(LiveBody::new(pieces, None)))
}

/// A stream that is not served: a client of it comes back, where a 429 would end it for good.
fn shed() -> HttpResponse {
    bye(Reason::Shed)
}

/// A stream that ends as it begins; the answer to HEAD has no body in any case.
fn bye(reason: Reason) -> HttpResponse {
    let labels = [("reason", reason.word())];
    metrics::counter!("mercato_edge_streams_ended_total", &labels).increment(1);
    response(Form::Events.bye(reason))
}

fn has_ended(call: &Call<NoBody>) -> bool {
    match &call.caller.via {
        Via::Ticket(ticket) => ticket.has_ended(call.edge.wall()),
        Via::Nothing | Via::Bearer | Via::Cookie(_) => false,
    }
}

/// A parameter that is not declared is refused as everywhere; only values are taken as they come.
fn check_names(operation: &Operation, call: &Call<NoBody>) -> Result<(), Problem> {
    let pairs = read_form(&call.raw_query).unwrap_or_default();
    let is_declared = |name: &str| operation.query.iter().any(|param| param.name == name);
    match pairs.iter().find(|(name, _)| !is_declared(name)) {
        Some((name, _)) => {
            Err(Problem::bad_parameter(name, "unknown_parameter", "no such parameter"))
        }
        None => Ok(()),
    }
}

/// What the client has. The header is what an EventSource saw last, the query what its page knew
/// when it began; one that is malformed counts as none.
fn last_event_id(call: &Call<NoBody>, topic: &Topic) -> Option<String> {
    let is_id = |text: &str| match topic {
        Topic::Order(_) => crate::push::read_id(text).is_some(),
        Topic::Me => crate::push::Position::read(text).is_some(),
    };
    let of_query = || {
        let pairs = read_form(&call.raw_query)?;
        pairs.into_iter().find(|(name, _)| name == LAST_EVENT_ID.name).map(|(_, value)| value)
    };
    call.last_event_id.clone().filter(|text| is_id(text)).or_else(of_query)
}

async fn open_socket(
    call: Call<NoBody>,
    http: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    check_names(&OPEN_SOCKET, &call)?;
    check_origin(&call, &http)?;
    let mut payload = payload;
    let payload = web::Payload::from_request(&http, &mut payload).await.expect("it always is one");
    let shaken = actix_ws::handle_with_protocols(&http, payload, &[SUBPROTOCOL]);
    let (response, session, messages) = shaken.map_err(|error| {
        Problem::bad_parameter("Upgrade", "bad_form", format!("not a WebSocket handshake: {error}"))
    })?;
    // Messages go out through a channel of one piece, not through the session's queue of 32.
    drop(session);
    let max = call.edge.shop().settings().get(settings::STREAMS_MAX);
    let place = match (has_ended(&call), call.edge.streams().enter(max)) {
        (false, Ok(place)) => place,
        (true, _) => return Ok(closed(response, Reason::TicketExpired)),
        (false, Err(reason)) => return Ok(closed(response, reason)),
    };
    let (live, pieces) = Live::new(Opening {
        asker: call.asker(),
        origin: call.context.origin(&call.raw_path),
        edge: call.edge,
        caller: call.caller,
        form: Form::Socket,
        place,
        cut: Cut::of(&http),
        messages: Some(bounded(messages)),
    });
    live.start();
    // The handshake's own body tells the reading half when the connection ends.
    let response = response.map_body(|_, beside| LiveBody::new(pieces, Some(beside)));
    Ok(response.map_into_boxed_body())
}

/// A WebSocket that ends as it begins.
fn closed(response: HttpResponse, reason: Reason) -> HttpResponse {
    let (pieces, body) = tokio::sync::mpsc::channel::<Bytes>(1);
    pieces.try_send(Form::Socket.bye(reason)).expect("a new channel has room");
    response.set_body(LiveBody::new(body, None)).map_into_boxed_body()
}

/// CORS does not cover WebSockets: a page of another origin would speak with the user's cookie.
fn check_origin(call: &Call<NoBody>, http: &HttpRequest) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(Code::CsrfFailed).detail(detail));
    match (http.headers().get(ORIGIN), &call.caller.via) {
        (None, Via::Cookie(_)) => refused("a cookie needs the header Origin"),
        (None, Via::Nothing | Via::Bearer | Via::Ticket(_)) => Ok(()),
        (Some(origin), _) => {
            let tenants = call.edge.authority().tenants();
            let listed = origin
                .to_str()
                .is_ok_and(|origin| tenants.lists_origin(Some(&call.caller.tenant), origin));
            if listed { Ok(()) } else { refused("the origin is not listed") }
        }
    }
}
