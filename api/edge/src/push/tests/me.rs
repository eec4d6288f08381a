//! The stream of a customer: all orders, new ones while it lives, its token, reset.

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::EntityKey;

use super::rig::{Block, Reader, Rig};
use crate::dto::order_id;
use crate::push::Position;
use crate::settings;
use crate::testing::journal::{append, imposed};

async fn orders_of(reader: &mut Reader, n: usize) -> BTreeMap<String, (u64, String)> {
    let mut orders = BTreeMap::new();
    while orders.len() < n {
        let block = reader.event().await;
        assert_eq!(block.event, "order.status");
        let id = block.data["order"]["id"].as_str().unwrap().to_owned();
        orders.insert(id, (block.data["seq"].as_u64().unwrap(), block.id.unwrap()));
    }
    orders
}

/// The next frame of an order.
async fn next_of(reader: &mut Reader, order: &EntityKey) -> Block {
    loop {
        let block = reader.event().await;
        if block.data["order"]["id"] == order_id(order) {
            return block;
        }
    }
}

#[actix_web::test]
async fn all_orders_come_and_new_ones_too() {
    let rig = Rig::new().await;
    let first = rig.order("ada", "cart-0001").await;
    let second = rig.order("ada", "cart-0002").await;
    let stranger = rig.order("bob", "cart-0003").await;
    let ticket = rig.ticket(&rig.token("ada").await, "me").await;
    let path = format!("/v1/me/events?ticket={ticket}");
    let mut reader = rig.open(&path, &[]).await;
    let orders = orders_of(&mut reader, 2).await;
    assert!(orders.contains_key(&order_id(&first)) && orders.contains_key(&order_id(&second)));

    rig.shake(&stranger).await;
    let third = rig.order("ada", "cart-0004").await;
    let mut block = reader.event().await;
    assert_eq!(block.data["order"]["id"], order_id(&third));
    while block.status() != "awaiting_payment" {
        block = reader.event().await;
    }
    rig.cancel(&second).await;
    while block.data["order"]["id"] != order_id(&second) || block.status() != "cancelled" {
        block = reader.event().await;
    }

    // The last token holds all of it.
    let token = block.id.unwrap();
    let position = Position::read(&token).unwrap();
    for order in [&first, &second, &third] {
        assert_eq!(position.get(order), Some(rig.version(order).await));
    }
    rig.set(settings::HEARTBEAT_MS, 100);
    let mut reader = rig.open(&path, &[("last-event-id", &token)]).await;
    assert_eq!(reader.next().await.unwrap().retry, Some(3_000));
    assert_eq!(reader.next().await.unwrap().comment.as_deref(), Some("hb"), "nothing is new");
    let version = rig.version(&first).await;
    rig.shake(&first).await;
    assert_eq!(reader.event().await.seqs()[0], version + 1);
    drop(reader);

    let mut reader = rig.open(&path, &[("last-event-id", &token)]).await;
    let block = reader.event().await;
    assert_eq!(block.data["order"]["id"], order_id(&first));
    assert_eq!(block.seqs(), [version + 1, version + 2]);
    let mut reader = rig.open(&path, &[("last-event-id", "not-one-of-ours")]).await;
    orders_of(&mut reader, 3).await;
}

#[actix_web::test]
async fn an_open_order_is_told_however_many_came_after_it() {
    let rig = Rig::new().await;
    let oldest = rig.order("ada", "cart-old-1").await;
    let other = rig.order("ada", "cart-old-2").await;
    for n in 0..40 {
        rig.order("ada", &format!("cart-new-{n:02}")).await;
    }
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut reader = rig.open("/v1/me/events", &[("authorization", &bearer)]).await;
    let orders = orders_of(&mut reader, 42).await;
    assert!(orders.contains_key(&order_id(&oldest)) && orders.contains_key(&order_id(&other)));
    let version = rig.version(&oldest).await;
    rig.shake(&oldest).await;
    let told = next_of(&mut reader, &oldest).await;
    assert_eq!(told.seqs()[0], version + 1, "live");
    drop(reader);

    // What ends while nobody listens is told to whoever heard of it before, once.
    rig.cancel(&oldest).await;
    let token = told.id.unwrap();
    let headers = [("authorization", bearer.as_str()), ("last-event-id", token.as_str())];
    let mut reader = rig.open("/v1/me/events", &headers).await;
    let mut told = next_of(&mut reader, &oldest).await;
    while told.status() != "cancelled" {
        told = next_of(&mut reader, &oldest).await;
    }
    drop(reader);
    let token = told.id.unwrap();
    assert!(Position::read(&token).unwrap().get(&oldest).is_some());
    let headers = [("authorization", bearer.as_str()), ("last-event-id", token.as_str())];
    let mut reader = rig.open("/v1/me/events", &headers).await;
    rig.shake(&other).await;
    let block = reader.event().await;
    assert_eq!(block.data["order"]["id"], order_id(&other), "nothing else is new");
    let position = Position::read(&block.id.unwrap()).unwrap();
    assert_eq!(position.get(&oldest), None, "what is over and told leaves the token");
}

#[actix_web::test]
async fn a_token_of_another_history_resets_the_page() {
    let rig = Rig::new().await;
    let first = rig.order("ada", "cart-0001").await;
    let second = rig.order("ada", "cart-0002").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut position = Position::default();
    position.set(&first, 1_000);
    position.set(&second, 1);
    let token = position.token();
    let headers = [("authorization", bearer.as_str()), ("last-event-id", token.as_str())];
    let mut reader = rig.open("/v1/me/events", &headers).await;
    let block = reader.event().await;
    assert_eq!(block.event, "reset");
    let shown: Vec<&str> = block.data["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["id"].as_str().unwrap())
        .collect();
    assert_eq!(shown, [order_id(&second), order_id(&first)], "newest first");
    let position = Position::read(&block.id.unwrap()).unwrap();
    let version = rig.version(&first).await;
    assert_eq!(position.get(&first), Some(version));
    rig.shake(&first).await;
    let next = reader.event().await;
    assert_eq!((next.event.as_str(), next.seqs()[0]), ("order.status", version + 1));
}

#[actix_web::test]
async fn a_customer_without_orders_waits_for_the_first() {
    let rig = Rig::new().await;
    let bearer = format!("Bearer {}", rig.token("eve").await);
    let mut reader = rig.open("/v1/me/events", &[("authorization", &bearer)]).await;
    assert_eq!(reader.next().await.unwrap().retry, Some(3_000));
    let order = rig.order("eve", "cart-0009").await;
    assert_eq!(reader.event().await.data["order"]["id"], order_id(&order));
}

#[actix_web::test]
async fn an_order_in_quarantine_ends_no_stream_of_its_customer() {
    let rig = Rig::new().await;
    let failed = rig.order("ada", "cart-0001").await;
    let well = rig.order("ada", "cart-0002").await;
    let only = rig.order("bob", "cart-0003").await;
    let store = Arc::clone(&rig.world.store);
    rig.node.stop().await;
    drop(rig);
    append(&store, &[&imposed(&failed)]).await;
    append(&store, &[&imposed(&only)]).await;

    let rig = Rig::over(store).await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut position = Position::default();
    position.set(&failed, 1);
    let token = position.token();
    let headers = [("authorization", bearer.as_str()), ("last-event-id", token.as_str())];
    let mut reader = rig.open("/v1/me/events", &headers).await;
    let block = reader.event().await;
    assert_eq!(block.data["order"]["id"], order_id(&well));
    let position = Position::read(&block.id.unwrap()).unwrap();
    assert_eq!(position.get(&failed), Some(1), "what the client has of it is not forgotten");

    // With nothing to show the stream waits, and brings what is new.
    let bearer = format!("Bearer {}", rig.token("bob").await);
    let mut reader = rig.open("/v1/me/events", &[("authorization", &bearer)]).await;
    let new = rig.order("bob", "cart-0004").await;
    assert_eq!(reader.event().await.data["order"]["id"], order_id(&new));
}
