//! A nats-server process of a test's own, and what a test reads from it.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, stream::Stream};
use ports::{CloudEvent, EventBus};
use tempfile::TempDir;

use crate::{NatsBus, NatsOptions};

/// A server on a port of its own; its files go when it is dropped.
pub(super) struct Server {
    pub(super) port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl Server {
    /// A server that is not started yet.
    pub(super) fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, dir: tempfile::tempdir().unwrap(), child: None }
    }

    pub(super) async fn started() -> Self {
        let mut server = Self::new();
        server.start().await;
        server
    }

    pub(super) fn options(&self) -> NatsOptions {
        NatsOptions { url: format!("nats://127.0.0.1:{}", self.port), ..NatsOptions::default() }
    }

    /// One that lets in whom `authorization` in its configuration says. Tests come with the user
    /// `admin`, the password `admin` and the token `admin`.
    pub(super) async fn with_authorization(text: &str) -> Self {
        let mut server = Self::new();
        let text = format!("authorization: {{ {text} }}");
        fs::write(server.dir.path().join("conf"), text).unwrap();
        server.start().await;
        server
    }

    /// Starts it and waits until it answers.
    pub(super) async fn start(&mut self) {
        let program = std::env::var("MERCATO_TEST_NATS_SERVER")
            .expect("MERCATO_TEST_NATS_SERVER names a nats-server program");
        let log = File::create(self.dir.path().join("log")).unwrap();
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.dir.path().join("store"))
            .args(self.conf().iter().flat_map(|file| ["-c".as_ref(), file.as_os_str()]))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        self.child = Some(child);
        let end = Instant::now() + Duration::from_secs(20);
        while self.jetstream().await.is_none() {
            assert!(Instant::now() < end, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn conf(&self) -> Option<PathBuf> {
        Some(self.dir.path().join("conf")).filter(|file| file.exists())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// A context whose server has JetStream ready.
    async fn jetstream(&self) -> Option<jetstream::Context> {
        let login = ConnectOptions::with_user_and_password("admin".into(), "admin".into());
        let address = format!("127.0.0.1:{}", self.port);
        let client = login.token("admin".into()).connect(address).await.ok()?;
        let context = jetstream::new(client);
        context.query_account().await.ok()?;
        Some(context)
    }

    pub(super) async fn context(&self) -> jetstream::Context {
        self.jetstream().await.expect("the server answers")
    }

    pub(super) async fn stream(&self, name: &str) -> Stream {
        self.context().await.get_stream(name).await.unwrap()
    }

    /// Kills it.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Kills it and takes its files away.
    pub(super) fn kill_and_wipe(&mut self) {
        self.kill();
        fs::remove_dir_all(self.dir.path().join("store")).unwrap();
    }

    /// Keeps a copy of its files, as they are while it does not run.
    pub(super) fn keep_files(&self) {
        assert!(self.child.is_none(), "it runs");
        self.copy("store", "kept");
    }

    /// Kills it and lets it find the files that were kept: what came since is lost.
    pub(super) fn kill_and_lose_newest(&mut self) {
        self.kill_and_wipe();
        self.copy("kept", "store");
    }

    fn copy(&self, from: &str, to: &str) {
        let paths = [from, to].map(|name| self.dir.path().join(name));
        assert!(Command::new("cp").arg("-r").args(paths).status().unwrap().success());
    }

    /// Stops it where it stands (`STOP`) or lets it go on (`CONT`).
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("it runs").id();
        let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
        assert!(status.unwrap().success());
        if name == "STOP" {
            // Its threads stop one after the other; until then it may still answer.
            let tasks = format!("/proc/{pid}/task");
            let is_stopped = |task: std::io::Result<std::fs::DirEntry>| {
                let stat = std::fs::read_to_string(task.unwrap().path().join("stat"));
                stat.is_ok_and(|stat| {
                    stat.rsplit(") ").next().is_some_and(|it| it.starts_with('T'))
                })
            };
            while !std::fs::read_dir(&tasks).unwrap().all(is_stopped) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until the bus is up with another connection than `before`.
pub(super) async fn wait_up(bus: &NatsBus, before: u64) {
    wait(|| bus.is_up() && bus.connection() > before).await;
}

pub(super) async fn wait(condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "it takes too long");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// `n` events over `n_entities` orders; versions are gapless in each order.
pub(super) fn events(history: &str, n: u64, n_entities: u64) -> Vec<Arc<CloudEvent>> {
    let of = |number: u64| {
        let name = format!("ord_{}", number % n_entities);
        let event = ports::contract::sample::event(history, &name, number + 1);
        Arc::new(CloudEvent { version: number / n_entities + 1, ..(*event).clone() })
    };
    (0..n).map(of).collect()
}
