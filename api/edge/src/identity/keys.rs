//! The edge's own keys: one ES256 pair for tokens, one secret for sealed values.
//!
//! Made once and kept with the data as a named value, so that tokens, cookies and cursors outlive
//! a restart. Whoever reads the data directory can sign; protect it like the data itself.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use ports::{Meta, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::seal::Sealer;

const VALUE_NAME: &str = "edge.keys";

/// The P-256 pair whose private number is 1, in PKCS#8; its public point is the generator.
const PKCS8_OF_ONE: &[u8] = b"\
    308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420\
    0000000000000000000000000000000000000000000000000000000000000001a144034200\
    046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
    4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// The keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store did not give or take them.
    #[error("read or write of the edge's keys")]
    Store(#[from] StoreError),
    /// What is stored is no key.
    #[error("the stored edge keys are damaged: {0}")]
    Damaged(&'static str),
    /// The random source failed.
    #[error("no random bytes for new keys")]
    Random,
}

/// Keys in the form in which they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    es256_pkcs8: String,
    secret: String,
}

/// The edge's own keys.
#[derive(Clone)]
pub struct EdgeKeys {
    kid: String,
    signing: EncodingKey,
    checking: DecodingKey,
    public: (String, String),
    sealer: Sealer,
}

impl fmt::Debug for EdgeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeKeys").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl EdgeKeys {
    /// Reads the keys of the store, or makes them where there are none.
    pub async fn load(meta: &dyn Meta) -> Result<Self, KeysError> {
        if let Some(bytes) = meta.value(VALUE_NAME).await? {
            return Self::read(&bytes);
        }
        // Another node may have written in between: what was stored first counts.
        meta.swap_value(VALUE_NAME, None, Self::make()?).await?;
        let bytes = meta.value(VALUE_NAME).await?.ok_or(KeysError::Damaged("not stored"))?;
        Self::read(&bytes)
    }

    /// Keys that live as long as the process.
    pub fn ephemeral() -> Result<Self, KeysError> {
        Self::read(&Self::make()?)
    }

    /// Keys that everybody knows, for simulated nodes: the pair with the private number 1. Made
    /// without any random bits, so that two runs are the same. Nothing real may be sealed by them.
    ///
    /// # Errors
    /// None that is known; the pair is checked as one that was stored.
    pub fn known_to_all() -> Result<Self, KeysError> {
        let pkcs8 = HEXLOWER.decode(PKCS8_OF_ONE).map_err(|_| KeysError::Damaged("not hex"))?;
        Self::of(&pkcs8, &[1; 32])
    }

    fn make() -> Result<Vec<u8>, KeysError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| KeysError::Random)?;
        let mut secret = [0_u8; 32];
        random.fill(&mut secret).map_err(|_| KeysError::Random)?;
        let kept = Kept {
            format: 1,
            es256_pkcs8: BASE64.encode(pair.as_ref()),
            secret: BASE64.encode(&secret),
        };
        Ok(serde_json::to_vec(&kept).expect("texts and numbers always encode"))
    }

    fn read(bytes: &[u8]) -> Result<Self, KeysError> {
        let kept: Kept =
            serde_json::from_slice(bytes).map_err(|_| KeysError::Damaged("not readable"))?;
        if kept.format != 1 {
            return Err(KeysError::Damaged("of a newer format"));
        }
        let pkcs8 = BASE64
            .decode(kept.es256_pkcs8.as_bytes())
            .map_err(|_| KeysError::Damaged("pair not base64"))?;
        let secret = BASE64
            .decode(kept.secret.as_bytes())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or(KeysError::Damaged("secret not 32 bytes"))?;
        Self::of(&pkcs8, &secret)
    }

    fn of(pkcs8: &[u8], secret: &[u8; 32]) -> Result<Self, KeysError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| KeysError::Damaged("pair not P-256"))?;
        // An uncompressed point: 4, then x and y of 32 bytes each.
        let point = pair.public_key().as_ref().to_vec();
        let [4, coordinates @ ..] = point.as_slice() else {
            return Err(KeysError::Damaged("point compressed"));
        };
        let (x, y) = coordinates.split_at(32);
        let public = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
        let checking = DecodingKey::from_ec_components(&public.0, &public.1)
            .map_err(|_| KeysError::Damaged("point not usable"))?;
        let hash = Sha256::digest(&point);
        Ok(Self {
            kid: BASE64URL_NOPAD.encode(&hash[..12]),
            signing: EncodingKey::from_ec_der(pkcs8),
            checking,
            public,
            sealer: Sealer::new(secret),
        })
    }

    /// The name of the pair in token headers.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs claims as a JWT of type `typ` (`at+jwt`).
    #[must_use]
    pub fn sign<T: Serialize>(&self, typ: &str, claims: &T) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.kid.clone());
        header.typ = Some(typ.to_owned());
        jsonwebtoken::encode(&header, claims, &self.signing)
            .expect("signing plain claims with a checked key cannot fail")
    }

    /// The key that checks our tokens.
    #[must_use]
    pub const fn checking(&self) -> &DecodingKey {
        &self.checking
    }

    /// Seals and opens.
    #[must_use]
    pub const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The public key as a JWK set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "kid": self.kid, "x": self.public.0, "y": self.public.1,
        }]})
    }
}
