//! Contract tests: written once, run by every adapter on a fresh store or bus.
//!
//! Each function panics where an adapter does less than its trait promises. They use the first
//! four shards and rows under their own names, so all may run one after another on one store.

mod bus;
mod journal;
mod meta;
mod ownership;
pub mod sample;
mod snapshots;
mod views;

pub use bus::bus;
pub use journal::journal;
pub use meta::meta;
pub use ownership::ownership;
pub use snapshots::snapshots;
pub use views::views;

/// Shards that a store needs for these tests.
pub const N_SHARDS: u16 = 4;
