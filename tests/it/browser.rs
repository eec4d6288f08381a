//! The status board in a real browser: a change of an order reaches the page by EventSource.
//!
//! Headless Chromium is driven by chromedriver (WebDriver over HTTP); both come from the
//! environment that `scripts/servers` prints, or from the path.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::node::{Client, Node};

const PATIENCE: Duration = Duration::from_secs(30);

fn program(variable: &str, name: &str) -> String {
    std::env::var(variable).ok().filter(|path| !path.is_empty()).unwrap_or_else(|| name.to_owned())
}

/// A browser with one tab. Closed when dropped.
struct Browser {
    driver: Child,
    http: reqwest::Client,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    async fn start() -> Self {
        let mut driver = Command::new(program("MERCATO_TEST_CHROMEDRIVER", "chromedriver"))
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts: scripts/servers installs it");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ").map(|(_, port)| port.to_owned())
            })
            .expect("chromedriver says its port");
        let port = port.trim_end_matches('.');
        let profile = tempfile::tempdir().unwrap();
        let mut args: Vec<String> = [
            "headless",
            "no-sandbox",
            "disable-gpu",
            "disable-quic",
            "no-first-run",
            "disable-background-networking",
            "disable-component-update",
            "disable-sync",
            "window-size=1280,900",
        ]
        .map(|flag| format!("--{flag}"))
        .to_vec();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let chromium = program("MERCATO_TEST_CHROMIUM", "chromium");
        let mut options = json!({"args": args});
        if chromium.starts_with('/') {
            options["binary"] = json!(chromium);
        }
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let base = format!("http://127.0.0.1:{port}/session");
        let asked = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let answer = post(&http, &base, &asked).await;
        let id = answer["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}"));
        Self { driver, http, session: format!("{base}/{id}"), _profile: profile }
    }

    async fn go(&self, url: &str) {
        post(&self.http, &format!("{}/url", self.session), &json!({"url": url})).await;
    }

    /// What a script of the page returns.
    async fn run(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        post(&self.http, &format!("{}/execute/sync", self.session), &body).await
    }

    /// Waits until a script returns something true.
    async fn until(&self, script: &str) -> Value {
        let began = Instant::now();
        loop {
            let value = self.run(script).await;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            if began.elapsed() > PATIENCE {
                let page = self.run("return document.body.innerText").await;
                panic!("{script} never holds; the page says {page}; {}", self.logs().await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the browser complained of.
    async fn logs(&self) -> Value {
        post(&self.http, &format!("{}/se/log", self.session), &json!({"type": "browser"})).await
    }

    async fn screenshot(&self) -> Vec<u8> {
        let url = format!("{}/screenshot", self.session);
        let answer: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        data_encoding::BASE64.decode(answer["value"].as_str().unwrap().as_bytes()).unwrap()
    }

    async fn close(mut self) {
        // Ends Chromium with all its processes; the driver alone would leave them.
        let closed = self.http.delete(&self.session).send().await;
        assert!(closed.unwrap().status().is_success());
        self.driver.kill().unwrap();
        self.driver.wait().unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // After a failed test: on SIGTERM the driver closes its browser before it ends.
        let pid = self.driver.id().to_string();
        if matches!(self.driver.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
            let _ = self.driver.wait();
        }
    }
}

async fn post(http: &reqwest::Client, url: &str, body: &Value) -> Value {
    let request = http.post(url).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert!(answer["value"]["error"].is_null(), "{url}: {}", answer["value"]);
    answer["value"].clone()
}

/// Keeps a picture where `MERCATO_TEST_SCREENSHOTS` says, for people.
async fn keep_picture(browser: &Browser, name: &str) {
    let picture = browser.screenshot().await;
    assert!(picture.starts_with(b"\x89PNG"));
    if let Some(folder) = std::env::var_os("MERCATO_TEST_SCREENSHOTS") {
        std::fs::write(std::path::Path::new(&folder).join(name), picture).unwrap();
    }
}

/// A guest's token, as a person would paste it.
async fn guest_token(node: &Node) -> String {
    let url = format!("{}/v1/guests", node.http);
    let guest = reqwest::Client::new().post(url).send().await.unwrap();
    let guest: Value = guest.json().await.unwrap();
    guest["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_change_reaches_the_page() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path());
    let browser = Browser::start().await;
    browser.go(&format!("{}/board", node.http)).await;
    keep_picture(&browser, "door.png").await;
    let token = guest_token(&node).await;
    browser
        .run(&format!(
            "document.getElementById('token').value = '{token}'; \
             document.querySelector('#by-token button').click()"
        ))
        .await;
    browser.until("return document.body.dataset.link === 'live'").await;

    browser.run("document.getElementById('order').click()").await;
    let placed = "const card = document.querySelector('[data-status=awaiting_payment]'); \
                  return card && card.dataset.order";
    let order = browser.until(placed).await.as_str().unwrap().to_owned();
    // What the holder may do: one order, one button.
    browser.until("return document.querySelectorAll('.acts button').length === 1").await;
    browser.run("document.getElementById('order').click()").await;
    let both = "return document.querySelectorAll('[data-status=awaiting_payment]').length === 2";
    browser.until(both).await;
    keep_picture(&browser, "placed.png").await;

    // Somebody else cancels the order; nothing on the page asks for it.
    let service = Client::service(&node).await;
    let headers = [("idempotency-key", "cancel-1")];
    let path = format!("/v1/orders/{order}/cancel");
    let cancelled = service.send("POST", &path, &headers, None).await.unwrap();
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    let is_shown = format!(
        "const card = document.querySelector('[data-order={order}]'); \
         return card.dataset.status === 'cancelled' && card.querySelector('.pill').innerText"
    );
    assert_eq!(browser.until(&is_shown).await, "Cancelled");
    let entries = format!(
        "return [...document.querySelectorAll('[data-order={order}] ol li')] \
         .map((entry) => entry.lastChild.data)"
    );
    let entries = browser.run(&entries).await;
    assert_eq!(entries[0], "cancelled", "newest first: {entries}");
    assert_eq!(entries.as_array().unwrap().last().unwrap(), "placed", "{entries}");
    keep_picture(&browser, "cancelled.png").await;

    let logs = browser.logs().await;
    let refused = logs.as_array().unwrap().iter().filter(|line| {
        line["level"] == "SEVERE" && !line["message"].as_str().unwrap().contains("favicon")
    });
    assert_eq!(refused.count(), 0, "the page runs under its own policy: {logs}");

    // The end of the node: the page hears it and says that it comes back.
    let ended = std::thread::spawn(move || node.terminate());
    let waits = "return document.body.dataset.link === 'connecting'";
    browser.until(waits).await;
    assert_eq!(ended.join().unwrap(), Some(0));
    browser.close().await;
}
