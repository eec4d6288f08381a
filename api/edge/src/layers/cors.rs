//! Cross-origin requests: exact origins per shop (in a demo every loopback origin).
//!
//! A preflight carries no credential, so it is judged by the host's shop, or by all shops when the
//! host names none; the answer itself names the origin only when the caller's own shop lists it.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use entity::Tenant;

use crate::identity::host;
use crate::state::EdgeState;

const EXPOSED: &str = "ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy, \
                       Idempotent-Replayed, Preference-Applied, Request-Id, Traceparent";
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const REQUEST_HEADERS: &str = "Accept, Accept-Language, Api-Key, Authorization, Channel, \
                               Content-Type, Idempotency-Key, If-Match, If-None-Match, \
                               Last-Event-ID, Prefer, Traceparent, Tracestate, X-CSRF-Token";
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE_S: &str = "600";

/// Answers preflights and names origins.
pub(crate) async fn cors<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<BoxBody, B>>, Error> {
    let edge = request
        .app_data::<web::Data<EdgeState>>()
        .expect("the application carries the edge's state")
        .get_ref()
        .clone();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_preflight = request.method() == Method::OPTIONS
        && origin.is_some()
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let tenants = edge.authority().tenants();
    let of_host = tenants.of_host(&host(request.request())).cloned();
    if is_preflight {
        let mut response = HttpResponse::NoContent().finish();
        let headers = response.headers_mut();
        vary(headers);
        let lists = origin
            .as_ref()
            .and_then(|origin| origin.to_str().ok())
            .is_some_and(|origin| tenants.lists_origin(of_host.as_ref(), origin));
        if let Some(origin) = origin.filter(|_| lists) {
            allow(headers, origin);
            set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            set(headers, header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
        }
        return Ok(request.into_response(response).map_into_left_body());
    }
    let mut response = next.call(request).await?;
    let of_caller = response.request().extensions().get::<Tenant>().cloned();
    let shop = of_caller.filter(|tenant| !tenant.as_str().is_empty()).or(of_host);
    let headers = response.headers_mut();
    vary(headers);
    if let Some(origin) = origin
        && origin.to_str().is_ok_and(|text| tenants.lists_origin(shop.as_ref(), text))
    {
        allow(headers, origin);
        set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    Ok(response.map_into_right_body())
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    set(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// Every answer depends on the origin, also that to a request without one: caches must know.
fn vary(headers: &mut HeaderMap) {
    let joined = match headers.get(header::VARY).and_then(|vary| vary.to_str().ok()) {
        Some(vary) => format!("{vary}, Origin"),
        None => "Origin".to_owned(),
    };
    let value = HeaderValue::from_str(&joined).expect("header names are visible ASCII");
    headers.insert(header::VARY, value);
}
