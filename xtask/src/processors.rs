//! Other processors under Linux, run by qemu's user mode: AArch64, where the memory core has code of its own, and s390x, which stores
//! numbers the other way round. What the emulator cannot show is in docs/processors.md.

use std::fs;

use crate::call::{Call, Failure};
use crate::other_targets::{ARM, BIG_ENDIAN, OtherTarget};
use crate::steps::Outcome;

/// The standard library for each is built once, in the profile of the tests.
const FOLDER: &str = "target/processors";
const PROGRAMS: [&str; 2] = ["bindings/c/ten_lines.c", "bindings/c/round_trip.c"];
/// Dependencies that see neither keys nor plaintext and take long to optimise.
const UNOPTIMISED: [&str; 7] = ["libsqlite3-sys", "rusqlite", "rustls", "rustls-webpki", "serde", "tokio", "toml"];
/// What Rust's standard library needs from the system.
const SYSTEM_LIBRARIES: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// What the emulator's user mode does not have: stopping and reading another process, pages that a forked child sees as zeros, and
/// programs of this processor that a test starts.
const NOT_EMULATED: &str = "--skip platform::inspect::tests --skip a_process_keeps_its_mark_and_a_forked_child_has_another \
                            --skip a_forked_child";

/// A processor with the tools for it.
struct Processor {
    target: &'static str,
    /// How Debian calls it: `aarch64-linux-gnu-gcc`.
    triplet: &'static str,
    emulator: &'static str,
    linker_variable: &'static str,
    runner_variable: &'static str,
}

const AARCH64: Processor = Processor {
    target: ARM,
    triplet: "aarch64-linux-gnu",
    emulator: "qemu-aarch64",
    linker_variable: "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
    runner_variable: "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
};

const S390X: Processor = Processor {
    target: BIG_ENDIAN,
    triplet: "s390x-linux-gnu",
    emulator: "qemu-s390x",
    linker_variable: "CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER",
    runner_variable: "CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER",
};

/// Builds and runs what each processor is for; what this machine has no tools for is said.
pub fn run() -> Result<Outcome, Failure> {
    let mut missing = Vec::new();
    missing.extend(AARCH64.with(aarch64)?);
    missing.extend(S390X.with(s390x)?);
    if missing.is_empty() { Ok(Outcome::Done) } else { Ok(Outcome::Partly(missing.join("; "))) }
}

/// The wipe with NEON, the scrub, vaults on locked stacks of this processor, and the C interface by its programs.
fn aarch64(processor: &Processor, target: &OtherTarget) -> Result<(), Failure> {
    processor.cargo(target, "test --lib --test memory_core").argument("--").arguments(NOT_EMULATED).run()?;
    let library = processor.cargo(target, "rustc --lib --features capi --crate-type staticlib");
    library.unoptimised("dev", &UNOPTIMISED).run()?;
    let library = format!("{FOLDER}/{}/debug/libshokyo.a", processor.target);
    let folder = format!("{FOLDER}/c");
    fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("{folder}: {error}")))?;
    for source in PROGRAMS {
        let program = format!("{folder}/{}", source.replace('/', "-"));
        Call::new(&format!("{}-gcc", processor.triplet), "-std=c11 -Wall -Wextra -Werror -pedantic -O2 -Iinclude -o")
            .argument(&program)
            .argument(source)
            .argument(&library)
            .arguments(SYSTEM_LIBRARIES)
            .run()?;
        Call::new(processor.emulator, "-L").argument(processor.root()).argument(&program).run()?;
    }
    Ok(())
}

/// Encodings, receipts, the handover's machines and the buffer on the caller's memory. (Vaults need stacks that their owner can
/// switch, which the library that does it does not have for this processor.)
fn s390x(processor: &Processor, target: &OtherTarget) -> Result<(), Failure> {
    processor.cargo(target, "test --lib --no-default-features --features alloc").run()
}

impl Processor {
    /// Runs the work, or gives what is missing for it.
    fn with(&self, work: fn(&Self, &OtherTarget) -> Result<(), Failure>) -> Result<Option<String>, Failure> {
        let compiler = format!("{}-gcc", self.triplet);
        for (program, package) in
            [(compiler.as_str(), format!("gcc-{}", self.triplet)), (self.emulator, "qemu-user".into())]
        {
            if !Call::new(program, "--version").succeeds_silently() {
                return Ok(Some(format!("nothing was run for {}: apt-get install {package}", self.target)));
            }
        }
        let Some(target) = OtherTarget::new(self.target) else {
            return Ok(Some(format!("nothing was built for {}: {}", self.target, OtherTarget::remedy(self.target))));
        };
        work(self, &target).map(|()| None)
    }

    fn cargo(&self, target: &OtherTarget, arguments: &str) -> Call {
        target
            .cargo(arguments)
            .arguments("--locked --target-dir")
            .argument(FOLDER)
            .set(self.linker_variable, &format!("{}-gcc", self.triplet))
            .set(self.runner_variable, &format!("{} -L {}", self.emulator, self.root()))
    }

    /// Where Debian puts the processor's C library.
    fn root(&self) -> String {
        format!("/usr/{}", self.triplet)
    }
}
