//! The store: made or opened, checked, its threads started; closed in order.
//!
//! ```text
//! lock -> identity -> (format 1: its journal moved) -> derived files (cut to a prefix), complete
//!      -> log (torn tail, damage, last commit) -> publish marks -> chain from the checkpoint on
//!      -> threads
//! ```

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, mpsc as std_mpsc};
use std::thread::{self, JoinHandle};

use entity::ShardId;
use ports::{Checkpoint, StoreError, Tail};
use tokio::sync::mpsc;

use crate::acked::Acked;
use crate::committer::{self, Committer};
use crate::databases::{DerivedDb, read_error};
use crate::identity::Identity;
use crate::keeper::{self, Keeper};
use crate::layout::{self, Layout};
use crate::log::recover::{self, Promise, Shape};
use crate::log::writer::Writer;
use crate::log::{self, Log};
use crate::marks::Marks;
use crate::repair::Torn;
use crate::shared::Shared;
use crate::syncer::Syncer;
use crate::values::{self, Valuer, Values};
use crate::verify::{self, Report};
use crate::{OpenError, frames, keys, legacy, limits, repair};

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Shards of a store that does not exist yet (at least 1); an existing one keeps its own.
    pub n_shards: u16,
    /// Bytes of the block cache of snapshots and views.
    pub cache_bytes: u64,
    /// Bytes of a segment of the log ([`SEGMENT_BYTES`] says which are allowed); a commit that is
    /// longer has one of its own.
    pub segment_bytes: u64,
}

/// Allowed for [`Options::segment_bytes`]: 1 MiB to 1 GiB.
pub const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 1024 * 1024..=1024 * 1024 * 1024;

impl Default for Options {
    fn default() -> Self {
        Self {
            n_shards: 64,
            cache_bytes: limits::CACHE_BYTES,
            segment_bytes: limits::SEGMENT_BYTES,
        }
    }
}

/// An open store. Reads run in place; writes go to its threads.
pub struct EmbeddedStore {
    pub(crate) identity: Identity,
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Arc<Log>,
    pub(crate) values: Values,
    pub(crate) derived: DerivedDb,
    pub(crate) marks: Arc<Marks>,
    pub(crate) commits: mpsc::Sender<committer::Job>,
    pub(crate) writes: mpsc::Sender<keeper::Job>,
    pub(crate) puts: mpsc::Sender<values::Job>,
    threads: Mutex<Threads>,
    _lock: File,
}

struct Threads {
    committer: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
    valuer: Option<JoinHandle<()>>,
    syncer: Option<JoinHandle<()>>,
    end_syncer: Option<std_mpsc::Sender<()>>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// What was found on the disk.
struct Opened {
    log: Arc<Log>,
    writer: Writer,
    values: Values,
    derived: DerivedDb,
    marks: Marks,
    acked: Acked,
    tails: Vec<Tail>,
}

impl EmbeddedStore {
    /// Opens the store in a directory, or makes it where there is none.
    ///
    /// Reads the journal from the checkpoints on, so the cost grows with the tails. Errors: see
    /// [`OpenError`]; of a refused store at most torn tails were cut, the log's is kept beside it.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let layout = Layout::new(dir);
        layout::create_dirs(dir).map_err(OpenError::io("make the data directory"))?;
        let lock = lock(&layout)?;
        let (identity, opened) = match Identity::read(&layout.identity())? {
            Some(mut identity) => {
                // A killed process may have replaced it, and no sync made that durable yet.
                layout::sync_dir(dir).map_err(OpenError::io("sync the data directory"))?;
                let opened = open_existing(&layout, &mut identity, options)?;
                (identity, opened)
            }
            None => create(&layout, options)?,
        };
        Self::start(identity, opened, lock).map_err(OpenError::io("start a thread"))
    }

    fn start(identity: Identity, opened: Opened, lock: File) -> std::io::Result<Self> {
        let Opened { log, writer, values, derived, marks, acked, tails } = opened;
        let shared = Arc::new(Shared::new(tails));
        let marks = Arc::new(marks);
        let is_dirty = Arc::new(AtomicBool::new(false));
        let (commits, jobs) = mpsc::channel(limits::COMMIT_QUEUE_MAX);
        let committer =
            Committer { log: Arc::clone(&log), writer, shared: Arc::clone(&shared), acked, jobs };
        let (writes, jobs) = mpsc::channel(limits::DERIVED_QUEUE_MAX);
        let keeper = Keeper {
            derived: derived.clone(),
            shared: Arc::clone(&shared),
            is_dirty: Arc::clone(&is_dirty),
            jobs,
        };
        let (puts, jobs) = mpsc::channel(limits::VALUE_QUEUE_MAX);
        let valuer = Valuer {
            values: values.clone(),
            derived: derived.clone(),
            shared: Arc::clone(&shared),
            jobs,
        };
        let (end_syncer, end) = std_mpsc::channel();
        let syncer = Syncer {
            derived: derived.clone(),
            marks: Arc::clone(&marks),
            log: Arc::clone(&log),
            shared: Arc::clone(&shared),
            is_dirty,
            end,
        };
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.into()).spawn(run).map(Some)
        };
        let threads = Mutex::new(Threads {
            committer: spawn("store-commit", Box::new(|| committer.run()))?,
            keeper: spawn("store-keep", Box::new(|| keeper.run()))?,
            valuer: spawn("store-value", Box::new(|| valuer.run()))?,
            syncer: spawn("store-sync", Box::new(|| syncer.run()))?,
            end_syncer: Some(end_syncer),
        });
        Ok(Self {
            identity,
            shared,
            log,
            values,
            derived,
            marks,
            commits,
            writes,
            puts,
            threads,
            _lock: lock,
        })
    }

    /// Whether a sync failed. Nothing is acknowledged any more; the process has to end.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.shared.is_fatal()
    }

    /// Ends when a sync has failed. Cancel safe.
    pub async fn failed(&self) {
        self.shared.failed().await;
    }

    /// Verifies all frames of all shards against their checksums and chains, and all named values.
    /// O(journal).
    pub fn verify(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        for shard in 0..self.identity.n_shards {
            let shard = ShardId(shard);
            let tail = self.shared.tail(shard)?;
            verify::chain(&self.log, shard, 0, tail, &mut report)?;
        }
        self.values.verify()?;
        Ok(report)
    }

    /// Bytes on the disk.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        let unavailable = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        let log = self.log.disk_bytes().map_err(unavailable)?;
        let values = self.values.disk_bytes().map_err(unavailable)?;
        Ok(log + values + self.derived.db.disk_space().map_err(read_error)?)
    }

    /// Finishes what was handed in, syncs everything and ends the threads. Later writes fail.
    pub async fn close(&self) {
        // An error means that the thread has ended already.
        drop(self.commits.send(committer::Job::Close).await);
        drop(self.writes.send(keeper::Job::Close).await);
        drop(self.puts.send(values::Job::Close).await);
        self.join();
    }

    /// Waits for the threads; they must have been told to end.
    fn join(&self) {
        let mut threads = self.threads.lock().expect("nothing panics while it holds the lock");
        let threads = &mut *threads;
        let working = [threads.committer.take(), threads.keeper.take(), threads.valuer.take()];
        for thread in working.into_iter().flatten() {
            // A panic of the thread has declared the store failed.
            drop(thread.join());
        }
        drop(threads.end_syncer.take());
        drop(threads.syncer.take().map(JoinHandle::join));
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        // Without senders the threads end after their last job.
        self.commits = mpsc::channel(1).0;
        self.writes = mpsc::channel(1).0;
        self.puts = mpsc::channel(1).0;
        self.join();
    }
}

fn lock(layout: &Layout) -> Result<File, OpenError> {
    let what = "lock the store";
    let file = File::create(layout.lock()).map_err(OpenError::io(what))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked),
        Err(TryLockError::Error(error)) => Err(OpenError::io(what)(error)),
    }
}

/// Makes a store, its identity last.
fn create(layout: &Layout, options: Options) -> Result<(Identity, Opened), OpenError> {
    assert!(options.n_shards > 0, "a store has at least one shard");
    let what = "make a store";
    // What a creation that was cut short left behind is made anew; anything else lost its
    // identity and must not be touched.
    remove_unused(layout)?;
    let derived = DerivedDb::open(&layout.derived(), options.cache_bytes, true)?;
    let identity = Identity::mint(options.n_shards);
    let (log, writer) = recover::create(&layout.log(), shape(&identity, options))?;
    let values = Values::create(layout.values()).map_err(OpenError::io(what))?;
    let marks = Marks::open(&layout.marks(), &identity.history, identity.n_shards, true)?;
    let acked = Acked::open(&layout.acked()).map_err(OpenError::io(what))?;
    // Of a store that was taken away it would be a promise about this one.
    acked.write(0).map_err(OpenError::io(what))?;
    layout::sync_tree(layout.root()).map_err(OpenError::io(what))?;
    identity.write(&layout.identity())?;
    let tails = vec![Tail::EMPTY; identity.n_shards as usize];
    Ok((identity, Opened { log, writer, values, derived, marks, acked, tails }))
}

fn shape(identity: &Identity, options: Options) -> Shape<'_> {
    let Identity { history, n_shards, .. } = identity;
    Shape { history, n_shards: *n_shards, segment_bytes: options.segment_bytes }
}

fn remove_unused(layout: &Layout) -> Result<(), OpenError> {
    let what = "look into a log without an identity";
    let used = |name: &str| OpenError::Damaged(format!("{name} has data, but no identity"));
    let dir = layout.log();
    if fs::exists(&dir).map_err(OpenError::io(what))? {
        if !log::is_unused(&dir).map_err(OpenError::io(what))? {
            return Err(used("log"));
        }
        fs::remove_dir_all(&dir).map_err(OpenError::io(what))?;
    }
    if !values::is_unused(&layout.values()).map_err(OpenError::io(what))? {
        return Err(used("values"));
    }
    // Of a build that had it.
    repair::remove_unused(&layout.journal())?;
    repair::remove_unused(&layout.derived())
}

fn open_existing(
    layout: &Layout,
    identity: &mut Identity,
    options: Options,
) -> Result<Opened, OpenError> {
    let acked = Acked::open(&layout.acked()).map_err(OpenError::io("open the last commit"))?;
    legacy::move_journal(layout, identity, options.segment_bytes, &acked)?;
    for part in [layout.log(), layout.values(), layout.derived()] {
        if !fs::exists(&part).map_err(OpenError::io("look for a part of the store"))? {
            let name = part.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(OpenError::Damaged(format!("the folder {name} is missing")));
        }
    }
    repair::check(&layout.derived(), Torn::Cut)?;
    let derived = DerivedDb::open(&layout.derived(), options.cache_bytes, false)?;
    let torn_tail = layout.torn_tail();
    let promise = Promise { acked: acked.read(), torn_tail: &torn_tail };
    let (log, writer) = recover::open(&layout.log(), shape(identity, options), promise)?;
    let Identity { history, n_shards, .. } = &*identity;
    let marks = Marks::open(&layout.marks(), history, *n_shards, false)?;
    let mut tails = Vec::with_capacity(*n_shards as usize);
    let mut report = Report::default();
    for (shard, mark) in (0..*n_shards).zip(marks.all()) {
        let shard = ShardId(shard);
        let tail = frames::tail(&log, shard).map_err(damaged)?;
        let last = tail.next_commit - 1;
        if last < mark {
            return Err(OpenError::BelowMark { shard, tail: last, mark });
        }
        let checkpoint = checkpoint_of(&derived, shard)?;
        if last < checkpoint {
            return Err(OpenError::Damaged(format!(
                "shard {} ends at commit {last}, before its checkpoint {checkpoint}",
                shard.0
            )));
        }
        verify::chain(&log, shard, checkpoint, tail, &mut report).map_err(damaged)?;
        tails.push(tail);
    }
    tracing::info!(frames = report.n_frames, bytes = report.n_bytes, "log verified at its end");
    let values = Values::open(layout.values()).map_err(OpenError::io("sync the named values"))?;
    legacy::remove_journal(layout)?;
    Ok(Opened { log, writer, values, derived, marks, acked, tails })
}

/// The commit of a shard's checkpoint; 0 = none.
fn checkpoint_of(derived: &DerivedDb, shard: ShardId) -> Result<u64, OpenError> {
    let row = derived.snap.get(keys::checkpoint(shard)).map_err(read_error).map_err(damaged)?;
    let Some(row) = row else { return Ok(0) };
    let checkpoint: Result<Checkpoint, _> = codec::open(row.get(8..).unwrap_or_default());
    match checkpoint {
        Ok(checkpoint) => Ok(checkpoint.commit_no),
        Err(error) => Err(OpenError::Damaged(format!("checkpoint of shard {}: {error}", shard.0))),
    }
}

pub(crate) fn damaged(error: StoreError) -> OpenError {
    match error {
        StoreError::Damaged(why) | StoreError::Fatal(why) => OpenError::Damaged(why),
        StoreError::Unsupported(why) => OpenError::Damaged(why.to_owned()),
        StoreError::Fenced { .. } => OpenError::Damaged(error.to_string()),
        StoreError::Unavailable(why) => {
            OpenError::Io { what: "read the store", source: std::io::Error::other(why) }
        }
    }
}
