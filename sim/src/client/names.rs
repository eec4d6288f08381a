//! What a run calls the things that it makes at a target.
//!
//! Simulated worlds are empty, so their names are plain. A live target remembers earlier runs:
//! there each run has a name of its own, and no two of them meet in a cart, a key or a SKU.

/// Names of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Empty, or what the run is called and a hyphen.
    run: String,
}

impl Names {
    /// The names of a run at a target that other runs use too.
    #[must_use]
    pub fn of(run: &str) -> Self {
        Self { run: format!("{run}-") }
    }

    /// The code of a SKU by its number.
    #[must_use]
    pub fn sku(&self, sku: u32) -> String {
        format!("sim-{}{sku:05}", self.run)
    }

    /// The number of a SKU by its code, if it is one of this run's.
    #[must_use]
    pub fn number(&self, code: &str) -> Option<u32> {
        code.strip_prefix("sim-")?.strip_prefix(self.run.as_str())?.parse().ok()
    }

    /// The product that all SKUs belong to.
    #[must_use]
    pub fn product(&self) -> String {
        format!("{}sim", self.run)
    }

    /// The cart of a visit's n-th try.
    #[must_use]
    pub fn cart(&self, visit: u32, n: u32) -> String {
        format!("cart-{}{visit:08}-{n}", self.run)
    }

    /// The cart that a visit fills as a guest.
    #[must_use]
    pub fn guest_cart(&self, visit: u32) -> String {
        format!("guest-cart-{}{visit:08}", self.run)
    }

    /// The address that a visit saves.
    #[must_use]
    pub fn address(&self, visit: u32) -> String {
        format!("address-{}{visit:08}", self.run)
    }

    /// The idempotency key of the n-th thing of a kind.
    #[must_use]
    pub fn key(&self, what: &str, n: u32) -> String {
        format!("{}{what}-{n}", self.run)
    }

    /// The name under which a customer signs in.
    #[must_use]
    pub fn customer(&self, user: u32) -> String {
        format!("{}customer-{user}", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_do_not_meet() {
        let (plain, other) = (Names::default(), Names::of("r7"));
        assert_eq!((plain.sku(3).as_str(), other.sku(3).as_str()), ("sim-00003", "sim-r7-00003"));
        assert_eq!((plain.number("sim-00003"), other.number("sim-r7-00003")), (Some(3), Some(3)));
        assert_eq!((plain.number("sim-r7-00003"), other.number("sim-00003")), (None, None));
        assert_eq!((plain.product(), other.product()), ("sim".into(), "r7-sim".into()));
        assert_eq!(other.cart(5, 1), "cart-r7-00000005-1");
        assert_eq!(other.customer(9), "r7-customer-9");
        assert_eq!(
            (plain.key("open", 2), other.key("open", 2)),
            ("open-2".into(), "r7-open-2".into())
        );
    }
}
