//! What buyers do beside the straight way: edit a cart in two tabs, wait for news.

use serde_json::{Value, json};

use super::journey::draw;
use super::requests::{self, if_match, request, with_body};
use super::{HttpAnswer, Request, Visitor, Wire};
use crate::history::{Ask, Look};
use crate::plan::{Line, Pay};
use crate::random::below;

/// Ways to edit a cart.
const EDITS: u64 = 3;
/// Of a hundred buyers who leave after placing, so many leave the page open, which waits for news.
const WAITS_PERCENT: u64 = 50;
/// Long polls of a page.
const WAITS: u32 = 3;
/// How long one of them may take, in ms.
const WAIT_MS: u32 = 6_000;

impl<W: Wire> Visitor<W> {
    /// A cart that is open in two tabs: what the second one changes over the version that it still
    /// shows must not take back what the first one changed. Then it is looked at and mended.
    pub(super) async fn in_two_tabs(&self, cart: &str, lines: &[Line], version: u64) -> Option<()> {
        let way = below(self.bits(draw::TABS), EDITS);
        self.edit(cart, way, &more(lines, 1), version).await?;
        self.edit(cart, way + 1, &more(lines, 2), version).await?;
        let seen = self.look_at(cart).await?;
        self.edit(cart, way + 2, &more(lines, 3), seen).await?;
        let seen = self.look_at(cart).await?;
        if let [first, _, ..] = lines {
            let path = format!("/v1/carts/{cart}/lines/{}", self.clients.names.sku(first.sku));
            self.ask_surely(edited(cart), if_match(request("DELETE", path), seen)).await?;
        }
        self.quote(cart).await.map(drop)
    }

    /// Changes what lies in a cart, over a version of it, in one of three ways.
    async fn edit(&self, cart: &str, way: u64, lines: &[Line], over: u64) -> Option<HttpAnswer> {
        let (first, names) = (lines.first()?, &self.clients.names);
        let request = match way % EDITS {
            0 => requests::put_cart((names, cart), lines, Pay::Cod, 0, Some(over)),
            1 => {
                let path = format!("/v1/carts/{cart}/lines/{}", names.sku(first.sku));
                with_body(if_match(request("PUT", path), over), &json!({"qty": first.qty}))
            }
            _ => {
                let line = |line: &Line| json!({"sku": names.sku(line.sku), "qty": line.qty});
                let lines: Vec<Value> = lines.iter().map(line).collect();
                let patch = if_match(request("PATCH", format!("/v1/carts/{cart}")), over);
                with_body(patch, &json!({"lines": lines}))
            }
        };
        self.ask_surely(edited(cart), request).await
    }

    /// Looks at the cart; its version.
    pub(super) async fn look_at(&self, cart: &str) -> Option<u64> {
        #[derive(serde::Deserialize)]
        struct Cart {
            version: u64,
        }
        let ask = Ask::Look(Look::Cart { cart: cart.into() });
        let answer = self.ask_surely(ask, requests::get_cart(cart)).await?;
        requests::read::<Cart>(&answer).map(|cart| cart.version)
    }

    /// A page that is left open asks for the order again as soon as there is another version.
    pub(super) async fn wait_for_news(&self, order: &str) {
        if !self.draws(draw::WAITS, WAITS_PERCENT) {
            return;
        }
        let Some(mut has) = self.look(order).await.map(|looked| looked.version) else { return };
        for _ in 0..WAITS {
            let (order, wait_ms) = (order.to_owned(), WAIT_MS);
            let request: Request = requests::await_order(&order, has, wait_ms);
            let ask = Ask::Look(Look::Wait { order, than: has, wait_ms });
            let answer = self.ask(ask, request, 1).await;
            match answer.as_ref().and_then(requests::read::<super::journey::Looked>) {
                Some(looked) => has = looked.version,
                None => return,
            }
        }
    }
}

fn edited(cart: &str) -> Ask {
    Ask::PutCart { cart: cart.into() }
}

/// These lines, with more units of the first.
fn more(lines: &[Line], units: u32) -> Vec<Line> {
    let mut lines = lines.to_vec();
    if let Some(first) = lines.first_mut() {
        first.qty += units;
    }
    lines
}
