//! This program started again as one of the processes that are measured: how it is told what to do, and what it used.
//!
//! Commands are lines on its standard input, answers are lines on its standard output. When its input ends it stops.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use shokyo::station::profile::role_named;
use shokyo::types::Role;

use crate::{Failure, floor, kiosks, station};

/// The first argument of a child.
pub const MARK: &str = "as-a-child";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A station of the library.
    Station,
    /// What stands in its place for the floor.
    Floor,
    /// A kiosk that reads nothing more from its connection once its applications are answered.
    Slow,
}

impl Part {
    const ALL: [(&'static str, Self); 3] = [("station", Self::Station), ("floor", Self::Floor), ("slow", Self::Slow)];
}

/// In the child: does its part.
pub fn run(arguments: &[&str]) -> Result<(), Failure> {
    let [part, role, folder, upstream @ ..] = arguments else { return Err("a child without arguments".into()) };
    let role = role_named(role).ok_or("an unknown role")?;
    let folder = Path::new(folder);
    let upstream = upstream.first().copied();
    let config = crate::place::config(folder, role, upstream)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let part = Part::ALL.iter().find(|(name, _)| name == part).map(|(_, part)| *part).ok_or("an unknown part")?;
    let outcome = match part {
        Part::Station => runtime.block_on(station::run(config)),
        Part::Floor => runtime.block_on(floor::run(config)),
        Part::Slow => runtime.block_on(kiosks::run(config)),
    };
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome
}

/// Lines from the standard input, read by a thread of their own.
pub fn commands() -> tokio::sync::mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Answers the parent, which may be gone.
pub fn answer(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// In the parent: a child that is killed, and waited for, when this is dropped.
pub struct Child {
    name: String,
    process: std::process::Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Child {
    pub fn start(part: Part, role: Role, folder: &Path, upstream: Option<&str>) -> Result<Self, Failure> {
        let name = Part::ALL.iter().find(|(_, of)| *of == part).map_or("", |(name, _)| name);
        let mut command = Command::new(std::env::current_exe()?);
        command.args([MARK, name, role.name()]).arg(folder).args(upstream);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).lines().map_while(Result::ok)) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name: format!("{name} {role}"), process, input, answers })
    }

    pub fn tell(&mut self, command: &str) -> Result<(), Failure> {
        let input = self.input.as_mut().ok_or("a child without input")?;
        writeln!(input, "{command}")?;
        Ok(())
    }

    /// Waits for a line that begins with `word`, and gives what follows it.
    pub fn wait_for(&mut self, word: &str) -> Result<String, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.answers.recv_timeout(left).map_err(|_| format!("{}: no `{word}`", self.name))?;
            if let Some(rest) = line.strip_prefix(word) {
                return Ok(rest.trim().to_owned());
            }
            if let Some(problem) = line.strip_prefix("problem ") {
                return Err(format!("{}: {problem}", self.name).into());
            }
        }
    }

    /// Processor time that it used so far, in its own code and in the system's.
    pub fn processor_time(&self) -> Result<Duration, Failure> {
        let mut clock = 0;
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both calls only write to the variables that they are given, which outlive them.
        let failed = unsafe {
            libc::clock_getcpuclockid(self.process.id() as libc::pid_t, &raw mut clock) != 0
                || libc::clock_gettime(clock, &raw mut time) != 0
        };
        if failed {
            return Err(format!("{}: its processor time cannot be read", self.name).into());
        }
        Ok(Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32))
    }

    /// Bytes of its own memory that are resident: not files, not what it shares.
    pub fn resident(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("no RssAnon")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Stations end by themselves when their input ends; a killed one is nothing that is measured here.
        drop(self.input.take());
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end && matches!(self.process.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Issuer, certificate centre, EC centre, kiosk: each connected to the one before.
pub fn start_all(part: Part, last: Part, folder: &Path) -> Result<[Child; 4], Failure> {
    let mut above = None;
    let mut started = Vec::new();
    for role in [Role::Issuer, Role::CertificateCentre, Role::EcCentre, Role::Kiosk] {
        let part = if role == Role::Kiosk { last } else { part };
        let mut child = Child::start(part, role, folder, above.as_deref())?;
        if role != Role::Kiosk {
            above = Some(child.wait_for("listening")?);
        }
        if role != Role::Issuer {
            child.wait_for("connected")?;
        }
        started.push(child);
    }
    <[Child; 4]>::try_from(started).map_err(|_| "not four stations".into())
}
