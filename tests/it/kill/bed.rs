//! Where a node under test lives: its folder, the fault library around it, and the power that is
//! cut from it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::{Launch, Node};

use crate::nats::Server;

/// What is taken from a node's folder after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nothing: the page cache outlives a process.
    None,
    /// All that was not synced.
    Clean,
    /// A random part of the sectors that were not synced.
    Torn,
}

/// A folder with a node's data.
pub(super) struct Bed {
    dir: tempfile::TempDir,
    /// Where the client processes write.
    books: tempfile::TempDir,
    is_watched: bool,
    /// Where the node publishes; none: within itself.
    pub(super) bus: Option<Server>,
    /// How the node is started.
    pub(super) launch: Launch,
}

fn tool(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable}: see scripts/servers env"))
}

impl Bed {
    /// Without the fault library.
    pub(super) fn plain() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("disk")).unwrap();
        let books = tempfile::tempdir().unwrap();
        let mut bed = Self { dir, books, is_watched: false, bus: None, launch: Launch::default() };
        // The shortest that are allowed, so that kills meet their ends.
        let config = bed.path("mercato.toml");
        std::fs::write(&config, "[store]\nsegment_bytes = 1048576\n").unwrap();
        bed.launch.args.extend(["--config".into(), config.to_str().unwrap().into()]);
        bed
    }

    /// With it: the power can be cut.
    pub(super) fn under_faults() -> Self {
        let mut bed = Self { is_watched: true, ..Self::plain() };
        bed.set("LD_PRELOAD", &tool("MERCATO_TEST_PRELOAD"));
        for (name, path) in [
            ("MERCATO_FAULT_DIR", bed.disk()),
            ("MERCATO_FAULT_LOG", bed.path("undo")),
            ("MERCATO_FAULT_EIO_FILE", bed.path("eio")),
            ("MERCATO_FAULT_LIE_FILE", bed.path("lie")),
        ] {
            bed.set(name, path.to_str().unwrap());
        }
        bed
    }

    /// With a nats-server, which stays up when the node goes down.
    pub(super) async fn with_bus(mut self) -> Self {
        let server = Server::started().await;
        self.launch.args.extend(["--nats".into(), server.url()]);
        self.bus = Some(server);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn disk(&self) -> PathBuf {
        self.path("disk")
    }

    /// Segments of the node's log.
    pub(super) fn n_segments(&self) -> usize {
        let log = std::fs::read_dir(self.disk().join("data/log")).unwrap();
        log.filter(|file| {
            file.as_ref().unwrap().path().extension().is_some_and(|name| name == "log")
        })
        .count()
    }

    /// Sets a variable of the node's environment.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.launch.env.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable back.
    pub(super) fn unset(&mut self, name: &str) {
        self.launch.env.retain(|(other, _)| other != name);
    }

    /// Begins (`true`) or ends a fault of the library: `eio` or `lie`.
    pub(super) fn fault(&self, name: &str, on: bool) {
        if on {
            std::fs::write(self.path(name), "").unwrap();
        } else {
            std::fs::remove_file(self.path(name)).unwrap();
        }
    }

    /// Starts the node.
    pub(super) fn start(&self) -> Node {
        Node::launch(&self.disk().join("data"), &self.launch)
    }

    /// Starts the node, kills it after a while, in the midst of its recovery or soon after, and
    /// cuts the power.
    pub(super) fn start_and_kill(&mut self, after: Duration, cut: Cut, seed: u64) {
        Node::launch_and_kill(&self.disk().join("data"), &self.launch, after);
        // The fault library writes its log's name last, before the program's first instruction.
        if self.path("undo").join("root").exists() {
            self.cut_power(cut, seed);
        }
    }

    /// The book of a round.
    pub(super) fn book(&self, round: u64) -> PathBuf {
        self.books.path().join(format!("round-{round}"))
    }

    /// Removes the book of a round.
    pub(super) fn forget(&self, round: u64) {
        std::fs::remove_file(self.book(round)).unwrap();
    }

    /// Takes from the folder of a dead node what a power cut would have taken. How many files
    /// were not what they seemed.
    pub(super) fn cut_power(&mut self, cut: Cut, seed: u64) -> u64 {
        if cut == Cut::None {
            return 0;
        }
        assert!(self.is_watched, "there is no undo log");
        let mut restore = Command::new(tool("MERCATO_TEST_POWERCUT"));
        restore.arg("restore").arg(self.disk()).arg(self.path("undo"));
        if cut == Cut::Torn {
            restore.args(["--torn", &(seed >> 1).to_string()]);
        }
        let output = restore.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{error}");
        // "powercut: N names, M files"
        let last = said.lines().last().unwrap();
        last.split(' ').nth(3).unwrap().parse().unwrap_or_else(|_| panic!("{last}"))
    }
}

/// The program that works against the node.
pub(super) fn client_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kill-client"))
}
