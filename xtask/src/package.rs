//! The installed C library as a vendor meets it: what is in its files, whether programs of others build and run against it, whether its
//! interface is still the committed one, and whether its documentation builds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Failure};
use crate::library::{self, Versions};
use crate::steps::Outcome;
use crate::{abi, install};

/// Where the other steps find the installed library.
pub const PREFIX: &str = "target/prefix";
const CONSUMERS: &str = "tests/package";
const BUILT: &str = "target/consumers";
const DOXYGEN: &str = "doxygen";

/// The compilers of vendors: C, C++.
const COMPILERS: [(&str, &str); 2] = [("gcc", "g++"), ("clang", "clang++")];
/// What the shared library may need of the system.
const NEEDED: [&str; 4] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"];

/// All of it; what this machine has no tools for is said.
pub fn run() -> Result<Outcome, Failure> {
    installed()?;
    let versions = Versions::read()?;
    let shared = format!("{PREFIX}/lib/{}", versions.file());
    linked_as_asked(&shared, &versions)?;
    only_the_interface(&format!("{PREFIX}/lib/libshokyo.a"))?;
    no_trace_of_this_machine()?;
    abi::check(&shared)?;

    let mut missing = Vec::new();
    for (c, cpp) in COMPILERS {
        if !there(c) || !there(cpp) {
            missing.push(format!("{c} and {cpp}"));
            continue;
        }
        header_is_strict(c, cpp)?;
        if there("cmake") {
            with_cmake(c, cpp)?;
        }
        with_pkg_config(c)?;
    }
    if !there("cmake") {
        missing.push("cmake".to_owned());
    }
    if there(DOXYGEN) {
        documented()?;
    } else {
        missing.push(DOXYGEN.to_owned());
    }
    if missing.is_empty() {
        Ok(Outcome::Done)
    } else {
        Ok(Outcome::Partly(format!("without {}: apt-get install clang cmake doxygen", missing.join(", "))))
    }
}

/// Installs into the folder of the steps, anew.
pub fn installed() -> Result<(), Failure> {
    install::into(install::emptied(PREFIX)?)
}

/// A call of pkg-config for the installed library. Its words go to the compiler; `static` with everything that the library needs.
pub fn pkg_config(kind: &str) -> Result<String, Failure> {
    pkg_config_of(PREFIX, kind)
}

/// The same for a library that was installed elsewhere.
pub fn pkg_config_of(prefix: &str, kind: &str) -> Result<String, Failure> {
    let call = Call::new("pkg-config", if kind == "static" { "--static" } else { "" });
    // Its own folder alone: this machine's libraries may be for another system.
    let folder = format!("{prefix}/lib/pkgconfig");
    let words = call.arguments("--cflags --libs shokyo").set("PKG_CONFIG_LIBDIR", &folder).output()?;
    // Both libraries stand in one folder, where a linker prefers the shared one.
    Ok(if kind == "static" { words.replace("-lshokyo", "-l:libshokyo.a") } else { words })
}

/// It is never unloaded, its symbols are bound at the start and cannot be changed afterwards, its name follows the interface, and it
/// needs nothing but the C library.
fn linked_as_asked(library: &str, versions: &Versions) -> Result<(), Failure> {
    let readelf = Call::new("readelf", "--wide --dynamic --program-headers").argument(library).set("LC_ALL", "C");
    let said = readelf.output()?;
    let line = |word: &str| said.lines().find(|line| line.contains(word)).unwrap_or_default();
    let soname = format!("[{}]", versions.soname());
    let holds = [
        (
            "is never unloaded, and bound at the start",
            line("FLAGS_1").contains("NOW") && line("FLAGS_1").contains("NODELETE"),
        ),
        ("has its bound symbols in memory that is then read-only", !line("GNU_RELRO").is_empty()),
        ("has the interface's version in its name", line("SONAME").contains(&soname)),
        ("looks in no folder of its own", !said.contains("RPATH") && !said.contains("RUNPATH")),
        ("changes no code when it is loaded", !said.contains("TEXTREL")),
        ("asks for no executable stack", line("GNU_STACK").contains(" RW ")),
    ];
    if let Some((claim, _)) = holds.iter().find(|(_, holds)| !holds) {
        return Err(readelf.failure(format!("the library must be one that {claim}:\n{said}")));
    }
    for line in said.lines().filter(|line| line.contains("(NEEDED)")) {
        if !NEEDED.iter().any(|name| line.contains(&format!("[{name}]"))) {
            return Err(
                readelf.failure(format!("the library needs more of the system than it should: {}", line.trim()))
            );
        }
    }
    Ok(())
}

/// The static library defines nothing that a program could clash with.
fn only_the_interface(library: &str) -> Result<(), Failure> {
    let nm = Call::new("nm", "--defined-only --extern-only --format=posix").argument(library);
    let said = nm.output()?;
    let names: Vec<&str> = said.lines().filter_map(|line| line.split_once(' ').map(|(name, _)| name)).collect();
    let other = names.iter().find(|name| !name.starts_with("shokyo_") && !name.contains('['));
    match other {
        Some(name) => Err(nm.failure(format!("the static library defines {name} for everyone"))),
        None if names.len() < 20 => Err(nm.failure("the static library does not define the interface")),
        None => Ok(()),
    }
}

/// No installed file names a folder of this machine: neither a debugger nor a panic's message leads to who built it, nothing of that
/// differs between two machines, and the prefix can be moved.
fn no_trace_of_this_machine() -> Result<(), Failure> {
    let folders = library::machine_folders()?;
    let home = std::env::var("HOME").unwrap_or_default();
    let mut forbidden: Vec<String> = folders.iter().map(|(folder, _)| folder.to_string_lossy().into_owned()).collect();
    forbidden.extend((home.len() > 1).then(|| format!("{home}/")));
    let mut replaced = false;
    for file in files(Path::new(PREFIX))? {
        let bytes = fs::read(&file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
        if let Some(found) = forbidden.iter().find(|folder| contains(&bytes, folder.as_bytes())) {
            return Err(Failure::new(format!("{} contains {found}", file.display())));
        }
        replaced |= contains(&bytes, b"/crates/");
    }
    // Who finds nothing at all has not looked: panics of dependencies name their files.
    if replaced { Ok(()) } else { Err(Failure::new("the search for folders does not find those that were replaced")) }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return true };
    let mut places = bytes.iter().enumerate().filter(|(_, byte)| *byte == first);
    places.any(|(place, _)| bytes[place..].starts_with(wanted))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// The header alone, twice in a file, in every age of C and C++ and with the warnings that a vendor may have on. C89 has neither
/// `bool` nor `stdint.h`; its compilers have, and only clang says that this is more than the standard.
fn header_is_strict(c: &str, cpp: &str) -> Result<(), Failure> {
    let clang = c == "clang";
    let every = if clang { "-Weverything -Wno-padded" } else { "-Wall -Wextra -Wconversion -Wstrict-prototypes" };
    let old = if clang { "-Wall -Wextra -Wno-c99-extensions" } else { every };
    for (standard, warnings) in [("c89", old), ("c99", every), ("c11", every), ("c2x", every)] {
        strict(c, "c", standard, warnings)?;
    }
    // What it has of newer standards than C++98, C++11 brought.
    let every = if clang { "-Weverything -Wno-padded -Wno-c++98-compat" } else { "-Wall -Wextra -Wconversion" };
    for standard in ["c++11", "c++17", "c++20"] {
        strict(cpp, "c++", standard, every)?;
    }
    Ok(())
}

fn strict(compiler: &str, language: &str, standard: &str, warnings: &str) -> Result<(), Failure> {
    Call::new(compiler, &format!("-x {language} -std={standard} -pedantic -Werror {warnings} -fsyntax-only"))
        .arguments(&format!("-I{PREFIX}/include -include shokyo.h -include shokyo.h /dev/null"))
        .run()
}

/// Another project finds the library with CMake, shared and static, and its programs run.
fn with_cmake(c: &str, cpp: &str) -> Result<(), Failure> {
    let folder = format!("{BUILT}/{c}");
    let prefix = std::env::current_dir().map(|here| here.join(PREFIX)).unwrap_or_default();
    Call::new("cmake", "--fresh -DCMAKE_BUILD_TYPE=Release -S")
        .argument(CONSUMERS)
        .arguments(&format!("-B {folder} -DCMAKE_C_COMPILER={c} -DCMAKE_CXX_COMPILER={cpp}"))
        .argument(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()))
        .run()?;
    Call::new("cmake", &format!("--build {folder} --parallel 2")).run()?;
    Call::new("ctest", &format!("--test-dir {folder} --output-on-failure --no-tests=error --parallel 2")).run()
}

/// The same with pkg-config. (The step `c` does it with every program and the usual compiler.)
fn with_pkg_config(c: &str) -> Result<(), Failure> {
    for kind in ["shared", "static"] {
        let program = format!("{BUILT}/{c}-{kind}");
        Call::new(c, "-std=c11 -Wall -Wextra -Werror -pedantic -O2 -o")
            .argument(&program)
            .arguments(&format!("{CONSUMERS}/first.c {CONSUMERS}/second.c {}", pkg_config(kind)?))
            .run()?;
        let call = Call::new(&program, "");
        if kind == "static" {
            call.run()?;
        } else {
            call.set("LD_LIBRARY_PATH", &format!("{PREFIX}/lib")).run()?;
        }
    }
    Ok(())
}

/// The header's comments become pages without a warning; one without its comment does not.
fn documented() -> Result<(), Failure> {
    Call::new(DOXYGEN, "packaging/Doxyfile").run()?;
    let header = fs::read_to_string("include/shokyo.h").unwrap_or_default();
    let folder = "target/undocumented";
    let undocumented = header.replacen("    /**\n     * sizeof(shokyo_vault_options).\n     */\n", "", 1);
    let write = fs::create_dir_all(folder).and_then(|()| fs::write(format!("{folder}/shokyo.h"), &undocumented));
    write.map_err(|error| Failure::new(format!("{folder}: {error}")))?;
    let script = format!("(cat packaging/Doxyfile; echo INPUT={folder}; echo OUTPUT_DIRECTORY={folder}) | {DOXYGEN} -");
    let call = Call::new("sh", "-c").argument(script);
    if undocumented == header || call.exit_code()? == 0 {
        return Err(call.failure("a field without its comment must be an error"));
    }
    Ok(())
}

fn there(program: &str) -> bool {
    Call::new(program, "--version").succeeds_silently()
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_folder_is_found_among_bytes() {
        assert!(contains(b"ab/ab/cd", b"/ab/c"));
        assert!(contains(b"xyz", b"yz"));
        assert!(!contains(b"xyz", b"yza"));
    }
}
