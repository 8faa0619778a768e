//! On what, and against what, was measured.

use crate::sodium::{self, Sodium};

/// What this program was built with.
const LOCK: &str = include_str!("../../../Cargo.lock");
const PEERS: [&str; 6] = ["ring", "aws-lc-rs", "aes-gcm", "graviola", "zeroize", "memsec"];

pub fn describe(sodium: Option<Sodium>) {
    println!("processor: {}, {} in use by this process", features().join(" "), processors());
    let crates: Vec<String> = PEERS.iter().map(|name| format!("{name} {}", version(name))).collect();
    println!("peers: {}", crates.join(", "));
    match sodium {
        Some(sodium) => println!("       libsodium {}", sodium.version()),
        None => println!("       no libsodium, whose rows are left out. {}", sodium::MISSING),
    }
    println!("ratios: the median of the ratios round by round; p10 and p90 show how quiet the machine was");
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn version(name: &str) -> &'static str {
    let entry = LOCK.split("[[package]]").find(|entry| entry.lines().any(|line| line == format!("name = \"{name}\"")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = \"")));
    version.map_or("?", |version| version.trim_end_matches('"'))
}

/// What decides the speed of this kind of work.
fn features() -> Vec<&'static str> {
    let mut found = vec![std::env::consts::ARCH];
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("aes", is_x86_feature_detected!("aes")),
            ("avx2", is_x86_feature_detected!("avx2")),
            ("vaes", is_x86_feature_detected!("vaes")),
            ("vpclmulqdq", is_x86_feature_detected!("vpclmulqdq")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
        ];
        found.extend(known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name));
    }
    found
}
