//! Deterministic runs of the production code: one seed, one trace.
//!
//! [`crash`] drives the shard core over one staging buffer and a store in memory and crashes it
//! at every boundary of every step. [`toy`] holds small entities for it and for tests elsewhere.
//! The traffic simulator runs whole nodes: a [`plan`] says what happens from outside, a
//! [`history`] what clients saw, a [`record`] how it ended; [`check`] judges them and
//! a [`report`] shows it. [`random`] gives
//! every draw its own key, so that leaving one thing out moves nothing else.

pub mod check;
pub mod client;
pub mod crash;
pub mod history;
pub mod kernel;
pub mod plan;
pub mod random;
pub mod record;
pub mod report;
pub mod run;
pub mod toy;
pub mod world;
