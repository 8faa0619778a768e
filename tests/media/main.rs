//! Claims about documents in files and at renderers: what is overwritten, what is refused, and what is said to remain.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hand_off;
mod image;
mod overwrite;
mod printing;
#[path = "../support/receipt_key.rs"]
mod receipt_key;
mod receipts;
mod spool;

use std::path::Path;

/// Random bytes: any 16 of them are nowhere else.
fn random(length: usize) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = vec![0; length];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes
}

/// How many of the content's pieces of 512 bytes a file or device holds, anywhere.
fn pieces_in(haystack: &Path, content: &[u8]) -> usize {
    let haystack = std::fs::read(haystack).unwrap();
    pieces(&haystack, content)
}

fn pieces(haystack: &[u8], content: &[u8]) -> usize {
    let anchors: std::collections::HashMap<&[u8], &[u8]> =
        content.chunks_exact(512).map(|piece| (&piece[..16], piece)).collect();
    let found = haystack
        .windows(16)
        .enumerate()
        .filter(|(at, anchor)| anchors.get(anchor).is_some_and(|piece| haystack.get(*at..at + 512) == Some(*piece)));
    found.count()
}

fn is_root() -> bool {
    // /proc/self is its owner's.
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The one session of these tests.
const BINDING: shokyo::types::Binding =
    shokyo::types::Binding { session: shokyo::types::SessionId([1; 32]), context: [2; 32] };

/// A vault whose memory can be looked at from outside.
fn vault() -> shokyo::Vault {
    let mut options = shokyo::VaultOptions::new();
    options.secret_memory = shokyo::SecretMemory::Off;
    shokyo::Vault::open(options).unwrap()
}
