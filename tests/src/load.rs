//! A client process at work, and how far it has come.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::book::{Book, Line};

/// How long orders, or the end of the process, may take.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between looks at the book and the process.
const LOOK: Duration = Duration::from_millis(2);

/// A running client process. Killed when dropped.
#[derive(Debug)]
pub struct Load {
    child: Child,
    path: PathBuf,
    reader: BufReader<File>,
    partial: String,
    n_placed: usize,
}

impl Load {
    /// Starts the client `program` against the node at `base`, with a new book.
    #[must_use]
    pub fn start(program: &Path, base: &str, book: &Path, round: u64) -> Self {
        drop(Book::open(book));
        let child =
            Command::new(program).arg(base).arg(book).arg(round.to_string()).spawn().unwrap();
        let reader = BufReader::new(File::open(book).unwrap());
        Self { child, path: book.to_owned(), reader, partial: String::new(), n_placed: 0 }
    }

    /// Orders that were acknowledged until now.
    pub fn n_placed(&mut self) -> usize {
        while self.reader.read_line(&mut self.partial).unwrap() > 0 {
            if self.partial.ends_with('\n') {
                let is_order = self.partial.contains("\"POST\",\"/v1/orders\",");
                self.n_placed += usize::from(is_order && Line::of_text(&self.partial).is_placed());
                self.partial.clear();
            }
        }
        self.n_placed
    }

    /// Waits until so many orders are acknowledged. Panics: it takes too long.
    pub async fn wait_for(&mut self, wanted: usize) {
        let begun = Instant::now();
        while self.n_placed() < wanted {
            assert!(begun.elapsed() < PATIENCE, "{} orders in {PATIENCE:?}", self.n_placed);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the client has noticed that the node is gone; its book.
    ///
    /// Panics: it takes too long, or the client failed.
    pub async fn ended(mut self) -> Vec<Line> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "the client process failed");
                return Book::read(&self.path);
            }
            assert!(begun.elapsed() < PATIENCE, "the client process does not end");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the client; its book.
    #[must_use]
    pub fn stop(mut self) -> Vec<Line> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Book::read(&self.path)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
