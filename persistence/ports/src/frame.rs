//! A frame: all records of one shard in one group commit, in order.
//!
//! Frames of a shard form a chain: commit numbers are contiguous from 1, and each frame carries
//! the checksum of the one before it (I2). A missing, repeated or damaged frame breaks the chain.
//!
//! ```text
//! payload = ( len u32 LE | StepRecord in the plain layout )*
//! ```

use codec::{Stored, TypeId};
use entity::{ShardId, StepRecord};
use serde::{Deserialize, Serialize};

/// Why a frame or its payload cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The checksum does not fit the content.
    #[error("frame {commit_no} of shard {}: checksum mismatch", shard.0)]
    Checksum {
        /// Whose frame.
        shard: ShardId,
        /// Which one.
        commit_no: u64,
    },
    /// The payload ends inside a record.
    #[error("payload ends inside a record")]
    Truncated,
    /// A record cannot be decoded.
    #[error("record unreadable")]
    Record(#[from] codec::Error),
}

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameHeader {
    /// Whose journal.
    pub shard: ShardId,
    /// Contiguous from 1 in a shard.
    pub commit_no: u64,
    /// The epoch that wrote it.
    pub epoch: u64,
    /// Number, in the shard, of the first event in it; contiguous from 1.
    pub first_seq: u64,
    /// Events in it.
    pub n_events: u32,
    /// Schema version of the records in the payload.
    pub record_version: u16,
    /// Checksum of the frame before; 0 for the first.
    pub prev_crc: u32,
}

/// One commit of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// What stands before the payload.
    pub header: FrameHeader,
    /// The records.
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
    /// Checksum over header and payload.
    pub crc: u32,
}

impl Stored for Frame {
    const TYPE: TypeId = 3;
}

impl Frame {
    /// A frame with its checksum. O(payload).
    #[must_use]
    pub fn new(header: FrameHeader, payload: Vec<u8>) -> Self {
        let crc = checksum(&header, &payload);
        Self { header, payload, crc }
    }

    /// Checks the frame's own checksum (not the chain). O(payload).
    pub fn verify(&self) -> Result<(), FrameError> {
        if self.crc == checksum(&self.header, &self.payload) {
            return Ok(());
        }
        Err(FrameError::Checksum { shard: self.header.shard, commit_no: self.header.commit_no })
    }

    /// Appends a record to a payload. Errors: a record that cannot be encoded.
    pub fn push_record(payload: &mut Vec<u8>, record: &StepRecord) -> Result<(), codec::Error> {
        let start = payload.len();
        payload.extend_from_slice(&[0; 4]);
        codec::to_bytes_into(record, payload)?;
        let len = u32::try_from(payload.len() - start - 4).expect("a step is at most 512 KiB");
        payload[start..start + 4].copy_from_slice(&len.to_le_bytes());
        Ok(())
    }

    /// Decodes all records, in order.
    pub fn records(&self) -> Result<Vec<StepRecord>, FrameError> {
        let mut records = Vec::new();
        let mut rest = self.payload.as_slice();
        while !rest.is_empty() {
            let (len, tail) = rest.split_first_chunk::<4>().ok_or(FrameError::Truncated)?;
            let len = u32::from_le_bytes(*len) as usize;
            let (record, tail) = tail.split_at_checked(len).ok_or(FrameError::Truncated)?;
            records.push(StepRecord::decode_version(self.header.record_version, record)?);
            rest = tail;
        }
        Ok(records)
    }
}

fn checksum(header: &FrameHeader, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header.shard.0.to_le_bytes());
    hasher.update(&header.commit_no.to_le_bytes());
    hasher.update(&header.epoch.to_le_bytes());
    hasher.update(&header.first_seq.to_le_bytes());
    hasher.update(&header.n_events.to_le_bytes());
    hasher.update(&header.record_version.to_le_bytes());
    hasher.update(&header.prev_crc.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}
