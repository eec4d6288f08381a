//! PostgreSQL through pgbench: an order as six statements, and as one call.
//!
//! `fsync` and `synchronous_commit` are on, so an order is durable when it is answered; memory
//! and write-ahead log are set large enough that no checkpoint falls into a run. PostgreSQL does
//! not run as root: a root gives its folder to the user `postgres` and starts it as that.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::server::{Server, output, program};
use super::{PeerRate, lines_max, n_skus};
use crate::Failed;
use crate::workload::Workload;

const SCHEMA: &str = include_str!("../../peers/schema.sql");
const PLAN: &str = include_str!("../../peers/plan.sql");

/// Threads of pgbench.
const THREADS: usize = 2;
/// Share of the orders whose time is noted.
const SAMPLING: &str = "0.2";

/// How an order is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Six statements in a transaction.
    Statements,
    /// One call of a function.
    OneCall,
}

impl Way {
    /// As a row names it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Statements => "postgresql, six statements",
            Self::OneCall => "postgresql, one call",
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::Statements => include_str!("../../peers/statements.sql"),
            Self::OneCall => include_str!("../../peers/one_call.sql"),
        }
    }
}

/// A running server with the tables of a workload.
#[derive(Debug)]
pub struct Postgres {
    // First, so that it ends before its folder goes.
    _server: Server,
    programs: PathBuf,
    dir: TempDir,
    defines: Vec<String>,
}

impl Postgres {
    /// Starts a server and makes the tables.
    pub fn start(workload: &Workload) -> Result<Self, Failed> {
        let programs = program("MERCATO_TEST_POSTGRES_DIR")?;
        let dir = tempfile::tempdir().map_err(Failed::because("make a folder"))?;
        let user = server_user()?;
        if let Some(user) = &user {
            output(Command::new("chown").arg(user).arg(dir.path()))?;
        }
        let data = dir.path().join("data");
        let initdb = programs.join("initdb");
        let args = ["-A", "trust", "-U", "bench", "-E", "UTF8", "--no-sync", "-D"];
        output(as_user(user.as_deref(), &initdb).args(args).arg(&data))?;
        let mut command = as_user(user.as_deref(), &programs.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(dir.path());
        for setting in [
            "listen_addresses=",
            "fsync=on",
            "synchronous_commit=on",
            "max_connections=100",
            "shared_buffers=512MB",
            "max_wal_size=8GB",
            "checkpoint_timeout=1h",
            "autovacuum=on",
        ] {
            command.args(["-c", setting]);
        }
        let is_ready = || {
            let mut ready = Command::new(programs.join("pg_isready"));
            ready.arg("-q").arg("-h").arg(dir.path());
            ready.status().is_ok_and(|status| status.success())
        };
        let server = Server::start("postgres", &mut command, is_ready)?;
        let defines = vec![
            format!("n_skus={}", n_skus(workload)),
            format!("lines_max={}", lines_max(workload)),
        ];
        let postgres = Self { _server: server, programs, dir, defines };
        postgres.file("schema.sql", SCHEMA)?;
        let mut psql = postgres.client("psql");
        psql.args(["-q", "-v", "ON_ERROR_STOP=1", "-v", &postgres.defines[0], "-f"]);
        output(psql.arg(postgres.dir.path().join("schema.sql")).arg("postgres"))?;
        Ok(postgres)
    }

    /// A closed loop of `n_clients` for a time.
    pub fn run(&self, way: Way, n_clients: usize, time: Duration) -> Result<PeerRate, Failed> {
        let script = self.file("script.sql", &format!("{PLAN}{}", way.script()))?;
        let logs = tempfile::tempdir().map_err(Failed::because("make a folder"))?;
        let mut pgbench = self.client("pgbench");
        pgbench.args(["-n", "-M", "prepared", "--max-tries=10", "-l", "--sampling-rate", SAMPLING]);
        pgbench.arg("-f").arg(script).arg("--log-prefix").arg(logs.path().join("log"));
        pgbench.args(["-c", &n_clients.to_string(), "-j", &THREADS.to_string()]);
        pgbench.args(["-T", &time.as_secs().max(1).to_string()]);
        for define in &self.defines {
            pgbench.args(["-D", define]);
        }
        let words = output(pgbench.arg("postgres"))?;
        let per_second = words
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| Failed::new("read what pgbench says", words.clone()))?;
        let mut times = latencies(logs.path())?;
        times.sort_unstable();
        let percentile = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().checked_sub(1)?);
            Some(times[index] as f64 / 1000.0)
        };
        Ok(PeerRate { per_second, p50_ms: percentile(50), p99_ms: percentile(99) })
    }

    /// Orders, units sold, and outbox rows: what is there.
    pub fn counts(&self) -> Result<[u64; 3], Failed> {
        let question = "select (select count(*) from orders where status = 'confirmed'), \
             (select coalesce(sum(committed), 0) = (select coalesce(sum(qty), 0) from holds) \
              from stock)::int, (select count(*) from outbox)";
        let mut psql = self.client("psql");
        let words = output(psql.args(["-q", "-t", "-A", "-F", " ", "-c", question, "postgres"]))?;
        let counts: Vec<u64> = words.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        counts.try_into().map_err(|_| Failed::new("count orders", words))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-h").arg(self.dir.path()).args(["-U", "bench"]);
        command
    }

    fn file(&self, name: &str, content: &str) -> Result<PathBuf, Failed> {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).map_err(Failed::because("write a script"))?;
        Ok(path)
    }
}

/// Latencies that pgbench noted, in microseconds: the third word of each line.
fn latencies(dir: &Path) -> Result<Vec<u64>, Failed> {
    let step = "read what pgbench noted";
    let mut times = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(Failed::because(step))? {
        let path = entry.map_err(Failed::because(step))?.path();
        let text = std::fs::read_to_string(path).map_err(Failed::because(step))?;
        times.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
    }
    Ok(times)
}

/// Whom the server has to run as: nobody else, unless we are root.
fn server_user() -> Result<Option<String>, Failed> {
    let id = output(Command::new("id").arg("-u"))?;
    Ok((id.trim() == "0").then(|| "postgres".to_owned()))
}

fn as_user(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
    command
}
