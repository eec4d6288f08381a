//! Asks every checker what it thinks of a run: those of clients, of what they saw; those of the
//! journal, of what store and bus hold.

use entity::{Tenant, Timestamp};
use ports::Journal as _;

use super::burn_down;
use super::queues::Queues;
use crate::check::client::calm;
use crate::check::client::judge as judge_clients;
use crate::check::client::liveness::Settle;
use crate::check::client::refusals;
use crate::check::client::told;
use crate::check::client::waits;
use crate::check::journal::{Given, Sent, World as Journal};
use crate::check::{listed, views};
use crate::client::Names;
use crate::history::History;
use crate::plan::Plan;
use crate::record::{RunRecord, Violation};
use crate::world::World;

/// The shop that clients use.
pub(super) const TENANT: &str = "demo";

/// What was seen of a run from outside its store.
pub(super) struct Seen<'a> {
    /// By clients.
    pub(super) history: &'a History,
    /// Of queues.
    pub(super) queues: &'a Queues,
    /// Since when everything had its time to settle, in us, and what the clocks showed then.
    pub(super) healed: (u64, Timestamp),
}

/// Judges what a run left behind; adds to the record what was looked at and what is broken.
pub(super) async fn judge(plan: &Plan, world: &World, seen: &Seen<'_>, record: &mut RunRecord) {
    clients(seen.history, seen.healed.0, record);
    let patience_us = u64::from(plan.setup.client.timeout_ms) * 1_000;
    let times = world.calm();
    let calm = calm::check(&times, patience_us, seen.history);
    let refusals = refusals::check(&times, patience_us, seen.history);
    let told = told::check(&times, plan.setup.client.stream_patience_us(), seen.history);
    let waits = waits::check(&times, seen.history);
    let of_calm = [("calm", calm), ("refusals", refusals), ("told", told), ("waits", waits)];
    for (name, findings) in of_calm {
        *record.checked.entry(name.into()).or_default() += findings.looked_at;
        record.violations.extend(findings.violations);
    }
    let n_skus = u32::try_from(plan.setup.skus.len()).unwrap_or(u32::MAX);
    let codes: Vec<String> = (0..n_skus).map(|sku| Names::default().sku(sku)).collect();
    let ground = world.ground();
    let given = Given {
        end_us: world.since_begin_us(),
        clock: Some(Timestamp(world.clock_ms())),
        rested: Some(seen.healed),
        calm: Some(times),
        is_healed: true,
        owners: ground.claims.all(),
        let_in: ground.claims.let_in(),
        beside: ground.claims.beside(),
        durable_us: ground.claims.durable_us(world.begun_us()),
        acks: ground.network.acks(world.begun_us()),
        sent: sent(world),
        written: ground.claims.written(world.begun_us()),
        stream_window: Some(plan.setup.stream_window.into()),
        depths: seen.queues.depths.clone(),
        n_lost: ground.bus.n_lost(),
        skus: codes.clone(),
        history: seen.history.clone(),
        ..Given::of(Tenant::new(TENANT))
    };
    let published = Some(ground.bus.ever());
    match Journal::read(&ground.store, published, given).await {
        Ok(journal) => {
            let begun_ms = world.begun_us() / 1_000;
            record.timeline.stock = burn_down::stock(&journal, &codes, &record.timeline, begun_ms);
            let shown = views::check(&ground.store, &journal).await;
            let listed = listed::check(&ground.store, &journal).await;
            let of_views = [("views", shown), ("listed", listed)];
            for (name, findings) in journal.check_all().into_iter().chain(of_views) {
                *record.checked.entry(name.to_owned()).or_default() += findings.looked_at;
                record.violations.extend(findings.violations);
            }
        }
        Err(error) => record.violations.push(Violation {
            invariant: "store".into(),
            at_us: world.since_begin_us(),
            what: format!("the store cannot be read: {error}"),
        }),
    }
}

/// Messages that left between shards that are logs of their own.
fn sent(world: &World) -> Vec<Sent> {
    let ground = world.ground();
    match ground.store.one_log() {
        true => Vec::new(),
        false => ground.network.sent(world.begun_us()),
    }
}

/// Judges what clients saw; from `healed_us` on everything must have settled.
pub(crate) fn clients(history: &History, healed_us: u64, record: &mut RunRecord) {
    for (name, findings) in judge_clients(history, Some(&Settle::by(healed_us))) {
        *record.checked.entry(name.to_owned()).or_default() += findings.looked_at;
        record.violations.extend(findings.violations);
        if findings.undecided > 0 {
            record.checked.insert(format!("{name} undecided"), findings.undecided);
        }
    }
}
