//! The inner layer: number and trace, the request's metrics.

use std::borrow::Cow;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::health::Phase;
use crate::problem::{Code, Problem};
use crate::request::RequestContext;
use crate::state::EdgeState;

/// The route of a request, by its template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template(pub(crate) &'static str);

/// Gives a request its number and trace, and counts it.
pub(crate) async fn context<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let edge = request
        .app_data::<web::Data<EdgeState>>()
        .expect("the application carries the edge's state")
        .get_ref()
        .clone();
    let context = edge.context(request.headers());
    request.extensions_mut().insert(context);
    // The routes answer every refusal themselves; what fails here is the framework.
    let answer = next.call(request).await.map_err(|error| problem_of(&error))?;
    let mut response = answer.map_into_boxed_body();
    stamp(&mut response, &context);
    if edge.health().phase() == Phase::Draining
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
    {
        // Clients take another connection, to a node that stays, before this one is closed.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    count(&response, began);
    Ok(response)
}

fn stamp(response: &mut ServiceResponse<BoxBody>, context: &RequestContext) {
    let headers = response.headers_mut();
    let texts = [
        ("request-id", context.origin("").request_id()),
        ("traceparent", context.traceparent()),
        // Nothing here is to be guessed at by its content.
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    for (name, text) in texts {
        let value = HeaderValue::from_str(&text).expect("our own values are visible ASCII");
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A refusal of the framework as one of ours.
fn problem_of(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    let code = match error.as_response_error().status_code() {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        StatusCode::REQUEST_TIMEOUT => Code::Timeout,
        status if status.is_client_error() => Code::InvalidRequest,
        _ => Code::Internal,
    };
    if code == Code::Internal {
        tracing::error!(%error, "a request failed inside the framework");
    }
    Problem::new(code)
}

/// Rate, errors, duration per route template and status class.
fn count(response: &ServiceResponse<BoxBody>, began: Instant) {
    let http = response.request();
    let named = http.extensions().get::<Template>().map(|template| template.0);
    let route: Cow<'static, str> = named.unwrap_or("unmatched").into();
    let method: Cow<'static, str> = match http.method().as_str() {
        "GET" => "GET".into(),
        "HEAD" => "HEAD".into(),
        "POST" => "POST".into(),
        "PUT" => "PUT".into(),
        "PATCH" => "PATCH".into(),
        "DELETE" => "DELETE".into(),
        "OPTIONS" => "OPTIONS".into(),
        // A method is free text; a label must not be.
        _ => "other".into(),
    };
    let status: Cow<'static, str> = match response.status().as_u16() {
        200 => "200".into(),
        201 => "201".into(),
        other => other.to_string().into(),
    };
    let labels = [("route", route), ("method", method), ("status", status)];
    metrics::counter!("mercato_http_requests_total", &labels).increment(1);
    metrics::histogram!("mercato_http_request_duration_seconds", &labels)
        .record(began.elapsed().as_secs_f64());
}
