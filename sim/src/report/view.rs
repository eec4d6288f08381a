//! What all plots of a page share: the time axis, the width of a bucket, guides.
//!
//! The axis covers the run and every bucket of it. Spans that run on beyond the end (a fault that
//! was to last longer than the run) are cut there.

use std::collections::BTreeSet;

use super::axis::TimeAxis;
use crate::record::{RunRecord, Timeline};

/// Guides beyond this are left out: more of them would hide what they cross.
const GUIDES_MAX: usize = 120;

/// A thin vertical line through every plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Guide {
    /// Where, in percent of the width.
    pub(super) percent: f64,
    /// CSS class of its colour.
    pub(super) class: &'static str,
}

/// What all plots share.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// The time axis.
    pub(super) axis: TimeAxis,
    /// Width of a bucket in ms, at least 1.
    pub(super) bucket_ms: u64,
    /// Buckets of the longest time line.
    pub(super) n_buckets: usize,
    /// Begin and end of effective faults, and violations.
    pub(super) guides: Vec<Guide>,
}

impl View {
    /// The view of a record.
    pub(super) fn of(record: &RunRecord) -> Self {
        let timeline = &record.timeline;
        let n_buckets = n_buckets(timeline);
        let bucket_ms = match timeline.bucket_ms {
            // A record without a width still has its order in time.
            0 => (record.virtual_ms / (n_buckets as u64).max(1)).max(1),
            width => width,
        };
        let covered = bucket_ms.saturating_mul(n_buckets as u64);
        // A last bucket that is not full does not lengthen the run.
        let length = if record.virtual_ms > covered.saturating_sub(bucket_ms) {
            record.virtual_ms
        } else {
            covered
        };
        let axis = TimeAxis::new(length);
        let guides = guides(record, axis);
        Self { axis, bucket_ms, n_buckets, guides }
    }

    /// Where a bucket begins, in percent of the width; its end is where the next one begins.
    pub(super) fn bucket_percent(&self, bucket: f64) -> f64 {
        self.axis.percent(bucket * self.bucket_ms as f64)
    }

    /// A count per bucket as a count per second.
    pub(super) fn per_second(&self, count: u64) -> f64 {
        count as f64 * 1000.0 / self.bucket_ms as f64
    }
}

fn n_buckets(timeline: &Timeline) -> usize {
    let counts = [&timeline.offered, &timeline.admitted, &timeline.confirmed, &timeline.refused];
    let counts = counts.into_iter().map(Vec::len);
    let stock = timeline.stock.values().map(Vec::len);
    let queues = timeline.queues.values().map(Vec::len);
    counts.chain([timeline.latency.len()]).chain(stock).chain(queues).max().unwrap_or(0)
}

fn guides(record: &RunRecord, axis: TimeAxis) -> Vec<Guide> {
    let mut seen = BTreeSet::new();
    let mut guides = Vec::new();
    // What was seen at the end comes from a check over the whole run: no instant of its own.
    let violations = record.violations.iter().map(|violation| violation.at_us as f64 / 1e3);
    let violations =
        violations.filter(|ms| *ms < axis.length_ms as f64 * 0.999).map(|ms| (ms, "g-violation"));
    let faults = record.timeline.faults.iter().filter(|fault| fault.effective);
    let faults = faults.flat_map(|fault| {
        let class = guide_class(&fault.family);
        [(fault.from_ms as f64, class), (fault.to_ms as f64, class)]
    });
    for (ms, class) in violations.chain(faults) {
        let percent = axis.percent(ms);
        // Two that are less than 0.2 % apart look like one.
        if guides.len() < GUIDES_MAX && seen.insert((percent * 5.0).round() as u32) {
            guides.push(Guide { percent, class });
        }
    }
    guides
}

/// CSS class of a guide by family.
fn guide_class(family: &str) -> &'static str {
    match Realm::of(family) {
        Realm::Process => "g-process",
        Realm::Network => "g-network",
        Realm::Store => "g-store",
        Realm::Bus => "g-bus",
        Realm::Clock => "g-clock",
        Realm::Other => "g-other",
    }
}

/// What a family of faults befalls; gives lanes and guides their colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Realm {
    /// Processes of nodes.
    Process,
    /// Links.
    Network,
    /// The store.
    Store,
    /// The bus.
    Bus,
    /// Clocks.
    Clock,
    /// A family that this page does not know.
    Other,
}

impl Realm {
    /// By the family's name.
    pub(super) fn of(family: &str) -> Self {
        match family {
            "crash" | "pause" | "roll" | "sync_fails" => Self::Process,
            "loss" | "duplicate" | "delay" | "partition" | "client_loss" => Self::Network,
            "stale_reads" => Self::Store,
            family if family.starts_with("store") => Self::Store,
            family if family.starts_with("bus") => Self::Bus,
            family if family.starts_with("clock") => Self::Clock,
            _ => Self::Other,
        }
    }

    /// Its name, which is also the CSS class of its bars.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Network => "network",
            Self::Store => "store",
            Self::Bus => "bus",
            Self::Clock => "clock",
            Self::Other => "other",
        }
    }
}
