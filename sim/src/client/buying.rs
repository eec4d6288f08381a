//! How buyers fill carts, ask what they cost and place them.

use edge::in_process::Request;
use serde::Deserialize;

use super::journey::{WATCH_US, draw};
use super::requests::{self, Quote};
use super::{HttpAnswer, Visitor, Wire};
use crate::history::Ask;
use crate::plan::{Journey, Line, Pay};

/// Of so many whose order was refused, one takes less in the same cart.
const ONE_OF_BUYS_LESS: u32 = 4;
/// Of a hundred who are told that the price has changed, so many take the new one.
const TAKE_NEW_PRICE_PERCENT: u64 = 60;

impl<W: Wire> Visitor<W> {
    /// Cart, quote, place, and what follows.
    pub(super) async fn buy(&self) {
        let Journey::Buy { lines, brings, pay, think_ms, listen, then, freeze, .. } =
            &self.visit.journey
        else {
            return;
        };
        let cart = self.cart(0);
        let wanted = match brings.as_slice() {
            [] => self.quoted(&cart, lines, *pay).await.map(|quote| (lines.clone(), quote)),
            brings => self.quoted_with(&cart, lines, brings, *pay).await,
        };
        let Some((lines, quote)) = wanted else { return };
        let lines = lines.as_slice();
        self.think(*think_ms).await;
        let mut placed = self.placed(&cart, lines, *pay, &quote).await;
        if let Some(answer) = placed.as_ref().filter(|answer| is_price_changed(answer))
            && self.takes_new_price()
        {
            placed = self.placed_anew(&cart, lines, *pay, &quote, answer).await;
        }
        match placed.as_ref().and_then(order_of) {
            Some(order) => {
                let after = async {
                    match *listen {
                        Some(listen) => self.after_by_stream(&order, listen, *then).await,
                        None => self.after(&order, *then).await,
                    }
                };
                match *freeze {
                    Some(freeze) => {
                        tokio::join!(after, self.freezes(&order, freeze));
                    }
                    None => after.await,
                }
                self.compares(&order, *then).await;
                self.is_pried_into(&order, &cart).await;
            }
            None if self.visit.id.is_multiple_of(ONE_OF_BUYS_LESS) => {
                self.buy_less(&cart, lines, *pay).await;
            }
            None => {}
        }
    }

    /// Places the cart, perhaps by two clicks at once: of one page, which has one key, or of two.
    async fn placed(
        &self,
        cart: &str,
        lines: &[Line],
        pay: Pay,
        quote: &Quote,
    ) -> Option<HttpAnswer> {
        let Journey::Buy { double_click, .. } = &self.visit.journey else { return None };
        let place = |what: &str| {
            self.ask_surely(placing(cart, lines, quote), self.place(cart, quote, pay, what))
        };
        if !double_click {
            return place("place").await;
        }
        let is_one_page = self.visit.id.is_multiple_of(2);
        let other = place(if is_one_page { "place" } else { "place-too" });
        let (first, second) = tokio::join!(place("place"), other);
        first.or(second)
    }

    /// The placing of the cart, by a buyer who waits or does not.
    fn place(&self, cart: &str, quote: &Quote, pay: Pay, what: &str) -> Request {
        let gives = self.wallet_gives.get();
        let request = requests::place(cart, quote, pay, gives, &self.key(what));
        match &self.visit.journey {
            Journey::Buy { no_wait: true, .. } => {
                requests::with(request, "prefer", "respond-async")
            }
            _ => request,
        }
    }

    /// Whether this buyer takes another price than the first one.
    fn takes_new_price(&self) -> bool {
        self.draws(draw::NEW_PRICE, TAKE_NEW_PRICE_PERCENT)
    }

    /// Places the cart at the price that it has by now: the refusal says it, unless an order was
    /// made that could not be sold.
    async fn placed_anew(
        &self,
        cart: &str,
        lines: &[Line],
        pay: Pay,
        old: &Quote,
        refusal: &HttpAnswer,
    ) -> Option<HttpAnswer> {
        #[derive(Deserialize)]
        struct Changed {
            quote: Option<Quote>,
        }
        let told = requests::read::<Changed>(refusal).and_then(|it| it.quote);
        let quote = match told {
            // It was made after the one that was refused.
            Some(quote) => quote.asked(old.offer().quoted_us),
            None => {
                // The cart is free again as soon as it hears of it.
                self.clients.wire.sleep_us(WATCH_US).await;
                self.quote(cart).await?
            }
        };
        let quote = self.covered(cart, lines, pay, quote).await?;
        let request = self.place(cart, &quote, pay, "anew");
        self.ask_surely(placing(cart, lines, &quote), request).await
    }

    /// What was wanted could not be had: asks for one unit of the first line, in the same cart.
    async fn buy_less(&self, cart: &str, lines: &[Line], pay: Pay) -> Option<()> {
        // The cart is free again as soon as it hears of it.
        self.clients.wire.sleep_us(WATCH_US).await;
        let less = [Line { qty: 1, ..*lines.first()? }];
        let seen = self.quote(cart).await?;
        // Refused over a version is not done here: it may be the placing that moved it.
        let over = Some(seen.cart_version());
        let is_less = self.filled(cart, &less, pay, over).await? == 200;
        let quote = if is_less { self.quote(cart).await? } else { return None };
        let request = self.place(cart, &quote, pay, "less");
        let ask = placing(cart, &less, &quote);
        let order = order_of(&self.ask_surely(ask, request).await?)?;
        self.look(&order).await.map(drop)
    }

    /// A buyer without patience or manners.
    pub(super) async fn snatch(&self, line: Line, tries: u32) {
        for n in 0..tries {
            let cart = self.cart(n);
            let Some(quote) = self.quoted(&cart, &[line], Pay::Cod).await else { continue };
            let key = format!("{}-{n}", self.key("snatch"));
            let request = requests::place(&cart, &quote, Pay::Cod, 0, &key);
            let ask = placing(&cart, &[line], &quote);
            let answer = self.ask(ask, request, 1).await;
            if answer.is_some_and(|answer| answer.status == 201) {
                return;
            }
        }
    }

    /// Fills a cart and asks what it costs.
    pub(super) async fn quoted(&self, cart: &str, lines: &[Line], pay: Pay) -> Option<Quote> {
        self.filled(cart, lines, pay, None).await?;
        let quote = self.quote(cart).await?;
        self.covered(cart, lines, pay, quote).await
    }

    /// The quote of the cart once the wallet gives all that it costs.
    pub(super) async fn covered(
        &self,
        cart: &str,
        lines: &[Line],
        pay: Pay,
        quote: Quote,
    ) -> Option<Quote> {
        if pay != Pay::Wallet || quote.payable() == 0 {
            return Some(quote);
        }
        // The wallet gives all that has to be paid, and that is more than the goods.
        self.wallet_gives.set(self.wallet_gives.get() + quote.payable());
        self.filled(cart, lines, pay, Some(quote.cart_version())).await?;
        self.quote(cart).await
    }

    /// Writes the cart, in place of a version of it or anew; how it was answered if it stands.
    pub(super) async fn filled(
        &self,
        cart: &str,
        lines: &[Line],
        pay: Pay,
        over: Option<u64>,
    ) -> Option<u16> {
        let names = (&self.clients.names, cart);
        let put = requests::put_cart(names, lines, pay, self.wallet_gives.get(), over);
        let made = self.ask_surely(Ask::PutCart { cart: cart.into() }, put).await?;
        // Refused as made already: an earlier try did it, and its answer was lost.
        matches!(made.status, 200 | 201 | 412).then_some(made.status)
    }

    pub(super) async fn quote(&self, cart: &str) -> Option<Quote> {
        let (ask, asked_us) = (Ask::Quote { cart: cart.into() }, self.clients.wire.now_us());
        let answer = self.ask_surely(ask, requests::quote(cart)).await?;
        let quote = (answer.status == 200).then(|| requests::read::<Quote>(&answer)).flatten();
        quote.map(|quote| quote.asked(asked_us))
    }
}

/// Lines as the history notes them.
pub(super) fn pairs(lines: &[Line]) -> Vec<(u32, u32)> {
    lines.iter().map(|line| (line.sku, line.qty)).collect()
}

/// The placing of these lines, for the history.
fn placing(cart: &str, lines: &[Line], quote: &Quote) -> Ask {
    Ask::Place { cart: cart.into(), lines: pairs(lines), offer: Some(quote.offer()) }
}

fn is_price_changed(answer: &HttpAnswer) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
    }
    let is_refused = answer.status == 409;
    let refusal = is_refused.then(|| requests::read::<Refusal>(answer)).flatten();
    refusal.is_some_and(|refusal| refusal.code == "price_changed")
}

/// The order that an answer made or found.
fn order_of(answer: &HttpAnswer) -> Option<String> {
    #[derive(Deserialize)]
    struct Order {
        id: String,
    }
    let is_made = matches!(answer.status, 200..=202);
    is_made.then(|| requests::read::<Order>(answer)).flatten().map(|order| order.id)
}
