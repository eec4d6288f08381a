//! An order under test: whole sagas with real SKUs, wallets, shipments and carts, then every
//! stage against every input, then random walks with faults, then frozen bytes.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

mod cancel;
mod faults;
mod fulfil;
mod fuzz;
pub(crate) mod golden;
mod matrix;
mod place;
mod publish;
pub(crate) mod world;
