//! The demo issuer: code and PKCE, rotation, clients, revocation.

use std::sync::atomic::Ordering;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::testing::{Setup, VERIFIER, World, authorize_uri, exchange, get, post, query_of};

fn payload(token: &str) -> Value {
    let raw =
        data_encoding::BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&raw).unwrap()
}

#[actix_web::test]
async fn metadata_and_keys() {
    let world = World::demo().await;
    let answer = world.send(get("/.well-known/openid-configuration")).await;
    assert_eq!(answer.status, 200);
    let found = answer.json();
    assert_eq!(found["issuer"], "http://127.0.0.1:8080");
    assert_eq!(found["jwks_uri"], "http://127.0.0.1:8080/.well-known/jwks.json");
    assert_eq!(found["code_challenge_methods_supported"], json!(["S256"]));
    let keys = world.send(get("/.well-known/jwks.json")).await.json();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    // A host that nobody configured does not become an issuer.
    let foreign = get("/.well-known/openid-configuration").header("host", "evil.example");
    assert_eq!(world.send(foreign).await.json()["issuer"], "http://localhost");
}

#[actix_web::test]
async fn a_hint_signs_in_and_registers() {
    let world = World::demo().await;
    let answer = world.sign_in("login_hint=alice&scope=openid&nonce=n1").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert_eq!(tokens["scope"], "orders:read orders:write");
    assert_eq!(*world.registered.lock(), ["demo/alice"]);
    let claims = payload(tokens["access_token"].as_str().unwrap());
    assert_eq!(claims["iss"], "http://127.0.0.1:8080");
    assert_eq!((&claims["sub"], &claims["tenant"]), (&json!("alice"), &json!("demo")));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
    let id = payload(tokens["id_token"].as_str().unwrap());
    assert_eq!((&id["aud"], &id["nonce"]), (&json!("demo-web"), &json!("n1")));
    // An id token opens nothing.
    let id_token = tokens["id_token"].as_str().unwrap();
    let used = world.send(post("/v1/session").bearer(id_token)).await;
    assert_eq!(used.brief(), "401 unauthenticated");
}

#[actix_web::test]
async fn people_and_tenants() {
    let world = World::demo().await;
    let kinds = [
        ("login_hint=alice", "customer", "demo", "orders:read orders:write"),
        ("login_hint=alice&tenant=demo2", "customer", "demo2", "orders:read orders:write"),
        ("login_hint=alice&scope=orders:read+admin", "customer", "demo", "orders:read"),
        ("login_hint=alice&scope=", "customer", "demo", "orders:read orders:write"),
        ("login_hint=alice&scope=openid+email", "customer", "demo", "orders:read orders:write"),
        ("login_hint=operator&scope=stock:write", "operator", "demo", "stock:write"),
    ];
    for (query, kind, tenant, scope) in kinds {
        let claims = payload(&world.token(query).await);
        assert_eq!(claims["kind"], kind, "{query}");
        assert_eq!(claims["tenant"], tenant, "{query}");
        assert_eq!(claims["scope"], scope, "{query}");
    }
    let staff = payload(&world.token("login_hint=operator-2").await);
    let scope = staff["scope"].as_str().unwrap();
    assert!(scope.contains("refunds:approve") && !scope.contains("admin"), "{scope}");
    let service = payload(&world.service_token("demo2-service").await);
    assert_eq!((&service["kind"], &service["tenant"]), (&json!("service"), &json!("demo2")));
    assert!(service["scope"].as_str().unwrap().contains("admin"));
}

#[actix_web::test]
async fn what_the_authorization_endpoint_refuses() {
    let world = World::demo().await;
    let good = authorize_uri("login_hint=alice");
    let change = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    // Never sent anywhere: the client or its page is not known.
    for uri in [
        change("client_id=demo-web", "client_id=other"),
        change("client_id=demo-web", ""),
        change("redirect_uri=http://127.0.0.1:5173/back", "redirect_uri=https://evil.example/"),
        change("redirect_uri=http://127.0.0.1:5173/back", "redirect_uri=http://127.0.0.1@evil/"),
        change("redirect_uri=http://127.0.0.1:5173/back", "redirect_uri=javascript://localhost/"),
        change("redirect_uri=http://127.0.0.1:5173/back", ""),
        change("/back", "/back%23fragment"),
        format!("{good}&client_id=demo-web"),
    ] {
        let answer = world.send(get(&uri)).await;
        assert_eq!(answer.brief(), "400 invalid_request", "{uri}");
        assert_eq!(answer.header("location"), "", "{uri}");
    }
    // Sent back with an error.
    for (uri, error) in [
        (change("response_type=code", "response_type=token"), "unsupported_response_type"),
        (change("S256", "plain"), "invalid_request"),
        (change("code_challenge_method=S256", ""), "invalid_request"),
        (change("code_challenge=", "x="), "invalid_request"),
        (change("alice", "Alice"), "invalid_request"),
        (change("alice", &"a".repeat(41)), "invalid_request"),
        (change("alice", "alice&tenant=nobody"), "invalid_request"),
        (change("login_hint=alice", "prompt=none"), "login_required"),
        (change("alice", "alice&scope=catalogue:read"), "invalid_scope"),
        (change("alice", "alice&scope=openid+admin"), "invalid_scope"),
        (change("alice", "alice&scope=everything"), "invalid_scope"),
        (change("alice", "operator&scope=admin"), "invalid_scope"),
    ] {
        let answer = world.send(get(&uri)).await;
        assert_eq!(answer.status, 302, "{uri}");
        let location = answer.header("location");
        assert!(location.starts_with("http://127.0.0.1:5173/back?"), "{location}");
        assert_eq!(query_of(location, "error").as_deref(), Some(error), "{uri}");
        assert_eq!(query_of(location, "state").as_deref(), Some("s1"), "{uri}");
        assert_eq!(query_of(location, "code"), None, "{uri}");
    }
}

#[actix_web::test]
async fn without_a_hint_a_form_asks() {
    let world = World::demo().await;
    let uri = authorize_uri("scope=openid&x=%22%3E%3Cscript%3E");
    let answer = world.send(get(&uri)).await;
    assert_eq!(answer.status, 200);
    let page = answer.text();
    assert!(page.contains("name=\"login_hint\"") && page.contains("value=\"s1\""), "{page}");
    assert!(!page.contains("<script"), "{page}");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:5173;"), "{policy}");
}

#[actix_web::test]
async fn what_the_token_endpoint_refuses() {
    let world = World::demo().await;
    let code = world.code("login_hint=alice").await;
    let form = |form: &str| post("/oauth/token").form(form);
    let service = "grant_type=client_credentials&client_id=demo-service";
    let with_basic = |pair: &str| {
        let value = format!("Basic {}", BASE64.encode(pair.as_bytes()));
        form("grant_type=client_credentials").header("authorization", &value)
    };
    let table = vec![
        (exchange(&code, "short"), "400 invalid_grant"),
        (exchange(&code, &VERIFIER.replace('t', "u")), "400 invalid_grant"),
        (exchange("junk", VERIFIER), "400 invalid_grant"),
        (exchange(&format!("{code}x"), VERIFIER), "400 invalid_grant"),
        (form("grant_type=password&client_id=demo-web"), "400 unsupported_grant_type"),
        (form("client_id=demo-web"), "400 invalid_request"),
        (form("grant_type=authorization_code"), "400 invalid_request"),
        (form("grant_type=refresh_token&client_id=demo-web"), "400 invalid_request"),
        (form("grant_type=client_credentials&client_id=demo-web"), "400 unauthorized_client"),
        (form(service), "401 invalid_client"),
        (form(&format!("{service}&client_secret=wrong")), "401 invalid_client"),
        (form(&format!("{service}&client_id=demo-service")), "400 invalid_request"),
        (with_basic("demo-service:wrong"), "401 invalid_client"),
        (with_basic("nobody:demo-secret"), "401 invalid_client"),
        (with_basic("demo-service:demo-secret"), "200"),
        (
            form(&format!("{service}&client_secret=demo-secret&scope=order:read")),
            "400 invalid_scope",
        ),
        (
            form(&format!("{service}&client_secret=demo-secret&scope=orders:read+x")),
            "400 invalid_scope",
        ),
        (form(&format!("{service}&client_secret=demo-secret&scope=orders:read")), "200"),
        (post("/oauth/token").json("{}"), "415 invalid_request"),
        (form("grant_type=%ff"), "400 invalid_request"),
    ];
    for (index, (request, expected)) in table.into_iter().enumerate() {
        let answer = world.send(request).await;
        assert_eq!(answer.brief(), expected, "row {index}: {}", answer.text());
    }
    // The code was not used up by failed attempts: it is bound to its verifier.
    assert_eq!(world.send(exchange(&code, VERIFIER)).await.status, 200);
    let late = world.code("login_hint=alice").await;
    world.pass_s(61);
    assert_eq!(world.send(exchange(&late, VERIFIER)).await.brief(), "400 invalid_grant");
}

#[actix_web::test]
async fn a_code_is_good_once_and_its_second_use_ends_the_first() {
    let world = World::demo().await;
    let code = world.code("login_hint=alice").await;
    let first = world.send(exchange(&code, VERIFIER)).await.json();
    let access = first["access_token"].as_str().unwrap();
    assert_eq!(world.send(post("/v1/session").bearer(access)).await.status, 201);
    assert_eq!(world.send(exchange(&code, VERIFIER)).await.brief(), "400 invalid_grant");
    assert_eq!(world.send(post("/v1/session").bearer(access)).await.status, 401);
    let refresh = first["refresh_token"].as_str().unwrap();
    assert_eq!(world.send(refreshing(refresh)).await.brief(), "400 invalid_grant");
}

#[actix_web::test]
async fn a_code_may_be_tried_again_when_its_use_failed() {
    let world = World::demo().await;
    let code = world.code("login_hint=alice").await;
    let exchanged = || world.send(exchange(&code, VERIFIER));
    world.register_fails.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(exchanged().await.brief(), "503 temporarily_unavailable");
    }
    world.register_fails.store(false, Ordering::Relaxed);
    let (one, other) = futures_util::future::join(exchanged(), exchanged()).await;
    let (good, refused) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!((good.brief().as_str(), refused.brief().as_str()), ("200", "400 invalid_grant"));
    let tokens = good.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(world.send(refreshing(refresh)).await.brief(), "400 invalid_grant");
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.send(post("/v1/session").bearer(access)).await.status, 401);
    world.register_fails.store(true, Ordering::Relaxed);
    assert_eq!(exchanged().await.brief(), "400 invalid_grant", "used is used");
}

fn refreshing(token: &str) -> crate::testing::Ask {
    let form = format!("grant_type=refresh_token&client_id=demo-web&refresh_token={token}");
    post("/oauth/token").form(&form)
}

#[actix_web::test]
async fn refresh_tokens_rotate_and_reuse_ends_the_family() {
    let world = World::demo().await;
    let first = world.sign_in("login_hint=alice").await.json();
    let other = world.sign_in("login_hint=alice").await.json();
    let r1 = first["refresh_token"].as_str().unwrap();
    let second = world.send(refreshing(r1)).await.json();
    let r2 = second["refresh_token"].as_str().unwrap();
    assert_ne!(r1, r2);
    let a2 = second["access_token"].as_str().unwrap();
    assert_eq!(world.send(post("/v1/session").bearer(a2)).await.status, 201);
    // The stolen first token is used: everything of this sign-in ends.
    assert_eq!(world.send(refreshing(r1)).await.brief(), "400 invalid_grant");
    assert_eq!(world.send(refreshing(r2)).await.brief(), "400 invalid_grant");
    assert_eq!(world.send(post("/v1/session").bearer(a2)).await.status, 401);
    // Another sign-in of the same person goes on.
    let other = other["refresh_token"].as_str().unwrap();
    assert_eq!(world.send(refreshing(other)).await.status, 200);
}

#[actix_web::test]
async fn a_refresh_may_ask_for_less_and_not_for_more() {
    let world = World::demo().await;
    let mut refresh = world.sign_in("login_hint=alice").await.json()["refresh_token"].clone();
    for (scope, expected) in [
        ("&scope=orders:read", "orders:read"),
        // The narrower one was that access token's alone.
        ("", "orders:read orders:write"),
        ("&scope=openid", "orders:read orders:write"),
        ("&scope=openid+orders:write", "orders:write"),
    ] {
        let asked = format!("{}{scope}", refresh.as_str().unwrap());
        let tokens = world.send(refreshing(&asked)).await.json();
        assert_eq!(tokens["scope"], expected, "{scope}");
        let claims = payload(tokens["access_token"].as_str().unwrap());
        assert_eq!(claims["scope"], expected, "{scope}");
        refresh = tokens["refresh_token"].clone();
    }
    let refresh = refresh.as_str().unwrap();
    for scope in ["admin", "orders:read+stock:read", "everything"] {
        let refused = world.send(refreshing(&format!("{refresh}&scope={scope}"))).await;
        assert_eq!(refused.brief(), "400 invalid_scope", "{scope}");
    }
    assert_eq!(world.send(refreshing(refresh)).await.status, 200, "a refusal uses nothing up");
}

#[actix_web::test]
async fn sign_ins_outlive_a_restart_and_so_does_reuse() {
    let world = World::demo().await;
    let first = world.sign_in("login_hint=alice").await.json();
    let r1 = first["refresh_token"].as_str().unwrap();
    let r2 = world.send(refreshing(r1)).await.json()["refresh_token"].clone();
    let again = || Setup { store: std::sync::Arc::clone(&world.store), ..Setup::default() };
    let restarted = World::with(again()).await;
    let access = first["access_token"].as_str().unwrap();
    assert_eq!(restarted.send(post("/v1/session").bearer(access)).await.status, 201);
    assert_eq!(restarted.send(refreshing(r1)).await.brief(), "400 invalid_grant");
    let restarted = World::with(again()).await;
    assert_eq!(restarted.send(refreshing(r2.as_str().unwrap())).await.brief(), "400 invalid_grant");
    assert_eq!(restarted.send(post("/v1/session").bearer(access)).await.status, 401);
}

#[actix_web::test]
async fn revocation() {
    let world = World::demo().await;
    let revoke = |form: &str| post("/oauth/revoke").form(form);
    let tokens = world.sign_in("login_hint=alice").await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let answer = world.send(revoke(&format!("token={access}&client_id=demo-web"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.send(post("/v1/session").bearer(access)).await.status, 401);
    let renewed = world.send(refreshing(refresh)).await.json();
    let access = renewed["access_token"].as_str().unwrap();
    assert_eq!(world.send(post("/v1/session").bearer(access)).await.status, 201);
    let refresh = renewed["refresh_token"].as_str().unwrap();
    assert_eq!(world.send(revoke(&format!("token={refresh}"))).await.status, 200);
    assert_eq!(world.send(post("/v1/session").bearer(access)).await.status, 401);
    assert_eq!(world.send(refreshing(refresh)).await.brief(), "400 invalid_grant");
    // A token that is not ours is no error; one of another client is.
    assert_eq!(world.send(revoke("token=junk&client_id=demo-web")).await.status, 200);
    assert_eq!(world.send(revoke("client_id=demo-web")).await.brief(), "400 invalid_request");
    let service = world.service_token("demo-service").await;
    let not_its_own = revoke(&format!("token={service}&client_id=demo-web"));
    assert_eq!(world.send(not_its_own).await.brief(), "401 invalid_client");
    assert_eq!(world.send(post("/v1/session").bearer(&service)).await.status, 201);
    let own = format!("token={service}&client_id=demo-service&client_secret=demo-secret");
    assert_eq!(world.send(revoke(&own)).await.status, 200);
    assert_eq!(world.send(post("/v1/session").bearer(&service)).await.status, 401);
}

#[actix_web::test]
async fn without_the_demo_there_is_no_issuer() {
    let world = World::with(Setup { demo: false, ..Setup::default() }).await;
    for path in ["/oauth/authorize", "/.well-known/jwks.json", "/.well-known/openid-configuration"]
    {
        assert_eq!(world.send(get(path)).await.brief(), "404 not_found", "{path}");
    }
    assert_eq!(world.send(post("/oauth/token").form("a=b")).await.brief(), "404 not_found");
}
