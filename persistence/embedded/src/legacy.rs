//! Stores of format 1, whose journal was a fjall database: it is moved into a log, and its named
//! values into files, when they are opened, once.
//!
//! ```text
//! journal/  frames  batch u64 | shard u16 -> sealed frame         all numbers big endian
//!           meta    'e' shard u16 -> epoch u64 | 'v' name -> value | 'b' -> batch u64
//! ```
//!
//! All that is new is whole and on the disk before the identity says format 2; the journal goes
//! when all that is new was read and checked. A move that was cut short begins anew.

use std::fs;
use std::io;
use std::sync::Arc;

use entity::ShardId;
use fjall::Keyspace;
use ports::Frame;

use crate::acked::Acked;
use crate::databases::{guarded, keyspace, open_db, open_error};
use crate::identity::{FORMAT, Identity};
use crate::layout::{self, Layout};
use crate::log::Log;
use crate::log::format::Builder;
use crate::log::recover::{self, Shape};
use crate::log::writer::Writer;
use crate::store::damaged;
use crate::values::Values;
use crate::{OpenError, frames, manifest, repair};

/// What format 1 says of a store.
const FORMAT_OF_JOURNALS: u32 = 1;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes that are copied with one sync.
const BATCH_BYTES: usize = 1024 * 1024;
const WHAT: &str = "move the journal into a log";

/// Moves the journal of a store of format 1; leaves any other store as it is. O(journal).
///
/// Errors: `Damaged`, and the journal stays as it is, when a frame is not as it was written or the
/// last acknowledged batch is not there.
pub(crate) fn move_journal(
    layout: &Layout,
    identity: &mut Identity,
    segment_bytes: u64,
    acked: &Acked,
) -> Result<(), OpenError> {
    if identity.format == FORMAT_OF_JOURNALS {
        tracing::info!("the journal is moved into a log: a store of an older build");
        let Identity { history, n_shards, .. } = &*identity;
        let shape = Shape { history, n_shards: *n_shards, segment_bytes };
        let number = copy(layout, shape, acked.read())?;
        // While the identity changes nothing is promised: neither log's number may be taken for
        // the other's.
        acked.write(0).map_err(OpenError::io(WHAT))?;
        acked.sync().map_err(OpenError::io(WHAT))?;
        layout::sync_dir(layout.root()).map_err(OpenError::io(WHAT))?;
        identity.format = FORMAT;
        identity.write(&layout.identity())?;
        acked.write(number).map_err(OpenError::io(WHAT))?;
    }
    Ok(())
}

/// Removes the journal of a store that was moved, once all that is new was read; there may be none.
pub(crate) fn remove_journal(layout: &Layout) -> Result<(), OpenError> {
    remove(layout.journal())
}

fn remove(dir: std::path::PathBuf) -> Result<(), OpenError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::io(WHAT)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes the log and returns the number of its last batch.
fn copy(layout: &Layout, shape: Shape<'_>, acked: Option<u64>) -> Result<u64, OpenError> {
    let journal = layout.journal();
    manifest::check(&journal, 3)?;
    // Whoever wrote it can tell a torn tail from damage, and cuts it off at its next start.
    repair::check(&journal, repair::Torn::Refuse).map_err(|error| match error {
        OpenError::Damaged(why) => {
            OpenError::Damaged(format!("{why}; start it once with the build that wrote it"))
        }
        other => other,
    })?;
    let (frames, meta) = guarded(&journal, || {
        let db = open_db(&journal, CACHE_BYTES)?;
        Ok((keyspace(&db, "frames", 1, false)?, keyspace(&db, "meta", 3, false)?))
    })?;
    // What a move that was cut short has left.
    remove(layout.log())?;
    remove(layout.values())?;
    let (log, writer) = recover::create(&layout.log(), shape)?;
    let values = Values::create(layout.values()).map_err(OpenError::io(WHAT))?;
    let batch = Builder::new();
    let mut copy = Copy { log, writer, values, batch, last: Vec::new(), number: 0 };
    copy.last.resize(shape.n_shards as usize, None);
    copy.frames(&frames)?;
    copy.meta(&meta)?;
    if let Some(acked) = acked.filter(|acked| copy.number < *acked) {
        let number = copy.number;
        return Err(OpenError::Damaged(format!(
            "the journal ends at batch {number}, but batch {acked} was acknowledged"
        )));
    }
    copy.write()?;
    Ok(copy.writer.number())
}

/// What was copied so far.
struct Copy {
    log: Arc<Log>,
    writer: Writer,
    values: Values,
    batch: Builder,
    /// The last frame of each shard.
    last: Vec<Option<Frame>>,
    /// The number of the last batch of the journal.
    number: u64,
}

impl Copy {
    fn frames(&mut self, frames: &Keyspace) -> Result<(), OpenError> {
        let strange = || OpenError::Damaged("a frame has no key of ours".into());
        for row in frames.iter() {
            let (key, sealed) = row.into_inner().map_err(open_error)?;
            let (number, shard) = key.split_first_chunk::<8>().ok_or_else(strange)?;
            let shard = ShardId(u16::from_be_bytes(shard.try_into().map_err(|_| strange())?));
            self.number = u64::from_be_bytes(*number);
            let last = self.last.get_mut(shard.0 as usize).ok_or_else(strange)?;
            let commit_no = last.as_ref().map_or(1, |last| last.header.commit_no + 1);
            let frame = frames::open(shard, commit_no, &sealed).map_err(damaged)?;
            if last.as_ref().is_some_and(|last| !frames::follows(last, &frame)) {
                let why = format!("commit {commit_no} of shard {} follows no other", shard.0);
                return Err(OpenError::Damaged(why));
            }
            *last = Some(frame);
            self.batch.push_frame(shard, commit_no, &sealed);
            if self.batch.len() >= BATCH_BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    fn meta(&mut self, meta: &Keyspace) -> Result<(), OpenError> {
        let strange = || OpenError::Damaged("a row of the journal is none of ours".into());
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).map_err(|_| strange());
        for row in meta.iter() {
            let (key, value) = row.into_inner().map_err(open_error)?;
            match key.split_first().ok_or_else(strange)? {
                (b'e', shard) => {
                    let shard = u16::from_be_bytes(shard.try_into().map_err(|_| strange())?);
                    if usize::from(shard) >= self.last.len() {
                        return Err(strange());
                    }
                    self.batch.push_epoch(ShardId(shard), number(&value)?);
                }
                (b'v', name) => {
                    let name = std::str::from_utf8(name).map_err(|_| strange())?;
                    self.values.put(name, &value).map_err(OpenError::io(WHAT))?;
                }
                (b'b', []) => self.number = number(&value)?.max(self.number),
                _ => return Err(strange()),
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), OpenError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.writer.append(&mut self.batch).map_err(OpenError::io(WHAT))?;
        self.batch.clear();
        self.log.seal().map_err(OpenError::io(WHAT))
    }
}
