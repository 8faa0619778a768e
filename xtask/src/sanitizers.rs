//! The memory core under valgrind and AddressSanitizer, which must know the clean rooms' stacks.

use crate::call::{Call, Failure};
use crate::steps::Outcome;

/// The exit code of valgrind when it found an error; no test's.
const FOUND: i32 = 9;

/// What both run of the library's own tests: everything that goes through rooms, windows and cells.
const UNITS: &str = "arena:: wipe:: buffer::";

/// The same without the tests that look at dead stacks on purpose.
const UNITS_OF_VALGRIND: [&str; 2] = ["arena:: --skip arena::alternate:: --skip buffer::", "buffer::"];
/// It is fifty times slower than the processor: large documents and random cases stay out.
const TOO_LONG: &str = "--skip documents_of_every_size --skip a_document_equals --skip erasing_everything_ends";

/// The target for which AddressSanitizer builds; cargo must be told, or it would build its own tools with it.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// No error in memory and no leak, with valgrind; and it does find an error in a test that has one.
pub fn valgrind() -> Result<Outcome, Failure> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Ok(Outcome::Skipped("valgrind is told about the rooms' stacks on x86-64 Linux alone".to_owned()));
    }
    if !Call::new("valgrind", "--version").succeeds_silently() {
        let how = "valgrind is not installed: sudo apt-get install --yes valgrind libc6-dbg";
        return Ok(Outcome::Skipped(how.to_owned()));
    }
    // Valgrind runs one thread at a time: several of it keep the processors busy.
    Call::cargo("test --locked --lib --test memory_core --no-run").run()?;
    let units = UNITS_OF_VALGRIND.map(|units| under_valgrind("--lib", units));
    let core = under_valgrind("--test memory_core", TOO_LONG);
    Call::run_at_once(&[&units[..], &[core]].concat())?;
    let control = under_valgrind("--lib", "--ignored valgrind_finds_an_error");
    // The build and the runner worked just now, the test itself cannot fail, and without it the exit code would be 0.
    match control.exit_code()? {
        0 => Err(control.failure("valgrind found nothing in a test that reads what it may not")),
        _ => {
            println!("as it must be: valgrind found the error");
            Ok(Outcome::Done)
        }
    }
}

/// A call of cargo that starts the tests' programs with valgrind. The build is that of the step `test`.
fn under_valgrind(program: &str, arguments: &str) -> Call {
    let runner = format!(
        "valgrind --quiet --error-exitcode={FOUND} --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite"
    );
    Call::cargo(&format!("test --locked {program} -- --test-threads=1 {arguments}"))
        .set("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", &runner)
        .set("SHOKYO_UNDER_VALGRIND", "1")
}

/// No error in memory and no leak, with AddressSanitizer and its leak check.
pub fn address() -> Result<Outcome, Failure> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Ok(Outcome::Skipped(format!("only {TARGET} is set up for it")));
    }
    if !Call::cargo("+nightly --version").succeeds_silently() {
        return Ok(Outcome::Skipped("there is no nightly toolchain: rustup toolchain install nightly".to_owned()));
    }
    sanitized("--lib", UNITS).run()?;
    sanitized("--test memory_core", "").run()?;
    let control = sanitized("--lib", "--ignored address_sanitizer_finds_an_error");
    match control.exit_code()? {
        0 => Err(control.failure("AddressSanitizer found nothing in a test that reads what it may not")),
        _ => {
            println!("as it must be: AddressSanitizer found the error");
            Ok(Outcome::Done)
        }
    }
}

/// A call of cargo that builds and runs with AddressSanitizer.
///
/// Its memory is bounded by itself, because a limit on address space would leave no room for its shadow. Locals stay on the stack that
/// they belong to: where they are is what the tests look at.
fn sanitized(programs: &str, arguments: &str) -> Call {
    Call::cargo(&format!("+nightly test --locked --target {TARGET} --target-dir target/asan --config"))
        .argument(r#"profile.dev.package."*".opt-level=1"#)
        .arguments(programs)
        .arguments("--")
        .arguments(arguments)
        .set("RUSTFLAGS", "-Zsanitizer=address --cfg shokyo_asan")
        .set("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=0:hard_rss_limit_mb=4000")
}
