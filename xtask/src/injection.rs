//! System calls that fail: strace runs `tests/fault_probe.rs` again and again, and each time another call for memory, randomness or
//! secret memory fails that a vault makes in its life.
//!
//! What must come out, whichever it is: no crash; a clean error with a text that says what to do, or a vault whose protections are
//! what the kernel shows; nothing of the document left; no memory left mapped; and the next vault opens.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::call::Failure;
use crate::faults;
use crate::steps::Outcome;

/// The calls, and the error of each that the kernel's manual gives for it.
const CALLS: [(&str, &str); 8] = [
    ("mmap", "ENOMEM"),
    ("mprotect", "ENOMEM"),
    ("munmap", "ENOMEM"),
    ("madvise", "EINVAL"),
    ("mlock", "ENOMEM"),
    ("memfd_secret", "ENOSYS"),
    ("ftruncate", "EINVAL"),
    // What it gives for a page of secret memory that cannot be had; as an error of randomness it is one like any other.
    ("getrandom", "EFAULT"),
];
const MODES: [&str; 4] = ["strict off", "best-effort off", "strict auto", "best-effort require"];
/// Runs at most; one takes less than a tenth of a second.
const MOST: usize = 300;
const TRACE: &str = "target/injection.trace";
/// How the texts of errors begin that may come out.
const CLEAN: [&str; 4] = [
    "no locked memory left",
    "the operating system gave no",
    "the protection ",
    "the operating system's random generator failed",
];

/// What a run said, and how it ended.
struct Run {
    code: Option<i32>,
    said: String,
    traced: String,
}

/// Lets each call fail.
pub fn run() -> Result<Outcome, Failure> {
    if Command::new("strace").arg("-V").output().is_err() {
        return Ok(Outcome::Skipped("strace is not installed: sudo apt-get install strace".into()));
    }
    let probe = build()?;
    control(&probe)?;
    let mut plan = Vec::new();
    let mut clean = BTreeMap::new();
    for mode in MODES {
        let run = trace(&probe, mode, None)?;
        judge_clean(mode, &run)?;
        for (call, error) in CALLS {
            let (before, during) = count(&run.traced, call);
            plan.push((mode, call, error, before, during));
        }
        clean.insert(mode, run.said);
    }
    let each = quota(&plan.iter().map(|(.., during)| *during).collect::<Vec<_>>(), MOST);
    let (mut runs, mut refused, mut reduced) = (0, 0, 0);
    for (mode, call, error, before, during) in plan {
        for position in spread(during, each) {
            let place = before + position;
            let run = trace(&probe, mode, Some((call, error, place)))?;
            match judge(&run, &clean[mode]) {
                Ok(Verdict::Refused) => refused += 1,
                Ok(Verdict::Reduced) => reduced += 1,
                Ok(Verdict::Unmoved) => {}
                Err(reason) => return Err(broken(mode, (call, error, place), &reason, &run)),
            }
            runs += 1;
        }
        println!("{mode:20} {call:13} {error}: {} of {during}", during.min(each));
    }
    let hardening = harden(&probe)?;
    println!(
        "{runs} runs with one call failing: {refused} clean errors, {reduced} vaults that said what is missing, {} unmoved; \
         {hardening} of hardening",
        runs - refused - reduced
    );
    Ok(Outcome::Done)
}

/// The program, with the faults compiled in and switched off: one switches the wipe off for the control.
fn build() -> Result<String, Failure> {
    let call = faults::cargo(&format!("{} --test fault_probe --no-run", faults::TESTS));
    call.run()?;
    let program = fs::read_dir(format!("{}/release/deps", faults::FOLDER))
        .map_err(|error| Failure::new(format!("{}: {error}", faults::FOLDER)))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fault_probe-")))
        .max_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    match program {
        Some(path) => Ok(path.display().to_string()),
        None => Err(call.failure("the program is not where cargo puts it")),
    }
}

/// Without the wipe the search must find the document: otherwise it proves nothing.
fn control(probe: &str) -> Result<(), Failure> {
    let output = Command::new(probe).env("SHOKYO_PROBE", MODES[0]).env_remove("SHOKYO_FAULTS").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    match residue(&said) {
        Some(count) if count > 0 => {
            println!("as it must be: without wiping, the search finds the document {count} times");
            Ok(())
        }
        _ => Err(Failure::new(format!("without wiping, the search must find the document\n{said}"))),
    }
}

/// Runs the program under strace, with a call that fails or none.
fn trace(probe: &str, mode: &str, fault: Option<(&str, &str, usize)>) -> Result<Run, Failure> {
    let _ = fs::remove_file(TRACE);
    let mut command = Command::new("strace");
    command.args(["-f", "-o", TRACE]);
    match fault {
        None => {
            let names = CALLS.map(|(call, _)| call).join(",");
            command.arg("-e").arg(format!("trace={names},prctl,write"));
        }
        Some((call, error, place)) => {
            command.arg("-e").arg(format!("trace={call}"));
            command.arg("-e").arg(format!("inject={call}:error={error}:when={place}"));
        }
    }
    command.arg(probe).env("SHOKYO_PROBE", mode).env("SHOKYO_FAULTS", "");
    let output = command.output().map_err(|error| Failure::new(format!("strace cannot be started: {error}")))?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let traced = fs::read_to_string(TRACE).unwrap_or_default();
    if traced.is_empty() {
        return Err(Failure::new(format!(
            "strace traces nothing; is tracing (ptrace) permitted here?\n{errors}\n  to see it: strace -f {probe}"
        )));
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &errors;
    Ok(Run { code: output.status.code(), said, traced })
}

/// How often a call is made before the first mark, and between the two.
fn count(traced: &str, call: &str) -> (usize, usize) {
    let (mut before, mut during, mut place) = (0, 0, 0);
    for line in traced.lines() {
        let made = line.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        if made.starts_with("write(1, \"-- begin") {
            place = 1;
        } else if made.starts_with("write(1, \"-- end") {
            place = 2;
        } else if made.strip_prefix(call).is_some_and(|rest| rest.starts_with('(')) {
            match place {
                0 => before += 1,
                1 => during += 1,
                _ => {}
            }
        }
    }
    (before, during)
}

/// The most that each may have for all together to be at most `most`.
fn quota(counts: &[usize], most: usize) -> usize {
    let total = |each: usize| counts.iter().map(|count| count.min(&each)).sum::<usize>();
    (1..=counts.iter().copied().max().unwrap_or(1)).rev().find(|each| total(*each) <= most).unwrap_or(1)
}

/// At most `each` of the positions 1 to `count`, the first and the last among them.
fn spread(count: usize, each: usize) -> Vec<usize> {
    if count <= each {
        return (1..=count).collect();
    }
    if each < 2 {
        return vec![count];
    }
    (0..each).map(|index| 1 + index * (count - 1) / (each - 1)).collect()
}

/// What a call that failed led to.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// An error, and nothing was done.
    Refused,
    /// A vault that says that it lacks something.
    Reduced,
    /// Nothing that can be seen.
    Unmoved,
}

fn judge_clean(mode: &str, run: &Run) -> Result<(), Failure> {
    let good = run.code == Some(0) && !run.said.contains("error") && residue(&run.said) == Some(0);
    if good { Ok(()) } else { Err(Failure::new(format!("{mode}: with nothing failing\n{}", run.said))) }
}

fn judge(run: &Run, clean: &str) -> Result<Verdict, String> {
    if run.code != Some(0) {
        return Err(format!("the program ended with {:?}", run.code));
    }
    if run.traced.matches("(INJECTED)").count() != 1 {
        return Err("the call was not made, so that it did not fail".into());
    }
    if run.said.contains("panicked") {
        return Err("a panic".into());
    }
    let mut refused = false;
    for error in run.said.lines().filter_map(|line| line.split_once(": error ")).map(|(_, text)| text) {
        if !CLEAN.iter().any(|clean| error.starts_with(clean)) {
            return Err(format!("an error that is not about what failed: {error}"));
        }
        refused = true;
    }
    for bad in ["BROKEN", "NOT VERIFIED", "erase-all: failed"] {
        if let Some(line) = run.said.lines().find(|line| line.contains(bad)) {
            return Err(line.to_owned());
        }
    }
    if residue(&run.said) != Some(0) {
        return Err("something of the document is left".into());
    }
    let bytes = |said: &str| value(said, "mappings").and_then(|bytes| bytes.parse::<u64>().ok());
    match (bytes(&run.said), bytes(clean)) {
        (Some(left), Some(without)) if left <= without => {}
        (left, without) => {
            return Err(format!("memory is left mapped: {left:?} bytes, {without:?} with nothing failing"));
        }
    }
    if value(&run.said, "again") != Some("ok") {
        return Err("the next vault does not work".into());
    }
    let reduced = value(&run.said, "protections") != value(clean, "protections");
    Ok(if refused {
        Verdict::Refused
    } else if reduced {
        Verdict::Reduced
    } else {
        Verdict::Unmoved
    })
}

/// Each step of hardening fails once: an error that names it, and nothing stays that can be undone.
fn harden(probe: &str) -> Result<usize, Failure> {
    let mode = "harden";
    let clean = trace(probe, mode, None)?;
    let (before, during) = count(&clean.traced, "prctl");
    let mut refused = 0;
    for place in before + 1..=before + during {
        let fault = ("prctl", "EPERM", place);
        let run = trace(probe, mode, Some(fault))?;
        let failed = run.said.contains("harden: error the protection ");
        let undone =
            value(&run.said, "dumpable") == Some("1") && value(&run.said, "core") == value(&clean.said, "core before");
        match (run.code, failed, undone) {
            (Some(0), true, true) => refused += 1,
            // A value that could not be read, where the step itself went well.
            (Some(0), false, _) if run.said.contains("harden: ok") => {}
            _ => return Err(broken(mode, fault, "hardening that fails must say so and undo what it did", &run)),
        }
    }
    if refused < 4 {
        return Err(Failure::new(format!("{refused} of {during} calls for hardening led to an error\n{}", clean.said)));
    }
    Ok(refused)
}

fn broken(mode: &str, (call, error, place): (&str, &str, usize), reason: &str, run: &Run) -> Failure {
    Failure::new(format!(
        "mode \"{mode}\", call {place} of {call} failing with {error}: {reason}\n{}\n  again: SHOKYO_PROBE='{mode}' SHOKYO_FAULTS= strace -f \
         -e trace={call} -e inject={call}:error={error}:when={place} target/faults/release/deps/fault_probe-*",
        run.said
    ))
}

/// How often the document was found, in all searches together; nothing when there was none.
fn residue(said: &str) -> Option<u64> {
    said.lines().filter_map(|line| line.strip_prefix("residue: ")?.parse::<u64>().ok()).reduce(|all, more| all + more)
}

/// What the program said under a name, the first time.
fn value<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use super::{Run, Verdict, count, judge, quota, spread, value};

    const TRACED: &str = "7 mmap(NULL) = 0\n7 write(1, \"-- begin\\n\", 9) = 9\n7 mmap(NULL) = 0\n7 mmap2(0) = 0\n8 mmap(NULL) = 0\n\
                          7 write(1, \"-- end\\n\", 7) = 7\n7 mmap(NULL) = 0\n";

    #[test]
    fn calls_are_counted_before_and_between_the_marks() {
        assert_eq!(count(TRACED, "mmap"), (1, 2));
        assert_eq!(count(TRACED, "munmap"), (0, 0));
    }

    #[test]
    fn positions_are_spread_from_the_first_to_the_last() {
        assert_eq!(spread(3, 5), [1, 2, 3]);
        assert_eq!(spread(10, 4), [1, 4, 7, 10]);
        assert_eq!(quota(&[10, 2, 30], 20), 9);
        assert!(spread(0, 4).is_empty());
    }

    #[test]
    fn only_a_clean_run_is_taken_for_one() {
        const CLEAN: &str = "open: ok\nprotections: LOCKED\nmappings: 4096\nresidue: 0\nagain: ok\n";
        let judged = |said: &str| {
            let run = Run { code: Some(0), said: said.into(), traced: "mmap() = -1 ENOMEM (INJECTED)".into() };
            judge(&run, CLEAN)
        };
        assert_eq!(judged(CLEAN), Ok(Verdict::Unmoved));
        assert_eq!(judged(&CLEAN.replace("LOCKED", "none")), Ok(Verdict::Reduced));
        assert_eq!(judged(&CLEAN.replace("open: ok", "open: error no locked memory left: 5")), Ok(Verdict::Refused));
        for (good, bad) in [
            ("open: ok", "open: error of another kind"),
            ("residue: 0", "residue: 1"),
            ("mappings: 4096", "mappings: 8192"),
            ("again: ok", "again: failed"),
            ("open: ok", "evidence: NOT VERIFIED"),
            ("open: ok", "claims: BROKEN LOCKED"),
            ("open: ok", "thread 'main' panicked at"),
        ] {
            assert!(judged(&CLEAN.replace(good, bad)).is_err(), "{bad}");
        }
        let killed = Run { code: None, said: CLEAN.into(), traced: "(INJECTED)".into() };
        assert!(judge(&killed, CLEAN).is_err());
        let missed = Run { code: Some(0), said: CLEAN.into(), traced: "mmap() = 0".into() };
        assert!(judge(&missed, CLEAN).is_err());
        assert_eq!(value(CLEAN, "residue"), Some("0"));
    }
}
