//! The status board in a real browser: every change of an order, until it is delivered, reaches
//! the page by a plain EventSource.
//!
//! Headless Chromium is driven by chromedriver (WebDriver over HTTP); both come from the
//! environment that `scripts/servers` prints, or from the path.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Demo, ask};

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

    /// Shows the page as a phone would.
    async fn be_a_phone(&self) {
        let screen = json!({"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true});
        let body = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": screen});
        post(&self.http, &format!("{}/goog/cdp/execute", self.session), &body).await;
        // The animation of a fresh card takes 1.6 s.
        tokio::time::sleep(Duration::from_secs(2)).await;
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

/// What a card of the board says of its order.
fn card(order: &str, is: &str) -> String {
    format!(
        "const card = document.querySelector('[data-order={order}]'); \
         return card && card.dataset.status === '{is}' && card.querySelector('.pill').innerText"
    )
}

/// The entries of a card's timeline, newest first.
async fn entries(browser: &Browser, order: &str) -> Vec<String> {
    let script = format!(
        "return [...document.querySelectorAll('[data-order={order}] ol li')] \
         .map((entry) => entry.lastChild.data)"
    );
    serde_json::from_value(browser.run(&script).await).unwrap()
}

/// Opens the board and signs in with a token, as a person would paste it.
async fn open_board(demo: &Demo, browser: &Browser, token: &str) {
    browser.go(&format!("{}/board", demo.http)).await;
    browser.until("return document.getElementById('door').offsetHeight > 0").await;
    keep_picture(browser, "door.png").await;
    browser
        .run(&format!(
            "document.getElementById('token').value = '{token}'; \
             document.querySelector('#by-token button').click()"
        ))
        .await;
    browser.until("return document.body.dataset.link === 'live'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_change_on_the_page_until_they_are_delivered() {
    let demo = Demo::start("");
    let browser = Browser::start().await;
    let token = demo.guest().await;
    open_board(&demo, &browser, &token).await;
    keep_picture(&browser, "empty.png").await;

    // The page's own button: an order that waits for its payment.
    browser.run("document.getElementById('order').click()").await;
    let placed = "const card = document.querySelector('[data-status=awaiting_payment]'); \
                  return card && card.dataset.order";
    let unpaid = browser.until(placed).await.as_str().unwrap().to_owned();
    browser.until("return document.querySelectorAll('.acts button').length === 1").await;

    // Another client of the same buyer orders; nothing on the page asks for it.
    let order = demo.order(&token, "browser-cart-1", "demo-007", 2).await;
    let id = order["id"].as_str().unwrap();
    assert_eq!(browser.until(&card(id, "confirmed")).await, "Confirmed");
    keep_picture(&browser, "confirmed.png").await;

    // Staff sends it, the carrier brings it.
    let service = demo.service("demo-service", "").await;
    let shipment = demo.shipment(&token, &order).await;
    let staff = |verb: &str| {
        let path = format!("/v1/shipments/{}/{verb}", shipment["id"].as_str().unwrap());
        ask("POST", path).bearer(&service).key(verb)
    };
    let carrier = json!({"carrier": "ups", "tracking_number": "1Z999"});
    demo.send(&staff("dispatch").json(&carrier)).await.ok();
    assert_eq!(browser.until(&card(id, "in_fulfilment")).await, "In fulfilment");
    let brought =
        json!({"event_id": "e1", "status": "delivered", "at": "2026-11-20T08:00:00.000Z"});
    demo.send(&staff("tracking").json(&brought)).await.ok();
    let due = shipment["cod"]["due"].clone();
    let cash = json!({"event_id": "c1", "result": "collected", "amount": due, "receipt": "r1"});
    demo.send(&staff("cod").json(&cash)).await.ok();
    assert_eq!(browser.until(&card(id, "fulfilled")).await, "Fulfilled");
    let seen = entries(&browser, id).await;
    assert_eq!(seen.last().unwrap(), "placed", "newest first: {seen:?}");
    for step in ["confirmed", "shipped", "delivered"] {
        assert!(seen.iter().any(|entry| entry == step), "{step} is missing in {seen:?}");
    }

    // Somebody else cancels the other one.
    let cancel = ask("POST", format!("/v1/orders/{unpaid}/cancel")).bearer(&service).key("cancel");
    demo.send(&cancel).await.ok();
    assert_eq!(browser.until(&card(&unpaid, "cancelled")).await, "Cancelled");
    assert_eq!(entries(&browser, &unpaid).await[0], "cancelled");
    assert_eq!(browser.run("return document.querySelectorAll('.card').length").await, 2);
    keep_picture(&browser, "delivered.png").await;

    browser.be_a_phone().await;
    let is_wider = "return document.documentElement.scrollWidth > window.innerWidth";
    assert_eq!(browser.run(is_wider).await, false, "a phone does not scroll sideways");
    keep_picture(&browser, "phone.png").await;
    end_of_the_node(demo, browser).await;
}

/// The page ran under its own policy, hears the end of the node, and says that it comes back.
async fn end_of_the_node(demo: Demo, browser: Browser) {
    let logs = browser.logs().await;
    let refused = logs.as_array().unwrap().iter().filter(|line| {
        line["level"] == "SEVERE" && !line["message"].as_str().unwrap().contains("favicon")
    });
    assert_eq!(refused.count(), 0, "the page runs under its own policy: {logs}");
    demo.assert_quiet();
    let ended = std::thread::spawn(move || demo.terminate());
    browser.until("return document.body.dataset.link === 'connecting'").await;
    keep_picture(&browser, "ended.png").await;
    assert_eq!(ended.join().unwrap(), Some(0));
    browser.close().await;
}
