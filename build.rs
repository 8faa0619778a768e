//! What the compiler cannot know by itself: which commit this is, and a sample document that must not stand in the program as
//! it is, because a scan of the program's memory looks for exactly that.

use std::path::{Path, PathBuf};
use std::process::Command;

const SAMPLE: &str = "samples/certificate.pdf";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SHOKYO_BUILD");
    if std::env::var_os("SHOKYO_BUILD").is_none()
        && let Some(commit) = commit()
    {
        println!("cargo::rustc-env=SHOKYO_BUILD={commit}");
    }
    if std::env::var_os("CARGO_FEATURE_CLI").is_some() {
        disguise_sample();
    }
    choose_backend();
}

/// In builds with deliberate faults the environment may choose the backend, so that dependencies are built only once.
fn choose_backend() {
    println!("cargo::rerun-if-env-changed=SHOKYO_BACKEND");
    if std::env::var_os("CARGO_CFG_SHOKYO_FAULTS").is_some()
        && std::env::var("SHOKYO_BACKEND").is_ok_and(|backend| backend == "rustcrypto")
    {
        println!("cargo::rustc-cfg=shokyo_rustcrypto");
    }
}

/// The commit, when this is a checkout.
fn commit() -> Option<String> {
    let head = git(&["rev-parse", "--short=12", "HEAD"])?;
    for file in ["HEAD", "index"] {
        println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", file])?);
    }
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(format!("git:{head}{}", if changed { "+changes" } else { "" }))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Each byte exclusive-or its place: nothing of the document's own bytes stays. This hides it from a search, not from a reader.
fn disguise_sample() {
    println!("cargo::rerun-if-changed={SAMPLE}");
    let Some(folder) = std::env::var_os("OUT_DIR") else { return };
    let target = PathBuf::from(folder).join("certificate.disguised");
    let disguised = std::fs::read(Path::new(SAMPLE)).map(|bytes| {
        let mask = |place: usize| (place.wrapping_mul(0x9E37_79B1) >> 13) as u8 | 1;
        bytes.iter().enumerate().map(|(place, byte)| byte ^ mask(place)).collect::<Vec<u8>>()
    });
    if let Err(error) = disguised.and_then(|bytes| std::fs::write(&target, bytes)) {
        println!("cargo::error=cannot prepare {SAMPLE}: {error}");
    }
}
