//! Money against the checked vectors of the domain, and against its laws for any input.
//!
//! `vectors` are tables with the wanted amounts; `laws` draw their input from all of `i64`.
#![allow(clippy::arithmetic_side_effects)]

mod laws;
mod vectors;

use std::num::NonZeroU32;

use super::{Ccy, Money};

/// A quantity in a test's table.
fn units(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("a test's quantity is not zero")
}

/// Dollars, in cents.
fn usd(minor: i64) -> Money {
    Money::new(minor, Ccy::USD)
}
