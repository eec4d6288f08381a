//! Units for sale over a run, as the journal has them: how fast the stock of what sold most went.

use std::collections::BTreeMap;

use crate::check::journal::World as Journal;
use crate::kernel::EPOCH_MS;
use crate::record::Timeline;

/// SKUs that are shown.
const SKUS_MAX: usize = 10;

/// Units for sale at the end of each bucket of the timeline, of the SKUs that fell most.
///
/// Times are those of the shards, whose clocks faults may have moved. `begun_ms`: when the times of
/// the plan began, in ms of the kernel.
pub(super) fn stock(
    journal: &Journal,
    codes: &[String],
    line: &Timeline,
    begun_ms: u64,
) -> BTreeMap<u32, Vec<i64>> {
    let mut lines: Vec<(i64, u32, Vec<i64>)> = Vec::new();
    for (sku, code) in (0..).zip(codes) {
        let units = units(&journal.units_for_sale(code), line, EPOCH_MS + begun_ms);
        let fall =
            units.iter().min().copied().unwrap_or(0) - units.iter().max().copied().unwrap_or(0);
        lines.push((fall, sku, units));
    }
    lines.sort_unstable();
    lines.into_iter().take(SKUS_MAX).map(|(_, sku, units)| (sku, units)).collect()
}

fn units(steps: &[(u64, u64)], line: &Timeline, begun_ms: u64) -> Vec<i64> {
    let mut next = steps.iter().peekable();
    let mut left = 0;
    let mut units = Vec::with_capacity(line.offered.len());
    for bucket in 1..=line.offered.len() as u64 {
        let end_ms = begun_ms + bucket * line.bucket_ms;
        while let Some((_, now)) = next.next_if(|(at_ms, _)| *at_ms < end_ms) {
            left = i64::try_from(*now).unwrap_or(i64::MAX);
        }
        units.push(left);
    }
    units
}
