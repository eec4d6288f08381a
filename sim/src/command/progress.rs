//! The live line of a run: on a terminal one line that changes, else a line each few seconds.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::run::Progress;

/// Between two lines on a terminal.
const OFTEN: Duration = Duration::from_millis(100);
/// Between two lines elsewhere.
const SELDOM: Duration = Duration::from_secs(5);

/// Tells how a run goes.
pub(super) struct Live {
    begun: Instant,
    told: Instant,
    every: Duration,
    is_terminal: bool,
    duration_ms: u64,
}

impl Live {
    /// For a run whose traffic lasts so long.
    pub(super) fn new(duration_ms: u64) -> Self {
        let (begun, is_terminal) = (Instant::now(), std::io::stderr().is_terminal());
        let every = if is_terminal { OFTEN } else { SELDOM };
        Self { begun, told: begun, every, is_terminal, duration_ms }
    }

    /// Tells, if it is time.
    pub(super) fn tell(&mut self, progress: &dyn Fn() -> Progress) {
        if self.told.elapsed() < self.every {
            return;
        }
        self.told = Instant::now();
        let progress = progress();
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        let rate = progress.events as f64 / seconds;
        let faults: u64 = progress.faults.values().sum();
        let orders: Vec<String> =
            progress.orders.iter().map(|(state, n)| format!("{n} {state}")).collect();
        let line = format!(
            "{:>8.1} s of {:.0} s  {:>9} events  {:>7.0}/s  orders: {}  faults: {faults}  \
             invariants: {}",
            progress.virtual_ms as f64 / 1e3,
            self.duration_ms as f64 / 1e3,
            progress.events,
            rate,
            if orders.is_empty() { "none".to_owned() } else { orders.join(", ") },
            if progress.is_broken { "BROKEN" } else { "hold" },
        );
        let mut err = std::io::stderr().lock();
        // A terminal that went away does not end the run.
        let _ = match self.is_terminal {
            true => write!(err, "\r\x1b[2K{line}"),
            false => writeln!(err, "{line}"),
        };
        let _ = err.flush();
    }

    /// Clears the line.
    pub(super) fn end(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
