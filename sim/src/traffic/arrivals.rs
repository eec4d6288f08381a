//! When people come: a Poisson process whose rate changes, drawn by thinning.
//!
//! Candidates come at the highest rate that there can be; each is kept with the share that the
//! rate of its moment has of it (Lewis and Shedler). A candidate's number is its visit's, so a
//! lower rate takes visits out and changes none. The rate is the sum of the shapes, times a burst
//! factor that switches between calm and burst (a Markov-modulated process of two states).

use serde::Deserialize;

use super::{Draws, num};
use crate::random::Stream;

const US_PER_S: f64 = 1e6;
const WEEK_DAYS: usize = 7;

/// The rate of arrivals: the shapes that are there are added.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrivals {
    /// The same all the time.
    pub steady: Option<Steady>,
    /// A step, a ramp and a slow decay.
    pub surge: Option<Surge>,
    /// A day and a week.
    pub diurnal: Option<Diurnal>,
    /// Multiplies all of the above while it is on.
    pub burst: Option<Burst>,
}

/// The same all the time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steady {
    /// Visits.
    pub per_s: f64,
}

/// Nothing, then a ramp to a peak, then half of it after each `half_life_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surge {
    /// When it begins.
    pub at_ms: u32,
    /// Visits at the peak.
    pub peak_per_s: f64,
    /// How long the way up takes; 0: a step.
    pub ramp_ms: u32,
    /// When half of the peak is left.
    pub half_life_ms: u32,
}

/// A day of two harmonics, times the weekday.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diurnal {
    /// Visits, as the mean of a day of 100 percent.
    pub mean_per_s: f64,
    /// Length of a day; shorter ones compress it.
    pub day_ms: u32,
    /// Height of the wave of a day, in percent of the mean.
    pub day_wave_percent: u8,
    /// Hour (of 24) at which that wave is highest.
    pub day_peak_h: u8,
    /// Height of the wave of half a day.
    pub half_day_wave_percent: u8,
    /// Hour at which that wave is highest, and twelve hours later again.
    pub half_day_peak_h: u8,
    /// Monday to Sunday; the seed says on which day it begins.
    pub weekdays_percent: [u8; WEEK_DAYS],
}

/// Calm and burst in turns, each for a random while.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// The rate in a burst, in percent of the calm one.
    pub rate_percent: u16,
    /// Mean length of a calm.
    pub calm_mean_ms: u32,
    /// Mean length of a burst.
    pub burst_mean_ms: u32,
}

/// The arrivals of a seed: number of the candidate and its time in us.
#[must_use]
pub fn times(arrivals: &Arrivals, seed: u64, duration_ms: u64) -> Vec<(u32, u64)> {
    let end_us = duration_ms * 1_000;
    let rate = Rate::new(arrivals, seed, end_us);
    let highest = rate.highest();
    if highest <= 0.0 {
        return Vec::new();
    }
    let mut kept = Vec::new();
    let mut at = 0.0;
    for id in 0..super::BOTS_FROM {
        let draws = Draws::of(seed, Stream::Arrivals, u64::from(id));
        at += draws.exponential(0, US_PER_S / highest);
        let at_us = whole(at);
        if at_us >= end_us {
            break;
        }
        if draws.unit(1) * highest <= rate.at(at_us) {
            kept.push((id, at_us));
        }
    }
    kept
}

/// The rate of one seed over time.
#[derive(Debug)]
pub struct Rate<'a> {
    arrivals: &'a Arrivals,
    /// Where calm and burst change places, in us; it begins calm.
    switches: Vec<u64>,
    first_day: usize,
}

impl<'a> Rate<'a> {
    /// That of `seed`, up to `end_us`.
    #[must_use]
    pub fn new(arrivals: &'a Arrivals, seed: u64, end_us: u64) -> Self {
        // Subjects above every visit's number: the path of the bursts, the weekday.
        let path = Draws::of(seed, Stream::Arrivals, 1 << 40);
        let week = Draws::of(seed, Stream::Arrivals, (1 << 40) + 1);
        let first_day = usize::try_from(week.below(0, 7)).expect("below 7");
        let mut switches = Vec::new();
        if let Some(burst) = arrivals.burst {
            let mut at = 0.0;
            while whole(at) < end_us {
                let is_calm = switches.len() % 2 == 0;
                let mean_ms = if is_calm { burst.calm_mean_ms } else { burst.burst_mean_ms };
                let number = switches.len() as u64;
                at += path.exponential(number, f64::from(mean_ms) * 1_000.0);
                switches.push(whole(at));
            }
        }
        Self { arrivals, switches, first_day }
    }

    /// Visits a second at this moment.
    #[must_use]
    pub fn at(&self, at_us: u64) -> f64 {
        let steady = self.arrivals.steady.map_or(0.0, |steady| steady.per_s);
        let surge = self.arrivals.surge.map_or(0.0, |surge| surge.at(at_us));
        let diurnal = self.arrivals.diurnal.as_ref();
        let diurnal = diurnal.map_or(0.0, |diurnal| diurnal.at(at_us, self.first_day));
        let is_burst = self.switches.partition_point(|switch| *switch <= at_us) % 2 == 1;
        let factor = if is_burst { self.arrivals.burst_factor() } else { 1.0 };
        (steady + surge + diurnal) * factor
    }

    /// No moment has a higher one.
    #[must_use]
    pub fn highest(&self) -> f64 {
        let steady = self.arrivals.steady.map_or(0.0, |steady| steady.per_s);
        let surge = self.arrivals.surge.map_or(0.0, |surge| surge.peak_per_s);
        let diurnal = self.arrivals.diurnal.as_ref().map_or(0.0, Diurnal::highest);
        (steady + surge + diurnal) * self.arrivals.burst_factor().max(1.0)
    }
}

impl Arrivals {
    fn burst_factor(&self) -> f64 {
        self.burst.map_or(1.0, |burst| f64::from(burst.rate_percent) / 100.0)
    }
}

impl Surge {
    fn at(&self, at_us: u64) -> f64 {
        let begin = u64::from(self.at_ms) * 1_000;
        let ramp = u64::from(self.ramp_ms) * 1_000;
        if at_us < begin {
            return 0.0;
        }
        let since = at_us - begin;
        if since < ramp {
            return self.peak_per_s * float(since) / float(ramp);
        }
        let half_lives = float(since - ramp) / (f64::from(self.half_life_ms) * 1_000.0);
        self.peak_per_s * num::exp(-half_lives * std::f64::consts::LN_2)
    }
}

impl Diurnal {
    fn at(&self, at_us: u64, first_day: usize) -> f64 {
        let days = float(at_us) / (f64::from(self.day_ms) * 1_000.0);
        let wave = |percent: u8, peak_h: u8, times: f64| {
            let phase = (days - f64::from(peak_h) / 24.0) * times;
            f64::from(percent) / 100.0 * num::cos_turns(phase)
        };
        let shape = 1.0
            + wave(self.day_wave_percent, self.day_peak_h, 1.0)
            + wave(self.half_day_wave_percent, self.half_day_peak_h, 2.0);
        let day = usize::try_from(whole(days)).expect("days of a run");
        let weekday = f64::from(self.weekdays_percent[(first_day + day) % WEEK_DAYS]) / 100.0;
        self.mean_per_s * weekday * shape.max(0.0)
    }

    fn highest(&self) -> f64 {
        let waves = f64::from(self.day_wave_percent) + f64::from(self.half_day_wave_percent);
        let weekday = self.weekdays_percent.iter().max().copied().map_or(1.0, f64::from);
        self.mean_per_s * (1.0 + waves / 100.0) * weekday / 100.0
    }
}

/// Times fit exactly: 2^53 us are 285 years.
#[expect(clippy::cast_precision_loss, reason = "times of a run are below 2^53 us")]
const fn float(us: u64) -> f64 {
    us as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
const fn whole(us: f64) -> u64 {
    us as u64
}
