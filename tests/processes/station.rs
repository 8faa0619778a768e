//! A station as a real process: told over its standard input, heard over its standard output, killed, stopped and started again.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_shokyo");
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How a station is started, the first time and again.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) kind: &'static str,
    pub(crate) config: PathBuf,
    pub(crate) upstream: Option<String>,
    pub(crate) environment: Vec<(String, String)>,
}

/// A running station.
pub(crate) struct Station {
    pub(crate) process: Child,
    input: Option<ChildStdin>,
    notices: Receiver<Value>,
    pub(crate) seen: Vec<Value>,
}

impl Start {
    pub(crate) fn start(&self) -> Station {
        // A limit on the size of files is to be an error of the write, not the end of the process.
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "trap '' XFSZ && exec \"$0\" \"$@\"",
            PROGRAM,
            "station",
            self.kind,
            "--json",
            "--control",
        ]);
        command.arg("--config").arg(&self.config).envs(self.environment.iter().cloned());
        if self.kind != "kiosk" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if let Some(upstream) = &self.upstream {
            command.args(["--upstream", upstream]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, notices) = channel();
        let output = process.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A line that a kill cut off is none.
                if let Ok(notice) = serde_json::from_str(&line) {
                    let _ = sender.send(notice);
                }
            }
        });
        let input = process.stdin.take();
        Station { process, input, notices, seen: Vec::new() }
    }
}

impl Station {
    pub(crate) fn tell(&mut self, command: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
    }

    /// The sessions that it has opened.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = Value> {
        self.seen.iter().filter(|notice| notice["event"] == "opened").map(|notice| notice["session"].clone())
    }

    /// Takes in what was said so far.
    pub(crate) fn listen(&mut self) {
        self.seen.extend(self.notices.try_iter());
    }

    /// The first notice from `first` on that is wanted; the test fails after `patience`.
    pub(crate) fn wait_from(
        &mut self,
        first: usize,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let end = Instant::now() + patience;
        let mut next = first;
        loop {
            self.listen();
            while next < self.seen.len() {
                if wanted(&self.seen[next]) {
                    return self.seen[next].clone();
                }
                next += 1;
            }
            match self.notices.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(notice) => self.seen.push(notice),
                Err(_) => panic!("no {what} within {patience:?} among {:#?}", &self.seen[first..]),
            }
        }
    }

    pub(crate) fn wait_for(&mut self, event: &str) -> Value {
        self.wait_from(0, event, PATIENCE, |notice| notice["event"] == event)
    }

    /// Waits until `event` was said of a session.
    pub(crate) fn wait_of(&mut self, session: &Value, event: &str) -> Value {
        self.wait_from(0, event, PATIENCE, |notice| notice["event"] == event && notice["session"] == *session)
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: a plain system call; the process is a child that was not waited for, so its number is its own.
        assert_eq!(unsafe { libc::kill(self.process.id() as libc::pid_t, signal) }, 0);
    }

    pub(crate) fn stop(mut self) {
        drop(self.input.take());
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status:?} after {:#?}", self.seen);
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
