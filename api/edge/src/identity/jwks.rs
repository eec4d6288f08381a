//! The keys of an OIDC issuer: discovery, JWKS, refresh.
//!
//! Found by `/.well-known/openid-configuration`, fetched again when a token names an unknown key,
//! at most once per 30 s, and when one has to be checked by keys that are ten minutes old; a failed
//! fetch keeps the old keys. A withdrawn key checks no further token then; those that it checked
//! are good until they end, since the verifier remembers them. Only RS256, ES256 and EdDSA keys are
//! taken, each for its own algorithm. Plain HTTP is for loopback only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use entity::Tenant;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::tenants::{is_loopback, name_of};
use crate::limits;

/// An issuer whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// Its identifier, exactly as in `iss` and in its discovery document.
    pub issuer: String,
    /// What `aud` has to contain.
    pub audience: String,
    /// The shop of its principals, when its tokens have no `tenant` claim.
    pub tenant: Option<Tenant>,
}

/// The keys of an issuer could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// Not HTTPS, and not loopback.
    #[error("`{0}` is neither https nor loopback")]
    Insecure(String),
    /// No answer, or no success.
    #[error("fetch of `{url}`")]
    Fetch {
        /// What was fetched.
        url: String,
        /// Why it failed.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is too long or not what it should be.
    #[error("`{url}`: {reason}")]
    Content {
        /// What was fetched.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// A key and the only algorithm that it may be used with.
#[derive(Clone)]
pub(crate) struct CheckKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Arc<DecodingKey>,
}

/// Keys by `kid`; the empty name holds keys without one.
type KeySet = BTreeMap<String, Vec<CheckKey>>;

/// An issuer with its keys.
pub(crate) struct RemoteIssuer {
    pub(crate) config: IssuerConfig,
    http: reqwest::Client,
    keys: ArcSwap<KeySet>,
    /// When the last fetch began, in ms; 0: never. Held while fetching, so there is one at a time.
    fetched_ms: Mutex<u64>,
}

impl RemoteIssuer {
    pub(crate) fn new(config: IssuerConfig, http: reqwest::Client) -> Self {
        Self { config, http, keys: ArcSwap::default(), fetched_ms: Mutex::new(0) }
    }

    /// The client that fetches: no redirects, so that an issuer's documents are its own.
    pub(crate) fn http() -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_millis(limits::JWKS_TIMEOUT_MS))
            .build()
    }

    /// The key of a token's header; fetches the set when it is unknown or old.
    pub(crate) async fn key(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now_ms: u64,
    ) -> Option<CheckKey> {
        let known = self.find(kid, algorithm);
        let old = match self.fetched_ms.try_lock() {
            Ok(fetched_ms) => now_ms.saturating_sub(*fetched_ms) > limits::JWKS_AGE_MAX_MS,
            // Somebody fetches; a known key need not wait for it.
            Err(_) => false,
        };
        if known.is_some() && !old {
            return known;
        }
        self.refresh(now_ms).await;
        self.find(kid, algorithm)
    }

    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<CheckKey> {
        let keys = self.keys.load();
        let fits = |key: &&CheckKey| key.algorithm == algorithm;
        if let Some(kid) = kid {
            return keys.get(kid)?.iter().find(fits).cloned();
        }
        // Without a name the only key of the algorithm is meant, and nothing if there are two.
        let mut fitting = keys.values().flatten().filter(fits);
        let key = fitting.next()?;
        fitting.next().is_none().then(|| key.clone())
    }

    async fn refresh(&self, now_ms: u64) {
        let mut fetched_ms = self.fetched_ms.lock().await;
        let waited = now_ms.saturating_sub(*fetched_ms);
        if *fetched_ms != 0 && waited < limits::JWKS_REFRESH_MIN_MS {
            return;
        }
        // Counted from the beginning and for failures too: a dead issuer is not hammered.
        *fetched_ms = now_ms;
        match self.fetch().await {
            Ok(keys) => self.keys.store(Arc::new(keys)),
            Err(error) => {
                let issuer = &self.config.issuer;
                tracing::warn!(%issuer, %error, cause = ?error, "keys of an issuer not refreshed");
                metrics::counter!("mercato_jwks_refresh_failures_total").increment(1);
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, JwksError> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let issuer = &self.config.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found: Discovery = self.document(&url).await?;
        if found.issuer != *issuer {
            return Err(JwksError::Content { url, reason: "names another issuer" });
        }
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = self.document(&found.jwks_uri).await?;
        let mut keys = KeySet::new();
        for value in set.keys {
            // A set may hold keys that we do not know; they are not ours to refuse.
            let Ok(jwk) = serde_json::from_value::<Jwk>(value) else { continue };
            let Some(key) = check_key(&jwk) else { continue };
            let kid = jwk.common.key_id.unwrap_or_default();
            keys.entry(kid).or_default().push(key);
        }
        if keys.is_empty() {
            let reason = "holds no key that we can use";
            return Err(JwksError::Content { url: found.jwks_uri, reason });
        }
        Ok(keys)
    }

    async fn document<T: serde::de::DeserializeOwned>(&self, url: &str) -> Result<T, JwksError> {
        check_transport(url)?;
        let failed = |source| JwksError::Fetch { url: url.to_owned(), source };
        let response = self.http.get(url).send().await.map_err(failed)?;
        let mut response = response.error_for_status().map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limits::JWKS_BYTES_MAX {
                return Err(JwksError::Content { url: url.to_owned(), reason: "too long" });
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body)
            .map_err(|_| JwksError::Content { url: url.to_owned(), reason: "not readable" })
    }
}

/// Whether an issuer's documents may be fetched from there: HTTPS, or this machine.
pub fn check_transport(url: &str) -> Result<(), JwksError> {
    if url.starts_with("https://") {
        return Ok(());
    }
    let authority = url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    match authority {
        Some(authority) if is_loopback(name_of(authority)) => Ok(()),
        Some(_) | None => Err(JwksError::Insecure(url.to_owned())),
    }
}

/// A key with its algorithm: of its `alg`, else the one that its type has.
fn check_key(jwk: &Jwk) -> Option<CheckKey> {
    if jwk.common.public_key_use.as_ref().is_some_and(|use_| *use_ != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let stated = match (jwk.common.key_algorithm, algorithm) {
        (None | Some(KeyAlgorithm::RS256), Algorithm::RS256)
        | (None | Some(KeyAlgorithm::ES256), Algorithm::ES256)
        | (None | Some(KeyAlgorithm::EdDSA), Algorithm::EdDSA) => true,
        (_, _) => false,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    stated.then(|| CheckKey { algorithm, key: Arc::new(key) })
}
