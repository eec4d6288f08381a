//! The quote hash: which prices, rules and amounts the customer agreed to.
//!
//! Its first half says what is bought for which amounts, its second half also from which versions
//! of prices and rules that came. Guarantees: equal quotes of equal versions hash equally in every
//! process and release; any other version or amount hashes differently (SHA-256, of which 64 bits
//! are kept for each half). Texts (titles, names) and time are left out: they change nothing that
//! is paid.
//!
//! The encoding is canonical: integers big-endian at full width, texts and lists after their u32
//! length, enums as one byte. It is frozen: a change needs another [`DOMAIN`], and makes every
//! open quote of the release before re-price.

use compact_str::CompactString;
use sha2::{Digest, Sha256};

use super::{Discount, Quote, QuoteInput, Rule, TenderKind};
use crate::money::{Money, TaxBasis, TaxKind, TaxPolicy, TaxRounding};

/// Keeps these hashes apart from all others, and from those of another encoding.
const DOMAIN: &str = "mercato/quote/1";

/// The same for the half over what is bought for which amounts.
const DOMAIN_OF_AMOUNTS: &str = "mercato/quote/amounts/1";

/// How much of a digest is kept.
const KEPT_BYTES: usize = 8;

/// Digits of a half: two for each byte.
const HALF_DIGITS: usize = 16;

/// Digits of a hash.
const DIGITS: usize = 32;

/// The hash of a quote, as hexadecimal digits. `rules` are the input's, by stage and priority.
pub(super) fn of(input: &QuoteInput, rules: &[&Rule], quote: &Quote) -> CompactString {
    let mut hash = amounts(quote);
    hash.push_str(&versions(input, rules, quote));
    hash
}

/// Whether two hashes are of the same goods for the same amounts; versions may differ.
///
/// A text that is no hash of ours was agreed to by nobody who read a quote: it says nothing, and
/// contradicts nothing.
#[must_use]
pub fn is_same_deal(agreed: &str, now: &str) -> bool {
    half_of_amounts(agreed).zip(half_of_amounts(now)).is_none_or(|(agreed, now)| agreed == now)
}

fn half_of_amounts(hash: &str) -> Option<&str> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_hash = hash.len() == DIGITS && hash.bytes().all(is_digit);
    hash.get(..HALF_DIGITS).filter(|_| is_hash)
}

fn amounts(quote: &Quote) -> CompactString {
    let mut out = Encoder(Sha256::new());
    out.text(DOMAIN_OF_AMOUNTS);
    out.text(quote.ccy.code());
    out.list(&quote.lines, |out, line| {
        out.text(&line.sku);
        out.u32(line.qty.get());
        out.money(line.unit_price);
        out.money(line.line_total);
        out.money(line.tax);
    });
    out.beside_lines(quote);
    out.hex()
}

fn versions(input: &QuoteInput, rules: &[&Rule], quote: &Quote) -> CompactString {
    let mut out = Encoder(Sha256::new());
    out.text(DOMAIN);
    out.text(quote.ccy.code());
    out.tax(&input.tax);
    out.list(rules, |out, rule| {
        out.text(&rule.id);
        out.u64(rule.version);
    });
    out.list(&quote.lines, |out, line| {
        out.text(&line.sku);
        out.u32(line.qty.get());
        out.money(line.unit_price);
        out.u64(line.price_version);
        out.money(line.gross);
        out.list(&line.discounts, Encoder::discount);
        out.money(line.line_total);
        out.money(line.tax);
    });
    out.beside_lines(quote);
    out.hex()
}

/// Feeds the digest. The currency stands once, at the beginning: amounts are minor units.
struct Encoder(Sha256);

impl Encoder {
    fn byte(&mut self, value: u8) {
        self.0.update([value]);
    }

    fn u32(&mut self, value: u32) {
        self.0.update(value.to_be_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.update(value.to_be_bytes());
    }

    fn money(&mut self, amount: Money) {
        self.0.update(amount.minor.to_be_bytes());
    }

    fn length(&mut self, n: usize) {
        self.u32(u32::try_from(n).expect("no list or text comes near 2^32"));
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.update(text);
    }

    fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Self, &T)) {
        self.length(items.len());
        for item in items {
            each(self, item);
        }
    }

    /// Shipping, who pays, and the sums.
    fn beside_lines(&mut self, quote: &Quote) {
        let shipping: Vec<_> = quote.shipping.iter().collect();
        self.list(&shipping, |out, shipping| {
            out.text(&shipping.id);
            out.money(shipping.amount);
            out.money(shipping.tax);
        });
        self.list(&quote.tenders, |out, share| {
            out.byte(match share.kind {
                TenderKind::Wallet => 0,
                TenderKind::Points => 1,
                TenderKind::GiftCard => 2,
                TenderKind::Cod => 3,
                TenderKind::Gateway => 4,
            });
            out.money(share.amount);
        });
        let totals = &quote.totals;
        let sums = [totals.lines, totals.shipping, totals.tax, totals.tenders, totals.payable];
        self.list(&sums, |out, sum| out.money(*sum));
        self.money(totals.due_now);
    }

    fn discount(&mut self, discount: &Discount) {
        self.text(&discount.rule);
        self.u64(discount.rule_version);
        self.money(discount.amount);
    }

    /// The rate and how it is applied. The rounding mode shows in the amounts.
    fn tax(&mut self, policy: &TaxPolicy) {
        self.0.update(policy.rate.0.to_be_bytes());
        self.byte(match policy.kind {
            TaxKind::Exclusive => 0,
            TaxKind::Inclusive => 1,
        });
        self.byte(match policy.basis {
            TaxBasis::Line => 0,
            TaxBasis::Unit => 1,
        });
        self.byte(match policy.rounding {
            TaxRounding::Line => 0,
            TaxRounding::RateGroup => 1,
        });
    }

    fn hex(self) -> CompactString {
        let digest = self.0.finalize();
        let kept = digest.iter().take(KEPT_BYTES);
        kept.flat_map(|byte| [byte >> 4, byte & 0xf])
            .map(|digit| char::from_digit(u32::from(digit), 16).expect("four bits are one digit"))
            .collect()
    }
}
