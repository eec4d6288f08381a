//! The book of a client process: one line a request, written before the next request is made.
//!
//! Guarantees: a line is handed to the kernel whole and in order before `write` returns, so it
//! outlives its writer and the node. It is not synced: the fault tests take the power from the
//! node's folder only, and the book stands beside it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The time in microseconds since 1970: the same clock for all processes of the machine.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "no simulated time in a test of real processes")]
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

/// A request and what came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Who sent it: the bearer token.
    pub token: String,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its idempotency key; empty: none.
    pub key: String,
    /// Its body; null: none.
    pub body: Value,
    /// When it was sent, in us.
    pub start: u64,
    /// When the answer was there or the connection broke, in us.
    pub end: u64,
    /// The status of the answer; 0: there was none.
    pub status: u16,
    /// The answer.
    pub text: String,
}

impl Line {
    /// The answer as JSON; null when it is none.
    #[must_use]
    pub fn answer(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Whether the node may have done it without saying so.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.key.is_empty() && (self.status == 0 || self.status >= 500)
    }

    /// Whether it acknowledges an order.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        self.status == 201 && self.path == "/v1/orders"
    }

    fn to_text(&self) -> String {
        let line = json!([
            self.token,
            self.method,
            self.path,
            self.key,
            self.body,
            self.start,
            self.end,
            self.status,
            self.text,
        ]);
        format!("{line}\n")
    }

    pub(crate) fn of_text(text: &str) -> Self {
        let all: Vec<Value> = serde_json::from_str(text).unwrap();
        let word = |index: usize| all[index].as_str().unwrap().to_owned();
        Self {
            token: word(0),
            method: word(1),
            path: word(2),
            key: word(3),
            body: all[4].clone(),
            start: all[5].as_u64().unwrap(),
            end: all[6].as_u64().unwrap(),
            status: u16::try_from(all[7].as_u64().unwrap()).unwrap(),
            text: word(8),
        }
    }
}

/// The book, open for writing.
#[derive(Debug)]
pub struct Book {
    file: Mutex<File>,
}

impl Book {
    /// Opens a book at its end; makes it when it is not there.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        Self { file: Mutex::new(file) }
    }

    /// Writes a line.
    pub fn write(&self, line: &Line) {
        self.file.lock().unwrap().write_all(line.to_text().as_bytes()).unwrap();
    }

    /// Reads all lines of a book. A client that was ended while it wrote leaves half a line: it
    /// had not gone on from that answer.
    #[must_use]
    pub fn read(path: &Path) -> Vec<Line> {
        let text = std::fs::read_to_string(path).unwrap();
        text.split_inclusive('\n').filter(|it| it.ends_with('\n')).map(Line::of_text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("book");
        let lines: Vec<Line> = (0..3)
            .map(|n| Line {
                key: if n == 0 { String::new() } else { format!("k\n{n}") },
                body: json!({"n": n}),
                status: n * 200,
                text: "a \"b\"\n".into(),
                ..Line::default()
            })
            .collect();
        for line in &lines {
            Book::open(&path).write(line);
        }
        assert_eq!(Book::read(&path), lines);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"[\"half").unwrap();
        assert_eq!(Book::read(&path), lines);
        assert_eq!(lines.iter().map(Line::is_open).collect::<Vec<_>>(), [false, false, false]);
        assert!(Line { key: "k".into(), ..Line::default() }.is_open());
    }
}
