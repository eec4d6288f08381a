//! Events as they are published, held against the AsyncAPI document that is served.

use std::collections::BTreeSet;
use std::sync::Arc;

use ports::{BusSignal, CloudEvent, EventBus};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use super::rig::{ADDRESS, Rig};
use crate::testing::{ask, get, post};

/// Everything that is published until nothing has come for a while.
async fn published(watch: &mut Receiver<BusSignal>) -> Vec<Arc<CloudEvent>> {
    let mut events = Vec::new();
    let patience = std::time::Duration::from_millis(500);
    while let Ok(signal) = tokio::time::timeout(patience, watch.recv()).await {
        match signal.unwrap() {
            BusSignal::Event(event) => events.push(event),
            BusSignal::Resync => panic!("events were missed"),
        }
    }
    events
}

/// Whether a value is what a schema of ours says, and says nothing that the schema does not know.
fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let fits = match schema["type"].as_str().unwrap() {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() && (schema["minimum"] != 0 || value.is_u64()),
        "object" => {
            let (members, known) = (value.as_object(), schema["properties"].as_object().unwrap());
            let members = members.ok_or_else(|| format!("{at} is no object"))?;
            for name in schema["required"].as_array().unwrap() {
                let is_there = members.contains_key(name.as_str().unwrap());
                is_there.then_some(()).ok_or_else(|| format!("{at} lacks {name}"))?;
            }
            for (name, member) in members {
                let schema = known.get(name).ok_or_else(|| format!("{at}/{name} is not known"))?;
                check(schema, member, &format!("{at}/{name}"))?;
            }
            true
        }
        "array" => {
            let items = value.as_array().ok_or_else(|| format!("{at} is no list"))?;
            items.iter().try_for_each(|item| check(&schema["items"], item, at))?;
            true
        }
        other => return Err(format!("{at}: unknown type {other}")),
    };
    fits.then_some(()).ok_or_else(|| format!("{at} = {value} is not {schema}"))
}

/// What the first event of a type says.
fn said(events: &[Arc<CloudEvent>], event_type: &str) -> Value {
    let event = events.iter().find(|event| event.event_type == event_type).unwrap();
    serde_json::from_slice(&event.data).unwrap()
}

/// Buys and cancels; answers an order as its buyer saw it.
async fn trade(rig: &Rig) -> Value {
    let alice = rig.buyer("alice").await;
    let put = ask("PUT", "/v1/me/addresses/home").bearer(&alice).json(ADDRESS);
    assert_eq!(rig.send(put.header("if-none-match", "*")).await.status, 201);
    assert_eq!(rig.send(post("/v1/me/sign-ins").bearer(&alice)).await.status, 201);
    let [kept, cancelled] = [
        rig.cod_order(&alice, "cart-events-1").await,
        rig.cod_order(&alice, "cart-events-2").await,
    ];
    let path = format!("/v1/orders/{}/cancel", cancelled.json()["id"].as_str().unwrap());
    let cancel = post(&path).bearer(&alice).header("idempotency-key", "c");
    assert_eq!(rig.send(cancel).await.status, 200);
    let path = format!("/v1/shipments/{}", rig.shipment(&kept).await);
    let at = kept.json()["created_at"].clone();
    let due = kept.json()["totals"]["payable"].clone();
    for (what, body) in [
        ("dispatch", json!({"carrier": "post", "tracking_number": "T1"})),
        ("tracking", json!({"event_id": "e1", "status": "delivered", "at": at})),
        ("cod", json!({"event_id": "e2", "result": "collected", "amount": due, "receipt": "r"})),
    ] {
        let told = post(&format!("{path}/{what}")).bearer(&rig.staff).json(&body.to_string());
        let answer = rig.send(told.header("idempotency-key", what)).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    }
    let sold_out = post("/v1/stock/tea-2/adjustments").bearer(&rig.staff);
    let sold_out = sold_out.header("idempotency-key", "count");
    let count = r#"{"location":"main","count":0,"reason":"count"}"#;
    assert_eq!(rig.send(sold_out.json(count)).await.status, 200);
    let price = ask("PUT", "/v1/price-books/default/prices/tea-1").bearer(&rig.staff);
    let price = price.header("if-match", "\"v1\"");
    let body = r#"{"amount":{"amount":996,"currency":"USD"}}"#;
    let price = rig.send(price.json(body)).await;
    assert_eq!(price.status, 200, "{}", price.text());
    kept.json()
}

#[actix_web::test]
async fn what_is_published_is_what_the_document_says() {
    let rig = Rig::new().await;
    let mut watch = rig.bus.watch();
    let order = trade(&rig).await;
    let events = published(&mut watch).await;
    let document = rig.send(get("/asyncapi.json")).await;
    assert_eq!(document.status, 200, "{}", document.text());
    let document = document.json();
    let mut types = BTreeSet::new();
    for event in &events {
        let channel = &document["channels"][event.domain];
        let message = &channel["messages"][event.event_type];
        let pointer = message["$ref"].as_str().unwrap_or_else(|| {
            panic!("{} is not among the messages of {}", event.event_type, event.domain)
        });
        let message = document.pointer(pointer.strip_prefix('#').unwrap()).unwrap();
        let schema = message["payload"]["$ref"].as_str().unwrap();
        let schema = document.pointer(schema.strip_prefix('#').unwrap()).unwrap();
        let data: Value = serde_json::from_slice(&event.data).unwrap();
        check(schema, &data, event.event_type).unwrap();
        assert_eq!(channel["x-jetstream"]["stream"], event.stream());
        let address = channel["address"].as_str().unwrap();
        let token = event.event_type.split_once('.').unwrap().1;
        let topic = address
            .replace("{tenant}", event.tenant.as_str())
            .replace("{id}", &event.subject)
            .replace("{event}", token);
        assert_eq!(topic, event.topic());
        let events = channel["parameters"]["event"]["enum"].as_array().unwrap();
        assert!(events.contains(&json!(token)), "{token}");
        // The schema that the event itself names.
        let named = format!("/schemas/{}/{}.json", event.event_type, event.data_version);
        assert_eq!(message["headers"]["properties"]["ce-dataschema"]["const"], named);
        if types.insert(event.event_type) {
            let served = rig.send(get(&named)).await;
            assert_eq!(served.status, 200, "{named}: {}", served.text());
            assert_eq!(served.json()["$id"], named);
            assert_eq!(served.json()["properties"], schema["properties"]);
        }
    }
    for wanted in [
        "order.placed",
        "order.confirmed",
        "order.cancelled",
        "order.delivered",
        "shipment.created",
        "shipment.cod_collected",
        "stock.changed",
        "stock.out",
        "stock.price_changed",
        "customer.registered",
        "customer.signed_in",
        "customer.ordered",
    ] {
        assert!(types.contains(wanted), "{wanted} was not published: {types:?}");
    }
    // In the words in which its buyer saw it.
    let (placed, bought) = (said(&events, "order.placed")["placed"].clone(), &order["lines"][0]);
    assert_eq!(placed["payable"], order["totals"]["payable"]);
    assert_eq!(placed["total"], order["totals"]["payable"]);
    for name in ["id", "sku", "qty", "unit_price", "line_total"] {
        assert!(!bought[name].is_null(), "{name}");
        assert_eq!(placed["lines"][0][name], bought[name], "{name}");
    }
    assert_eq!(said(&events, "order.paid")["amount"], order["totals"]["payable"]);
    assert_eq!(said(&events, "order.cancelled")["reason"], "customer");
    for missing in ["/schemas/order.placed/1.json", "/schemas/stock.changed/2.json"] {
        assert_eq!(rig.send(get(missing)).await.status, 404, "{missing}");
    }
    let unknown = rig.send(get("/schemas/order.nope/1.json")).await;
    assert!((400..=404).contains(&unknown.status), "{}", unknown.text());
}
