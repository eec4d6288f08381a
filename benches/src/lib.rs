//! Measurements beside peers: one canonical workload on the runtime, over HTTP, on peers.
//!
//! Guarantees: each measurement is a plain function whose size is a parameter, so that the small
//! size is a test and the large one a measurement; what a node holds afterwards is compared with
//! a slow reference. Does not judge: a row says what was aimed at and what was measured.

pub mod books;
pub mod echo;
pub mod events;
pub mod http;
pub mod load;
pub mod orders;
pub mod outbox;
pub mod peers;
pub mod report;
pub mod resident;
pub mod rig;
pub mod shop;
pub mod sim;
pub mod usage;
pub mod wire;
pub mod workload;

/// Why a measurement could not be made.
#[derive(Debug)]
pub struct Failed {
    /// What was tried.
    pub step: &'static str,
    /// Why it did not work.
    pub cause: String,
}

impl Failed {
    /// A failure.
    #[must_use]
    pub fn new(step: &'static str, cause: impl Into<String>) -> Self {
        Self { step, cause: cause.into() }
    }

    /// Turns an error of a step into a failure, with its causes.
    pub fn because<E: std::error::Error>(step: &'static str) -> impl FnOnce(E) -> Self {
        move |error| {
            let mut cause = error.to_string();
            let mut source = error.source();
            while let Some(error) = source {
                cause = format!("{cause}: {error}");
                source = error.source();
            }
            Self { step, cause }
        }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {}: {}", self.step, self.cause)
    }
}

impl std::error::Error for Failed {}
