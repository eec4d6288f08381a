//! The life of a node: everything that it spawned ends with it.
//!
//! A crash has to be a crash: [`Life::end`] stops actors and tasks where they stand, without any
//! last words. They are not waited for; instead each looks here before it begins a write.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use ractor::{ActorCell, ActorStatus};
use tokio::runtime::Handle;

use crate::latest;

/// A node's life, shared by all that it spawned.
pub(crate) struct Life {
    is_over: AtomicBool,
    over: latest::Sender<bool>,
    actors: Mutex<Vec<ActorCell>>,
    /// Where its tasks run: whoever lets it spawn one may be on the thread of a listener, whose
    /// runtime ends before the node.
    runtime: Handle,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            is_over: AtomicBool::new(false),
            over: latest::channel(false).0,
            actors: Mutex::default(),
            runtime: Handle::current(),
        }
    }
}

impl Life {
    /// Whether the node has ended. Asked before each write.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Spawns a task that ends with the node.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let over = self.over.subscribe();
        self.runtime.spawn(async move {
            tokio::select! {
                biased;
                _ = over.wait_for(|over| *over) => {}
                () = task => {}
            }
        });
    }

    /// Counts an actor in. O(actors), to forget those that ended.
    pub(crate) fn actor(&self, actor: ActorCell) {
        let mut actors = self.actors.lock();
        actors.retain(|actor| actor.get_status() < ActorStatus::Stopping);
        if self.is_over() {
            actor.kill();
        } else {
            actors.push(actor);
        }
    }

    /// Ends the node. What runs on another thread at this moment may still end its turn.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.over.set(true);
        let actors = std::mem::take(&mut *self.actors.lock());
        for actor in actors {
            actor.kill();
        }
    }
}
