//! The authority: from a request's head to its caller, in the order of interfaces.md 0.1 and 0.9.
//!
//! Credential, tenant, revocation, CSRF, scope, channel; all before any other header and before
//! the body. Another tenant's key or host beside a token is 403 `tenant_mismatch`, never a choice.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use compact_str::CompactString;
use entity::{Tenant, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::caller::{Caller, Need, Via, admit, unauthenticated};
use super::claims::{Claims, Identity};
use super::keys::EdgeKeys;
use super::revocation::Revocations;
use super::seal::Sealer;
use super::session::{Session, cookie_name};
use super::tenants::Tenants;
use super::ticket::Ticket;
use super::verifier::{TokenError, TokenVerifier};
use crate::problem::{Code, Problem};
use crate::request::preferred_language;

/// What an authority is made of.
pub struct AuthorityParts {
    /// The edge's own keys.
    pub keys: EdgeKeys,
    /// Checks bearer tokens.
    pub verifier: TokenVerifier,
    /// Credentials that ended before their time.
    pub revocations: Revocations,
    /// The shops.
    pub tenants: Tenants,
    /// Whether cookies are `Secure`: always, but in a demo over plain HTTP.
    pub secure_cookies: bool,
}

/// Checks credentials.
pub struct Authority {
    keys: EdgeKeys,
    verifier: TokenVerifier,
    revocations: Revocations,
    tenants: Tenants,
    secure_cookies: bool,
}

impl Authority {
    /// An authority.
    #[must_use]
    pub fn new(parts: AuthorityParts) -> Self {
        let AuthorityParts { keys, verifier, revocations, tenants, secure_cookies } = parts;
        Self { keys, verifier, revocations, tenants, secure_cookies }
    }

    /// The edge's own keys.
    #[must_use]
    pub const fn keys(&self) -> &EdgeKeys {
        &self.keys
    }

    /// Seals and opens cursors, tickets, sessions.
    #[must_use]
    pub const fn sealer(&self) -> &Sealer {
        self.keys.sealer()
    }

    /// The revocations of this node.
    #[must_use]
    pub const fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The shops.
    #[must_use]
    pub const fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Whether cookies are `Secure`.
    #[must_use]
    pub const fn secure_cookies(&self) -> bool {
        self.secure_cookies
    }

    /// The caller of a request, or why it is refused.
    pub async fn caller(
        &self,
        need: Need,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<Caller, Problem> {
        let headers = request.headers();
        let (identity, via) = self.credential(need, request, now).await?;
        let tenants = &self.tenants;
        let (tenant, default_channel) = shop(tenants, identity.as_deref(), need, request)?;
        if let Some(identity) = &identity
            && self.revocations.holds(&identity.handles, now)
        {
            return Err(refused(TokenError::Revoked));
        }
        if let Via::Cookie(session) = &via
            && !need.safe
        {
            self.check_csrf(session, tenants, &tenant, headers)?;
        }
        admit(need.access, identity.as_deref())?;
        let channel = match text(headers, "channel")? {
            Some(asked) if tenants.has_channel(&tenant, asked) => CompactString::new(asked),
            Some(_) => {
                return Err(Problem::bad_parameter("Channel", "unknown_value", "no such channel"));
            }
            None => default_channel,
        };
        Ok(Caller { tenant, channel, locale: preferred_language(headers), identity, via })
    }

    /// Signs an access token of ours, and remembers it: whoever gets it will come back with it,
    /// most often here, and a check of the signature costs more than the signature.
    pub(crate) fn issue(&self, claims: &Claims, now: Timestamp) -> String {
        let token = self.keys.sign("at+jwt", claims);
        // Claims that this node itself would not take are for somebody else.
        let _ = self.verifier.vouch(&token, claims, now);
        token
    }

    /// Takes `token` for a checked one with these claims, whatever it looks like. For simulators,
    /// whose tokens are not signed: real signatures draw random bits that no seed decides.
    ///
    /// # Errors
    /// Claims that no token of ours may have.
    pub fn vouch(&self, token: &str, claims: &Value, now: Timestamp) -> Result<(), TokenError> {
        let claims = Claims::deserialize(claims).map_err(|_| TokenError::Claims)?;
        self.verifier.vouch(token, &claims, now)
    }

    /// The identity of a bearer token that is not the request's own.
    pub async fn identify(&self, token: &str, now: Timestamp) -> Result<Arc<Identity>, TokenError> {
        let identity = self.verifier.verify(token, now).await?;
        if self.revocations.holds(&identity.handles, now) {
            return Err(TokenError::Revoked);
        }
        Ok(identity)
    }

    async fn credential(
        &self,
        need: Need,
        request: &HttpRequest,
        now: Timestamp,
    ) -> Result<(Option<Arc<Identity>>, Via), Problem> {
        if need.anonymous {
            return Ok((None, Via::Nothing));
        }
        let headers = request.headers();
        if headers.contains_key(AUTHORIZATION) {
            let token = bearer(headers)?;
            let identity = self.verifier.verify(token, now).await.map_err(refused)?;
            return Ok((Some(identity), Via::Bearer));
        }
        if need.ticket
            && let Some(value) = query_value(request.query_string(), "ticket")
        {
            let ticket = Ticket::open(self.keys.sealer(), value);
            let identity = ticket.as_ref().and_then(Ticket::identity);
            return match (ticket, identity) {
                (Some(ticket), Some(identity)) => {
                    Ok((Some(Arc::new(identity)), Via::Ticket(Box::new(ticket))))
                }
                (_, _) => Err(unauthenticated("the ticket is not one of ours")),
            };
        }
        let session = request
            .cookie(cookie_name(self.secure_cookies))
            .and_then(|cookie| Session::open(self.keys.sealer(), cookie.value(), now));
        // A stale cookie is what every browser holds some day: as good as none.
        let Some(session) = session else { return Ok((None, Via::Nothing)) };
        let Some(identity) = session.identity() else { return Ok((None, Via::Nothing)) };
        if self.revocations.holds(&identity.handles, now) {
            return Ok((None, Via::Nothing));
        }
        Ok((Some(Arc::new(identity)), Via::Cookie(Box::new(session))))
    }

    fn check_csrf(
        &self,
        session: &Session,
        tenants: &Tenants,
        tenant: &Tenant,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let failed = |detail: &str| Problem::new(Code::CsrfFailed).detail(detail);
        let origin = text(headers, ORIGIN.as_str())?
            .ok_or_else(|| failed("a cookie needs the header Origin"))?;
        if !tenants.lists_origin(Some(tenant), origin) {
            return Err(failed("the origin is not listed"));
        }
        let token = text(headers, "x-csrf-token")?
            .ok_or_else(|| failed("a cookie needs the header X-CSRF-Token"))?;
        if !session.is_csrf_token(self.keys.sealer(), token) {
            return Err(failed("the CSRF token is not the session's"));
        }
        Ok(())
    }
}

fn refused(error: TokenError) -> Problem {
    Problem::new(Code::Unauthenticated).detail(error.to_string()).header(
        actix_web::http::header::WWW_AUTHENTICATE,
        format!("Bearer realm=\"mercato\", error=\"invalid_token\", error_description=\"{error}\""),
    )
}

/// The shop and its default channel.
fn shop(
    tenants: &Tenants,
    identity: Option<&Identity>,
    need: Need,
    request: &HttpRequest,
) -> Result<(Tenant, CompactString), Problem> {
    let headers = request.headers();
    let key = match text(headers, "api-key")? {
        Some(key) => {
            Some(tenants.of_key(key).ok_or_else(|| unauthenticated("the Api-Key is not known"))?)
        }
        None => None,
    };
    let host = host(request);
    let stated_host = tenants.of_host(&host);
    let of_token = identity.map(|identity| &identity.principal.tenant);
    let stated = [of_token, key.map(|(tenant, _)| tenant), stated_host];
    let mut named = stated.into_iter().flatten();
    let tenant = named.next().or_else(|| tenants.fallback(&host));
    let Some(tenant) = tenant else {
        if !need.tenant {
            return Ok((Tenant::new(""), CompactString::default()));
        }
        return Err(unauthenticated("no token, Api-Key or host name says which shop is meant"));
    };
    if named.any(|other| other != tenant) {
        return Err(Problem::new(Code::TenantMismatch)
            .detail("token, Api-Key and host name belong to different shops"));
    }
    let default = tenants
        .default_channel(tenant)
        .ok_or_else(|| unauthenticated("the token's shop is not known here"))?;
    let channel = key.map_or(default, |(_, channel)| channel);
    Ok((tenant.clone(), channel.clone()))
}

/// The host that the client asked: `:authority` or `Host`; no forwarded header is believed.
pub(crate) fn host(request: &HttpRequest) -> String {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    authority
        .or_else(|| request.headers().get(HOST)?.to_str().ok().map(str::to_owned))
        .unwrap_or_default()
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = text(headers, AUTHORIZATION.as_str())?.unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(unauthenticated("Authorization has to be a Bearer token"));
    }
    Ok(token.trim())
}

/// A header that may stand once. Twice is refused: two proxies could read two different ones.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::bad_parameter(name, "duplicate", "the header stands twice"));
    }
    value
        .to_str()
        .map(|text| Some(text.trim()))
        .map_err(|_| Problem::bad_parameter(name, "bad_form", "not ASCII"))
}

/// A value of the query whose characters need no decoding (base64url and dots).
fn query_value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}
