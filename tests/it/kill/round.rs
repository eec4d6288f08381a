//! A round: a client process works against the node until the node ends, and what it wrote down.

use std::fmt::{Display, Formatter};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tests::{Book, Line, Node, now_us};

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
/// How long a round may take until its end is due, and its client process to notice it.
const PATIENCE: Duration = Duration::from_secs(40);

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
    /// Requests under way at the end.
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
        let path = bed.book(round);
        drop(Book::open(&path));
        let mut client = Command::new(client_program())
            .args([&node.http, path.to_str().unwrap(), &round.to_string()])
            .spawn()
            .unwrap();
        let mut tail = Tail::new(&path);
        let wanted = ACKED_MIN + usize::try_from(some_bits(round) % ACKED_MORE).unwrap();
        if ending == Ending::Kill || matches!(ending, Ending::Failing(_)) {
            tail.wait_for(wanted / 2).await;
            midway();
            tail.wait_for(wanted).await;
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
        let after = now_us();
        wait_for_end(&mut client).await;
        let lines = Book::read(&path);
        let in_flight = |line: &&Line| line.start <= before && line.end >= after;
        let n_in_flight = lines.iter().filter(in_flight).count();
        let n_acked = lines.iter().filter(|line| is_placed(line)).count();
        Self { lines, n_acked, n_in_flight }
    }
}

/// Whether a line acknowledges an order.
pub(super) fn is_placed(line: &Line) -> bool {
    line.status == 201 && line.path == "/v1/orders"
}

async fn wait_for_end(client: &mut Child) {
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = client.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            let _ = client.kill();
            panic!("the client process does not end");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(status.success(), "the client process failed");
}

/// Counts acknowledged orders in a growing book.
struct Tail {
    reader: BufReader<std::fs::File>,
    partial: String,
    n_acked: usize,
}

impl Tail {
    fn new(path: &Path) -> Self {
        let reader = BufReader::new(std::fs::File::open(path).unwrap());
        Self { reader, partial: String::new(), n_acked: 0 }
    }

    /// Waits until so many are acknowledged.
    async fn wait_for(&mut self, wanted: usize) {
        let begun = Instant::now();
        while self.n_acked < wanted {
            assert!(begun.elapsed() < PATIENCE, "{} orders in {PATIENCE:?}", self.n_acked);
            while self.reader.read_line(&mut self.partial).unwrap() > 0 {
                if self.partial.ends_with('\n') {
                    // The head of a line tells its path, which is enough to count.
                    let is_order = self.partial.contains("\"POST\",\"/v1/orders\",");
                    self.n_acked += usize::from(is_order && self.partial.contains(",201,"));
                    self.partial.clear();
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
