//! The watcher of a thread.
//!
//! A site costs one relaxed load of a byte that nobody writes, and a branch not taken, until the
//! first watcher of the process comes. A watcher sees the sites of its own thread only, so tests
//! that run beside each other do not disturb each other, and a server's threads are never watched.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Watch;

/// Whether any thread ever had a watcher.
static WATCHED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static WATCH: RefCell<Option<Box<dyn Watch>>> = const { RefCell::new(None) };
}

/// As long as it lives, the thread is watched.
#[derive(Debug)]
#[must_use = "nothing is watched once it is dropped"]
pub struct Watching(PhantomData<*const ()>);

/// Lets `watch` see the sites of this thread.
///
/// # Panics
/// When the thread has a watcher already.
pub fn watch(watch: Box<dyn Watch>) -> Watching {
    WATCHED.store(true, Ordering::Relaxed);
    let before = WATCH.replace(Some(watch));
    assert!(before.is_none(), "a thread has one watcher");
    Watching(PhantomData)
}

impl Drop for Watching {
    fn drop(&mut self) {
        // A thread that ends has dropped its watcher by itself.
        let _ = WATCH.try_with(|watch| watch.take());
    }
}

#[inline]
pub(crate) fn hit(probe: &'static str) {
    if WATCHED.load(Ordering::Relaxed) {
        ask_to_count(probe);
    }
}

#[inline]
pub(crate) fn fires(site: &'static str, subject: u64) -> bool {
    WATCHED.load(Ordering::Relaxed) && ask_to_fire(site, subject)
}

#[cfg(feature = "canaries")]
pub(crate) fn is_broken(canary: &'static str) -> bool {
    WATCHED.load(Ordering::Relaxed) && ask(|watch| watch.is_broken(canary)).is_some_and(|it| it)
}

// Apart and with plain arguments: a closure's captures would be stored before the branch.

#[cold]
#[inline(never)]
fn ask_to_count(probe: &'static str) {
    ask(|watch| watch.hit(probe));
}

#[cold]
#[inline(never)]
fn ask_to_fire(site: &'static str, subject: u64) -> bool {
    ask(|watch| watch.fires(site, subject)).is_some_and(|fires| fires)
}

fn ask<T>(what: impl FnOnce(&mut (dyn Watch + 'static)) -> T) -> Option<T> {
    let asked = WATCH.try_with(|watch| watch.borrow_mut().as_mut().map(|watch| what(&mut **watch)));
    asked.ok().flatten()
}
