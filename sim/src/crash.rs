//! The crash harness: the shard core, one staging buffer, a store in memory, and a crash at every
//! boundary of every step.
//!
//! A run is single-threaded and a function of its [`Setup`]: a keyed draw chooses the next of all
//! possible steps (hand an input to a core, perform one of its outputs, deliver a parcel, take a
//! group, append it, read, write, let time pass). A first run counts the boundaries; then the
//! same workload runs again with a crash at each of them. After the crash faults stop, everything
//! has to come to rest, and the journal, the live entities and what callers were told are held
//! against I1-I8 and I11 of ARCHITECTURE.md.
//!
//! It does not run the ractor shells (tests of `cluster::Node` do) nor a real store.

mod action;
mod check;
mod client;
mod committer;
mod host;
mod journal;
mod links;
mod plan;
mod restart;
mod run;
mod sweep;
mod witness;
mod world;

pub use plan::{Canary, Setup};
pub use run::{Crash, CrashKind, Report, run};
pub use sweep::{Row, Sweep, sweep, table};
pub use world::Probes;

#[cfg(test)]
mod tests;
