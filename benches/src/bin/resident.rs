//! `resident N`: bytes per resident entity, counted by the allocator; one line of JSON.
//!
//! A program of its own, because counting every allocation slows down what else is measured.

use std::alloc::System;
use std::io::Write;
use std::process::ExitCode;

use benches::{Failed, resident};
use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> ExitCode {
    let n = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
    match measure(n) {
        Ok(line) => {
            drop(writeln!(std::io::stdout(), "{line}"));
            ExitCode::SUCCESS
        }
        Err(failed) => {
            drop(writeln!(std::io::stderr(), "{failed}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(n: u64) -> Result<String, Failed> {
    let dir = tempfile::tempdir().map_err(Failed::because("make a folder"))?;
    block_on(resident::fill(dir.path(), n))?;
    let measured = block_on(resident::load(dir.path(), n, || ALLOCATOR.allocated()))?;
    Ok(serde_json::json!({"n": n, "all": measured.all, "state": measured.state}).to_string())
}

fn block_on<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failed::because("start a runtime"))?;
    runtime.block_on(work)
}
