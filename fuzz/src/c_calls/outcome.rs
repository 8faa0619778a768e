//! What must hold after a call, and what the host learns from it.

use std::ffi::CStr;

use shokyo::ffi::{self, shokyo_status};

use super::header::{Function, Parameter};
use super::{Held, Host, Prepared};

/// What these do is to write to what they are given, also when they fail.
const WRITE_ALWAYS: [&str; 2] = ["shokyo_wipe", "shokyo_copy_erase"];
/// These give up their handle when they succeed, as all do whose names end with `_free`.
const CONSUME: [&str; 4] = ["shokyo_writer_finish", "shokyo_writer_erase", "shokyo_buffer_erase", "shokyo_copy_erase"];
const CAPACITY_TOO_SMALL: i32 = shokyo_status::CapacityTooSmall as i32;
/// After these, `shokyo_copy_erase` has given up its handle, too.
const COPY_GONE: [i32; 2] = [shokyo_status::WrongState as i32, shokyo_status::NotErased as i32];

impl Host<'_> {
    /// What must hold after a call.
    pub(super) fn check(&mut self, function: &Function, prepared: &Prepared, answer: i32) {
        if !function.gives_status {
            let sound = prepared.places.iter().flatten().all(|region| region.is_sound(true));
            assert!(sound, "{} wrote where it may not", function.name);
            return;
        }
        let name = function.name;
        assert!(is_documented(answer), "{name} gave the status {answer}");
        assert!(answer != shokyo_status::Panic as i32, "{name} met a fault");
        assert!(answer != 0 || prepared.is_right, "{name} succeeded with a handle that is not live or of another kind");
        for (parameter, place) in function.parameters.iter().zip(&prepared.places) {
            let Some(region) = place else { continue };
            let may_write = answer == 0
                || WRITE_ALWAYS.contains(&name)
                || answer == CAPACITY_TOO_SMALL && *parameter == Parameter::NumberOut;
            assert!(region.is_sound(may_write), "{name} gave {answer} and wrote where it may not: {parameter:?}");
        }
        if answer == 0 {
            self.learn(function, prepared);
        } else if name == "shokyo_copy_erase" && COPY_GONE.contains(&answer) {
            self.bury(prepared.handle);
        }
    }

    /// What a successful call gave.
    fn learn(&mut self, function: &Function, prepared: &Prepared) {
        let consumes = function.name.ends_with("_free") || CONSUME.contains(&function.name);
        self.bury(prepared.handle.filter(|_| consumes));
        for (parameter, place) in function.parameters.iter().zip(&prepared.places) {
            let Some(region) = place else { continue };
            match *parameter {
                Parameter::NewHandle(kind) => {
                    let address = region.number() as usize;
                    assert!(address & 1 == 1, "{} gave {address:x}", function.name);
                    assert!(self.handles.iter().all(|held| held.address != address), "a handle came back");
                    self.vaults += usize::from(kind == "shokyo_vault");
                    // The defect: a new document's handle is taken for a dead one.
                    let is_live = !(crate::planted() && kind == "shokyo_buffer");
                    self.handles.push(Held { kind, address, is_live, stays: false });
                }
                Parameter::StructOut("shokyo_record", size) => {
                    let bytes = region.bytes();
                    if bytes.len() >= size {
                        self.session.copy_from_slice(&bytes[8..40]);
                        self.token = u64::from_ne_bytes(bytes[40..48].try_into().unwrap());
                    }
                }
                Parameter::BytesOut => self.frames.push(region.bytes()),
                _ => {}
            }
        }
        // What was given in bytes ends where the length says.
        if let Some((frame, length)) = self.frames.last_mut().zip(length_of(function, prepared)) {
            frame.truncate(length);
        }
        if self.frames.len() > 32 {
            self.frames.remove(0);
        }
    }

    /// What was freed or consumed.
    fn bury(&mut self, handle: Option<usize>) {
        self.handles.iter_mut().filter(|held| Some(held.address) == handle).for_each(|held| held.is_live = false);
    }
}

/// How many bytes a call gave.
fn length_of(function: &Function, prepared: &Prepared) -> Option<usize> {
    let at = function.parameters.iter().position(|parameter| *parameter == Parameter::BytesOut)?;
    let after = function.parameters.iter().skip(at).position(|parameter| *parameter == Parameter::NumberOut)?;
    Some(prepared.places.get(at + after)?.as_ref()?.number() as usize)
}

fn is_documented(status: i32) -> bool {
    let text = |status| {
        // SAFETY: the library gives a null-terminated text for every number.
        unsafe { CStr::from_ptr(ffi::shokyo_status_text(status)) }
    };
    text(status) != text(-7)
}
