//! Overwriting memory so that it cannot be optimised away, and reading it back.
//!
//! This is the only place that makes [`Wiped`], the evidence of a wipe. It must never claim a wipe whose every byte was not
//! read back afterwards. The read-back sees memory as this processor's coherent view shows it; what DRAM cells hold behind
//! the caches is not covered.

#[cfg(feature = "std")]
mod cells;
mod flush;
#[cfg(target_arch = "x86_64")]
mod processor;
mod scrub;
#[cfg(feature = "secrecy")]
mod secret;
mod store;

use core::sync::atomic::AtomicU32;

use crate::error::Error;

#[cfg(feature = "std")]
pub(crate) use cells::wipe_cells;
pub use flush::{flush, flush_raw};
pub use scrub::{Coverage, scrub_registers, scrub_stack};
#[cfg(feature = "secrecy")]
pub(crate) use secret::{wipe_secret, wipe_secret_string};

/// Evidence that a range of memory was overwritten with zeros and read back as zeros. Only this module makes it.
#[derive(Debug)]
#[must_use = "evidence of a wipe belongs into an erasure"]
pub struct Wiped {
    tag: u128,
    bytes: u64,
    /// Whether it was a key cell: only this crate can wipe one.
    cell: bool,
    flushed: bool,
}

impl Wiped {
    /// # Safety
    /// The `bytes` bytes that `tag` stands for were overwritten by this module and every one was read back as zero afterwards.
    unsafe fn new(tag: u128, bytes: u64) -> Self {
        Self { tag, bytes, cell: false, flushed: false }
    }

    /// What was wiped; the layer that asked for it gives the tag its meaning.
    #[must_use]
    pub const fn tag(&self) -> u128 {
        self.tag
    }

    /// Whether the tag is a key cell's, and not one that a caller chose.
    pub(crate) const fn is_cell(&self) -> bool {
        self.cell
    }

    /// How many bytes were wiped.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the zeros were pushed out of the caches before every byte was read back from behind them.
    #[must_use]
    pub const fn flushed(&self) -> bool {
        self.flushed
    }
}

/// Overwrites `memory` with zeros by stores that cannot be elided, and reads every byte back.
///
/// `tag` is carried in the evidence and means what the caller wants it to mean.
///
/// # Errors
/// [`Error::NotErased`] when a byte was not zero afterwards. The memory must then not be reused or given back.
///
/// ```
/// let mut secret = *b"what others gave";
/// let wiped = shokyo::wipe::wipe(&mut secret, 7)?;
/// assert_eq!((secret, wiped.bytes(), wiped.tag()), ([0; 16], 16, 7));
/// # Ok::<(), shokyo::Error>(())
/// ```
pub fn wipe(memory: &mut [u8], tag: u128) -> Result<Wiped, Error> {
    // SAFETY: the exclusive borrow makes the range valid and nobody else's.
    unsafe { wipe_raw(memory.as_mut_ptr(), memory.len(), tag) }
}

/// [`wipe`] for a range that may be uninitialised.
///
/// # Errors
/// [`Error::NotErased`] when a byte was not zero afterwards. The memory must then not be reused or given back.
///
/// # Safety
/// `start..start + length` is one allocation, valid for reading and writing, and nobody else accesses it during the call.
pub unsafe fn wipe_raw(start: *mut u8, length: usize, tag: u128) -> Result<Wiped, Error> {
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::NoWipe) {
        // SAFETY: not true, on purpose: the negative control must be found out by whoever looks at the memory.
        return Ok(unsafe { Wiped::new(tag, length as u64) });
    }
    // SAFETY: the range is valid and exclusive, as the caller promises.
    if unsafe { store::zero_and_check(start, length) } {
        // SAFETY: every byte was stored and read back just now.
        Ok(unsafe { Wiped::new(tag, length as u64) })
    } else {
        Err(Error::NotErased { bytes: length as u64 })
    }
}

/// [`wipe_raw`], after which the range is [flushed](flush()) and read back once more, from behind the caches. [`Wiped::flushed`] tells
/// whether this processor could.
///
/// # Errors
/// [`Error::NotErased`] when a byte was not zero afterwards. The memory must then not be reused or given back.
///
/// # Safety
/// As for [`wipe_raw`].
pub unsafe fn wipe_flushed_raw(start: *mut u8, length: usize, tag: u128) -> Result<Wiped, Error> {
    // SAFETY: passed on to the caller.
    let mut wiped = unsafe { wipe_raw(start, length, tag) }?;
    // SAFETY: the range is valid, as the caller promises.
    if unsafe { flush_raw(start, length) } == Coverage::All {
        #[cfg(shokyo_faults)]
        if crate::faults::active(crate::faults::Fault::NoWipe) {
            return Ok(wiped);
        }
        // SAFETY: the range is valid and nobody writes it, as the caller promises.
        if unsafe { store::leading_zeros(start, length) } != length {
            return Err(Error::NotErased { bytes: length as u64 });
        }
        wiped.flushed = true;
    }
    Ok(wiped)
}

/// Wipes a vector's whole capacity, not just its length, and leaves it empty.
///
/// Earlier copies, made when the vector grew or was moved to another allocation, cannot be known and are not covered.
///
/// # Errors
/// [`Error::NotErased`] when a byte was not zero afterwards. The allocation is then kept for ever, so that no one else gets it.
#[cfg(feature = "alloc")]
pub fn wipe_vec(bytes: &mut alloc::vec::Vec<u8>, tag: u128) -> Result<Wiped, Error> {
    // SAFETY: the capacity is one allocation of the vector, which is borrowed exclusively.
    let outcome = unsafe { wipe_raw(bytes.as_mut_ptr(), bytes.capacity(), tag) };
    bytes.clear();
    if outcome.is_err() {
        core::mem::forget(core::mem::take(bytes));
    }
    outcome
}

/// Wipes a key cell that other threads may be reading: every word is stored and read back atomically.
///
/// # Errors
/// [`Error::NotErased`] when a word was not zero afterwards.
#[cfg_attr(not(feature = "std"), allow(dead_code))]
pub(crate) fn wipe_cell(words: &[AtomicU32; 8], tag: u128) -> Result<Wiped, Error> {
    const BYTES: u64 = 32;
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::NoWipe) {
        // SAFETY: not true, on purpose: see `wipe_raw`.
        return Ok(Wiped { cell: true, ..unsafe { Wiped::new(tag, BYTES) } });
    }
    if store::zero_and_check_words(words) {
        // SAFETY: every word was stored and read back just now.
        Ok(Wiped { cell: true, ..unsafe { Wiped::new(tag, BYTES) } })
    } else {
        Err(Error::NotErased { bytes: BYTES })
    }
}

/// Wipes a key cell in memory that a caller gave, which nobody else can be reading.
///
/// # Errors
/// [`Error::NotErased`] when a byte was not zero afterwards.
pub(crate) fn wipe_key(key: &mut [u8; 32], tag: u128) -> Result<Wiped, Error> {
    wipe(key, tag).map(|wiped| Wiped { cell: true, ..wiped })
}

/// How many bytes at the start of a range are zero. Reads at most `length` bytes.
///
/// # Safety
/// `start..start + length` is one allocation, valid for reading, and nobody writes it during the call.
#[cfg(feature = "std")]
pub(crate) unsafe fn leading_zeros(start: *const u8, length: usize) -> usize {
    // SAFETY: passed on to the caller.
    unsafe { store::leading_zeros(start, length) }
}

#[cfg(all(test, feature = "std"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use core::sync::atomic::Ordering;

    #[cfg(shokyo_faults)]
    use crate::faults::{Fault, serialised};

    #[test]
    fn every_length_and_alignment_is_wiped_and_nothing_beside_it() {
        #[cfg(shokyo_faults)]
        let _alone = serialised(&[]);
        for length in (0..200).chain([4095, 4096, 4097, 100_000]) {
            for offset in 0..9 {
                let mut memory = std::vec![0xEEu8; length + 32];
                let wiped = wipe(&mut memory[offset..offset + length], 7).unwrap();
                assert_eq!((wiped.tag(), wiped.bytes()), (7, length as u64));
                assert!(memory[offset..offset + length].iter().all(|byte| *byte == 0));
                assert!(memory[..offset].iter().chain(&memory[offset + length..]).all(|byte| *byte == 0xEE));
            }
        }
    }

    #[test]
    fn a_flushed_wipe_says_so_and_leaves_zeros() {
        #[cfg(shokyo_faults)]
        let _alone = serialised(&[]);
        for length in [0, 1, 64, 5000] {
            let mut memory = std::vec![0xEEu8; length];
            // SAFETY: the range is the vector's.
            let wiped = unsafe { wipe_flushed_raw(memory.as_mut_ptr(), length, 5) }.unwrap();
            assert_eq!((wiped.tag(), wiped.bytes()), (5, length as u64));
            assert_eq!(wiped.flushed(), flush(&mut memory) == Coverage::All);
            assert!(memory.iter().all(|byte| *byte == 0));
            assert!(!wipe(&mut memory, 5).unwrap().flushed());
        }
    }

    #[test]
    fn a_vector_is_wiped_up_to_its_capacity() {
        #[cfg(shokyo_faults)]
        let _alone = serialised(&[]);
        let mut bytes = std::vec::Vec::with_capacity(64);
        bytes.extend_from_slice(&[0xEE; 64]);
        bytes.truncate(3);
        let start = bytes.as_ptr();
        assert_eq!(wipe_vec(&mut bytes, 0).unwrap().bytes(), 64);
        assert!(bytes.is_empty());
        // SAFETY: the allocation still belongs to `bytes`, and the wipe initialised it.
        assert!(unsafe { core::slice::from_raw_parts(start, 64) }.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_cell_is_wiped() {
        #[cfg(shokyo_faults)]
        let _alone = serialised(&[]);
        let words: [AtomicU32; 8] = core::array::from_fn(|_| AtomicU32::new(u32::MAX));
        assert_eq!(wipe_cell(&words, 9).unwrap().bytes(), 32);
        assert!(words.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn only_a_key_cell_is_evidence_of_a_destroyed_key_whatever_the_tag_is() {
        #[cfg(shokyo_faults)]
        let _alone = serialised(&[]);
        let words: [AtomicU32; 8] = core::array::from_fn(|_| AtomicU32::new(1));
        assert!(wipe_cell(&words, 9).unwrap().is_cell());
        assert!(wipe_key(&mut [1; 32], 9).unwrap().is_cell());
        assert!(!wipe(&mut [1; 32], 9).unwrap().is_cell());
        assert!(!wipe_vec(&mut std::vec![1; 32], 9).unwrap().is_cell());
    }

    #[test]
    fn the_first_byte_that_is_not_zero_is_found() {
        for length in [0usize, 1, 7, 8, 9, 63, 64, 65, 1000] {
            for place in 0..length {
                let mut memory = std::vec![0u8; length];
                memory[place] = 1;
                // SAFETY: the range is the vector's.
                assert_eq!(unsafe { store::leading_zeros(memory.as_ptr(), length) }, place);
            }
        }
    }

    #[cfg(shokyo_faults)]
    #[test]
    fn a_stuck_byte_is_found_by_the_read_back() {
        let _alone = serialised(&[Fault::StuckByte]);
        for length in [1, 2, 3, 17, 4096] {
            let mut memory = std::vec![1u8; length];
            assert_eq!(wipe(&mut memory, 0).unwrap_err(), Error::NotErased { bytes: length as u64 });
        }
        let words: [AtomicU32; 8] = core::array::from_fn(|_| AtomicU32::new(1));
        assert_eq!(wipe_cell(&words, 0).unwrap_err(), Error::NotErased { bytes: 32 });
    }

    #[cfg(shokyo_faults)]
    #[test]
    fn with_the_wipe_switched_off_the_bytes_stay() {
        let _alone = serialised(&[Fault::NoWipe]);
        let mut memory = [1u8; 32];
        assert!(wipe(&mut memory, 0).is_ok());
        assert_eq!(memory, [1; 32]);
        // What a build without the wipe claims is a cell's, too: whoever looks for residue must find it, not miss the evidence.
        let words: [AtomicU32; 8] = core::array::from_fn(|_| AtomicU32::new(1));
        assert!(wipe_cell(&words, 9).unwrap().is_cell());
    }
}
