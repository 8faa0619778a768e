//! Programs that leave pieces of a secret behind on purpose. They read it without any buffer of the standard library.

pub(crate) mod classes;

use std::hint::black_box;
use std::io::{Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroize;

/// Where the piece of the mode `sixteen-bytes` stands in the document.
pub(crate) const PIECE_AT: usize = 12_345;

/// What every target has in memory before any document.
pub(crate) const FORMAT_WORDS: &[u8] =
    b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R>> endobj\nxref trailer startxref";

/// Bytes that the mode `register` keeps in a register.
pub(crate) fn register_bytes() -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx") {
        return 32;
    }
    16
}

pub(crate) fn has_secret_memory() -> bool {
    secret_memory().is_some()
}

fn tell(byte: u8) {
    // SAFETY: descriptor 1 is open for the whole life of the program, and ManuallyDrop keeps it so.
    let mut output = ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(1) });
    output.write_all(&[byte]).unwrap();
}

pub(crate) fn run(mode: &str) {
    // SAFETY: descriptor 0 is open for the whole life of the program, and ManuallyDrop keeps it so.
    let mut input = ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(0) });
    let mut control = Box::new([0u8; 32]);
    input.read_exact(&mut control[..]).unwrap();
    let format_words = black_box(FORMAT_WORDS.to_vec());
    tell(1);
    let mut length = [0; 4];
    input.read_exact(&mut length).unwrap();
    let mut secret = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut secret).unwrap();
    let leak = leak(mode, &mut secret);
    secret.zeroize();
    tell(2);
    let mut byte = [0];
    while input.read_exact(&mut byte).is_ok() {
        tell(3);
    }
    black_box((control, format_words, leak));
}

/// Leaves behind what the mode says; what it returns is kept alive.
fn leak(mode: &str, secret: &mut [u8]) -> Box<dyn std::any::Any> {
    match mode {
        "clean" => Box::new(()),
        "heap" => Box::new(secret.to_vec()),
        "sixteen-bytes" => {
            let mut bytes = vec![0xA5u8; 4099];
            copy_by_bytes(&mut bytes[2001..2017], &secret[PIECE_AT..PIECE_AT + 16]);
            Box::new(bytes)
        }
        "dead-stack" => {
            use_stack(secret);
            Box::new(())
        }
        "locked" => Box::new(own_pages(secret, |address, length| {
            // SAFETY: the range is a mapping of this function's own.
            unsafe {
                assert_eq!(libc::mlock(address, length), 0);
                assert_eq!(libc::madvise(address, length, libc::MADV_DONTDUMP), 0);
            }
        })),
        "no-access" => Box::new(own_pages(secret, |address, length| {
            // SAFETY: the range is a mapping of this function's own, and nothing reads it from now on.
            assert_eq!(unsafe { libc::mprotect(address, length, libc::PROT_NONE) }, 0);
        })),
        "register" => {
            spin_with(secret);
            Box::new(())
        }
        "aes-gcm" => {
            use aes_gcm::KeyInit;
            Box::new(aes_gcm::Aes256Gcm::new_from_slice(secret).unwrap())
        }
        "ring" => {
            Box::new(ring::aead::UnboundKey::new(&ring::aead::AES_256_GCM, secret).map(ring::aead::LessSafeKey::new))
        }
        "secret-memory" => Box::new(secret_memory()),
        "threads" => {
            for _ in 0..2 {
                std::thread::spawn(|| {
                    loop {
                        std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_micros(50))).join().unwrap();
                    }
                });
            }
            Box::new(())
        }
        "large" => {
            let mut state = 1u64;
            let noise = std::iter::repeat_with(move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state
            });
            Box::new(noise.take(60 << 17).collect::<Vec<u64>>())
        }
        other => {
            let (class, wiped) = other.strip_suffix(":wiped").map_or((other, false), |class| (class, true));
            classes::leak(class, secret, wiped).unwrap_or_else(|| panic!("no target is called {other}"))
        }
    }
}

/// Copies without leaving the bytes in a vector register.
fn copy_by_bytes(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *black_box(to) = *from;
    }
}

/// Leaves a piece deep in the stack, where nothing that comes later reaches.
#[inline(never)]
fn use_stack(secret: &[u8]) {
    let mut frame = [0u8; 128 * 1024];
    frame[100..612].copy_from_slice(&secret[..512]);
    black_box(&mut frame);
}

/// Puts the secret in pages of its own and changes them. They stay.
fn own_pages(secret: &[u8], change: impl FnOnce(*mut libc::c_void, usize)) -> usize {
    let length = secret.len().next_multiple_of(4096);
    // SAFETY: a new anonymous mapping, which is written only within its length.
    unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let address = libc::mmap(std::ptr::null_mut(), length, access, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        assert_ne!(address, libc::MAP_FAILED);
        std::ptr::copy_nonoverlapping(secret.as_ptr(), address.cast::<u8>(), secret.len());
        change(address, length);
        address as usize
    }
}

/// A page of secret memory with something in it, if this machine has it.
fn secret_memory() -> Option<usize> {
    // SAFETY: a new descriptor and a new mapping of it, written within its length.
    unsafe {
        let descriptor = libc::syscall(libc::SYS_memfd_secret, 0) as i32;
        if descriptor < 0 || libc::ftruncate(descriptor, 4096) != 0 {
            return None;
        }
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let address = libc::mmap(std::ptr::null_mut(), 4096, access, libc::MAP_SHARED, descriptor, 0);
        if address == libc::MAP_FAILED {
            return None;
        }
        address.cast::<u8>().write(1);
        Some(address as usize)
    }
}

/// Starts a thread that holds 16 or 32 bytes of the secret in vector register 7 and nowhere else.
fn spin_with(secret: &mut [u8]) {
    static LOADED: AtomicBool = AtomicBool::new(false);
    let address = secret[4321..].as_ptr() as usize;
    std::thread::spawn(move || {
        // SAFETY: the bytes at `address` live until LOADED is set, and the loop touches nothing else; it never ends.
        unsafe { spin(address as *const u8, LOADED.as_ptr()) }
    });
    while !LOADED.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

#[cfg(target_arch = "x86_64")]
unsafe fn spin(source: *const u8, loaded: *mut bool) {
    use std::arch::asm;
    // SAFETY: reads the register's width at `source`, writes one byte at `loaded`; AVX only where the processor has it.
    unsafe {
        if std::is_x86_feature_detected!("avx") {
            asm!("vmovdqu ymm7, [{s}]", "mov byte ptr [{l}], 1", "2: pause", "jmp 2b", s = in(reg) source, l = in(reg) loaded, options(noreturn));
        }
        asm!("movdqu xmm7, [{s}]", "mov byte ptr [{l}], 1", "2: pause", "jmp 2b", s = in(reg) source, l = in(reg) loaded, options(noreturn));
    }
}

#[cfg(target_arch = "aarch64")]
unsafe fn spin(source: *const u8, loaded: *mut bool) {
    // SAFETY: reads 16 bytes at `source`, writes one byte at `loaded`.
    unsafe {
        std::arch::asm!(
            "ldr q7, [{s}]", "mov {t:w}, #1", "stlrb {t:w}, [{l}]", "2: yield", "b 2b",
            s = in(reg) source, l = in(reg) loaded, t = out(reg) _, options(noreturn)
        );
    }
}
