//! Why there is no connection.

/// Why a connection is not to be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The options cannot work.
    #[error("nats.{key}: {why}")]
    Options {
        /// The option.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The server does not answer. It may do so later.
    #[error("nats does not answer: {0}")]
    Unreachable(String),
    /// The server answers, but is not what was asked for: too old, or a stream differs.
    #[error("nats is refused: {0}")]
    Refused(String),
}

impl ConnectError {
    /// Whether the same attempt may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}
