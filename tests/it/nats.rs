//! A node and a nats-server that is stopped, frozen, restarted or emptied under load: no event is
//! lost, and none is out of order within its entity.

mod heard;
mod server;

pub(crate) use heard::Heard;
pub(crate) use server::Server;

use std::time::Duration;

use tests::{Client, Launch, Line, Load, Node};

/// Orders between two faults.
const ORDERS: usize = 150;
/// How long a node publishes to a frozen server before it gives up, with some more (5 s).
const FREEZE: Duration = Duration::from_millis(6_500);

/// A node that publishes to a server of its own, under load.
struct Bed {
    dir: tempfile::TempDir,
    server: Server,
    launch: Launch,
}

impl Bed {
    async fn new() -> Self {
        let server = Server::started().await;
        let launch = Launch { args: vec!["--nats".into(), server.url()], ..Launch::default() };
        Self { dir: tempfile::tempdir().unwrap(), server, launch }
    }

    fn node(&self) -> Node {
        Node::launch(&self.dir.path().join("data"), &self.launch)
    }

    fn load(&self, node: &Node, round: u64) -> Load {
        let program = env!("CARGO_BIN_EXE_kill-client").as_ref();
        let book = self.dir.path().join(format!("book-{round}"));
        Load::start(program, &node.http, &book, round)
    }

    /// What the bus lacks or has in the wrong order, for a listener who hears all of it now.
    async fn complaints(&self, node: &Node, lines: &[Line]) -> Vec<String> {
        let staff = Client::service(node).await;
        let mut heard = Heard::default();
        let known = Heard::known(lines);
        let complaints = heard.catch_up(&self.server, &staff, &known).await;
        let n_events = heard.n_events();
        assert!(n_events > known.len() as u64, "{n_events} events, {} orders", known.len());
        complaints
    }

    /// Everything that the node has is on the bus, once and in order.
    async fn check(&self, node: &Node, lines: &[Line]) {
        let complaints = self.complaints(node, lines).await;
        let first: Vec<_> = complaints.iter().take(10).cloned().collect();
        assert!(first.is_empty(), "{} complaints:\n  {}", complaints.len(), first.join("\n  "));
    }
}

fn block_on(task: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(task);
}

/// Runs a fault, with orders before, meanwhile and after it.
async fn more_orders(load: &mut Load) {
    let now = load.n_placed();
    load.wait_for(now + ORDERS).await;
}

#[test]
fn a_server_that_is_restarted_loses_and_reorders_nothing() {
    block_on(async {
        let mut bed = Bed::new().await;
        let node = bed.node();
        let mut load = bed.load(&node, 1);
        for _ in 0..4 {
            more_orders(&mut load).await;
            bed.server.kill();
            bed.server.start().await;
        }
        more_orders(&mut load).await;
        bed.check(&node, &load.stop()).await;
        assert_eq!(node.terminate(), Some(0));
    });
}

#[test]
fn orders_go_on_while_the_server_is_stopped() {
    block_on(async {
        let mut bed = Bed::new().await;
        let node = bed.node();
        let mut load = bed.load(&node, 1);
        more_orders(&mut load).await;
        bed.server.kill();
        for _ in 0..4 {
            more_orders(&mut load).await;
        }
        let staff = Client::service(&node).await;
        assert!(staff.is_ready(&node).await, "the bus down is degraded, not unready");
        bed.server.start().await;
        more_orders(&mut load).await;
        bed.check(&node, &load.stop()).await;
        assert_eq!(node.terminate(), Some(0));
    });
}

#[test]
fn a_frozen_server_loses_and_reorders_nothing() {
    block_on(async {
        let bed = Bed::new().await;
        let node = bed.node();
        let mut load = bed.load(&node, 1);
        more_orders(&mut load).await;
        bed.server.signal("STOP");
        // Longer than a publish waits: what was sent has an unknown fate and is sent again.
        tokio::time::sleep(FREEZE).await;
        more_orders(&mut load).await;
        bed.server.signal("CONT");
        more_orders(&mut load).await;
        bed.check(&node, &load.stop()).await;
        assert_eq!(node.terminate(), Some(0));
    });
}

#[test]
fn a_server_that_is_emptied_hears_everything_again() {
    block_on(async {
        let mut bed = Bed::new().await;
        let node = bed.node();
        let mut load = bed.load(&node, 1);
        for _ in 0..2 {
            more_orders(&mut load).await;
            bed.server.kill_and_wipe();
            more_orders(&mut load).await;
            bed.server.start().await;
        }
        more_orders(&mut load).await;
        bed.check(&node, &load.stop()).await;
        assert_eq!(node.terminate(), Some(0));
    });
}

#[test]
fn a_node_killed_while_the_server_is_stopped_publishes_later() {
    block_on(async {
        let mut bed = Bed::new().await;
        let mut node = bed.node();
        let mut lines = Vec::new();
        for (round, is_wiped) in [(1, false), (2, true)] {
            let mut load = bed.load(&node, round);
            more_orders(&mut load).await;
            if is_wiped {
                bed.server.kill_and_wipe();
            } else {
                bed.server.kill();
            }
            more_orders(&mut load).await;
            node.kill();
            lines.extend(load.ended().await);
            // A server that is not there does not keep a node from starting.
            node = bed.node();
            let mut load = bed.load(&node, 10 + round);
            more_orders(&mut load).await;
            bed.server.start().await;
            more_orders(&mut load).await;
            lines.extend(load.stop());
            bed.check(&node, &lines).await;
        }
        assert_eq!(node.terminate(), Some(0));
    });
}

/// The control: one event that is taken away is missed.
#[test]
fn an_event_that_is_not_there_is_missed() {
    block_on(async {
        let bed = Bed::new().await;
        let node = bed.node();
        let mut load = bed.load(&node, 1);
        more_orders(&mut load).await;
        let lines = load.stop();
        bed.check(&node, &lines).await;
        let context = bed.server.jetstream().await.unwrap();
        let stream = context.get_stream("ORDERS").await.unwrap();
        let last = stream.cached_info().state.last_sequence;
        assert!(stream.delete_message(last / 2).await.unwrap());
        let complaints = bed.complaints(&node, &lines).await;
        assert!(!complaints.is_empty(), "a missing event was not noticed");
        assert_eq!(node.terminate(), Some(0));
    });
}
