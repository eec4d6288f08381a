//! Scales, ticks, thinning, stacking, formats: the arithmetic under the plots.

use crate::report::axis::{Scale, TimeAxis, spread};
use crate::report::heat::level;
use crate::report::series::{gaps, maxima, stack, thin};
use crate::report::summary::blocks;
use crate::report::tables::natural;
use crate::report::text::{
    amount, clipped, duration, escape, grouped, latency, percent, rate, script_json,
};

#[test]
fn text_is_escaped() {
    assert_eq!(escape("a<b>&\"'\u{0}\n"), "a&lt;b&gt;&amp;&quot;&#39;\u{FFFD}\n");
    assert_eq!(escape("\u{FFFE}\u{7f}é✓"), "\u{FFFD}\u{FFFD}é✓");
    assert_eq!(script_json(&serde_json::json!("</a&")), "\"\\u003c/a\\u0026\"");
    assert_eq!(clipped("abcdef", 4), "abc…");
    assert_eq!(clipped("abcd", 4), "abcd");
}

#[test]
fn numbers_are_short() {
    let amounts = [0.0, 0.25, 9.0, 99.96, 999.6, 1_234.0, 12_340.0, 999_999.0, 3e6, -1_500.0];
    let told: Vec<_> = amounts.into_iter().map(amount).collect();
    assert_eq!(told, ["0", "0.25", "9", "100", "1 k", "1.23 k", "12.3 k", "1 M", "3 M", "-1.5 k"]);
    assert_eq!(rate(1_200.0), "1.2 k/s");
    let latencies = [350.0, 999.6, 12_000.0, 999_600.0, 1.5e6, 1.5e8].map(latency);
    assert_eq!(latencies, ["350 µs", "1 ms", "12 ms", "1 s", "1.5 s", "2.5 min"]);
    let durations = [0, 250, 12_500, 200_000, 18_720_000, 273_600_000].map(duration);
    assert_eq!(durations, ["0 s", "250 ms", "12.5 s", "3 min 20 s", "5 h 12 min", "3 d 4 h"]);
    assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!(percent(1.0, 0.0), "0 %");
    assert_eq!(percent(1.0, 1e6), "< 0.01 %");
    assert_eq!(percent(1.0, 8.0), "12.5 %");
}

#[test]
fn time_ticks_are_round_few_and_inside() {
    for length in [0, 1, 7, 999, 4_999, 60_000, 61_234, 3_600_000, 86_400_000, 1 << 50, u64::MAX] {
        let axis = TimeAxis::new(length);
        let ticks = axis.ticks(10);
        assert!((1..=11).contains(&ticks.len()), "{length}: {ticks:?}");
        assert!(ticks.iter().all(|tick| *tick <= axis.length_ms));
        let mut labels: Vec<_> = ticks.iter().map(|tick| axis.tick_label(*tick)).collect();
        labels.dedup();
        assert_eq!(labels.len(), ticks.len(), "{length}: two ticks say the same: {labels:?}");
    }
    let axis = TimeAxis::new(60_000);
    assert_eq!(axis.ticks(10), [0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    assert_eq!(axis.tick_label(20_000), "20 s");
    assert_eq!(TimeAxis::new(600_000).tick_label(90_000), "1:30");
    assert_eq!(axis.percent(1e300), 100.0);
}

#[test]
fn scales_hold_their_values_between_round_ends() {
    for (low, high) in [(0.0, 0.0), (0.0, 1.0), (0.0, 2_290.0), (-17.0, 2_500.0), (-3.0, -1.0)] {
        let scale = Scale::linear(low, high);
        let ticks = scale.ticks();
        assert!((2..=8).contains(&ticks.len()), "{low}..{high}: {ticks:?}");
        assert!(ticks[0] <= low && high <= ticks[ticks.len() - 1] + 1e-9);
        assert!(scale.y(low, 100.0) >= scale.y(high, 100.0));
    }
    assert_eq!(Scale::linear(0.0, 2_290.0).ticks(), [0.0, 1_000.0, 2_000.0, 3_000.0]);
    assert_eq!(Scale::linear(0.0, 100.0).y(25.0, 200.0), 150.0);
    for (low, high) in [(0.0, 0.0), (1.0, 1.0), (900.0, 1_000_000.0), (3.0, 1.9e19)] {
        let scale = Scale::log(low, high);
        let ticks = scale.ticks();
        assert!((2..=21).contains(&ticks.len()), "{low}..{high}: {ticks:?}");
        assert!(scale.y(1e300, 100.0) == 0.0 && scale.y(0.0, 100.0) == 100.0);
    }
    let two = Scale::log(2_000.0, 90_000.0);
    assert_eq!(two.ticks(), [2e3, 5e3, 1e4, 2e4, 5e4, 1e5]);
    assert!(Scale::linear(0.0, 1.0).y(f64::NAN, 100.0).is_finite());
}

#[test]
fn labels_that_would_overlap_move_apart() {
    let placed = spread(&[50.0, 51.0, 10.0, 99.0], 14.0, 100.0);
    let mut sorted = placed.clone();
    sorted.sort_by(f64::total_cmp);
    assert!(sorted.windows(2).all(|two| two[1] - two[0] >= 13.999), "{placed:?}");
    assert!(placed[2] < placed[0] && placed[0] < placed[1] && placed[1] < placed[3]);
    let all_at_the_end = spread(&[190.0; 10], 14.0, 190.0);
    assert!(all_at_the_end.windows(2).all(|two| two[1] - two[0] >= 13.999));
    assert!(all_at_the_end.iter().all(|y| (0.0..=190.0).contains(y)));
    assert!(spread(&[5.0; 40], 14.0, 190.0).iter().all(|y| (0.0..=190.0).contains(y)));
    assert_eq!(spread(&[3.0], 14.0, 10.0), [3.0]);
}

#[test]
fn thinning_keeps_extremes_in_their_places_and_gaps() {
    let mut values: Vec<_> = (0..10_000).map(|n| Some(f64::from(n % 10) + 5.0)).collect();
    values[4_321] = Some(99.0);
    values[8_765] = Some(-1.0);
    for gap in &mut values[2_000..3_000] {
        *gap = None;
    }
    let points = thin(&values, 100);
    assert!(points.len() <= 200);
    assert!(points.contains(&(4_321, Some(99.0))) && points.contains(&(8_765, Some(-1.0))));
    assert_eq!(points.iter().filter(|(_, value)| value.is_none()).count(), 10);
    assert!(points.windows(2).all(|two| two[0].0 < two[1].0), "in the order of time");
    assert_eq!(thin(&[], 100), []);
    assert_eq!(thin(&[Some(1.0), None], 100), [(0, Some(1.0)), (1, None)]);
    assert_eq!(maxima(&[1, 5, 2, 0, 7], 2), [5, 2, 7]);
    assert!(maxima::<u64>(&[], 0).is_empty());
}

#[test]
fn spans_of_one_lane_do_not_overlap() {
    let spans: Vec<_> = (0..50_u64).map(|n| (n * 37 % 100, n * 37 % 100 + n % 13)).collect();
    let lanes = stack(&spans, 2);
    for (a, b) in (0..50).flat_map(|a| (0..a).map(move |b| (a, b))) {
        if lanes[a] == lanes[b] {
            let (first, second) = (spans[a].min(spans[b]), spans[a].max(spans[b]));
            assert!(first.1 + 2 <= second.0, "{first:?} and {second:?} in lane {}", lanes[a]);
        }
    }
    assert_eq!(stack(&[(0, 5), (10, 12), (3, 4)], 1), [0, 0, 1]);
    assert_eq!(stack(&[(0, 5); 50], 0).into_iter().max(), Some(49));
}

#[test]
fn gaps_are_what_spans_leave() {
    assert_eq!(gaps(&[], 10), [(0, 10)]);
    assert_eq!(gaps(&[(0, 10)], 10), []);
    assert_eq!(gaps(&[(6, 8), (0, 3), (2, 4)], 10), [(4, 6), (8, 10)]);
    assert_eq!(gaps(&[(3, 3), (5, u64::MAX)], 10), [(0, 5)]);
    assert_eq!(gaps(&[(20, 30)], 10), [(0, 10)]);
}

#[test]
fn heat_levels_go_from_the_shortest_queue_to_the_deepest() {
    assert_eq!(level(0, 100), None);
    assert_eq!(level(1, 100), Some(0));
    assert_eq!(level(100, 100), Some(6));
    assert_eq!(level(1, 1), Some(0));
    assert_eq!(level(u32::MAX, u32::MAX), Some(6));
    assert!((1..100).all(|depth| level(depth, 100) <= level(depth + 1, 100)));
}

#[test]
fn small_plots_show_zero_and_peak() {
    assert_eq!(blocks(&[0, 1, 4, 8], 8), "·▁▄█");
    assert_eq!(blocks(&[], 0), "");
    let mut long = vec![0_u64; 10_000];
    long[5_000] = 3;
    assert_eq!(blocks(&long, 3).matches('█').count(), 1);
}

#[test]
fn names_with_numbers_sort_by_number() {
    let mut names = vec!["I10", "I2", "linear", "I1"];
    names.sort_by_key(|name| natural(name));
    assert_eq!(names, ["I1", "I2", "I10", "linear"]);
}
