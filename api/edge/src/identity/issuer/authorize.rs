//! The authorization endpoint: a code for a person, bound to a PKCE challenge.
//!
//! `login_hint` signs in without a form; without it a small form asks for a name. A GET that stores
//! nothing: the code is sealed, the customer is made when the code is exchanged. Nothing is sent to
//! a redirect URI that is not a page of this machine.

use std::collections::BTreeMap;
use std::future::ready;

use actix_web::HttpResponse;
use actix_web::http::header;
use entity::{Principal, Scopes, Tenant};
use serde::{Deserialize, Serialize};

use super::super::claims::{kind_name, kind_of};
use super::super::seal::Purpose;
use super::clients::{WEB_CLIENT, granted, may_redirect, person};
use super::{Issuer, OAuthError, no_issuer};
use crate::input::NoBody;
use crate::limits;
use crate::openapi::Content;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::request::{Param, ParamKind, read_form};
use crate::route::{Call, Route, raw_route};

const TEXT: ParamKind = ParamKind::Text { max: 2_000 };

const AUTHORIZE: Operation = Operation::get("authorize", "/oauth/authorize")
    .about("Demo issuer", "Signs a person in and sends the browser back with a code")
    .oauth()
    .statuses(&[200, 302])
    .codes(&[Code::InvalidRequest])
    .query(&[
        Param::new("response_type", ParamKind::Word(&["code"]), "Only `code`."),
        Param::new("client_id", TEXT, "`demo-web`."),
        Param::new("redirect_uri", TEXT, "A page of this machine."),
        Param::new("scope", TEXT, "Scopes, separated by spaces."),
        Param::new("state", TEXT, "Comes back as it is."),
        Param::new("nonce", TEXT, "Stands in the id token."),
        Param::new("code_challenge", TEXT, "base64url(SHA-256(verifier))."),
        Param::new("code_challenge_method", ParamKind::Word(&["S256"]), "Only `S256`."),
        Param::new("login_hint", TEXT, "Who signs in: [a-z0-9-]{1,40}."),
        Param::new("tenant", TEXT, "The shop; the host's without it."),
        Param::new("prompt", TEXT, "`none`: no form."),
    ]);

pub(super) fn routes() -> Vec<Route> {
    let page = || Content::Text("text/html");
    vec![raw_route(&AUTHORIZE, page, |call| ready(authorize(&call)))]
}

/// What a code stands for, sealed inside it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) client: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) openid: bool,
    pub(super) person: Person,
    pub(super) expires_s: u64,
}

/// A principal in sealed form.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Person {
    tenant: String,
    subject: String,
    kind: String,
    scopes: u16,
}

impl From<&Principal> for Person {
    fn from(principal: &Principal) -> Self {
        Self {
            tenant: principal.tenant.to_string(),
            subject: principal.subject.to_string(),
            kind: kind_name(principal.kind).to_owned(),
            scopes: principal.scopes.0,
        }
    }
}

impl Person {
    pub(super) fn principal(&self) -> Option<Principal> {
        Some(Principal {
            tenant: Tenant::new(&self.tenant),
            subject: self.subject.as_str().into(),
            kind: kind_of(&self.kind)?,
            scopes: Scopes(self.scopes),
        })
    }
}

type Fields = BTreeMap<String, String>;

fn authorize(call: &Call<NoBody>) -> Result<HttpResponse, Problem> {
    let issuer = call.edge.issuer().ok_or_else(no_issuer)?;
    let fields = match fields(&call.raw_query) {
        Ok(fields) => fields,
        Err(error) => return Ok(error.respond()),
    };
    // Until client and redirect URI are known to be good, nobody is sent anywhere.
    if fields.get("client_id").map(String::as_str) != Some(WEB_CLIENT) {
        return Ok(OAuthError::new("invalid_request", "the client is not known").respond());
    }
    let Some(redirect_uri) = fields.get("redirect_uri").filter(|uri| may_redirect(uri)) else {
        let detail = "the redirect_uri is not a page of this machine";
        return Ok(OAuthError::new("invalid_request", detail).respond());
    };
    let answer = match sign_in(call, &fields, redirect_uri) {
        Ok(SignedIn::Code(code)) => vec![("code", code)],
        Ok(SignedIn::Ask) => return Ok(form(&fields, redirect_uri)),
        Err(error) => {
            vec![("error", error.error.to_owned()), ("error_description", error.description)]
        }
    };
    Ok(send_back(call, issuer, &fields, redirect_uri, answer))
}

enum SignedIn {
    Code(String),
    Ask,
}

fn sign_in(
    call: &Call<NoBody>,
    fields: &Fields,
    redirect_uri: &str,
) -> Result<SignedIn, OAuthError> {
    let refused = |error, detail: &str| Err(OAuthError::new(error, detail));
    let field = |name: &str| fields.get(name).map(String::as_str);
    if field("response_type") != Some("code") {
        return refused("unsupported_response_type", "only `code` is known");
    }
    if field("code_challenge_method") != Some("S256") {
        return refused("invalid_request", "code_challenge_method has to be S256");
    }
    let challenge = field("code_challenge").unwrap_or_default();
    if !is_challenge(challenge) {
        return refused("invalid_request", "code_challenge is not a SHA-256 in base64url");
    }
    let tenants = call.edge.authority().tenants();
    let tenant = match field("tenant") {
        Some(name) => Some(Tenant::new(name)).filter(|tenant| tenants.has(tenant)),
        None => tenants.of_host(&call.host).or_else(|| tenants.fallback(&call.host)).cloned(),
    };
    let Some(tenant) = tenant else { return refused("invalid_request", "no such tenant") };
    let Some(hint) = field("login_hint") else {
        if field("prompt") == Some("none") {
            return refused("login_required", "nobody is signed in");
        }
        return Ok(SignedIn::Ask);
    };
    let scope = field("scope").unwrap_or_default();
    let Some(person) = person(tenant, hint) else {
        return refused("invalid_request", "login_hint has to be [a-z0-9-]{1,40}");
    };
    let Some(scopes) = granted(scope, person.scopes) else {
        return refused("invalid_scope", "none of these scopes can be granted to this person");
    };
    let grant = Grant {
        id: data_encoding::HEXLOWER.encode(&call.edge.random::<16>()),
        client: WEB_CLIENT.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        challenge: challenge.to_owned(),
        nonce: field("nonce").map(str::to_owned),
        openid: scope.split_ascii_whitespace().any(|scope| scope == "openid"),
        person: Person::from(&Principal { scopes, ..person }),
        expires_s: call.edge.wall().0 / 1000 + limits::CODE_S,
    };
    let sealer = call.edge.authority().keys().sealer();
    Ok(SignedIn::Code(sealer.seal(Purpose::Code, &grant)))
}

/// A SHA-256 in base64url without padding: 43 characters.
fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The parameters; each may stand once (RFC 6749 3.1), empty ones count as absent.
fn fields(query: &str) -> Result<Fields, OAuthError> {
    let bad = |detail| OAuthError::new("invalid_request", detail);
    let mut fields = Fields::new();
    for (name, value) in read_form(query).ok_or_else(|| bad("the query is not UTF-8"))? {
        if value.is_empty() {
            continue;
        }
        if value.len() > 2_000 || value.chars().any(char::is_control) {
            return Err(bad("a parameter is too long or holds control characters"));
        }
        if fields.insert(name, value).is_some() {
            return Err(bad("a parameter stands twice"));
        }
    }
    Ok(fields)
}

fn send_back(
    call: &Call<NoBody>,
    issuer: &Issuer,
    fields: &Fields,
    redirect_uri: &str,
    mut answer: Vec<(&str, String)>,
) -> HttpResponse {
    if let Some(state) = fields.get("state") {
        answer.push(("state", state.clone()));
    }
    // RFC 9207: the client can tell which issuer answered.
    answer.push(("iss", issuer.url(&call.host)));
    let mut target = redirect_uri.to_owned();
    for (name, value) in answer {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(name);
        target.push('=');
        target.push_str(&percent(&value));
    }
    HttpResponse::Found()
        .insert_header((header::LOCATION, target))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A form that asks the same endpoint again, with a name.
fn form(fields: &Fields, redirect_uri: &str) -> HttpResponse {
    let mut hidden = String::new();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "login_hint") {
        let (name, value) = (escaped(name), escaped(value));
        hidden.push_str(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n"));
    }
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Sign in</title>\n\
         <body style=\"font:16px system-ui;max-width:24rem;margin:4rem auto\">\n\
         <h1>Sign in to the demo</h1>\n<form method=\"get\" action=\"/oauth/authorize\">\n{hidden}\
         <label>Name <input name=\"login_hint\" pattern=\"[a-z0-9\\-]{{1,40}}\" required \
         autofocus></label>\n<button>Sign in</button>\n</form></body></html>\n"
    );
    // Chrome holds form-action against the redirect too, so the client's origin stands in it.
    let origin: String = redirect_uri.split('/').take(3).collect::<Vec<_>>().join("/");
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {origin}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .content_type("text/html; charset=utf-8")
        .body(page)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
