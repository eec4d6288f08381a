//! A small HTTP/1.1 client: one kept connection, one request at a time, answers with a length.
//!
//! It costs little, so that what is measured is the server. It follows no redirects, knows no
//! chunked bodies, and takes an answer that it does not understand for an error.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failed;

/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// Bytes of head and body.
    pub n_bytes: usize,
}

impl Response {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    address: String,
    out: Vec<u8>,
    read: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(address: &str) -> Result<Self, Failed> {
        let step = "connect to a server";
        let stream = TcpStream::connect(address).await.map_err(Failed::because(step))?;
        stream.set_nodelay(true).map_err(Failed::because(step))?;
        Ok(Self { stream, address: address.to_owned(), out: Vec::new(), read: Vec::new() })
    }

    /// Sends a request and reads its answer. `headers`: lines, each with its line end.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Response, Failed> {
        // A request without a body says no type of it.
        let of_body = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        self.exchange(method, path, &format!("{of_body}{headers}"), body).await
    }

    /// Sends a form and reads the answer.
    pub async fn send_form(&mut self, path: &str, form: &str) -> Result<Response, Failed> {
        let of_body = "content-type: application/x-www-form-urlencoded\r\n";
        self.exchange("POST", path, of_body, form).await
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Response, Failed> {
        self.out.clear();
        let (length, host) = (body.len(), &self.address);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(body.as_bytes());
        let sent = self.stream.write_all(&self.out).await;
        sent.map_err(Failed::because("send a request"))?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Response, Failed> {
        let strange = |why: &str| Failed::new("read an answer", why);
        let (status, head_len, body_len) = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.read[..end]).map_err(|_| strange("text"))?;
                let status = head.get(9..12).and_then(|word| word.parse().ok());
                let status = status.ok_or_else(|| strange("no status"))?;
                break (status, end + 4, length(head).ok_or_else(|| strange("no length"))?);
            }
            if self.read.len() > HEAD_BYTES_MAX {
                return Err(strange("the head is too long"));
            }
            self.more().await?;
        };
        while self.read.len() < head_len + body_len {
            self.more().await?;
        }
        let body = self.read[head_len..head_len + body_len].to_vec();
        self.read.drain(..head_len + body_len);
        Ok(Response { status, body, n_bytes: head_len + body_len })
    }

    async fn more(&mut self) -> Result<(), Failed> {
        let step = "read an answer";
        let n = self.stream.read_buf(&mut self.read).await.map_err(Failed::because(step))?;
        if n == 0 { Err(Failed::new(step, "the server closed the connection")) } else { Ok(()) }
    }
}

/// The body's length as the head says it; an answer without a body may say nothing.
fn length(head: &str) -> Option<usize> {
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            return value.trim().parse().ok();
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
    }
    Some(0)
}
