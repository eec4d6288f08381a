//! JSON forms that many replies share: money, instants, lists.
//!
//! Conversions only; what they convert from is decided in the entities.

mod address;
mod instant;
mod list;
mod money;
mod order;

pub use address::{AddressBody, AddressPatch};
pub use instant::{Date, Instant};
pub use list::{List, ShardsList};
pub use money::{AMOUNT_MAX, Money};
pub use order::{
    Order, OrderLine, SkuRef, TimelineEntry, Totals, cod_word, line_id, order_id, order_line,
    parcel_word, phase_word, txn_word,
};

#[cfg(test)]
mod tests;
