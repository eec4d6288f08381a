//! The trace: every message that reached a production handler, in order.
//!
//! Kept as columns of varints (time since the one before in us; kind and place together), about
//! three bytes a message, and as a rolling hash over all of each message. Payloads are not kept:
//! the plan makes them again.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Tag;

/// Messages between two checkpoints of the hash.
pub(super) const CHECKPOINT_EVENTS: u64 = 4_096;

/// What kind of message an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A timer or a fault: not counted, not traced.
    Timer = 0,
    /// A client's request reaches an edge.
    Request = 1,
    /// An answer reaches a client.
    Response = 2,
    /// A message between shards reaches one.
    Stream = 3,
    /// An acknowledgement between shards reaches one.
    Ack = 4,
    /// A request to send a stream again reaches a shard.
    Resend = 5,
    /// The store answers an append.
    Append = 6,
    /// The store answers a read or another write.
    Store = 7,
    /// The bus answers a publication.
    Publish = 8,
    /// A frame from another node reaches a node.
    Frame = 9,
    /// A word of an agent to another or to the store: that a node is there, who owns what. It is
    /// in the hash, not counted and not stored.
    Heartbeat = 10,
}

/// The trace of a run.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    n_events: u64,
    last_us: u64,
    checkpoints: Vec<u64>,
    times: Vec<u8>,
    places: Vec<u8>,
}

impl Trace {
    pub(super) fn take(&mut self, now_us: u64, tag: Tag) {
        if tag.kind == Kind::Timer {
            return;
        }
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&now_us.to_le_bytes());
        bytes[8..16].copy_from_slice(&tag.id.to_le_bytes());
        bytes[16..20].copy_from_slice(&tag.to.to_le_bytes());
        bytes[20] = tag.kind as u8;
        self.hash = xxh3_64_with_seed(&bytes, self.hash);
        if tag.kind == Kind::Heartbeat {
            return;
        }
        varint(&mut self.times, now_us - self.last_us);
        varint(&mut self.places, u64::from(tag.to) << 4 | tag.kind as u64);
        self.last_us = now_us;
        self.n_events += 1;
        if self.n_events.is_multiple_of(CHECKPOINT_EVENTS) {
            self.checkpoints.push(self.hash);
        }
    }

    /// The hash over everything so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// Messages so far.
    #[must_use]
    pub const fn n_events(&self) -> u64 {
        self.n_events
    }

    /// The hash after every 4,096 messages (`CHECKPOINT_EVENTS`).
    #[must_use]
    pub fn checkpoints(&self) -> &[u64] {
        &self.checkpoints
    }

    /// Bytes that the columns take.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.times.len() + self.places.len()
    }

    /// The columns: first the times, then the places, with their lengths before them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.n_bytes() + 20);
        for column in [&self.times, &self.places] {
            varint(&mut bytes, column.len() as u64);
            bytes.extend_from_slice(column);
        }
        bytes
    }
}

/// A message of a stored trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When, in virtual us.
    pub at_us: u64,
    /// What kind, as in [`Kind`].
    pub kind: u8,
    /// Where.
    pub to: u64,
}

impl Moment {
    /// The messages of a stored trace; what is cut off in the middle is left out.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Vec<Self> {
        let mut rest = bytes;
        let mut column = || {
            let length = usize::try_from(unvarint(&mut rest)?).ok()?;
            let (column, others) = rest.split_at_checked(length)?;
            rest = others;
            Some(column)
        };
        let (Some(mut times), Some(mut places)) = (column(), column()) else { return Vec::new() };
        let mut moments = Vec::new();
        let mut at_us = 0;
        while let (Some(by), Some(place)) = (unvarint(&mut times), unvarint(&mut places)) {
            at_us += by;
            moments.push(Self { at_us, kind: (place & 0xf) as u8, to: place >> 4 });
        }
        moments
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 10] = [
            "timer",
            "request to node",
            "response to visit",
            "message to shard",
            "acknowledgement to shard",
            "resend to shard",
            "append of shard",
            "store call of shard",
            "publication",
            "frame to node",
        ];
        let name = NAMES.get(usize::from(self.kind)).copied().unwrap_or("unknown");
        write!(f, "{:>12} us  {name} {}", self.at_us, self.to)
    }
}

fn unvarint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
