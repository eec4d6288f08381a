//! Bearer tokens: JWTs of the edge itself, of the demo issuer, of any configured OIDC issuer.
//!
//! RS256, ES256 and EdDSA only, the algorithm pinned to the key; `iss`, `aud`, `exp`, `nbf` are
//! checked with 30 s of leeway. Checked tokens are remembered until they end, so that a signature
//! costs once per token. Revocation is not looked at here.

use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use entity::{Tenant, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::claims::{Claims, Identity};
use super::jwks::{IssuerConfig, RemoteIssuer};
use super::keys::EdgeKeys;
use super::tenants::is_loopback_origin;
use crate::limits;

/// `iss` of guest tokens; they are ours whatever issuer is configured.
pub(crate) const EDGE_ISSUER: &str = "urn:mercato:edge";

/// `aud` of the tokens that we make.
pub const AUDIENCE: &str = "mercato";

/// A token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT that we read.
    #[error("the token is malformed")]
    Malformed,
    /// Of an issuer that is not configured.
    #[error("the issuer is not known")]
    UnknownIssuer,
    /// Another algorithm than RS256, ES256, EdDSA, or not the key's.
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// The issuer has no such key, or does not answer.
    #[error("the key is not known")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// For another audience.
    #[error("the audience is another one")]
    Audience,
    /// Its end has passed.
    #[error("the token has expired")]
    Expired,
    /// Its beginning is to come.
    #[error("the token is not valid yet")]
    Early,
    /// Its claims name nobody.
    #[error("the claims are not usable")]
    Claims,
    /// It was revoked.
    #[error("the token was revoked")]
    Revoked,
}

/// Checks bearer tokens.
pub struct TokenVerifier {
    keys: EdgeKeys,
    /// Whether the demo issuer's tokens are taken, and its public origin beside loopback.
    demo: Option<Option<String>>,
    remotes: Vec<RemoteIssuer>,
    checked: Mutex<HashMap<[u8; 32], Arc<Identity>>>,
}

impl TokenVerifier {
    /// A verifier. `demo`: the built-in issuer is on, with this origin beside the loopback ones.
    pub fn new(
        keys: EdgeKeys,
        demo: Option<Option<String>>,
        issuers: Vec<IssuerConfig>,
    ) -> Result<Self, reqwest::Error> {
        let mut remotes = Vec::new();
        if !issuers.is_empty() {
            // Built only when needed: it reads the certificates of the system.
            let http = RemoteIssuer::http()?;
            for config in issuers {
                remotes.push(RemoteIssuer::new(config, http.clone()));
            }
        }
        Ok(Self { keys, demo, remotes, checked: Mutex::default() })
    }

    /// Checks a token at the wall time `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Identity>, TokenError> {
        if token.len() > limits::TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let hash: [u8; 32] = Sha256::digest(token).into();
        let known = self.checked.lock().get(&hash).cloned();
        if let Some(identity) = known {
            return check_end(identity.expires_s, now).map(|()| identity);
        }
        let identity = Arc::new(self.check(token, now).await?);
        self.remember(hash, Arc::clone(&identity), now);
        Ok(identity)
    }

    /// Takes a token of ours for checked. For whoever made it in this process just now: its
    /// signature tells nothing new, its claims are checked as those of any token.
    pub(crate) fn vouch(
        &self,
        token: &str,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        let identity = Arc::new(self.own(claims, now)?);
        self.remember(Sha256::digest(token).into(), identity, now);
        Ok(())
    }

    fn remember(&self, hash: [u8; 32], identity: Arc<Identity>, now: Timestamp) {
        let mut checked = self.checked.lock();
        if checked.len() >= limits::CHECKED_TOKENS_MAX {
            let now_s = now.0 / 1000;
            checked.retain(|_, identity| identity.expires_s > now_s);
            if checked.len() >= limits::CHECKED_TOKENS_MAX {
                checked.clear();
            }
        }
        checked.insert(hash, identity);
    }

    async fn check(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        // None of our extensions is critical, so a critical one is unknown (RFC 7515 4.1.11).
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let allowed = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
        if !allowed.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        if header.kid.as_deref() == Some(self.keys.kid()) {
            if header.alg != Algorithm::ES256 {
                return Err(TokenError::Algorithm);
            }
            let claims = decode(token, Algorithm::ES256, self.keys.checking())?;
            return self.own(&claims, now);
        }
        let issuer = unchecked_issuer(token).ok_or(TokenError::Malformed)?;
        let remote = self
            .remotes
            .iter()
            .find(|remote| remote.config.issuer == issuer)
            .ok_or(TokenError::UnknownIssuer)?;
        let key = remote
            .key(header.kid.as_deref(), header.alg, now.0)
            .await
            .ok_or(TokenError::UnknownKey)?;
        let claims = decode(token, key.algorithm, &key.key)?;
        let config = &remote.config;
        check_claims(&claims, &config.audience, config.tenant.as_ref(), now)
    }

    fn own(&self, claims: &Claims, now: Timestamp) -> Result<Identity, TokenError> {
        let demo = self.demo.as_ref().is_some_and(|origin| {
            is_loopback_origin(&claims.iss) || origin.as_deref() == Some(claims.iss.as_str())
        });
        if claims.iss != EDGE_ISSUER && !demo {
            return Err(TokenError::UnknownIssuer);
        }
        check_claims(claims, AUDIENCE, None, now)
    }
}

fn check_claims(
    claims: &Claims,
    audience: &str,
    tenant: Option<&Tenant>,
    now: Timestamp,
) -> Result<Identity, TokenError> {
    let for_us = match &claims.aud {
        Some(serde_json::Value::String(one)) => one == audience,
        Some(serde_json::Value::Array(many)) => many.iter().any(|one| one == audience),
        Some(_) | None => false,
    };
    if !for_us {
        return Err(TokenError::Audience);
    }
    check_end(claims.exp, now)?;
    if claims.nbf.is_some_and(|nbf| nbf > now.0 / 1000 + limits::LEEWAY_S) {
        return Err(TokenError::Early);
    }
    claims.identity(tenant).ok_or(TokenError::Claims)
}

const fn check_end(expires_s: u64, now: Timestamp) -> Result<(), TokenError> {
    if expires_s.saturating_add(limits::LEEWAY_S) <= now.0 / 1000 {
        return Err(TokenError::Expired);
    }
    Ok(())
}

/// Checks the signature only; the times are compared with a clock that is handed in.
pub(crate) fn decode(
    token: &str,
    algorithm: Algorithm,
    key: &DecodingKey,
) -> Result<Claims, TokenError> {
    use jsonwebtoken::errors::ErrorKind;
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    match jsonwebtoken::decode::<Claims>(token, key, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidSignature => TokenError::Signature,
            ErrorKind::Json(_) => TokenError::Claims,
            _ => TokenError::Malformed,
        }),
    }
}

/// `iss` before the signature is checked, only to find the key.
fn unchecked_issuer(token: &str) -> Option<String> {
    let raw = BASE64URL_NOPAD.decode(token.split('.').nth(1)?.as_bytes()).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&raw).ok()?;
    payload.get("iss")?.as_str().map(str::to_owned)
}
