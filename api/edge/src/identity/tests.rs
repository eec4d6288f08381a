//! Tokens, tenants, sessions, tickets, revocations, beneath HTTP.

use std::sync::Arc;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use entity::{Principal, PrincipalKind, Scope, Scopes, Tenant, Timestamp};
use jsonwebtoken::Algorithm;
use ports::memory::MemoryStore;
use serde_json::{Value, json};

use super::claims::{OWN_THINGS, STAFF};
use super::*;
use crate::testing::NOW_MS;

mod remote;

const NOW: Timestamp = Timestamp(NOW_MS);
const NOW_S: u64 = NOW_MS / 1000;

fn claims() -> Value {
    json!({
        "iss": "http://127.0.0.1:8080", "sub": "alice", "aud": "mercato", "jti": "j1",
        "exp": NOW_S + 600, "iat": NOW_S, "nbf": NOW_S, "tenant": "demo", "kind": "customer",
        "scope": "orders:read orders:write",
    })
}

fn verifier(keys: &EdgeKeys, demo: bool) -> TokenVerifier {
    TokenVerifier::new(keys.clone(), demo.then_some(None), Vec::new()).unwrap()
}

/// What changes in good claims, and what is said then.
#[tokio::test]
async fn own_tokens() {
    let keys = EdgeKeys::ephemeral().unwrap();
    let verifier = verifier(&keys, true);
    let table: Vec<(Value, Result<(), TokenError>)> = vec![
        (json!({}), Ok(())),
        (json!({"aud": ["other", "mercato"]}), Ok(())),
        (json!({"iss": "http://localhost:1"}), Ok(())),
        (json!({"iss": "http://[::1]:1"}), Ok(())),
        (json!({"iss": "urn:mercato:edge"}), Ok(())),
        (json!({"exp": NOW_S - 29}), Ok(())),
        (json!({"exp": NOW_S - 30}), Err(TokenError::Expired)),
        (json!({"exp": 0}), Err(TokenError::Expired)),
        (json!({"exp": null}), Err(TokenError::Claims)),
        (json!({"exp": "9999999999"}), Err(TokenError::Claims)),
        (json!({"nbf": NOW_S + 30}), Ok(())),
        (json!({"nbf": NOW_S + 31}), Err(TokenError::Early)),
        (json!({"aud": "demo-web"}), Err(TokenError::Audience)),
        (json!({"aud": []}), Err(TokenError::Audience)),
        (json!({"aud": null}), Err(TokenError::Audience)),
        (json!({"iss": "https://evil.example"}), Err(TokenError::UnknownIssuer)),
        (json!({"iss": "http://127.0.0.1.evil.example"}), Err(TokenError::UnknownIssuer)),
        (json!({"iss": "http://127.0.0.1:80@evil.example"}), Err(TokenError::UnknownIssuer)),
        (json!({"sub": ""}), Err(TokenError::Claims)),
        (json!({"sub": "a\u{0}b"}), Err(TokenError::Claims)),
        (json!({"sub": "a".repeat(256)}), Err(TokenError::Claims)),
        (json!({"tenant": null}), Err(TokenError::Claims)),
        (json!({"kind": "system"}), Err(TokenError::Claims)),
        (json!({"kind": "root"}), Err(TokenError::Claims)),
    ];
    for (change, expected) in table {
        let mut claims = claims();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let found = verifier.verify(&keys.sign("at+jwt", &claims), NOW).await;
        assert_eq!(found.map(|_| ()), expected, "{change}");
    }
}

#[tokio::test]
async fn forged_tokens() {
    let keys = EdgeKeys::ephemeral().unwrap();
    let verifier = verifier(&keys, true);
    let good = keys.sign("at+jwt", &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let head = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let other = EdgeKeys::ephemeral().unwrap().sign("at+jwt", &claims());
    let mut richer = claims();
    richer["scope"] = json!("admin");
    let none = head(json!({"alg": "none", "kid": keys.kid()}));
    let hs = head(json!({"alg": "HS256", "kid": keys.kid()}));
    let critical = head(json!({"alg": "ES256", "kid": keys.kid(), "crit": ["b64"]}));
    let (body, mac) = (parts[1], parts[2]);
    let rich = head(richer);
    let table = [
        (format!("{}.{rich}.{mac}", parts[0]), TokenError::Signature),
        (format!("{}.{body}.", parts[0]), TokenError::Signature),
        (format!("{none}.{body}."), TokenError::Malformed),
        (format!("{hs}.{body}.{mac}"), TokenError::Algorithm),
        (format!("{critical}.{body}.{mac}"), TokenError::Malformed),
        (other, TokenError::UnknownIssuer),
        ("a.b.c".to_owned(), TokenError::Malformed),
        (String::new(), TokenError::Malformed),
        (format!("{good}{}", "x".repeat(9_000)), TokenError::Malformed),
    ];
    for (token, expected) in table {
        let found = verifier.verify(&token, NOW).await.map(|_| ());
        assert_eq!(found, Err(expected), "{token}");
    }
    assert!(verifier.verify(&good, NOW).await.is_ok());
}

#[tokio::test]
async fn a_remembered_token_still_ends() {
    let keys = EdgeKeys::ephemeral().unwrap();
    let verifier = verifier(&keys, true);
    let token = keys.sign("at+jwt", &claims());
    assert!(verifier.verify(&token, NOW).await.is_ok());
    let at_end = NOW.plus_ms(630_000);
    assert!(verifier.verify(&token, at_end.minus_ms(1_000)).await.is_ok());
    assert_eq!(verifier.verify(&token, at_end).await.map(|_| ()), Err(TokenError::Expired));
}

#[tokio::test]
async fn a_token_that_was_vouched_for_is_taken_as_one_that_was_checked() {
    let keys = EdgeKeys::known_to_all().unwrap();
    let signed = keys.sign("at+jwt", &claims());
    assert!(verifier(&keys, true).verify(&signed, NOW).await.is_ok(), "a pair as any other");
    let verifier = verifier(&keys, true);
    let vouch = |token: &str, claims: Value| {
        verifier.vouch(token, &serde_json::from_value(claims).unwrap(), NOW)
    };
    let mut late = claims();
    late["exp"] = json!(NOW_S - 30);
    assert_eq!(vouch("late", late), Err(TokenError::Expired));
    assert_eq!(verifier.verify("late", NOW).await.map(|_| ()), Err(TokenError::Malformed));
    vouch("unsigned", claims()).unwrap();
    let found = verifier.verify("unsigned", NOW).await.unwrap();
    assert_eq!(found, verifier.verify(&signed, NOW).await.unwrap());
    let ended = verifier.verify("unsigned", NOW.plus_ms(630_000)).await.map(|_| ());
    assert_eq!(ended, Err(TokenError::Expired), "it ends as any other");
}

#[tokio::test]
async fn without_the_demo_only_guests_have_tokens_of_ours() {
    let keys = EdgeKeys::ephemeral().unwrap();
    let verifier = verifier(&keys, false);
    let demo = keys.sign("at+jwt", &claims());
    let refused = verifier.verify(&demo, NOW).await.map(|_| ());
    assert_eq!(refused, Err(TokenError::UnknownIssuer));
    let mut guest = claims();
    guest["iss"] = json!("urn:mercato:edge");
    guest["kind"] = json!("guest");
    let identity = verifier.verify(&keys.sign("at+jwt", &guest), NOW).await.unwrap();
    assert_eq!(identity.principal.kind, PrincipalKind::Guest);
}

#[tokio::test]
async fn keys_are_kept_with_the_data() {
    let store = MemoryStore::new(1);
    let first = EdgeKeys::load(&store).await.unwrap();
    let second = EdgeKeys::load(&store).await.unwrap();
    assert_eq!(first.kid(), second.kid());
    let token = first.sign("at+jwt", &claims());
    assert!(verifier(&second, true).verify(&token, NOW).await.is_ok());
    let sealed = first.sealer().seal(Purpose::Cursor, &1);
    assert_eq!(second.sealer().open::<u8>(Purpose::Cursor, &sealed), Some(1));
    // The public half says nothing of the private one.
    let published = first.jwks().to_string();
    assert!(published.contains(first.kid()) && !published.contains("\"d\""), "{published}");
    ports::Meta::set_value(&store, "edge.keys", b"{}".to_vec()).await.unwrap();
    assert!(matches!(EdgeKeys::load(&store).await, Err(KeysError::Damaged(_))));
}

#[test]
fn sealed_values_serve_one_purpose() {
    let sealer = Sealer::new(&[1; 32]);
    let sealed = sealer.seal(Purpose::Session, &json!({"a": 1}));
    assert!(sealer.open::<Value>(Purpose::Session, &sealed).is_some());
    assert!(sealer.open::<Value>(Purpose::Ticket, &sealed).is_none());
    assert!(Sealer::new(&[2; 32]).open::<Value>(Purpose::Session, &sealed).is_none());
    let tag = sealer.tag(Purpose::Csrf, b"id");
    assert!(sealer.is_tag(Purpose::Csrf, b"id", &tag));
    assert!(!sealer.is_tag(Purpose::Csrf, b"id2", &tag));
    assert!(!sealer.is_tag(Purpose::Session, b"id", &tag));
    assert!(!sealer.is_tag(Purpose::Csrf, b"id", ""));
}

#[test]
fn scopes_have_names() {
    for bit in 0..13 {
        let names = scope_names(Scopes(1 << bit));
        assert_eq!(names.len(), 1, "bit {bit}");
        assert_eq!(scopes_of(names[0]), Scopes(1 << bit));
    }
    assert_eq!(scopes_of("orders:read  unknown admin").0, 1 | 1 << 11);
    assert_eq!(scope_names(OWN_THINGS), ["orders:read", "orders:write"]);
    assert!(
        !STAFF.has(Scope::Admin) && !STAFF.has(Scope::Node) && STAFF.has(Scope::RefundsApprove)
    );
}

#[test]
fn what_customers_hold_by_their_claim() {
    let table = [
        (json!(null), OWN_THINGS),
        (json!("openid profile"), OWN_THINGS),
        (json!("openid orders:read"), Scopes(0).with(Scope::OrdersRead)),
        (json!(""), Scopes(0)),
        (json!(" "), Scopes(0)),
        (json!("openid files:read"), Scopes(0)),
    ];
    for (scope, expected) in table {
        let mut claims = claims();
        claims["scope"] = scope.clone();
        let claims: super::claims::Claims = serde_json::from_value(claims).unwrap();
        let found = claims.identity(None).unwrap().principal.scopes;
        assert_eq!(found, expected, "{scope}");
    }
}

#[test]
fn loopback_origins() {
    for origin in [
        "http://localhost",
        "http://localhost:5173",
        "https://127.0.0.1:1",
        "http://127.8.9.1",
        "http://[::1]",
        "http://[::1]:80",
        "http://app.localhost:3000",
    ] {
        assert!(tenants::is_loopback_origin(origin), "{origin}");
    }
    for origin in [
        "null",
        "",
        "http://",
        "ftp://localhost",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost:80.evil.example",
        "http://10.0.0.1",
        "http://localhost:99999",
        "http://localhost/",
        "http://evil.example#localhost",
        "http://[::1].evil.example",
        "http://[::1",
    ] {
        assert!(!tenants::is_loopback_origin(origin), "{origin}");
    }
}

fn identity(kind: PrincipalKind) -> Identity {
    Identity {
        principal: Principal {
            tenant: Tenant::new("demo"),
            subject: "alice".into(),
            kind,
            scopes: Scopes::ALL,
        },
        expires_s: NOW_S + 600,
        handles: vec!["sid:f1".into(), "jti:j1".into()],
    }
}

#[test]
fn sessions() {
    let sealer = Sealer::new(&[1; 32]);
    let session = Session::begin(&identity(PrincipalKind::Operator), "s1".to_owned(), NOW);
    let cookie = session.cookie(&sealer, true);
    let text = cookie.to_string();
    assert!(text.starts_with("__Host-mercato="), "{text}");
    for part in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("Domain"), "{text}");
    let plain = session.cookie(&sealer, false).to_string();
    assert!(plain.starts_with("mercato=") && !plain.contains("Secure"), "{plain}");
    let opened = Session::open(&sealer, cookie.value(), NOW).unwrap();
    assert_eq!(opened, session);
    let principal = opened.identity().unwrap();
    assert_eq!(principal.principal, identity(PrincipalKind::Operator).principal);
    assert_eq!(principal.handles, ["sid:f1", "jti:j1", "session:s1"]);
    assert!(Session::open(&sealer, cookie.value(), NOW.plus_ms(12 * 3_600_000)).is_none());
    let csrf = session.csrf_token(&sealer);
    assert!(session.is_csrf_token(&sealer, &csrf));
    let other = Session::begin(&identity(PrincipalKind::Operator), "s2".to_owned(), NOW);
    assert!(!other.is_csrf_token(&sealer, &csrf));
}

#[test]
fn tickets_read_their_topics_and_nothing_else() {
    let sealer = Sealer::new(&[1; 32]);
    let order = entity::public_id("ord", entity::Affinity(1), uuid::Uuid::nil());
    let topics = [Topic::parse("me").unwrap(), Topic::parse(&format!("orders/{order}")).unwrap()];
    let ticket = Ticket::new(&identity(PrincipalKind::Customer), &topics[1..], NOW);
    let text = ticket.seal(&sealer);
    let opened = Ticket::open(&sealer, &text).unwrap();
    assert!(opened.opens(&topics[1]) && !opened.opens(&topics[0]));
    let held = opened.identity().unwrap().principal.scopes;
    assert_eq!(scope_names(held), ["orders:read"]);
    assert!(!opened.has_ended(NOW.plus_ms(899_999)));
    assert!(opened.has_ended(NOW.plus_ms(900_000)));
    for bad in ["orders", "orders/", "orders/x", "ME", "orders/ord_", "stock/a"] {
        assert_eq!(Topic::parse(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn revocations_reach_every_node_and_outlive_a_restart() {
    let store: Arc<dyn ports::Meta> = Arc::new(MemoryStore::new(1));
    let here = Revocations::load(Arc::clone(&store), NOW).await.unwrap();
    let there = Revocations::load(Arc::clone(&store), NOW).await.unwrap();
    assert!(!here.holds(&["jti:a"], NOW));
    assert!(here.revoke("jti:a", NOW_S + 100, NOW).await.unwrap());
    assert!(!here.revoke("jti:a", NOW_S + 100, NOW).await.unwrap(), "it was revoked before");
    assert!(here.holds(&["sid:x", "jti:a"], NOW));
    assert!(!here.holds(&["sid:x", "jti:b"], NOW));
    there.sync(NOW).await.unwrap();
    assert!(there.holds(&["jti:a"], NOW));
    let restarted = Revocations::load(Arc::clone(&store), NOW).await.unwrap();
    assert!(restarted.holds(&["jti:a"], NOW));
    let later = NOW.plus_ms(131_000);
    assert!(!here.holds(&["jti:a"], later), "the token has ended by itself");
}

#[tokio::test]
async fn a_revocation_that_a_racing_write_took_away_comes_back() {
    let store: Arc<dyn ports::Meta> = Arc::new(MemoryStore::new(1));
    let here = Revocations::load(Arc::clone(&store), NOW).await.unwrap();
    here.revoke("jti:a", NOW_S + 100, NOW).await.unwrap();
    for slot in 0..16 {
        // As if another node had read before our write and written after it.
        store.set_value(&format!("edge.revoked.{slot}"), Vec::new()).await.unwrap();
    }
    here.sync(NOW).await.unwrap();
    let there = Revocations::load(store, NOW).await.unwrap();
    assert!(there.holds(&["jti:a"], NOW));
}

#[test]
fn hosts_and_keys_belong_to_one_tenant() {
    let shop = |name: &str, host: &str, key: &str| TenantConfig {
        name: Tenant::new(name),
        hosts: vec![host.to_owned()],
        keys: vec![(key.to_owned(), "app".into())],
        channels: vec!["web".into(), "app".into()],
        origins: vec![format!("https://{host}")],
    };
    let good = Tenants::new(vec![shop("a", "a.example", "pk_a")], None).unwrap();
    assert_eq!(good.of_host("A.EXAMPLE:443"), Some(&Tenant::new("a")));
    assert_eq!(good.of_host("b.example"), None);
    assert_eq!(good.fallback("127.0.0.1"), None);
    assert!(good.lists_origin(Some(&Tenant::new("a")), "https://a.example"));
    assert!(!good.lists_origin(Some(&Tenant::new("a")), "https://a.example.evil"));
    assert!(!good.lists_origin(Some(&Tenant::new("a")), "http://localhost"));
    let same_host = vec![shop("a", "a.example", "pk_a"), shop("b", "A.example", "pk_b")];
    assert!(matches!(Tenants::new(same_host, None), Err(TenantsError::Ambiguous(_))));
    let same_key = vec![shop("a", "a.example", "pk_a"), shop("b", "b.example", "pk_a")];
    assert!(matches!(Tenants::new(same_key, None), Err(TenantsError::Ambiguous(_))));
    let unknown = Tenants::new(vec![], Some(Tenant::new("x")));
    assert!(matches!(unknown, Err(TenantsError::Unknown(_))));
}

fn random_hex() -> String {
    HEXLOWER.encode(&rand::random::<[u8; 8]>())
}

const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
