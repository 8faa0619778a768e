//! One call through the C interface against the same call in Rust.

use std::ffi::c_void;
use std::hint::black_box;
use std::ptr::{null, null_mut};
use std::time::Duration;

use shokyo::ffi::{self, shokyo_binding, shokyo_status};
use shokyo::{Error, Vault, VaultOptions};

use crate::documents::BINDING;
use crate::measure::{Contender, look_at, race};
use crate::report::{Bars, Limit, section, table};

const BUDGET: Duration = Duration::from_secs(3);

unsafe extern "C-unwind" fn look(_user_data: *mut c_void, _offset: u64, plain: *const u8, length: usize) -> i32 {
    // SAFETY: the library gives a readable range.
    look_at(unsafe { std::slice::from_raw_parts(plain, length) });
    0
}

pub fn run(bars: &mut Bars) -> Result<(), Error> {
    section("a call in C", "÷ the same call in Rust: the length of a document, and 1 KiB read through a window");
    let plain = [0x5A; 1024];
    let vault = Vault::open(VaultOptions::new())?;
    let document = vault.seal(BINDING, &plain)?;
    let binding = shokyo_binding {
        struct_size: size_of::<shokyo_binding>() as u32,
        session: BINDING.session.0,
        context: BINDING.context,
    };
    let (mut c_vault, mut writer, mut c_document) = (null_mut(), null_mut(), null_mut());
    let fine = |status: shokyo_status| assert!(status == shokyo_status::Ok, "a call in C failed");
    // SAFETY: pointers are NULL where the header allows it, or places of the right type; the ranges are as long as they are said to be.
    unsafe {
        fine(ffi::shokyo_vault_open(null(), &raw mut c_vault));
        fine(ffi::shokyo_writer_new(c_vault, &raw const binding, &raw mut writer));
        fine(ffi::shokyo_writer_write(writer, plain.as_ptr().cast(), plain.len()));
        fine(ffi::shokyo_writer_finish(writer, &raw mut c_document));
    }
    let times = race(
        vec![
            Contender::new("Rust: len", || {
                black_box(black_box(&document).len());
            }),
            Contender::new("C: shokyo_buffer_length", || {
                let mut length = 0;
                // SAFETY: a live handle and a place for a number.
                fine(unsafe { ffi::shokyo_buffer_length(black_box(c_document), &raw mut length) });
                black_box(length);
            }),
            Contender::new("Rust: read_at", || assert!(document.read_at(0, look_at).is_ok())),
            Contender::new("C: shokyo_buffer_read_at", || {
                // SAFETY: a live handle, and a callback of the type that is asked for.
                fine(unsafe { ffi::shokyo_buffer_read_at(black_box(c_document), 0, Some(look), null_mut()) });
            }),
        ],
        BUDGET,
    );
    // SAFETY: live handles.
    unsafe {
        fine(ffi::shokyo_buffer_free(c_document));
        fine(ffi::shokyo_vault_free(c_vault));
    }
    table("call", &times, 2);
    bars.judge("c_call_length_ns", times[1].difference_to(&times[0]), Limit::AtMost(50.0), "more than in Rust");
    bars.judge("c_call_read_at_ns", times[3].difference_to(&times[2]), Limit::AtMost(50.0), "more than in Rust");
    Ok(())
}
