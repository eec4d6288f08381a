//! Checkers of a run: what was seen and what was stored, judged after it.
//!
//! [`journal`] looks inside: journal, snapshots, checkpoints, published events. Pure: they take
//! values and give findings, so that each of them can be shown a wrong value and has to say so.

pub mod journal;
