//! The built-in OIDC issuer of `--demo`: sign-in by name, code with PKCE, rotation, services.
//!
//! Any `login_hint` is a customer; nothing here is a secret but the signing key. Codes and refresh
//! tokens are sealed, not stored; what is stored is a counter per refresh family (the store's named
//! values), so that the use of an old token is seen after a restart too. Racing uses of one code or
//! refresh token on two nodes may both pass: a demo has one node.

mod authorize;
mod clients;
mod discovery;
mod families;
mod token;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use compact_str::CompactString;
use entity::{Principal, Tenant, Timestamp};
use serde_json::json;

pub use families::Families;

use super::Authority;
use super::claims::{Claims, kind_name, scope_names};
use super::tenants::{is_loopback, name_of};
use super::verifier::{AUDIENCE, EDGE_ISSUER};
use crate::limits;
use crate::problem::{Code, Problem};
use crate::route::Route;

/// Makes a customer on its first sign-in; a repeat changes nothing. `Err`: why it failed.
pub type Register = Arc<
    dyn Fn(Tenant, CompactString) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>
        + Send
        + Sync,
>;

/// The demo's issuer.
pub struct Issuer {
    families: Families,
    register: Register,
    /// The origin at which it is reached, where that is not loopback.
    public_origin: Option<String>,
}

impl Issuer {
    /// An issuer.
    #[must_use]
    pub const fn new(
        families: Families,
        register: Register,
        public_origin: Option<String>,
    ) -> Self {
        Self { families, register, public_origin }
    }

    /// The identifier under which a client that asked `host` knows the issuer.
    fn url(&self, host: &str) -> String {
        if is_loopback(name_of(host)) {
            return format!("http://{host}");
        }
        // A host that is neither loopback nor configured is not believed: it could be anyone's.
        self.public_origin.clone().unwrap_or_else(|| "http://localhost".to_owned())
    }
}

/// The operations of the issuer.
#[must_use]
pub fn routes() -> Vec<Route> {
    [discovery::routes(), authorize::routes(), token::routes()].concat()
}

/// The token of a guest: ours, whatever issuer is configured.
#[must_use]
pub(crate) fn guest_token(
    authority: &Authority,
    principal: &Principal,
    token_id: &str,
    now: Timestamp,
) -> String {
    let claims = Claims {
        jti: Some(token_id.to_owned()),
        ..access_claims(EDGE_ISSUER, principal, now.0 / 1000, limits::GUEST_TOKEN_S)
    };
    authority.issue(&claims, now)
}

fn access_claims(issuer: &str, principal: &Principal, now_s: u64, life_s: u64) -> Claims {
    Claims {
        iss: issuer.to_owned(),
        sub: principal.subject.to_string(),
        exp: now_s + life_s,
        iat: Some(now_s),
        nbf: Some(now_s),
        aud: Some(AUDIENCE.into()),
        tenant: Some(principal.tenant.to_string()),
        kind: Some(kind_name(principal.kind).to_owned()),
        scope: Some(scope_names(principal.scopes).join(" ")),
        ..Claims::default()
    }
}

/// An error of RFC 6749 5.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
}

impl OAuthError {
    fn new(error: &'static str, description: &str) -> Self {
        let status = match error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, error, description: description.to_owned() }
    }

    fn respond(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"mercato\""));
        }
        response.json(json!({"error": self.error, "error_description": self.description}))
    }
}

/// A problem of the edge in the form of RFC 6749, with the problem's status.
pub(crate) fn respond_problem(problem: &Problem) -> HttpResponse {
    let error = match problem.code().status() {
        StatusCode::INTERNAL_SERVER_ERROR => "server_error",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            "temporarily_unavailable"
        }
        _ => "invalid_request",
    };
    let mut answer = OAuthError::new(error, &problem.to_string());
    answer.status = problem.code().status();
    let mut response = answer.respond();
    if let Some(seconds) = problem.retry_after_s() {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}

fn no_issuer() -> Problem {
    Problem::new(Code::NotFound).detail("there is no built-in issuer")
}
