//! A CloudEvent in binary mode: attributes as `ce-` headers, the data as it is.
//!
//! The same event gives the same bytes every time (a repeat is the same in every attribute).

use std::fmt::Write;

use async_nats::HeaderMap;
use entity::{Timestamp, Trace};
use ports::CloudEvent;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The headers of an event, its id among them.
pub(crate) fn of(event: &CloudEvent) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| headers.insert(name, encoded(value).as_str());
    put(async_nats::header::NATS_MESSAGE_ID.as_ref(), &event.id);
    put("ce-specversion", "1.0");
    put("ce-id", &event.id);
    put("ce-source", &format!("/mercato/{}", event.tenant));
    put("ce-type", event.event_type);
    put("ce-subject", &event.subject);
    put("ce-time", &time(event.time));
    put("ce-dataschema", &format!("/schemas/{}/{}.json", event.event_type, event.data_version));
    put("ce-datacontenttype", "application/json");
    put("ce-sequence", &format!("{:020}", event.version));
    put("ce-partitionkey", &event.partition_key);
    put("ce-traceparent", &traceparent(&event.trace));
    put("ce-tenantid", event.tenant.as_str());
    headers
}

/// RFC 3339 in UTC with milliseconds.
fn time(at: Timestamp) -> String {
    let at = i64::try_from(at.0 / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .map(|second| second + std::time::Duration::from_millis(at.0 % 1000));
    // Past the year 9999 there is no such text; the end of time is written as its last day.
    let at = at.unwrap_or(time::macros::datetime!(9999-12-31 23:59:59.999 UTC));
    at.format(MILLISECONDS).expect("a year of four digits has a text")
}

fn traceparent(trace: &Trace) -> String {
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    for byte in trace.trace_id {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text.push('-');
    for byte in trace.span_id {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    write!(text, "-{:02x}", trace.flags).expect("a string takes everything");
    text
}

/// A header's value: what is not printable ASCII, and `" %`, is percent-encoded (CloudEvents,
/// HTTP and NATS bindings).
fn encoded(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'%' => write!(value, "%{byte:02X}").expect("a string takes everything"),
            0x21..=0x7e => value.push(char::from(byte)),
            _ => write!(value, "%{byte:02X}").expect("a string takes everything"),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use ports::contract::sample;

    use super::*;

    #[test]
    fn attributes_of_an_event() {
        let mut event = (*sample::event("abcdefghij234567", "ord_x", 17)).clone();
        event.subject = "sku \"é\" 100%".into();
        event.trace.trace_id[0] = 0xa;
        let headers = of(&event);
        let expected = [
            ("Nats-Msg-Id", "abcdefghij234567.0:17"),
            ("ce-specversion", "1.0"),
            ("ce-id", "abcdefghij234567.0:17"),
            ("ce-source", "/mercato/acme"),
            ("ce-type", "order.placed"),
            ("ce-subject", "sku%20%22%C3%A9%22%20100%25"),
            ("ce-time", "2026-11-18T11:06:40.017Z"),
            ("ce-dataschema", "/schemas/order.placed/1.json"),
            ("ce-datacontenttype", "application/json"),
            ("ce-sequence", "00000000000000000017"),
            ("ce-partitionkey", event.partition_key.as_str()),
            ("ce-traceparent", "00-0a070707070707070707070707070707-0909090909090909-01"),
            ("ce-tenantid", "acme"),
        ];
        for (name, value) in expected {
            assert_eq!(headers.get(name).map(|value| value.as_str()), Some(value), "{name}");
        }
        assert_eq!(headers.len(), expected.len(), "and no other");
        assert_eq!(time(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(Timestamp::MAX), "9999-12-31T23:59:59.999Z");
    }
}
