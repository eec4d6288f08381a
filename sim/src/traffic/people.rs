//! What people do in a visit: look, fill a cart and leave, or buy and then perhaps more.
//!
//! A session is drawn once, when it is planned, as a walk through a Markov chain whose shares are
//! parameters: browse, abandon, or buy and then leave, watch, cancel, have it delivered.

use serde::Deserialize;

use super::keys::Popularity;
use super::{Draws, Freezes, Parcels, Span};
use crate::plan::{Journey, Line, Listen, Pay, Then, Visit};
use crate::random::Stream;

// Attempts of a visit in `Stream::Shape`.
const KIND: u64 = 0;
const N_LINES: u64 = 1;
const WALLET: u64 = 2;
const DOUBLE_CLICK: u64 = 3;
const THEN: u64 = 4;
const THEN_MS: u64 = 5;
const THINK: u64 = 6;
const N_READS: u64 = 7;
const NO_WAIT: u64 = 8;
const LISTEN: u64 = 9;
const LISTEN_TO: u64 = 10;
const GATEWAY: u64 = 11;
const BRINGS: u64 = 12;
const N_BROUGHT: u64 = 13;
const CANCEL_PART: u64 = 14;
const SIGNS_IN: u64 = 15;
const SIGN_INS: u64 = 16;
const TWO_TABS: u64 = 17;
const SAVES: u64 = 18;
const SAVED: u64 = 19;
const DELETES: u64 = 20;
const SOON: u64 = 21;
const QTY: u64 = 100;
const BROUGHT_QTY: u64 = 200;
// Attempts of a visit in `Stream::Keys`.
const USER: u64 = 0;
const SKU: u64 = 100;
const BROUGHT_SKU: u64 = 1_000;

/// How often another SKU is drawn for a line before it is left out.
const SKU_TRIES: u64 = 8;
/// How often who signs in for points does so in one visit, and how many of a hundred in two tabs.
const SIGN_INS_OF_A_VISIT: Span = Span::new(1, 3);
const TWO_TABS_PERCENT: u8 = 50;
/// How often who saves an address writes it, and how many of a hundred delete it.
const WRITES_OF_A_VISIT: Span = Span::new(1, 3);
const DELETES_PERCENT: u8 = 50;
/// Nobody thinks longer than this, in ms.
const THINK_MS_MAX: f64 = 600_000.0;

/// By which attempts the lines of a basket are drawn.
struct Basket {
    n_lines: u64,
    qty: u64,
    sku: u64,
}

const OWN: Basket = Basket { n_lines: N_LINES, qty: QTY, sku: SKU };
const BROUGHT: Basket = Basket { n_lines: N_BROUGHT, qty: BROUGHT_QTY, sku: BROUGHT_SKU };

/// What people do. Shares are percent of the whole; what is left over is said beside them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// How many there are; each visit is by one of them.
    pub n_users: u32,
    /// Visits that only look.
    #[serde(default)]
    pub browse_percent: u8,
    /// Of those that only look, the ones that sign in for points instead.
    #[serde(default)]
    pub sign_in_percent: u8,
    /// Of the others that only look, the ones that save an address instead.
    #[serde(default)]
    pub address_percent: u8,
    /// Visits that fill a cart and leave. The others buy.
    #[serde(default)]
    pub abandon_percent: u8,
    /// Reads of a visit that only looks.
    pub n_reads: Span,
    /// Shares of baskets with one line, two lines and so on; together 100.
    pub lines_percent: Vec<u8>,
    /// Shares of lines of one unit, two units and so on; together 100.
    pub qty_percent: Vec<u8>,
    /// Buyers who have filled a cart as guests, and take along what lies in it.
    #[serde(default)]
    pub brings_percent: u8,
    /// Orders paid from the wallet.
    #[serde(default)]
    pub wallet_percent: u8,
    /// Of the others, those that wait for a payment that never comes. The rest pays on delivery.
    #[serde(default)]
    pub gateway_percent: u8,
    /// Orders placed twice at once.
    #[serde(default)]
    pub double_click_percent: u8,
    /// Orders placed by somebody who does not wait for what it comes to.
    #[serde(default)]
    pub no_wait_percent: u8,
    /// Buyers who listen on a live stream: one half to the order, the other to all their orders.
    #[serde(default)]
    pub listen_percent: u8,
    /// Buyers who watch the order until it is decided.
    #[serde(default)]
    pub watch_percent: u8,
    /// Buyers who cancel.
    #[serde(default)]
    pub cancel_percent: u8,
    /// Of the others than these and the next, those who cancel some units once it is confirmed.
    #[serde(default)]
    pub cancel_part_percent: u8,
    /// Orders that staff ships and delivers. The other buyers leave.
    #[serde(default)]
    pub deliver_percent: u8,
    /// Of the orders that staff delivers, those that leave parcel by parcel.
    #[serde(default)]
    pub parcels: Option<Parcels>,
    /// Orders that staff puts on hold.
    #[serde(default)]
    pub freezes: Option<Freezes>,
    /// How long after placing they cancel; one half of them after a hundredth of that.
    pub cancel_after_ms: Span,
    /// How long after placing it is shipped.
    pub deliver_after_ms: Span,
    /// Median of the pause before each step; half of all pauses are longer.
    pub think_median_ms: u32,
    /// How wide pauses are spread: standard deviation of their logarithm, times 100.
    pub think_sigma_percent: u16,
}

impl People {
    /// The visit of this number.
    #[must_use]
    pub fn visit(&self, seed: u64, id: u32, at_us: u64, wanted: &Popularity<'_>) -> Visit {
        let shape = Draws::of(seed, Stream::Shape, u64::from(id));
        let keys = Draws::of(seed, Stream::Keys, u64::from(id));
        let buys = 100 - self.browse_percent - self.abandon_percent;
        let think_ms = self.think_ms(shape);
        let basket = |of: &Basket| self.lines(of, (shape, keys), at_us, wanted);
        let own = || basket(&OWN);
        let journey = match shape.pick(KIND, &[self.browse_percent, self.abandon_percent, buys]) {
            0 if shape.percent(SIGNS_IN, self.sign_in_percent) => Journey::SignIn {
                times: shape.amount(SIGN_INS, SIGN_INS_OF_A_VISIT),
                two_tabs: shape.percent(TWO_TABS, TWO_TABS_PERCENT),
                think_ms,
            },
            0 if shape.percent(SAVES, self.address_percent) => Journey::Address {
                writes: shape.amount(SAVED, WRITES_OF_A_VISIT),
                deletes: shape.percent(DELETES, DELETES_PERCENT),
                think_ms,
            },
            0 => Journey::Browse {
                sku: wanted.draw(keys, SKU, at_us),
                n_reads: shape.amount(N_READS, self.n_reads),
                think_ms,
            },
            1 => Journey::Abandon { lines: own() },
            _ => Journey::Buy {
                lines: own(),
                brings: match shape.percent(BRINGS, self.brings_percent) {
                    true => basket(&BROUGHT),
                    false => Vec::new(),
                },
                pay: self.pay(shape),
                think_ms,
                double_click: shape.percent(DOUBLE_CLICK, self.double_click_percent),
                no_wait: shape.percent(NO_WAIT, self.no_wait_percent),
                listen: self.listen(shape),
                then: self.then(shape),
                freeze: self.freezes.as_ref().and_then(|freezes| freezes.freeze(shape)),
            },
        };
        let user = keys.below(USER, u64::from(self.n_users));
        Visit { id, at_us, user: u32::try_from(user).expect("below n_users"), journey }
    }

    fn think_ms(&self, shape: Draws) -> u32 {
        let sigma = f64::from(self.think_sigma_percent) / 100.0;
        let ms = shape.lognormal(THINK, f64::from(self.think_median_ms), sigma);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
        let ms = ms.min(THINK_MS_MAX) as u32;
        ms
    }

    fn pay(&self, shape: Draws) -> Pay {
        match shape.percent(WALLET, self.wallet_percent) {
            true => Pay::Wallet,
            false if shape.percent(GATEWAY, self.gateway_percent) => Pay::Gateway,
            false => Pay::Cod,
        }
    }

    fn listen(&self, shape: Draws) -> Option<Listen> {
        let to = if shape.percent(LISTEN_TO, 50) { Listen::All } else { Listen::Order };
        shape.percent(LISTEN, self.listen_percent).then_some(to)
    }

    fn then(&self, shape: Draws) -> Then {
        let others = self.watch_percent + self.cancel_percent + self.deliver_percent;
        let shares = [self.watch_percent, self.cancel_percent, self.deliver_percent, 100 - others];
        match shape.pick(THEN, &shares) {
            0 => Then::Watch,
            1 => {
                let after_ms = shape.amount(THEN_MS, self.cancel_after_ms);
                Then::Cancel(if shape.percent(SOON, 50) { after_ms / 100 } else { after_ms })
            }
            2 => {
                let after_ms = shape.amount(THEN_MS, self.deliver_after_ms);
                let parcels = self.parcels.as_ref();
                let shipping = parcels.and_then(|parcels| parcels.shipping(shape, after_ms));
                shipping.map_or(Then::Deliver(after_ms), Then::Ship)
            }
            _ if shape.percent(CANCEL_PART, self.cancel_part_percent) => {
                Then::CancelPart(shape.amount(THEN_MS, self.cancel_after_ms))
            }
            _ => Then::Leave,
        }
    }

    /// Lines of different SKUs, at least one; fewer where the same SKU is drawn again and again.
    fn lines(
        &self,
        of: &Basket,
        (shape, keys): (Draws, Draws),
        at_us: u64,
        wanted: &Popularity<'_>,
    ) -> Vec<Line> {
        let n_lines = shape.pick(of.n_lines, &self.lines_percent) + 1;
        let mut lines: Vec<Line> = Vec::new();
        for line in 0..n_lines.min(wanted.n_skus()) as u64 {
            let tries = (0..SKU_TRIES).map(|attempt| {
                let place = line * SKU_TRIES + attempt;
                wanted.draw(keys, of.sku + 2 * place, at_us)
            });
            let mut fresh = tries.filter(|sku| lines.iter().all(|other| other.sku != *sku));
            let Some(sku) = fresh.next() else { continue };
            let qty = shape.pick(of.qty + line, &self.qty_percent) + 1;
            lines.push(Line { sku, qty: u32::try_from(qty).expect("a short list") });
        }
        lines
    }
}
