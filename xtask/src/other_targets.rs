//! A cargo that builds for a target other than this machine's: the installed toolchain's where it has the target; else Debian's, which
//! builds the standard library from Debian's sources of it.

use std::path::Path;
use std::process::Command;

use crate::call::Call;

/// Debian's packages `rustc-web`, `cargo-web` and `rust-web-src` put these here.
pub const DEBIAN_CARGO: &str = "/usr/bin/cargo";
pub const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
pub const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/core/src/lib.rs";

/// The folder of those sources.
pub const DEBIAN_RUST: &str = "/usr/lib/rustlib/src/rust";

/// A processor without an operating system.
pub const DEVICE: &str = "thumbv7em-none-eabihf";
/// Windows.
pub const WINDOWS: &str = "x86_64-pc-windows-gnu";
/// Arm's 64-bit processors under Linux.
pub const ARM: &str = "aarch64-unknown-linux-gnu";
/// A processor that stores the most significant byte of a number first.
pub const BIG_ENDIAN: &str = "s390x-unknown-linux-gnu";
/// Every target that a step builds for; where the installed toolchain has them all, nothing of Debian's is needed.
const ALL: [&str; 4] = [DEVICE, WINDOWS, ARM, BIG_ENDIAN];

/// The cargo for one target.
pub struct OtherTarget {
    name: &'static str,
    /// Which parts of the standard library are built here; nothing where they are installed.
    built: Option<&'static str>,
}

impl OtherTarget {
    /// The target of this name; nothing when this machine cannot build for it.
    pub fn new(name: &'static str) -> Option<Self> {
        if is_installed(name) {
            return Some(Self { name, built: None });
        }
        // `test` also where nothing is tested: cargo adds it for tests, and would then build every dependency twice.
        let parts = if name.contains("-none-") { "core,alloc" } else { "std,panic_unwind,test" };
        let there = [DEBIAN_CARGO, DEBIAN_RUSTC, DEBIAN_SOURCES].iter().all(|path| Path::new(path).exists());
        there.then_some(Self { name, built: Some(parts) })
    }

    /// A call of cargo for the target, with arguments separated by spaces.
    pub fn cargo(&self, arguments: &str) -> Call {
        let Some(parts) = self.built else {
            return Call::cargo(arguments).arguments("--target").argument(self.name);
        };
        // Building the standard library is not a stable feature; the variable lets a stable compiler do it.
        Call::new(DEBIAN_CARGO, arguments)
            .argument(format!("-Zbuild-std={parts}"))
            .arguments("--target")
            .argument(self.name)
            .set("RUSTC_BOOTSTRAP", "1")
            .set("RUSTC", DEBIAN_RUSTC)
            .unset("RUSTUP_TOOLCHAIN")
            .unset("LD_LIBRARY_PATH")
    }

    /// What to do where there is none.
    pub fn remedy(name: &str) -> String {
        format!("rustup target add {name}, or apt-get install rustc-web cargo-web rust-web-src")
    }
}

/// Whether the installed toolchain has every target that is built for.
pub fn all_are_installed() -> bool {
    ALL.iter().all(|name| is_installed(name))
}

fn is_installed(name: &str) -> bool {
    let found = Command::new("rustc").args(["--print", "target-libdir", "--target", name]).output();
    let folder = found.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    !folder.is_empty() && Path::new(&folder).is_dir()
}
