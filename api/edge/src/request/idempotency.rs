//! `Idempotency-Key` and the fingerprint of the request that uses it.
//!
//! draft-ietf-httpapi-idempotency-key-header-07: a structured-field string, so quotes around it are
//! taken off. The key's scope is the principal (the tenant is part of every entity); the
//! fingerprint covers the operation, its path and the body as parsed JSON.

use actix_web::http::header::HeaderMap;
use entity::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use entity::{Fingerprint, IdempotencyKey, Principal, PrincipalKind};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::json::canonical;
use crate::problem::Problem;

/// A key with the fingerprint of its request, as the runtime takes them.
pub type RequestKey = (IdempotencyKey, Fingerprint);

/// Reads the header. `None`: there is none.
pub fn read_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let refused = |detail: &str| Problem::bad_parameter("Idempotency-Key", "bad_form", detail);
    let mut values = headers.get_all("idempotency-key");
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused("the header stands twice"));
    }
    let text = value.to_str().map_err(|_| refused("not ASCII"))?.trim();
    let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    if key.is_empty() {
        return Err(refused("is empty"));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
        // A structured-field string could escape quotes; two spellings of a key would be two keys.
        return Err(refused("holds other characters than letters, digits and signs"));
    }
    if key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
        return Err(refused("is longer than 255 characters"));
    }
    Ok(Some(key.to_owned()))
}

/// The key in the scope of its principal, for the entity that keeps it.
#[must_use]
pub fn scoped_key(principal: &Principal, key: &str) -> IdempotencyKey {
    let kind = match principal.kind {
        PrincipalKind::System => 0,
        PrincipalKind::Customer => 1,
        PrincipalKind::Guest => 2,
        PrincipalKind::Agent => 3,
        PrincipalKind::Seller => 4,
        PrincipalKind::Operator => 5,
        PrincipalKind::Service => 6,
    };
    let who = [principal.tenant.as_str().as_bytes(), &[kind], principal.subject.as_bytes()];
    IdempotencyKey::new(digest(&who), digest(&[who[0], who[1], who[2], key.as_bytes()]))
}

/// The fingerprint of a request: operation, path, condition-free, body as parsed JSON.
#[must_use]
pub fn fingerprint(operation: &str, path: &str, body: Option<&Value>) -> Fingerprint {
    let body = body.map(canonical).unwrap_or_default();
    Fingerprint(digest(&[operation.as_bytes(), path.as_bytes(), &body]))
}

/// The first bytes of SHA-256 over fields that are prefixed with their length, so that
/// ("ab","c") and ("a","bc") differ.
fn digest<const N: usize>(fields: &[&[u8]]) -> [u8; N] {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    let full: [u8; 32] = hash.finalize().into();
    *full.first_chunk().expect("at most 32 bytes are asked for")
}
