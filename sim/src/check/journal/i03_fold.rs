//! I3: state is the fold of the events. Each snapshot is the fold of the records up to it, and a
//! checkpoint has a snapshot of everything that changed at or before it. A snapshot's deadline has
//! a timer row: nothing else would wake an entity that is not in memory. So it was at each write.

use std::collections::BTreeMap;

use ports::TimerRow;

use super::{Findings, World, restarts};

/// Judges every fold, every snapshot and every checkpoint.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I3");
    found.look(world.shop.n_events + world.shop.n_snapshots);
    for what in &world.shop.faults {
        found.fail(what.as_str());
    }
    let snapshots: BTreeMap<_, _> =
        world.journals.snapshots.iter().map(|(key, snapshot)| (key, snapshot)).collect();
    let checkpoints: BTreeMap<_, _> =
        world.journals.checkpoints.iter().map(|(shard, it)| (*shard, it.commit_no)).collect();
    for (key, rows) in &world.decoded.entities {
        let records = rows.iter().map(|row| &world.decoded.records[*row]);
        let Some(shard) = records.clone().next().map(|rec| rec.shard) else { continue };
        let checkpoint = checkpoints.get(&shard).copied().unwrap_or(0);
        let needed = records.map(|rec| rec.commit_no).filter(|commit| *commit <= checkpoint).max();
        let Some(needed) = needed else { continue };
        let have = snapshots.get(key).map(|snapshot| snapshot.last_commit);
        found.judge(have.is_some_and(|have| have >= needed), || {
            format!("checkpoint {checkpoint} of {shard:?}: {key} needs {needed}, has {have:?}")
        });
    }
    for (key, snapshot) in &world.journals.snapshots {
        let Some(at) = snapshot.deadline else { continue };
        let row = TimerRow { at, key: key.clone() };
        found.judge(world.journals.timers.contains(&row), || {
            format!("{key} is to be woken at {at:?}, and has no timer row")
        });
    }
    restarts::snapshots(world, &mut found);
    found
}
