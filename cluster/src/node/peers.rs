//! Which versions of frames other nodes read, and so which is written to each.
//!
//! It comes from the rows of the members, and from what a node says of itself when it could not
//! read a frame. To a node that is not known the oldest version is written. A wrong guess costs a
//! refused frame: then the node is known.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use ports::{LeaseRow, NodeId, Versions};

/// A node.
struct Known {
    /// Of the row; 0: it only spoke for itself.
    incarnation: u64,
    frames: Versions,
}

/// The other nodes. As many as there ever were members.
pub(super) struct Peers {
    /// What is read and written here.
    own: Versions,
    known: Mutex<BTreeMap<NodeId, Known>>,
}

impl Peers {
    pub(super) const fn new(own: Versions) -> Self {
        Self { own, known: Mutex::new(BTreeMap::new()) }
    }

    pub(super) const fn own(&self) -> Versions {
        self.own
    }

    /// Takes rows of members, which may be stale: of an earlier life than a known one they are.
    pub(super) fn learn(&self, rows: &[LeaseRow]) {
        let mut known = self.known.lock();
        for row in rows.iter().filter(|row| row.is_held()) {
            let LeaseRow { life, frames, .. } = row;
            if known.get(&life.node).is_none_or(|old| old.incarnation <= life.incarnation) {
                let incarnation = life.incarnation;
                known.insert(life.node.clone(), Known { incarnation, frames: *frames });
            }
        }
    }

    /// A node has said what it reads. Its next row counts again.
    pub(super) fn said(&self, node: &NodeId, frames: Versions) {
        let mut known = self.known.lock();
        let incarnation = known.get(node).map_or(0, |old| old.incarnation);
        known.insert(node.clone(), Known { incarnation, frames });
    }

    /// The version to write to a node; `None`: it reads none that this build writes.
    pub(super) fn version_for(&self, node: &NodeId) -> Option<u16> {
        if sites::is_broken("newest_frame_to_all") {
            return Some(self.own.highest);
        }
        let version = match self.known.lock().get(node) {
            Some(peer) => self.own.newest_common(peer.frames)?,
            None => return Some(self.own.lowest),
        };
        if version < self.own.highest {
            sites::hit("frame.older_for_peer");
        }
        Some(version)
    }
}

#[cfg(test)]
mod tests;
