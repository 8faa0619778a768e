//! The C library for Windows, built here with mingw-w64, in a folder that can be moved.
//!
//! ```text
//! PREFIX/bin/shokyo.dll
//! PREFIX/include/shokyo.h, shokyo.hpp and what that includes in shokyo/
//! PREFIX/lib/libshokyo.dll.a, which leads a linker to the DLL, and libshokyo.a
//! PREFIX/lib/pkgconfig/shokyo.pc
//! PREFIX/lib/cmake/shokyo/shokyo{Config,ConfigVersion,Targets}.cmake
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{COMPILER, cargo};
use crate::call::{Call, Failure};
use crate::install::{copy, for_every_system, place, text};
use crate::library::Versions;
use crate::other_targets::{OtherTarget, WINDOWS};

const BUILT: &str = "target/windows/x86_64-pc-windows-gnu/release";
const TOOLS: &str = "x86_64-w64-mingw32-";
/// What the static library needs, beside the C runtime (`rustc --print native-static-libs`).
const SYSTEM_LIBRARIES: &str = "-lkernel32 -ladvapi32 -lbcrypt -lntdll -luserenv -lws2_32 -ldbghelp";

/// Builds and installs everything.
pub fn into(prefix: &Path) -> Result<(), Failure> {
    let target = OtherTarget::new(WINDOWS).ok_or_else(|| Failure::new(OtherTarget::remedy(WINDOWS)))?;
    if !Call::new(COMPILER, "--version").succeeds_silently() {
        return Err(Failure::new("apt-get install gcc-mingw-w64-x86-64-posix"));
    }
    cargo(&target, "rustc --lib --features capi --crate-type staticlib,cdylib")?.run()?;
    for_every_system(prefix, &Versions::read()?)?;
    private_libraries(&prefix.join("lib/pkgconfig/shokyo.pc"))?;
    let (bin, lib) = (place(prefix, "bin")?, place(prefix, "lib")?);
    copy(&format!("{BUILT}/libshokyo.dll.a"), &lib)?;
    let strip = |file: &str, folder: &Path| {
        let call = Call::new(&format!("{TOOLS}objcopy"), "--strip-debug").argument(format!("{BUILT}/{file}"));
        call.argument(text(&folder.join(file))).run()
    };
    strip("libshokyo.a", &lib)?;
    strip("shokyo.dll", &bin)?;
    linked_as_asked(&text(&bin.join("shokyo.dll")))
}

/// Where pkg-config finds what the static library needs.
fn private_libraries(file: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("{}: {error}", file.display()));
    let linux = fs::read_to_string(file).map_err(failed)?;
    let lines = linux.lines().map(|line| match line.split_once(": ") {
        Some(("Libs.private", _)) => format!("Libs.private: {SYSTEM_LIBRARIES}\n"),
        _ => format!("{line}\n"),
    });
    fs::write(file, lines.collect::<String>()).map_err(failed)
}

/// It exports the interface and nothing else, may be anywhere in memory, and has no data that can be run.
fn linked_as_asked(library: &str) -> Result<(), Failure> {
    let objdump = Call::new(&format!("{TOOLS}objdump"), "--private-headers").argument(library);
    let said = objdump.output()?;
    for wanted in ["HIGH_ENTROPY_VA", "DYNAMIC_BASE", "NX_COMPAT"] {
        if !said.contains(wanted) {
            return Err(objdump.failure(format!("the DLL must have {wanted}")));
        }
    }
    let table = said.split_once("[Ordinal/Name Pointer] Table").map_or("", |(_, rest)| rest);
    let names = table.lines().skip(1).take_while(|line| line.contains(']'));
    let exported: BTreeSet<&str> = names.filter_map(|line| line.split_whitespace().next_back()).collect();
    let symbols = fs::read_to_string("include/shokyo.symbols").unwrap_or_default();
    let interface: BTreeSet<&str> = symbols.lines().filter(|line| line.starts_with("shokyo_")).collect();
    if interface.is_empty() || exported != interface {
        let other: Vec<_> = exported.symmetric_difference(&interface).collect();
        return Err(objdump.failure(format!("the DLL must export the interface and nothing else: {other:?}")));
    }
    Ok(())
}
