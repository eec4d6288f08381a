//! `benches [--quick] [NAME..]`: measures, prints a table on stderr and lines of JSON on stdout.
//!
//! Names: see [`NAMES`]; all of them when none is given. Peers need the programs that
//! `scripts/servers env` names. Exit code 1: a measurement could not be made.

use std::io::Write;
use std::process::ExitCode;

use benches::report::{Row, table};
use benches::{Failed, usage};

mod suite;

/// The allocator of the program that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if args == [benches::echo::ARGUMENT] {
        return benches::echo::serve().map_or_else(
            |failed| {
                say(&failed.to_string());
                ExitCode::FAILURE
            },
            |()| ExitCode::SUCCESS,
        );
    }
    let quick = args.iter().any(|arg| arg == "--quick");
    args.retain(|arg| arg != "--quick");
    if let Some(unknown) = args.iter().find(|arg| !suite::NAMES.contains(&arg.as_str())) {
        let names = suite::NAMES.join(" ");
        say(&format!("no bench named {unknown}; there are: {names}"));
        return ExitCode::from(2);
    }
    let names: Vec<&str> = suite::NAMES
        .into_iter()
        .filter(|name| args.is_empty() || args.iter().any(|arg| arg == name))
        .collect();
    match measure(&names, quick) {
        Ok(rows) => {
            say(&table(&rows));
            ExitCode::SUCCESS
        }
        Err(failed) => {
            say(&failed.to_string());
            ExitCode::FAILURE
        }
    }
}

fn measure(names: &[&str], quick: bool) -> Result<Vec<Row>, Failed> {
    let mut all = Vec::new();
    for name in names {
        say(&format!("== {name}"));
        // Before it: what it adds to the load is not the others'.
        let machine = usage::machine();
        let mut rows = suite::run(name, quick)?;
        for row in &mut rows {
            row.conditions = format!("{}; {machine} before", row.conditions);
        }
        let mut stdout = std::io::stdout().lock();
        for row in &rows {
            writeln!(stdout, "{}", row.json()).map_err(Failed::because("write to stdout"))?;
        }
        all.extend(rows);
    }
    Ok(all)
}

fn say(text: &str) {
    // Nobody can be told when stderr is closed.
    drop(writeln!(std::io::stderr(), "{text}"));
}
