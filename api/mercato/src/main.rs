//! `mercato`: the commerce runtime as one program.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use edge::LogFilter;
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
    match run(cli) {
        Ok(code) => code,
        Err(exit) => {
            if tracing::enabled!(tracing::Level::ERROR) {
                tracing::error!("{exit}");
            } else {
                // Nobody listens to the log in this command.
                let _ = writeln!(std::io::stderr(), "mercato: {exit}");
            }
            exit.code()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Exit> {
    match cli.command {
        Command::Serve(_) if sites::HAS_CANARIES => {
            Err(Exit::Usage("this build has planted defects and serves nobody".into()))
        }
        Command::Serve(args) => {
            let log = log_to_stderr(&args.log).map_err(|error| {
                Exit::Usage(format!("--log {:?} is no filter of a log: {error}", args.log))
            })?;
            let config = Config::load(args).map_err(|error| Exit::Usage(error.to_string()))?;
            serve::run(config, log).map(|()| ExitCode::SUCCESS)
        }
        #[cfg(feature = "sim")]
        // Without a log: a simulated node's troubles are what the run is about.
        Command::Sim(command) => {
            simulated(sim::command::run(command, &mut std::io::stdout().lock()))
        }
        #[cfg(feature = "sim")]
        Command::Drive(args) => {
            simulated(sim::command::drive(&args, &mut std::io::stdout().lock()))
        }
    }
}

#[cfg(feature = "sim")]
fn simulated(ended: Result<sim::command::Ended, sim::command::Error>) -> Result<ExitCode, Exit> {
    use mercato::exit::chain;
    use sim::command::{Ended, Error};

    match ended {
        Ok(Ended::Fine) => Ok(ExitCode::SUCCESS),
        Ok(Ended::Wrong) => Ok(ExitCode::FAILURE),
        Err(error @ (Error::Scenario(_) | Error::Plan { .. } | Error::Usage(_))) => {
            Err(Exit::Usage(chain(&error)))
        }
        Err(error) => Err(Exit::Store(chain(&error))),
    }
}

/// Logs go to stderr: as JSON, but for a terminal as text. Answers how the filter is exchanged.
fn log_to_stderr(text: &str) -> Result<LogFilter, String> {
    let filter = filter(text)?;
    let text = filter.to_string();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A terminal that was closed cannot be told that it cannot be told: that would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(LogFilter::new(text, Box::new(move |new| exchange(new, |new| handle.reload(new)))))
    } else {
        let builder = builder.json().with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(LogFilter::new(text, Box::new(move |new| exchange(new, |new| handle.reload(new)))))
    }
}

fn exchange(
    text: &str,
    reload: impl Fn(EnvFilter) -> Result<(), tracing_subscriber::reload::Error>,
) -> Result<(), String> {
    reload(filter(text)?).map_err(|error| error.to_string())
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().with_regex(false).parse(text).map_err(|error| error.to_string())
}
