//! Sites: named places in production code that a simulation can count, switch and break.
//!
//! A probe is hit where something rare happens; a buggify site may do something rare that is
//! allowed; a canary is a planted defect. Guarantees: without a watcher on the thread nothing is
//! counted, fires or breaks; without the feature `watched` all three are constants and leave no
//! code; without the feature `canaries` no canary does (docs/decisions/0011). What a watcher is
//! told depends on nothing but the run. It does not draw by itself: the watcher does.

mod names;
#[cfg(feature = "watched")]
mod watched;

pub use names::{BUGGIFY, CANARIES, Canary, PROBES};
#[cfg(feature = "watched")]
pub use watched::{Watching, watch};

/// Whether planted defects are compiled into this build. Such a build must serve nobody.
pub const HAS_CANARIES: bool = cfg!(feature = "canaries");

/// Who counts probes and decides what sites do, on one thread.
pub trait Watch {
    /// A probe was hit.
    fn hit(&mut self, probe: &'static str);

    /// Whether a buggify site does its thing this time. `subject` is whatever makes the site's
    /// draws independent of each other: a shard, a commit.
    fn fires(&mut self, site: &'static str, subject: u64) -> bool;

    /// Whether a planted defect is in this run.
    fn is_broken(&mut self, canary: &'static str) -> bool;
}

/// Notes that something of interest happened. `probe` stands in [`PROBES`].
#[inline(always)]
#[allow(clippy::inline_always, reason = "nothing may be left of it when it is off")]
pub fn hit(probe: &'static str) {
    #[cfg(feature = "watched")]
    watched::hit(probe);
    #[cfg(not(feature = "watched"))]
    let _ = probe;
}

/// Whether a buggify site of [`BUGGIFY`] fires; never in production.
#[inline(always)]
#[must_use]
#[allow(clippy::inline_always, reason = "nothing may be left of it when it is off")]
pub fn fires(site: &'static str, subject: u64) -> bool {
    #[cfg(feature = "watched")]
    return watched::fires(site, subject);
    #[cfg(not(feature = "watched"))]
    {
        let _ = (site, subject);
        false
    }
}

/// Whether a defect of [`CANARIES`] is planted; a constant unless it was compiled in.
#[inline(always)]
#[must_use]
#[allow(clippy::inline_always, reason = "nothing may be left of it when it is off")]
pub fn is_broken(canary: &'static str) -> bool {
    #[cfg(feature = "canaries")]
    return watched::is_broken(canary);
    #[cfg(not(feature = "canaries"))]
    {
        let _ = canary;
        false
    }
}

#[cfg(test)]
mod tests;
