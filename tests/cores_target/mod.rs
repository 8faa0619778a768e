//! Programs that use secrets as the library asks for, stop or crash at a chosen moment, and are looked into from outside.
//!
//! The target's own memory holds no needle: the plaintext comes through a pipe into pages of its own, which are left out of cores and
//! whose place the observer is told; keys are drawn by the library.
#![allow(dead_code)]

pub(crate) mod calls;
pub(crate) mod handover;
pub(crate) mod moments;
pub(crate) mod needles;
pub(crate) mod observer;

use std::io::Read;

use shokyo::types::{Binding, SessionId};
use shokyo::{EphemeralBuffer, SecretMemory, Vault, VaultOptions};

pub(crate) const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// Bytes of plaintext that a target is given.
pub(crate) const PLAIN: usize = 64 * 1024;
/// Bytes of the documents that targets make of it: two whole chunks and a part of one.
pub(crate) const DOCUMENT: usize = 40_000;

/// What a target says when it is ready, followed by the address of its plaintext.
pub(crate) const READY: u8 = 1;
/// What it says when it stands still, followed by the number of keys that are alive.
pub(crate) const STILL: u8 = 2;

/// A target's plaintext and its control marker.
pub(crate) struct Bench {
    pub(crate) source: &'static [u8],
    control: Box<[u8; 32]>,
}

impl Bench {
    /// Takes both from standard input, with no buffer in between.
    pub(crate) fn ready() -> Self {
        let mut control = Box::new([0; 32]);
        take(&mut control[..]);
        // SAFETY: a new anonymous mapping of this length, which lives as long as the program.
        let source = unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let start = libc::mmap(std::ptr::null_mut(), PLAIN, access, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            assert_eq!(libc::madvise(start, PLAIN, libc::MADV_DONTDUMP), 0);
            std::slice::from_raw_parts_mut(start.cast::<u8>(), PLAIN)
        };
        take(source);
        let mut message = [READY; 9];
        message[1..].copy_from_slice(&(source.as_ptr().addr() as u64).to_le_bytes());
        tell(&message);
        Self { source, control }
    }

    /// A vault that can be looked into: no memory that is hidden even from the scanner.
    pub(crate) fn vault(&self) -> Vault {
        self.vault_with(|_| ())
    }

    pub(crate) fn vault_with(&self, change: impl FnOnce(&mut VaultOptions)) -> Vault {
        let mut options = VaultOptions::new();
        options.secret_memory = SecretMemory::Off;
        change(&mut options);
        Vault::open(options).unwrap()
    }

    /// Gives the plaintext, `length` bytes of it.
    pub(crate) fn reader(&self, length: usize) -> Source<'_> {
        Source { rest: &self.source[..length], panics_at: None }
    }

    pub(crate) fn document(&self, vault: &Vault) -> EphemeralBuffer {
        let mut writer = vault.writer(BINDING).unwrap();
        writer.copy_from(&mut self.reader(DOCUMENT)).unwrap();
        writer.finish().unwrap()
    }

    /// Tells that the program stands still, with `live` keys in their cells, and waits for the observer. No register but those of
    /// the two system calls is touched before.
    #[inline(always)]
    pub(crate) fn halt(&self, live: u8) {
        stand_still(live);
        std::hint::black_box(&self.control);
    }
}

/// A reader that may panic.
pub(crate) struct Source<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) panics_at: Option<usize>,
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(self.rest.len()).min(5_000);
        out[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        assert!(self.panics_at.is_none_or(|left| self.rest.len() > left), "the reader fails");
        Ok(count)
    }
}

/// Fills `into` from standard input.
fn take(into: &mut [u8]) {
    let mut at = 0;
    while at < into.len() {
        // SAFETY: writes at most what is left of `into`.
        let count = unsafe { libc::read(0, into[at..].as_mut_ptr().cast(), into.len() - at) };
        assert!(count > 0, "the observer is gone");
        at += count as usize;
    }
}

/// Writes to standard output.
pub(crate) fn tell(message: &[u8]) {
    // SAFETY: reads `message`.
    let count = unsafe { libc::write(1, message.as_ptr().cast(), message.len()) };
    assert_eq!(count, message.len() as isize);
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn stand_still(live: u8) {
    let mut message = [STILL, live];
    // SAFETY: two system calls: two bytes of `message` are written to descriptor 1, then one is read into it from descriptor 0.
    unsafe {
        std::arch::asm!(
            "syscall",
            "xor eax, eax",
            "xor edi, edi",
            "mov edx, 1",
            "syscall",
            inlateout("rax") libc::SYS_write => _,
            inlateout("rdi") 1usize => _,
            in("rsi") message.as_mut_ptr(),
            inlateout("rdx") 2usize => _,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn stand_still(live: u8) {
    tell(&[STILL, live]);
    take(&mut [0]);
}
