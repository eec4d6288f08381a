//! `mercato`: the commerce runtime as one program.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use mercato::cli::{Cli, Command};
use mercato::config::Config;
use mercato::exit::Exit;
use mercato::serve;
use tracing_subscriber::EnvFilter;

/// Messages are made on one thread and freed on another all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            tracing::error!("{exit}");
            exit.code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Exit> {
    match cli.command {
        Command::Serve(args) => {
            let config = Config::load(args).map_err(|error| Exit::Usage(error.to_string()))?;
            serve::run(config)
        }
    }
}

/// Logs go to stderr: as JSON, but for a terminal as text.
fn log_to_stderr() {
    // A lost connection of the bus is told by its adapter; the driver would say it once more. A
    // request that is no HTTP is the peer's fault.
    let filter = EnvFilter::try_from_env("MERCATO_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=off,actix_http=off"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.init();
    } else {
        builder.json().init();
    }
}
