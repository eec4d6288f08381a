//! The pure parts: slots and bytes on the wire.

use std::ops::RangeInclusive;

use bytes::BytesMut;
use commerce::order::{Entry, OrderView};
use tokio::time::Instant;

use super::rig::Rig;
use crate::push::slot::Slot;
use crate::push::wire::{self, Event};
use crate::push::{Form, News, Reason};

const EVENT: Event<'_> = Event {
    topic: "orders/ord_1",
    name: "order.status",
    id: "17",
    seq: Some(17),
    data: String::new(),
};

fn text_of(bytes: &[u8]) -> String {
    let mut bytes = BytesMut::from(bytes);
    let (fin, code, payload) =
        actix_http::ws::Parser::parse(&mut bytes, false, 1 << 20).unwrap().unwrap();
    assert!(fin && code == actix_http::ws::OpCode::Text);
    String::from_utf8(payload.unwrap().to_vec()).unwrap()
}

#[test]
fn frames_on_the_wire() {
    let event = Event { data: r#"{"seq":17}"#.to_owned(), ..EVENT };
    let sse = Form::Events.event(&event);
    assert_eq!(sse, "id: 17\nevent: order.status\ndata: {\"seq\":17}\n\n");
    let bye = Form::Events.bye(Reason::Shed);
    let expected =
        "retry: 15000\nevent: bye\ndata: {\"reason\":\"shed\",\"reconnect_ms\":15000}\n\n";
    assert_eq!(bye, expected);
    assert_eq!(
        text_of(&Form::Socket.event(&event)),
        r#"{"id":"17","op":"event","seq":17,"topic":"orders/ord_1","type":"order.status","data":{"seq":17}}"#
    );
    let reset = Event { name: "reset", data: "{}".to_owned(), ..EVENT };
    assert!(text_of(&Form::Socket.event(&reset)).starts_with(r#"{"id":"17","op":"reset""#));
    assert_eq!(text_of(&wire::answer(&serde_json::json!({"op": "ack"}))), r#"{"op":"ack"}"#);
}

#[test]
fn a_bye_of_a_socket_closes_it() {
    let cases = [
        (Reason::Drained, 1001),
        (Reason::Policy, 1008),
        (Reason::Shed, 1013),
        (Reason::TicketExpired, 4001),
        (Reason::Slow, 4002),
    ];
    for (reason, code) in cases {
        let mut bytes = BytesMut::from(&Form::Socket.bye(reason)[..]);
        actix_http::ws::Parser::parse(&mut bytes, false, 1 << 20).unwrap().unwrap();
        let (_, op, payload) =
            actix_http::ws::Parser::parse(&mut bytes, false, 1 << 20).unwrap().unwrap();
        assert_eq!(op, actix_http::ws::OpCode::Close);
        let payload = payload.unwrap();
        assert_eq!(u16::from_be_bytes([payload[0], payload[1]]), code);
        assert_eq!(&payload[2..], reason.word().as_bytes());
        assert!(bytes.is_empty());
    }
}

/// News at the end of `seqs`, asked for since a version.
fn news(view: &OrderView, since: u64, seqs: RangeInclusive<u64>, is_reset: bool) -> News {
    let entry = view.timeline[0];
    let mut view = Box::new(view.clone());
    view.version = *seqs.end();
    let facts = seqs.map(|seq| Entry { seq, ..entry }).collect();
    News { view, facts, since: Some(since), is_reset }
}

fn taken(slot: &mut Slot) -> (u64, bool, Vec<u64>) {
    let news = slot.take().expect("something waits");
    (news.view.version, news.is_reset, news.facts.iter().map(|entry| entry.seq).collect())
}

#[actix_web::test]
async fn a_slot_skips_states_and_no_facts() {
    let rig = Rig::new().await;
    let view = rig.view(&rig.order("ada", "cart-0001").await).await;
    let now = Instant::now();

    let mut slot = Slot::new(Some(3));
    assert!(!slot.put(news(&view, 3, 1..=3, false), now), "the client has it");
    assert!(slot.take().is_none());
    assert!(slot.put(news(&view, 3, 4..=5, false), now));
    assert!(!slot.put(news(&view, 3, 4..=7, false), now), "one waits already");
    assert_eq!(taken(&mut slot), (7, false, vec![4, 5, 6, 7]));
    assert!(slot.put(news(&view, 3, 4..=8, false), now), "asked for before that was written");
    assert_eq!(taken(&mut slot), (8, false, vec![8]));

    let mut slot = Slot::new(Some(9));
    assert!(slot.put(news(&view, 9, 1..=5, true), now));
    assert_eq!(slot.since(), Some(0), "a reset holds all there is");
    assert!(!slot.put(news(&view, 0, 1..=10, false), now));
    assert_eq!(taken(&mut slot), (10, true, (1..=10).collect()));
    assert_eq!(slot.since(), Some(10));
    assert!(slot.put(news(&view, 0, 1..=11, false), now));
    assert_eq!(taken(&mut slot), (11, false, vec![11]));
}
