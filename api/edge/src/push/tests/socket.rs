//! The WebSocket: handshake, subscriptions, refusals, ends.

use actix_http::ws::{OpCode, Parser};
use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rig::{PATIENCE, Rig};
use crate::dto::order_id;
use crate::settings;

struct Client {
    io: TcpStream,
    bytes: BytesMut,
    head: String,
}

#[derive(Debug, PartialEq)]
enum Got {
    Json(Value),
    Ping,
    Pong,
    Close(u16),
}

impl Client {
    async fn connect(rig: &Rig, query: &str, headers: &[(&str, &str)]) -> Self {
        let address = rig.base.strip_prefix("http://").unwrap();
        let mut io = TcpStream::connect(address).await.unwrap();
        let mut head = format!(
            "GET /v1/ws{query} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        io.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut client = Self { io, bytes: BytesMut::new(), head: String::new() };
        loop {
            let end = client.bytes.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                let head = client.bytes.split_to(end + 4);
                client.head = String::from_utf8(head.to_vec()).unwrap().to_ascii_lowercase();
                return client;
            }
            assert!(client.read().await, "the handshake is answered");
        }
    }

    fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    async fn read(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.io.read_buf(&mut self.bytes)).await;
        read.expect("something comes in time").is_ok_and(|n| n > 0)
    }

    async fn next(&mut self) -> Option<Got> {
        loop {
            if let Some((_, code, payload)) =
                Parser::parse(&mut self.bytes, false, 1 << 20).unwrap()
            {
                let payload = payload.unwrap_or_default();
                return Some(match code {
                    OpCode::Text => Got::Json(serde_json::from_slice(&payload).unwrap()),
                    OpCode::Ping => Got::Ping,
                    OpCode::Pong => Got::Pong,
                    OpCode::Close => Got::Close(u16::from_be_bytes([payload[0], payload[1]])),
                    other => panic!("{other:?}"),
                });
            }
            if !self.read().await {
                return None;
            }
        }
    }

    async fn json(&mut self) -> Value {
        loop {
            match self.next().await.expect("the connection lives") {
                Got::Json(value) => return value,
                Got::Ping | Got::Pong => {}
                Got::Close(code) => panic!("closed: {code}"),
            }
        }
    }

    async fn send(&mut self, code: OpCode, payload: &str) {
        let mut bytes = BytesMut::new();
        Parser::write_message(&mut bytes, payload, code, true, true);
        self.io.write_all(&bytes).await.unwrap();
    }

    async fn say(&mut self, value: Value) {
        self.send(OpCode::Text, &value.to_string()).await;
    }

    /// `error invalid_request 7`, `ack 7`; `ack number 7` for an id that is an integer.
    async fn brief(&mut self) -> String {
        let value = self.json().await;
        let op = value["op"].as_str().unwrap();
        let code = value["problem"]["code"].as_str().unwrap_or_default();
        let id = match &value["id"] {
            Value::Null => "-".to_owned(),
            Value::String(id) => id.clone(),
            other => format!("number {other}"),
        };
        format!("{op} {code} {id}").replace("  ", " ")
    }
}

#[actix_web::test]
async fn subscriptions_begin_go_on_and_end() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let protocol = ("sec-websocket-protocol", "chat, commerce.v1+json");
    let mut client = Client::connect(&rig, "", &[("authorization", &bearer), protocol]).await;
    assert_eq!(client.status(), 101, "{}", client.head);
    assert!(client.head.contains("sec-websocket-protocol: commerce.v1+json"), "{}", client.head);
    assert_eq!(rig.world.edge.streams().n_open(), 1);

    let topic = format!("orders/{}", order_id(&order));
    client.say(json!({"op": "sub", "id": "1", "topic": topic, "last_seq": 1})).await;
    assert_eq!(client.json().await, json!({"op": "ack", "id": "1", "topic": topic}));
    let event = client.json().await;
    let version = rig.version(&order).await;
    assert_eq!((&event["op"], &event["type"]), (&json!("event"), &json!("order.status")));
    assert_eq!((&event["topic"], &event["seq"]), (&json!(topic), &json!(version)));
    assert_eq!(event["data"]["order"]["version"], version);
    assert!(event["data"]["timeline"][0]["seq"].as_u64() > Some(1));

    rig.shake(&order).await;
    let next = client.json().await;
    assert_eq!(next["data"]["timeline"][0]["seq"], version + 1);
    client.say(json!({"op": "unsub", "id": "2", "topic": topic})).await;
    while client.json().await["op"] != "ack" {}
    rig.shake(&order).await;
    client.say(json!({"op": "ping", "id": "3"})).await;
    assert_eq!(client.json().await, json!({"op": "ack", "id": "3", "topic": null}));

    let ahead = json!({"op": "sub", "id": "4", "topic": topic, "last_seq": 1_000});
    client.say(ahead).await;
    assert_eq!(client.brief().await, "ack 4");
    assert_eq!(client.json().await["op"], "reset");
    // The number of one of many orders says nothing of the others.
    for last in [json!(version), json!(true), json!(["x"])] {
        client.say(json!({"op": "sub", "id": "me", "topic": "me", "last_seq": last})).await;
        let refused = client.json().await;
        assert_eq!((&refused["op"], &refused["id"]), (&json!("error"), &json!("me")), "{refused}");
    }
    // What nobody can read is told as such: all comes anew.
    client.say(json!({"op": "sub", "id": "5", "topic": "me", "last_seq": "17"})).await;
    assert_eq!(client.brief().await, "ack 5");
    let reset = client.json().await;
    assert_eq!((&reset["topic"], &reset["op"]), (&json!("me"), &json!("reset")), "{reset}");
    client.say(json!({"op": "unsub", "id": "6", "topic": "me"})).await;
    while client.json().await["op"] != "ack" {}
    client.say(json!({"op": "sub", "id": "7", "topic": "me"})).await;
    assert_eq!(client.brief().await, "ack 7");
    let mine = client.json().await;
    assert_eq!((&mine["topic"], &mine["op"]), (&json!("me"), &json!("event")));

    client.send(OpCode::Ping, "x").await;
    assert_eq!(client.next().await, Some(Got::Pong));
    let mut bytes = BytesMut::new();
    Parser::write_close(&mut bytes, None, true);
    client.io.write_all(&bytes).await.unwrap();
    assert_eq!(client.next().await, Some(Got::Close(1000)));
    rig.until_all_are_gone().await;
}

#[actix_web::test]
async fn what_is_taken_back_while_it_opens_does_not_begin() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut client = Client::connect(&rig, "", &[("authorization", &bearer)]).await;
    let topic = format!("orders/{}", order_id(&order));
    // In one piece: the order has not answered yet when its topic is taken back.
    let mut bytes = BytesMut::new();
    for (op, id) in [("sub", "1"), ("unsub", "2")] {
        let message = json!({"op": op, "id": id, "topic": topic}).to_string();
        Parser::write_message(&mut bytes, message, OpCode::Text, true, true);
    }
    client.io.write_all(&bytes).await.unwrap();
    assert_eq!(client.brief().await, "ack 1");
    assert_eq!(client.brief().await, "ack 2");
    rig.shake(&order).await;
    client.say(json!({"op": "ping", "id": "3"})).await;
    assert_eq!(client.brief().await, "ack 3");
    client.say(json!({"op": "sub", "id": "4", "topic": topic})).await;
    assert_eq!(client.brief().await, "ack 4");
    assert_eq!(client.json().await["op"], "event");
}

#[actix_web::test]
async fn what_has_no_form_is_answered_with_a_problem() {
    let rig = Rig::new().await;
    let order = rig.order("bob", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut client = Client::connect(&rig, "", &[("authorization", &bearer)]).await;
    let of_bob = format!("orders/{}", order_id(&order));
    let cases = [
        (json!({"op": "sub", "id": "1", "topic": of_bob}), "error not_found 1"),
        (json!({"op": "sub", "id": "2", "topic": "everything"}), "error invalid_request 2"),
        (json!({"op": "jump", "id": "3"}), "error invalid_request 3"),
        (json!({"op": "sub", "id": "4"}), "error invalid_request 4"),
        (json!({"op": "ping", "id": "5", "x": 1}), "error invalid_request 5"),
        (json!([]), "error invalid_request -"),
        (json!({"op": "ping", "id": "6"}), "ack 6"),
        (json!({"op": "ping", "id": 7}), "ack number 7"),
        (json!({"op": "sub", "id": 8, "topic": "me"}), "ack number 8"),
        (json!({"op": "unsub", "id": -9, "topic": "me"}), "ack number -9"),
        (json!({"op": "sub", "id": 10, "topic": of_bob}), "error not_found number 10"),
        (json!({"op": "jump", "id": 11}), "error invalid_request number 11"),
        (json!({"op": "ping", "id": 1.5}), "error invalid_request -"),
        (json!({"op": "ping", "id": ""}), "error validation_failed -"),
    ];
    for (message, expected) in cases {
        client.say(message.clone()).await;
        assert_eq!(client.brief().await, expected, "{message}");
    }
    client.send(OpCode::Text, "{\"op\":").await;
    assert_eq!(client.brief().await, "error invalid_request -");
    for n in 0..200 {
        client.say(json!({"op": "ping", "id": n.to_string()})).await;
    }
    let mut last = client.next().await;
    while let Some(Got::Json(value)) = &last {
        if value["op"] == "bye" {
            assert_eq!(value["reason"], "policy");
        }
        last = client.next().await;
    }
    assert_eq!(last, Some(Got::Close(1008)));
}

#[actix_web::test]
async fn a_page_of_another_origin_gets_no_socket() {
    let rig = Rig::new().await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let authorization = ("authorization", bearer.as_str());
    for (headers, status) in [
        (vec![], 401),
        (vec![authorization], 101),
        (vec![authorization, ("origin", "https://evil.example")], 403),
        (vec![authorization, ("origin", "http://localhost:5173")], 101),
    ] {
        let client = Client::connect(&rig, "", &headers).await;
        assert_eq!(client.status(), status, "{headers:?}");
    }
    let response = rig.get("/v1/ws", &[authorization]).await;
    assert_eq!(response.status().as_u16(), 400, "no handshake");
}

#[actix_web::test]
async fn a_socket_hears_why_it_ends() {
    let rig = Rig::new().await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let headers = [("authorization", bearer.as_str())];
    let ticket = rig.ticket(&bearer[7..], "me").await;
    let mut client = Client::connect(&rig, "", &headers).await;
    rig.set(settings::STREAMS_MAX, 1);
    let mut shed = Client::connect(&rig, "", &headers).await;
    assert_eq!(shed.status(), 101);
    assert_eq!(shed.json().await, json!({"op": "bye", "reason": "shed", "reconnect_ms": 15_000}));
    assert_eq!(shed.next().await, Some(Got::Close(1013)));
    assert_eq!(shed.next().await, None);

    rig.world.pass_s(901);
    let mut late = Client::connect(&rig, &format!("?ticket={ticket}"), &[]).await;
    assert_eq!(late.json().await["reason"], "ticket_expired");
    assert_eq!(late.next().await, Some(Got::Close(4001)));
    assert_eq!(client.json().await["reason"], "ticket_expired", "its token ended too");
    assert_eq!(client.next().await, Some(Got::Close(4001)));
}

#[actix_web::test]
async fn a_drained_socket_closes_with_going_away() {
    let rig = Rig::new().await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut client = Client::connect(&rig, "", &[("authorization", &bearer)]).await;
    let handle = rig.handle.clone();
    let drain = actix_web::rt::spawn(async move { handle.drain().await });
    assert_eq!(client.json().await["reason"], "drained");
    assert_eq!(client.next().await, Some(Got::Close(1001)));
    drain.await.unwrap();
}

#[actix_web::test]
async fn a_silent_socket_is_cut() {
    let rig = Rig::new().await;
    rig.set(settings::HEARTBEAT_MS, 200);
    let pace = crate::push::Pace { look_ms: 50, ..crate::push::Pace::default() };
    rig.world.edge.streams().set_pace(pace);
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut client = Client::connect(&rig, "", &[("authorization", &bearer)]).await;
    assert_eq!(client.next().await, Some(Got::Ping));
    client.send(OpCode::Pong, "").await;
    while client.next().await.is_some() {}
    rig.until_all_are_gone().await;
}

#[actix_web::test]
async fn a_socket_may_answer_the_pings_that_were_planned() {
    let rig = Rig::new().await;
    rig.set(settings::HEARTBEAT_MS, 2_000);
    let pace = crate::push::Pace { look_ms: 50, ..crate::push::Pace::default() };
    rig.world.edge.streams().set_pace(pace);
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut client = Client::connect(&rig, "", &[("authorization", &bearer)]).await;
    // Longer than the new patience passes before the ping of the old setting.
    rig.set(settings::HEARTBEAT_MS, 500);
    for _ in 0..3 {
        assert_eq!(client.next().await, Some(Got::Ping));
        client.send(OpCode::Pong, "").await;
    }
    assert_eq!(rig.world.edge.streams().n_open(), 1);
}
