//! I1: one writer. Epochs only rise along a shard's journal, and an epoch has one owner.
//!
//! A frame under an older epoch behind a newer one was let in past the fence. So was one that came
//! between a claim and the new owner's first frame: the journal alone does not show it, so runs
//! say what their store took, and who might have answered with an old state beside a newer
//! owner. Owners are judged where the run knows them.

use std::collections::BTreeMap;

use super::{Beside, Findings, World};

/// Judges every frame and every claim.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I1");
    let mut owners = BTreeMap::new();
    for owned in &world.given.owners {
        let first = *owners.entry((owned.shard, owned.epoch)).or_insert(owned.node);
        found.judge(first == owned.node, || {
            let (shard, epoch, node) = (owned.shard.0, owned.epoch, owned.node);
            format!("epoch {epoch} of shard {shard} was given to nodes {first} and {node}")
        });
    }
    for Beside { old, new, at_us } in &world.given.beside {
        found.judge(false, || {
            let (shard, node, epoch) = (old.shard.0, old.node, old.epoch);
            let (since, by) = (new.epoch, new.node);
            format!(
                "node {node} might answer for shard {shard} under epoch {epoch} at {at_us} us, \
                 though node {by} has epoch {since}"
            )
        });
    }
    for late in &world.given.let_in {
        found.judge(false, || {
            let (shard, commit, epoch, newest) =
                (late.shard.0, late.commit, late.epoch, late.newest);
            format!("commit {commit} of shard {shard} was taken under epoch {epoch} after {newest}")
        });
    }
    for (shard, frames) in (0..).zip(&world.journals.shards) {
        let mut newest = 0;
        for header in frames.iter().map(|frame| &frame.header) {
            let (commit, epoch) = (header.commit_no, header.epoch);
            found.judge(epoch >= newest && epoch > 0 && header.shard.0 == shard, || {
                let of = header.shard.0;
                format!(
                    "commit {commit} of shard {of} in the journal of {shard} has epoch {epoch} \
                     after {newest}"
                )
            });
            let is_known = owners.is_empty() || owners.contains_key(&(header.shard, epoch));
            found.judge(is_known, || {
                format!("commit {commit} of shard {shard}: nobody was given epoch {epoch}")
            });
            newest = newest.max(epoch);
        }
    }
    found
}
