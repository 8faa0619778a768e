//! Where there is no operating system: the core and the state machines are built for a Cortex-M4, and a program without std, libc
//! and allocator (`tests/bare`) runs what the buffer on the caller's memory promises, on this machine and in that processor's code.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::call::{Call, Failure};
use crate::other_targets::{DEVICE, OtherTarget};
use crate::steps::Outcome;

/// This machine, named so that what is for the program alone does not reach build scripts.
const HOST: &str = "x86_64-unknown-linux-gnu";
const PROGRAM: &str = "--manifest-path tests/bare/Cargo.toml";
/// How it is linked; the library is built with the same settings, so that both share what is built.
const SETTINGS: &str = "--config tests/bare/config.toml";
const FOLDER: &str = "target/bare";
/// The build in which nothing is wiped.
const FAULTS: &str = "target/bare/faults";

pub const LINKER: &str = "arm-none-eabi-ld";
pub const EMULATOR: &str = "qemu-arm";

/// What the program prints for the claim that its build without wiping must break.
const RESIDUE_FOUND: &str = "FAILED after erasing nothing of key, round keys and document is in memory";

/// All of it; what this machine has no tools for is said.
pub fn run() -> Result<Outcome, Failure> {
    let mut missing = Vec::new();
    same_dependencies()?;
    Call::cargo(&format!("fmt --check {PROGRAM}")).run()?;
    if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        on_this_machine()?;
    } else {
        missing.push("the program is for x86-64 Linux".to_owned());
    }
    missing.extend(on_the_device()?);
    if missing.is_empty() { Ok(Outcome::Done) } else { Ok(Outcome::Partly(missing.join("; "))) }
}

fn on_this_machine() -> Result<(), Failure> {
    let build = |folder: &str| {
        Call::cargo(&format!("build --locked --release {PROGRAM} {SETTINGS} --target {HOST} --target-dir {folder}"))
    };
    build(FOLDER).run()?;
    Call::cargo(&format!("clippy --locked --release {PROGRAM} {SETTINGS} --target {HOST} --target-dir {FOLDER}"))
        .arguments("-- -D warnings")
        .run()?;
    let program = format!("{FOLDER}/{HOST}/release/shokyo-bare");
    needs_nothing(&program, "nm")?;
    Call::new(&program, "").run()?;
    Call::new(&program, "panic").run()?;
    // The same program where nothing is wiped: it must find what the other did not.
    let faults = format!("target.{HOST}.rustflags=[\"--cfg\",\"shokyo_faults\"]");
    build(FAULTS).arguments("--config").argument(faults).run()?;
    let program = Call::new(&format!("{FAULTS}/{HOST}/release/shokyo-bare"), "");
    for call in [program.clone(), program.clone().argument("panic")] {
        if call.exit_code()? != 1 {
            return Err(call.failure("without wiping it must end with 1"));
        }
    }
    if !output(&format!("{FAULTS}/{HOST}/release/shokyo-bare"), &[])?.contains(RESIDUE_FOUND) {
        return Err(program.failure(format!("without wiping it must print: {RESIDUE_FOUND}")));
    }
    Ok(())
}

/// Builds for the device and runs the program in an emulator, as far as there are tools; gives what is missing.
fn on_the_device() -> Result<Option<String>, Failure> {
    let Some(target) = OtherTarget::new(DEVICE) else {
        return Ok(Some(format!("nothing was built for {DEVICE}: {}", OtherTarget::remedy(DEVICE))));
    };
    // One profile for all: what is built once serves the next call too. Without link-time optimisation, so that the library's own
    // code can be looked at.
    let build = |arguments: &str| {
        target
            .cargo("build --locked --release --target-dir target/bare")
            .arguments(&format!("{SETTINGS} {arguments}"))
            .set("CARGO_PROFILE_RELEASE_LTO", "off")
            .set("CARGO_PROFILE_RELEASE_PANIC", "abort")
            .set("CARGO_PROFILE_RELEASE_DEBUG", "false")
    };
    build("--lib --no-default-features --features alloc").run()?;
    if !on_path(LINKER) {
        build("--lib --no-default-features").run()?;
        return Ok(Some(format!("no program was linked for {DEVICE}: apt-get install binutils-arm-none-eabi")));
    }
    build(PROGRAM).run()?;
    let program = format!("{FOLDER}/{DEVICE}/release/shokyo-bare");
    needs_nothing(&program, "arm-none-eabi-nm")?;
    cannot_panic()?;
    if !on_path(EMULATOR) {
        return Ok(Some(format!("the program for {DEVICE} was not run: apt-get install qemu-user")));
    }
    // This processor runs the same Thumb-2 and floating-point instructions; the emulator's Cortex-M has no user mode that works.
    let emulated = Call::new(EMULATOR, "-cpu cortex-a15").argument(&program);
    emulated.run()?;
    emulated.argument("panic").run()?;
    Ok(None)
}

/// No symbol is left for a C library, and none of an allocator is there. That it was linked without a global allocator says the
/// same already: a crate that asks for one does not compile then.
fn needs_nothing(program: &str, nm: &str) -> Result<(), Failure> {
    let undefined = output(nm, &["--undefined-only", program])?;
    let all = output(nm, &[program])?;
    if !undefined.trim().is_empty()
        || !all.contains("entered")
        || all.contains("__rust_alloc")
        || all.contains("malloc")
    {
        return Err(Failure::new(format!("{program} needs something that is not there:\n{undefined}")));
    }
    Ok(())
}

/// No function of the buffer on the caller's memory, or of the wipe, calls anything that panics: every index is checked.
fn cannot_panic() -> Result<(), Failure> {
    let (mut functions, mut others) = (0, 0);
    for library in libraries() {
        let code =
            output("arm-none-eabi-objdump", &["-d", "-r", "-C", "--no-show-raw-insn", &library.to_string_lossy()])?;
        let mut function = "";
        for line in code.lines() {
            if line.ends_with(">:") {
                function = line;
                functions += usize::from(is_own(function));
            }
            let panics = ["panicking::", "slice_index", "unwrap_failed", "expect_failed"];
            if line.contains("R_ARM_") && panics.iter().any(|name| line.contains(name)) {
                others += 1;
                if !is_own(function) {
                    continue;
                }
                return Err(Failure::new(format!("{} can panic: {line}", function.trim_end_matches(':'))));
            }
        }
    }
    // The state machines and the cipher have bounds checks: who sees none of them sees nothing.
    if functions < 20 || others == 0 {
        return Err(Failure::new(format!(
            "the code in {FOLDER} is not what it should be: {functions} functions, {others} calls"
        )));
    }
    println!("{functions} functions of the buffer and the wipe call nothing that panics");
    Ok(())
}

fn is_own(function: &str) -> bool {
    function.contains("shokyo::buffer::borrowed::") || function.contains("shokyo::wipe::")
}

/// The program outside of the workspace is built with the dependencies that the workspace is tested with.
fn same_dependencies() -> Result<(), Failure> {
    const LOCK: &str = "tests/bare/Cargo.lock";
    let read = |path: &str| fs::read_to_string(path).map_err(|error| Failure::new(format!("{path}: {error}")));
    let (program, workspace) = (read(LOCK)?, read("Cargo.lock")?);
    let checksums = |lock: &str| -> Vec<String> {
        lock.lines().filter(|line| line.starts_with("checksum = ")).map(str::to_owned).collect()
    };
    let (own, known) = (checksums(&program), checksums(&workspace));
    if own.is_empty() || own.iter().any(|checksum| !known.contains(checksum)) {
        return Err(Failure::new(format!(
            "{LOCK} names other versions than Cargo.lock; to write it: cp Cargo.lock {LOCK} && cargo metadata {PROGRAM} >/dev/null"
        )));
    }
    Ok(())
}

/// The library's object code, as the program was linked with it.
fn libraries() -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("{FOLDER}/{DEVICE}/release/deps"));
    let mut found: Vec<PathBuf> =
        entries.map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
    found.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libshokyo-") && name.ends_with(".rlib")
    });
    found
}

fn output(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let failure = |error| Failure::new(format!("{program} {}: {error}", arguments.join(" ")));
    let output = Command::new(program).args(arguments).output().map_err(|error| failure(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.is_empty() && !output.status.success() {
        return Err(failure(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(text)
}

/// Whether there is a program of this name.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
