//! Tokens of a foreign issuer: discovery, keys, rotation, outages. The issuer is a small server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix_web::{App, HttpResponse, HttpServer, web};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;

use super::*;

/// A key pair of the foreign issuer.
#[derive(Clone)]
struct Pair {
    kid: String,
    algorithm: Algorithm,
    signing: EncodingKey,
    jwk: Value,
}

fn pair(algorithm: Algorithm) -> Pair {
    let random = SystemRandom::new();
    let kid = random_hex();
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let (signing, mut jwk) = match algorithm {
        Algorithm::RS256 => {
            let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
            let public = pair.public_key();
            let jwk = json!({
                "kty": "RSA", "alg": "RS256",
                "n": encode(public.modulus().big_endian_without_leading_zero()),
                "e": encode(public.exponent().big_endian_without_leading_zero()),
            });
            let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
            (EncodingKey::from_rsa_der(&pkcs1_of(der.as_ref())), jwk)
        }
        Algorithm::ES256 => {
            let der =
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref());
            let point = pair.unwrap().public_key().as_ref().to_vec();
            let jwk = json!({
                "kty": "EC", "crv": "P-256",
                "x": encode(&point[1..33]), "y": encode(&point[33..]),
            });
            (EncodingKey::from_ec_der(der.as_ref()), jwk)
        }
        _ => {
            let der = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
            let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
            let x = encode(pair.public_key().as_ref());
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig"});
            (EncodingKey::from_ed_der(der.as_ref()), jwk)
        }
    };
    jwk["kid"] = json!(kid);
    Pair { kid, algorithm, signing, jwk }
}

/// The RSAPrivateKey inside a PKCS#8 document: its last OCTET STRING, 4 bytes of head.
fn pkcs1_of(pkcs8: &[u8]) -> Vec<u8> {
    let at = pkcs8.windows(2).position(|pair| pair == [0x04, 0x82]).unwrap();
    pkcs8[at + 4..].to_vec()
}

impl Pair {
    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }
}

/// The foreign issuer.
struct Foreign {
    issuer: String,
    keys: Arc<Mutex<Vec<Value>>>,
    is_down: Arc<AtomicBool>,
    n_fetches: Arc<AtomicUsize>,
    handle: actix_web::dev::ServerHandle,
}

impl Foreign {
    fn start(keys: Vec<Value>) -> Self {
        let keys = Arc::new(Mutex::new(keys));
        let is_down = Arc::new(AtomicBool::new(false));
        let n_fetches = Arc::new(AtomicUsize::new(0));
        let state = (Arc::clone(&keys), Arc::clone(&is_down), Arc::clone(&n_fetches));
        let server = HttpServer::new(move || {
            let (keys, is_down, n_fetches) = state.clone();
            let down = Arc::clone(&is_down);
            App::new()
                .route(
                    "/.well-known/openid-configuration",
                    web::get().to(move |http: actix_web::HttpRequest| {
                        n_fetches.fetch_add(1, Ordering::SeqCst);
                        let issuer = format!("http://{}", http.connection_info().host().to_owned());
                        let body = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
                        let answer = if down.load(Ordering::SeqCst) {
                            HttpResponse::ServiceUnavailable().finish()
                        } else {
                            HttpResponse::Ok().json(body)
                        };
                        std::future::ready(answer)
                    }),
                )
                .route(
                    "/keys",
                    web::get().to(move || {
                        let body = json!({"keys": *keys.lock()});
                        std::future::ready(HttpResponse::Ok().json(body))
                    }),
                )
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let issuer = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { issuer, keys, is_down, n_fetches, handle }
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "sub": "carol", "aud": "shop-api", "exp": NOW_S + 600,
            "scope": "openid profile",
        })
    }

    fn verifier(&self) -> TokenVerifier {
        let config = IssuerConfig {
            issuer: self.issuer.clone(),
            audience: "shop-api".to_owned(),
            tenant: Some(Tenant::new("demo")),
        };
        TokenVerifier::new(EdgeKeys::ephemeral().unwrap(), None, vec![config]).unwrap()
    }
}

#[actix_web::test]
async fn the_three_algorithms_each_with_its_own_key() {
    let pairs: BTreeMap<String, Pair> =
        ALGORITHMS.into_iter().map(|a| (format!("{a:?}"), pair(a))).collect();
    let foreign = Foreign::start(pairs.values().map(|pair| pair.jwk.clone()).collect());
    let verifier = foreign.verifier();
    for (name, pair) in &pairs {
        let token = pair.sign(&foreign.claims());
        let identity = verifier.verify(&token, NOW).await.expect(name);
        assert_eq!(identity.principal.kind, PrincipalKind::Customer);
        assert_eq!(identity.principal.scopes, OWN_THINGS, "customers hold their own things");
        // The same claims under another pair's name.
        let mut wrong = pair.clone();
        wrong.kid = pairs.values().find(|other| other.kid != pair.kid).unwrap().kid.clone();
        let found = verifier.verify(&wrong.sign(&foreign.claims()), NOW).await.map(|_| ());
        assert_eq!(found, Err(TokenError::UnknownKey), "{name} under another key's name");
    }
    assert_eq!(foreign.n_fetches.load(Ordering::SeqCst), 1, "fetched once");
    foreign.handle.stop(false).await;
}

#[actix_web::test]
async fn claims_of_a_foreign_issuer() {
    let pair = pair(Algorithm::ES256);
    let foreign = Foreign::start(vec![pair.jwk.clone()]);
    let verifier = foreign.verifier();
    let table = [
        (json!({}), Ok(())),
        (json!({"tenant": "demo"}), Ok(())),
        (json!({"tenant": "demo2"}), Err(TokenError::Claims)),
        (json!({"aud": "mercato"}), Err(TokenError::Audience)),
        (json!({"exp": NOW_S - 31}), Err(TokenError::Expired)),
        (json!({"iss": "https://other.example"}), Err(TokenError::UnknownIssuer)),
    ];
    for (change, expected) in table {
        let mut claims = foreign.claims();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let found = verifier.verify(&pair.sign(&claims), NOW).await.map(|_| ());
        assert_eq!(found, expected, "{change}");
    }
    foreign.handle.stop(false).await;
}

#[actix_web::test]
async fn a_new_key_is_found_and_unknown_ones_do_not_flood_the_issuer() {
    let (old, new) = (pair(Algorithm::ES256), pair(Algorithm::ES256));
    let foreign = Foreign::start(vec![old.jwk.clone()]);
    let verifier = foreign.verifier();
    assert!(verifier.verify(&old.sign(&foreign.claims()), NOW).await.is_ok());
    let new_token = new.sign(&foreign.claims());
    let soon = NOW.plus_ms(1_000);
    for _ in 0..20 {
        let found = verifier.verify(&new_token, soon).await.map(|_| ());
        assert_eq!(found, Err(TokenError::UnknownKey));
    }
    assert_eq!(foreign.n_fetches.load(Ordering::SeqCst), 1, "at most once per 30 s");
    *foreign.keys.lock() = vec![new.jwk.clone(), json!({"kty": "new-kind"})];
    let later = NOW.plus_ms(30_000);
    assert!(verifier.verify(&new_token, later).await.is_ok());
    assert_eq!(foreign.n_fetches.load(Ordering::SeqCst), 2);
    foreign.handle.stop(false).await;
}

#[actix_web::test]
async fn an_outage_of_the_issuer_keeps_the_old_keys() {
    let pair = pair(Algorithm::EdDSA);
    let foreign = Foreign::start(vec![pair.jwk.clone()]);
    let verifier = foreign.verifier();
    assert!(verifier.verify(&pair.sign(&foreign.claims()), NOW).await.is_ok());
    foreign.is_down.store(true, Ordering::SeqCst);
    let later = NOW.plus_ms(3_600_000);
    let mut claims = foreign.claims();
    claims["exp"] = json!(NOW_S + 7_200);
    assert!(verifier.verify(&pair.sign(&claims), later).await.is_ok());
    assert!(foreign.n_fetches.load(Ordering::SeqCst) >= 2, "it tried");
    foreign.handle.stop(false).await;
}

#[actix_web::test]
async fn an_issuer_that_is_down_or_insecure_gives_no_keys() {
    for issuer in ["http://127.0.0.1:1", "http://issuer.example"] {
        let config = IssuerConfig {
            issuer: issuer.to_owned(),
            audience: "shop-api".to_owned(),
            tenant: None,
        };
        let verifier =
            TokenVerifier::new(EdgeKeys::ephemeral().unwrap(), None, vec![config]).unwrap();
        let claims = json!({"iss": issuer, "sub": "a", "aud": "shop-api", "exp": NOW_S + 9});
        let token = pair(Algorithm::ES256).sign(&claims);
        let found = verifier.verify(&token, NOW).await.map(|_| ());
        assert_eq!(found, Err(TokenError::UnknownKey), "{issuer}");
    }
}
