//! Histories of a correct server whose requests overlap at random are accepted; with one answer
//! changed most are not.

use std::collections::BTreeMap;

use super::*;
use crate::random::{Stream, below, mix};

/// Version of an order, whether it is cancelled, and its lines.
type Placed = (u64, bool, Vec<(u32, u32)>);

/// A shop that takes one request at a time.
struct Server {
    stock: BTreeMap<u32, i64>,
    orders: BTreeMap<String, Placed>,
    /// What a key was answered.
    keys: BTreeMap<String, Answer>,
}

impl Server {
    fn handle(&mut self, key: Option<&String>, ask: &Ask) -> Answer {
        if let Some(first) = key.and_then(|key| self.keys.get(key)) {
            return Answer { replayed: true, ..first.clone() };
        }
        let answer = match ask {
            Ask::Place { cart, lines, .. } => self.place(cart, lines),
            Ask::GetOrder { order } => self.shown(order, 200),
            Ask::Cancel { order } => {
                let lines = match self.orders.get_mut(order) {
                    Some((version, is_cancelled, lines)) if !*is_cancelled => {
                        (*version, *is_cancelled) = (*version + 2, true);
                        lines.clone()
                    }
                    _ => Vec::new(),
                };
                for (sku, units) in lines {
                    *self.stock.get_mut(&sku).unwrap() += i64::from(units);
                }
                self.shown(order, 200)
            }
            Ask::GetStock { sku } => Answer { available: Some(self.stock[sku]), ..said("200") },
            Ask::Restock { sku, units, place: 0 } => {
                *self.stock.get_mut(sku).unwrap() += i64::from(*units);
                Answer { available: Some(self.stock[sku]), ..said("200") }
            }
            other => panic!("{other:?} is not asked here"),
        };
        if let Some(key) = key {
            self.keys.insert(key.clone(), answer.clone());
        }
        answer
    }

    fn place(&mut self, cart: &str, lines: &[(u32, u32)]) -> Answer {
        let order = format!("o{}", &cart[1..]);
        let is_there = |(sku, units): &(u32, u32)| self.stock[sku] >= i64::from(*units);
        if !lines.iter().all(is_there) {
            self.orders.insert(order.clone(), (4, true, Vec::new()));
            return Answer { order: Some(order), ..said("409 out_of_stock") };
        }
        for (sku, units) in lines {
            *self.stock.get_mut(sku).unwrap() -= i64::from(*units);
        }
        self.orders.insert(order.clone(), (3, false, lines.to_vec()));
        self.shown(&order, 201)
    }

    fn shown(&self, order: &str, status: u16) -> Answer {
        let Some((version, is_cancelled, _)) = self.orders.get(order) else {
            return said("404 not_found");
        };
        let state = if *is_cancelled { "cancelled" } else { "confirmed" };
        Answer {
            status,
            order: Some(order.to_owned()),
            version: Some(*version),
            state: Some(state.to_owned()),
            ..said("200")
        }
    }
}

fn said(text: &str) -> Answer {
    answer(text).expect("an answer")
}

/// `n_ops` requests to a correct server, the time of each drawn around its effect; `overlap` is
/// how many others a request lies beside, on average. One in ten changes is never answered.
pub(super) fn served(seed: u64, n_ops: u64, stock: u32, n_skus: u64, overlap: u64) -> History {
    let stock_at = |sku: u64| (u32::try_from(sku).unwrap(), stock);
    let start: BTreeMap<_, _> = (0..n_skus).map(stock_at).collect();
    let mut server = Server {
        stock: start.iter().map(|(sku, units)| (*sku, i64::from(*units))).collect(),
        orders: BTreeMap::new(),
        keys: BTreeMap::new(),
    };
    let mut ops: Vec<Op> = Vec::new();
    let mut n_carts = 0;
    for step in 0..n_ops {
        let draw = |what: u64, n: u64| below(mix(seed, Stream::Plan, step, what), n);
        let sku = u32::try_from(draw(1, n_skus)).unwrap();
        let units = u32::try_from(1 + draw(2, 2)).unwrap();
        // Orders of which somebody may know.
        let some_order = format!("o{}", draw(3, (n_carts + 1).max(1)));
        let is_known = server.orders.contains_key(&some_order);
        let (key, asked) = match draw(4, 20) {
            0..10 => {
                n_carts += 1;
                let other = (draw(5, 5) == 0 && n_skus > 1).then_some(((sku + 1) % 2, 1));
                let lines = [(sku, units)].into_iter().chain(other).collect();
                (true, Ask::Place { cart: format!("c{n_carts}"), lines, offer: None })
            }
            10..12 if is_known => (true, Ask::Cancel { order: some_order }),
            12..15 if is_known => (false, Ask::GetOrder { order: some_order }),
            15 => (true, Ask::Restock { sku, units, place: 0 }),
            _ => (false, Ask::GetStock { sku }),
        };
        let (key, asked) = match ops.last() {
            // Sometimes the last request is tried again with its key.
            Some(last) if last.key.is_some() && draw(6, 8) == 0 => {
                (last.key.clone(), last.ask.clone())
            }
            Some(_) | None => (key.then(|| format!("k{step}")), asked),
        };
        let at_us = 1_000 + step * 100;
        let spread = 50 * overlap + 1;
        let sent_us = at_us - draw(7, spread.min(at_us));
        let is_lost = key.is_some() && draw(8, 10) == 0;
        let is_handled = !is_lost || draw(9, 2) == 0;
        let answer = is_handled.then(|| server.handle(key.as_ref(), &asked));
        ops.push(Op {
            visit: 0,
            intended_us: sent_us,
            sent_us,
            answered_us: (!is_lost).then_some(at_us + draw(10, spread)),
            node: 0,
            key,
            over: None,
            ask: asked,
            answer: answer.filter(|_| !is_lost),
        });
    }
    History { stock: start, ops, ..History::default() }
}

/// Changes one answer into one that the server did not give; `None`: the request has none.
fn tampered(history: &History, place: usize, bits: u64) -> Option<History> {
    let mut changed = history.clone();
    let op = &mut changed.ops[place];
    let answer = op.answer.as_mut()?;
    match (&op.ask, answer.status) {
        (Ask::Place { .. }, 201) => {
            *answer = Answer { order: answer.order.clone(), ..said("409 out_of_stock") };
        }
        (Ask::Place { .. }, 409) => {
            *answer = Answer { order: answer.order.clone(), ..said("201 v3 confirmed") };
        }
        (Ask::GetOrder { .. }, 200) if bits.is_multiple_of(3) => *answer = said("404 not_found"),
        (Ask::GetOrder { .. } | Ask::Cancel { .. }, 200) => {
            let was_confirmed = answer.state.as_deref() == Some("confirmed");
            let state = if was_confirmed { "cancelled" } else { "confirmed" };
            answer.state = Some(state.to_owned());
        }
        (Ask::GetStock { .. } | Ask::Restock { .. }, 200) => {
            let available = answer.available.as_mut()?;
            let by = 1 + i64::try_from(bits % 3).unwrap();
            *available = if bits.is_multiple_of(2) { *available + by } else { *available - by };
        }
        _ => return None,
    }
    Some(changed)
}

#[test]
fn a_correct_server_is_accepted() {
    for overlap in [0, 1, 4, 12] {
        for seed in 0..60 {
            let history = served(seed, 60, 12, 2, overlap);
            let found = found(&history, None);
            assert!(found.is_empty(), "overlap {overlap}, seed {seed}: {found:#?}");
            let undecided = linear::check_stock(&history).undecided;
            assert!(overlap > 4 || undecided == 0, "overlap {overlap}, seed {seed}: undecided");
        }
    }
}

/// How many of a hundred changed answers are found.
fn found_percent(overlap: u64) -> u64 {
    let (mut n_changed, mut n_found) = (0, 0);
    for seed in 0..40 {
        let history = served(seed, 60, 12, 2, overlap);
        for attempt in 0..8 {
            let bits = mix(seed, Stream::Fault, attempt, 0);
            let place = usize::try_from(below(bits, 60)).unwrap();
            let Some(changed) = tampered(&history, place, bits) else { continue };
            n_changed += 1;
            n_found += u64::from(!found(&changed, None).is_empty());
        }
    }
    n_found * 100 / n_changed
}

#[test]
fn most_changed_answers_are_found() {
    let percent: Vec<_> = [0, 1, 4].into_iter().map(found_percent).collect();
    assert!(percent[0] >= 75 && percent[1] >= 70 && percent[2] >= 50, "{percent:?}");
}

#[test]
fn a_hot_sku_of_many_requests_is_judged() {
    let history = served(7, 20_000, 4_000, 1, 40);
    for checker in all(None) {
        let findings = checker.check(&history);
        assert!(findings.is_clean(), "{}: {:?}", checker.name(), findings.violations.first());
    }
    let findings = stock::check(&history);
    assert!(findings.looked_at > 10_000, "{}", findings.looked_at);
    // A sale that nobody took back, once the shelf is surely empty, is found among all of them.
    let mut sold = history;
    let refused = |op: &Op| op.answer.as_ref().is_some_and(|answer| answer.status == 409);
    for op in sold.ops.iter_mut().filter(|op| refused(op)) {
        op.answer =
            Some(Answer { order: op.answer.take().unwrap().order, ..said("201 confirmed") });
    }
    assert!(!stock::check(&sold).is_clean() && !oversell::check(&sold).is_clean());
}
