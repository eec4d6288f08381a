//! What needs a story: an order on its way, a cart that is ordered, a session, a socket.

use serde_json::{Value, json};

use super::{Wanted, wanted};
use crate::api::stage::Stage;
use crate::api::{Ask, Demo, address, ask, authorize_path, cart_body};

/// Every scene, in their order.
pub(super) async fn all(demo: &Demo, stage: &Stage) -> Vec<Wanted> {
    let mut all = carts(demo, stage).await;
    all.extend(orders(demo, stage).await);
    all.extend(shipments(demo, stage).await);
    all.extend(customers(demo, stage).await);
    all.extend(staff(demo, stage).await);
    all.push(catalogue(demo, stage).await);
    all.extend(reads(stage));
    all.extend(issuer(demo).await);
    all.extend(sessions(demo, stage).await);
    all
}

/// A file of the catalogue as it was published.
async fn catalogue(demo: &Demo, stage: &Stage) -> Wanted {
    let publish = ask("POST", "/v1/catalogue/versions").bearer(&stage.service).key("scene-publish");
    let manifest = demo.send(&publish).await.ok();
    let file = manifest["files"][0]["href"].as_str().expect("the demo has products").to_owned();
    wanted("getCatalogueFile", 200, ask("GET", file))
}

/// The tag that a thing has now.
async fn tag(demo: &Demo, path: &str, token: &str) -> String {
    demo.send(&ask("GET", path).bearer(token)).await.header("etag").to_owned()
}

async fn carts(demo: &Demo, stage: &Stage) -> Vec<Wanted> {
    let by = |method: &str, path: &str| ask(method, path).bearer(&stage.alice);
    let (open, ordered) = ("/v1/carts/scene-open-1", "/v1/carts/scene-ordered-1");
    demo.order(&stage.alice, "scene-ordered-1", &stage.sku, 1).await;
    let is = tag(demo, ordered, &stage.alice).await;
    let edited =
        |method, path: &str, body: Value| by(method, path).header("if-match", &is).json(&body);
    let line = format!("{ordered}/lines/{}", stage.sku);
    let of_open = format!("{open}/lines/{}", stage.sku);
    let at = |request: Ask, version: u64| request.if_version(&json!(version));
    demo.put_cart(&stage.guest, "scene-guest-1", &stage.sku, 1).await;
    let guest = json!({"guest_token": stage.guest, "guest_cart_id": "scene-guest-1"});
    let forged = json!({"guest_token": "x", "guest_cart_id": "scene-guest-1"});
    let content = cart_body(&stage.sku, 1);
    let mut odd = content.clone();
    odd["shipping_option"] = json!("teleport");
    let dear = dear_cart(demo, stage).await;
    vec![
        wanted("putCart", 422, by("PUT", open).create().json(&odd)),
        wanted("quoteCart", 422, by("POST", &format!("{dear}/quote"))),
        wanted("putCart", 409, edited("PUT", ordered, content.clone())),
        wanted("updateCart", 409, edited("PATCH", ordered, json!({"shipping_option": "express"}))),
        wanted("putCartLine", 409, edited("PUT", &line, json!({"qty": 2}))),
        wanted("deleteCartLine", 409, by("DELETE", &line).header("if-match", &is)),
        wanted("mergeCart", 409, by("POST", &format!("{ordered}/merge")).json(&guest)),
        wanted("putCart", 201, by("PUT", open).create().json(&content)),
        wanted(
            "updateCart",
            200,
            at(by("PATCH", open), 1).json(&json!({"shipping_option": "express"})),
        ),
        wanted("putCartLine", 200, at(by("PUT", &of_open), 2).json(&json!({"qty": 3}))),
        wanted("quoteCart", 200, by("POST", &format!("{open}/quote"))),
        wanted("deleteCartLine", 204, at(by("DELETE", &of_open), 3)),
        wanted("mergeCart", 200, by("POST", &format!("{open}/merge")).json(&guest)),
        wanted("mergeCart", 422, by("POST", &format!("{open}/merge")).json(&forged)),
        wanted("getMyCart", 200, by("GET", "/v1/me/cart")),
    ]
}

/// A cart that is worth more than an amount of money can be: it is kept, and has no price.
async fn dear_cart(demo: &Demo, stage: &Stage) -> &'static str {
    let staff = |path: &str| ask("PUT", path).bearer(&stage.service).create();
    let sku = json!({"product_id": stage.product, "title": "Dear"});
    demo.send(&staff("/v1/skus/scene-dear").json(&sku)).await.ok();
    let price = json!({"amount": {"amount": 9_007_199_254_740_991_u64, "currency": "USD"}});
    let path = "/v1/price-books/default/prices/scene-dear";
    demo.send(&staff(path).json(&price)).await.ok();
    let cart = "/v1/carts/scene-dear-1";
    let put = ask("PUT", cart).bearer(&stage.alice).create();
    demo.send(&put.json(&cart_body("scene-dear", 2))).await.ok();
    cart
}

async fn orders(demo: &Demo, stage: &Stage) -> Vec<Wanted> {
    let by = |method: &str, path: String| ask(method, path).bearer(&stage.alice);
    demo.put_cart(&stage.alice, "scene-place-1", &stage.sku, 1).await;
    let body = demo.quote(&stage.alice, "scene-place-1").await;
    let changed = |member: &str, value: Value| {
        let mut body = body.clone();
        body[member] = value;
        by("POST", "/v1/orders".to_owned()).key(&stage.fresh("scene")).json(&body)
    };
    let dear = json!({"amount": 1, "currency": "USD"});
    let order = demo.order(&stage.alice, "scene-cancel-1", &stage.sku, 1).await;
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let cancel = |key: &str| by("POST", format!("{path}/cancel")).key(key);
    let receipt = |order: &str| by("POST", format!("/v1/orders/{order}/receipt")).key("one-key");
    let decision = json!({"decision": "resume", "reason": "scene"});
    let release = ask("POST", format!("{path}/release")).bearer(&stage.service);
    vec![
        wanted("placeOrder", 404, changed("cart_id", json!("no-such-cart"))),
        wanted("placeOrder", 412, changed("cart_version", json!(99))),
        wanted("placeOrder", 409, changed("expected_total", dear)),
        wanted("placeOrder", 201, changed("txn_type", json!("cod"))),
        wanted("cancelOrder", 200, cancel("scene-1")),
        wanted("cancelOrder", 409, cancel("scene-2")),
        wanted("confirmReceipt", 409, receipt(&stage.order)),
        // The key of the cancellation.
        wanted("confirmReceipt", 422, by("POST", format!("{path}/receipt")).key("scene-1")),
        wanted("releaseOrder", 409, release.key("scene-3").json(&decision)),
    ]
}

async fn shipments(demo: &Demo, stage: &Stage) -> Vec<Wanted> {
    let staff = |shipment: &Value, verb: &str| {
        let path = format!("/v1/shipments/{}/{verb}", shipment["id"].as_str().unwrap());
        ask("POST", path).bearer(&stage.service)
    };
    let order = demo.order(&stage.alice, "scene-ship-1", &stage.sku, 1).await;
    let shipment = demo.shipment(&stage.alice, &order).await;
    let paid = demo.paid_order(&stage.bob, "scene-paid-1", &stage.sku).await;
    let paid = demo.shipment(&stage.bob, &paid).await;
    let due = shipment["cod"]["due"].clone();
    let carrier = json!({"carrier": "ups", "tracking_number": "1Z"});
    let tracked =
        json!({"event_id": "t1", "status": "delivered", "at": "2026-11-20T08:00:00.000Z"});
    let cash = json!({"event_id": "c1", "result": "collected", "amount": due, "receipt": "r1"});
    let order = order["id"].as_str().unwrap();
    let receipt = ask("POST", format!("/v1/orders/{order}/receipt")).bearer(&stage.alice);
    vec![
        wanted("recordCod", 409, staff(&paid, "cod").json(&cash)),
        wanted(
            "dispatchShipment",
            200,
            staff(&shipment, "dispatch").key("scene-d1").json(&carrier),
        ),
        wanted(
            "dispatchShipment",
            409,
            staff(&shipment, "dispatch").key("scene-d2").json(&carrier),
        ),
        wanted("confirmReceipt", 200, receipt.key("receipt")),
        wanted("addTracking", 200, staff(&shipment, "tracking").json(&tracked)),
        wanted("recordCod", 200, staff(&shipment, "cod").json(&cash)),
    ]
}

async fn customers(demo: &Demo, stage: &Stage) -> Vec<Wanted> {
    let by = |method: &str, path: &str| ask(method, path).bearer(&stage.alice);
    let guest = |method: &str, path: &str| ask(method, path).bearer(&stage.guest);
    let me = json!({"name": "Alice", "email": "alice@example.com"});
    let day = json!({"date": "2001-01-01"});
    let book = "/v1/me/addresses";
    let put = |id: &str| by("PUT", &format!("{book}/{id}")).create().json(&address());
    let old = demo.send(&put("scene-old")).await;
    let is = tag(demo, "/v1/me", &stage.bob).await;
    let named = json!({"name": "Alice B."});
    let delete =
        |id: &str| by("DELETE", &format!("{book}/{id}")).header("if-match", old.header("etag"));
    vec![
        wanted("getMe", 404, guest("GET", "/v1/me")),
        wanted("updateMe", 404, guest("PATCH", "/v1/me").if_version(&json!(1)).json(&me)),
        wanted("registerCustomer", 200, by("POST", "/v1/customers").json(&me)),
        wanted(
            "updateMe",
            200,
            ask("PATCH", "/v1/me").bearer(&stage.bob).header("if-match", is).json(&named),
        ),
        wanted("signInDaily", 404, guest("POST", "/v1/me/sign-ins").json(&json!({}))),
        wanted("signInDaily", 409, by("POST", "/v1/me/sign-ins").json(&day)),
        wanted("signInDaily", 201, by("POST", "/v1/me/sign-ins").json(&json!({}))),
        wanted("putAddress", 201, put("scene-new")),
        wanted("deleteAddress", 204, delete("scene-old")),
        wanted("deleteAddress", 404, delete("scene-away")),
        wanted(
            "createStreamTicket",
            201,
            by("POST", "/v1/stream-tickets").json(&json!({"topics": ["me"]})),
        ),
    ]
}

async fn staff(demo: &Demo, stage: &Stage) -> Vec<Wanted> {
    let by = |method: &str, path: &str| ask(method, path).bearer(&stage.service);
    let product = json!({"title": "Scene", "status": "active", "category": "rare"});
    let sku = json!({"product_id": "scene", "title": "Scene, small"});
    let price = json!({"amount": {"amount": 100, "currency": "USD"}});
    let count = json!({"location": "main", "count": 5, "reason": "scene"});
    let policy = json!({"safety": 1, "oversell_limit": 0});
    let (stock, demo_stock) = ("/v1/stock/scene-1", "/v1/stock/demo-048");
    let is = tag(demo, demo_stock, &stage.service).await;
    vec![
        wanted("putProduct", 201, by("PUT", "/v1/products/scene").create().json(&product)),
        wanted("putSku", 201, by("PUT", "/v1/skus/scene-1").create().json(&sku)),
        wanted(
            "putPrice",
            201,
            by("PUT", "/v1/price-books/default/prices/scene-1").create().json(&price),
        ),
        wanted(
            "adjustStock",
            200,
            by("POST", &format!("{stock}/adjustments")).key("s1").json(&count),
        ),
        wanted(
            "setStockPolicy",
            200,
            by("PUT", &format!("{demo_stock}/locations/main")).header("if-match", is).json(&policy),
        ),
    ]
}

/// Reads whose refusal needs a value that is well-formed and wrong.
fn reads(stage: &Stage) -> Vec<Wanted> {
    let get = |path: String| ask("GET", path).bearer(&stage.alice);
    vec![
        wanted("getOpenApi", 200, get("/openapi.json".to_owned())),
        wanted("getAsyncApi", 200, get("/asyncapi.json".to_owned())),
        wanted("getEventSchema", 200, get("/schemas/order.placed/2.json".to_owned())),
        wanted("getEventSchema", 404, get("/schemas/order.nope/1.json".to_owned())),
        wanted("getSku", 422, get(format!("/v1/skus/{}?currency=EUR", stage.sku))),
        wanted("getProduct", 422, get(format!("/v1/products/{}?currency=EUR", stage.product))),
        wanted("listProducts", 422, get("/v1/products?currency=EUR".to_owned())),
        wanted("getHome", 422, get("/v1/home?currency=EUR".to_owned())),
        wanted("getOrder", 200, get(format!("/v1/orders/{}", stage.order))),
        wanted("getShipment", 200, get(format!("/v1/shipments/{}", stage.shipment))),
        wanted("getTimeline", 200, get(format!("/v1/orders/{}/timeline", stage.order))),
        wanted("listShipments", 200, get(format!("/v1/orders/{}/shipments", stage.order))),
        wanted("streamOrder", 200, get(format!("/v1/orders/{}/events", stage.order))),
    ]
}

async fn issuer(demo: &Demo) -> Vec<Wanted> {
    let post = |path: &str, form: &str| ask("POST", path).form(form);
    let service = "client_id=demo-service&client_secret=demo-secret";
    let forged = "client_id=demo-service&client_secret=nope";
    let token = demo.service("demo-service", "").await;
    vec![
        wanted("authorize", 302, ask("GET", authorize_path("login_hint=zoe"))),
        wanted("authorize", 400, ask("GET", "/oauth/authorize?client_id=nope")),
        wanted(
            "issueToken",
            200,
            post("/oauth/token", &format!("grant_type=client_credentials&{service}")),
        ),
        wanted("issueToken", 400, post("/oauth/token", &format!("grant_type=nope&{service}"))),
        wanted(
            "issueToken",
            401,
            post("/oauth/token", &format!("grant_type=client_credentials&{forged}")),
        ),
        wanted("revokeToken", 400, post("/oauth/revoke", "token_type_hint=x")),
        wanted("revokeToken", 401, post("/oauth/revoke", &format!("token=x&{forged}"))),
        wanted("revokeToken", 200, post("/oauth/revoke", &format!("token={token}&{service}"))),
    ]
}

/// A browser's session: begun with a token, kept in a cookie, ended with its CSRF token.
async fn sessions(demo: &Demo, stage: &Stage) -> Vec<Wanted> {
    let begun = demo.send(&ask("POST", "/v1/session").bearer(&stage.bob)).await;
    let cookie = begun.header("set-cookie").split(';').next().unwrap().to_owned();
    let csrf = begun.body["csrf_token"].as_str().unwrap().to_owned();
    let by = |method: &str| ask(method, "/v1/session").header("cookie", &cookie);
    let end = by("DELETE").header("origin", &demo.http);
    vec![
        wanted("createSession", 201, ask("POST", "/v1/session").bearer(&stage.bob)),
        wanted("getSession", 404, ask("GET", "/v1/session").bearer(&stage.bob)),
        wanted("deleteSession", 404, ask("DELETE", "/v1/session").bearer(&stage.bob)),
        wanted("getSession", 200, by("GET")),
        wanted("deleteSession", 403, end.clone()),
        wanted("deleteSession", 204, end.header("x-csrf-token", csrf)),
    ]
}

/// The handshake of a WebSocket: the status that is right, and the one that came.
pub(super) fn socket(demo: &Demo, stage: &Stage) -> (u16, u16) {
    let wire = format!(
        "GET /v1/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\n\
         connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: commerce.v1+json\r\n\r\n",
        stage.alice
    );
    (101, demo.first_status(wire.as_bytes()))
}
