//! The bare edge: actix-web that reads JSON and answers JSON, in a process of its own.
//!
//! It parses the body into a value and writes it again, with so many bytes of padding that the
//! answer is as long as the query asks for: the same work with bytes as the real edge, no more.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::Value;

use crate::Failed;

/// The hidden argument under which the binary serves.
pub const ARGUMENT: &str = "echo-server";

/// Serves on a free port until the process is ended; says the address on stdout.
pub fn serve() -> Result<(), Failed> {
    let step = "serve echoes";
    actix_web::rt::System::new().block_on(async {
        let app = || {
            App::new()
                .route("/echo/{reply_bytes}", web::post().to(echo))
                .route("/echo/{reply_bytes}", web::put().to(echo))
        };
        let server = HttpServer::new(app).bind("127.0.0.1:0").map_err(Failed::because(step))?;
        let address = server.addrs().first().copied();
        let address = address.ok_or_else(|| Failed::new(step, "no address"))?;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{address}").map_err(Failed::because(step))?;
        stdout.flush().map_err(Failed::because(step))?;
        server.run().await.map_err(Failed::because(step))
    })
}

async fn echo(path: web::Path<usize>, body: web::Json<Value>) -> HttpResponse {
    let mut text = body.0.to_string();
    // White space behind a value is JSON all the same.
    let padding = path.into_inner().saturating_sub(text.len());
    text.extend(std::iter::repeat_n(' ', padding));
    HttpResponse::Ok().content_type("application/json").body(text)
}

/// An echo server in a child process. Ended when dropped.
#[derive(Debug)]
pub struct EchoServer {
    child: Child,
    /// `host:port`.
    pub address: String,
}

impl EchoServer {
    /// Starts one from a binary that serves when it gets [`ARGUMENT`].
    pub fn start(binary: &std::path::Path) -> Result<Self, Failed> {
        let step = "start the echo server";
        let mut child = Command::new(binary)
            .arg(ARGUMENT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failed::because(step))?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or_else(|| Failed::new(step, "no stdout"))?;
        BufReader::new(stdout).read_line(&mut line).map_err(Failed::because(step))?;
        Ok(Self { child, address: line.trim().to_owned() })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // It keeps nothing, so it may end at once.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
