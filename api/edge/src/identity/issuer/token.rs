//! The token and revocation endpoints (RFC 6749, 7009, 7636).
//!
//! A code is good once: its second use ends what the first one began. A refresh token is good once:
//! its second use ends the family. Both are seen after a restart too. Services get an access token
//! and no refresh token.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use entity::{Principal, PrincipalKind, Scopes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::claims::{Claims, scope_names};
use super::super::seal::Purpose;
use super::super::verifier::decode;
use super::authorize::{Grant, Person};
use super::clients::{ServiceClient, WEB_CLIENT, narrowed};
use super::families::Rotation;
use super::{Issuer, OAuthError, access_claims, no_issuer};
use crate::input::Form;
use crate::limits;
use crate::openapi::Content;
use crate::operation::Operation;
use crate::problem::Code;
use crate::route::{Call, Route, raw_route};

const ISSUE_TOKEN: Operation = Operation::post("issueToken", "/oauth/token")
    .about("Demo issuer", "Tokens for a code, a refresh token or a client's secret")
    .oauth()
    .codes(&[Code::InvalidRequest, Code::Unauthenticated]);

const REVOKE_TOKEN: Operation = Operation::post("revokeToken", "/oauth/revoke")
    .about("Demo issuer", "Ends a token; of a refresh token, the whole sign-in")
    .oauth()
    .codes(&[Code::InvalidRequest, Code::Unauthenticated]);

/// Fields of the two forms. Others are ignored (RFC 6749 3.2).
const ISSUE_FIELDS: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "redirect_uri",
    "refresh_token",
    "scope",
];
const REVOKE_FIELDS: &[&str] = &["token", "token_type_hint", "client_id", "client_secret"];

pub(super) fn routes() -> Vec<Route> {
    let tokens = || Content::of::<TokensBody>("application/json");
    let issued = raw_route(&ISSUE_TOKEN, tokens, |call| async move {
        Ok(match issue(&call).await {
            Ok(tokens) => HttpResponse::Ok()
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::PRAGMA, "no-cache"))
                .json(tokens),
            Err(error) => error.respond(),
        })
    });
    let revoked = raw_route(
        &REVOKE_TOKEN,
        || Content::None,
        |call| async move {
            Ok(match revoke(&call).await {
                Ok(()) => {
                    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).finish()
                }
                Err(error) => error.respond(),
            })
        },
    );
    vec![
        issued.with_request(|| Content::Form(ISSUE_FIELDS)),
        revoked.with_request(|| Content::Form(REVOKE_FIELDS)),
    ]
}

/// Tokens (RFC 6749 5.1).
#[derive(utoipa::ToSchema)]
#[schema(as = Tokens)]
#[allow(dead_code, reason = "only its schema is used; `Tokens` writes them")]
struct TokensBody {
    /// The bearer token.
    access_token: String,
    /// `Bearer`.
    token_type: String,
    /// Seconds until the access token ends.
    expires_in: u64,
    /// Makes the next tokens, once; not for services.
    refresh_token: Option<String>,
    /// What the access token allows, separated by spaces.
    scope: String,
    /// Who signed in; with the scope `openid`.
    id_token: Option<String>,
}

/// A refresh token, sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Refresh {
    family: String,
    generation: u32,
    client: String,
    person: Person,
    expires_s: u64,
}

/// Who asks for tokens.
enum Client {
    Web,
    Service(&'static ServiceClient),
}

type Fields = BTreeMap<String, String>;

async fn issue(call: &Call<Form>) -> Result<Value, OAuthError> {
    let issuer = call.edge.issuer().ok_or_else(|| unavailable(&no_issuer()))?;
    let fields = fields(call)?;
    let grant_type = required(&fields, "grant_type")?;
    let client = client(call, &fields)?;
    match (grant_type, client) {
        ("authorization_code", Client::Web) => exchange_code(call, issuer, &fields).await,
        ("refresh_token", Client::Web) => refresh(call, issuer, &fields).await,
        ("client_credentials", Client::Service(service)) => {
            let scope = fields.get("scope").map_or("", String::as_str);
            let principal = service.principal(scope);
            let unknown = || OAuthError::new("invalid_scope", "no such scope");
            let tokens = Tokens::of(principal.ok_or_else(unknown)?, service.id);
            Ok(tokens.access_only(call, issuer))
        }
        ("authorization_code" | "refresh_token" | "client_credentials", _) => {
            Err(OAuthError::new("unauthorized_client", "not for this client"))
        }
        (_, _) => Err(OAuthError::new("unsupported_grant_type", "no such grant")),
    }
}

async fn exchange_code(
    call: &Call<Form>,
    issuer: &Issuer,
    fields: &Fields,
) -> Result<Value, OAuthError> {
    let now = call.edge.wall();
    let grant = granted(call, fields)?;
    let principal = grant.person.principal().ok_or_else(|| invalid_grant("the code is damaged"))?;
    let family = format!("f{}", grant.id);
    let ends_s = now.0 / 1000 + limits::REFRESH_TOKEN_S;
    // The beginning of the family is the use of the code, in one write. What may fail comes before
    // it, so that a client that is told to try again may; registering again changes nothing.
    let begun = issuer.families.has_begun(&family, now).await;
    let mut is_used = begun.map_err(|error| unavailable(&error))?;
    if !is_used {
        register(issuer, &principal).await?;
        let begun = issuer.families.begin(&family, ends_s, now).await;
        is_used = !begun.map_err(|error| unavailable(&error))?;
    }
    if is_used {
        // RFC 6749 4.1.2: what the first use gave out may be in the wrong hands.
        end_family(call, issuer, &family).await?;
        return Err(invalid_grant("the code was used before"));
    }
    let id_token = grant.openid.then(|| (grant.nonce.clone(), grant.client.clone()));
    let tokens = Tokens::of(principal, WEB_CLIENT);
    Ok(tokens.with_refresh(call, issuer, &family, 1, id_token))
}

/// What a code grants to who has it and its verifier; it may have been used.
fn granted(call: &Call<Form>, fields: &Fields) -> Result<Grant, OAuthError> {
    let grant: Grant = call
        .edge
        .authority()
        .keys()
        .sealer()
        .open(Purpose::Code, required(fields, "code")?)
        .ok_or_else(|| invalid_grant("the code is not ours"))?;
    if grant.expires_s <= call.edge.wall().0 / 1000 {
        return Err(invalid_grant("the code has expired"));
    }
    if fields.get("redirect_uri") != Some(&grant.redirect_uri) || grant.client != WEB_CLIENT {
        return Err(invalid_grant("the code was made for another redirect_uri"));
    }
    let verifier = required(fields, "code_verifier")?;
    if !is_verifier(verifier)
        || BASE64URL_NOPAD.encode(&Sha256::digest(verifier)) != grant.challenge
    {
        return Err(invalid_grant("the code_verifier does not fit the challenge"));
    }
    Ok(grant)
}

/// Makes a customer who signs in for the first time.
async fn register(issuer: &Issuer, principal: &Principal) -> Result<(), OAuthError> {
    if principal.kind != PrincipalKind::Customer {
        return Ok(());
    }
    let made = (issuer.register)(principal.tenant.clone(), principal.subject.clone()).await;
    made.map_err(|error| {
        tracing::warn!(error, "a customer was not made at its first sign-in");
        OAuthError::new("temporarily_unavailable", "the customer could not be registered")
    })
}

fn invalid_grant(detail: &str) -> OAuthError {
    OAuthError::new("invalid_grant", detail)
}

/// RFC 7636 4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

async fn refresh(call: &Call<Form>, issuer: &Issuer, fields: &Fields) -> Result<Value, OAuthError> {
    let now = call.edge.wall();
    let token: Refresh = call
        .edge
        .authority()
        .keys()
        .sealer()
        .open(Purpose::Refresh, required(fields, "refresh_token")?)
        .ok_or_else(|| invalid_grant("the refresh token is not ours"))?;
    if token.expires_s <= now.0 / 1000 || token.client != WEB_CLIENT {
        return Err(invalid_grant("the refresh token has expired"));
    }
    let principal =
        token.person.principal().ok_or_else(|| invalid_grant("the token is damaged"))?;
    // Before the token is used up: a refusal leaves it as it was.
    let asked = fields.get("scope").map_or("", String::as_str);
    let scopes = narrowed(asked, principal.scopes).ok_or_else(|| {
        OAuthError::new("invalid_scope", "the sign-in was not granted all of these scopes")
    })?;
    let ends_s = now.0 / 1000 + limits::REFRESH_TOKEN_S;
    let rotation = issuer
        .families
        .rotate(&token.family, token.generation, ends_s, now)
        .await
        .map_err(|error| unavailable(&error))?;
    let generation = match rotation {
        Rotation::Next(generation) => generation,
        Rotation::Reused => {
            end_family(call, issuer, &token.family).await?;
            return Err(invalid_grant("the refresh token was used before; the sign-in has ended"));
        }
        Rotation::Gone => return Err(invalid_grant("the sign-in has ended")),
    };
    let tokens = Tokens { scopes, ..Tokens::of(principal, WEB_CLIENT) };
    Ok(tokens.with_refresh(call, issuer, &token.family, generation, None))
}

/// Ends a sign-in: no refresh any more, and its access tokens and sessions within 5 s.
async fn end_family(call: &Call<Form>, issuer: &Issuer, family: &str) -> Result<(), OAuthError> {
    let now = call.edge.wall();
    issuer.families.end(family, now).await.map_err(|error| unavailable(&error))?;
    let ends_s = now.0 / 1000 + limits::SESSION_S.max(limits::ACCESS_TOKEN_S);
    call.edge
        .authority()
        .revocations()
        .revoke(&format!("sid:{family}"), ends_s, now)
        .await
        .map(|_| ())
        .map_err(|error| unavailable(&error))
}

struct Tokens {
    /// Who, with all that was granted: the next refresh may ask for all of it again.
    principal: Principal,
    /// What the access token allows.
    scopes: Scopes,
    client: &'static str,
}

impl Tokens {
    const fn of(principal: Principal, client: &'static str) -> Self {
        Self { scopes: principal.scopes, principal, client }
    }

    fn access_only(&self, call: &Call<Form>, issuer: &Issuer) -> Value {
        json!({
            "access_token": self.access_token(call, issuer, None),
            "token_type": "Bearer",
            "expires_in": limits::ACCESS_TOKEN_S,
            "scope": scope_names(self.scopes).join(" "),
        })
    }

    fn with_refresh(
        &self,
        call: &Call<Form>,
        issuer: &Issuer,
        family: &str,
        generation: u32,
        id_token: Option<(Option<String>, String)>,
    ) -> Value {
        let keys = call.edge.authority().keys();
        let now_s = call.edge.wall().0 / 1000;
        let refresh = Refresh {
            family: family.to_owned(),
            generation,
            client: self.client.to_owned(),
            person: Person::from(&self.principal),
            expires_s: now_s + limits::REFRESH_TOKEN_S,
        };
        let mut tokens = json!({
            "access_token": self.access_token(call, issuer, Some(family)),
            "token_type": "Bearer",
            "expires_in": limits::ACCESS_TOKEN_S,
            "refresh_token": keys.sealer().seal(Purpose::Refresh, &refresh),
            "scope": scope_names(self.scopes).join(" "),
        });
        if let Some((nonce, audience)) = id_token {
            let claims = json!({
                "iss": issuer.url(&call.host), "sub": self.principal.subject.as_str(),
                "aud": audience, "exp": now_s + limits::ACCESS_TOKEN_S, "iat": now_s,
                "nonce": nonce, "tenant": self.principal.tenant.as_str(),
            });
            tokens["id_token"] = Value::from(keys.sign("JWT", &claims));
        }
        tokens
    }

    fn access_token(&self, call: &Call<Form>, issuer: &Issuer, family: Option<&str>) -> String {
        let now = call.edge.wall();
        let url = issuer.url(&call.host);
        let principal = Principal { scopes: self.scopes, ..self.principal.clone() };
        let claims = Claims {
            jti: Some(HEXLOWER.encode(&call.edge.random::<16>())),
            sid: family.map(str::to_owned),
            client_id: Some(self.client.to_owned()),
            ..access_claims(&url, &principal, now.0 / 1000, limits::ACCESS_TOKEN_S)
        };
        call.edge.authority().issue(&claims, now)
    }
}

/// RFC 7009: a token that is not ours is no error, so nobody learns which are.
async fn revoke(call: &Call<Form>) -> Result<(), OAuthError> {
    let issuer = call.edge.issuer().ok_or_else(|| unavailable(&no_issuer()))?;
    let fields = fields(call)?;
    let token = required(&fields, "token")?;
    // A public client proves itself by having the token; a stated client has to be the right one.
    let is_stated = fields.contains_key("client_id") || call.authorization.is_some();
    let client = if is_stated { Some(client(call, &fields)?) } else { None };
    let keys = call.edge.authority().keys();
    if let Some(refresh) = keys.sealer().open::<Refresh>(Purpose::Refresh, token) {
        return end_family(call, issuer, &refresh.family).await;
    }
    let Ok(claims) = decode(token, jsonwebtoken::Algorithm::ES256, keys.checking()) else {
        return Ok(());
    };
    let Some(id) = &claims.jti else { return Ok(()) };
    let owner = claims.client_id.as_deref().unwrap_or(WEB_CLIENT);
    let is_owner = match client {
        Some(Client::Web) => owner == WEB_CLIENT,
        Some(Client::Service(service)) => owner == service.id,
        None => ServiceClient::find(owner).is_none(),
    };
    if !is_owner {
        return Err(OAuthError::new("invalid_client", "the token belongs to another client"));
    }
    // Sessions begun with the token end with it, so it is kept for as long as they could live.
    let now = call.edge.wall();
    let ends_s = claims.exp.max(now.0 / 1000 + limits::SESSION_S);
    let revocations = call.edge.authority().revocations();
    revocations
        .revoke(&format!("jti:{id}"), ends_s, now)
        .await
        .map(|_| ())
        .map_err(|error| unavailable(&error))
}

fn fields(call: &Call<Form>) -> Result<Fields, OAuthError> {
    let mut fields = Fields::new();
    for (name, value) in &call.body.0 {
        if value.is_empty() {
            continue;
        }
        if fields.insert(name.clone(), value.clone()).is_some() {
            return Err(OAuthError::new("invalid_request", "a parameter stands twice"));
        }
    }
    Ok(fields)
}

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, OAuthError> {
    fields
        .get(name)
        .map(String::as_str)
        .ok_or_else(|| OAuthError::new("invalid_request", &format!("`{name}` is missing")))
}

/// The client, by `Authorization: Basic` or by the form; never by both (RFC 6749 2.3).
fn client(call: &Call<Form>, fields: &Fields) -> Result<Client, OAuthError> {
    let refused = || OAuthError::new("invalid_client", "the client is not known");
    let (id, secret) = match &call.authorization {
        Some(header) => {
            let encoded = header
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
                .map(|(_, encoded)| encoded.trim())
                .ok_or_else(refused)?;
            let decoded = BASE64.decode(encoded.as_bytes()).map_err(|_| refused())?;
            let text = String::from_utf8(decoded).map_err(|_| refused())?;
            let (id, secret) = text.split_once(':').ok_or_else(refused)?;
            if fields.contains_key("client_secret") {
                let detail = "the client is named in two ways";
                return Err(OAuthError::new("invalid_request", detail));
            }
            (id.to_owned(), Some(secret.to_owned()))
        }
        None => {
            let id = required(fields, "client_id")?;
            (id.to_owned(), fields.get("client_secret").cloned())
        }
    };
    match secret {
        None if id == WEB_CLIENT => Ok(Client::Web),
        Some(secret) => ServiceClient::check(&id, &secret).map(Client::Service).ok_or_else(refused),
        None => Err(refused()),
    }
}

fn unavailable(error: &dyn std::error::Error) -> OAuthError {
    tracing::error!(%error, "the demo issuer could not use its store");
    OAuthError::new("temporarily_unavailable", "try again")
}
