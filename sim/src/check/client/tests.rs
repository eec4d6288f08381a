//! Histories as text, judged by every checker: planted faults that must be found, and what looks
//! like a fault and is none.
//!
//! A line is a request: `sent-answered asked = answered`, in us, `?` for no answer. `holds 50` says
//! that holds last for 50 us at the least; `stream 10-90 o1 v3 = 20:o1:4:confirmed:2,4` is a live
//! stream of an order (of `all` orders: `stream 10-90 o1 all`) for a client that has version 3,
//! with an event at 20 us and what it tells; `!` before one is a reset. All SKUs cost 100 at the
//! start, where prices matter. `over 3` (or `over nothing`) says what a write replaces.

mod bad;
mod good;
mod lost;
mod server;

use super::*;
use crate::history::{
    Answer, Ask, Charge, Goods, Listed, Listening, Look, Offer, Op, Over, Points, Row, Saved, Told,
};

/// A history in which SKU 0 begins with `stock` units, and SKU 1 with as many.
fn history(stock: u32, text: &str) -> History {
    let mut history = History {
        stock: [(0, stock), (1, stock)].into(),
        prices: [(0, 100), (1, 100)].into(),
        buyers: [(0, "ada".to_owned())].into(),
        ..History::default()
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(us) = line.strip_prefix("holds ") {
            history.holds_us = Some(us.parse().expect("a time"));
        } else if let Some(stream) = line.strip_prefix("stream ") {
            history.streams.push(listening(stream));
        } else {
            history.ops.push(op(line));
        }
    }
    history
}

/// Names of the checkers that find something, and what they say.
fn found(history: &History, settle: Option<Settle>) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for checker in all(settle.clone()) {
        let findings = checker.check(history);
        if let Some(first) = findings.violations.first() {
            found.push((checker.name(), first.what.clone()));
        }
    }
    let at_once: Vec<_> = judge(history, settle.as_ref())
        .into_iter()
        .filter_map(|(name, findings)| Some((name, findings.violations.first()?.what.clone())))
        .collect();
    assert_eq!(found, at_once, "one by one and at once");
    found
}

fn listening(line: &str) -> Listening {
    let (asked, heard) = line.split_once(" = ").expect("asked = heard");
    let words: Vec<&str> = asked.split_whitespace().collect();
    let (from, to) = words[0].split_once('-').expect("asked-ended");
    let has = |word: &&str| word.strip_prefix('v')?.parse::<u64>().ok();
    let asked_us = from.parse().expect("a time");
    let told = |word: &str| {
        let event: Vec<&str> = word.trim_start_matches('!').split(':').collect();
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let entries = event[4].split(',').filter(|text| !text.is_empty()).map(number).collect();
        let (order, state) = (event[1].to_owned(), event[3].to_owned());
        let (at_us, version, is_reset) =
            (number(event[0]), number(event[2]), word.starts_with('!'));
        Told { at_us, order, version, state, entries, is_reset }
    };
    Listening {
        order: words[1].to_owned(),
        all: words.contains(&"all"),
        has: words.iter().find_map(has).map(|has| (words[1].to_owned(), has)).into_iter().collect(),
        asked_us,
        opened_us: Some(asked_us),
        status: Some(200),
        ended_us: to.parse().ok(),
        told: heard.split_whitespace().map(told).collect(),
        ..Listening::default()
    }
}

fn op(line: &str) -> Op {
    let (asked, answered) = line.split_once(" = ").expect("asked = answered");
    let mut words = asked.split_whitespace();
    let (sent, arrived) = words.next().unwrap().split_once('-').expect("sent-answered");
    let sent_us = sent.parse().expect("a time");
    let kind = words.next().expect("what is asked");
    let mut key = None;
    let mut names = Vec::new();
    for word in words {
        match word.strip_prefix('#') {
            Some(name) => key = Some(name.to_owned()),
            None => names.push(word),
        }
    }
    let over = names.iter().position(|word| *word == "over").map(|place| match names[place + 1] {
        "nothing" => Over::Nothing,
        version => Over::Version(version.parse().expect("a version")),
    });
    Op {
        visit: 0,
        intended_us: sent_us,
        sent_us,
        answered_us: arrived.parse().ok(),
        node: 0,
        key,
        over,
        ask: ask(kind, &names),
        answer: answer(answered),
    }
}

/// Units of a SKU: `0x2`.
fn units(word: &&str) -> Option<(u32, u32)> {
    let (sku, units) = word.split_once('x')?;
    Some((sku.parse().unwrap(), units.parse().unwrap()))
}

fn ask(kind: &str, names: &[&str]) -> Ask {
    let name = || names[0].to_owned();
    let number = |place: usize| names[place].parse::<u32>().expect("a number");
    match kind {
        "put" => Ask::PutCart { cart: name() },
        "place" => {
            // `for 230 quoted 5`: what the buyer takes, and when it was quoted.
            let offer = names.iter().position(|word| *word == "for").map(|place| {
                assert_eq!(names[place + 2], "quoted");
                let (payable, quoted_us) = (number(place + 1).into(), number(place + 3).into());
                Offer { payable, quoted_us }
            });
            Ask::Place { cart: name(), lines: names[1..].iter().filter_map(units).collect(), offer }
        }
        // `merge c1 from g1 0x2 with 0x1 1x3`: what its buyer had put into both.
        "merge" => {
            let with = names.iter().position(|word| *word == "with").expect("what is brought");
            let lines = |words: &[&str]| words.iter().filter_map(units).collect();
            let (cart, from) = (name(), names[2].to_owned());
            Ask::Merge { cart, from, own: lines(&names[3..with]), brought: lines(&names[with..]) }
        }
        "get" => Ask::GetOrder { order: name() },
        "cancel" => Ask::Cancel { order: name() },
        "save" => Ask::PutAddress { id: name(), house: number(1) },
        "delete" => Ask::DeleteAddress { id: name() },
        "book" => Ask::Look(Look::Addresses { user: name() }),
        "sign-in" => Ask::SignIn { user: name() },
        "points" => Ask::Look(Look::Points { user: name() }),
        "cut" => {
            let units = names[1..].iter().filter_map(units).collect();
            Ask::CancelPart { order: name(), units }
        }
        "advance" => Ask::Advance { order: name(), said: None },
        "reuse" => Ask::Reuse { cart: name() },
        "stock" => Ask::GetStock { sku: number(0) },
        "restock" => Ask::Restock { sku: number(0), units: number(1), place: 0 },
        "mine" => Ask::ListMine { buyer: name() },
        "quote" => Ask::Quote { cart: name() },
        "price" => Ask::SetPrice { sku: number(0), price: number(1).into() },
        "pry" => Ask::Look(Look::Pry { what: name() }),
        "cart" => Ask::Look(Look::Cart { cart: name() }),
        "goods" => Ask::Look(Look::Goods { sku: Some(number(0)) }),
        // `wait o1 than 3 for 9`, in ms.
        "wait" => {
            let (order, than, wait_ms) = (name(), number(2).into(), number(4));
            Ask::Look(Look::Wait { order, than, wait_ms })
        }
        // `orders confirmed`, `orders all oldest`.
        "orders" => {
            let status = Some(name()).filter(|word| word != "all");
            let oldest_first = names.get(1) == Some(&"oldest");
            Ask::Look(Look::Orders { status, oldest_first })
        }
        "count" => Ask::Count { sku: number(0), units: number(1), place: 0 },
        other => panic!("no such request: {other}"),
    }
}

/// `?`, or a status and then: `o1` an order, `v1` a version, `t1` its ETag, `page` and `last` a
/// page of orders, `o1:confirmed:7` an order on it that was placed at 7, `n1` units, `0x2` units in
/// a cart, `0:low:100:3` a SKU of the catalogue with its price and that price's version, `b1` a
/// body, `e2,4` entries of a timeline, `again` for a repeat, `0x2@100` a line of two units at 100
/// each, `0x2@100-1` one with a unit of them cancelled, `=200` what is to be paid for all, `w200`
/// what a wallet paid of it, `r100` what it got back, `+10:monday` points that a day gave
/// (`~10:monday`: it had given them before, or is not granted), `a1/v2/7` an address with its
/// version and its house, and the state of a success or the code of a refusal.
fn answer(text: &str) -> Option<Answer> {
    let mut words = text.split_whitespace();
    let status = words.next().unwrap().parse().ok()?;
    let mut answer = Answer { status, ..Answer::default() };
    for word in words {
        let number = word[1..].parse::<i64>().ok();
        if matches!(word, "page" | "last") {
            answer.listed = Some(Listed { is_last: word == "last", ..Listed::default() });
            continue;
        }
        if let (Some(listed), ("o", Some(_))) = (&mut answer.listed, (&word[..1], number)) {
            listed.orders.push(word.to_owned());
            continue;
        }
        if let Some((points, date)) = word.get(1..).and_then(|rest| rest.split_once(':'))
            && (word.starts_with('+') || word.starts_with('~'))
        {
            let (is_granted, date) = (word.starts_with('+'), date.to_owned());
            answer.points = Some(Points { date, points: points.parse().unwrap(), is_granted });
            continue;
        }
        if let [id, version, house] = word.split('/').collect::<Vec<_>>().as_slice() {
            let version = version.trim_start_matches('v').parse().unwrap();
            let (id, house) = ((*id).to_owned(), house.parse().unwrap());
            answer.addresses.push(Saved { id, version, house });
            continue;
        }
        if let [name, state, rest @ ..] = word.split(':').collect::<Vec<_>>().as_slice() {
            match (&mut answer.listed, rest) {
                (Some(listed), [created, ..]) => {
                    listed.orders.push((*name).to_owned());
                    let (created, state) = (format!("{created:0>9}"), (*state).to_owned());
                    listed.rows.push(Row { created, state, ..Row::default() });
                }
                (None, [price, version]) => answer.goods.push(Goods {
                    sku: name.parse().unwrap(),
                    word: (*state).to_owned(),
                    price: price.parse().ok(),
                    price_version: version.parse().unwrap(),
                }),
                _ => panic!("{word}"),
            }
            continue;
        }
        if let (None, Some((sku, units))) = (word.find('@'), word.split_once('x'))
            && let (Ok(sku), Ok(units)) = (sku.parse(), units.parse())
        {
            answer.lines.push((sku, units));
            continue;
        }
        if let Some(entries) =
            word.strip_prefix('e').filter(|rest| rest.starts_with(char::is_numeric))
        {
            answer.entries =
                entries.split(',').map(|seq| seq.parse().expect("a version")).collect();
            continue;
        }
        if let Some((line, price)) = word.split_once('@') {
            let (sku, units) = line.split_once('x').expect("SKUxunits@price");
            let units = units.parse().unwrap();
            let (price, cancelled) = price.split_once('-').unwrap_or((price, "0"));
            let (unit_price, cancelled): (i64, u32) =
                (price.parse().unwrap(), cancelled.parse().unwrap());
            let gross = unit_price * i64::from(units);
            let sku = sku.parse().unwrap();
            let charge = Charge {
                sku,
                units,
                unit_price,
                gross,
                total: gross,
                cancelled,
                ..Charge::default()
            };
            answer.bill.get_or_insert_default().lines.push(charge);
            continue;
        }
        match (&word[..1], number) {
            ("o", Some(_)) => answer.order = Some(word.to_owned()),
            ("v", Some(number)) => answer.version = u64::try_from(number).ok(),
            ("t", Some(number)) => answer.tag = u64::try_from(number).ok(),
            ("n", Some(number)) => answer.available = Some(number),
            ("b", Some(number)) => answer.body = u64::try_from(number).expect("a body"),
            ("w", Some(paid)) => answer.bill.get_or_insert_default().tenders = paid,
            ("s", Some(price)) => answer.bill.get_or_insert_default().shipping = price,
            ("r", Some(back)) => answer.bill.get_or_insert_default().refunded = back,
            ("=", Some(payable)) => {
                let bill = answer.bill.get_or_insert_default();
                bill.goods = bill.lines.iter().map(|line| line.total).sum();
                bill.payable = payable;
            }
            _ if word == "again" => answer.replayed = true,
            _ if status >= 400 => answer.code = Some(word.to_owned()),
            _ => answer.state = Some(word.to_owned()),
        }
    }
    Some(answer)
}
