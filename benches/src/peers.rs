//! The peers: other ways to do the same steps, run beside in the same run on the same machine.
//!
//! Each is a server of our own, with its data in a temporary folder, reached by a socket in it,
//! and stopped by its process id. What it is asked stands in `benches/peers/`.

pub mod postgres;
pub mod redis;
mod server;

use crate::workload::{Shape, Workload};

/// What a peer did.
#[derive(Debug, Clone, Copy)]
pub struct PeerRate {
    /// Orders in a second.
    pub per_second: f64,
    /// Median latency of an order in milliseconds, where the peer says it.
    pub p50_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
}

/// Lines of an order at the most.
const fn lines_max(workload: &Workload) -> u32 {
    match workload.shape {
        Shape::Uniform => 3,
        Shape::Hot => 1,
    }
}

/// SKUs that a peer has: a hot one has no cap on holds there and is not exchanged.
const fn n_skus(workload: &Workload) -> u32 {
    match workload.shape {
        Shape::Uniform => workload.n_skus,
        Shape::Hot => 1,
    }
}
