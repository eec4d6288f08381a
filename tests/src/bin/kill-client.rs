//! The client of the fault tests: buyers and staff at work until the node is gone, in a process of
//! its own, so that what it was told is written down whatever happens to the node.
//!
//! Usage: `kill-client BASE_URL BOOK ROUND`. Ends with 0 when the node is gone.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::Path;

use tests::{Book, work};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, base, book, round] = &args[..] else {
        panic!("usage: kill-client BASE_URL BOOK ROUND");
    };
    let book = Book::open(Path::new(book));
    let round = round.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work::work(base, book, round));
}
