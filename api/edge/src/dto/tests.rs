//! Instants, dates, money, lists.

use entity::Timestamp;
use serde_json::json;

use super::*;

#[test]
fn instants_have_one_form_and_are_read_in_many() {
    let table = [
        ("2026-11-20T08:15:30.000Z", Some(1_795_162_530_000)),
        ("2026-11-20T08:15:30Z", Some(1_795_162_530_000)),
        ("2026-11-20T09:15:30.0009+01:00", Some(1_795_162_530_000)),
        ("2026-11-20T08:15:30.123456Z", Some(1_795_162_530_123)),
        ("1970-01-01T00:00:00Z", Some(0)),
        ("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999)),
        ("1969-12-31T23:59:59.999Z", None),
        ("2026-11-20", None),
        ("2026-13-01T00:00:00Z", None),
        ("1795162530", None),
    ];
    for (text, expected) in table {
        assert_eq!(Instant::parse(text).map(|instant| instant.0.0), expected, "{text}");
    }
    assert_eq!(Instant(Timestamp(1_795_162_530_000)).text(), "2026-11-20T08:15:30.000Z");
    assert_eq!(Instant(Timestamp(5)).text(), "1970-01-01T00:00:00.005Z");
    assert_eq!(Instant(Timestamp::MAX).text(), "9999-12-31T23:59:59.999Z");
}

#[test]
fn dates() {
    let date = Date::of(Timestamp(1_795_162_530_000));
    assert_eq!(serde_json::to_value(date).unwrap(), json!("2026-11-20"));
    assert_eq!(Date::parse("2026-11-20"), Some(date));
    assert_eq!(Date::parse("2026-02-30"), None);
    assert_eq!(Date::parse("20261120"), None);
}

#[test]
fn money_that_clients_could_not_read_exactly_is_refused() {
    assert!(Money::new(AMOUNT_MAX, "USD").is_ok());
    assert!(Money::new(-AMOUNT_MAX, "USD").is_ok());
    for amount in [AMOUNT_MAX + 1, -AMOUNT_MAX - 1, i64::MAX, i64::MIN] {
        let code = Money::new(amount, "USD").unwrap_err().code();
        assert_eq!(code, crate::problem::Code::MoneyOverflow);
    }
    let money = serde_json::to_value(Money::new(1_099, "USD").unwrap()).unwrap();
    assert_eq!(money, json!({"amount": 1099, "currency": "USD"}));
}

#[test]
fn lists_say_whether_there_is_more() {
    let page = serde_json::to_value(List::new(vec![1], Some("c".to_owned()))).unwrap();
    assert_eq!(page, json!({"object": "list", "data": [1], "has_more": true, "next": "c"}));
    let last = serde_json::to_value(List::<u8>::new(vec![], None)).unwrap();
    assert_eq!(last, json!({"object": "list", "data": [], "has_more": false, "next": null}));
}
