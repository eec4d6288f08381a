//! The issuer's documents: OpenID Provider metadata and the JWK set.

use std::future::ready;

use actix_web::HttpResponse;
use actix_web::http::header;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::claims::scope_names;
use super::no_issuer;
use crate::input::NoBody;
use crate::openapi::Content;
use crate::operation::{Caching, Operation};
use crate::problem::Problem;
use crate::route::{Call, Route, raw_route};
use entity::Scopes;

const GET_METADATA: Operation =
    Operation::get("getOpenIdConfiguration", "/.well-known/openid-configuration")
        .about("Demo issuer", "OpenID Provider metadata")
        .oauth()
        .caching(Caching::Document);

const GET_JWKS: Operation = Operation::get("getJwks", "/.well-known/jwks.json")
    .about("Demo issuer", "The keys that check tokens")
    .oauth()
    .caching(Caching::Document);

pub(super) fn routes() -> Vec<Route> {
    vec![
        raw_route(
            &GET_METADATA,
            || Content::of::<Metadata>("application/json"),
            |call| ready(metadata(&call)),
        ),
        raw_route(
            &GET_JWKS,
            || Content::of::<JwkSet>("application/json"),
            |call: Call<NoBody>| ready(Ok(document(&call.edge.authority().keys().jwks()))),
        ),
    ]
}

/// What a client needs to know of the issuer (OpenID Connect Discovery 1.0).
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used; `metadata` writes it")]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    scopes_supported: Vec<String>,
    response_types_supported: Vec<String>,
    response_modes_supported: Vec<String>,
    grant_types_supported: Vec<String>,
    subject_types_supported: Vec<String>,
    id_token_signing_alg_values_supported: Vec<String>,
    code_challenge_methods_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Vec<String>,
    revocation_endpoint_auth_methods_supported: Vec<String>,
    authorization_response_iss_parameter_supported: bool,
}

/// Public keys (RFC 7517).
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct JwkSet {
    keys: Vec<Jwk>,
}

/// A public key of ES256.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Jwk {
    kty: String,
    crv: String,
    alg: String,
    kid: String,
    r#use: String,
    x: String,
    y: String,
}

fn metadata(call: &Call<NoBody>) -> Result<HttpResponse, Problem> {
    let issuer = call.edge.issuer().ok_or_else(no_issuer)?.url(&call.host);
    let mut scopes = vec!["openid", "offline_access"];
    scopes.extend(scope_names(Scopes::ALL));
    Ok(document(&json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "revocation_endpoint": format!("{issuer}/oauth/revoke"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    })))
}

fn document(value: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, Caching::Document.header()))
        // The metadata names the host that was asked.
        .insert_header((header::VARY, "Host"))
        .json(value)
}
