//! Limits of one entity, with the arithmetic beside each (I10).

/// The largest encoded state of one entity, in bytes.
///
/// 20,000 open holds of about 60 bytes each are 1.2 MB; at 4 MiB a snapshot still fits one value.
pub const STATE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest record of one step, in bytes (architecture 3). Never split.
pub const STEP_BYTES_MAX: usize = 512 * 1024;

/// Idempotency keys of one principal that an entity keeps, if its kind says nothing else; more is
/// refused, unexpired keys are never evicted.
pub const PRINCIPAL_KEYS: usize = 64;

/// Idempotency keys that one entity keeps: of 16 principals, if each uses his share up.
pub const IDEMPOTENCY_KEYS_MAX: usize = 1_024;

/// Bytes of outcomes from which an entity keeps no further key. Most outcomes have some 50 to 500
/// bytes, of which 1,024 are less; a refused price with its offer has up to 16 KiB.
pub const IDEMPOTENCY_BYTES_MAX: usize = 512 * 1024;

/// The longest idempotency key, in bytes (interfaces.md 1).
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// How long the outcome of an accepted command is kept with its key: 48 h.
pub const IDEMPOTENCY_KEEP_MS: u64 = 48 * 60 * 60 * 1000;

/// How long a refusal is kept with its key: 10 min.
pub const REFUSAL_KEEP_MS: u64 = 10 * 60 * 1000;

/// Messages that one step may send.
///
/// An order of 500 lines asks at most 500 SKUs.
pub const SENDS_PER_STEP_MAX: usize = 1024;

const _: () = assert!(IDEMPOTENCY_BYTES_MAX <= STATE_BYTES_MAX / 8);
const _: () = assert!(PRINCIPAL_KEYS < IDEMPOTENCY_KEYS_MAX);
const _: () = assert!(STEP_BYTES_MAX < STATE_BYTES_MAX);
