//! Real sockets: two listeners, probes, HEAD, a slow drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::server::{Server, ServerOptions};
use crate::testing::World;

async fn fetch(client: &reqwest::Client, url: &str) -> (u16, String) {
    let response = client.get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[actix_web::test]
async fn two_listeners_and_an_orderly_end() {
    let world = World::demo().await;
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let said_bye = Arc::new(AtomicBool::new(false));
    let mut options = ServerOptions::new(free, free);
    options.notice_ms = 300;
    let noted = Arc::clone(&said_bye);
    options.bye = Arc::new(move |_| {
        let noted = Arc::clone(&noted);
        Box::pin(async move { noted.store(true, Ordering::SeqCst) })
    });
    let server = Server::bind(world.edge.clone(), options).unwrap();
    let public = format!("http://{}", server.http_addr());
    let admin = format!("http://{}", server.admin_addr());
    assert_ne!(public, admin);
    let (server_http, server_admin) = (server.http_addr(), server.admin_addr());
    let handle = server.handle();
    let running = actix_web::rt::spawn(server.run());
    let client = reqwest::Client::new();

    assert_eq!(fetch(&client, &format!("{admin}/livez")).await.0, 200);
    let (status, body) = fetch(&client, &format!("{admin}/readyz")).await;
    assert_eq!((status, body.as_str()), (200, r#"{"status":"ready","checks":[]}"#));
    assert_eq!(fetch(&client, &format!("{admin}/startupz")).await.0, 200);
    assert_eq!(fetch(&client, &format!("{admin}/metrics")).await.1, "# no metrics\n");
    assert_eq!(fetch(&client, &format!("{admin}/v1/session")).await.0, 404);
    for path in ["/livez", "/readyz", "/startupz", "/metrics"] {
        let url = format!("{admin}{path}");
        let head = client.head(&url).send().await.unwrap();
        assert_eq!(head.status().as_u16(), 200, "{path}");
        assert!(head.bytes().await.unwrap().is_empty());
        let posted = client.post(&url).send().await.unwrap();
        assert_eq!(posted.status().as_u16(), 405, "{path}");
        assert_eq!(posted.headers()["allow"], "GET, HEAD");
    }
    for (http, taken, key) in [(server_http, free, "http"), (free, server_admin, "admin")] {
        let options = ServerOptions::new(http, taken);
        let error = Server::bind(world.edge.clone(), options).err().unwrap().to_string();
        let address = if key == "http" { http } else { taken };
        assert!(error.starts_with(&format!("{key} = \"{address}\"")), "{error}");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        let (status, _) = fetch(&client, &format!("{public}{path}")).await;
        assert_eq!(status, 404, "{path} is not public");
    }
    let (status, body) = fetch(&client, &format!("{public}/.well-known/jwks.json")).await;
    assert_eq!(status, 200, "{body}");
    let head = client.head(format!("{public}/openapi.json")).send().await.unwrap();
    assert_eq!(head.status().as_u16(), 200);
    assert!(head.content_length().unwrap_or(0) > 0 || head.headers().contains_key("etag"));
    assert!(head.bytes().await.unwrap().is_empty());

    let draining = handle.clone();
    let drain = actix_web::rt::spawn(async move { draining.drain().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (status, body) = fetch(&client, &format!("{admin}/readyz")).await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("draining"), "{body}");
    let (status, _) = fetch(&client, &format!("{public}/openapi.json")).await;
    assert_eq!(status, 200, "requests are still taken while balancers learn of it");
    assert!(!said_bye.load(Ordering::SeqCst));
    drain.await.unwrap();
    assert!(said_bye.load(Ordering::SeqCst));
    running.await.unwrap().unwrap();
    assert!(client.get(format!("{public}/openapi.json")).send().await.is_err());
}
