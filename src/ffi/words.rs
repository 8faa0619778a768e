//! Numbers that structs and calls share, and their words: the library's own, made into texts of C when this is compiled.

use std::ffi::{CStr, c_char};

use crate::buffer::{Cause, CopyClass};
use crate::receipt::{Event, NotCovered};
use crate::types::Role;

/// The automatic issuing system of a municipality.
pub const SHOKYO_ROLE_ISSUER: u32 = 1;
/// The certificate centre, a relay.
pub const SHOKYO_ROLE_CERTIFICATE_CENTRE: u32 = 2;
/// The convenience operator's data centre, a relay.
pub const SHOKYO_ROLE_EC_CENTRE: u32 = 3;
/// The kiosk in the shop.
pub const SHOKYO_ROLE_KIOSK: u32 = 4;

/// The issuing system wiped its document key and ciphertext and verified both, before it released the wrapped key.
pub const SHOKYO_RECEIPT_EVENT_KEY_WIPED: u32 = 1;
/// The issuing system heard that the document was opened, and wiped the wrapped key too.
pub const SHOKYO_RECEIPT_EVENT_CLOSED: u32 = 2;
/// Every copy that the station tracked was overwritten and read back.
pub const SHOKYO_RECEIPT_EVENT_ERASED: u32 = 3;
/// A relay passed sealed frames on, wiped each, and keeps none.
pub const SHOKYO_RECEIPT_EVENT_RELAYED_NOT_RETAINED: u32 = 4;
/// The process ended with the session open; nothing was verified.
pub const SHOKYO_RECEIPT_EVENT_LOST_AT_RESTART: u32 = 5;
/// The key was handed over and the end was never heard.
pub const SHOKYO_RECEIPT_EVENT_UNRESOLVED: u32 = 6;
/// A printed document was left behind at the kiosk.
pub const SHOKYO_RECEIPT_EVENT_FORGOTTEN: u32 = 7;
/// At least one copy could not be verified as erased.
pub const SHOKYO_RECEIPT_EVENT_NOT_ERASED: u32 = 8;

/// The owner asked for it.
pub const SHOKYO_CAUSE_REQUESTED: u32 = 1;
/// The document was handed over.
pub const SHOKYO_CAUSE_HANDED_OVER: u32 = 2;
/// The document was delivered.
pub const SHOKYO_CAUSE_DELIVERED: u32 = 3;
/// A deadline passed.
pub const SHOKYO_CAUSE_DEADLINE: u32 = 4;
/// A party cancelled.
pub const SHOKYO_CAUSE_CANCELLED: u32 = 5;
/// A party refused or a message was wrong.
pub const SHOKYO_CAUSE_REFUSED: u32 = 6;
/// A neighbour was lost.
pub const SHOKYO_CAUSE_PEER_LOST: u32 = 7;
/// The process ends, or everything was erased at once.
pub const SHOKYO_CAUSE_SHUTDOWN: u32 = 8;
/// The device failed: jam, door, paper.
pub const SHOKYO_CAUSE_DEVICE_FAULT: u32 = 9;
/// A limit is reached; later it may go.
pub const SHOKYO_CAUSE_BUSY: u32 = 10;

/// Someone who can read this process's memory while a window is open.
pub const SHOKYO_NOT_COVERED_PRIVILEGED_OBSERVER: u32 = 1;
/// Devices that read memory directly, and memory modules read shortly after power is cut.
pub const SHOKYO_NOT_COVERED_PHYSICAL_ACCESS: u32 = 2;
/// Copies that existed before the data entered the library.
pub const SHOKYO_NOT_COVERED_EARLIER_COPIES: u32 = 3;
/// What the host's own code copied out of a window.
pub const SHOKYO_NOT_COVERED_HOST_CODE: u32 = 4;
/// Buffers of the operating system's network stack, which hold ciphertext alone.
pub const SHOKYO_NOT_COVERED_KERNEL_BUFFERS: u32 = 5;
/// Swap and hibernation images of memory that is not locked.
pub const SHOKYO_NOT_COVERED_UNLOCKED_MEMORY: u32 = 6;
/// The printer's own memory, and the paper.
pub const SHOKYO_NOT_COVERED_PRINTER: u32 = 7;
/// Journals, snapshots and flash cells below the layer of files.
pub const SHOKYO_NOT_COVERED_STORAGE_BELOW_FILES: u32 = 8;
/// Memory of a process that ended before it could erase.
pub const SHOKYO_NOT_COVERED_ENDED_PROCESS: u32 = 9;
/// Buffers of the TLS library, which hold sealed frames alone.
pub const SHOKYO_NOT_COVERED_TRANSPORT_BUFFERS: u32 = 10;
/// Swap, which is in use on this host.
pub const SHOKYO_NOT_COVERED_SWAP: u32 = 11;
/// A hibernation image, which this host can make.
pub const SHOKYO_NOT_COVERED_HIBERNATION: u32 = 12;
/// The kernel maps the pages of the keys, too: this host gave no secret memory.
pub const SHOKYO_NOT_COVERED_KERNEL_MAPPING: u32 = 13;
/// Whether this host swaps or hibernates could not be found out.
pub const SHOKYO_NOT_COVERED_UNKNOWN_HOST: u32 = 14;

/// A text of the library with the null that C wants at its end.
macro_rules! c_text {
    ($text:expr) => {
        const {
            const TEXT: &str = $text;
            const BYTES: [u8; TEXT.len() + 1] = with_null(TEXT);
            match CStr::from_bytes_with_nul(&BYTES) {
                Ok(text) => text,
                Err(_) => panic!("a text of the library has a null inside"),
            }
        }
    };
}

/// What a method says of each of these.
macro_rules! c_texts {
    ($kind:ident, $method:ident, $($item:ident)*) => { [$(c_text!($kind::$item.$method())),*] };
}

static ROLES: [&CStr; 4] = c_texts!(Role, name, Issuer CertificateCentre EcCentre Kiosk);
static COPY_CLASSES: [&CStr; 6] = c_texts!(CopyClass, name, Key WrappedKey Ciphertext Window Spool Derivative);
static EVENT_NAMES: [&CStr; 8] =
    c_texts!(Event, name, KeyWiped Closed Erased RelayedNotRetained LostAtRestart Unresolved Forgotten NotErased);
static EVENT_MEANINGS: [&CStr; 8] =
    c_texts!(Event, meaning, KeyWiped Closed Erased RelayedNotRetained LostAtRestart Unresolved Forgotten NotErased);
static CAUSES: [&CStr; 10] = c_texts!(
    Cause, name, Requested HandedOver Delivered Deadline Cancelled Refused PeerLost Shutdown DeviceFault Busy
);
static NOT_COVERED: [&CStr; 14] = c_texts!(
    NotCovered, meaning,
    PrivilegedObserver PhysicalAccess EarlierCopies HostCode KernelBuffers UnlockedMemory Printer StorageBelowFiles
    EndedProcess TransportBuffers Swap Hibernation KernelMapping UnknownHost
);

/// The name of a station's role, such as "ec-centre".
///
/// role: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_role_name(role: u32) -> *const c_char {
    text(&ROLES, role)
}

/// The name of a class of copies, such as "wrapped-key".
///
/// copy_class: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_copy_class_name(copy_class: u32) -> *const c_char {
    text(&COPY_CLASSES, copy_class)
}

/// The name of a receipt's event, such as "key-wiped".
///
/// event: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_receipt_event_name(event: u32) -> *const c_char {
    text(&EVENT_NAMES, event)
}

/// What a receipt's event claims, in a sentence of English: no more than was done.
///
/// event: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_receipt_event_text(event: u32) -> *const c_char {
    text(&EVENT_MEANINGS, event)
}

/// The name of why something was erased or ended, such as "peer-lost".
///
/// cause: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_cause_name(cause: u32) -> *const c_char {
    text(&CAUSES, cause)
}

/// What a receipt says nothing about, in a phrase of English.
///
/// not_covered: any number. Gives a static, null-terminated text, never NULL, "unknown" for other numbers; the caller must not free it.
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_not_covered_text(not_covered: u32) -> *const c_char {
    text(&NOT_COVERED, not_covered)
}

/// The text of a number; numbers begin with 1.
fn text(texts: &'static [&CStr], number: u32) -> *const c_char {
    let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    place.and_then(|place| texts.get(place)).unwrap_or(&c"unknown").as_ptr()
}

const fn with_null<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let mut place = 0;
    while place < text.len() {
        bytes[place] = text.as_bytes()[place];
        place += 1;
    }
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(name: extern "C" fn(u32) -> *const c_char) -> Vec<&'static str> {
        // SAFETY: static, null-terminated texts.
        let of = |number| unsafe { CStr::from_ptr(name(number)) }.to_str().unwrap();
        assert!([0, 1000, u32::MAX].iter().all(|number| of(*number) == "unknown"));
        (1..).map(of).take_while(|text| *text != "unknown").collect()
    }

    /// A number that is added to the library and forgotten here is found by this.
    #[test]
    fn every_number_of_the_library_has_its_words_and_no_other_has_any() {
        assert_eq!(words(shokyo_role_name), Role::ALL.map(Role::name));
        assert_eq!(words(shokyo_copy_class_name), CopyClass::ALL.map(CopyClass::name));
        assert_eq!(words(shokyo_receipt_event_name), Event::ALL.map(Event::name));
        assert_eq!(words(shokyo_receipt_event_text), Event::ALL.map(Event::meaning));
        assert_eq!(words(shokyo_not_covered_text), NotCovered::ALL.map(NotCovered::meaning));
        let causes: Vec<_> = (1..).map_while(Cause::from_number).map(Cause::name).collect();
        assert_eq!(words(shokyo_cause_name), causes);
    }
}
