//! Windows, as far as a Debian machine shows it: the library is built for it with mingw-w64, and its tests and the C program run under
//! wine. docs/windows.md says what that does not show.

pub mod install;

use std::fs;
use std::path::Path;

use crate::bare::on_path;
use crate::call::{Call, Failure};
use crate::library::without_paths;
use crate::other_targets::{OtherTarget, WINDOWS};
use crate::steps::Outcome;
use crate::{install as linux, package};

pub const COMPILER: &str = "x86_64-w64-mingw32-gcc";
/// Debian's `wine64` does not put it on the path.
pub const WINE: &str = "/usr/lib/wine/wine64";

const FOLDER: &str = "target/windows";
/// What wine takes for the machine's disk and registry.
const PREFIX: &str = "target/windows/wine";
const SYSTEM: &str = "target/windows/wine/drive_c/windows/system32";
/// Where the library is installed for the programs.
const INSTALLED: &str = "target/windows/prefix";
/// Compiles this project's own code with deliberate faults, so that dependencies are built once.
const WITH_FAULTS: &str = "tests/windows/with_faults.sh";

/// The tests that say something about the system; the others run on Linux. With the default features: the C interface is seen to by
/// the C program, and what stands on files and networks has nothing of its own here.
const TESTS: &str = "--lib --test windows --test memory_core --test memory_residue";

/// Builds, and runs what was built as far as there is something to run it.
pub fn run() -> Result<Outcome, Failure> {
    let Some(target) = OtherTarget::new(WINDOWS) else {
        return Ok(Outcome::Skipped(OtherTarget::remedy(WINDOWS)));
    };
    if !on_path(COMPILER) {
        return Ok(Outcome::Skipped("apt-get install gcc-mingw-w64-x86-64-posix".to_owned()));
    }
    let tests = cargo(&target, &format!("test --no-fail-fast {TESTS}"))?.set("RUSTC_WORKSPACE_WRAPPER", WITH_FAULTS);
    install::into(linux::emptied(INSTALLED)?)?;
    c_programs()?;
    if !Path::new(WINE).exists() {
        tests.argument("--no-run").run()?;
        return Ok(Outcome::Partly("nothing was run: apt-get install wine64".to_owned()));
    }
    prepare_wine()?;
    for program in ["static", "shared"] {
        wine(&format!("{FOLDER}/c/round_trip-{program}.exe")).run()?;
    }
    in_wine(tests).set("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", WINE).set("SHOKYO_FAULTS", "").run()?;
    Ok(Outcome::Done)
}

/// A call of cargo that builds as it is shipped, but for optimising the whole program when it is linked: so library and tests share
/// their dependencies, which take the most of the time.
fn cargo(target: &OtherTarget, arguments: &str) -> Result<Call, Failure> {
    let options = format!("--locked --release --target-dir {FOLDER} --config profile.release.lto=\"off\"");
    without_paths(target.cargo(arguments).options(&options))
}

/// The C program, linked with the static library, and with the DLL through its import library.
fn c_programs() -> Result<(), Failure> {
    let made = format!("{FOLDER}/c");
    fs::create_dir_all(&made).map_err(|error| Failure::new(format!("{made}: {error}")))?;
    for kind in ["static", "shared"] {
        let words = package::pkg_config_of(INSTALLED, kind)?;
        Call::new(COMPILER, "-std=c11 -Wall -Wextra -Werror -pedantic -O2 -g -D__USE_MINGW_ANSI_STDIO=1")
            .arguments(&format!("-o {made}/round_trip-{kind}.exe bindings/c/round_trip.c {words}"))
            .run()?;
    }
    // Windows looks for a DLL beside the program first.
    linux::copy(&format!("{INSTALLED}/bin/shokyo.dll"), Path::new(&made))
}

/// Makes wine's machine, and puts there what this wine lacks of Windows 10.
fn prepare_wine() -> Result<(), Failure> {
    const STAND_IN: &str = "target/windows/bcryptprimitives.dll";
    if !Path::new(SYSTEM).join("kernel32.dll").exists() {
        wine("cmd /c exit").run()?;
    }
    Call::new(COMPILER, "-std=c11 -Wall -Wextra -Werror -O2 -shared")
        .arguments(&format!("-o {STAND_IN} tests/windows/stand_ins.c -ladvapi32 -lntdll"))
        .run()?;
    linux::copy(STAND_IN, Path::new(SYSTEM))
}

fn wine(arguments: &str) -> Call {
    in_wine(Call::new(WINE, arguments))
}

/// A call that starts wine, somewhere below: without messages of its own, without a desktop, .NET and a browser.
fn in_wine(call: Call) -> Call {
    let here = std::env::current_dir().unwrap_or_default();
    call.set("WINEPREFIX", &here.join(PREFIX).display().to_string())
        .set("WINEDEBUG", "-all")
        .set("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
}
