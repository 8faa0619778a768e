//! In which mappings of this process the beginning of a key schedule stands while a key is in use, and after.
//!
//! Stack is not distinguished further: the clean room's is locked, wiped and left out of dumps. What is found anywhere else
//! the room cannot reach.

use std::fs;
use std::os::unix::fs::FileExt;

use super::Peer;

/// The needle with every bit flipped, so that looking for it does not leave it anywhere.
struct Flipped([u8; 16]);

#[derive(Default, Clone, Copy)]
struct Found {
    stack: usize,
    elsewhere: usize,
}

/// Prints what was found; the name if it was on the stack alone.
pub(super) fn judge<P: Peer>() -> Option<&'static str> {
    let mut random = [0u8; 16];
    // SAFETY: the range is the array's.
    let drawn = unsafe { libc::getrandom(random.as_mut_ptr().cast(), random.len(), 0) };
    assert_eq!(drawn, 16, "no randomness");
    let needle = Flipped(random);

    let key = with_key::<P>(&needle)?;
    let mut data = [0x11; 64];
    let _tag = key.seal(&mut data)?;
    let during = search(&needle);
    drop(std::hint::black_box(key));
    let after = search(&needle);

    // The search finds what is there, or it proves nothing.
    let control = std::hint::black_box(needle.0.map(|byte| !byte).to_vec());
    let found = search(&needle).elsewhere;
    assert!(found > after.elsewhere, "the search does not find a copy on the heap");
    drop(control);

    println!(
        "  {:<21} {:>5} bytes   in use: stack {:>2}, elsewhere {:>2}   after: stack {:>2}, elsewhere {:>2}",
        P::NAME,
        size_of::<P>(),
        during.stack,
        during.elsewhere,
        after.stack,
        after.elsewhere
    );
    (during.elsewhere == 0 && during.stack > 0).then_some(P::NAME)
}

#[inline(never)]
fn with_key<P: Peer>(needle: &Flipped) -> Option<P> {
    let mut key = [0x77; 32];
    key[..16].copy_from_slice(&needle.0.map(|byte| !byte));
    P::new(std::hint::black_box(&key))
}

/// Looks through every writable mapping.
fn search(needle: &Flipped) -> Found {
    let mut found = Found::default();
    let (Ok(maps), Ok(memory)) = (fs::read_to_string("/proc/self/maps"), fs::File::open("/proc/self/mem")) else {
        panic!("/proc/self is not readable");
    };
    // Overlapping reads, so that a hit across their edge is seen. The copy is wiped after each, or it would be found itself.
    let mut copy = vec![0u8; 64 * 1024];
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let Some((start, end)) = line.split(' ').next().and_then(|range| range.split_once('-')) else { continue };
        let (Ok(mut at), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else { continue };
        while at < end {
            let wanted = copy.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            let Ok(read) = memory.read_at(&mut copy[..wanted], at) else { break };
            let hits = count(&copy[..read], needle);
            let _wiped = shokyo::wipe::wipe(&mut copy, 0);
            if line.ends_with("[stack]") {
                found.stack += hits;
            } else {
                found.elsewhere += hits;
            }
            if read < 16 || at + read as u64 >= end {
                break;
            }
            at += read as u64 - 15;
        }
    }
    found
}

#[inline(never)]
fn count(bytes: &[u8], needle: &Flipped) -> usize {
    bytes.windows(16).filter(|window| window.iter().zip(needle.0).all(|(byte, flipped)| *byte == !flipped)).count()
}
