//! Why a store is not opened.
//!
//! All but [`OpenError::Io`] are refusals: the same data is refused again until someone acts.

use std::io;

use entity::ShardId;

/// Why a store is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("store is in use by another process")]
    Locked,
    /// Something that was acknowledged is damaged or gone.
    #[error("store damaged: {0}")]
    Damaged(String),
    /// A journal ends below what others have seen of it: it lost commits.
    #[error("shard {} ends at commit {tail}, but commit {mark} was published", shard.0)]
    BelowMark {
        /// The shard.
        shard: ShardId,
        /// Its last commit.
        tail: u64,
        /// The last commit that was published.
        mark: u64,
    },
    /// It was written by a build that this one cannot read.
    #[error("store has format {found}, this build reads {known}")]
    Version {
        /// As found.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The operating system failed.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    /// Whether the store itself is refused, so that another attempt ends the same way.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Io { .. })
    }

    pub(crate) const fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}
