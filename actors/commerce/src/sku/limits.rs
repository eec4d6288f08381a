//! Limits of one SKU, with the arithmetic beside each (I10).

use entity::limits::{IDEMPOTENCY_KEYS_MAX, SENDS_PER_STEP_MAX, STATE_BYTES_MAX, STEP_BYTES_MAX};

/// Holds that one SKU keeps: held, pinned, and committed but not yet shipped.
pub const HOLDS_MAX: usize = 20_000;

/// Bytes of a hold in the map: 16 of id and 80 of hold, at a fill of two thirds.
pub const HOLD_BYTES: usize = 150;

/// Bytes of a hold's entry in the index of deadlines.
pub const DUE_BYTES: usize = 40;

/// Ended holds that are remembered for their owners' repeats.
pub const ENDED_KEPT: usize = 1_024;

/// How long an ended hold is remembered: 24 h.
pub const ENDED_KEEP_MS: u64 = 24 * 60 * 60 * 1000;

/// Restocks of holds that are forgotten, remembered against repeats.
pub const RETURNS_KEPT: usize = 1_024;

/// Idempotency keys that a SKU keeps of one principal. The system of a warehouse is one, and moves
/// the stock of a busy SKU more often than a buyer touches his order.
pub const PRINCIPAL_KEYS: usize = 512;

/// The newest movements, which a SKU keeps; the journal has all of them.
pub const MOVEMENTS_KEPT: usize = 100;

/// Shipments and restocks that a hold remembers against repeats.
///
/// An order ships a SKU once from each location and cancels it in a few steps.
pub const MOVES_PER_HOLD: usize = 256;

/// Locations of one SKU.
pub const LOCATIONS_MAX: usize = 64;

/// Price books with a price of one SKU.
pub const BOOKS_MAX: usize = 64;

/// Units of one hold, shipment or restock (interfaces.md 0.9).
pub const QTY_MAX: u32 = 1_000_000;

/// Units on hand, of safety and of oversell at one location: the sum over all locations fits
/// into 64 bits with much room, and one location into the 32 bits of a reply.
pub const UNITS_MAX: u32 = 1_000_000_000;

/// The longest time to live of a hold: 30 days. Auctions and pre-sales pin.
pub const HOLD_TTL_MS_MAX: u32 = 30 * 24 * 60 * 60 * 1000;

/// A pinned hold older than this is asked about: 10 min (domain.md 3).
pub const PINNED_QUIET_MS: u64 = 10 * 60 * 1000;

/// How often an owner is asked: every minute.
pub const ASK_EVERY_MS: u64 = 60 * 1000;

/// Owners asked in one step; the others follow a second later.
pub const ASKS_PER_STEP: usize = 512;

/// When the owners come that did not fit into a step of asking.
pub const ASK_SPREAD_MS: u64 = 1000;

/// At this many available units and below the SKU counts as low.
pub const LOW_AT: u32 = 5;

/// Items of a page.
pub const PAGE_MAX: usize = 100;

/// Characters of a title.
pub const TITLE_CHARS_MAX: usize = 300;

/// Characters of a category.
pub const CATEGORY_CHARS_MAX: usize = 64;

/// Bytes of a name: product, location, book.
pub const NAME_BYTES_MAX: usize = 64;

/// Characters of a reason.
pub const REASON_CHARS_MAX: usize = 200;

// All holds may expire in one step: 17 bytes of each stand in the event, and every one may be
// open at once and still leave room for the rest of the state.
const _: () = assert!(HOLDS_MAX * 17 + ASKS_PER_STEP * 300 < STEP_BYTES_MAX);
const _: () = assert!(HOLDS_MAX * (HOLD_BYTES + DUE_BYTES) < STATE_BYTES_MAX);
const _: () = assert!(ASKS_PER_STEP <= SENDS_PER_STEP_MAX);
const _: () = assert!(PRINCIPAL_KEYS * 2 <= IDEMPOTENCY_KEYS_MAX);
