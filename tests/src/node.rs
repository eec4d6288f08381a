//! A real node as a child process: started on free ports, asked over HTTP, killed, started again.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a node may take to end.
const END: Duration = Duration::from_secs(40);

/// The program under test.
///
/// Panics: it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let target = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug");
    let dir = std::env::var_os("MERCATO_TEST_CARGO_BIN_DIR").map_or_else(target, PathBuf::from);
    let binary = dir.join("mercato");
    assert!(binary.exists(), "{} is not there: build it with scripts/test", binary.display());
    binary
}

/// How a node is started, beside its folder.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Further arguments.
    pub args: Vec<String>,
    /// Further environment.
    pub env: Vec<(String, String)>,
}

/// A running node. Killed when dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    /// Base URL of the public listener.
    pub http: String,
    /// Base URL of the admin listener.
    pub admin: String,
}

fn command(data: &Path, launch: &Launch) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["serve", "--demo", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(&launch.args)
        .env("MERCATO_LOG", "warn")
        .envs(launch.env.iter().cloned())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

impl Node {
    /// Starts a demo node over a folder and waits until it is ready.
    ///
    /// Panics: it does not become ready.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with further environment.
    #[must_use]
    pub fn start_with(data: &Path, env: &[(&str, &str)]) -> Self {
        let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self::launch(data, &Launch { env, ..Launch::default() })
    }

    /// The same with further arguments and environment.
    #[must_use]
    pub fn launch(data: &Path, launch: &Launch) -> Self {
        Self::try_launch(data, launch).unwrap_or_else(|code| panic!("no ready line: {code:?}"))
    }

    /// The same; `Err`: the code with which it ended instead of becoming ready.
    pub fn try_launch(data: &Path, launch: &Launch) -> Result<Self, Option<i32>> {
        let mut child = command(data, launch).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            assert_eq!(line, "", "a line that is no JSON");
            return Err(child.wait().unwrap().code());
        };
        assert_eq!(ready["ready"], true);
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Ok(Self { http: text("http"), admin: text("admin"), child })
    }

    /// Starts a node and kills it after a while, ready or not.
    pub fn launch_and_kill(data: &Path, launch: &Launch, after: Duration) {
        let mut child = command(data, launch).spawn().unwrap();
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Kills it and waits for its end.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself, and says how. Panics: it does not.
    #[must_use]
    pub fn ended(mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < END, "the node does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to end, and says how it did.
    #[must_use]
    pub fn terminate(self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.ended()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
