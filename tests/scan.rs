//! The scanner finds what programs leave behind on purpose, and finds nothing in one that leaves nothing.
//!
//! Each target is this very test program started again; which one is told in the environment, secrets go through a pipe.
#![cfg(all(feature = "std", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(feature = "cli")]
#[path = "scan_targets/commands.rs"]
mod commands;
mod scan_targets;

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use shokyo::scan::{
    Baseline, Encoding, Hit, NeedleKind, Needles, Place, ScanReport, StackPart, UnreadableReason, baseline, scan,
};

const CONTROL: usize = 32;

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes
}

/// A target that has done what it was told and waits.
struct Target {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    control: Vec<u8>,
    /// Where it runs, when it leaves a core.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "kept until its end"))]
    folder: Option<tempfile::TempDir>,
}

impl Target {
    /// Starts a target, up to the point where it waits for its secret.
    fn start(mode: &str) -> Self {
        Self::start_as(mode, Command::new(std::env::current_exe().unwrap()), None)
    }

    /// Starts a target in a folder of its own, with no limit on cores.
    #[cfg(feature = "cli")]
    fn start_with_cores(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        command.current_dir(folder.path());
        Self::start_as(mode, command, Some(folder))
    }

    fn start_as(mode: &str, mut command: Command, folder: Option<tempfile::TempDir>) -> Self {
        let mut child = command
            .args(["--ignored", "--exact", "a_target_for_the_scanner", "--nocapture", "--test-threads=1"])
            .env("SHOKYO_SCAN_TARGET", mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut target = Self { child, input, output, control: random(CONTROL), folder };
        target.input.write_all(&target.control).unwrap();
        target.wait_for(b'\x01');
        target
    }

    /// Gives it the secret and lets it do its part.
    fn give(mut self, secret: &[u8]) -> Self {
        self.input.write_all(&(secret.len() as u32).to_le_bytes()).unwrap();
        self.input.write_all(secret).unwrap();
        self.wait_for(b'\x02');
        // It writes before it waits: let every thread of it come to rest.
        std::thread::sleep(Duration::from_millis(30));
        self
    }

    fn leaking(mode: &str, secret: &[u8]) -> Self {
        Self::start(mode).give(secret)
    }

    fn wait_for(&mut self, wanted: u8) {
        let mut byte = [0];
        while byte[0] != wanted {
            self.output.read_exact(&mut byte).expect("the target ended early");
        }
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    fn baseline(&self, needles: &Needles) -> Baseline {
        baseline(self.pid(), needles).unwrap()
    }

    fn scan(&self, needles: &Needles) -> ScanReport {
        scan(self.pid(), needles, &self.control, None).unwrap()
    }

    fn answers(&mut self) -> bool {
        self.input.write_all(b"?").unwrap();
        self.wait_for(b'\x03');
        true
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the program that the other tests start and scan"]
fn a_target_for_the_scanner() {
    if let Ok(mode) = std::env::var("SHOKYO_SCAN_TARGET") {
        scan_targets::run(&mode);
    }
}

fn in_memory(report: &ScanReport) -> Vec<(&str, &str, u64, u64)> {
    let memory = report.hits.iter().filter_map(|hit| match &hit.place {
        Place::Memory { mapping, flags, .. } => Some((mapping.as_str(), flags.as_str(), hit.offset, hit.length)),
        Place::Register { .. } => None,
    });
    memory.collect()
}

fn assert_found(report: &ScanReport) {
    assert!(report.control_found && report.assessable, "{report}");
    assert!(report.total_hits() > 0 && !report.is_clean(), "{report}");
}

#[test]
fn a_target_that_leaves_nothing_is_clean() {
    let (document, key) = (random(100_000), random(32).try_into().unwrap());
    let target = Target::leaking("clean", &document);
    let report = target.scan(&Needles::of_document(&document).merge(Needles::of_key(&key)));
    assert!(report.is_clean(), "{report}");
    assert!(report.bytes_scanned > 1_000_000 && report.mappings_scanned > 10 && report.threads >= 1, "{report}");
    assert!(report.to_string().contains("clean; "), "{report}");
}

#[test]
fn a_document_on_the_heap_is_found_whole() {
    let document = random(3_000_001);
    let report = Target::leaking("heap", &document).scan(&Needles::of_document(&document));
    assert_found(&report);
    let whole = |hit: &(&str, &str, u64, u64)| hit.2 == 0 && hit.3 == document.len() as u64;
    assert!(in_memory(&report).iter().any(whole), "{report}");
}

#[test]
fn sixteen_bytes_of_a_document_are_enough() {
    let document = random(50_000);
    let report = Target::leaking("sixteen-bytes", &document).scan(&Needles::of_document(&document));
    assert_found(&report);
    assert!(in_memory(&report).iter().any(|hit| (hit.2, hit.3) == (scan_targets::PIECE_AT as u64, 16)), "{report}");
    assert_eq!(report.total_hits(), 1, "{report}");
}

#[test]
fn a_dead_stack_is_looked_at() {
    let document = random(50_000);
    let report = Target::leaking("dead-stack", &document).scan(&Needles::of_document(&document));
    assert_found(&report);
    assert!(in_memory(&report).iter().any(|hit| hit.3 >= 256), "{report}");
}

#[test]
fn locked_memory_that_is_left_out_of_core_dumps_is_looked_at() {
    let document = random(5_000);
    let report = Target::leaking("locked", &document).scan(&Needles::of_document(&document));
    assert_found(&report);
    let hits = in_memory(&report);
    assert!(hits.iter().any(|hit| hit.1.contains("lo") && hit.1.contains("dd")), "{report}");
}

#[test]
fn memory_that_the_process_itself_may_not_read_is_looked_at() {
    let document = random(5_000);
    let report = Target::leaking("no-access", &document).scan(&Needles::of_document(&document));
    assert_found(&report);
    let closed =
        |hit: &shokyo::scan::Hit| matches!(&hit.place, Place::Memory { permissions, .. } if permissions == "---p");
    assert!(report.hits.iter().any(closed), "{report}");
}

#[test]
fn a_vector_register_of_a_spinning_thread_is_looked_at() {
    let document = random(50_000);
    let target = Target::leaking("register", &document);
    let report = target.scan(&Needles::of_document(&document));
    assert_found(&report);
    assert!(report.threads >= 2, "{report}");
    assert!(in_memory(&report).is_empty(), "only a register holds it: {report}");
    let mut bytes = 0;
    for hit in &report.hits {
        let Place::Register { thread, register, .. } = &hit.place else { continue };
        assert_ne!(*thread, target.pid(), "{report}");
        assert!(["xmm7", "ymm7 (upper half)", "v7"].contains(&register.as_str()), "{report}");
        bytes += hit.length;
    }
    assert_eq!(bytes, scan_targets::register_bytes() as u64, "{report}");
}

#[test]
fn what_a_key_leaves_in_a_cipher_is_found_without_the_key() {
    let key: [u8; 32] = random(32).try_into().unwrap();
    let needles = Needles::of_key(&key);
    let report = Target::leaking("aes-gcm", &key).scan(&needles);
    assert_found(&report);
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("aes") {
        assert!(report.hits_of(NeedleKind::RoundKeys) > 0, "{report}");
    }
    assert!(report.hits_of(NeedleKind::HashSubkeys) > 0, "{report}");
    let report = Target::leaking("ring", &key).scan(&needles);
    assert_found(&report);
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("aes") {
        assert!(report.hits_of(NeedleKind::RoundKeys) > 0, "{report}");
        assert!(report.hits_of(NeedleKind::HashSubkeys) > 0, "{report}");
    }
}

/// Whether a class's residue stands where it was put, as it was written.
fn is_expected(class: &str, hit: &Hit) -> bool {
    let encoding = match class {
        "hexadecimal" => Encoding::Hexadecimal,
        "upper-hexadecimal" => Encoding::UpperHexadecimal,
        "base64" => Encoding::Base64,
        "base64url" => Encoding::Base64Url,
        "reversed" => Encoding::Reversed,
        "utf-16le" => Encoding::Utf16Le,
        "utf-16be" => Encoding::Utf16Be,
        "decimal" | "json-decimal" => Encoding::DecimalList,
        _ => Encoding::Plain,
    };
    let place = match (&hit.place, class) {
        (Place::Register { register, .. }, "zmm17" | "r13" | "st0" | "xmm9" | "k3") => register == class,
        (Place::Memory { stack, .. }, "small-dead-stack") => *stack == Some(StackPart::Dead),
        (Place::Memory { stack, .. }, "live-stack") => *stack == Some(StackPart::Live),
        (Place::Memory { permissions, .. }, "shared-mapping") => permissions == "rw-s",
        // A neighbour may equal the filling.
        (Place::Memory { .. }, "eight-bytes") => hit.offset <= 19 && (27..31).contains(&(hit.offset + hit.length)),
        (Place::Memory { stack, .. }, _) => stack.is_none(),
        (Place::Register { .. }, _) => false,
    };
    place && hit.encoding == encoding
}

#[test]
fn every_class_of_residue_is_found_where_it_is_and_its_wiped_twin_is_clean() {
    let classes = scan_targets::classes::all();
    assert!(classes.len() >= 17);
    for class in classes {
        let secret = random(scan_targets::classes::LENGTH);
        let needles = Needles::marker(&secret).with_encodings();
        let report = Target::leaking(class, &secret).scan(&needles);
        assert!(report.control_found, "{class}: {report}");
        assert!(report.hits.iter().any(|hit| is_expected(class, hit)), "{class}: {report}");
        let twin = Target::leaking(&format!("{class}:wiped"), &secret).scan(&needles);
        assert!(twin.is_clean(), "{class}, wiped: {twin}");
    }
}

#[test]
fn encodings_are_looked_for_only_when_asked_and_needles_are_told_apart() {
    let (secret, other) = (random(64), random(64));
    let target = Target::leaking("hexadecimal", &secret);
    assert!(target.scan(&Needles::marker(&secret)).is_clean());
    let both = Needles::marker(&other).merge(Needles::marker(&secret)).with_encodings();
    let report = target.scan(&both);
    assert!(report.total_hits() > 0 && report.hits.iter().all(|hit| hit.needle == 1), "{report}");
    let heap = report.mappings.iter().find(|mapping| mapping.name == "[heap]").unwrap();
    assert!(heap.searched_bytes > 0 && heap.permissions == "rw-p" && heap.flags.contains("rd wr"), "{heap:?}");
}

#[test]
fn without_its_control_marker_nothing_is_clean() {
    let document = random(10_000);
    let target = Target::leaking("clean", &document);
    let report = scan(target.pid(), &Needles::of_document(&document), &random(CONTROL), None).unwrap();
    assert_eq!(report.total_hits(), 0, "{report}");
    assert!(!report.control_found && !report.is_clean(), "{report}");
    assert!(report.to_string().contains("PROVES NOTHING"), "{report}");
    assert!(scan(target.pid(), &Needles::of_document(&document), &[1; 4], None).is_err());
    assert!(scan(target.pid(), &Needles::default(), &target.control, None).is_err());
}

#[test]
fn pieces_that_were_there_before_are_not_held_against_a_process() {
    let mut document = random(20_000);
    document[7_000..7_000 + scan_targets::FORMAT_WORDS.len()].copy_from_slice(scan_targets::FORMAT_WORDS);
    let needles = Needles::of_document(&document);
    let target = Target::start("clean");
    let before = target.baseline(&needles);
    assert!(before.pieces() >= scan_targets::FORMAT_WORDS.len() - 15, "{before:?}");
    let target = target.give(&document);
    let without = target.scan(&needles);
    assert!(!without.is_clean() && without.total_hits() > 0, "{without}");
    let with = scan(target.pid(), &needles, &target.control, Some(&before)).unwrap();
    assert!(with.is_clean(), "{with}");
    assert!(with.known_needles >= (scan_targets::FORMAT_WORDS.len() - 15) as u64, "{with}");
    // The same baseline does not hide a real copy.
    let leaking = Target::leaking("heap", &document);
    let report = scan(leaking.pid(), &needles, &leaking.control, Some(&before)).unwrap();
    assert_found(&report);
}

#[test]
fn a_document_too_plain_to_recognise_is_not_assessable() {
    let document = b"                    000000000000000000000000000000\n".repeat(50);
    let target = Target::leaking("clean", &document);
    let report = target.scan(&Needles::of_document(&document));
    assert!(!report.assessable && !report.is_clean(), "{report}");
    assert!(report.excluded_needles() > 1000, "{report}");
}

#[test]
fn secret_memory_is_named_and_keeps_a_process_from_being_clean() {
    let document = random(5_000);
    let target = Target::leaking("secret-memory", &document);
    let report = target.scan(&Needles::of_document(&document));
    let secret = report.unreadable.iter().filter(|memory| memory.reason == UnreadableReason::SecretMemory).count();
    if scan_targets::has_secret_memory() {
        assert!(secret == 1 && !report.is_clean(), "{report}");
    }
}

#[test]
fn a_target_runs_on_after_a_scan() {
    let document = random(5_000);
    let mut target = Target::leaking("clean", &document);
    for _ in 0..3 {
        target.scan(&Needles::of_document(&document));
        assert!(target.answers());
    }
    assert_eq!(target.child.try_wait().unwrap(), None);
}

#[test]
fn many_threads_that_come_and_go_are_all_stopped_and_run_on() {
    let document = random(5_000);
    let mut target = Target::leaking("threads", &document);
    for _ in 0..10 {
        let report = target.scan(&Needles::of_document(&document));
        assert!(report.threads >= 3 && report.control_found, "{report}");
        assert!(target.answers());
    }
}

#[test]
fn a_target_that_is_gone_or_killed_meanwhile_gives_a_clear_error() {
    let document = random(2_000_000);
    let needles = Needles::of_document(&document);
    let mut target = Target::leaking("heap", &document);
    let (pid, control) = (target.pid(), target.control.clone());
    std::thread::scope(|scope| {
        let scans = scope.spawn(|| {
            loop {
                if let Err(error) = scan(pid, &needles, &control, None) {
                    return error.to_string();
                }
            }
        });
        std::thread::sleep(Duration::from_millis(150));
        target.child.kill().unwrap();
        let error = scans.join().unwrap();
        assert!(error.contains("ended"), "{error}");
    });
    target.child.wait().unwrap();
    let error = scan(pid, &needles, &control, None).unwrap_err().to_string();
    assert!(error.contains("has it ended"), "{error}");
}

#[test]
#[ignore = "a measurement: run it alone, in a release build, on a machine with nothing else to do"]
fn sixty_mebibytes_are_searched_for_five_in_under_a_second() {
    let document = random(5 << 20);
    let target = Target::leaking("large", &document);
    let started = std::time::Instant::now();
    let needles = Needles::of_document(&document);
    let prepared = started.elapsed();
    let report = target.scan(&needles);
    let took = started.elapsed();
    assert!(report.is_clean() && report.bytes_scanned > 60 << 20, "{report}");
    println!("needles {prepared:?}, with the scan {took:?}\n{report}");
    assert!(took < Duration::from_secs(1), "{prepared:?} {took:?}");
    let started = std::time::Instant::now();
    target.baseline(&needles);
    println!("baseline {:?}", started.elapsed());
}
