//! Deterministic runs of the production code: one seed, one trace.
//!
//! [`crash`] drives the shard core over one staging buffer and a store in memory and crashes it
//! at every boundary of every step. [`toy`] holds small entities for it and for tests elsewhere.
//! The traffic simulator runs whole nodes: a [`plan`] says what happens from outside, a
//! [`history`] what clients saw, a [`record`] how it ended; a [`report`] shows it. [`random`] gives
//! every draw its own key, so that leaving one thing out moves nothing else. A [`scenario`] and a
//! seed make a plan, with [`traffic`] and faults; [`shrink`] makes a failing plan small. [`drive`]
//! plays a plan against a live system.

pub mod calm;
pub mod check;
pub mod client;
pub mod command;
pub mod crash;
pub mod drive;
pub mod history;
pub mod kernel;
pub mod plan;
pub mod random;
pub mod record;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod toy;
pub mod traffic;
pub mod watch;
pub mod world;
