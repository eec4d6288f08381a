//! Tables of bodies: what is taken, what is refused, and where the fault is.

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::dto::{Instant, Money};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    name: Text<1, 5>,
    qty: Int<1, 1_000_000>,
    #[serde(default)]
    note: Patch<Text<0, 5>>,
    #[serde(default)]
    lines: Vec<Line>,
    price: Option<Money>,
    kind: Option<Kind>,
    at: Option<Instant>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Line {
    sku: Slug<8>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Fixed,
    Cod,
}

/// `ok`, or `status code fault @ pointer`.
fn check(body: &str) -> String {
    let read = parse(body.as_bytes()).and_then(|tree| {
        let sample = decode::<Sample>(&tree)?;
        refuse_control_characters(&tree)?;
        Ok(sample)
    });
    match read {
        Ok(_) => "ok".to_owned(),
        Err(problem) => {
            let faults: Vec<String> = problem
                .faults()
                .iter()
                .map(|fault| format!("{} @ {}", fault.code, fault.place()))
                .collect();
            let code = problem.code();
            format!("{} {} {}", code.status().as_u16(), code.as_str(), faults.join(", "))
        }
    }
}

#[test]
fn bodies() {
    let deep_ok = format!("{{\"x\":{}{}}}", "[".repeat(31), "]".repeat(31));
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(32), "]".repeat(32));
    let very_deep = "[".repeat(200_000);
    let table: &[(&str, &str)] = &[
        (r#"{"name":"a","qty":1}"#, "ok"),
        (r#"{"qty":1000000,"name":"äöüßé"}"#, "ok"),
        (r#" {"name":"a","qty":1,"note":null,"price":null,"kind":"cod"} "#, "ok"),
        // Syntax.
        ("", "400 invalid_request missing_body @ "),
        (" \n", "400 invalid_request missing_body @ "),
        ("{", "400 invalid_request syntax @ "),
        (r#"{"name":"a","qty":1}x"#, "400 invalid_request syntax @ "),
        (r#"{"name":"a","qty":01}"#, "400 invalid_request syntax @ /qty"),
        (r#"{"name":"a","qty":NaN}"#, "400 invalid_request syntax @ /qty"),
        (r#"{"name":"\ud800","qty":1}"#, "400 invalid_request syntax @ /name"),
        (r#"{"name":"a","qty":1,}"#, "400 invalid_request syntax @ "),
        ("\u{feff}{}", "400 invalid_request syntax @ "),
        (r#"{"name":"a","name":"a","qty":1}"#, "400 invalid_request duplicate_member @ /name"),
        (
            r#"{"name":"a","qty":1,"lines":[{"sku":"a"},{"sku":"a","sku":"b"}]}"#,
            "400 invalid_request duplicate_member @ /lines/1/sku",
        ),
        (r#"{"a/b~":1,"a/b~":1}"#, "400 invalid_request duplicate_member @ /a~1b~0"),
        (&deep_ok, "400 invalid_request unknown_field @ /x"),
        (&deep, &format!("400 invalid_request too_deep @ /x{}", "/0".repeat(31))),
        (&very_deep, &format!("400 invalid_request too_deep @ {}", "/0".repeat(32))),
        // Shape.
        ("[]", "400 invalid_request wrong_type @ "),
        ("null", "400 invalid_request wrong_type @ "),
        (r#"{"qty":1}"#, "400 invalid_request missing_field @ /name"),
        (r#"{"name":null,"qty":1}"#, "400 invalid_request wrong_type @ /name"),
        (r#"{"name":"a","qty":"1"}"#, "400 invalid_request wrong_type @ /qty"),
        (r#"{"name":"a","qty":1.5}"#, "400 invalid_request wrong_type @ /qty"),
        (r#"{"name":"a","qty":true}"#, "400 invalid_request wrong_type @ /qty"),
        (r#"{"name":"a","qty":1,"x":1}"#, "400 invalid_request unknown_field @ /x"),
        (
            r#"{"name":"a","qty":1,"lines":[{"sku":"a"},{"sku":"a","x":1}]}"#,
            "400 invalid_request unknown_field @ /lines/1/x",
        ),
        (
            r#"{"name":"a","qty":1,"lines":[{"sku":"a"},{}]}"#,
            "400 invalid_request missing_field @ /lines/1/sku",
        ),
        (r#"{"name":"a","qty":1,"lines":{}}"#, "400 invalid_request wrong_type @ /lines"),
        (
            r#"{"name":"a","qty":1,"price":{"amount":1}}"#,
            "400 invalid_request missing_field @ /price/currency",
        ),
        // Values.
        (r#"{"name":"a","qty":0}"#, "422 validation_failed out_of_range @ /qty"),
        (r#"{"name":"a","qty":-1}"#, "422 validation_failed out_of_range @ /qty"),
        (r#"{"name":"a","qty":1000001}"#, "422 validation_failed out_of_range @ /qty"),
        (
            r#"{"name":"a","qty":99999999999999999999999}"#,
            "422 validation_failed out_of_range @ /qty",
        ),
        (r#"{"name":"","qty":1}"#, "422 validation_failed bad_length @ /name"),
        (r#"{"name":"abcdef","qty":1}"#, "422 validation_failed bad_length @ /name"),
        (r#"{"name":"  ","qty":1}"#, "422 validation_failed bad_form @ /name"),
        (r#"{"name":"a\u0000","qty":1}"#, "422 validation_failed control_character @ /name"),
        (r#"{"name":"a\n","qty":1}"#, "422 validation_failed control_character @ /name"),
        (r#"{"name":"a","qty":1,"kind":"x"}"#, "422 validation_failed unknown_value @ /kind"),
        (r#"{"name":"a","qty":1,"kind":{}}"#, "400 invalid_request wrong_type @ /kind"),
        (
            r#"{"name":"a","qty":1,"lines":[{"sku":"a b"}]}"#,
            "422 validation_failed bad_form @ /lines/0/sku",
        ),
        (
            r#"{"name":"a","qty":1,"price":{"amount":9007199254740992,"currency":"USD"}}"#,
            "422 money_overflow money_overflow @ /price/amount",
        ),
        (
            r#"{"name":"a","qty":1,"price":{"amount":1e400,"currency":"USD"}}"#,
            "400 invalid_request syntax @ /price/amount",
        ),
        (
            r#"{"name":"a","qty":1,"price":{"amount":123456789012345678901,"currency":"USD"}}"#,
            "422 money_overflow money_overflow @ /price/amount",
        ),
        (r#"{"name":"a","qty":1,"price":{"amount":-9007199254740991,"currency":"USD"}}"#, "ok"),
        (
            r#"{"name":"a","qty":1,"price":{"amount":1,"currency":"usd"}}"#,
            "422 validation_failed bad_form @ /price/currency",
        ),
        (r#"{"name":"a","qty":1,"at":"2026-11-20"}"#, "422 validation_failed bad_form @ /at"),
    ];
    for (body, expected) in table {
        let shown: String = body.chars().take(90).collect();
        assert_eq!(check(body), *expected, "{shown}");
    }
}

#[test]
fn invalid_utf8_is_refused() {
    let problem = parse(b"{\"name\":\"\xff\"}").unwrap_err();
    assert_eq!(problem.faults()[0].code, "syntax");
}

#[test]
fn a_patch_tells_absent_from_null() {
    let read = |body: &str| decode::<Sample>(&parse(body.as_bytes()).unwrap()).unwrap().note;
    assert_eq!(read(r#"{"name":"a","qty":1}"#), Patch::Keep);
    assert_eq!(read(r#"{"name":"a","qty":1,"note":null}"#), Patch::Clear);
    let set = read(r#"{"name":"a","qty":1,"note":"x"}"#);
    assert!(matches!(set, Patch::Set(text) if &*text == "x"));
}

#[test]
fn order_and_space_do_not_count_for_the_canonical_form() {
    let canonical_of = |body: &str| canonical(&parse(body.as_bytes()).unwrap());
    let one = canonical_of(r#"{"b":[1, {"d":null,"c":"\u0041"}],"a":-0.5}"#);
    let other = canonical_of("{ \"a\": -5e-1,\n\"b\":[1,{\"c\":\"A\",\"d\":null}]}");
    assert_eq!(one, other);
    assert_eq!(String::from_utf8(one).unwrap(), r#"{"a":-0.5,"b":[1,{"c":"A","d":null}]}"#);
    assert_ne!(canonical_of("[1,2]"), canonical_of("[2,1]"));
    assert_ne!(canonical_of("[1]"), canonical_of("[\"1\"]"));
    assert_eq!(canonical(&json!({})), b"{}");
}

/// Types of this program are nobody's business: what was expected is said in the words of JSON.
#[test]
fn what_was_expected_is_said_in_the_words_of_json() {
    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
    enum Tagged {
        Plain {},
        Rich { amount: Money },
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Holder {
        one: Option<Line>,
        two: Option<Tagged>,
        three: Option<Vec<Kind>>,
        four: Option<String>,
        five: Option<bool>,
    }
    let table = [
        ("[]", "found an array, expected an object"),
        ("7", "found an integer, expected an object"),
        (r#"{"one":"x"}"#, "found a text, expected an object"),
        (r#"{"one":[]}"#, "found an array, expected an object"),
        (r#"{"two":3}"#, "found an integer, expected an object"),
        (r#"{"two":{"type":7}}"#, "found an integer, expected one of its words"),
        (r#"{"two":{"type":"rich","amount":7}}"#, "found an integer, expected an object"),
        (r#"{"three":{}}"#, "found an object, expected an array"),
        (r#"{"three":[{}]}"#, "found an object, expected one of its words"),
        (r#"{"four":7}"#, "found an integer, expected a text"),
        (r#"{"five":7}"#, "found an integer, expected a boolean"),
    ];
    for (body, expected) in table {
        let problem = decode::<Holder>(&parse(body.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(problem.faults()[0].detail, expected, "{body}");
    }
    let good = r#"{"one":{"sku":"a"},"two":{"type":"plain"},"three":["cod"]}"#;
    let read: Holder = decode(&parse(good.as_bytes()).unwrap()).unwrap();
    assert!(matches!(read, Holder { two: Some(Tagged::Plain {}), four: None, five: None, .. }));
    assert_eq!((read.one.is_some(), read.three), (true, Some(vec![Kind::Cod])));
    let rich = r#"{"type":"rich","amount":{"amount":1,"currency":"USD"}}"#;
    let rich: Tagged = decode(&parse(rich.as_bytes()).unwrap()).unwrap();
    assert!(matches!(rich, Tagged::Rich { amount } if amount.amount == 1));
}
