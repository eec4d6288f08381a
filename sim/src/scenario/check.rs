//! Whether the values of a scenario make sense; what does not is named with its key.
//!
//! The form (keys and types) was checked when it was read. What passes here can be planned for
//! any seed without a panic and without a fault that is none.

use super::faults::{Amount, FAULTS_PER_FAMILY, Family, Ranges, Swarm};
use super::{Error, Scenario, Shop};
use crate::plan::{ClientPolicy, FaultKind, MOMENT_WAIT_MS, Moment, OrderWaits, PLACES};
use crate::traffic::{Arrivals, Bots, Keys, People, Span, Staff};

/// A run of a week, the longest: draws of a millisecond take 32 bits.
const DURATION_MS_MAX: u64 = 7 * 86_400_000;
const MINUTES_10: i64 = 600_000;
const RATE_MAX: f64 = 1e6;

type Checked = Result<(), Error>;

pub(super) fn values(scenario: &Scenario) -> Checked {
    system(scenario)?;
    for (place, waits) in not_empty("order_waits", &scenario.order_waits)? {
        order_waits(&format!("order_waits[{place}]"), *waits)?;
    }
    for (place, policy) in not_empty("client", &scenario.client)? {
        client(&format!("client[{place}]"), policy)?;
    }
    for (place, one) in not_empty("shop", &scenario.shop)? {
        shop(&format!("shop[{place}]"), one)?;
    }
    for (place, tax) in not_empty("tax", &scenario.tax)? {
        within(&format!("tax[{place}].ppm"), i64::from(tax.ppm), 0, 1_000_000)?;
    }
    for (place, one) in not_empty("arrivals", &scenario.arrivals)? {
        arrivals(&format!("arrivals[{place}]"), one)?;
    }
    for (place, one) in not_empty("keys", &scenario.keys)? {
        keys(&format!("keys[{place}]"), one)?;
    }
    people(&scenario.people)?;
    if let Some(one) = &scenario.bots {
        bots(one, scenario.shop.iter().map(|shop| shop.n_skus).min().unwrap_or(0))?;
    }
    if let Some(one) = &scenario.staff {
        staff(one)?;
    }
    fixed(scenario)?;
    if let Some(one) = &scenario.swarm {
        swarm(one, scenario.system.duration_ms)?;
    }
    if let Some(one) = &scenario.buggify {
        percent("buggify.site_percent", one.site_percent)?;
        percent("buggify.chance_percent", one.chance_percent)?;
        for name in &one.sites {
            let is_known = sites::BUGGIFY.iter().any(|(known, _)| known == name);
            ensure(is_known, "buggify.sites", || format!("names {name}, which no site has"))?;
        }
    }
    for name in scenario.must_hit.iter().flat_map(|must| &must.probes) {
        let is_known = sites::PROBES.iter().any(|(known, _)| known == name);
        ensure(is_known, "must_hit.probes", || format!("names {name}, which no probe has"))?;
    }
    Ok(())
}

fn system(scenario: &Scenario) -> Checked {
    let system = &scenario.system;
    for (place, nodes) in not_empty("system.nodes", &system.nodes)? {
        within(&format!("system.nodes[{place}]"), i64::from(*nodes), 1, 32)?;
    }
    for (place, shards) in not_empty("system.shards", &system.shards)? {
        within(&format!("system.shards[{place}]"), i64::from(*shards), 1, 4_096)?;
    }
    for (place, n) in not_empty("system.stream_window", &system.stream_window)? {
        within(&format!("system.stream_window[{place}]"), i64::from(*n), 1, 1_000_000)?;
    }
    for (place, n) in not_empty("system.snapshot_tail", &system.snapshot_tail)? {
        within(&format!("system.snapshot_tail[{place}]"), i64::from(*n), 1, 1_000_000)?;
    }
    percent("system.shuffle_percent", system.shuffle_percent)?;
    let longest = DURATION_MS_MAX;
    ensure((1_000..=longest).contains(&system.duration_ms), "system.duration_ms", || {
        format!("is not between 1000 and {longest}")
    })
}

/// As far as the settings of a node may go down; up to a day.
fn order_waits(key: &str, waits: OrderWaits) -> Checked {
    let OrderWaits { reserve_ms, pay_ms, hold_grace_ms } = waits;
    let all = [("reserve_ms", reserve_ms), ("pay_ms", pay_ms), ("hold_grace_ms", hold_grace_ms)];
    all.into_iter()
        .try_for_each(|(name, ms)| within(&format!("{key}.{name}"), i64::from(ms), 100, 86_400_000))
}

fn client(key: &str, policy: &ClientPolicy) -> Checked {
    within(&format!("{key}.timeout_ms"), i64::from(policy.timeout_ms), 1, MINUTES_10)?;
    within(&format!("{key}.tries"), i64::from(policy.tries), 1, 1_000)?;
    ensure(policy.backoff_ms <= policy.backoff_max_ms, &format!("{key}.backoff_max_ms"), || {
        "is less than backoff_ms".into()
    })
}

fn shop(key: &str, shop: &Shop) -> Checked {
    within(&format!("{key}.n_skus"), i64::from(shop.n_skus), 1, 1_000_000)?;
    span(&format!("{key}.stock_units"), shop.stock_units, 0, 1_000_000_000)?;
    if let Some(units) = shop.hot_stock_units {
        span(&format!("{key}.hot_stock_units"), units, 0, 1_000_000_000)?;
    }
    let places = format!("{key}.places_percent");
    shares(&places, &shop.places_percent)?;
    ensure(shop.places_percent.len() <= PLACES.len(), &places, || "has too many".into())?;
    span(&format!("{key}.price_minor"), shop.price_minor, 1, 1_000_000_000)
}

fn arrivals(key: &str, arrivals: &Arrivals) -> Checked {
    let has_shape =
        arrivals.steady.is_some() || arrivals.surge.is_some() || arrivals.diurnal.is_some();
    ensure(has_shape, key, || "has neither steady nor surge nor diurnal".into())?;
    if let Some(steady) = arrivals.steady {
        rate(&format!("{key}.steady.per_s"), steady.per_s)?;
    }
    if let Some(surge) = arrivals.surge {
        rate(&format!("{key}.surge.peak_per_s"), surge.peak_per_s)?;
        at_least_1(&format!("{key}.surge.half_life_ms"), surge.half_life_ms)?;
    }
    if let Some(diurnal) = &arrivals.diurnal {
        rate(&format!("{key}.diurnal.mean_per_s"), diurnal.mean_per_s)?;
        at_least_1(&format!("{key}.diurnal.day_ms"), diurnal.day_ms)?;
        percent(&format!("{key}.diurnal.day_wave_percent"), diurnal.day_wave_percent)?;
        percent(&format!("{key}.diurnal.half_day_wave_percent"), diurnal.half_day_wave_percent)?;
    }
    if let Some(burst) = arrivals.burst {
        within(&format!("{key}.burst.rate_percent"), i64::from(burst.rate_percent), 1, 10_000)?;
        at_least_1(&format!("{key}.burst.calm_mean_ms"), burst.calm_mean_ms)?;
        at_least_1(&format!("{key}.burst.burst_mean_ms"), burst.burst_mean_ms)?;
    }
    Ok(())
}

fn keys(key: &str, keys: &Keys) -> Checked {
    within(&format!("{key}.zipf_alpha_percent"), i64::from(keys.zipf_alpha_percent), 0, 500)?;
    if let Some(drift) = keys.drift {
        at_least_1(&format!("{key}.drift.every_ms"), drift.every_ms)?;
    }
    if let Some(hot) = keys.hot {
        percent(&format!("{key}.hot.share_percent"), hot.share_percent)?;
        ensure(hot.from_ms < hot.to_ms, &format!("{key}.hot.to_ms"), || {
            "is not after from_ms".into()
        })?;
    }
    Ok(())
}

fn people(people: &People) -> Checked {
    at_least_1("people.n_users", people.n_users)?;
    at_most_100(
        "people.browse_percent and abandon_percent",
        &[people.browse_percent, people.abandon_percent],
    )?;
    at_most_100(
        "people.watch_percent, cancel_percent and deliver_percent",
        &[people.watch_percent, people.cancel_percent, people.deliver_percent],
    )?;
    percent("people.address_percent", people.address_percent)?;
    percent("people.sign_in_percent", people.sign_in_percent)?;
    percent("people.cancel_part_percent", people.cancel_part_percent)?;
    percent("people.brings_percent", people.brings_percent)?;
    percent("people.wallet_percent", people.wallet_percent)?;
    percent("people.gateway_percent", people.gateway_percent)?;
    percent("people.double_click_percent", people.double_click_percent)?;
    percent("people.no_wait_percent", people.no_wait_percent)?;
    percent("people.listen_percent", people.listen_percent)?;
    shares("people.lines_percent", &people.lines_percent)?;
    shares("people.qty_percent", &people.qty_percent)?;
    span("people.n_reads", people.n_reads, 1, 1_000)?;
    span("people.cancel_after_ms", people.cancel_after_ms, 0, MINUTES_10)?;
    span("people.deliver_after_ms", people.deliver_after_ms, 0, MINUTES_10)?;
    if let Some(parcels) = &people.parcels {
        percent("people.parcels.percent", parcels.percent)?;
        percent("people.parcels.in_turn_percent", parcels.in_turn_percent)?;
        span("people.parcels.apart_ms", parcels.apart_ms, 0, MINUTES_10)?;
        span("people.parcels.late_ms", parcels.late_ms, 0, MINUTES_10)?;
        shares("people.parcels.fate_percent", &parcels.fate_percent)?;
    }
    if let Some(freezes) = &people.freezes {
        percent("people.freezes.percent", freezes.percent)?;
        percent("people.freezes.cancel_percent", freezes.cancel_percent)?;
        span("people.freezes.after_ms", freezes.after_ms, 0, MINUTES_10)?;
        span("people.freezes.for_ms", freezes.for_ms, 0, MINUTES_10)?;
    }
    within("people.think_median_ms", i64::from(people.think_median_ms), 0, MINUTES_10)?;
    within("people.think_sigma_percent", i64::from(people.think_sigma_percent), 0, 400)
}

fn bots(bots: &Bots, n_skus: u32) -> Checked {
    within("bots.n_bots", i64::from(bots.n_bots), 0, 1_000_000)?;
    span("bots.tries", bots.tries, 1, 1_000)?;
    at_least_1("bots.qty", bots.qty)?;
    ensure(bots.sku < n_skus, "bots.sku", || format!("is not below n_skus, {n_skus}"))
}

fn staff(staff: &Staff) -> Checked {
    span("staff.n_restocks", staff.n_restocks, 0, 999)?;
    span("staff.restock_units", staff.restock_units, 1, 1_000_000)?;
    span("staff.n_counts", staff.n_counts, 0, 999)?;
    span("staff.counted_percent", staff.counted_percent, 0, 1_000)?;
    span("staff.n_reprices", staff.n_reprices, 0, 999)?;
    span("staff.reprice_percent", staff.reprice_percent, 1, 1_000)
}

fn fixed(scenario: &Scenario) -> Checked {
    let n_nodes = scenario.system.nodes.iter().copied().max().unwrap_or(0);
    for (place, fault) in scenario.fault.iter().enumerate() {
        let key = format!("fault[{place}]");
        let may_wait = matches!(fault.kind, FaultKind::Crash { .. } | FaultKind::Pause { .. });
        let waits_ms = if fault.moment == Moment::Any { 0 } else { MOMENT_WAIT_MS };
        ensure(may_wait || waits_ms == 0, &key, || "waits for a moment, and cannot".into())?;
        let ends = fault.at_ms.saturating_add(waits_ms).saturating_add(u64::from(fault.for_ms));
        ensure(ends < scenario.system.duration_ms, &key, || "ends after the run".into())?;
        let node = fault.kind.node().unwrap_or(0);
        ensure(node < n_nodes, &key, || format!("names node {node} of {n_nodes}"))?;
    }
    Ok(())
}

fn swarm(swarm: &Swarm, duration_ms: u64) -> Checked {
    percent("swarm.family_percent", swarm.family_percent)?;
    ensure(swarm.calm_ms <= duration_ms / 2, "swarm.calm_ms", || {
        format!("is more than half of {duration_ms}")
    })?;
    ensure(!swarm.family.is_empty(), "swarm.family", || "has no family".into())?;
    swarm.family.iter().try_for_each(|(family, ranges)| family_ranges(*family, ranges))
}

/// A family has the keys that it needs and no other.
fn family_ranges(family: Family, ranges: &Ranges) -> Checked {
    let key = |name: &str| format!("swarm.family.{family:?}.{name}");
    let most = i64::from(FAULTS_PER_FAMILY) - 1;
    has(&key("n"), ranges.n, Some(Span::new(1, most)))?;
    let length = family.lasts().then_some(Span::new(1, 24 * 3_600_000));
    has(&key("for_ms"), ranges.for_ms, length)?;
    let amounts = [Amount::KeptWrites, Amount::Percent, Amount::UpToMs, Amount::ByMs, Amount::Ppm];
    for amount in amounts {
        let Some((name, bounds)) = amount.bounds() else { continue };
        has(&key(name), amount.range(ranges), (amount == family.amount()).then_some(bounds))?;
    }
    let flags = [
        ("one_way_percent", ranges.one_way_percent, family == Family::Partition),
        ("new_version_percent", ranges.new_version_percent, family == Family::Roll),
    ];
    for (name, flag, wanted) in flags {
        ensure(flag.is_some() == wanted, &key(name), || presence(wanted))?;
        percent(&key(name), flag.unwrap_or(0))?;
    }
    let may_wait = matches!(family, Family::Crash | Family::Pause);
    ensure(may_wait || ranges.moment_percent.is_none(), &key("moment_percent"), || {
        presence(false)
    })?;
    percent(&key("moment_percent"), ranges.moment_percent.unwrap_or(0))
}

/// `range` is there if and only if it has `bounds`, and within them.
fn has(key: &str, range: Option<Span>, bounds: Option<Span>) -> Checked {
    match (range, bounds) {
        (Some(range), Some(bounds)) => span(key, range, bounds.least, bounds.most),
        (None, None) => Ok(()),
        (range, bounds) => {
            ensure(range.is_some() == bounds.is_some(), key, || presence(bounds.is_some()))
        }
    }
}

fn presence(wanted: bool) -> String {
    if wanted { "is missing".into() } else { "means nothing for this family".into() }
}

fn not_empty<'a, T>(
    key: &str,
    list: &'a [T],
) -> Result<std::iter::Enumerate<std::slice::Iter<'a, T>>, Error> {
    ensure(!list.is_empty(), key, || "is an empty list".into())?;
    Ok(list.iter().enumerate())
}

fn shares(key: &str, shares: &[u8]) -> Checked {
    ensure(shares.len() <= 20, key, || "has more than 20 shares".into())?;
    let sum: u32 = shares.iter().copied().map(u32::from).sum();
    ensure(sum == 100, key, || format!("adds up to {sum}, not 100"))
}

fn at_most_100(key: &str, shares: &[u8]) -> Checked {
    let sum: u32 = shares.iter().copied().map(u32::from).sum();
    ensure(sum <= 100, key, || format!("add up to {sum}, more than 100"))
}

fn percent(key: &str, value: u8) -> Checked {
    within(key, i64::from(value), 0, 100)
}

fn rate(key: &str, per_s: f64) -> Checked {
    ensure((0.0..=RATE_MAX).contains(&per_s), key, || format!("is not between 0 and {RATE_MAX}"))
}

fn at_least_1(key: &str, value: u32) -> Checked {
    within(key, i64::from(value), 1, i64::from(u32::MAX))
}

fn span(key: &str, span: Span, least: i64, most: i64) -> Checked {
    ensure(span.least <= span.most, key, || "ends before it begins".into())?;
    within(key, span.least, least, most)?;
    within(key, span.most, least, most)
}

fn within(key: &str, value: i64, least: i64, most: i64) -> Checked {
    ensure((least..=most).contains(&value), key, || {
        format!("is {value}, not between {least} and {most}")
    })
}

fn ensure(holds: bool, key: &str, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Error::Value { key: key.into(), what: what() }) }
}
