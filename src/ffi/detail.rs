//! The words that go with a status: the numbers and names of the last failure in each thread. Never data, keys or names of people.

use std::cell::RefCell;
use std::ffi::c_char;
use std::fmt::{self, Display, Write};

use super::arguments::copy_text;

/// Longer texts are cut.
const LONGEST: usize = 512;

thread_local! {
    // No destructor, so that it can still be asked while a thread ends.
    static LAST: RefCell<Text> = const { RefCell::new(Text { bytes: [0; LONGEST], length: 0 }) };
}

struct Text {
    bytes: [u8; LONGEST],
    length: usize,
}

/// The detail of the last call in this thread that did not succeed: what exactly, with its numbers. Never contains document data.
///
/// text: where to write it in UTF-8, null-terminated and cut to fit; may be NULL when size is 0. size: bytes at text.
/// Gives the length in bytes of the whole text without its null; 0 when no call has failed in this thread. So a buffer of that
/// length + 1 holds it all. A successful call does not change it.
/// Threads: each has its own text. Signals: not safe in a signal handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_detail(text: *mut c_char, size: usize) -> usize {
    LAST.with(|last| {
        let Ok(last) = last.try_borrow() else { return 0 };
        let whole = last.as_str();
        // SAFETY: the caller gives NULL or `size` writable bytes.
        unsafe { copy_text(whole, text, size) };
        whole.len()
    })
}

/// Keeps the text of a failure for [`shokyo_detail`].
pub(super) fn keep(what: &dyn Display) {
    LAST.with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            last.length = 0;
            // An error means that the text was cut.
            let _ = write!(last, "{what}");
        }
    });
}

impl Text {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let fitting = more.floor_char_boundary(LONGEST - self.length);
        self.bytes[self.length..self.length + fitting].copy_from_slice(&more.as_bytes()[..fitting]);
        self.length += fitting;
        if fitting == more.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(size: usize) -> (usize, Vec<u8>) {
        let mut bytes = vec![0xEE_u8; size + 1];
        // SAFETY: there are `size` bytes, and one more that must stay.
        let length = unsafe { shokyo_detail(bytes.as_mut_ptr().cast(), size) };
        assert_eq!(bytes.pop(), Some(0xEE), "written beyond the end");
        (length, bytes)
    }

    #[test]
    fn a_text_is_cut_between_characters_and_ends_with_a_null() {
        keep(&"a消b");
        assert_eq!(read(6), (5, "a消b\0".into()));
        assert_eq!(read(4), (5, vec![b'a', 0, 0xEE, 0xEE]));
        assert_eq!(read(1), (5, vec![0]));
        assert_eq!(read(0), (5, vec![]));
        // SAFETY: nothing is written through a null pointer.
        assert_eq!(unsafe { shokyo_detail(std::ptr::null_mut(), 10) }, 5);
    }

    #[test]
    fn a_longer_text_is_cut_and_a_shorter_one_replaces_it() {
        keep(&"消".repeat(LONGEST));
        assert_eq!(read(0).0, LONGEST / 3 * 3);
        keep(&"short");
        assert_eq!(read(6), (5, b"short\0".to_vec()));
    }
}
