//! The C library as a vendor has it: libraries, header, and what pkg-config and CMake read, in a folder that can be moved.
//!
//! ```text
//! PREFIX/include/shokyo.h, shokyo.hpp and what that includes in shokyo/
//! PREFIX/lib/libshokyo.so -> libshokyo.so.1 -> libshokyo.so.1.1.0, libshokyo.a
//! PREFIX/lib/pkgconfig/shokyo.pc
//! PREFIX/lib/cmake/shokyo/shokyo{Config,ConfigVersion,Targets}.cmake
//! ```
//!
//! docs/decisions/014 has the reasons.

use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Failure};
use crate::library::{self, Versions};
use crate::windows;

const SOURCES: &str = "packaging";
const HEADERS: [&str; 2] = ["include/shokyo.h", "include/shokyo.hpp"];
/// What shokyo.hpp includes.
const CPP: &str = "include/shokyo";
const CMAKE: [&str; 3] = ["shokyoConfig.cmake", "shokyoConfigVersion.cmake", "shokyoTargets.cmake"];
const PKG_CONFIG: &str = "shokyo.pc";

/// Installs into the folder that was named.
pub fn named(options: &[&str]) -> Result<(), Failure> {
    // Named from the repository's root, which programs are started from.
    let prefix = match options {
        ["--prefix", prefix] => into(Path::new(prefix)).map(|()| prefix)?,
        ["--windows", "--prefix", prefix] => windows::install::into(Path::new(prefix)).map(|()| prefix)?,
        _ => return Err(Failure::new("where to? cargo xtask install [--windows] --prefix DIR")),
    };
    println!("{prefix} has the library, its header, and what pkg-config and CMake read");
    Ok(())
}

/// Builds and installs everything.
pub fn into(prefix: &Path) -> Result<(), Failure> {
    let versions = Versions::read()?;
    library::build("")?;
    for_every_system(prefix, &versions)?;
    let lib = place(prefix, "lib")?;
    let file = versions.file();
    let shared = lib.join(&file);
    // Unlinked first: a running program keeps the library that it has mapped.
    let _ = fs::remove_file(&shared);
    // The names of functions stay for a crash report; lines of debugging information would be four fifths of the file.
    Call::new("objcopy", "--strip-debug").argument(library::SHARED).argument(text(&shared)).run()?;
    Call::new("ln", "-sfn").argument(&file).argument(text(&lib.join(versions.soname()))).run()?;
    Call::new("ln", "-sfn").argument(versions.soname()).argument(text(&lib.join("libshokyo.so"))).run()?;
    static_library(&lib.join("libshokyo.a"))
}

/// What is the same everywhere: the headers, and what CMake and pkg-config read.
pub fn for_every_system(prefix: &Path, versions: &Versions) -> Result<(), Failure> {
    versions_agree(versions)?;
    let include = place(prefix, "include")?;
    HEADERS.iter().try_for_each(|header| copy(header, &include))?;
    let parts = place(prefix, "include/shokyo")?;
    for entry in fs::read_dir(CPP).map_err(|error| Failure::new(format!("{CPP}: {error}")))?.flatten() {
        copy(&entry.path().to_string_lossy(), &parts)?;
    }
    copy(&format!("{SOURCES}/{PKG_CONFIG}"), &place(prefix, "lib/pkgconfig")?)?;
    let cmake = place(prefix, "lib/cmake/shokyo")?;
    CMAKE.iter().try_for_each(|file| copy(&format!("{SOURCES}/{file}"), &cmake))
}

/// A prefix of the steps, without what an earlier run left there.
pub fn emptied(prefix: &str) -> Result<&Path, Failure> {
    let path = Path::new(prefix);
    if path.exists() {
        fs::remove_dir_all(path).map_err(|error| Failure::new(format!("{prefix}: {error}")))?;
    }
    Ok(path)
}

/// A folder below the prefix.
pub fn place(prefix: &Path, folder: &str) -> Result<PathBuf, Failure> {
    let folder = prefix.join(folder);
    fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    Ok(folder)
}

/// One object in which only the interface can be seen: a program may have an SQLite, or another library in Rust, of its own. Debugging
/// information goes, which would be the larger part of it, and so does the code in the form of another compiler that Rust's standard
/// library brings: of one object that form is broken, and a linker with that compiler's plug-in would read it.
fn static_library(target: &Path) -> Result<(), Failure> {
    let folder = Path::new(library::STATIC).with_file_name("one");
    fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    let (all, one) = (text(&folder.join("all.o")), text(&folder.join("shokyo.o")));
    Call::new("ld", "--relocatable --whole-archive").argument(library::STATIC).argument("-o").argument(&all).run()?;
    Call::new("objcopy", "--wildcard --keep-global-symbol=shokyo_* --strip-debug")
        .arguments("--remove-section=.llvmbc --remove-section=.llvmcmd")
        .argument(&all)
        .argument(&one)
        .run()?;
    let _ = fs::remove_file(target);
    // Without times and owners, so that the same sources give the same file.
    Call::new("ar", "rcsD").argument(text(target)).argument(&one).run()
}

/// What the files in packaging/ and the manifest say of versions is so.
fn versions_agree(versions: &Versions) -> Result<(), Failure> {
    let (package, file, soname) = (&versions.package, versions.file(), versions.soname());
    for (path, line) in [
        ("packaging/shokyo.pc", format!("Version: {package}")),
        ("packaging/shokyoConfigVersion.cmake", format!("set(PACKAGE_VERSION \"{package}\")")),
        ("packaging/shokyoTargets.cmake", format!("set(_shokyo_shared \"${{_shokyo_prefix}}/lib/{file}\")")),
        ("packaging/shokyoTargets.cmake", format!("IMPORTED_SONAME \"{soname}\")")),
        ("Cargo.toml", format!("version = \"{}\" # of the interface", versions.library())),
    ] {
        let content = fs::read_to_string(path).map_err(|error| Failure::new(format!("{path}: {error}")))?;
        if !content.lines().any(|found| found.trim() == line) {
            return Err(Failure::new(format!("{path} must have the line: {line}")));
        }
    }
    // Versions of the same interface are then in the order of the package's.
    let major = package.split('.').next().and_then(|number| number.parse::<u32>().ok());
    let interface = versions.interface.parse::<u32>().ok();
    match (major, interface) {
        (Some(major), Some(interface)) if interface > major => Ok(()),
        _ => Err(Failure::new(
            "a new major version of the package raises SHOKYO_ABI_VERSION (src/ffi/version.rs) as well",
        )),
    }
}

pub fn copy(file: &str, folder: &Path) -> Result<(), Failure> {
    let target: PathBuf = folder.join(Path::new(file).file_name().unwrap_or_default());
    fs::copy(file, &target).map_err(|error| Failure::new(format!("{file} to {}: {error}", target.display())))?;
    Ok(())
}

pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
