//! Routes: an operation, the types of its bodies and a handler, bound together.
//!
//! One way of a request for all operations: place, credential, scope, rate, parameters, headers,
//! body, handler, reply. A handler sees a checked [`Call`] and nothing of HTTP. The body's type
//! gives both the decoder and the schema.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, dev::Payload};
use entity::Principal;
use serde_json::Value;

use crate::identity::Caller;
use crate::input::{Input, NoBody};
use crate::openapi::Content;
use crate::operation::{ErrorForm, Gate, Idempotency, Method, Operation, Precondition};
use crate::paths;
use crate::problem::{Code, Problem};
use crate::rate::Quota;
use crate::reply::{Output, Rendering, Reply, VARY};
use crate::request::{
    Condition, Matching, Params, Prefer, RequestContext, RequestKey, fingerprint, read_if_match,
    read_if_none_match, read_key, read_query, scoped_key,
};
use crate::state::{EdgeState, InFlight};

/// A checked request.
#[derive(Debug, Clone)]
pub struct Call<B> {
    /// The edge.
    pub edge: EdgeState,
    /// Who asks.
    pub caller: Caller,
    /// Number and trace of the request.
    pub context: RequestContext,
    /// Path parameters.
    pub path: Params,
    /// Query parameters.
    pub query: Params,
    /// The path as it was asked, for links.
    pub raw_path: String,
    /// The query as it was asked, for links.
    pub raw_query: String,
    /// The host as it was asked.
    pub host: String,
    /// The key, in the scope of the principal, with the fingerprint of the request.
    pub key: Option<RequestKey>,
    /// The condition of a command.
    pub condition: Condition,
    /// The tags that a reader has.
    pub known: Option<Vec<String>>,
    /// Preferences, within the operation's limits.
    pub prefer: Prefer,
    /// `Last-Event-ID` of a stream.
    pub last_event_id: Option<String>,
    /// `Authorization`, for the issuer's own clients.
    pub authorization: Option<String>,
    /// The body.
    pub body: B,
}

impl<B> Call<B> {
    /// The principal.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.caller.principal()
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<HttpResponse, Problem>>>>;
type Handler = Arc<dyn Fn(EdgeState, HttpRequest, Payload, Quotas) -> Answer + Send + Sync>;

/// The quota of the caller, set while the request is checked, read when it is answered.
type Quotas = Rc<std::cell::Cell<Option<Quota>>>;

/// A bound operation.
#[derive(Clone)]
pub struct Route {
    /// What is declared.
    pub operation: &'static Operation,
    /// The schema of the request body. Made when it is asked for: a node that starts needs none.
    pub request: fn() -> Content,
    /// The schema of replies.
    pub reply: fn() -> Content,
    handler: Handler,
}

/// Binds a handler to an operation.
pub fn route<B, R, H, F>(operation: &'static Operation, handler: H) -> Route
where
    B: Input + 'static,
    R: Output + 'static,
    H: Fn(Call<B>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply<R>, Problem>> + 'static,
{
    raw_route(operation, R::content, move |call: Call<B>| {
        let rendering_of = (call.prefer, call.known.clone());
        let answer = handler(call);
        async move {
            let (prefer, known) = rendering_of;
            Ok(answer.await?.render(&Rendering { operation, prefer, known }))
        }
    })
}

/// Binds a handler that writes the whole response itself: streams, redirects.
pub fn raw_route<B, H, F>(
    operation: &'static Operation,
    reply: fn() -> Content,
    handler: H,
) -> Route
where
    B: Input + 'static,
    H: Fn(Call<B>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<HttpResponse, Problem>> + 'static,
{
    let handler: Handler = Arc::new(move |edge, http, payload, quotas| {
        let handler = handler.clone();
        Box::pin(async move {
            let call = check::<B>(operation, edge.clone(), http, payload, &quotas).await?;
            let key = call.key;
            let response = handler(call).await?;
            if let Some(key) = key
                && response.status().is_success()
            {
                edge.note_key(key);
            }
            Ok(response)
        })
    });
    Route { operation, request: B::content, reply, handler }
}

/// Binds a handler that needs the connection itself: WebSockets, live streams.
pub(crate) fn live_route<H, F>(
    operation: &'static Operation,
    reply: fn() -> Content,
    handler: H,
) -> Route
where
    H: Fn(Call<NoBody>, HttpRequest, Payload) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<HttpResponse, Problem>> + 'static,
{
    let handler: Handler = Arc::new(move |edge, http, payload, quotas| {
        let handler = handler.clone();
        Box::pin(async move {
            let none = Payload::None;
            match check::<NoBody>(operation, edge, http.clone(), none, &quotas).await {
                Ok(call) => handler(call, http, payload).await,
                Err(problem) => match operation.shed {
                    Some(shed) if problem.code() == Code::RateLimited => Ok(shed()),
                    Some(_) | None => Err(problem),
                },
            }
        })
    });
    Route { operation, request: || Content::None, reply, handler }
}

impl Route {
    /// With another schema of the request body than its type says.
    #[must_use]
    pub(crate) fn with_request(self, request: fn() -> Content) -> Self {
        Self { request, ..self }
    }

    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        edge: EdgeState,
        http: HttpRequest,
        payload: Payload,
    ) -> HttpResponse {
        let operation = self.operation;
        let quotas = Quotas::default();
        let context = context_of(&http);
        let origin = context.origin(http.path());
        let if_match = http.headers().get(IF_MATCH).filter(|_| !operation.weak_match);
        let is_weak = if_match.is_some_and(|tag| tag.as_bytes().starts_with(b"W/"));
        let answer = match enter(operation, &edge) {
            Ok(_place) => (self.handler)(edge, http, payload, Rc::clone(&quotas)).await,
            Err(full) => operation.shed.map(|shed| shed()).ok_or(full),
        };
        let mut response = answer.unwrap_or_else(|problem| {
            let problem = match problem.code() {
                Code::VersionMismatch if is_weak => problem.detail(WEAK),
                _ => problem,
            };
            let mut response = match operation.error_form {
                ErrorForm::Problem => problem.respond(&origin),
                ErrorForm::OAuth => crate::identity::issuer::respond_problem(&problem),
            };
            insert(&mut response, "vary", VARY);
            response
        });
        if let Some(quota) = quotas.get() {
            insert(&mut response, "ratelimit-policy", &quota.policy_header());
            insert(&mut response, "ratelimit", &quota.limit_header());
        }
        response
    }
}

/// The place in flight of a request that needs one. Load is shed before anything of a request is
/// looked at.
fn enter(operation: &Operation, edge: &EdgeState) -> Result<Option<InFlight>, Problem> {
    match operation.gate {
        Gate::Request => {}
        Gate::Operator => return Ok(None),
    }
    let place = edge.enter();
    if place.is_none() {
        metrics::counter!("mercato_http_shed_total").increment(1);
        let full = Problem::new(Code::OverCapacity).detail("too many requests in flight");
        return Err(full.retry_after_ms(1000));
    }
    Ok(place)
}

/// Why a version that looks right is refused: the tag came with a compressed or expanded form.
const WEAK: &str = "a weak tag never matches in If-Match; send \"v{version}\" without W/";

fn insert(response: &mut HttpResponse, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("our own values are visible ASCII");
    response.headers_mut().insert(HeaderName::from_static(name), value);
}

/// The context that the outermost layer made.
pub(crate) fn context_of(http: &HttpRequest) -> RequestContext {
    http.extensions()
        .get::<RequestContext>()
        .copied()
        .unwrap_or_else(|| RequestContext { number: 0, trace: entity::Trace::default() })
}

/// The checks, in their order.
async fn check<B: Input>(
    operation: &'static Operation,
    edge: EdgeState,
    http: HttpRequest,
    payload: Payload,
    quotas: &Quotas,
) -> Result<Call<B>, Problem> {
    let now = edge.wall();
    let caller = edge.authority().caller(operation.need(), &http, now).await?;
    http.extensions_mut().insert(caller.tenant.clone());
    let quota = match operation.gate {
        Gate::Request => edge.take_quota(&caller, http.peer_addr().map(|peer| peer.ip()), now),
        Gate::Operator => Ok(None),
    };
    quotas.set(quota.unwrap_or_else(Some));
    quota.map_err(|quota| {
        Problem::new(Code::RateLimited)
            .detail("the requests per minute are used up")
            .with("violated-policies", Value::from(vec!["default"]))
            .retry_after_ms(quota.retry_after_ms)
    })?;
    let path = Params::of_path(operation.params, |name| {
        paths::value(operation.path, http.match_info().as_str(), name)
    })?;
    let query = if operation.lenient_query {
        Params::default()
    } else {
        read_query(operation.query, http.query_string())?
    };
    let headers = http.headers();
    let key_text = match operation.idempotency {
        Idempotency::None => None,
        Idempotency::Key | Idempotency::Natural => read_key(headers)?,
    };
    if operation.idempotency == Idempotency::Key && key_text.is_none() {
        return Err(Problem::new(Code::IdempotencyKeyRequired));
    }
    let (condition, known) = conditions(operation, headers)?;
    let prefer = Prefer::read(headers, operation.wait, operation.minimal);
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let (last_event_id, authorization) = (text("last-event-id"), text("authorization"));
    let (body, tree) = B::read(headers, payload, &edge).await?;
    let key = key_text.map(|key| {
        let key = scoped_key(&caller.principal(), &key);
        free(&edge, (key, fingerprint(operation.id, http.path(), tree.as_ref())))
    });
    Ok(Call {
        context: context_of(&http),
        raw_path: http.path().to_owned(),
        raw_query: http.query_string().to_owned(),
        host: crate::identity::host(&http),
        edge,
        caller,
        path,
        query,
        key: key.transpose()?,
        condition,
        known,
        prefer,
        last_event_id,
        authorization,
        body,
    })
}

/// The condition of a command, or the tags that a reader has.
fn conditions(
    operation: &Operation,
    headers: &HeaderMap,
) -> Result<(Condition, Option<Vec<String>>), Problem> {
    let (creates, weak) = (operation.creates(), operation.weak_match);
    let matching = |required| Matching { required, creates, weak };
    match operation.precondition {
        Precondition::None
            if operation.method == Method::Get && operation.error_form == ErrorForm::Problem =>
        {
            Ok((Condition::Any, read_if_none_match(headers)?))
        }
        Precondition::None => Ok((Condition::Any, None)),
        Precondition::Required => Ok((read_if_match(headers, matching(true))?, None)),
        Precondition::Optional => Ok((read_if_match(headers, matching(false))?, None)),
    }
}

/// The key, if it did nothing else here.
fn free(edge: &EdgeState, key: RequestKey) -> Result<RequestKey, Problem> {
    edge.is_free(&key).then_some(key).ok_or_else(|| Problem::new(Code::IdempotencyKeyReused))
}
