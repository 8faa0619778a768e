//! Each check on made-up hosts: as it should be, as it should not be, and where nothing can be read.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use shokyo::{HardeningOutcome, HardeningStep};

use super::check::{Check, Profile, State, judge, worst};
use super::host::{Calls, Host};
use super::{CHECKS, show};

const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max core file size        CORE                 unlimited            bytes     \n\
                      Max locked memory         LOCKED               8388608              bytes     \n";
const SWAPS: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
const ROOT_MOUNT: &str = "27 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n";

fn limits(core: &str, locked: &str) -> String {
    LIMITS.replace("CORE", core).replace("LOCKED", locked)
}

/// A host with these files, which is removed when it is dropped.
struct MadeUp {
    root: tempfile::TempDir,
    temporary: PathBuf,
    folders: Vec<PathBuf>,
    calls: Calls,
}

impl MadeUp {
    fn with(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { root, temporary: "/tmp".into(), folders: Vec::new(), calls: Calls::default() }
    }

    fn host(&self) -> Host {
        Host::under(self.root.path(), self.temporary.clone(), self.folders.clone(), self.calls.clone())
    }

    #[track_caller]
    fn is(&self, name: &str, wanted: State) {
        let check: &Check = CHECKS.iter().find(|check| check.name == name).unwrap();
        let finding = (check.look)(&self.host());
        assert_eq!(finding.state, wanted, "{name}: {}", finding.reason);
        assert_eq!(finding.remedy.is_none(), wanted == State::Good, "{name}: what is not good has a remedy");
        assert!(!finding.reason.is_empty());
    }
}

/// What a check says of a host with these files.
#[track_caller]
fn is(name: &str, files: &[(&str, &str)], wanted: State) {
    MadeUp::with(files).is(name, wanted);
}

#[test]
fn nothing_that_cannot_be_read_is_called_good() {
    let judged = judge(&CHECKS, &MadeUp::with(&[]).host(), None, false);
    for judged in judged.iter().filter(|judged| judged.name != "folders") {
        assert_eq!(judged.finding.state, State::Unknown, "{}: {}", judged.name, judged.finding.reason);
    }
}

#[test]
fn locked_memory() {
    let of = |locked: &str, wanted| is("locked-memory", &[("proc/self/limits", &limits("0", locked))], wanted);
    of("8388608", State::Good);
    of("unlimited", State::Good);
    of("65536", State::Weak);
    of("4096", State::Bad);
    of("a few", State::Unknown);
    let privileged = "Name:\tx\nCapEff:\t0000000000004000\n";
    is("locked-memory", &[("proc/self/limits", &limits("0", "4096")), ("proc/self/status", privileged)], State::Weak);
}

#[test]
fn swap() {
    let listed = |line: &str| format!("{SWAPS}{line}\t999420\t\t0\t\t-2\n");
    let of = |line: &str, file: (&str, &str), wanted| is("swap", &[("proc/swaps", &listed(line)), file], wanted);
    is("swap", &[("proc/swaps", SWAPS)], State::Good);
    of("/dev/dm-0 partition", ("sys/block/dm-0/dm/uuid", "CRYPT-PLAIN-swap\n"), State::Good);
    of("/dev/zram0 partition", ("sys/block/zram0/backing_dev", "none\n"), State::Good);
    of("/dev/zram0 partition", ("sys/block/zram0/backing_dev", "/dev/sdb\n"), State::Bad);
    of("/dev/dm-0 partition", ("sys/block/dm-0/dm/uuid", "LVM-abc\n"), State::Bad);
    of("/dev/sda2 partition", ("sys/class/block/sda2/size", "9\n"), State::Bad);
    of("/swapfile file", ("proc/x", ""), State::Bad);
    of("/dev/sda2 partition", ("proc/x", ""), State::Unknown);
    let both = format!("{}/dev/sda2 partition\t9\t\t0\t\t-2\n", listed("/dev/zram0 partition"));
    is("swap", &[("proc/swaps", &both), ("sys/class/block/sda2/size", "9\n")], State::Bad);
}

#[test]
fn hibernation() {
    let of = |state: &str, swaps: &str, wanted| {
        is("hibernation", &[("sys/power/state", state), ("proc/swaps", swaps)], wanted);
    };
    of("freeze mem\n", SWAPS, State::Good);
    of("freeze mem disk\n", SWAPS, State::Weak);
    of("freeze mem disk\n", &format!("{SWAPS}/dev/sda2 partition 9 0 -2\n"), State::Bad);
    is("hibernation", &[("proc/swaps", SWAPS)], State::Unknown);
}

#[test]
fn cores() {
    let of = |pattern: &str, limit: &str, wanted| {
        let files = [("proc/sys/kernel/core_pattern", pattern), ("proc/self/limits", &limits(limit, "0"))];
        is("core-pattern", &files, wanted);
    };
    of("core\n", "0", State::Good);
    of("core\n", "unlimited", State::Bad);
    of("|/usr/lib/systemd/systemd-coredump %P\n", "0", State::Weak);
    of("|/usr/lib/systemd/systemd-coredump %P\n", "1", State::Good);
    of("|/bin/false\n", "unlimited", State::Good);
    is("core-pattern", &[("proc/sys/kernel/core_pattern", "core\n")], State::Unknown);
    for (value, wanted) in [("0", State::Good), ("1", State::Bad), ("2", State::Weak), ("x", State::Unknown)] {
        is("suid-dumpable", &[("proc/sys/fs/suid_dumpable", value)], wanted);
    }
}

#[test]
fn debuggers() {
    for (value, wanted) in [("0\n", State::Weak), ("1\n", State::Good), ("3\n", State::Good), ("", State::Unknown)] {
        is("ptrace-scope", &[("proc/sys/kernel/yama/ptrace_scope", value)], wanted);
    }
    is("ptrace-scope", &[("proc/sys/kernel/osrelease", "6.1\n")], State::Weak);
}

#[test]
fn what_only_calls_tell() {
    let mut host = MadeUp::with(&[]);
    host.calls.secret_memory = Some(true);
    host.calls.clock = Some(true);
    host.calls.hardening = vec![(HardeningStep::NotDumpable, HardeningOutcome::Achieved)];
    ["secret-memory", "clock", "hardening"].into_iter().for_each(|name| host.is(name, State::Good));
    host.calls.secret_memory = Some(false);
    host.calls.clock = Some(false);
    host.calls.hardening.push((HardeningStep::NoCoreFile, HardeningOutcome::Failed(1)));
    host.is("secret-memory", State::Weak);
    ["clock", "hardening"].into_iter().for_each(|name| host.is(name, State::Bad));
}

#[test]
fn freed_pages() {
    let of = |line: &str, built: &str, wanted| {
        let release = ("proc/sys/kernel/osrelease", "6.1-x\n");
        is("init-on-free", &[("proc/cmdline", line), release, ("boot/config-6.1-x", built)], wanted);
    };
    of("ro init_on_free=0 init_on_free=1\n", "", State::Good);
    of("ro\n", "CONFIG_INIT_ON_FREE_DEFAULT_ON=y\n", State::Good);
    of("ro\n", "# CONFIG_INIT_ON_FREE_DEFAULT_ON is not set\n", State::Weak);
    of("ro init_on_free=1 init_on_free=0\n", "CONFIG_INIT_ON_FREE_DEFAULT_ON=y\n", State::Weak);
    is("init-on-free", &[("proc/cmdline", "ro\n")], State::Unknown);
}

#[test]
fn folders() {
    let of = |mounts: &str, more: &[(&str, &str)], wanted| {
        let text = format!("{ROOT_MOUNT}{mounts}");
        let mut host = MadeUp::with(&[&[("proc/self/mountinfo", &text[..]), ("proc/swaps", SWAPS)], more].concat());
        host.is("temporary", wanted);
        host.temporary = "/elsewhere".into();
        host.folders = vec!["/tmp/spool".into()];
        host.is("folders", wanted);
    };
    of("30 27 0:30 / /tmp rw - tmpfs tmpfs rw\n", &[], State::Good);
    of("30 27 0:30 / /tmp rw - btrfs /dev/sda2 rw\n", &[], State::Bad);
    of("30 27 0:30 / /tmp rw - ext4 /dev/sda2 rw,data=journal\n", &[], State::Bad);
    of(
        "30 27 254:1 / /tmp rw shared:1 - ext4 /dev/dm-1 rw\n",
        &[("sys/dev/block/254:1/dm/uuid", "CRYPT-LUKS2-a\n")],
        State::Good,
    );
    of("30 27 8:2 / /tmp rw - ext4 /dev/sda2 rw\n", &[("sys/dev/block/8:2/size", "9\n")], State::Weak);
    of("30 27 8:2 / /tmp rw - ext4 /dev/sda2 rw\n", &[], State::Unknown);
    // Another folder whose name only begins alike; and one that covers another.
    of("30 27 0:30 / /tmp2 rw - tmpfs tmpfs rw\n", &[("sys/dev/block/8:1/size", "9\n")], State::Weak);
    of("30 27 0:30 / /tmp rw - tmpfs t rw\n31 30 0:31 / /tmp rw - overlay overlay rw\n", &[], State::Bad);
    let swapped = format!("{SWAPS}/swapfile file 9 0 -2\n");
    let mounts = "30 27 0:30 / /tmp rw - tmpfs tmpfs rw\n";
    is("temporary", &[("proc/self/mountinfo", mounts), ("proc/swaps", &swapped)], State::Weak);
}

#[test]
fn processors() {
    let of = |text: &str, wanted| is("processor", &[("proc/cpuinfo", text)], wanted);
    of("flags\t\t: fpu sse2 avx aes pclmulqdq\n", State::Good);
    of("Features\t: fp asimd aes pmull\n", State::Good);
    of("flags\t\t: fpu sse2\n", State::Weak);
    of("Features\t: fp asimd\n", State::Weak);
    of("model name: x\n", State::Unknown);
    let mut host = MadeUp::with(&[("proc/cpuinfo", "flags\t\t: a aes pclmulqdq\n")]);
    host.calls.scrub = Some(false);
    host.is("processor", State::Bad);
}

#[test]
fn pages_that_move_or_are_merged() {
    let huge = "sys/kernel/mm/transparent_hugepage/enabled";
    for (text, wanted) in [
        ("always [madvise] never\n", State::Good),
        ("always madvise [never]\n", State::Good),
        ("[always] madvise never\n", State::Weak),
        ("?\n", State::Unknown),
    ] {
        is("huge-pages", &[(huge, text)], wanted);
    }
    for (text, wanted) in [("0\n", State::Good), ("2\n", State::Good), ("1\n", State::Weak), ("?\n", State::Unknown)] {
        is("page-merging", &[("sys/kernel/mm/ksm/run", text)], wanted);
    }
    ["huge-pages", "page-merging"].into_iter().for_each(|name| is(name, &[("sys/kernel/mm/x", "")], State::Good));
}

/// This very program, and copies of its headers from which the linker's protections are taken away.
#[test]
fn builds() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let of = |bytes: &[u8], wanted| {
        let host = MadeUp::with(&[("proc/self/x", "")]);
        std::fs::write(host.root.path().join("proc/self/exe"), bytes).unwrap();
        host.is("build", wanted);
    };
    let as_built = match (cfg!(shokyo_faults), cfg!(debug_assertions)) {
        (true, _) => State::Bad,
        (_, true) => State::Weak,
        _ => State::Good,
    };
    of(&program, as_built);
    let mut fixed_place = program.clone();
    fixed_place[16] = 2;
    of(&fixed_place, State::Bad);
    // An executable stack, memory both writable and executable, no RELRO (another type of segment).
    for (kind, at, value) in [(0x6474_e551u32, 4, 7u8), (1, 4, 7), (0x6474_e552, 0, 0)] {
        let mut weakened = program.clone();
        let table = u64::from_le_bytes(weakened[32..40].try_into().unwrap()) as usize;
        let entries = (0..usize::from(weakened[56])).map(|number| table + number * 56);
        let entry = entries.into_iter().find(|entry| weakened[*entry..entry + 4] == kind.to_le_bytes()).unwrap();
        weakened[entry + at] = value;
        of(&weakened, State::Bad);
    }
    of(&program[..40], State::Unknown);
    of(b"MZ", State::Unknown);
}

#[test]
fn a_profile_is_judged_strictly_only_when_asked() {
    let tmpfs = "30 27 0:30 / /tmp rw - tmpfs tmpfs rw\n";
    let files = [("proc/self/mountinfo", tmpfs), ("proc/swaps", SWAPS), ("proc/sys/kernel/yama/ptrace_scope", "0\n")];
    let made_up = MadeUp::with(&files);
    let counts = |name: &str, profile, strict| {
        let judged = judge(&CHECKS, &made_up.host(), profile, strict);
        judged.iter().find(|judged| judged.name == name).unwrap().counts_as
    };
    assert_eq!(counts("ptrace-scope", None, false), State::Weak);
    assert_eq!(counts("ptrace-scope", Some(Profile::Kiosk), false), State::Weak);
    assert_eq!(counts("ptrace-scope", Some(Profile::Kiosk), true), State::Bad);
    assert_eq!(counts("ptrace-scope", Some(Profile::Relay), true), State::Good);
    assert_eq!(counts("clock", Some(Profile::Relay), true), State::Bad);
    assert_eq!(counts("clock", Some(Profile::Relay), false), State::Unknown);
    assert_eq!(counts("swap", Some(Profile::Issuer), true), State::Good);
    assert_eq!(worst(&judge(&CHECKS, &made_up.host(), None, false)), State::Weak);
    assert_eq!(worst(&judge(&CHECKS, &made_up.host(), Some(Profile::Relay), true)), State::Bad);
}

#[test]
fn lines_are_broken_between_words() {
    assert_eq!(show::wrapped("one two  three", 7), ["one two", "three"]);
    assert_eq!(show::wrapped("消去 消去 x", 5), ["消去 消去", "x"]);
    assert_eq!(show::wrapped("unbreakable word", 4), ["unbreakable", "word"]);
    assert!(show::wrapped("", 4).is_empty());
}

#[test]
fn this_host_is_looked_at_without_an_error() {
    let here = judge(&CHECKS, &Host::here(&[Path::new("/").into()]), None, false);
    assert_eq!(here.len(), CHECKS.len());
    assert!(here.iter().any(|judged| judged.finding.state == State::Good));
    let json = show::as_json(&here, Some(Profile::Kiosk), true);
    assert_eq!((json["profile"].as_str(), json["checks"].as_array().unwrap().len()), (Some("kiosk"), CHECKS.len()));
}
