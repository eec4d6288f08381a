//! How much one quote takes. More is refused, never cut off.
//!
//! Limits of size only: amounts have theirs in `money`, and the edge its own on bodies.

/// Lines of a cart. About 200 bytes a line, so an order of this size stays well below the
/// 512 KiB of a step's record.
pub const LINES_MAX: usize = 1_000;

/// Rules that are considered for one cart, coupons included.
pub const RULES_MAX: usize = 100;

/// Shipping options that are offered at once.
pub const SHIPPING_OPTIONS_MAX: usize = 64;

/// Tenders of one cart.
pub const TENDERS_MAX: usize = 8;

const _: () = assert!(LINES_MAX * 200 < 512 * 1024, "an order's lines fit into a record");
