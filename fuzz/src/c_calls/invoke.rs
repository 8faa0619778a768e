//! Calling a function by its address.

/// Calls a function of which it is known how many parameters it has.
///
/// # Safety
/// They are integers and pointers, which point to what the function's documentation asks for.
pub(super) unsafe fn invoke(address: *const (), words: &[u64]) -> u64 {
    macro_rules! with {
        ($($word:ident)*) => {{
            // SAFETY: on this processor integers and pointers of up to 64 bits are all passed in the same places.
            let function: unsafe extern "C" fn($(with!(@ $word)),*) -> u64 = unsafe { std::mem::transmute(address) };
            let &[$($word),*] = words else { unreachable!() };
            // SAFETY: what the caller says.
            unsafe { function($($word),*) }
        }};
        (@ $word:ident) => { u64 };
    }
    match words.len() {
        0 => with!(),
        1 => with!(a),
        2 => with!(a b),
        3 => with!(a b c),
        4 => with!(a b c d),
        5 => with!(a b c d e),
        6 => with!(a b c d e f),
        7 => with!(a b c d e f g),
        8 => with!(a b c d e f g h),
        more => unreachable!("no function has {more} parameters"),
    }
}
