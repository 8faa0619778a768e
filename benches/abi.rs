//! Each call of the C interface against the same call in Rust, in the same run: `cargo bench --bench abi --features capi`.
//!
//! Both sides take turns, batch by batch, so that whatever else the machine does meets both; what is compared are the medians. A bar says
//! by how much the call in C may be slower.
#![allow(missing_docs, clippy::unwrap_used)]

use std::ffi::c_void;
use std::hint::black_box;
use std::ptr::{null, null_mut};
use std::time::Instant;

use shokyo::ffi::{self, shokyo_binding, shokyo_status};
use shokyo::types::{Binding, SessionId};
use shokyo::{EphemeralBuffer, Vault, VaultOptions, Writer};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
const PLAIN: [u8; 1024] = [0x5A; 1024];

/// Nanoseconds by which a call may be slower in C.
const LIMIT: f64 = 50.0;
const TURNS: usize = 301;
/// Calls in a batch.
const BATCH: usize = 64;

fn main() {
    let vault = Vault::open(VaultOptions::new()).unwrap();
    let (mut c_vault, mut met) = (null_mut(), true);
    // SAFETY: NULL for the defaults, and a place for a handle.
    fine(unsafe { ffi::shokyo_vault_open(null(), &raw mut c_vault) });

    let document = finished(written(&vault));
    let c_document = c_finished(c_written(c_vault));
    met &= compare(
        "buffer_length",
        || times(|| _ = black_box(black_box(&document).len())),
        || {
            times(|| {
                let mut length = 0;
                // SAFETY: a live handle and a place for a number.
                fine(unsafe { ffi::shokyo_buffer_length(black_box(c_document), &raw mut length) });
                black_box(length);
            })
        },
    );
    met &= compare(
        "buffer_read_at",
        || times(|| document.read_at(0, |plain| _ = black_box(plain[0])).unwrap()),
        // SAFETY: a live handle, and a callback of the type that is asked for.
        || times(|| fine(unsafe { ffi::shokyo_buffer_read_at(black_box(c_document), 0, Some(look), null_mut()) })),
    );
    met &= compare(
        "buffer_for_each_window",
        || {
            times(|| {
                document
                    .for_each_window(|_, plain| {
                        black_box(plain[0]);
                        Ok(())
                    })
                    .unwrap();
            })
        },
        // SAFETY: as above.
        || times(|| fine(unsafe { ffi::shokyo_buffer_for_each_window(black_box(c_document), Some(look), null_mut()) })),
    );
    met &= compare(
        "vault_protections",
        || times(|| _ = black_box(black_box(&vault).protections())),
        || {
            times(|| {
                let mut flags = 0;
                // SAFETY: a live handle and a place for a number.
                fine(unsafe { ffi::shokyo_vault_protections(black_box(c_vault), &raw mut flags) });
                black_box(flags);
            })
        },
    );
    met &= compare(
        "writer_write",
        || {
            let mut writer = begun(&vault);
            times(|| writer.write(black_box(&PLAIN)).unwrap())
        },
        || {
            let writer = c_begun(c_vault);
            let taken = times(|| c_write(writer));
            // SAFETY: a live handle.
            fine(unsafe { ffi::shokyo_writer_free(writer) });
            taken
        },
    );
    met &= compare("writer_new", || each(|| (), |()| begun(&vault)), || each(|| (), |()| Owned(c_begun(c_vault))));
    met &= compare(
        "writer_finish",
        || each(|| written(&vault), finished),
        || each(|| c_written(c_vault), |writer| Document(c_finished(writer))),
    );
    met &= compare(
        "buffer_erase",
        || each(|| finished(written(&vault)), EphemeralBuffer::erase),
        || each(|| c_finished(c_written(c_vault)), |document| Evidence(c_erased(document))),
    );
    println!("a call through the C interface: {}", if met { "every bar is met" } else { "a bar is missed" });
}

/// Nanoseconds of one call, over a batch.
fn times(mut call: impl FnMut()) -> f64 {
    let started = Instant::now();
    (0..BATCH).for_each(|_| call());
    per_call(started)
}

/// The same for calls that consume something, which is made before; what they give ends after.
fn each<A, B>(mut make: impl FnMut() -> A, mut call: impl FnMut(A) -> B) -> f64 {
    let made: Vec<A> = (0..BATCH).map(|_| make()).collect();
    let mut given = Vec::with_capacity(BATCH);
    let started = Instant::now();
    made.into_iter().for_each(|one| given.push(call(one)));
    per_call(started)
}

fn per_call(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e9 / BATCH as f64
}

/// Prints the bar; whether it is met.
fn compare(call: &str, mut rust: impl FnMut() -> f64, mut c: impl FnMut() -> f64) -> bool {
    let (mut in_rust, mut in_c) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        in_rust.push(rust());
        in_c.push(c());
    }
    let (rust, c) = (median(in_rust), median(in_c));
    let met = c - rust <= LIMIT;
    let word = if met { "met" } else { "missed" };
    println!("{call:24} Rust {rust:8.1} ns, C {c:8.1} ns");
    println!("bar abi_{call}_extra_ns measured={:.1} limit={LIMIT:.0} {word}", c - rust);
    met
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn begun(vault: &Vault) -> Writer {
    vault.writer(BINDING).unwrap()
}

fn written(vault: &Vault) -> Writer {
    let mut writer = begun(vault);
    writer.write(&PLAIN).unwrap();
    writer
}

fn finished(writer: Writer) -> EphemeralBuffer {
    writer.finish().unwrap()
}

fn fine(status: shokyo_status) {
    assert!(status == shokyo_status::Ok, "a call in C failed");
}

unsafe extern "C-unwind" fn look(_: *mut c_void, _: u64, plain: *const u8, _: usize) -> i32 {
    // SAFETY: the library gives a readable byte at least.
    black_box(unsafe { plain.read() });
    0
}

fn c_begun(vault: *mut ffi::shokyo_vault) -> *mut ffi::shokyo_writer {
    let mut writer = null_mut();
    let binding = shokyo_binding {
        struct_size: size_of::<shokyo_binding>() as u32,
        session: BINDING.session.0,
        context: BINDING.context,
    };
    // SAFETY: a live handle, a whole struct, a place for a handle.
    fine(unsafe { ffi::shokyo_writer_new(vault, &raw const binding, &raw mut writer) });
    writer
}

fn c_written(vault: *mut ffi::shokyo_vault) -> *mut ffi::shokyo_writer {
    let writer = c_begun(vault);
    c_write(writer);
    writer
}

fn c_write(writer: *mut ffi::shokyo_writer) {
    // SAFETY: a live handle, and as many bytes as are said.
    fine(unsafe { ffi::shokyo_writer_write(writer, black_box(&PLAIN).as_ptr().cast(), PLAIN.len()) });
}

fn c_finished(writer: *mut ffi::shokyo_writer) -> *mut ffi::shokyo_buffer {
    let mut document = null_mut();
    // SAFETY: a live handle and a place for one.
    fine(unsafe { ffi::shokyo_writer_finish(writer, &raw mut document) });
    document
}

fn c_erased(document: *mut ffi::shokyo_buffer) -> *mut ffi::shokyo_erasure {
    let mut evidence = null_mut();
    // SAFETY: a live handle and a place for one.
    fine(unsafe { ffi::shokyo_buffer_erase(document, &raw mut evidence) });
    evidence
}

/// Handles that are freed at the end of a batch, as the objects in Rust are.
struct Owned(*mut ffi::shokyo_writer);
struct Document(*mut ffi::shokyo_buffer);
struct Evidence(*mut ffi::shokyo_erasure);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: a live handle.
        fine(unsafe { ffi::shokyo_writer_free(self.0) });
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        // SAFETY: a live handle.
        fine(unsafe { ffi::shokyo_buffer_free(self.0) });
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        // SAFETY: a live handle.
        fine(unsafe { ffi::shokyo_erasure_free(self.0) });
    }
}
