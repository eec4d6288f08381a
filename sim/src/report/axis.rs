//! Scales and ticks: from times and values to places on a plot. Pure arithmetic.
//!
//! x is a share of the plot's width in percent, since the page stretches plots to the window; y
//! is in px from the top. Every result is finite and inside the plot, whatever comes in.

/// The time axis that all plots share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TimeAxis {
    /// Length in ms, at least 1.
    pub(super) length_ms: u64,
}

impl TimeAxis {
    /// An axis over so many ms; an empty run gets one of 1 ms.
    pub(super) fn new(length_ms: u64) -> Self {
        Self { length_ms: length_ms.max(1) }
    }

    /// Where a time lies, in percent of the width; times beyond the end lie on it.
    pub(super) fn percent(&self, ms: f64) -> f64 {
        (ms / self.length_ms as f64 * 100.0).clamp(0.0, 100.0)
    }

    /// Round times, at most `n_max` + 1 of them, from 0 on, in ms.
    pub(super) fn ticks(&self, n_max: u64) -> Vec<u64> {
        const STEPS_MS: [u64; 24] = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000,
            60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000,
            43_200_000,
        ];
        let enough = |step: &u64| self.length_ms / step <= n_max;
        let step = STEPS_MS.into_iter().find(enough).unwrap_or_else(|| {
            let days = self.length_ms / 86_400_000 / n_max.max(1) + 1;
            days.saturating_mul(86_400_000)
        });
        (0..=self.length_ms / step).map(|n| n * step).collect()
    }

    /// What a tick says, in the form that fits the axis: `250 ms`, `12 s`, `1:30`, `2 h`, `3 d`.
    pub(super) fn tick_label(&self, ms: u64) -> String {
        let seconds = ms / 1000;
        match self.length_ms {
            _ if ms == 0 => "0".to_owned(),
            0..5_000 => format!("{ms} ms"),
            5_000..120_000 if ms.is_multiple_of(1000) => format!("{seconds} s"),
            5_000..120_000 => format!("{:.1} s", ms as f64 / 1e3),
            120_000..7_200_000 => format!("{}:{:02}", seconds / 60, seconds % 60),
            7_200_000..259_200_000 => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
            _ if ms.is_multiple_of(86_400_000) => format!("{} d", ms / 86_400_000),
            _ => format!("{} h", ms / 3_600_000),
        }
    }
}

/// A scale of values, drawn from the bottom of a plot to its top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Even steps between the two values.
    Linear {
        /// Value at the bottom.
        from: f64,
        /// Value at the top.
        to: f64,
    },
    /// Even factors between the two values, both above 0.
    Log {
        /// Value at the bottom.
        from: f64,
        /// Value at the top.
        to: f64,
    },
}

impl Scale {
    /// A linear scale over 0 and all of `low..=high`, ended by round numbers.
    pub(super) fn linear(low: f64, high: f64) -> Self {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let high = if high - low < 1e-9 { low + 1.0 } else { high };
        let step = round_step(high - low, 4.0);
        Self::Linear { from: (low / step).floor() * step, to: (high / step).ceil() * step }
    }

    /// A logarithmic scale over `low..=high`, ended by 1, 2 or 5 times a power of ten.
    pub(super) fn log(low: f64, high: f64) -> Self {
        let low = low.max(1.0);
        let from = log_floor(low);
        let to = log_ceil(high.max(low));
        Self::Log { from, to: if to <= from { from * 10.0 } else { to } }
    }

    /// Where a value lies, in px from the top of a plot that is `height` px high.
    pub(super) fn y(&self, value: f64, height: f64) -> f64 {
        let share = match *self {
            Self::Linear { from, to } => (value - from) / (to - from),
            Self::Log { from, to } => (value.max(from) / from).ln() / (to / from).ln(),
        };
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        height * (1.0 - share)
    }

    /// Round values on the scale: about five, or the powers of ten of a long logarithmic scale.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear { from, to } => {
                let step = round_step(to - from, 4.0);
                let n_steps = ((to - from) / step).round().min(12.0) as u32;
                (0..=n_steps).map(|n| from + f64::from(n) * step).collect()
            }
            Self::Log { from, to } => {
                let factors: &[f64] = if to / from > 200.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
                let first = from.log10().floor() as i32;
                let last = to.log10().ceil() as i32;
                (first..=last)
                    .flat_map(|power| factors.iter().map(move |f| f * 10f64.powi(power)))
                    .filter(|tick| *tick >= from * 0.999 && *tick <= to * 1.001)
                    .collect()
            }
        }
    }
}

/// The smallest of 1, 2, 2.5, 5 times a power of ten that divides `span` into at most `n` steps.
fn round_step(span: f64, n: f64) -> f64 {
    let raw = span / n;
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|f| f * power >= raw * 0.999_999);
    factor.unwrap_or(10.0) * power
}

fn log_floor(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let factor = [5.0, 2.0].into_iter().find(|f| f * power <= value * 1.000_001);
    factor.unwrap_or(1.0) * power
}

fn log_ceil(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= value * 0.999_999);
    factor.unwrap_or(10.0) * power
}

/// Moves labels apart that would overlap: `wanted` are their middles in px, results lie in
/// `0..=height` in the same order of places, `gap` px apart as long as that fits.
pub(super) fn spread(wanted: &[f64], gap: f64, height: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let needed = gap * wanted.len().saturating_sub(1) as f64;
    let gap = if needed > height { height / (wanted.len() - 1) as f64 } else { gap };
    let mut placed = vec![0.0; wanted.len()];
    let mut floor = 0.0_f64;
    for (rank, index) in order.iter().enumerate() {
        let room_below = gap * (wanted.len() - 1 - rank) as f64;
        let y = wanted[*index].max(floor).min(height - room_below).clamp(0.0, height);
        placed[*index] = y;
        floor = y + gap;
    }
    placed
}
