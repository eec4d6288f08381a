//! What is written to whom.

use ports::Life;

use super::*;

const fn versions(lowest: u16, highest: u16) -> Versions {
    Versions { lowest, highest }
}

fn row(incarnation: u64, beat: u64, frames: Versions) -> LeaseRow {
    let life = Life { node: NodeId::new("ada"), incarnation };
    LeaseRow { life, beat, ttl_ms: 3_000, frames }
}

#[test]
fn the_newest_version_that_both_read_is_written() {
    let ada = NodeId::new("ada");
    for (own, theirs, written) in [
        ((1, 2), (1, 2), Some(2)),
        ((1, 2), (1, 1), Some(1)),
        ((1, 2), (2, 3), Some(2)),
        ((1, 1), (1, 2), Some(1)),
        ((1, 2), (3, 4), None),
        ((3, 4), (1, 2), None),
    ] {
        let peers = Peers::new(versions(own.0, own.1));
        assert_eq!(peers.version_for(&ada), Some(own.0), "of a stranger nothing is known");
        peers.learn(&[row(1, 1, versions(theirs.0, theirs.1))]);
        assert_eq!(peers.version_for(&ada), written, "{own:?} to {theirs:?}");
    }
}

#[test]
fn a_later_life_counts_and_what_a_node_says_itself() {
    let (ada, peers) = (NodeId::new("ada"), Peers::new(versions(1, 3)));
    peers.learn(&[row(3, 9, versions(1, 3))]);
    peers.learn(&[row(1, 7, versions(1, 1)), row(4, 0, versions(1, 1))]);
    assert_eq!(peers.version_for(&ada), Some(3), "stale, and an ended life");
    peers.said(&ada, versions(1, 2));
    assert_eq!(peers.version_for(&ada), Some(2));
    peers.learn(&[row(2, 7, versions(1, 1))]);
    assert_eq!(peers.version_for(&ada), Some(2), "stale");
    peers.learn(&[row(3, 10, versions(1, 3))]);
    assert_eq!(peers.version_for(&ada), Some(3), "the row of that life stands for it");
    peers.learn(&[row(5, 1, versions(1, 1))]);
    assert_eq!(peers.version_for(&ada), Some(1), "it came back as an older build");
}
