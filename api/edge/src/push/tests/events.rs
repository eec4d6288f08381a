//! Frames of one order: the first one, changes, resuming, reset, refusals.

use super::rig::{Rig, events_of};
use crate::push::news::read_id;
use crate::settings;

#[actix_web::test]
async fn a_change_is_a_frame_and_no_fact_comes_twice() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut reader = rig.open(&events_of(&order), &[("authorization", &bearer)]).await;
    let hello = reader.next().await.unwrap();
    assert_eq!((hello.retry, hello.event.as_str()), (Some(3_000), ""));
    let first = reader.event().await;
    let version = rig.version(&order).await;
    assert_eq!(first.id, Some(version.to_string()));
    assert_eq!((first.event.as_str(), first.status()), ("order.status", "awaiting_payment"));
    assert_eq!(first.data["seq"], version);
    assert_eq!(first.data["order"]["version"], version);
    let mut seqs = first.seqs();
    rig.shake(&order).await;
    rig.cancel(&order).await;
    let mut last = first;
    while last.status() != "cancelled" {
        let block = reader.event().await;
        let (before, now) = (last.data["seq"].as_u64(), block.data["seq"].as_u64());
        assert!(now > before, "versions rise");
        seqs.extend(block.seqs());
        last = block;
    }
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    let ask = crate::testing::get(&events_of(&order).replace("/events", "/timeline?limit=100"));
    let timeline = rig.world.send(ask.header("authorization", &bearer)).await.json();
    let all: Vec<u64> = timeline["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, all, "every fact, each once");
}

#[actix_web::test]
async fn a_client_goes_on_from_its_id() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    rig.set(settings::HEARTBEAT_MS, 100);
    let ticket = rig.ticket(&rig.token("ada").await, &topic_of(&order)).await;
    let path = events_of(&order);
    let version = rig.version(&order).await;
    rig.shake(&order).await;
    let latest = rig.version(&order).await;
    assert_eq!(latest, version + 2);
    let with = |query: &str| format!("{path}?ticket={ticket}{query}");

    let older = version.to_string();
    let mut reader = rig.open(&with(""), &[("last-event-id", &older)]).await;
    let frame = reader.event().await;
    assert_eq!((frame.event.as_str(), frame.seqs()), ("order.status", vec![latest - 1, latest]));

    let mut reader = rig.open(&with(&format!("&last_event_id={older}")), &[]).await;
    assert_eq!(reader.event().await.seqs(), [latest - 1, latest]);

    // The header is what the EventSource saw last; the query stays as the page wrote it.
    let seen = (latest - 1).to_string();
    let query = with(&format!("&last_event_id={older}"));
    let mut reader = rig.open(&query, &[("last-event-id", &seen)]).await;
    assert_eq!(reader.event().await.seqs(), [latest]);

    let current = latest.to_string();
    let mut reader = rig.open(&with(""), &[("last-event-id", &current)]).await;
    assert_eq!(reader.next().await.unwrap().retry, Some(3_000));
    let next = reader.next().await.unwrap();
    assert_eq!(next.comment.as_deref(), Some("hb"), "nothing is new: {next:?}");
    rig.shake(&order).await;
    assert_eq!(reader.event().await.seqs()[0], latest + 1);

    for malformed in ["x", "-1", "+3", "1.5", "99999999999999999999999"] {
        let mut reader = rig.open(&with("&last_event_id="), &[("last-event-id", malformed)]).await;
        let frame = reader.event().await;
        assert_eq!(frame.event, "order.status", "{malformed} counts as none");
        assert!(frame.seqs().len() > 4, "{malformed}: {frame:?}");
    }
}

#[actix_web::test]
async fn a_client_that_cannot_go_on_begins_anew() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let path = events_of(&order);
    let version = rig.version(&order).await;
    let ahead = (version + 1).to_string();
    let headers = [("authorization", bearer.as_str()), ("last-event-id", ahead.as_str())];
    let mut reader = rig.open(&path, &headers).await;
    let frame = reader.event().await;
    assert_eq!((frame.event.as_str(), frame.id), ("reset", Some(version.to_string())));
    assert_eq!(frame.data["timeline"], frame.data["order"]["timeline"], "all that there is");
    rig.shake(&order).await;
    let next = reader.event().await;
    assert_eq!(next.event, "order.status", "once is enough");
    assert_eq!(next.seqs()[0], version + 1);

    rig.set(settings::TIMELINE_KEEP, 2);
    let latest = rig.version(&order).await;
    let headers = [("authorization", bearer.as_str()), ("last-event-id", "1")];
    let frame = rig.open(&path, &headers).await.event().await;
    assert_eq!((frame.event.as_str(), frame.seqs()), ("reset", vec![latest - 1, latest]));
    let near = (latest - 2).to_string();
    let headers = [("authorization", bearer.as_str()), ("last-event-id", near.as_str())];
    let frame = rig.open(&path, &headers).await.event().await;
    assert_eq!((frame.event.as_str(), frame.seqs()), ("order.status", vec![latest - 1, latest]));
}

#[actix_web::test]
async fn more_than_fifty_facts_come_whole() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let version = rig.version(&order).await;
    for _ in 0..40 {
        rig.shake(&order).await;
    }
    let id = version.to_string();
    let headers = [("authorization", bearer.as_str()), ("last-event-id", id.as_str())];
    let frame = rig.open(&events_of(&order), &headers).await.event().await;
    let expected: Vec<u64> = (version + 1..=version + 80).collect();
    assert_eq!(frame.seqs(), expected);
    assert_eq!(frame.data["order"]["timeline"].as_array().unwrap().len(), 50, "as getOrder");
}

#[actix_web::test]
async fn who_may_not_read_is_refused() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let path = events_of(&order);
    let ada = rig.token("ada").await;
    let (ada, bob) = (format!("Bearer {ada}"), format!("Bearer {}", rig.token("bob").await));
    let nobody = "/v1/orders/ord_00000000000000000000000000000000/events";
    let ticket_of_me = rig.ticket(&ada[7..], "me").await;
    let ticket_of_order = rig.ticket(&ada[7..], &topic_of(&order)).await;
    let cases = [
        (path.clone(), vec![], 401),
        (path.clone(), vec![("authorization", "Bearer x")], 401),
        (path.clone(), vec![("authorization", bob.as_str())], 404),
        (nobody.to_owned(), vec![("authorization", ada.as_str())], 404),
        ("/v1/orders/ord_x/events".to_owned(), vec![("authorization", ada.as_str())], 404),
        (format!("{path}?ticket=forged"), vec![], 401),
        (format!("{path}?ticket={ticket_of_me}"), vec![], 404),
        (format!("/v1/me/events?ticket={ticket_of_order}"), vec![], 403),
    ];
    for (path, headers, status) in cases {
        let response = rig.get(&path, &headers).await;
        assert_eq!(response.status().as_u16(), status, "{path} {headers:?}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    rig.until_all_are_gone().await;
}

#[test]
fn an_id_is_digits_only() {
    assert_eq!(read_id("17"), Some(17));
    for text in ["", " 17", "+17", "0x11", "18446744073709551616", "१७"] {
        assert_eq!(read_id(text), None, "{text}");
    }
}

fn topic_of(order: &entity::EntityKey) -> String {
    format!("orders/{}", crate::dto::order_id(order))
}

#[actix_web::test]
async fn who_asks_for_headers_only_takes_no_place() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let head = rig.head(&events_of(&order), &[("authorization", &bearer)]).await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    assert!(head.bytes().await.unwrap().is_empty());
    rig.until_all_are_gone().await;
    assert_eq!(rig.head(&events_of(&order), &[]).await.status(), 401);
}
