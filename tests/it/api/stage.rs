//! A stage: a demo node with people, and one of everything that can belong to somebody.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::{Demo, address, ask};

/// People and things. Everything belongs to alice, in the shop `demo`.
pub(crate) struct Stage {
    pub(crate) alice: String,
    pub(crate) bob: String,
    pub(crate) guest: String,
    /// A customer of the shop `demo2`.
    pub(crate) carol: String,
    /// The service of `demo`, with every scope.
    pub(crate) service: String,
    /// The service of `demo2`, with every scope.
    pub(crate) service_2: String,
    pub(crate) cart: String,
    pub(crate) order: String,
    pub(crate) shipment: String,
    pub(crate) address: String,
    pub(crate) product: String,
    /// A SKU that no other shop has.
    pub(crate) sku: String,
    n_fresh: AtomicU64,
}

impl Stage {
    /// Furnishes a node.
    pub(crate) async fn furnish(demo: &Demo) -> Self {
        let service = demo.service("demo-service", "").await;
        let alice = demo.person("login_hint=alice").await;
        let (product, sku) = ("only-here".to_owned(), "only-here-1".to_owned());
        let staff = |method, path: String| ask(method, path).bearer(&service);
        let wanted = json!({"title": "Only here", "status": "active", "category": "rare"});
        let put = staff("PUT", format!("/v1/products/{product}")).create().json(&wanted);
        demo.send(&put).await.ok();
        let wanted = json!({"product_id": product, "title": "Only here, small"});
        let put = staff("PUT", format!("/v1/skus/{sku}")).create().json(&wanted);
        demo.send(&put).await.ok();
        let wanted = json!({"amount": {"amount": 1_000, "currency": "USD"}});
        let path = format!("/v1/price-books/default/prices/{sku}");
        demo.send(&staff("PUT", path).create().json(&wanted)).await.ok();
        let wanted = json!({"location": "main", "count": 1_000, "reason": "stage"});
        let path = format!("/v1/stock/{sku}/adjustments");
        demo.send(&staff("POST", path).key("stage").json(&wanted)).await.ok();

        let home = "home-address".to_owned();
        let put = ask("PUT", format!("/v1/me/addresses/{home}")).bearer(&alice).create();
        demo.send(&put.json(&address())).await.ok();
        let order = demo.order(&alice, "stage-ordered-1", &sku, 3).await;
        let shipment = demo.shipment(&alice, &order).await;
        let cart = "stage-cart-open".to_owned();
        demo.put_cart(&alice, &cart, &sku, 2).await;
        let text = |thing: &Value| thing["id"].as_str().unwrap().to_owned();
        Self {
            bob: demo.person("login_hint=bob").await,
            guest: demo.guest().await,
            carol: demo.person("login_hint=carol&tenant=demo2").await,
            service_2: demo.service("demo2-service", "").await,
            order: text(&order),
            shipment: text(&shipment),
            n_fresh: AtomicU64::new(1),
            address: home,
            alice,
            service,
            cart,
            product,
            sku,
        }
    }

    /// A stage without things, made with two requests: one of the service, one of a guest.
    pub(crate) async fn bare(demo: &Demo) -> Self {
        let nothing = |prefix: &str| format!("{prefix}_{}", "0".repeat(32));
        let (service, guest) = (demo.service("demo-service", "").await, demo.guest().await);
        Self {
            alice: guest.clone(),
            bob: guest.clone(),
            carol: guest.clone(),
            service_2: service.clone(),
            cart: "bare-cart".to_owned(),
            order: nothing("ord"),
            shipment: nothing("shp"),
            address: "bare-address".to_owned(),
            product: "bare-product".to_owned(),
            sku: "bare-sku".to_owned(),
            n_fresh: AtomicU64::new(1),
            guest,
            service,
        }
    }

    /// What stands in a path behind a segment.
    pub(crate) fn thing(&self, segment: &str) -> Option<String> {
        let thing = match segment {
            "carts" => &self.cart,
            "orders" => &self.order,
            "shipments" => &self.shipment,
            "addresses" => &self.address,
            "products" => &self.product,
            "skus" | "stock" | "lines" | "prices" => &self.sku,
            "price-books" => return Some("default".to_owned()),
            "locations" => return Some("main".to_owned()),
            _ => return None,
        };
        Some(thing.clone())
    }

    /// A name that was not used before.
    pub(crate) fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}-{:06}", self.n_fresh.fetch_add(1, Ordering::Relaxed))
    }

    /// Everything on the stage as its owners see it, without what changes by itself.
    pub(crate) async fn look(&self, demo: &Demo) -> Vec<(String, Value)> {
        let paths = [
            (format!("/v1/carts/{}", self.cart), &self.alice),
            (format!("/v1/orders/{}", self.order), &self.alice),
            (format!("/v1/shipments/{}", self.shipment), &self.alice),
            ("/v1/me".to_owned(), &self.alice),
            ("/v1/me/addresses".to_owned(), &self.alice),
            ("/v1/me/orders".to_owned(), &self.alice),
            ("/v1/me/points".to_owned(), &self.alice),
            (format!("/v1/products/{}", self.product), &self.service),
            (format!("/v1/skus/{}", self.sku), &self.service),
            (format!("/v1/stock/{}", self.sku), &self.service),
            (format!("/v1/stock/{}/movements", self.sku), &self.service),
            (format!("/v1/stock/{}/holds", self.sku), &self.service),
        ];
        let mut seen = Vec::new();
        for (path, token) in paths {
            let mut body = demo.send(&ask("GET", path.clone()).bearer(token)).await.ok();
            forget(&mut body, "server_time");
            seen.push((path, body));
        }
        seen
    }
}

fn forget(value: &mut Value, member: &str) {
    match value {
        Value::Object(members) => {
            members.remove(member);
            members.values_mut().for_each(|value| forget(value, member));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, member)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
