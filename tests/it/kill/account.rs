//! What the client processes were told, over all rounds: the promises that the node has to keep.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tests::Line;

/// What was promised about an order.
#[derive(Debug, Clone)]
pub(super) struct Promise {
    /// Who ordered: the token.
    pub(super) token: String,
    /// The round in which it was placed.
    pub(super) round: u64,
}

/// The newest version of an entity that anybody was shown.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// To whom: the token.
    pub(super) token: String,
    /// The version.
    pub(super) version: u64,
    /// In which round.
    pub(super) round: u64,
}

/// All promises.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The number of the round.
    pub(super) round: u64,
    /// Orders by id.
    pub(super) orders: BTreeMap<String, Promise>,
    /// What was shown, by the path where it can be read.
    pub(super) shown: BTreeMap<String, Shown>,
    /// What the bus has said.
    pub(super) heard: crate::nats::Heard,
    /// Orders by what became of them.
    kinds: BTreeMap<&'static str, u64>,
    /// What is known of the stock.
    pub(super) stock: super::stock::Expected,
}

/// The path of what an answer shows and its version, if it is an entity of its own.
pub(super) fn entity_of(line: &Line) -> Option<(String, u64)> {
    if !(200..300).contains(&line.status) {
        return None;
    }
    let body = line.answer();
    let name = |field: &str| body[field].as_str();
    let path = match name("object")? {
        "order" => format!("/v1/orders/{}", name("id")?),
        "shipment" => format!("/v1/shipments/{}", name("id")?),
        "stock" => format!("/v1/stock/{}", name("sku")?),
        // A cart is read by the name that its client gave it.
        "cart" if line.method == "GET" => line.path.clone(),
        _ => return None,
    };
    Some((path, body["version"].as_u64()?))
}

impl Account {
    /// Takes in a round. What in it contradicts itself.
    pub(super) fn absorb(&mut self, lines: &[Line]) -> Vec<String> {
        self.round += 1;
        let mut complaints: Vec<String> =
            lines.iter().filter(|line| !is_expected(line)).map(describe).collect();
        complaints.extend(went_back(lines));
        complaints.extend(answered_twice(lines));
        for line in lines {
            self.note(line);
        }
        complaints
    }

    /// Takes in what an order came to.
    pub(super) fn rested(&mut self, id: &str, order: &Value) {
        self.stock.note(id, order);
        for (kind, is_one) in [
            ("paid by wallet", order["txn_type"] == "fixed"),
            ("cancelled", order["status"] == "cancelled"),
            ("dispatched", order["status"] == "in_fulfilment"),
        ] {
            *self.kinds.entry(kind).or_default() += u64::from(is_one);
        }
    }

    /// Panics unless every kind of saga was among the work.
    pub(super) fn did_everything(&self) {
        eprintln!("{} orders, of them {:?}", self.orders.len(), self.kinds);
        let n_kinds = self.kinds.values().filter(|n| **n > 0).count();
        assert_eq!(n_kinds, 3, "the work is not what it should be");
    }

    /// Paths of the orders of this round.
    pub(super) fn orders_now(&self) -> BTreeSet<String> {
        let now = self.orders.iter().filter(|(_, promise)| promise.round == self.round);
        now.map(|(id, _)| format!("/v1/orders/{id}")).collect()
    }

    /// Takes in one answer.
    pub(super) fn note(&mut self, line: &Line) {
        if line.is_placed() || (line.path == "/v1/orders" && line.status == 202) {
            let id = line.answer()["id"].as_str().unwrap().to_owned();
            let promise = Promise { token: line.token.clone(), round: self.round };
            self.orders.entry(id).or_insert(promise);
        }
        if let Some((path, version)) = entity_of(line) {
            let shown = Shown { token: line.token.clone(), version, round: self.round };
            let newest = self.shown.entry(path).or_insert_with(|| shown.clone());
            if newest.version < version {
                *newest = shown;
            }
        }
    }
}

/// A line for people.
pub(super) fn describe(line: &Line) -> String {
    let Line { method, path, key, status, text, .. } = line;
    format!("{method} {path} {key:?}: {status} {text:.300}")
}

/// Whether an answer is one that a correct node may give to this work.
fn is_expected(line: &Line) -> bool {
    let body = line.answer();
    let code = body["code"].as_str().unwrap_or_default();
    match line.status {
        0 | 200 | 201 | 202 => true,
        409 if line.path == "/v1/orders" => code == "out_of_stock" || code == "insufficient_funds",
        409 => code == "invalid_state",
        503 => code == "unavailable" || code == "over_capacity",
        _ => false,
    }
}

/// Entities of which an answer was older than one that was there before the request was made.
fn went_back(lines: &[Line]) -> Vec<String> {
    let mut by_entity: BTreeMap<String, Vec<(u64, u64, u64)>> = BTreeMap::new();
    for line in lines {
        // A replay shows the state of its first answer, so only reads have to be new.
        let is_read = line.method == "GET";
        if let Some((path, version)) = entity_of(line) {
            let start = if is_read { line.start } else { 0 };
            by_entity.entry(path).or_default().push((start, line.end, version));
        }
    }
    let mut complaints = Vec::new();
    for (path, answers) in by_entity {
        let mut by_end: Vec<_> = answers.iter().map(|(_, end, version)| (*end, *version)).collect();
        by_end.sort_unstable();
        let mut by_start = answers;
        by_start.sort_unstable();
        let (mut seen, mut n_ended) = (0, 0);
        for (start, _, version) in by_start {
            while n_ended < by_end.len() && by_end[n_ended].0 < start {
                seen = seen.max(by_end[n_ended].1);
                n_ended += 1;
            }
            if version < seen && start > 0 {
                complaints.push(format!("{path}: version {version} after {seen}"));
            }
        }
    }
    complaints
}

/// Keys that were acknowledged twice with different answers.
fn answered_twice(lines: &[Line]) -> Vec<String> {
    let mut first: BTreeMap<(&str, &str, &str), &Line> = BTreeMap::new();
    let mut complaints = Vec::new();
    for line in lines.iter().filter(|line| !line.key.is_empty() && line.status == 201) {
        let told = first.entry((&line.token, &line.path, &line.key)).or_insert(line);
        if told.text != line.text {
            complaints.push(format!("{}: {} and then {}", line.key, told.text, line.text));
        }
    }
    complaints
}

/// What an order still takes and has taken of each SKU: (SKU, committed, shipped).
pub(super) fn units_of(order: &Value) -> Vec<(String, i64, i64)> {
    let units = |line: &Value| {
        let count = |name: &str| line[name].as_i64().unwrap();
        let live = if order["status"] == "cancelled" {
            0
        } else {
            count("qty") - count("cancelled_qty") - count("shipped_qty")
        };
        (line["sku"].as_str().unwrap().to_owned(), live, count("shipped_qty"))
    };
    order["lines"].as_array().unwrap().iter().map(units).collect()
}
