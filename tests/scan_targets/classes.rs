//! One class of residue each, and its twin: the same program, which wipes before it waits.

use std::any::Any;
use std::fmt::Write;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use zeroize::Zeroize;

use super::copy_by_bytes;

/// Bytes of a secret that a class gets.
pub(crate) const LENGTH: usize = 64;

/// Every class that this machine can have.
pub(crate) fn all() -> Vec<&'static str> {
    let mut classes = vec![
        "small-heap",
        "freed-heap",
        "static",
        "shared-mapping",
        "small-dead-stack",
        "live-stack",
        "ended-thread",
        "eight-bytes",
        "hexadecimal",
        "upper-hexadecimal",
        "base64",
        "base64url",
        "reversed",
        "utf-16le",
        "utf-16be",
        "decimal",
        "json-decimal",
    ];
    #[cfg(target_arch = "x86_64")]
    {
        classes.extend(["r13", "st0", "xmm9"]);
        if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bw") {
            classes.extend(["zmm17", "k3"]);
        }
    }
    classes
}

static PLACE: [AtomicU8; LENGTH] = [const { AtomicU8::new(0) }; LENGTH];

/// Leaves what the class says, or wipes it first; what it returns is kept alive. `None`: there is no such class.
pub(super) fn leak(class: &str, secret: &[u8], wiped: bool) -> Option<Box<dyn Any>> {
    let kept: Box<dyn Any> = match class {
        "static" => {
            PLACE.iter().zip(secret).for_each(|(to, from)| to.store(if wiped { 0 } else { *from }, Ordering::SeqCst));
            // Nothing else reads it.
            black_box(&PLACE);
            Box::new(())
        }
        "freed-heap" => {
            // Longer than what the allocator writes into a block that is free.
            let mut block = vec![0u8; 3000];
            copy_by_bytes(&mut block[1000..1000 + LENGTH], secret);
            if wiped {
                block.zeroize();
            }
            drop(black_box(block));
            Box::new(())
        }
        "shared-mapping" => Box::new(shared_mapping(secret, wiped)),
        "small-dead-stack" => {
            use_stack(secret);
            if wiped {
                shokyo::wipe::scrub_stack(192 * 1024);
            }
            Box::new(())
        }
        "live-stack" => {
            stay_with(secret, wiped);
            Box::new(())
        }
        "ended-thread" => {
            let address = secret.as_ptr() as usize;
            std::thread::spawn(move || {
                use_little_stack(address);
                if wiped {
                    shokyo::wipe::scrub_stack(32 * 1024);
                }
            })
            .join()
            .unwrap();
            Box::new(())
        }
        "r13" | "st0" | "xmm9" | "zmm17" | "k3" => {
            hold(class, secret, wiped);
            Box::new(())
        }
        text => {
            let mut text = written(text, secret)?;
            if wiped {
                text.zeroize();
            }
            Box::new(text)
        }
    };
    if wiped {
        shokyo::wipe::scrub_stack(64 * 1024);
        let _ = shokyo::wipe::scrub_registers();
    }
    Some(kept)
}

/// The secret as a program may have written it, in a buffer that never grows.
fn written(class: &str, secret: &[u8]) -> Option<Vec<u8>> {
    let mut text = String::with_capacity(8 * LENGTH);
    let mut bytes = Vec::with_capacity(8 * LENGTH);
    match class {
        "small-heap" => bytes.extend_from_slice(secret),
        "eight-bytes" => {
            bytes.resize(500, 0xA5);
            copy_by_bytes(&mut bytes[203..211], &secret[19..27]);
        }
        "reversed" => bytes.extend(secret.iter().rev()),
        "utf-16le" => bytes.extend(secret.iter().flat_map(|byte| u16::from(*byte).to_le_bytes())),
        "utf-16be" => bytes.extend(secret.iter().flat_map(|byte| u16::from(*byte).to_be_bytes())),
        "hexadecimal" => secret.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap()),
        "upper-hexadecimal" => secret.iter().for_each(|byte| write!(text, "{byte:02X}").unwrap()),
        "decimal" => write!(text, "{secret:?}").unwrap(),
        "json-decimal" => secret.iter().for_each(|byte| write!(text, "{byte},").unwrap()),
        "base64" => base64(secret, b"+/", &mut text),
        "base64url" => base64(secret, b"-_", &mut text),
        _ => return None,
    }
    Some(if bytes.is_empty() { text.into_bytes() } else { bytes })
}

/// Behind one other byte, as in the middle of a message.
fn base64(secret: &[u8], last: &[u8; 2], text: &mut String) {
    let mut message = [b'x'; LENGTH + 2];
    message[1..=LENGTH].copy_from_slice(secret);
    for group in message.chunks_exact(3) {
        let group = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for shift in [18, 12, 6, 0] {
            text.push(match (group >> shift & 63) as u8 {
                value @ 0..26 => char::from(b'A' + value),
                value @ 26..52 => char::from(b'a' + value - 26),
                value @ 52..62 => char::from(b'0' + value - 52),
                value => char::from(last[usize::from(value - 62)]),
            });
        }
    }
    message.zeroize();
}

fn shared_mapping(secret: &[u8], wiped: bool) -> usize {
    // SAFETY: a new mapping, written within its length.
    unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let address = libc::mmap(std::ptr::null_mut(), 4096, access, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0);
        assert_ne!(address, libc::MAP_FAILED);
        let bytes = std::slice::from_raw_parts_mut(address.cast::<u8>(), 4096);
        copy_by_bytes(&mut bytes[100..100 + LENGTH], secret);
        if wiped {
            bytes.zeroize();
        }
        address as usize
    }
}

/// Leaves the secret deep in the stack, where nothing that comes later reaches.
#[inline(never)]
fn use_stack(secret: &[u8]) {
    let mut frame = [0u8; 128 * 1024];
    copy_by_bytes(&mut frame[100..100 + LENGTH], secret);
    black_box(&mut frame);
}

/// Not so deep that the C library gives the page back when the thread ends.
#[inline(never)]
fn use_little_stack(address: usize) {
    let mut frame = [0u8; 4096];
    // SAFETY: the secret lives until this thread was waited for.
    let secret = unsafe { std::slice::from_raw_parts(address as *const u8, LENGTH) };
    copy_by_bytes(&mut frame[100..100 + LENGTH], secret);
    black_box(&mut frame);
}

/// Starts a thread that waits for ever in a call whose frame has the secret.
fn stay_with(secret: &[u8], wiped: bool) {
    static READY: AtomicBool = AtomicBool::new(false);
    let address = secret.as_ptr() as usize;
    std::thread::spawn(move || {
        let mut frame = [0u8; 1024];
        // SAFETY: the secret lives until READY is set.
        let secret = unsafe { std::slice::from_raw_parts(address as *const u8, LENGTH) };
        copy_by_bytes(&mut frame[100..100 + LENGTH], secret);
        if wiped {
            frame.zeroize();
        }
        black_box(&mut frame);
        READY.store(true, Ordering::SeqCst);
        loop {
            std::thread::park();
            black_box(&mut frame);
        }
    });
    while !READY.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

/// Starts a thread that holds the beginning of the secret in one register and nowhere else.
fn hold(register: &str, secret: &[u8], wiped: bool) {
    static LOADED: AtomicBool = AtomicBool::new(false);
    let (address, register) = (secret.as_ptr() as usize, register.to_owned());
    std::thread::spawn(move || {
        // SAFETY: the bytes at `address` live until LOADED is set, and the loop touches nothing else; it never ends.
        unsafe { spin(&register, address as *const u8, LOADED.as_ptr(), u32::from(wiped)) }
    });
    while !LOADED.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

/// Loads a register from `rsi`, clears it again when `edx` is not 0, says so at `rdi`, and spins.
#[cfg(target_arch = "x86_64")]
macro_rules! spin_with {
    ($load:literal, $clear:literal, $source:expr, $loaded:expr, $wiped:expr) => {
        std::arch::asm!(
            $load, "test edx, edx", "jz 3f", $clear, "3: mov byte ptr [rdi], 1", "2: pause", "jmp 2b",
            in("rsi") $source, in("rdi") $loaded, in("edx") $wiped, options(noreturn)
        )
    };
}

#[cfg(target_arch = "x86_64")]
unsafe fn spin(register: &str, source: *const u8, loaded: *mut bool, wiped: u32) -> ! {
    // SAFETY: reads at most 64 bytes at `source`, writes one byte at `loaded`; AVX-512 only where the processor has it.
    unsafe {
        match register {
            "r13" => spin_with!("mov r13, [rsi]", "xor r13d, r13d", source, loaded, wiped),
            "st0" => spin_with!("fld tbyte ptr [rsi]", "pxor mm7, mm7; emms", source, loaded, wiped),
            "xmm9" => spin_with!("movdqu xmm9, [rsi]", "pxor xmm9, xmm9", source, loaded, wiped),
            "zmm17" => spin_with!("vmovdqu64 zmm17, [rsi]", "vpxorq zmm17, zmm17, zmm17", source, loaded, wiped),
            _ => spin_with!("kmovq k3, [rsi]", "kxorq k3, k3, k3", source, loaded, wiped),
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn spin(_register: &str, _source: *const u8, _loaded: *mut bool, _wiped: u32) -> ! {
    unreachable!("no such class on this processor")
}
