//! A round: a client process works against the node until the node ends, and what it wrote down.

use std::fmt::{Display, Formatter};
use std::time::Duration;

use tests::{Line, Load, Node, now_us};

use super::bed::{Bed, client_program};
use super::some_bits;

/// A round with fewer acknowledged orders does not count.
pub(super) const ACKED_MIN: usize = 100;
/// A round with fewer requests in flight at its end does not count.
const IN_FLIGHT_MIN: usize = 64;
/// Acknowledged orders beyond the least, at the most, before the end.
const ACKED_MORE: u64 = 150;
/// Time beyond that, in us, at the most: the end comes between any two steps of the node.
const LATER_US: u64 = 20_000;

/// How the node comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By SIGKILL at a random moment.
    Kill,
    /// By itself, with this exit code: a sync fails at a number of its own.
    Alone(i32),
    /// By itself, with this exit code, after all syncs begin to fail at a random moment.
    Failing(i32),
}

/// What the client process wrote down.
pub(super) struct Round {
    pub(super) lines: Vec<Line>,
    /// Orders that were acknowledged.
    pub(super) n_acked: usize,
    /// Requests under way at the end, which were never answered.
    n_in_flight: usize,
}

impl Display for Round {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let (acked, in_flight) = (self.n_acked, self.n_in_flight);
        write!(f, "{acked} orders acknowledged, {in_flight} requests in flight")
    }
}

impl Round {
    /// Whether enough was going on.
    pub(super) fn counts(&self) -> bool {
        self.n_acked >= ACKED_MIN && self.n_in_flight >= IN_FLIGHT_MIN
    }

    /// Works against a node until its end. The node is gone afterwards.
    pub(super) async fn run(bed: &Bed, node: Node, round: u64, ending: Ending) -> Self {
        Self::run_and(bed, node, round, ending, || {}).await
    }

    /// The same; `midway` is called when half of the orders are acknowledged.
    pub(super) async fn run_and(
        bed: &Bed,
        node: Node,
        round: u64,
        ending: Ending,
        midway: impl FnOnce(),
    ) -> Self {
        let mut load = Load::start(client_program(), &node.http, &bed.book(round), round);
        let wanted = ACKED_MIN + usize::try_from(some_bits(round) % ACKED_MORE).unwrap();
        if ending == Ending::Kill || matches!(ending, Ending::Failing(_)) {
            load.wait_for(wanted / 2).await;
            midway();
            load.wait_for(wanted).await;
            tokio::time::sleep(Duration::from_micros(some_bits(!round) % LATER_US)).await;
        }
        let before = now_us();
        match ending {
            Ending::Kill => node.kill(),
            Ending::Alone(code) => assert_eq!(node.ended(), Some(code), "how it ends"),
            Ending::Failing(code) => {
                bed.fault("eio", true);
                assert_eq!(node.ended(), Some(code), "how it ends");
                bed.fault("eio", false);
            }
        }
        let lines = load.ended().await;
        let in_flight = |line: &&Line| line.start <= before && line.status == 0;
        let n_in_flight = lines.iter().filter(in_flight).count();
        let n_acked = lines.iter().filter(|line| line.is_placed()).count();
        Self { lines, n_acked, n_in_flight }
    }
}
