//! Placement: the wanted owner of each shard, from the list of members alone.
//!
//! Rendezvous hashing with bounded load: of all pairs (shard, member), the highest score is
//! matched first, as long as the member has room. Nodes with equal lists agree without asking;
//! a member that comes or goes moves about its own share. No member gets more than 1.25 times
//! the mean. Present owners play no part in what is wanted, only in when it is done: who may
//! move, and when, is the agent's (residence). Source: rendezvous hashing (Thaler, Ravishankar),
//! bounded loads (Mirrokni, Thorup, Zadimoghaddam).

use entity::ShardId;
use ports::{Life, NodeId};

/// The most shards of a member, in percent of the mean.
const LOAD_MAX_PERCENT: usize = 125;

/// A list of members, with the wanted owner of each shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    number: u64,
    members: Vec<Life>,
    /// Index of the wanted member, by shard.
    wanted: Vec<u16>,
}

impl View {
    /// The view of these members: one life a node, in any order. O(members x shards), sorted.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Life>, n_shards: u16) -> Self {
        let mut members: Vec<Life> = members.into_iter().collect();
        members.sort_unstable();
        let twice = members.windows(2).any(|pair| pair[0].node == pair[1].node);
        assert!(!twice, "a node has one life at a time");
        let number = members.iter().fold(1, |number, life| {
            mix(mix(number ^ hash(&life.node)).wrapping_add(life.incarnation))
        });
        let wanted = place(&members, n_shards);
        Self { number, members, wanted }
    }

    /// Equal for equal lists, and for others only by chance (2^-64).
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The members, by node.
    #[must_use]
    pub fn members(&self) -> &[Life] {
        &self.members
    }

    /// Whether this life is a member.
    #[must_use]
    pub fn has(&self, life: &Life) -> bool {
        self.members.binary_search(life).is_ok()
    }

    /// Who is to own a shard; `None`: there are no members.
    #[must_use]
    pub fn wanted(&self, shard: ShardId) -> Option<&Life> {
        let index = self.wanted.get(usize::from(shard.0))?;
        self.members.get(usize::from(*index))
    }

    /// The view as it will be without a node that leaves.
    #[must_use]
    pub fn without(&self, node: &NodeId) -> Self {
        let n_shards = u16::try_from(self.wanted.len()).expect("made from a u16");
        Self::new(self.members.iter().filter(|life| life.node != *node).cloned(), n_shards)
    }
}

fn place(members: &[Life], n_shards: u16) -> Vec<u16> {
    if members.is_empty() {
        return Vec::new();
    }
    let n_members = u16::try_from(members.len()).expect("fewer members than 65,536");
    let room = (usize::from(n_shards) * LOAD_MAX_PERCENT).div_ceil(100 * members.len());
    let mut pairs = Vec::with_capacity(usize::from(n_shards) * members.len());
    for (member, life) in (0..n_members).zip(members) {
        let node = hash(&life.node);
        pairs.extend((0..n_shards).map(|shard| (mix(node ^ mix(u64::from(shard))), shard, member)));
    }
    pairs.sort_unstable_by(|a, b| b.cmp(a));
    let mut load = vec![0; members.len()];
    let mut wanted = vec![u16::MAX; usize::from(n_shards)];
    for (_, shard, member) in pairs {
        let load = &mut load[usize::from(member)];
        let wanted = &mut wanted[usize::from(shard)];
        if *wanted == u16::MAX && *load < room {
            *wanted = member;
            *load += 1;
        }
    }
    assert!(!wanted.contains(&u16::MAX), "there is room for all: 1.25 times as much");
    wanted
}

/// FNV-1a over the name, mixed: names that differ by a digit have unlike scores.
fn hash(node: &NodeId) -> u64 {
    let fnv = node.0.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

/// The finalizer of splitmix64.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests;
