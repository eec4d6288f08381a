//! Asks every checker what it thinks of a run.

use entity::Tenant;

use crate::check::journal::{Given, World as Journal};
use crate::client::sku_code;
use crate::history::History;
use crate::plan::Plan;
use crate::record::{RunRecord, Violation};
use crate::world::World;

/// The shop that clients use.
const TENANT: &str = "demo";

/// Judges what a run left behind; adds to the record what was looked at and what is broken.
pub(super) async fn judge(plan: &Plan, world: &World, history: &History, record: &mut RunRecord) {
    let n_skus = u32::try_from(plan.setup.skus.len()).unwrap_or(u32::MAX);
    let given = Given {
        end_us: world.since_begin_us(),
        is_healed: true,
        skus: (0..n_skus).map(sku_code).collect(),
        history: history.clone(),
        ..Given::of(Tenant::new(TENANT))
    };
    let ground = world.ground();
    let published = Some(ground.bus.ever());
    match Journal::read(&ground.store, published, given).await {
        Ok(journal) => {
            for (name, findings) in journal.check_all() {
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
