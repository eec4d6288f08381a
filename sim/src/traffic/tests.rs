//! Rates, shares and keys over seeds, and that a visit depends on nothing but its number.

use std::collections::BTreeMap;

use super::arrivals::{Burst, Diurnal, Rate, Steady, Surge, times};
use super::keys::{Drift, Hot};
use super::*;
use crate::plan::{Journey, Listen, Pay, Then};
use crate::random::Stream;

const SEEDS: u64 = 40;

fn steady(per_s: f64) -> Arrivals {
    Arrivals { steady: Some(Steady { per_s }), ..Arrivals::default() }
}

fn people() -> People {
    People {
        n_users: 500,
        browse_percent: 20,
        sign_in_percent: 50,
        address_percent: 20,
        abandon_percent: 10,
        n_reads: Span::new(2, 5),
        lines_percent: vec![60, 30, 10],
        qty_percent: vec![80, 20],
        brings_percent: 20,
        wallet_percent: 25,
        gateway_percent: 0,
        double_click_percent: 10,
        no_wait_percent: 30,
        listen_percent: 40,
        watch_percent: 40,
        cancel_percent: 20,
        cancel_part_percent: 50,
        deliver_percent: 10,
        cancel_after_ms: Span::new(100, 200),
        deliver_after_ms: Span::new(300, 400),
        parcels: None,
        freezes: None,
        think_median_ms: 200,
        think_sigma_percent: 100,
    }
}

fn shop(n: u32) -> Vec<SkuSetup> {
    (0..n).map(|_| SkuSetup { stock: 200, price: 100, ..SkuSetup::default() }).collect()
}

/// Arrivals of many seeds between two moments, as a share of the seeds.
fn mean(arrivals: &Arrivals, duration_ms: u64, from_ms: u64, to_ms: u64) -> f64 {
    let window = from_ms * 1_000..to_ms * 1_000;
    let count = |seed| {
        let times = times(arrivals, seed, duration_ms);
        times.iter().filter(|(_, at_us)| window.contains(at_us)).count()
    };
    (0..SEEDS).map(count).sum::<usize>() as f64 / SEEDS as f64
}

fn near(found: f64, wanted: f64, percent: f64) {
    let off = (found / wanted - 1.0).abs() * 100.0;
    assert!(off < percent, "{found} is {off:.1} % off {wanted}");
}

#[test]
fn steady_arrivals_are_a_poisson_process() {
    let arrivals = steady(50.0);
    near(mean(&arrivals, 20_000, 0, 20_000), 1_000.0, 2.0);
    near(mean(&arrivals, 20_000, 15_000, 20_000), 250.0, 4.0);
    // Counts of a Poisson process vary as much as they are high; gaps are exponential.
    let counts: Vec<f64> =
        (0..400).map(|seed| times(&arrivals, seed, 2_000).len() as f64).collect();
    let average = counts.iter().sum::<f64>() / 400.0;
    let variance = counts.iter().map(|n| (n - average).powi(2)).sum::<f64>() / 399.0;
    near(variance, average, 20.0);
    let gaps: Vec<u64> =
        times(&arrivals, 1, 200_000).windows(2).map(|two| two[1].1 - two[0].1).collect();
    let longer = gaps.iter().filter(|gap| **gap > 20_000).count();
    near(longer as f64 / gaps.len() as f64, (-1.0_f64).exp(), 4.0);
}

#[test]
fn a_surge_steps_ramps_and_halves() {
    let surge = Surge { at_ms: 2_000, peak_per_s: 400.0, ramp_ms: 1_000, half_life_ms: 2_000 };
    let arrivals = Arrivals { surge: Some(surge), ..steady(10.0) };
    near(mean(&arrivals, 12_000, 0, 2_000), 20.0, 12.0);
    near(mean(&arrivals, 12_000, 2_000, 3_000), 210.0, 4.0);
    let half_life = 400.0 * 2.0 / std::f64::consts::LN_2 * 0.5;
    near(mean(&arrivals, 12_000, 3_000, 5_000), half_life + 20.0, 4.0);
    near(mean(&arrivals, 12_000, 5_000, 7_000), half_life / 2.0 + 20.0, 4.0);
}

#[test]
fn a_day_has_tides_and_a_week_has_days() {
    let diurnal = Diurnal {
        mean_per_s: 20.0,
        day_ms: 24_000,
        day_wave_percent: 50,
        day_peak_h: 21,
        half_day_wave_percent: 20,
        half_day_peak_h: 10,
        weekdays_percent: [100; 7],
    };
    let arrivals = Arrivals { diurnal: Some(diurnal.clone()), ..Arrivals::default() };
    near(mean(&arrivals, 24_000, 0, 24_000), 480.0, 3.0);
    let rate = Rate::new(&arrivals, 1, 24_000_000);
    let hours: Vec<f64> = (0..240).map(|tenth| rate.at(tenth * 100_000)).collect();
    let most = hours.iter().copied().fold(0.0, f64::max);
    let least = hours.iter().copied().fold(f64::MAX, f64::min);
    assert!((3.0..6.0).contains(&(most / least)), "peak to trough {}", most / least);
    assert!(most <= rate.highest());
    let peak = hours.iter().position(|rate| *rate == most).expect("it is one of them");
    assert!((200..230).contains(&peak), "peak at {peak} tenths of an hour");

    let weekdays_percent = [100, 0, 0, 0, 0, 0, 0];
    let arrivals =
        Arrivals { diurnal: Some(Diurnal { weekdays_percent, ..diurnal }), ..Arrivals::default() };
    let mondays = (0..SEEDS).filter(|seed| !times(&arrivals, *seed, 24_000).is_empty()).count();
    assert!((1..15).contains(&mondays), "{mondays} of {SEEDS} seeds begin on a Monday");
}

#[test]
fn bursts_make_the_stream_denser_for_a_while() {
    let burst = Burst { rate_percent: 400, calm_mean_ms: 3_000, burst_mean_ms: 1_000 };
    let arrivals = Arrivals { burst: Some(burst), ..steady(20.0) };
    // A quarter of the time four times as dense: 20 * (3/4 + 4/4).
    let mut total = 0;
    for seed in 0..SEEDS {
        total += times(&arrivals, seed, 200_000).len();
    }
    near(total as f64 / SEEDS as f64, 20.0 * 1.75 * 200.0, 6.0);
    // Counts of a second vary much more than a Poisson process's would.
    let mut counts = vec![0.0; 200];
    for (_, at_us) in times(&arrivals, 5, 200_000) {
        counts[(at_us / 1_000_000) as usize] += 1.0;
    }
    let average = counts.iter().sum::<f64>() / 200.0;
    let variance = counts.iter().map(|n: &f64| (n - average).powi(2)).sum::<f64>() / 199.0;
    assert!(variance > 4.0 * average, "variance {variance}, mean {average}");
}

#[test]
fn zipf_shares_are_those_of_the_law() {
    for (alpha, ratio) in [(0_u16, 1.0), (60, 2.0_f64.powf(0.6)), (99, 2.0_f64.powf(0.99))] {
        let keys = Keys { zipf_alpha_percent: alpha, ..Keys::default() };
        let wanted = keys.popularity(100);
        let mut counts = vec![0_u32; 100];
        for id in 0..60_000 {
            let draws = Draws::of(9, Stream::Keys, id);
            counts[wanted.draw(draws, 0, 0) as usize] += 1;
        }
        near(f64::from(counts[0]) / f64::from(counts[1]), ratio, 12.0);
        let total: f64 =
            (1..=100).map(|rank| f64::from(rank).powf(-f64::from(alpha) / 100.0)).sum();
        near(f64::from(counts[0]) / 60_000.0, 1.0 / total, 6.0);
        assert!(counts.iter().all(|count| *count > 0));
    }
}

#[test]
fn a_hot_set_wanders_and_a_hot_key_takes_its_share() {
    let keys = Keys {
        zipf_alpha_percent: 200,
        drift: Some(Drift { every_ms: 1_000, places: 10 }),
        hot: Some(Hot { from_ms: 5_000, to_ms: 6_000, share_percent: 80 }),
    };
    let wanted = keys.popularity(50);
    let favourite = |at_ms: u64| {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for id in 0..2_000 {
            let sku = wanted.draw(Draws::of(3, Stream::Keys, id), 0, at_ms * 1_000);
            *counts.entry(sku).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).expect("some were drawn")
    };
    assert_eq!(favourite(0).0, 0);
    assert_eq!(favourite(999).0, 0);
    assert_eq!(favourite(1_000).0, 10);
    assert_eq!(favourite(3_500).0, 30);
    assert_eq!(favourite(6_000).0, 10, "it comes around");
    let (sku, count) = favourite(5_500);
    assert_eq!(sku, 0);
    assert!((1_550..1_960).contains(&count), "{count} of 2,000");
}

#[test]
fn people_do_what_their_shares_say() {
    let (people, keys, skus) = (people(), Keys::default(), shop(30));
    let wanted = keys.popularity(skus.len());
    let n = 40_000;
    let visits: Vec<Visit> = (0..n).map(|id| people.visit(4, id, 0, &wanted)).collect();
    let share = |of: &dyn Fn(&Journey) -> bool| {
        visits.iter().filter(|visit| of(&visit.journey)).count() as f64 / f64::from(n)
    };
    near(share(&|journey| matches!(journey, Journey::Browse { .. })), 0.08, 7.0);
    near(share(&|journey| matches!(journey, Journey::Address { writes: 1..=3, .. })), 0.02, 12.0);
    near(share(&|journey| matches!(journey, Journey::SignIn { times: 1..=3, .. })), 0.1, 7.0);
    near(share(&|journey| matches!(journey, Journey::Abandon { .. })), 0.1, 7.0);
    near(share(&|journey| matches!(journey, Journey::Buy { .. })), 0.7, 3.0);
    near(share(&|journey| matches!(journey, Journey::Buy { pay: Pay::Wallet, .. })), 0.175, 5.0);
    let cancels = |journey: &Journey, from_ms, to_ms| match journey {
        Journey::Buy { then: Then::Cancel(ms), .. } => (from_ms..=to_ms).contains(ms),
        _ => false,
    };
    near(share(&|journey| cancels(journey, 100, 200)), 0.07, 8.0);
    near(share(&|journey| cancels(journey, 1, 2)), 0.07, 8.0);
    near(
        share(&|journey| matches!(journey, Journey::Buy { then: Then::CancelPart(_), .. })),
        0.7 * 0.3 * 0.5,
        7.0,
    );
    near(
        share(&|journey| matches!(journey, Journey::Buy { then: Then::Deliver(300..=400), .. })),
        0.07,
        8.0,
    );
    near(share(&|journey| matches!(journey, Journey::Buy { double_click: true, .. })), 0.07, 8.0);
    near(share(&|journey| matches!(journey, Journey::Buy { no_wait: true, .. })), 0.21, 6.0);
    for to in [Listen::Order, Listen::All] {
        let listens = |journey: &Journey| match journey {
            Journey::Buy { listen, .. } => *listen == Some(to),
            _ => false,
        };
        near(share(&listens), 0.14, 7.0);
    }
    let lines = |journey: &Journey| match journey {
        Journey::Buy { lines, brings, .. } => (lines.clone(), brings.clone()),
        Journey::Abandon { lines } => (lines.clone(), Vec::new()),
        _ => (Vec::new(), Vec::new()),
    };
    near(share(&|journey| lines(journey).0.len() == 2), 0.8 * 0.3, 6.0);
    near(share(&|journey| !lines(journey).1.is_empty()), 0.14, 7.0);
    let mut pauses = Vec::new();
    for visit in &visits {
        assert!(visit.user < people.n_users);
        let is_of_account =
            matches!(visit.journey, Journey::SignIn { .. } | Journey::Address { .. });
        assert_eq!(visit.journey.skus().is_empty(), is_of_account);
        let (own, brought) = lines(&visit.journey);
        for basket in [own, brought] {
            let mut skus: Vec<u32> = basket.iter().map(|line| line.sku).collect();
            skus.sort_unstable();
            assert!(skus.windows(2).all(|two| two[0] != two[1]), "SKUs of a basket are different");
        }
        if let Journey::Buy { think_ms, .. } = visit.journey {
            pauses.push(think_ms);
        }
    }
    pauses.sort_unstable();
    near(f64::from(pauses[pauses.len() / 2]), 200.0, 5.0);
    // One standard deviation above the median stands e times the median.
    near(f64::from(pauses[pauses.len() * 8_413 / 10_000]), 200.0 * std::f64::consts::E, 6.0);
}

#[test]
fn a_visit_depends_on_its_number_only() {
    let (people, keys, skus) = (people(), Keys::default(), shop(30));
    let bots =
        Bots { n_bots: 20, at_ms: 500, spread_ms: 10, tries: Span::new(3, 9), sku: 2, qty: 1 };
    let all = Traffic {
        arrivals: &steady(100.0),
        keys: &keys,
        people: &people,
        bots: Some(&bots),
        staff: None,
        skus: &skus,
        duration_ms: 5_000,
    };
    let visits = all.visits(8);
    assert!(visits.is_sorted_by_key(|visit| (visit.at_us, visit.id)));
    let by_id: BTreeMap<u32, &Visit> = visits.iter().map(|visit| (visit.id, visit)).collect();
    assert_eq!(by_id.len(), visits.len(), "numbers are different");
    // Other visits left out: by an earlier end, a burst's thinning, without bots.
    let burst = Burst { rate_percent: 25, calm_mean_ms: 500, burst_mean_ms: 500 };
    let thinned = Arrivals { burst: Some(burst), ..steady(100.0) };
    let fewer = [
        Traffic { duration_ms: 3_000, ..all },
        Traffic { bots: None, ..all },
        Traffic { arrivals: &thinned, ..all },
    ];
    for traffic in fewer {
        let left = traffic.visits(8);
        assert!(!left.is_empty() && left.len() < visits.len());
        assert!(left.iter().all(|visit| by_id[&visit.id] == visit));
    }
}

#[test]
fn bots_start_together_and_staff_keeps_within_its_spans() {
    let bots =
        Bots { n_bots: 300, at_ms: 4_000, spread_ms: 20, tries: Span::new(5, 9), sku: 1, qty: 2 };
    let visits = bots.visits(3, 1_000, 10_000);
    assert_eq!(visits.len(), 300);
    for (place, visit) in visits.iter().enumerate() {
        assert!((4_000_000..=4_020_000).contains(&visit.at_us));
        assert_eq!(visit.user as usize, 1_000 + place);
        let Journey::Bot { line, tries } = visit.journey else { panic!("no bot: {visit:?}") };
        assert!((5..=9).contains(&tries) && line == crate::plan::Line { sku: 1, qty: 2 });
    }
    assert!(bots.visits(3, 0, 4_000).is_empty(), "the run is over before they start");

    let staff = Staff {
        n_restocks: Span::new(2, 4),
        restock_units: Span::new(10, 20),
        n_counts: Span::new(1, 3),
        counted_percent: Span::new(50, 150),
        n_reprices: Span::new(0, 2),
        reprice_percent: Span::new(50, 200),
    };
    let prices: Vec<i64> = shop(5).iter().map(|sku| sku.price).collect();
    let mut counts = [0; 3];
    for seed in 0..50 {
        let visits = staff.visits(seed, &shop(5), 10_000);
        let n = |is: fn(&Journey) -> bool| visits.iter().filter(|visit| is(&visit.journey)).count();
        let n_restocks = n(|it| matches!(it, Journey::Restock { .. }));
        let n_counts = n(|it| matches!(it, Journey::Count { .. }));
        assert!((2..=4).contains(&n_restocks) && (1..=3).contains(&n_counts));
        assert!(visits.len() - n_restocks - n_counts <= 2);
        for visit in visits {
            assert!(visit.at_us < 10_000_000);
            match visit.journey {
                Journey::Restock { sku, units, place: 0 } => {
                    assert!(sku < 5 && (10..=20).contains(&units));
                    counts[0] += 1;
                }
                Journey::Count { sku, units, place: 0 } => {
                    assert!(sku < 5 && (100..=300).contains(&units));
                    counts[1] += 1;
                }
                Journey::Reprice { sku, price } => {
                    let before = prices[sku as usize];
                    assert!((before / 2..=before * 2).contains(&price), "{before}, {price}");
                    counts[2] += 1;
                }
                _ => panic!("none of them: {visit:?}"),
            }
        }
    }
    assert!(counts[0] > 100 && counts[1] > 60 && counts[2] > 20, "{counts:?}");
}
