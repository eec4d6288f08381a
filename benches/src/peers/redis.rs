//! Redis through redis-benchmark: an order as one script, each answer after its sync.
//!
//! `appendfsync always`: Redis syncs once for all commands that it read in one turn of its loop,
//! which is its group commit. The script is known by its hash (EVALSHA); keys are drawn from 2^31.

use std::process::Command;

use tempfile::TempDir;

use super::server::{Server, output, program};
use super::{PeerRate, lines_max, n_skus};
use crate::Failed;
use crate::workload::Workload;

const ORDER: &str = include_str!("../../peers/order.lua");
const STOCK: &str = include_str!("../../peers/stock.lua");
const CART: &str = concat!(
    r#"{"lines": ["a", "b"], "address": {"name": "Ada Lovelace", "line1": "12 Main Street", "#,
    r#""city": "Springfield", "postal_code": "90210", "country": "US"}, "tenders": ["cod"]}"#
);

/// A running server with stock.
#[derive(Debug)]
pub struct Redis {
    // First, so that it ends before its folder goes.
    _server: Server,
    programs: std::path::PathBuf,
    dir: TempDir,
    script: String,
    args: [String; 2],
}

impl Redis {
    /// Starts a server and fills the stock.
    pub fn start(workload: &Workload) -> Result<Self, Failed> {
        let server = program("MERCATO_TEST_REDIS_SERVER")?;
        let programs = server.parent().unwrap_or_else(|| std::path::Path::new("")).to_path_buf();
        let dir = tempfile::tempdir().map_err(Failed::because("make a folder"))?;
        let socket = dir.path().join("socket");
        let mut command = Command::new(&server);
        command.args(["--port", "0", "--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"]);
        command.arg("--unixsocket").arg(&socket).arg("--dir").arg(dir.path());
        let ping = || {
            let mut cli = Command::new(programs.join("redis-cli"));
            cli.arg("-s").arg(&socket).arg("ping");
            cli.output().is_ok_and(|said| said.stdout.starts_with(b"PONG"))
        };
        let server = Server::start("redis", &mut command, ping)?;
        let args = [n_skus(workload).to_string(), lines_max(workload).to_string()];
        let mut redis = Self { _server: server, programs, dir, script: String::new(), args };
        redis.cli(&["eval", STOCK, "0", &redis.args[0]])?;
        redis.script = redis.cli(&["script", "load", ORDER])?.trim().to_owned();
        Ok(redis)
    }

    /// A closed loop of `n_clients` until `n_orders` are done.
    pub fn run(&self, n_clients: usize, n_orders: u64) -> Result<PeerRate, Failed> {
        let mut command = Command::new(self.programs.join("redis-benchmark"));
        command.arg("-s").arg(self.dir.path().join("socket")).args(["--csv", "-r", "2147483647"]);
        command.args(["-c", &n_clients.to_string(), "-n", &n_orders.to_string()]);
        command.args(["evalsha", &self.script, "1", "idem:__rand_int__"]);
        let words = output(command.args(&self.args).arg(CART))?;
        let last = words.lines().last().unwrap_or_default();
        // "test","rps","avg","min","p50","p95","p99","max", behind a name that may hold commas.
        let cells: Vec<&str> = last.rsplit(',').map(|cell| cell.trim_matches('"')).collect();
        let cell = |from_right: usize| cells.get(from_right).and_then(|cell| cell.parse().ok());
        let per_second =
            cell(6).ok_or_else(|| Failed::new("read what redis-benchmark says", words.clone()))?;
        Ok(PeerRate { per_second, p50_ms: cell(3), p99_ms: cell(1) })
    }

    /// Orders in the stream.
    pub fn n_orders(&self) -> Result<u64, Failed> {
        let words = self.cli(&["xlen", "outbox"])?;
        words.trim().parse().map_err(Failed::because("count orders"))
    }

    fn cli(&self, args: &[&str]) -> Result<String, Failed> {
        let mut command = Command::new(self.programs.join("redis-cli"));
        output(command.arg("-s").arg(self.dir.path().join("socket")).args(args))
    }
}
