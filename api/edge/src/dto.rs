//! JSON forms that many replies share: money, instants, lists.
//!
//! Conversions only; what they convert from is decided in the entities.

mod instant;
mod list;
mod money;

pub use instant::{Date, Instant};
pub use list::List;
pub use money::{AMOUNT_MAX, Money};

#[cfg(test)]
mod tests;
