//! Why the process ends, as an exit code that scripts can rely on (interfaces.md 0.8).

use std::process::ExitCode;

/// An end of the process other than a clean one.
#[derive(Debug, thiserror::Error)]
pub enum Exit {
    /// Bad usage or configuration.
    #[error("{0}")]
    Usage(String),
    /// The store refuses: locked, damaged, below the publish mark, of a newer version.
    #[error("{0}")]
    Store(String),
    /// A sync failed; nothing was acknowledged after it.
    #[error("{0}")]
    Sync(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Exit {
    /// The code.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::Store(_) => 3,
            Self::Sync(_) => 4,
        })
    }
}

/// An error with its causes, on one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        // Some texts end with their cause already.
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("plan.json: {0}")]
    struct Outer(#[source] std::num::ParseIntError);

    #[derive(Debug, thiserror::Error)]
    #[error("not read")]
    struct Plain(#[source] Outer);

    #[test]
    fn a_cause_is_said_once() {
        let error = Plain(Outer("x".parse::<u8>().unwrap_err()));
        assert_eq!(chain(&error), "not read: plan.json: invalid digit found in string");
    }
}
