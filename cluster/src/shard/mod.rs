//! A shard: the unit of ownership, journal and stream; its entities, timers and streams.
//!
//! [`core`] and the modules it uses are pure: inputs and time in, outputs out, records into a
//! staging buffer. [`host`] is the ractor actor around it. The crash harness in `sim` drives the
//! core without the host.

pub mod core;
pub(crate) mod following;
pub mod host;
pub mod inbox;

pub mod io;

pub mod release;
pub mod residents;
pub mod streams;
pub mod timers;
pub mod waiters;

pub use core::ShardCore;
pub use core::recovery::{Error as RecoveryError, Recovery};
pub use io::{Answer, Ask, AskBody, Caller, Input, Loaded, Output, Refusal, Troubles};
