//! Conventions on operations made for the test: bodies, keys, versions, preferences, pages, load.

use std::future::ready;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::{List, Money};
use crate::input::{NoBody, OptionalJson};
use crate::json::Int;
use crate::operation::{Caching, Operation};
use crate::problem::{Code, Problem};
use crate::reply::{Empty, Json, Reply};
use crate::request::{Condition, Param, ParamKind, WaitLimit};
use crate::route::{Call, Route, route};
use crate::state::EdgeLimits;
use crate::testing::{Ask, Setup, World, ask, get, post};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    qty: Int<1, 10>,
    price: Option<Money>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Shown {
    qty: i64,
    seen: String,
}

const ID: &[Param] = &[Param::new("id", ParamKind::Name { min: 1, max: 8 }, "A thing.")];

const GET_THING: Operation = Operation::get("getThing", "/v1/things/{id}")
    .about("Test", "A thing")
    .params(ID)
    .wait(WaitLimit::READ);
const PUT_THING: Operation = Operation::put("putThing", "/v1/things/{id}")
    .about("Test", "Sets a thing")
    .params(ID)
    .if_match()
    .minimal()
    .codes(&[Code::MoneyOverflow]);
const MAKE_THING: Operation = Operation::post("makeThing", "/v1/things")
    .about("Test", "Makes a thing")
    .key()
    .statuses(&[201, 202])
    .wait(WaitLimit::COMMAND)
    .minimal();
const LIST_THINGS: Operation = Operation::get("listThings", "/v1/things")
    .about("Test", "Things")
    .public()
    .caching(Caching::Catalogue)
    .query(&[Param::new("cursor", ParamKind::Text { max: 200 }, "Where to go on.")]);
const END_THING: Operation = Operation::delete("endThing", "/v1/things/{id}")
    .about("Test", "Ends a thing")
    .params(ID)
    .may_match();
const POKE_THING: Operation =
    Operation::post("pokeThing", "/v1/things/{id}/poke").about("Test", "Pokes").params(ID);

fn things() -> Vec<Route> {
    vec![
        route(&GET_THING, |call: Call<NoBody>| {
            let seen = format!("{} {}", call.path.expect("id"), call.prefer.wait_ms);
            ready(Ok(Reply::ok(Shown { qty: 1, seen }).version(17)))
        }),
        route(&PUT_THING, |call: Call<Json<Wanted>>| ready(put_thing(&call))),
        route(&MAKE_THING, |call: Call<OptionalJson<Option<bool>>>| {
            let (key, fingerprint) = call.key.expect("the operation requires it");
            let seen = format!("{:x?} {:x?}", key.0, fingerprint.0);
            let status = if call.prefer.respond_async { 202 } else { 201 };
            let shown = Shown { qty: i64::try_from(call.prefer.wait_ms).unwrap(), seen };
            let reply = Reply::new(status, Json(shown)).location("/v1/things/a".to_owned());
            ready(Ok(reply.replayed(true)))
        }),
        route(&LIST_THINGS, |call: Call<NoBody>| {
            let list = List::new(vec![Shown { qty: 1, seen: String::new() }], Some("c1".into()));
            ready(Ok(Reply::page(list, &call.raw_path, &call.raw_query)))
        }),
        route(&END_THING, |call: Call<NoBody>| {
            ready(match call.condition {
                Condition::Any | Condition::Exists | Condition::Version(17) => {
                    Ok(Reply::no_content())
                }
                Condition::Version(_) | Condition::Absent | Condition::Never => {
                    Err(Problem::new(Code::VersionMismatch).with("version", 17))
                }
            })
        }),
        route(&POKE_THING, |_: Call<NoBody>| {
            ready(Err::<Reply<Empty>, _>(Problem::new(Code::InvalidState).with("state", "x")))
        }),
    ]
}

fn put_thing(call: &Call<Json<Wanted>>) -> Result<Reply<Json<Shown>>, Problem> {
    let wanted = &call.body.0;
    let seen = format!("{:?} {:?}", call.condition, wanted.price.as_ref().map(|p| p.amount));
    Ok(Reply::ok(Shown { qty: wanted.qty.0, seen }).version(18))
}

async fn world() -> (World, String) {
    let world = World::demo().await;
    let token = world.token("login_hint=alice").await;
    (world.serving(things()), token)
}

#[actix_web::test]
async fn what_is_not_there() {
    let (world, token) = world().await;
    let table = [
        (get("/nowhere"), "404 not_found", ""),
        (get("/v1/things/"), "404 not_found", ""),
        (get("/"), "404 not_found", ""),
        (post("/v1/things/a"), "405 method_not_allowed", "GET, PUT, DELETE, HEAD, OPTIONS"),
        (ask("TRACE", "/v1/things"), "405 method_not_allowed", "POST, GET, HEAD, OPTIONS"),
        (get("/v1/things/a.b").bearer(&token), "404 not_found", ""),
        (get("/v1/things/a%2Fb").bearer(&token), "404 not_found", ""),
        (get("/v1/things/%00").bearer(&token), "404 not_found", ""),
    ];
    for (index, (request, expected, allow)) in table.into_iter().enumerate() {
        let answer = world.send(request).await;
        assert_eq!(answer.brief(), expected, "row {index}");
        assert_eq!(answer.header("allow"), allow, "row {index}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "row {index}");
        let problem = answer.json();
        assert_eq!(problem["request_id"].as_str(), Some(answer.header("request-id")));
        let trace = problem["trace_id"].as_str().unwrap();
        assert!(answer.header("traceparent").contains(trace), "row {index}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "row {index}");
    }
    let options = world.send(ask("OPTIONS", "/v1/things/a")).await;
    assert_eq!((options.status, options.header("allow").is_empty()), (204, false));
}

#[actix_web::test]
async fn every_reply_has_a_number_and_a_trace() {
    let (world, token) = world().await;
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let one = world.send(get("/v1/things/a").bearer(&token).header("traceparent", given)).await;
    assert!(one.header("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert!(!one.header("traceparent").contains("b7ad6b7169203331"), "a span of our own");
    let two = world.send(get("/v1/things/a").bearer(&token)).await;
    assert_ne!(one.header("request-id"), two.header("request-id"));
    assert!(one.header("request-id").starts_with("req_"));
    for name in ["Authorization", "Cookie", "Channel", "Accept-Encoding", "Accept-Language"] {
        assert!(one.header("vary").split(", ").any(|found| found == name), "{name}");
    }
    assert_eq!(one.header("cache-control"), "private, no-cache");
}

#[actix_web::test]
async fn reads_are_conditional_and_head_is_a_read() {
    let (world, token) = world().await;
    let read = |tag: &str| get("/v1/things/a").bearer(&token).header("if-none-match", tag);
    for (tag, status) in [
        ("\"v17\"", 304),
        ("W/\"v17\"", 304),
        ("\"v1\", \"v17\"", 304),
        ("*", 304),
        ("\"v18\"", 200),
        ("v17", 400),
    ] {
        let answer = world.send(read(tag)).await;
        assert_eq!(answer.status, status, "{tag}");
        if status == 304 {
            assert!(answer.body.is_empty());
            assert_eq!(answer.header("etag"), "\"v17\"");
            assert_eq!(answer.header("cache-control"), "private, no-cache");
        }
    }
    let waited = get("/v1/things/a").bearer(&token).header("prefer", "wait=25");
    let answer = world.send(waited).await;
    assert_eq!(answer.json()["seen"], "a 20000");
    assert_eq!(answer.header("preference-applied"), "wait=20");
    let head = world.send(ask("HEAD", "/v1/things/a").bearer(&token)).await;
    assert_eq!((head.status, head.header("etag")), (200, "\"v17\""));
}

#[actix_web::test]
async fn writes_name_their_version() {
    let (world, token) = world().await;
    let put = || ask("PUT", "/v1/things/a").bearer(&token);
    let body = r#"{"qty":3,"price":{"amount":5,"currency":"USD"}}"#;
    let table: Vec<(Ask, &str)> = vec![
        (put().json(body), "428 precondition_required"),
        (put().json("junk"), "428 precondition_required"),
        (put().header("if-match", "v1").json(body), "400 invalid_request bad_form @ ?If-Match"),
        (put().header("if-match", "\"v1\"").json(body), "200"),
        (put().header("if-none-match", "*").json(body), "200"),
        (
            put().header("if-match", "\"v1\"").json(r#"{"qty":3,"price":null,"x":1}"#),
            "400 invalid_request unknown_field @ /x",
        ),
        (
            put().header("if-match", "\"v1\"").json(r#"{"qty":11}"#),
            "422 validation_failed out_of_range @ /qty",
        ),
        (
            put()
                .header("if-match", "\"v1\"")
                .json(r#"{"qty":1,"price":{"amount":9007199254740992,"currency":"USD"}}"#),
            "422 money_overflow money_overflow @ /price/amount",
        ),
        (put().header("if-match", "\"v1\"").bytes(body.into()), "415 unsupported_media_type"),
        (put().header("if-match", "\"v1\"").form("qty=1"), "415 unsupported_media_type"),
        (
            put().header("if-match", "\"v1\"").header("content-encoding", "gzip").json(body),
            "415 unsupported_media_type",
        ),
    ];
    for (index, (request, expected)) in table.into_iter().enumerate() {
        assert_eq!(world.send(request).await.brief(), expected, "row {index}");
    }
    let minimal = put().header("if-match", "\"v1\"").header("prefer", "return=minimal").json(body);
    let answer = world.send(minimal).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(answer.header("etag"), "\"v18\"");
    assert_eq!(answer.header("preference-applied"), "return=minimal");
    let end = |tag: &str| ask("DELETE", "/v1/things/a").bearer(&token).header("if-match", tag);
    assert_eq!(world.send(end("\"v17\"")).await.status, 204);
    let stale = world.send(end("\"v16\"")).await;
    assert_eq!(stale.brief(), "412 version_mismatch");
    assert_eq!(stale.json()["version"], 17);
    assert_eq!(world.send(ask("DELETE", "/v1/things/a").bearer(&token)).await.status, 204);
}

#[actix_web::test]
async fn a_body_has_an_end() {
    let (world, token) = world().await;
    let put = |n: usize| {
        let body = format!("{{\"qty\":1,\"x\":\"{}\"}}", "a".repeat(n));
        ask("PUT", "/v1/things/a").bearer(&token).header("if-match", "\"v1\"").json(&body)
    };
    let frame = r#"{"qty":1,"x":""}"#.len();
    let fits = world.send(put(256 * 1024 - frame)).await;
    assert_eq!(fits.brief(), "400 invalid_request unknown_field @ /x");
    assert_eq!(world.send(put(256 * 1024 - frame + 1)).await.brief(), "413 too_large");
}

#[actix_web::test]
async fn keys_and_their_fingerprints() {
    let (world, token) = world().await;
    let make = |key: &str, body: &str| {
        post("/v1/things").bearer(&token).header("idempotency-key", key).json(body)
    };
    let seen = async |request: Ask| {
        let answer = world.send(request).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.header("idempotent-replayed"), "true");
        answer.json()["seen"].as_str().unwrap().to_owned()
    };
    let one = seen(make("k1", "null")).await;
    assert_eq!(one, seen(make("\"k1\"", " null ")).await, "quotes and spaces do not count");
    assert_ne!(one, seen(make("k2", "null")).await);
    let without = post("/v1/things").bearer(&token);
    assert_eq!(world.send(without).await.brief(), "400 idempotency_key_required");
    let long = world.send(make(&"k".repeat(256), "null")).await;
    assert_eq!(long.brief(), "400 invalid_request bad_form @ ?Idempotency-Key");
    let asynchronous = make("k1", "null").header("prefer", "respond-async, wait=3");
    let answer = world.send(asynchronous).await;
    assert_eq!((answer.status, answer.header("location")), (202, "/v1/things/a"));
    assert_eq!(answer.header("preference-applied"), "respond-async");
    let default = world.send(make("k1", "null")).await;
    assert_eq!(default.json()["qty"], 2_000, "a command waits 2 s unless told otherwise");
}

#[actix_web::test]
async fn a_body_that_may_be_left_out_has_a_media_type_only_if_it_has_bytes() {
    let (world, token) = world().await;
    let make = || post("/v1/things").bearer(&token).header("idempotency-key", "k");
    let typed = |media_type: &str, body: &str| {
        make().header("content-type", media_type).bytes(body.as_bytes().to_vec())
    };
    for (index, (request, expected)) in [
        (make(), "201"),
        (make().bytes(Vec::new()), "201"),
        (make().json(""), "201"),
        (make().json("").header("content-encoding", "gzip"), "201"),
        (typed("text/plain", ""), "201"),
        (make().json("null"), "201"),
        (make().json(" "), "400 invalid_request missing_body @ "),
        (typed("text/plain", "null"), "415 unsupported_media_type"),
        (make().bytes(b"null".to_vec()), "415 unsupported_media_type"),
        (make().json("null").header("content-encoding", "gzip"), "415 unsupported_media_type"),
        (make().json("null").header("content-encoding", "Identity"), "201"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(world.send(request).await.brief(), expected, "row {index}");
    }
}

#[actix_web::test]
async fn pages_link_to_the_next() {
    let (world, _) = world().await;
    let answer = world.send(get("/v1/things?cursor=c0")).await;
    assert_eq!(answer.status, 200, "public: {}", answer.text());
    assert_eq!(answer.json()["next"], "c1");
    assert_eq!(answer.header("link"), "</v1/things?cursor=c1>; rel=\"next\"");
    assert!(answer.header("cache-control").contains("s-maxage"));
}

#[actix_web::test]
async fn refusals_of_handlers_keep_their_members() {
    let (world, token) = world().await;
    let answer = world.send(post("/v1/things/a/poke").bearer(&token)).await;
    assert_eq!(answer.brief(), "409 invalid_state");
    assert_eq!(answer.json()["state"], "x");
    assert_eq!(answer.json()["instance"], "/v1/things/a/poke");
}

#[actix_web::test]
async fn a_spent_quota_is_429_and_says_when() {
    let limits = EdgeLimits { rate_limit: 5, in_flight_max: 100 };
    let setup = Setup { limits: EdgeLimits { rate_limit: 0, ..limits }, ..Setup::default() };
    let world = World::with(setup).await;
    let (alice, bob) = (world.token("login_hint=alice").await, world.token("login_hint=bob").await);
    let unlimited = world.send(get("/v1/session").bearer(&alice)).await;
    assert_eq!(unlimited.header("ratelimit"), "", "no limit, no header");
    world.edge.set_limits(limits);
    let world = world.serving(things());
    let read = |token: &str| get("/v1/things/a").bearer(token);
    for left in (0..5).rev() {
        let answer = world.send(read(&alice)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=5;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"default\";r={left};t=")));
    }
    let spent = world.send(read(&alice)).await;
    assert_eq!(spent.brief(), "429 rate_limited");
    assert_eq!(spent.header("retry-after"), "12");
    assert_eq!(
        spent.json()["type"],
        "https://iana.org/assignments/http-problem-types#quota-exceeded"
    );
    assert_eq!(spent.json()["retryable"], true);
    assert_eq!(world.send(read(&bob)).await.status, 200, "others keep theirs");
    world.pass_s(12);
    assert_eq!(world.send(read(&alice)).await.status, 200);
    // Without a scope nothing is counted: identity comes first.
    assert_eq!(world.send(get("/v1/things/a")).await.brief(), "401 unauthenticated");
}

#[actix_web::test]
async fn a_full_node_sheds_before_it_reads() {
    let limits = EdgeLimits { rate_limit: 0, in_flight_max: 0 };
    let world = World::with(Setup { limits, ..Setup::default() }).await.serving(things());
    let answer = world.send(post("/v1/things").bytes(vec![b'x'; 300_000])).await;
    assert_eq!(answer.brief(), "503 over_capacity");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.header("request-id").starts_with("req_"));
    assert_eq!(world.edge.n_in_flight(), 0, "places are given back");
}
