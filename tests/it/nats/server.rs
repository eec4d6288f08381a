//! A nats-server process of a test's own.

use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream;

/// How long a server may take to answer after its start.
const START: Duration = Duration::from_secs(20);

/// A server on a port of its own; its files go when it is dropped.
pub(crate) struct Server {
    port: u16,
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Server {
    /// A server that answers.
    pub(crate) async fn started() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { port, dir: tempfile::tempdir().unwrap(), child: None };
        server.start().await;
        server
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it, on the port and the files of before, and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let program = std::env::var("MERCATO_TEST_NATS_SERVER")
            .expect("MERCATO_TEST_NATS_SERVER: see scripts/servers env");
        let log = self.dir.path().join("log");
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.dir.path().join("store"))
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        while self.jetstream().await.is_none() {
            let said = || fs::read_to_string(&log).unwrap_or_default();
            assert!(begun.elapsed() < START, "{}", said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A context, if the server and its JetStream answer.
    pub(crate) async fn jetstream(&self) -> Option<jetstream::Context> {
        let client = async_nats::connect(self.url()).await.ok()?;
        let context = jetstream::new(client);
        context.query_account().await.ok()?;
        Some(context)
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Kills it and takes its files away.
    pub(crate) fn kill_and_wipe(&mut self) {
        self.kill();
        fs::remove_dir_all(self.dir.path().join("store")).unwrap();
    }

    /// Stops it where it stands (`STOP`) or lets it go on (`CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("it runs").id();
        let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
