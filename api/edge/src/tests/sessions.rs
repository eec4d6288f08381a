//! Guests, sessions with CSRF, stream tickets, tenants, revocation over HTTP.

use compact_str::CompactString;
use entity::Tenant;

use crate::identity::{TenantConfig, Tenants};
use crate::testing::{Answer, Setup, World, ask, get, post};

/// A cookie and its CSRF token.
async fn session(world: &World) -> (String, String) {
    let token = world.token("login_hint=alice").await;
    let answer = world.send(post("/v1/session").bearer(&token)).await;
    assert_eq!(answer.status, 201);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    (cookie, answer.json()["csrf_token"].as_str().unwrap().to_owned())
}

#[actix_web::test]
async fn a_guest_needs_nothing_and_gets_a_token() {
    let world = World::demo().await;
    let one = world.send(post("/v1/guests")).await;
    assert_eq!(one.status, 201, "{}", one.text());
    assert_eq!(one.header("cache-control"), "no-store");
    let guest = one.json();
    assert_eq!(guest["object"], "guest");
    assert_eq!(guest["expires_in"], 30 * 24 * 3600);
    assert!(guest["id"].as_str().unwrap().starts_with("cus_"));
    let other = world.send(post("/v1/guests").json("{}")).await.json();
    assert_ne!(guest["id"], other["id"]);
    let token = guest["access_token"].as_str().unwrap();
    let ticket = post("/v1/stream-tickets").bearer(token).json(r#"{"topics":["me"]}"#);
    assert_eq!(world.send(ticket).await.status, 201);
    world.pass_s(30 * 24 * 3600 + 30);
    let late = post("/v1/stream-tickets").bearer(token).json(r#"{"topics":["me"]}"#);
    assert_eq!(world.send(late).await.brief(), "401 unauthenticated");
}

#[actix_web::test]
async fn csrf() {
    let world = World::demo().await;
    let (cookie, csrf) = session(&world).await;
    let (_, others_csrf) = session(&world).await;
    let page = "http://localhost:5173";
    let with = |headers: &[(&str, &str)]| {
        let mut request = post("/v1/stream-tickets").json(r#"{"topics":["me"]}"#);
        request = request.header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request
    };
    let table: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![("origin", page), ("x-csrf-token", &csrf)], "201"),
        (vec![("x-csrf-token", &csrf)], "403 csrf_failed"),
        (vec![("origin", page)], "403 csrf_failed"),
        (vec![("origin", page), ("x-csrf-token", &others_csrf)], "403 csrf_failed"),
        (vec![("origin", page), ("x-csrf-token", "")], "403 csrf_failed"),
        (vec![("origin", "https://evil.example"), ("x-csrf-token", &csrf)], "403 csrf_failed"),
        (vec![("origin", "null"), ("x-csrf-token", &csrf)], "403 csrf_failed"),
    ];
    for (headers, expected) in table {
        assert_eq!(world.send(with(&headers)).await.brief(), expected, "{headers:?}");
    }
    // A read needs neither, and a bearer token needs neither.
    let read = world.send(get("/v1/session").header("cookie", &cookie)).await;
    assert_eq!(read.json()["csrf_token"], csrf);
    let token = world.token("login_hint=alice").await;
    assert_eq!(world.send(with(&[]).bearer(&token)).await.status, 201);
}

#[actix_web::test]
async fn a_session_ends() {
    let world = World::demo().await;
    let (cookie, csrf) = session(&world).await;
    let read = || get("/v1/session").header("cookie", &cookie);
    let end = ask("DELETE", "/v1/session")
        .header("cookie", &cookie)
        .header("origin", "http://localhost")
        .header("x-csrf-token", &csrf);
    assert_eq!(world.send(read()).await.status, 200);
    let ended = world.send(end).await;
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").contains("Max-Age=0"), "{}", ended.header("set-cookie"));
    assert_eq!(world.send(read()).await.brief(), "401 unauthenticated");
    let (cookie, _) = session(&world).await;
    world.pass_s(12 * 3600);
    let late = get("/v1/session").header("cookie", &cookie);
    assert_eq!(world.send(late).await.brief(), "401 unauthenticated");
    let without = get("/v1/session").bearer(&world.token("login_hint=alice").await);
    assert_eq!(world.send(without).await.brief(), "404 not_found");
}

#[actix_web::test]
async fn a_session_ends_with_the_token_it_began_with() {
    let world = World::demo().await;
    let tokens = world.sign_in("login_hint=alice").await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let answer = world.send(post("/v1/session").bearer(access)).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let revoke = post("/oauth/revoke").form(&format!("token={refresh}"));
    assert_eq!(world.send(revoke).await.status, 200);
    let read = get("/v1/session").header("cookie", &cookie);
    assert_eq!(world.send(read).await.brief(), "401 unauthenticated");
}

#[actix_web::test]
async fn cookies_are_secure_but_in_a_plain_demo() {
    let world = World::with(Setup { secure_cookies: true, ..Setup::default() }).await;
    let token = world.token("login_hint=alice").await;
    let answer = world.send(post("/v1/session").bearer(&token)).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-mercato=") && cookie.contains("; Secure"), "{cookie}");
}

#[actix_web::test]
async fn tickets() {
    let world = World::demo().await;
    let token = world.token("login_hint=alice").await;
    let order = entity::public_id("ord", entity::Affinity(1), uuid::Uuid::nil());
    let wanted = |body: &str| post("/v1/stream-tickets").bearer(&token).json(body);
    let answer = world.send(wanted(&format!(r#"{{"topics":["me","orders/{order}"]}}"#))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let ticket = answer.json();
    assert_eq!(ticket["object"], "stream_ticket");
    assert_eq!(ticket["expires_at"], "2026-11-20T08:30:30.000Z");
    let many = format!("{:?}", vec!["me"; 21]);
    let table = [
        (r#"{"topics":[]}"#.to_owned(), "422 validation_failed bad_length @ /topics"),
        (format!(r#"{{"topics":{many}}}"#), "422 validation_failed bad_length @ /topics"),
        (
            r#"{"topics":["me","x","stock/1"]}"#.to_owned(),
            "422 validation_failed bad_form @ /topics/1 bad_form @ /topics/2",
        ),
        (r#"{"topics":"me"}"#.to_owned(), "400 invalid_request wrong_type @ /topics"),
        (r#"{}"#.to_owned(), "400 invalid_request missing_field @ /topics"),
        (r#"{"topics":["me"],"x":1}"#.to_owned(), "400 invalid_request unknown_field @ /x"),
    ];
    for (body, expected) in table {
        assert_eq!(world.send(wanted(&body)).await.brief(), expected, "{body}");
    }
    // A ticket is no credential anywhere else.
    let text = ticket["ticket"].as_str().unwrap();
    let elsewhere = get(&format!("/v1/session?ticket={text}"));
    assert_eq!(world.send(elsewhere).await.brief(), "401 unauthenticated");
    assert_eq!(world.send(get("/v1/session").bearer(text)).await.brief(), "401 unauthenticated");
}

fn shops() -> Tenants {
    let shop = |name: &str| TenantConfig {
        name: Tenant::new(name),
        hosts: vec![format!("{name}.example")],
        keys: vec![(format!("pk_{name}"), CompactString::const_new("app"))],
        channels: vec!["web".into(), "app".into()],
        origins: vec![format!("https://{name}.example")],
    };
    let shops = vec![shop("demo"), shop("demo2")];
    Tenants::new(shops, Some(Tenant::new("demo"))).unwrap()
}

#[actix_web::test]
async fn who_says_which_shop_is_meant() {
    let world = World::with(Setup { tenants: shops(), ..Setup::default() }).await;
    let of_one = world.token("login_hint=alice").await;
    let of_two = world.token("login_hint=alice&tenant=demo2").await;
    let guest = |headers: &[(&str, &str)]| {
        headers
            .iter()
            .fold(post("/v1/guests"), |request, (name, value)| request.header(name, value))
    };
    let (one, two) = (format!("Bearer {of_one}"), format!("Bearer {of_two}"));
    let table: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![], "demo"),
        (vec![("host", "demo2.example")], "demo2"),
        (vec![("host", "DEMO2.example:443")], "demo2"),
        (vec![("api-key", "pk_demo2")], "demo2"),
        (vec![("authorization", &two)], "demo2"),
        (vec![("authorization", &two), ("api-key", "pk_demo2")], "demo2"),
        (vec![("host", "demo.example"), ("api-key", "pk_demo")], "demo"),
        (vec![("host", "elsewhere.example")], "401 unauthenticated"),
        (vec![("host", "elsewhere.example"), ("api-key", "pk_demo")], "demo"),
        (vec![("api-key", "pk_nobody")], "401 unauthenticated"),
        (vec![("authorization", &one), ("api-key", "pk_demo2")], "403 tenant_mismatch"),
        (vec![("authorization", &two), ("host", "demo.example")], "403 tenant_mismatch"),
        (vec![("host", "demo.example"), ("api-key", "pk_demo2")], "403 tenant_mismatch"),
        (vec![("authorization", "Bearer junk")], "401 unauthenticated"),
        (vec![("authorization", "Basic YTpi")], "401 unauthenticated"),
        (vec![("authorization", &one), ("authorization", &two)], "400 invalid_request"),
    ];
    for (headers, expected) in table {
        let answer = world.send(guest(&headers)).await;
        let found = match answer.json()["access_token"].as_str() {
            Some(token) => tenant_of(token),
            None => answer.brief().split(" duplicate").next().unwrap().to_owned(),
        };
        assert_eq!(found, expected, "{headers:?}");
    }
}

fn tenant_of(token: &str) -> String {
    let raw =
        data_encoding::BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&raw).unwrap();
    claims["tenant"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn cors() {
    let tenants = Tenants::new(
        vec![
            shop_with_origin("demo", "https://demo.example"),
            shop_with_origin("demo2", "https://demo2.example"),
        ],
        Some(Tenant::new("demo")),
    )
    .unwrap();
    let world = World::with(Setup { tenants, ..Setup::default() }).await;
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").to_owned();
    let preflight = |origin: &str| {
        ask("OPTIONS", "/v1/session")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "idempotency-key, x-csrf-token")
    };
    for (origin, expected) in [
        ("https://demo.example", "https://demo.example"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("https://demo.example.evil", ""),
        ("null", ""),
    ] {
        let answer = world.send(preflight(origin)).await;
        assert_eq!(answer.status, 204, "{origin}");
        assert_eq!(allowed(&answer), expected, "{origin}");
        assert!(answer.header("vary").contains("Origin"));
        assert_eq!(answer.headers.contains_key("access-control-max-age"), !expected.is_empty());
    }
    // Refusals carry the headers too: a page can read why.
    let refused = get("/v1/session").header("origin", "http://localhost:5173");
    let answer = world.send(refused).await;
    assert_eq!(answer.brief(), "401 unauthenticated");
    assert_eq!(allowed(&answer), "http://localhost:5173");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    let exposed = answer.header("access-control-expose-headers");
    for name in [
        "ETag",
        "Location",
        "Link",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
        "Idempotent-Replayed",
        "Preference-Applied",
        "Request-Id",
        "Traceparent",
    ] {
        assert!(exposed.split(", ").any(|exposed| exposed == name), "{name}");
    }
    // Another shop's page is not named, whatever the preflight said.
    let token = world.token("login_hint=alice").await;
    let other_page = get("/v1/session").bearer(&token).header("origin", "https://demo2.example");
    assert_eq!(allowed(&world.send(other_page).await), "");
    let unknown = get("/nowhere").header("origin", "https://demo.example");
    assert_eq!(allowed(&world.send(unknown).await), "https://demo.example");
}

fn shop_with_origin(name: &str, origin: &str) -> TenantConfig {
    TenantConfig {
        name: Tenant::new(name),
        hosts: Vec::new(),
        keys: Vec::new(),
        channels: vec!["web".into()],
        origins: vec![origin.to_owned()],
    }
}

#[actix_web::test]
async fn channels() {
    let world = World::with(Setup { tenants: shops(), ..Setup::default() }).await;
    let asked = |channel: &str| post("/v1/guests").header("channel", channel);
    assert_eq!(world.send(asked("app")).await.status, 201);
    let unknown = world.send(asked("shop")).await;
    assert_eq!(unknown.brief(), "400 invalid_request unknown_value @ ?Channel");
}
