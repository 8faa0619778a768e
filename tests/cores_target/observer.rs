//! The side that starts a target, looks into it or into its core, and judges what was found.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use shokyo::scan::{Hit, NeedleKind, Place, ScanReport, scan, scan_core};
use tempfile::TempDir;

use super::{PLAIN, READY, STILL, needles};

/// Longer than any target takes, also under valgrind.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes
}

/// A target that was started and has its plaintext.
pub(crate) struct Target {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    control: Vec<u8>,
    source: u64,
    folder: TempDir,
}

impl Target {
    /// Starts the program `mode` with these faults.
    pub(crate) fn start(mode: &str, faults: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--ignored", "--exact", "a_target_for_the_observer", "--nocapture", "--test-threads=1"])
            .env("SHOKYO_CORES_TARGET", mode)
            .env("SHOKYO_FAULTS", faults)
            .env_remove("RUST_BACKTRACE")
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("SHOKYO_CORES_SHOWN").is_some() { Stdio::inherit() } else { Stdio::null() });
        // SAFETY: between fork and exec only a system call is made.
        unsafe {
            command.pre_exec(|| {
                let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
                if libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) == 0 {
                    return Ok(());
                }
                // Whoever may not raise the hard limit takes what there is; without a core the test fails later.
                let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit);
                limit.rlim_cur = limit.rlim_max;
                libc::setrlimit(libc::RLIMIT_CORE, &raw const limit);
                Ok(())
            });
        }
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut target = Self { child, input, output, control: random(32), source: 0, folder };
        target.input.write_all(&target.control).unwrap();
        target.input.write_all(&needles::everything().0).unwrap();
        target.wait_for(READY);
        let mut address = [0; 8];
        target.output.read_exact(&mut address).expect("the target ended early");
        target.source = u64::from_le_bytes(address);
        target
    }

    fn wait_for(&mut self, wanted: u8) {
        let mut byte = [0];
        while byte[0] != wanted {
            self.output.read_exact(&mut byte).expect("the target ended early: SHOKYO_CORES_SHOWN=1 shows why");
        }
    }

    /// Waits until it stands still, and looks into it: what was found beside the keys that are alive, in words.
    pub(crate) fn look(&mut self) -> (ScanReport, Vec<String>) {
        self.wait_for(STILL);
        let mut live = [0];
        self.output.read_exact(&mut live).unwrap();
        // It says so before it waits: let every thread of it come to rest.
        std::thread::sleep(Duration::from_millis(10));
        let report = scan(self.child.id() as i32, &needles::everything().1, &self.control, None).unwrap();
        assert!(report.control_found, "{report}");
        if let Some(memory) = report.unexplained().next() {
            panic!("the target has memory that cannot be looked into: {memory}");
        }
        let mut found = self.unexpected(&report, |_| false);
        let keys = found.extract_if(.., |hit| is_cell(hit)).count();
        let live = if cfg!(shokyo_faults) { usize::from(live[0]) } else { 0 };
        let mut words: Vec<String> = found.iter().map(ToString::to_string).collect();
        if keys != live {
            words.push(format!("{keys} keys in locked memory, where {live} are alive"));
        }
        (report, words)
    }

    /// Lets it go on.
    pub(crate) fn go_on(&mut self) {
        self.input.write_all(b"?").unwrap();
    }

    /// Waits until it is at work, and for as long as it is to work.
    pub(crate) fn work_for(&mut self, time: Duration) {
        self.wait_for(STILL);
        std::thread::sleep(time);
    }

    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: a signal to a child of this process that has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Waits until it ends by `signal`, and looks into its core: what was found in memory, in words, and the whole report. `None`
    /// when this machine gives cores away, with the reason printed.
    pub(crate) fn core(mut self, signal: i32) -> Option<(ScanReport, Vec<String>)> {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "the target does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.signal(), Some(signal), "{status}: SHOKYO_CORES_SHOWN=1 shows why");
        let core = self.core_file()?;
        assert!(status.core_dumped(), "no core was written: is its hard limit (ulimit -Hc) 0?");
        let report = scan_core(&core, &needles::everything().1, &self.control).unwrap();
        assert!(report.control_found, "{report}");
        assert!(report.threads >= 1 && report.bytes_scanned > 100_000, "{report}");
        let found = self.unexpected(&report, |hit| matches!(hit.place, Place::Register { .. }));
        let words = found.iter().map(ToString::to_string).collect();
        Some((report, words))
    }

    /// The core, wherever the kernel put it.
    fn core_file(&self) -> Option<PathBuf> {
        let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
        let pattern = pattern.trim();
        if pattern.starts_with('|') {
            println!(
                "SKIPPED: kernel.core_pattern gives cores to a program ({pattern}); nothing can be said about them"
            );
            return None;
        }
        // A pattern without a slash is a name in the target's own folder, which holds nothing else.
        let folder = match pattern.rsplit_once('/') {
            Some((folder, _)) if !folder.contains('%') => PathBuf::from(folder),
            Some(_) => {
                println!("SKIPPED: kernel.core_pattern has folders with changing names ({pattern})");
                return None;
            }
            None => self.folder.path().to_owned(),
        };
        let own = pattern.contains('/').then(|| self.child.id().to_string());
        let mut names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let core = names.find(|path| own.as_ref().is_none_or(|pid| path.to_string_lossy().contains(pid)));
        Some(core.unwrap_or_else(|| panic!("the kernel wrote no core to {} (pattern {pattern})", folder.display())))
    }

    /// Hits outside the target's own plaintext, without those that are `allowed`.
    fn unexpected(&self, report: &ScanReport, allowed: impl Fn(&Hit) -> bool) -> Vec<Hit> {
        let source = self.source..self.source + PLAIN as u64;
        let outside = |hit: &&Hit| match &hit.place {
            Place::Memory { address, .. } => !source.contains(address),
            Place::Register { .. } => true,
        };
        report.hits.iter().filter(outside).filter(|hit| !allowed(hit)).cloned().collect()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A whole key in locked memory that is not dumped: where keys live.
fn is_cell(hit: &Hit) -> bool {
    let Place::Memory { flags, .. } = &hit.place else { return false };
    let has = |flag: &str| flags.split(' ').any(|set| set == flag);
    hit.what == NeedleKind::Key && hit.length == 32 && hit.offset == 0 && has("lo") && has("dd")
}

/// Whether a kind was found at all, in memory or registers.
pub(crate) fn has(report: &ScanReport, kind: NeedleKind) -> bool {
    report.hits_of(kind) > 0
}
