//! A child process that serves: started, waited for, stopped by its id.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failed;

/// How long a server may take to start or to stop.
const WAIT: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// A server. Stopped when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    name: &'static str,
}

impl Server {
    /// Starts a server whose words nobody wants, and waits until `is_ready`.
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        is_ready: impl Fn() -> bool,
    ) -> Result<Self, Failed> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failed::new("start a peer", format!("{name}: {error}")))?;
        let mut server = Self { child, name };
        let started = Instant::now();
        while !is_ready() {
            if server.has_ended() || started.elapsed() > WAIT {
                return Err(Failed::new("start a peer", format!("{name} does not answer")));
            }
            std::thread::sleep(LOOK);
        }
        Ok(server)
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT ends PostgreSQL (fast shutdown) and Redis alike.
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-INT", &pid]).status();
        let started = Instant::now();
        while asked.is_ok() && !self.has_ended() && started.elapsed() < WAIT {
            std::thread::sleep(LOOK);
        }
        if !self.has_ended() {
            tell(self.name, self.child.kill());
        }
        // Ended, or killed just now: this does not wait.
        drop(self.child.wait());
    }
}

fn tell(name: &str, killed: std::io::Result<()>) {
    let how = killed.map_or_else(|error| error.to_string(), |()| "killed".to_owned());
    drop(std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!("{name} did not end when asked: {how}\n"),
    ));
}

/// A program that the environment names; `scripts/servers env` says where.
pub(super) fn program(variable: &str) -> Result<PathBuf, Failed> {
    let path = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let missing = || Failed::new("find a peer", format!("{variable} is not set"));
    let path = path.ok_or_else(missing)?;
    if path.exists() {
        return Ok(path);
    }
    Err(Failed::new("find a peer", format!("{variable}: {} is not there", path.display())))
}

/// Runs a program to its end; what it wrote.
pub(super) fn output(command: &mut Command) -> Result<String, Failed> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |why: String| Failed::new("run a peer's program", format!("{name}: {why}"));
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(failed(format!("{}: {words}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
