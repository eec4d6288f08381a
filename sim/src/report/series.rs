//! Thins time lines out and stacks spans, so that a page stays small and nothing overlaps.
//!
//! Thinning keeps the extremes: of every group of buckets the lowest and the highest one stay,
//! each at its own place, so a peak of one bucket is as high in the plot as in the record.

/// A point of a line: bucket and value. `None`: no sample there, the line has a gap.
pub(super) type Point = (usize, Option<f64>);

/// At most about `2 * n_max` points of `values`, with the extremes of every group kept.
pub(super) fn thin(values: &[Option<f64>], n_max: usize) -> Vec<Point> {
    let group = values.len().div_ceil(n_max.max(1)).max(1);
    if group == 1 {
        return values.iter().copied().enumerate().collect();
    }
    let mut points = Vec::with_capacity(2 * n_max);
    for (n, chunk) in values.chunks(group).enumerate() {
        let first = n * group;
        let present = || chunk.iter().enumerate().filter_map(|(i, v)| v.map(|v| (i, v)));
        let low = present().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = present().max_by(|a, b| a.1.total_cmp(&b.1));
        match low.zip(high) {
            None => points.push((first, None)),
            Some((low, high)) => {
                let (a, b) = if low.0 <= high.0 { (low, high) } else { (high, low) };
                points.push((first + a.0, Some(a.1)));
                if a.0 != b.0 {
                    points.push((first + b.0, Some(b.1)));
                }
            }
        }
    }
    points
}

/// The highest value of every `group` of values that follow each other.
pub(super) fn maxima<T: Copy + Ord>(values: &[T], group: usize) -> Vec<T> {
    values.chunks(group.max(1)).filter_map(|chunk| chunk.iter().copied().max()).collect()
}

/// Puts spans (from, to) into lanes so that no two of one lane are nearer than `gap`; gives the
/// lane of each. Spans that come earlier get the upper lanes.
pub(super) fn stack(spans: &[(u64, u64)], gap: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|index| (spans[*index], *index));
    let mut free_from: Vec<u64> = Vec::new();
    let mut lanes = vec![0; spans.len()];
    for index in order {
        let (from, to) = spans[index];
        let free = free_from.iter().position(|free| *free <= from);
        let lane = free.unwrap_or(free_from.len());
        if lane == free_from.len() {
            free_from.push(0);
        }
        free_from[lane] = to.max(from).saturating_add(gap);
        lanes[index] = lane;
    }
    lanes
}

/// What of `0..end` the spans leave free.
pub(super) fn gaps(spans: &[(u64, u64)], end: u64) -> Vec<(u64, u64)> {
    let mut sorted: Vec<_> = spans.iter().copied().filter(|(from, to)| to > from).collect();
    sorted.sort_unstable();
    let mut free = Vec::new();
    let mut at = 0;
    for (from, to) in sorted {
        if from > at {
            free.push((at, from.min(end)));
        }
        at = at.max(to);
        if at >= end {
            break;
        }
    }
    if at < end {
        free.push((at, end));
    }
    free.retain(|(from, to)| from < to);
    free
}
