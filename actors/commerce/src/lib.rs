//! The shop: entities and the pure functions that they share.
//!
//! One folder per entity (`state`, `command`, `event`, `decide`, `evolve`, `query`, `tests`), and
//! money and pricing beside them. Pure: no I/O, clock, randomness, async, logging, and no HashMap;
//! time and ids come in as arguments. Knows `entity` and `codec`, and nothing of the runtime or of
//! the edge.
#![warn(clippy::arithmetic_side_effects)]

pub mod hosting;
pub mod keys;
pub mod kinds;
pub mod money;
pub mod pricing;
pub mod protocol;
pub mod published;

pub mod account;
pub mod cart;
pub mod customer;
pub mod numbers;
pub mod order;
pub mod product;
pub mod shipment;
pub mod sku;
pub mod views;

mod stored;
