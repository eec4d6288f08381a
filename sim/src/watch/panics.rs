//! Panics of the production code on this thread.
//!
//! Supervisors catch what a task of a node panics with and begin it anew, so a run goes on as if
//! nothing had been; but each is a bug. The hook is the process's, and passes on to the one before
//! it; what it notes is the thread's that watches.

use std::cell::RefCell;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Once;

use crate::kernel::Kernel;

/// Panics that are kept; a person reads the first few.
const PANICS_MAX: usize = 20;

/// A panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked {
    /// When, in us of the kernel.
    pub at_us: u64,
    /// What it said, and where.
    pub what: String,
}

thread_local! {
    static SEEN: RefCell<Option<(Kernel, Vec<Panicked>)>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Watches this thread until it is dropped.
pub struct Panics(());

impl Panics {
    /// Begins to watch; `kernel` says when.
    #[must_use]
    pub fn watch(kernel: &Kernel) -> Self {
        HOOK.call_once(|| {
            let before = take_hook();
            set_hook(Box::new(move |info| {
                note(info);
                before(info);
            }));
        });
        SEEN.with(|seen| *seen.borrow_mut() = Some((kernel.clone(), Vec::new())));
        Self(())
    }

    /// What was seen since.
    #[must_use]
    pub fn seen(&self) -> Vec<Panicked> {
        SEEN.with(|seen| seen.borrow().as_ref().map_or_else(Vec::new, |(_, all)| all.clone()))
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        // An error means that the thread ends.
        let _ = SEEN.try_with(|seen| seen.take());
    }
}

fn note(info: &PanicHookInfo<'_>) {
    let text = super::super::run::text_of(info.payload());
    let place = info.location().map_or_else(String::new, |at| format!(" at {at}"));
    let what = format!("{text}{place}");
    // Errors: the thread ends, or the panic is one of this very list.
    let _ = SEEN.try_with(|seen| {
        let Ok(mut seen) = seen.try_borrow_mut() else { return };
        let Some((kernel, all)) = &mut *seen else { return };
        if all.len() < PANICS_MAX {
            all.push(Panicked { at_us: kernel.try_now_us().unwrap_or(0), what });
        }
    });
}
