//! Tables of headers and queries.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use entity::{Principal, PrincipalKind, Scopes, Tenant};
use serde_json::json;

use super::*;

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

#[test]
fn preferences() {
    let check = |values: &[&str], limit: WaitLimit| {
        let list: Vec<(&str, &str)> = values.iter().map(|value| ("prefer", *value)).collect();
        let prefer = Prefer::read(&headers(&list), limit, true);
        format!("{} {}", prefer.wait_ms, prefer.applied().unwrap_or_default())
    };
    let table: &[(&[&str], &str)] = &[
        (&[], "2000 "),
        (&["wait=5"], "5000 wait=5"),
        (&["WAIT = \"5\""], "5000 wait=5"),
        (&["wait=0"], "0 wait=0"),
        (&["wait=60"], "10000 wait=10"),
        (&["wait=99999999999999999999999"], "10000 wait=10"),
        (&["wait=-1"], "2000 "),
        (&["wait=x"], "2000 "),
        (&["wait"], "2000 "),
        (&["wait=5, wait=7"], "5000 wait=5"),
        (&["wait=5", "return=minimal"], "5000 wait=5, return=minimal"),
        (&["respond-async, wait=5"], "0 respond-async"),
        (&["return=representation;foo=1"], "2000 return=representation"),
        (&["return=other, handling=lenient"], "2000 "),
    ];
    for (values, expected) in table {
        assert_eq!(check(values, WaitLimit::COMMAND), *expected, "{values:?}");
    }
    assert_eq!(check(&["wait=25"], WaitLimit::READ), "20000 wait=20");
    assert_eq!(check(&["wait=5, respond-async"], WaitLimit::NONE), "0 ");
    let unmoved = Prefer::read(&headers(&[("prefer", "return=minimal")]), WaitLimit::NONE, false);
    assert_eq!(unmoved.applied(), None);
}

#[test]
fn conditions_of_commands() {
    let check =
        |list: &[(&str, &str)], matching: Matching| match read_if_match(&headers(list), matching) {
            Ok(condition) => format!("{condition:?}"),
            Err(problem) => problem.code().as_str().to_owned(),
        };
    let required = Matching { required: true, ..Matching::default() };
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[("if-match", "\"v17\"")], "Version(17)"),
        (&[("if-match", " \"v0\" ")], "Version(0)"),
        (&[("if-match", "*")], "Exists"),
        (&[("if-none-match", "*")], "Absent"),
        (&[("if-match", "W/\"v17\"")], "Never"),
        (&[("if-match", "\"v017\"")], "Never"),
        (&[("if-match", "\"17\"")], "Never"),
        (&[("if-match", "\"v18446744073709551616\"")], "Never"),
        (&[("if-match", "v17")], "invalid_request"),
        (&[("if-match", "")], "invalid_request"),
        (&[("if-match", "\"v1\", \"v2\"")], "invalid_request"),
        (&[("if-match", "\"v1\""), ("if-match", "\"v1\"")], "invalid_request"),
        (&[("if-match", "\"v1\""), ("if-none-match", "*")], "invalid_request"),
        (&[("if-none-match", "\"v1\"")], "invalid_request"),
        (&[], "precondition_required"),
    ];
    for (list, expected) in table {
        assert_eq!(check(list, required), *expected, "{list:?}");
    }
    assert_eq!(check(&[], Matching::default()), "Any");
    for (tag, strict, lenient) in [
        ("\"v17\"", "Version(17)", "Version(17)"),
        ("W/\"v17\"", "Never", "Version(17)"),
        ("W/\"v17-6d0c\"", "Never", "Version(17)"),
        ("W/\"v017-6d0c\"", "Never", "Never"),
        ("W/\"6d0c-v17\"", "Never", "Never"),
        ("W/\"\"", "Never", "Never"),
        ("\"v17-6d0c\"", "Never", "Never"),
        ("W/\"v17-6\", \"v17\"", "invalid_request", "invalid_request"),
    ] {
        let list = [("if-match", tag)];
        let weak = Matching { weak: true, ..required };
        assert_eq!((&*check(&list, required), &*check(&list, weak)), (strict, lenient), "{tag}");
    }
}

#[test]
fn conditions_of_reads() {
    let check = |value: &str| read_if_none_match(&headers(&[("if-none-match", value)]));
    assert_eq!(check("\"v1\", W/\"v2\" ,\"x,y\"").unwrap().unwrap(), ["v1", "v2", "x,y"]);
    assert_eq!(check("*").unwrap().unwrap(), ["*"]);
    assert!(check("v1").is_err());
    assert_eq!(read_if_none_match(&headers(&[])).unwrap(), None);
}

#[test]
fn languages() {
    let table: &[(&[&str], &str)] = &[
        (&[], "en"),
        (&[""], "en"),
        (&["de"], "de"),
        (&["de-ch"], "de-CH"),
        (&["zh-hant-tw"], "zh-Hant-TW"),
        (&["DE-de, en;q=0.9"], "de-DE"),
        (&["en;q=0.5, fr;q=0.8, *;q=0.1"], "fr"),
        (&["en;q=0.5", "fr;q=0.8"], "fr"),
        (&["fr;q=0, es;q=0.001"], "es"),
        (&["fr;q=0"], "en"),
        (&["*"], "en"),
        (&["it, fr"], "it"),
        (&["fr;q=2, de;q=x, nl;q=0.1234, es;q=0.3"], "es"),
        (&["x, 12, a_b, no-language-overlylongpart, sv;q=0.2"], "sv"),
    ];
    for (values, expected) in table {
        let list: Vec<_> = values.iter().map(|value| ("accept-language", *value)).collect();
        assert_eq!(preferred_language(&headers(&list)), *expected, "{values:?}");
    }
}

#[test]
fn traces() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let span = "b7ad6b7169203331";
    let read = |values: &[&str]| {
        let list: Vec<(&str, &str)> = values.iter().map(|value| ("traceparent", *value)).collect();
        let context = RequestContext::read(&headers(&list), 7, [1; 16], [2; 8]);
        context.traceparent()
    };
    let own = format!("00-{}-{}-00", "01".repeat(16), "02".repeat(8));
    let goes_on = |flags: &str| format!("00-{trace}-{}-{flags}", "02".repeat(8));
    let table = [
        (format!("00-{trace}-{span}-01"), goes_on("01")),
        (format!("00-{trace}-{span}-ff"), goes_on("01")),
        (format!("00-{trace}-{span}-00"), goes_on("00")),
        (format!("cc-{trace}-{span}-01-what"), goes_on("01")),
        (format!("00-{trace}-{span}-01-what"), own.clone()),
        (format!("ff-{trace}-{span}-01"), own.clone()),
        (format!("00-{}-{span}-01", "0".repeat(32)), own.clone()),
        (format!("00-{trace}-{}-01", "0".repeat(16)), own.clone()),
        (format!("00-{}-{span}-01", trace.to_uppercase()), own.clone()),
        (format!("00-{trace}-{span}"), own.clone()),
        (format!("00-{trace}x-{span}-01"), own.clone()),
        (String::new(), own.clone()),
    ];
    for (given, expected) in table {
        assert_eq!(read(&[&given]), expected, "{given}");
    }
    let twice = format!("00-{trace}-{span}-01");
    assert_eq!(read(&[&twice, &twice]), own);
}

#[test]
fn request_ids_read_back() {
    for number in [0, 1, 42, u64::MAX] {
        assert_eq!(parse_request_id(&request_id(number)), Some(number));
    }
    assert_eq!(parse_request_id("req_x"), None);
    assert_eq!(parse_request_id("0000000000000"), None);
}

#[test]
fn idempotency_keys() {
    let long = "k".repeat(255);
    let too_long = "k".repeat(256);
    let table: &[(&str, Option<&str>)] = &[
        ("abc", Some("abc")),
        ("\"abc\"", Some("abc")),
        ("\"abc", None),
        ("a b", None),
        ("a\tb", None),
        (" abc ", Some("abc")),
        (&long, Some(&long)),
        (&too_long, None),
        ("", None),
        ("\"\"", None),
    ];
    for (value, expected) in table {
        let read = read_key(&headers(&[("idempotency-key", value)]));
        assert_eq!(read.ok().flatten().as_deref(), *expected, "{value}");
    }
    assert_eq!(read_key(&headers(&[])).unwrap(), None);
    assert!(read_key(&headers(&[("idempotency-key", "a"), ("idempotency-key", "a")])).is_err());
}

#[test]
fn keys_belong_to_principals_and_fingerprints_to_requests() {
    let principal = |tenant: &str, kind, subject: &str| Principal {
        tenant: Tenant::new(tenant),
        subject: subject.into(),
        kind,
        scopes: Scopes::default(),
    };
    let base = scoped_key(&principal("demo", PrincipalKind::Customer, "a"), "k");
    for other in [
        scoped_key(&principal("demo2", PrincipalKind::Customer, "a"), "k"),
        scoped_key(&principal("demo", PrincipalKind::Guest, "a"), "k"),
        scoped_key(&principal("demo", PrincipalKind::Customer, "b"), "k"),
        scoped_key(&principal("demo", PrincipalKind::Customer, "a"), "l"),
        scoped_key(&principal("demo", PrincipalKind::Customer, "ak"), ""),
    ] {
        assert_ne!(base, other);
    }
    let body = json!({"a": 1});
    let one = fingerprint("placeOrder", "/v1/orders", Some(&body));
    assert_eq!(one, fingerprint("placeOrder", "/v1/orders", Some(&json!({"a": 1}))));
    assert_ne!(one, fingerprint("placeOrder", "/v1/orders", Some(&json!({"a": 2}))));
    assert_ne!(one, fingerprint("cancelOrder", "/v1/orders", Some(&body)));
    assert_ne!(one, fingerprint("placeOrder", "/v1/orderz", Some(&body)));
    assert_ne!(one, fingerprint("placeOrder", "/v1/orders", None));
}

const QUERY: &[Param] = &[
    Param::new("limit", ParamKind::Integer { min: 1, max: 100 }, ""),
    Param::new("status", ParamKind::Words(&["open", "closed"]), ""),
    Param::new("created[gte]", ParamKind::Instant, ""),
    Param::new("q", ParamKind::Text { max: 10 }, ""),
    Param::new("sort", ParamKind::Word(&["created", "-created"]), ""),
    Param::new("expand[]", ParamKind::Each(&["lines.sku", "cart"]), ""),
];

#[test]
fn queries() {
    let check = |query: &str| match read_query(QUERY, query) {
        Ok(params) => format!("{:?}", params.get("q").or_else(|| params.get("limit"))),
        Err(problem) => {
            let fault = &problem.faults()[0];
            format!("{} {} @ {}", problem.code().as_str(), fault.code, fault.place())
        }
    };
    let table = [
        ("", "None"),
        ("limit=1", "Some(\"1\")"),
        ("&limit=100&", "Some(\"100\")"),
        ("q=a%20b+c", "Some(\"a b c\")"),
        ("q=%C3%A4", "Some(\"ä\")"),
        ("status=open,closed&created%5Bgte%5D=2026-11-20T08:15:30.000Z", "None"),
        ("sort=-created", "None"),
        ("limit=0", "invalid_request out_of_range @ limit"),
        ("limit=101", "invalid_request out_of_range @ limit"),
        ("limit=+5", "invalid_request out_of_range @ limit"),
        ("limit=", "invalid_request out_of_range @ limit"),
        ("limit", "invalid_request out_of_range @ limit"),
        ("limit=1&limit=1", "invalid_request duplicate @ limit"),
        ("status=open,x", "invalid_request out_of_range @ status"),
        ("status=", "invalid_request out_of_range @ status"),
        ("created[gte]=yesterday", "invalid_request out_of_range @ created[gte]"),
        ("q=%00", "invalid_request out_of_range @ q"),
        ("q=%ff", "invalid_request bad_form @ q"),
        ("q=%f", "invalid_request bad_form @ q"),
        ("sort=name", "invalid_request out_of_range @ sort"),
        ("page=2", "invalid_request unknown_parameter @ page"),
        ("expand[]=lines.sku&expand%5B%5D=cart&expand[]=cart", "None"),
        ("expand[]=lines.sku,cart", "invalid_request out_of_range @ expand[]"),
        ("expand[]=lines.sku&expand[]=lines", "invalid_request out_of_range @ expand[]"),
        ("expand[]=", "invalid_request out_of_range @ expand[]"),
        ("expand=lines.sku", "invalid_request unknown_parameter @ expand"),
    ];
    for (query, expected) in table {
        assert_eq!(check(query), expected, "{query}");
    }
}

#[test]
fn path_parameters_that_no_thing_has_are_not_found() {
    const PARAMS: &[Param] = &[
        Param::new("id", ParamKind::Id { prefix: "ord" }, ""),
        Param::new("sku", ParamKind::Name { min: 1, max: 8 }, ""),
    ];
    let good = entity::public_id("ord", entity::Affinity(1), uuid::Uuid::nil());
    let check = |id: &str, sku: &str| {
        let (id, sku) = (id.to_owned(), sku.to_owned());
        Params::of_path(PARAMS, |name| Some(if name == "id" { &id } else { &sku }))
            .map(|params| params.expect("sku").to_owned())
            .map_err(|problem| problem.code())
    };
    assert_eq!(check(&good, "demo-001"), Ok("demo-001".to_owned()));
    for (id, sku) in [
        (good.as_str(), "demo-0001"),
        (good.as_str(), "a.b"),
        (good.as_str(), ""),
        ("ord_x", "a"),
        (good.replace("ord", "cus").as_str(), "a"),
        (good.to_uppercase().as_str(), "a"),
    ] {
        assert_eq!(check(id, sku), Err(crate::problem::Code::NotFound), "{id} {sku}");
    }
}
