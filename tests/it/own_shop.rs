//! A node that is no demo: the shops of its file, and nobody else.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::node::binary;

const FILE: &str = r#"
http = "127.0.0.1:0"
admin = "127.0.0.1:0"

[terms]
currency = "EUR"
tax_ppm = 190_000
tax_included = true
shipping = [{ id = "standard", amount = 490 }]
locations = ["berlin"]

[[shop]]
name = "acme"
hosts = ["shop.acme.example"]
keys = ["pk_acme"]
origins = ["https://shop.acme.example"]

[[issuer]]
issuer = "https://login.acme.example"
audience = "mercato"
tenant = "acme"
"#;

/// A node, killed at the end of its test.
struct Own {
    child: Child,
    #[expect(dead_code, reason = "removed when it is dropped")]
    folder: TempDir,
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(file: &str) -> (Own, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mercato.toml");
    std::fs::write(&config, file).unwrap();
    let mut child = Command::new(binary())
        .arg("serve")
        .arg("--config")
        .arg(config)
        .arg("--data")
        .arg(folder.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let own = Own { child, folder };
    let ready: Value = serde_json::from_str(&line).unwrap();
    (own, ready["http"].as_str().unwrap().to_owned())
}

/// Status and body of a new guest, who says which shop is meant by a header.
async fn guest(http: &str, header: (&str, &str)) -> (u16, Value) {
    let request = Client::new().post(format!("{http}/v1/guests")).header(header.0, header.1);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_node_serves_the_shops_of_its_file() {
    let (_own, http) = start(FILE);
    assert_eq!(guest(&http, ("accept", "*/*")).await.0, 401, "nothing says which shop");
    assert_eq!(guest(&http, ("api-key", "pk_demo")).await.0, 401);
    let (status, by_key) = guest(&http, ("api-key", "pk_acme")).await;
    assert_eq!(status, 201, "{by_key}");
    assert_eq!(guest(&http, ("host", "shop.acme.example")).await.0, 201);

    let token = by_key["access_token"].as_str().unwrap();
    let asked = Client::new().put(format!("{http}/v1/carts/cart-0001")).bearer_auth(token);
    let cart = asked
        .header("if-none-match", "*")
        .json(&serde_json::json!({"lines": []}))
        .send()
        .await
        .unwrap();
    assert_eq!(cart.status(), 201);
    let cart: Value = cart.json().await.unwrap();
    assert_eq!(cart["currency"], "EUR", "{cart}");

    let home = Client::new().get(format!("{http}/v1/home")).header("api-key", "pk_acme");
    assert_eq!(home.send().await.unwrap().status(), 200);
    let demo = Client::new().get(format!("{http}/oauth/authorize?client_id=demo-web"));
    assert!(demo.send().await.unwrap().status().is_client_error(), "no demo, no issuer of ours");
}

#[tokio::test]
async fn without_a_shop_nobody_is_served() {
    let (_own, http) = start("http = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n");
    for header in [("accept", "*/*"), ("api-key", "pk_demo"), ("host", "localhost")] {
        assert_eq!(guest(&http, header).await.0, 401);
    }
}
