//! A log is what one sync makes durable: one staging buffer, one committer.
//!
//! [`staging`] is the pure half: it numbers records and forms groups. [`committer`] is the shell:
//! it takes one group at a time to the journal and tells the hosts what is durable.

pub mod committer;
pub mod staging;

pub use committer::Log;
pub use staging::{Lsn, Placed, Stage, StageError, Staging};
