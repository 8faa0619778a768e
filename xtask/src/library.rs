//! The C libraries as they are shipped: how they are built, and what compiler and linker are told.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Failure};
use crate::other_targets;

/// Of their own: what is compiled here does not name this machine, and so cannot be shared with other builds.
const FOLDER: &str = "target/library";
/// The shared library of [`build`].
pub const SHARED: &str = "target/library/release/libshokyo.so";
/// The static library of [`build`], with the symbols of everything inside.
pub const STATIC: &str = "target/library/release/libshokyo.a";

/// Builds both libraries as they are shipped, with these flags of the compiler besides.
pub fn build(flags: &str) -> Result<(), Failure> {
    cargo("rustc --lib --features capi --crate-type staticlib,cdylib")?
        .arguments("--")
        .argument("-C")
        .argument(format!("link-arg={}", linked()?))
        .arguments(flags)
        .run()
}

/// A call of cargo that builds as it is shipped, in the folder of the libraries: they and all tests of what is shipped share their
/// dependencies.
pub fn cargo(arguments: &str) -> Result<Call, Failure> {
    without_paths(Call::cargo(arguments).options(&format!("--locked --release --target-dir {FOLDER}")))
}

/// How the shared library is linked: `dlclose` must not take away code whose locked memory and handles live on; a symbol that is
/// bound at its first call can write registers that hold secrets to the stack; what was bound cannot be changed afterwards. The
/// compiler itself lets the linker export what the header declares and nothing else.
fn linked() -> Result<String, Failure> {
    Ok(format!("-Wl,-z,nodelete,-z,now,-z,relro,-soname,{}", Versions::read()?.soname()))
}

/// The call with flags for Rust and for C that replace the folders of this machine in what is compiled.
pub fn without_paths(call: Call) -> Result<Call, Failure> {
    let folders = machine_folders()?;
    let flags = |option: &str| {
        let flags = folders.iter().map(|(folder, name)| format!("{option}={}={name}", folder.display()));
        flags.collect::<Vec<_>>().join(" ")
    };
    Ok(call.set("RUSTFLAGS", &flags("--remap-path-prefix")).set("CFLAGS", &flags("-ffile-prefix-map")))
}

/// The folders from which something is compiled, and how the result calls them. A later one counts for what is in both.
pub fn machine_folders() -> Result<Vec<(PathBuf, &'static str)>, Failure> {
    let here = env::current_dir().map_err(|error| Failure::new(format!("the folder is gone: {error}")))?;
    let root = Call::new("rustc", "--print sysroot").output()?;
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or(home).unwrap_or_else(|| PathBuf::from(".cargo"));
    let mut folders = vec![
        (here, "/shokyo"),
        (Path::new(root.trim()).join("lib/rustlib/src/rust"), "/rust"),
        (PathBuf::from(other_targets::DEBIAN_RUST), "/rust"),
        (cargo.clone(), "/cargo"),
    ];
    let registries = fs::read_dir(cargo.join("registry/src")).into_iter().flatten().flatten();
    folders.extend(registries.map(|entry| (entry.path(), "/crates")));
    Ok(folders)
}

/// The version of the package, as in "0.1.0", and the one of the interface.
pub struct Versions {
    pub package: String,
    pub interface: String,
}

impl Versions {
    /// Reads them where they are set.
    pub fn read() -> Result<Self, Failure> {
        let value = |path: &str, start: &str, end: char| {
            let text = fs::read_to_string(path).map_err(|error| Failure::new(format!("{path}: {error}")))?;
            let line = text.lines().find_map(|line| line.strip_prefix(start)?.strip_suffix(end).map(str::to_owned));
            line.ok_or_else(|| Failure::new(format!("{path} has no line that begins with: {start}")))
        };
        Ok(Self {
            package: value("Cargo.toml", "version = \"", '"')?,
            interface: value("src/ffi/version.rs", "pub const SHOKYO_ABI_VERSION: u32 = ", ';')?,
        })
    }

    /// The name that a program asks the loader for: another interface is another library.
    pub fn soname(&self) -> String {
        format!("libshokyo.so.{}", self.interface)
    }

    /// The library's version: the interface's, and what of the package's is not in it.
    pub fn library(&self) -> String {
        let rest = self.package.split_once('.').map_or("0", |(_, rest)| rest);
        format!("{}.{rest}", self.interface)
    }

    /// The file that the names lead to.
    pub fn file(&self) -> String {
        format!("libshokyo.so.{}", self.library())
    }
}
