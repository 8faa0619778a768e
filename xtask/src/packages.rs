//! The Debian packages that the steps need, each with its reason.

use std::path::Path;

use crate::call::{Call, Failure};
use crate::steps::Outcome;
use crate::{bare, other_targets, windows};

/// How the presence of a package is seen, on Debian and elsewhere.
enum Sign {
    /// A program on the path.
    Program(&'static str),
    /// A file.
    File(&'static str),
    /// A file, or the other targets, for which it is needed, in the installed toolchain.
    FileOrTargets(&'static str),
}

struct Package {
    name: &'static str,
    sign: Sign,
    /// Without it steps fail; otherwise the tests that use it say that they were skipped.
    required: bool,
    reason: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "gcc",
        sign: Sign::Program("cc"),
        required: true,
        reason: "links everything, compiles the C inside ring and SQLite, and the programs of bindings/c",
    },
    Package {
        name: "g++",
        sign: Sign::Program("c++"),
        required: true,
        reason: "compiles the programs of tests/hosts that are C++",
    },
    Package {
        name: "libc6-dev",
        sign: Sign::File("/usr/include/stdio.h"),
        required: true,
        reason: "the C library's headers, for the same",
    },
    Package {
        name: "binutils",
        sign: Sign::Program("objdump"),
        required: true,
        reason: "takes the shared library apart, to see what the optimiser left of the wipes",
    },
    Package {
        name: "pkgconf",
        sign: Sign::Program("pkg-config"),
        required: true,
        reason: "tells the compiler where the installed C library is, as in a vendor's build",
    },
    Package {
        name: "clang",
        sign: Sign::Program("clang++"),
        required: false,
        reason: "the other compiler of vendors, with more warnings for the header (0.5 GB on disk)",
    },
    Package {
        name: "cmake",
        sign: Sign::Program("cmake"),
        required: false,
        reason: "builds programs of another project against the installed C library",
    },
    Package {
        name: "doxygen",
        sign: Sign::Program("doxygen"),
        required: false,
        reason: "makes pages of the header's comments, and finds what has none",
    },
    Package {
        name: "openssl",
        sign: Sign::Program("openssl"),
        required: false,
        reason: "verifies signatures of receipts and checkpoints with a program that is not this project's",
    },
    Package {
        name: "python3",
        sign: Sign::Program("python3"),
        required: false,
        reason: "reads receipts with code that is not this project's",
    },
    Package {
        name: "python3-venv",
        sign: Sign::File("/usr/share/doc/python3-venv"),
        required: false,
        reason: "a folder for the published libraries that read the protocol's test vectors",
    },
    Package {
        name: "sqlite3",
        sign: Sign::Program("sqlite3"),
        required: false,
        reason: "reads a station's store, and is refused a change, with a program that is not this project's",
    },
    Package {
        name: "golang-go",
        sign: Sign::Program("go"),
        required: false,
        reason: "compiles the check of a published log (0.5 GB on disk)",
    },
    Package {
        name: "golang-golang-x-mod-dev",
        sign: Sign::File("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go"),
        required: false,
        reason: "Go's own signed notes and Merkle trees, with which that check is made",
    },
    Package {
        name: "chromium",
        sign: Sign::Program("chromium"),
        required: false,
        reason: "shows and prints the report as its readers do",
    },
    Package {
        name: "fonts-ipafont-gothic",
        sign: Sign::File("/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf"),
        required: false,
        reason: "Japanese letters for that browser",
    },
    Package {
        name: "poppler-utils",
        sign: Sign::Program("pdfinfo"),
        required: false,
        reason: "says how large the printed report's pages are and what stands on them; renders a document that is handed to it",
    },
    Package {
        name: "cups-daemon",
        sign: Sign::Program("cupsd"),
        required: false,
        reason: "a scheduler of the tests' own, to see what it keeps of a printed document (with the next one: 6 MB on disk)",
    },
    Package {
        name: "cups-client",
        sign: Sign::Program("lpadmin"),
        required: false,
        reason: "makes a queue there and prints on it",
    },
    Package {
        name: "e2fsprogs",
        sign: Sign::Program("mkfs.ext4"),
        required: false,
        reason: "a file system whose blocks the tests read, to see what stays of a file",
    },
    Package {
        name: "btrfs-progs",
        sign: Sign::Program("mkfs.btrfs"),
        required: false,
        reason: "another one, which copies on write",
    },
    Package {
        name: "xfsprogs",
        sign: Sign::Program("mkfs.xfs"),
        required: false,
        reason: "another one, whose files can share blocks (the three: 20 MB on disk)",
    },
    Package {
        name: "strace",
        sign: Sign::Program("strace"),
        required: false,
        reason: "lets one system call after the other fail, in the step injection",
    },
    Package {
        name: "rustc-web",
        sign: Sign::FileOrTargets(other_targets::DEBIAN_RUSTC),
        required: false,
        reason: "a compiler that matches the sources below (these three: 150 MB to fetch, 0.8 GB on disk, half a minute)",
    },
    Package {
        name: "cargo-web",
        sign: Sign::FileOrTargets(other_targets::DEBIAN_CARGO),
        required: false,
        reason: "builds the standard library from those sources for other processors and systems",
    },
    Package {
        name: "rust-web-src",
        sign: Sign::FileOrTargets(other_targets::DEBIAN_SOURCES),
        required: false,
        reason: "the sources of the standard library, for targets that rustup has not installed",
    },
    Package {
        name: "binutils-arm-none-eabi",
        sign: Sign::Program(bare::LINKER),
        required: false,
        reason: "links the program for that processor, and shows that it needs no allocator and cannot panic",
    },
    Package {
        name: "gcc-aarch64-linux-gnu",
        sign: Sign::Program("aarch64-linux-gnu-gcc"),
        required: false,
        reason: "links for Arm's 64-bit processors, and compiles the C of ring, SQLite and bindings/c for them",
    },
    Package {
        name: "libc6-dev-arm64-cross",
        sign: Sign::File("/usr/aarch64-linux-gnu/include/stdio.h"),
        required: false,
        reason: "their C library, for the same",
    },
    Package {
        name: "gcc-s390x-linux-gnu",
        sign: Sign::Program("s390x-linux-gnu-gcc"),
        required: false,
        reason: "links for a processor that stores the most significant byte of a number first",
    },
    Package {
        name: "libc6-dev-s390x-cross",
        sign: Sign::File("/usr/s390x-linux-gnu/include/stdio.h"),
        required: false,
        reason: "its C library, for the same",
    },
    Package {
        name: "qemu-user",
        sign: Sign::Program(bare::EMULATOR),
        required: false,
        reason: "runs programs for all of them",
    },
    Package {
        name: "gcc-mingw-w64-x86-64-posix",
        sign: Sign::Program(windows::COMPILER),
        required: false,
        reason: "links for Windows, and compiles the C inside ring and SQLite (0.3 GB on disk)",
    },
    Package {
        name: "wine64",
        sign: Sign::File(windows::WINE),
        required: false,
        reason: "runs what was built for Windows (0.7 GB on disk)",
    },
    Package {
        name: "valgrind",
        sign: Sign::Program("valgrind"),
        required: false,
        reason: "looks for errors in memory and for leaks while the memory core works",
    },
    Package {
        name: "libc6-dbg",
        sign: Sign::File("/usr/share/doc/libc6-dbg"),
        required: false,
        reason: "valgrind replaces functions of the C library's loader, whose names it has",
    },
];

/// Parts of the Rust toolchain: arguments of cargo that show them, and their names.
const COMPONENTS: [(&str, &str); 2] = [("fmt --version", "rustfmt"), ("clippy --version", "clippy")];

/// Looks for everything; installs missing packages when the user is root, otherwise says how.
pub fn run() -> Result<Outcome, Failure> {
    for (arguments, component) in COMPONENTS {
        if !Call::cargo(arguments).succeeds_silently() {
            return Err(Failure::new(format!("{component} is missing: rustup component add {component}")));
        }
    }
    let mut missing: Vec<&Package> = PACKAGES.iter().filter(|package| !package.sign.is_there()).collect();
    for package in &missing {
        println!("missing: {} ({})", package.name, package.reason);
    }
    if missing.is_empty() {
        return Ok(Outcome::Done);
    }
    if Call::new("id", "-u").prints("0") && Sign::Program("apt-get").is_there() {
        Call::new("apt-get", "update").run()?;
        let install =
            Call::new("apt-get", "install --yes --no-install-recommends").set("DEBIAN_FRONTEND", "noninteractive");
        missing.iter().fold(install, |call, package| call.argument(package.name)).run()?;
        missing.retain(|package| !package.sign.is_there());
    }
    let names = |packages: &[&Package]| packages.iter().map(|package| package.name).collect::<Vec<_>>().join(" ");
    let required: Vec<&Package> = missing.iter().copied().filter(|package| package.required).collect();
    if !required.is_empty() {
        return Err(Failure::new(format!(
            "packages are missing: sudo apt-get update && sudo apt-get install --yes {}",
            names(&missing)
        )));
    }
    if missing.is_empty() { Ok(Outcome::Done) } else { Ok(Outcome::Partly(format!("without {}", names(&missing)))) }
}

impl Sign {
    fn is_there(&self) -> bool {
        match self {
            Self::Program(name) => std::env::var_os("PATH")
                .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file())),
            Self::File(path) => Path::new(path).exists(),
            Self::FileOrTargets(path) => Path::new(path).exists() || other_targets::all_are_installed(),
        }
    }
}
