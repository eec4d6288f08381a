//! Whether a node that was started again keeps what its predecessor promised.
//!
//! First every request without an answer is sent again with its key, so that the fate of each
//! order is known; then orders must come to rest, reads be no older than before, repeats give the
//! same bytes, and the stock add up to the unit.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tests::work::WALLET;
use tests::{Answer, Client, Line, Node};

use super::account::{Account, Shown, describe};
use super::bed::Bed;
use super::round::Round;

/// Requests of the checker at the same time.
const AT_ONCE: usize = 16;
/// Repeats fold an order's history, so a sample of them stands for all: one in so many.
const SAMPLE: usize = 5;
/// Tries until an order rests or a request has its answer, and the time between them.
const TRIES: usize = 200;
const BETWEEN: Duration = Duration::from_millis(50);
/// Where an order may stay.
const RESTING: [&str; 5] = ["confirmed", "in_fulfilment", "fulfilled", "completed", "cancelled"];

/// Checks the promises of a round and takes them into the account. What is wrong.
pub(super) async fn after(
    bed: &Bed,
    node: &Node,
    account: &mut Account,
    round: &Round,
) -> Vec<String> {
    let mut complaints = account.absorb(&round.lines);
    let client = Client::with_token(&node.http, "");
    let open: Vec<&Line> = round.lines.iter().filter(|line| line.is_open()).collect();
    let settled = stream::iter(open).map(|line| settle(&client, line)).buffer_unordered(AT_ONCE);
    for line in settled.collect::<Vec<_>>().await {
        match line {
            Ok(line) => account.note(&line),
            Err(complaint) => complaints.push(complaint),
        }
    }
    let now = account.round;
    let orders = account.orders.iter().filter(|(_, promise)| promise.round == now);
    let resting = orders.map(|(id, promise)| rest(&client, id.clone(), promise.token.clone()));
    let rested: Vec<_> = stream::iter(resting).buffer_unordered(AT_ONCE).collect().await;
    let mut orders = Vec::new();
    for (id, order) in rested {
        match order {
            Ok(order) => {
                account.rested(&id, &order);
                orders.push(order);
            }
            Err(complaint) => complaints.push(complaint),
        }
    }
    let staff = Client::service(node).await;
    complaints.extend(shown(&client, &staff, account, |shown| shown.round == now).await);
    let acked = round.lines.iter().filter(|line| line.is_placed()).step_by(SAMPLE);
    let again = stream::iter(acked).map(|line| repeat(&client, line)).buffer_unordered(AT_ONCE);
    complaints.extend(again.collect::<Vec<_>>().await.into_iter().flatten());
    complaints.extend(account.stock.check(&staff).await);
    complaints.extend(wallets(&client, &orders, account).await);
    if let Some(server) = &bed.bus {
        let known = account.orders_now();
        complaints.extend(account.heard.catch_up(server, &staff, &known).await);
    }
    complaints
}

/// Checks at the end that what was shown in any round is there.
pub(super) async fn everything(node: &Node, account: &Account) -> Vec<String> {
    let client = Client::with_token(&node.http, "");
    let staff = Client::service(node).await;
    shown(&client, &staff, account, |_| true).await
}

/// I9: a wallet has what was in it less what stands in the orders of its customer.
async fn wallets(client: &Client, orders: &[Value], account: &Account) -> Vec<String> {
    let mut spent: BTreeMap<&str, i64> = BTreeMap::new();
    for order in orders.iter().filter(|order| order["txn_type"] == "fixed") {
        let promise = &account.orders[order["id"].as_str().unwrap()];
        let sum = spent.entry(&promise.token).or_default();
        if order["status"] != "cancelled" {
            *sum += order["totals"]["tenders"]["amount"].as_i64().unwrap();
        }
    }
    let mut complaints = Vec::new();
    for (token, spent) in spent {
        let mut last = String::new();
        for _ in 0..TRIES {
            let me = get(&client.and_token(token), "/v1/me/overview").await;
            let holds = me.as_ref().ok().and_then(|me| me.body["wallet"]["amount"].as_i64());
            if holds == Some(WALLET - spent) {
                last.clear();
                break;
            }
            // An order rests before the account has heard of it.
            last = format!("I9: {spent} of {WALLET} were spent, and there is {holds:?}");
            tokio::time::sleep(BETWEEN).await;
        }
        complaints.extend(Some(last).filter(|last| !last.is_empty()));
    }
    complaints
}

/// What was shown is there and no older.
async fn shown(
    client: &Client,
    staff: &Client,
    account: &Account,
    is_wanted: impl Fn(&Shown) -> bool,
) -> Vec<String> {
    let wanted = account.shown.iter().filter(|(_, shown)| is_wanted(shown));
    let reads = wanted.map(|(path, shown)| {
        // Staff sees all but carts, and tokens of customers end after a while.
        let is_own = path.starts_with("/v1/carts/");
        let client = if is_own { client.and_token(&shown.token) } else { staff.clone() };
        async move {
            let found = get(&client, path).await?;
            match found.body["version"].as_u64() {
                Some(version) if found.status == 200 && version >= shown.version => Ok(()),
                Some(version) if found.status == 200 => {
                    Err(format!("{path}: version {version}, and {} was shown", shown.version))
                }
                _ => Err(format!("{path} is gone: {} {:.200}", found.status, found.text)),
            }
        }
    });
    let reads: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
    reads.into_iter().filter_map(Result::err).collect()
}

async fn get(client: &Client, path: &str) -> Result<Answer, String> {
    client.send("GET", path, &[], None).await.map_err(|error| format!("{path}: {error}"))
}

async fn send_again(client: &Client, line: &Line) -> Result<Line, String> {
    let body = Some(line.body.clone()).filter(|body| !body.is_null());
    let headers = [("idempotency-key", line.key.as_str())];
    let answer = client.and_token(&line.token).send(&line.method, &line.path, &headers, body).await;
    let answer = answer.map_err(|error| format!("{}: {error}", describe(line)))?;
    Ok(Line { status: answer.status, text: answer.text, ..line.clone() })
}

/// Sends a request without an answer again until it has one.
async fn settle(client: &Client, line: &Line) -> Result<Line, String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        let again = send_again(client, line).await?;
        let code = again.answer()["code"].as_str().unwrap_or_default().to_owned();
        match (again.status, code.as_str()) {
            (200..=202, _) | (409, "out_of_stock" | "insufficient_funds" | "invalid_state") => {
                return Ok(again);
            }
            (503, _) | (409, "idempotency_in_progress") => last = describe(&again),
            _ => return Err(format!("sent again: {}", describe(&again))),
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Err(format!("never answered: {last}"))
}

/// Waits until an order rests.
async fn rest(client: &Client, id: String, token: String) -> (String, Result<Value, String>) {
    let client = client.and_token(&token);
    let path = format!("/v1/orders/{id}");
    let mut last = String::new();
    for _ in 0..TRIES {
        let found = match get(&client, &path).await {
            Ok(found) => found,
            Err(complaint) => return (id, Err(complaint)),
        };
        if found.status == 404 {
            return (id, Err(format!("{path} is gone")));
        }
        if found.status == 200 && is_resting(&found.body) {
            return (id, Ok(found.body));
        }
        last = format!("{} {:.200}", found.status, found.text);
        tokio::time::sleep(BETWEEN).await;
    }
    (id, Err(format!("{path} does not come to rest: {last}")))
}

fn is_resting(order: &Value) -> bool {
    let status = order["status"].as_str().unwrap();
    let shipments = order["shipments"].as_array().unwrap();
    RESTING.contains(&status)
        && order["cancel_requested"] == false
        && order["on_hold"] == false
        && order["number"].is_string()
        && shipments.iter().all(|shipment| shipment["status"] != "released")
}

/// The same key gives the same bytes.
async fn repeat(client: &Client, line: &Line) -> Option<String> {
    match send_again(client, line).await {
        Ok(again) if (again.status, &again.text) == (line.status, &line.text) => None,
        Ok(again) => Some(format!("{} and then {}", describe(line), describe(&again))),
        Err(complaint) => Some(complaint),
    }
}
