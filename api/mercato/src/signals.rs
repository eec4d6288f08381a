//! The signals that end a node.
//!
//! SIGTERM and SIGINT: the first drains, the second ends at once. SIGHUP, a terminal that was
//! closed, drains; shells and the kernel send it more than once, so it never counts as a second
//! signal. Who started the node with `nohup` ignores it, and so does the node.

use cluster::latest;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::exit::Exit;

/// Counted by a task of their own: what starts may block its thread.
pub(crate) struct Signals {
    n_seen: u64,
    told: latest::Receiver<u64>,
}

/// While it lives, a signal ends the process.
pub(crate) struct Starting(#[allow(dead_code, reason = "held for its drop")] oneshot::Sender<()>);

impl Signals {
    pub(crate) fn new() -> Result<Self, Exit> {
        let listen = |kind| {
            signal(kind).map_err(|error| Exit::Other(format!("signals not handled: {error}")))
        };
        let (mut term, mut int) =
            (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        // Who starts a node with `nohup` wants it to outlive the terminal.
        let mut hangup = match is_hangup_ignored() {
            true => None,
            false => Some(listen(SignalKind::hangup())?),
        };
        let (tell, told) = latest::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                    // The terminal was closed, which shells and the kernel say more than once.
                    () = recv(&mut hangup) => {
                        tell.modify(|n| *n = (*n).max(1));
                        continue;
                    }
                }
                tell.modify(|n| *n += 1);
            }
        });
        Ok(Self { n_seen: 0, told })
    }

    /// Lets a signal end the process at once while what is returned lives: a node that starts has
    /// taken nothing yet, and what it recovers is recovered again.
    pub(crate) fn end_at_once(&self) -> Starting {
        let mut signals = Self { n_seen: 0, told: self.told.clone() };
        let (starting, started) = oneshot::channel();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = started => {}
                () = signals.next() => {
                    tracing::info!("told to end before it was ready");
                    std::process::exit(0);
                }
            }
        });
        Starting(starting)
    }

    /// An operator began the drain: the first signal asks for what goes on already.
    pub(crate) fn drain_began(&mut self) {
        self.n_seen = self.n_seen.max(1);
    }

    /// The next signal that was not seen yet. Cancel safe.
    pub(crate) async fn next(&mut self) {
        let n_seen = self.n_seen;
        if self.told.wait_for(|n| *n > n_seen).await.is_none() {
            // The task that tells ends with the runtime only.
            std::future::pending::<()>().await;
        }
        self.n_seen += 1;
    }
}

/// The next signal of this kind; never, if it is not listened to.
async fn recv(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether this process was started with SIGHUP ignored.
fn is_hangup_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// What Linux says of a process: a mask in hexadecimal, SIGHUP (1) is its lowest bit.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_shows_in_the_mask_of_ignored_signals() {
        for (mask, ignored) in
            [("0000000000000001", true), ("0000000000001000", false), ("0000000000001001", true)]
        {
            let status = format!("Name:\tmercato\nSigIgn:\t{mask}\nSigCgt:\t0000000000000001\n");
            assert_eq!(ignores_hangup(&status), ignored, "{mask}");
        }
        assert!(!ignores_hangup("Name:\tmercato\n"));
    }
}
