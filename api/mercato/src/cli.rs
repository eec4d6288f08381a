//! The command line: what `mercato` is told, by flag, environment, file or default, in that order.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// What is logged unless told otherwise.
///
/// Of the store and the listeners only what is wrong. A lost connection of the bus is told by its
/// adapter; the driver would say it once more. A request that is no HTTP is the peer's fault.
pub const LOG_DEFAULT: &str =
    "info,fjall=warn,lsm_tree=warn,actix_server=warn,async_nats=off,actix_http=off";

/// mercato: an actor-based commerce runtime.
#[derive(Debug, Parser)]
#[command(name = "mercato", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a node.
    Serve(ServeArgs),
    #[cfg(feature = "sim")]
    /// Run bad days in the simulator: scenarios, swarms of seeds, replays.
    #[command(subcommand)]
    Sim(sim::command::Command),
    #[cfg(feature = "sim")]
    /// Play a plan against a live demo shop over HTTP and judge it by what clients saw.
    ///
    /// The target must be a demo shop (`mercato serve --demo`) with its issuer of tokens: guests
    /// and customers sign in there, and the service with the given secret must have all scopes.
    /// The run makes a product, SKUs, prices and stock of its own with the token of that service
    /// and leaves them there; what other runs made does not matter. Nobody else may touch the
    /// stock of the run's SKUs meanwhile. The node's rate limit (`edge.rate_limit`, per principal)
    /// slows a run down. Exit codes: 0 no violation, 1 a violation, 2 bad usage, 3 the target
    /// cannot be driven.
    Drive(sim::command::DriveArgs),
}

/// How to run a node. What is not given here comes from the file, then from the defaults.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Configuration file (TOML).
    ///
    /// Times of a drain stand there only: `drain_timeout_ms` (30000), how long it may take in all,
    /// and `drain_notice_ms`, how much of that the node goes on serving while /readyz says 503 and
    /// each answer says `Connection: close`, so that load balancers and clients see it; a sixth of
    /// the whole and at most 5000 unless set, 0 in a demo, never more than half.
    #[arg(long, env = "MERCATO_CONFIG")]
    pub config: Option<PathBuf>,
    /// Make a demo shop in an empty store, with a built-in issuer of tokens.
    #[arg(long, env = "MERCATO_DEMO")]
    pub demo: bool,
    /// Where the data is kept.
    #[arg(long, env = "MERCATO_DATA")]
    pub data: Option<PathBuf>,
    /// Address of the public HTTP listener; port 0 takes a free one.
    #[arg(long, env = "MERCATO_HTTP")]
    pub http: Option<String>,
    /// Address of the admin listener; never make it public.
    #[arg(long, env = "MERCATO_ADMIN")]
    pub admin: Option<String>,
    /// What is logged to stderr: levels by module, as `info,cluster=debug`.
    ///
    /// While the node runs the admin listener changes it (`PUT /admin/log`).
    #[arg(long, env = "MERCATO_LOG", value_name = "FILTER", default_value = LOG_DEFAULT)]
    pub log: String,
    /// The node's name.
    #[arg(long, env = "MERCATO_NODE")]
    pub node: Option<String>,
    /// NATS server; without it events stay in the process.
    #[arg(long, env = "MERCATO_NATS", hide_env_values = true)]
    pub nats: Option<String>,
    /// Redis server (with the cluster).
    #[arg(long, env = "MERCATO_REDIS")]
    pub redis: Option<String>,
    /// ScyllaDB nodes, comma separated (with the cluster).
    #[arg(long, env = "MERCATO_SCYLLA")]
    pub scylla: Option<String>,
    /// Address of the cluster listener (with the cluster).
    #[arg(long, env = "MERCATO_CLUSTER")]
    pub cluster: Option<String>,
    /// Cluster addresses of other nodes, comma separated (with the cluster).
    #[arg(long, env = "MERCATO_JOIN")]
    pub join: Option<String>,
}
