//! The four stations as child processes: each in a process group of its own, driven over its standard input and output, so that
//! none outlives this process: the end of its input is its order to erase and stop.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{KIND, SUBJECT, Stop, unexpected};
use crate::hexadecimal;

/// How long a step may take before the demonstration gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a station may take to stop.
const STOPPING: Duration = Duration::from_secs(8);

/// The four in the order in which each needs the one before it.
const ORDER: [(&str, &str, &str); 4] = [
    ("issuer", "issuer", "issuer.toml"),
    ("certificate-centre", "relay", "certificate-centre.toml"),
    ("ec-centre", "relay", "ec-centre.toml"),
    ("kiosk", "kiosk", "kiosk.toml"),
];

/// What a process said, or what became of it.
pub(crate) enum Happening {
    Notice(Value),
    Gone { role: String },
    Interrupt,
}

pub(crate) struct Station {
    pub(crate) role: String,
    pub(crate) process: Child,
    /// The control marker: kept alive by the process, so that a scan can show that it sees its memory.
    pub(crate) marker: [u8; 32],
    input: Option<ChildStdin>,
}

pub(crate) struct Stations {
    pub(crate) stations: Vec<Station>,
    pub(crate) notices: Vec<Value>,
    pub(crate) directory: PathBuf,
    happenings: Receiver<Happening>,
}

/// Turns Ctrl-C into a happening.
pub(crate) fn watch_for_interrupt(sender: Sender<Happening>) -> Result<(), Stop> {
    let failed = |_| Stop::Failed("cannot watch for Ctrl-C".to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    std::thread::Builder::new()
        .name("interrupt".into())
        .spawn(move || {
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if sender.send(Happening::Interrupt).is_err() {
                        return;
                    }
                }
            });
        })
        .map(drop)
        .map_err(failed)
}

impl Stations {
    pub(crate) fn start(
        directory: &Path,
        register: &Path,
        sender: Sender<Happening>,
        happenings: Receiver<Happening>,
    ) -> Result<Self, Stop> {
        shokyo::station::pki::init(directory)?;
        ORDER.iter().try_for_each(|(.., configuration)| make_scannable(&directory.join(configuration)))?;
        let issuer = directory.join(ORDER[0].2);
        let table =
            format!("\n[[documents]]\nsubject = \"{SUBJECT}\"\nkind = \"{KIND}\"\nfile = {}\n", json!(register));
        std::fs::OpenOptions::new()
            .append(true)
            .open(&issuer)
            .and_then(|mut file| file.write_all(table.as_bytes()))
            .map_err(|error| Stop::Failed(format!("cannot write {}: {}", issuer.display(), error.kind())))?;
        let mut all =
            Self { stations: Vec::new(), notices: Vec::new(), directory: directory.to_path_buf(), happenings };
        let mut upstream: Option<String> = None;
        for (role, kind, configuration) in ORDER {
            let station = spawn(role, kind, &directory.join(configuration), upstream.as_deref(), sender.clone())?;
            all.stations.push(station);
            if role == "kiosk" {
                all.wait_for("connecting the kiosk", |notice| is(notice, role, "connected"))?;
            } else {
                let listening = all.wait_for("starting a station", |notice| is(notice, role, "listening"))?;
                upstream = listening["address"].as_str().map(str::to_owned);
            }
            if role != "issuer" {
                all.wait_for("connecting a station", |notice| is(notice, role, "connected"))?;
            }
        }
        for station in &mut all.stations {
            let value = hexadecimal::encode(&station.marker);
            station.tell(&json!({ "command": "marker", "value": value }))?;
        }
        Ok(all)
    }

    /// Sends a command to one station.
    pub(crate) fn tell(&mut self, role: &str, command: &Value) -> Result<(), Stop> {
        match self.stations.iter_mut().find(|station| station.role == role) {
            Some(station) => station.tell(command),
            None => Err(Stop::Failed(format!("there is no {role}"))),
        }
    }

    /// The first notice, come or to come, that is wanted.
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value, Stop> {
        if let Some(found) = self.notices.iter().find(|notice| wanted(notice)) {
            return Ok(found.clone());
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let happening = match self.happenings.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(happening) => happening,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Stop::Failed(format!("{what} took longer than {} s", PATIENCE.as_secs())));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Stop::Failed("every process is gone".into())),
            };
            if let Happening::Notice(notice) = &happening {
                self.notices.push(notice.clone());
                if wanted(notice) {
                    return Ok(notice.clone());
                }
                if notice["event"] == "problem" {
                    let (role, problem) = (text(notice, "role"), text(notice, "problem"));
                    return Err(Stop::Failed(format!("{what}: the {role} says: {problem}")));
                }
            }
            unexpected(happening)?;
        }
    }

    /// The protections that each process reported.
    pub(crate) fn protections(&self) -> Vec<(String, Vec<String>)> {
        let flags = |notice: &Value| {
            let flags = notice["protections"].as_array().cloned().unwrap_or_default();
            flags.iter().filter_map(|flag| flag.as_str().map(str::to_owned)).collect()
        };
        self.notices
            .iter()
            .filter(|notice| notice["event"] == "protected")
            .map(|notice| (text(notice, "role"), flags(notice)))
            .collect()
    }

    /// Orders all to stop and waits for them.
    pub(crate) fn stop(mut self) -> Result<(), Stop> {
        let failed = self.end();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(Stop::Failed(format!("did not stop in order: {}", failed.join(", "))))
        }
    }

    fn end(&mut self) -> Vec<String> {
        let mut failed = Vec::new();
        // From the kiosk to the issuer, so that each can still tell the next one.
        for station in self.stations.iter_mut().rev() {
            drop(station.input.take());
            let end = Instant::now() + STOPPING;
            let status = loop {
                match station.process.try_wait() {
                    Ok(Some(status)) => break Some(status),
                    Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(10)),
                    _ => break None,
                }
            };
            if !status.is_some_and(|status| status.success()) {
                failed.push(station.role.clone());
                let _ = station.process.kill();
                let _ = station.process.wait();
            }
        }
        self.stations.clear();
        failed
    }
}

impl Drop for Stations {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl Station {
    fn tell(&mut self, command: &Value) -> Result<(), Stop> {
        let gone = || Stop::Failed(format!("the {} process takes no commands any more", self.role));
        let input = self.input.as_mut().ok_or_else(gone)?;
        writeln!(input, "{command}").and_then(|()| input.flush()).map_err(|_| gone())
    }
}

/// Switches secret memory off: the demonstration ends with a scan, and a scan cannot see into it and would prove nothing.
fn make_scannable(configuration: &Path) -> Result<(), Stop> {
    const KEY: &str = "secret-memory = \"auto\"";
    let failed = |reason: &str| Stop::Failed(format!("cannot change {}: {reason}", configuration.display()));
    let text = std::fs::read_to_string(configuration).map_err(|error| failed(&error.kind().to_string()))?;
    if !text.contains(KEY) {
        return Err(failed("it has no line for secret memory"));
    }
    let text = text.replace(KEY, "secret-memory = \"off\"");
    std::fs::write(configuration, text).map_err(|error| failed(&error.kind().to_string()))
}

fn spawn(
    role: &str,
    kind: &str,
    configuration: &Path,
    upstream: Option<&str>,
    sender: Sender<Happening>,
) -> Result<Station, Stop> {
    let failed = |error: std::io::Error| Stop::Failed(format!("cannot start the {role} process: {}", error.kind()));
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(["station", kind, "--json", "--control", "--config"]).arg(configuration);
    if kind != "kiosk" {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    if let Some(upstream) = upstream {
        command.args(["--upstream", upstream]);
    }
    // Ctrl-C reaches this process alone, which then ends the others in order.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().map_err(failed)?;
    let (input, output) = (process.stdin.take(), process.stdout.take());
    let mut marker = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut marker)
        .map_err(|_| Stop::Failed("the operating system's random generator failed".into()))?;
    let name = role.to_owned();
    if let Some(output) = output {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Ok(notice) = serde_json::from_str(&line)
                    && sender.send(Happening::Notice(notice)).is_err()
                {
                    return;
                }
            }
            let _ = sender.send(Happening::Gone { role: name });
        });
    }
    Ok(Station { role: role.to_owned(), process, marker, input })
}

/// Whether a notice is this event of this station.
pub(crate) fn is(notice: &Value, role: &str, event: &str) -> bool {
    notice["role"] == role && notice["event"] == event
}

/// A text in a notice; empty when it is not there.
pub(crate) fn text(notice: &Value, key: &str) -> String {
    notice[key].as_str().unwrap_or_default().to_owned()
}
