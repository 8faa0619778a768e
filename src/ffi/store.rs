//! Stores of evidence for C, for reading, also while a station writes to them.

use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::arguments::{Out, PublicStruct, StructOut, fixed, read_session, text};
use super::boundary::{Failure, guarded};
use super::handles::{self, Handle, Kind, Place};
use super::shokyo_status;
use crate::custody::{Alarm, Session, Store, StoredReceipt};

/// All sessions of a store. For shokyo_store_for_each_session.
pub const SHOKYO_SESSIONS_ALL: u32 = 0;
/// The sessions without an outcome: under way, or, while no station writes to the store, ended by the death of its process. For
/// shokyo_store_for_each_session.
pub const SHOKYO_SESSIONS_OPEN: u32 = 1;

/// The longest path, in bytes.
pub(super) const LONGEST_PATH: usize = 4096;

/// A store of evidence that is open for reading. A handle, not an address.
pub struct shokyo_store {
    _opaque: [u8; 0],
}

/// How much a store holds.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_store_counts {
    /// sizeof(shokyo_store_counts), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Sessions, open ones included.
    pub sessions: u64,
    /// Sessions without an outcome.
    pub open_sessions: u64,
    /// Receipts, of this station and of others.
    pub receipts: u64,
    /// Alarms, which no later success clears.
    pub alarms: u64,
    /// Entries of the log.
    pub log_entries: u64,
}

/// A session as a store has it. Times are in milliseconds since 1970-01-01 UTC by the station's own clock.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_session_info {
    /// sizeof(shokyo_session_info); set by the caller, or by the library for a callback.
    pub struct_size: u32,
    /// How it ended, one of SHOKYO_OUTCOME_; 0 while it is open.
    pub outcome: u32,
    /// The session.
    pub session: [u8; 32],
    /// When it was opened.
    pub opened_unix_ms: u64,
    /// When printing began; 0 when it did not.
    pub print_started_unix_ms: u64,
    /// When it ended; 0 while it is open.
    pub ended_unix_ms: u64,
    /// What kind of document, as the operator names it, null-terminated and cut to fit; not whose.
    pub kind: [c_char; 72],
}

/// A receipt as a store has it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_stored_receipt {
    /// sizeof(shokyo_stored_receipt), set by the library.
    pub struct_size: u32,
    /// 1 when this station made it; otherwise 0.
    pub own: u32,
    /// What it says happened, one of SHOKYO_RECEIPT_EVENT_.
    pub event: u32,
    /// The role of the station that made it, one of SHOKYO_ROLE_.
    pub role: u32,
    /// When it was stored, in milliseconds since 1970-01-01 UTC.
    pub stored_unix_ms: u64,
    /// The receipt, for shokyo_receipt_verify and shokyo_receipt_read_unverified. Only these bytes are evidence.
    pub receipt: *const c_void,
    /// Bytes of the receipt.
    pub length: usize,
}

/// Something that no later success clears.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_alarm {
    /// sizeof(shokyo_alarm), set by the library.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The session.
    pub session: [u8; 32],
    /// When it was raised, in milliseconds since 1970-01-01 UTC.
    pub raised_unix_ms: u64,
    /// What happened, null-terminated, in English.
    pub what: *const c_char,
}

// SAFETY: `repr(C)`, the size first, another 32-bit and five 64-bit integers without padding.
unsafe impl PublicStruct for shokyo_store_counts {
    const NAME: &'static str = "counts";
    const LEAST: usize = 48;
}

// SAFETY: `repr(C)`, the size first, a 32-bit integer, bytes, three 64-bit integers and characters without padding (4+4+32+24+72).
unsafe impl PublicStruct for shokyo_session_info {
    const NAME: &'static str = "info";
    const LEAST: usize = 136;
}

/// Looks at a session. user_data: what the caller gave. session: valid until the callback returns.
/// Gives 0 to go on; anything else stops, and the call gives SHOKYO_STATUS_CALLBACK_STOPPED.
/// It runs in the calling thread, with no lock of the library held. It may call the library. It must return: no longjmp, no exception, no
/// thread exit.
pub type shokyo_session_reader =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, session: *const shokyo_session_info) -> i32>;

/// Looks at a stored receipt. As shokyo_session_reader.
pub type shokyo_receipt_reader =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, receipt: *const shokyo_stored_receipt) -> i32>;

/// Looks at an alarm. As shokyo_session_reader.
pub type shokyo_alarm_reader =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, alarm: *const shokyo_alarm) -> i32>;

/// What the handle stands for.
pub(super) struct OpenStore(Mutex<Store>);

impl Handle for shokyo_store {
    type Object = OpenStore;
    const KIND: Kind = Kind::Store;
    const NAME: &'static str = "the store";
}

/// Opens a store for reading only, also while a station writes to it.
///
/// path: the database file, null-terminated, in UTF-8. store: receives the handle, which the caller owns and gives to shokyo_store_free.
/// Threads: any; calls on one store wait for each other. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT; STORE when it cannot be opened or is another program's; UNSUPPORTED_VERSION for one of a later version;
/// HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_open(path: *const c_char, store: *mut *mut shokyo_store) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(store, "store") }?;
        // SAFETY: the caller gives NULL or a null-terminated text.
        let path = unsafe { text(path, LONGEST_PATH, "path") }?;
        let place = Place::reserve()?;
        let store = Store::open_read_only(Path::new(path))?;
        out.write(place.fill(OpenStore(Mutex::new(store))));
        Ok(())
    })
}

/// Tells how much a store holds.
///
/// store: stays the caller's. counts: with its struct_size set; receives the numbers, all of one moment.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_count(
    store: *const shokyo_store,
    counts: *mut shokyo_store_counts,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(counts) }?;
        let counts = handles::get(store)?.lock().counts()?;
        out.write(shokyo_store_counts {
            sessions: counts.sessions,
            open_sessions: counts.open_sessions,
            receipts: counts.receipts,
            alarms: counts.alarms,
            log_entries: counts.log_entries,
            ..shokyo_store_counts::default()
        });
        Ok(())
    })
}

/// Shows a store's sessions to a callback, the oldest first: those that were there when the call began.
///
/// store: stays the caller's. which: SHOKYO_SESSIONS_ALL or SHOKYO_SESSIONS_OPEN. reader: the callback. user_data: passed to it as it is,
/// may be NULL.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE; CALLBACK_STOPPED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_for_each_session(
    store: *const shokyo_store,
    which: u32,
    reader: shokyo_session_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|_| {
        let reader = reader.ok_or(Failure::Argument("reader", "is NULL"))?;
        let open_only = match which {
            SHOKYO_SESSIONS_ALL => false,
            SHOKYO_SESSIONS_OPEN => true,
            _ => return Err(Failure::Argument("which", "is not SHOKYO_SESSIONS_ALL or SHOKYO_SESSIONS_OPEN")),
        };
        let mut sessions = handles::get(store)?.lock().sessions()?;
        sessions.retain(|session| !open_only || session.ended.is_none());
        for session in &sessions {
            let session = shokyo_session_info::from(session);
            // SAFETY: the caller gives a function of this type, and the struct is readable until it returns.
            going_on(unsafe { reader(user_data, &raw const session) })?;
        }
        Ok(())
    })
}

/// Tells of one session: how it ended, above all.
///
/// store: stays the caller's. session: 32 bytes. info: with its struct_size set; receives the answer if there is one. found: receives
/// whether the store has the session.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_session(
    store: *const shokyo_store,
    session: *const u8,
    info: *mut shokyo_session_info,
    found: *mut bool,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or 32 readable bytes.
        let session = unsafe { read_session(session) }?;
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let info = unsafe { StructOut::new(info) }?;
        // SAFETY: the caller gives NULL or a place for the answer.
        let found = unsafe { Out::new(found, "found") }?;
        let session = handles::get(store)?.lock().session(session)?;
        found.write(session.is_some());
        if let Some(session) = session {
            info.write(shokyo_session_info::from(&session));
        }
        Ok(())
    })
}

/// Shows the receipts of a session to a callback, in the order in which they were stored.
///
/// store: stays the caller's. session: 32 bytes. reader: the callback. user_data: passed to it as it is, may be NULL.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE; CALLBACK_STOPPED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_for_each_receipt(
    store: *const shokyo_store,
    session: *const u8,
    reader: shokyo_receipt_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or 32 readable bytes.
        let session = unsafe { read_session(session) }?;
        let reader = reader.ok_or(Failure::Argument("reader", "is NULL"))?;
        let receipts = handles::get(store)?.lock().receipts(session)?;
        for receipt in &receipts {
            let receipt = shokyo_stored_receipt::from(receipt);
            // SAFETY: the caller gives a function of this type, and the struct and its bytes are readable until it returns.
            going_on(unsafe { reader(user_data, &raw const receipt) })?;
        }
        Ok(())
    })
}

/// Shows all alarms of a store to a callback, in the order in which they were raised.
///
/// store: stays the caller's. reader: the callback. user_data: passed to it as it is, may be NULL.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE; CALLBACK_STOPPED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_for_each_alarm(
    store: *const shokyo_store,
    reader: shokyo_alarm_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|_| {
        let reader = reader.ok_or(Failure::Argument("reader", "is NULL"))?;
        let alarms = handles::get(store)?.lock().alarms()?;
        for Alarm { session, what, raised_unix_ms } in alarms {
            let what = null_terminated(what);
            let alarm = shokyo_alarm {
                struct_size: size_of::<shokyo_alarm>() as u32,
                reserved: 0,
                session: session.0,
                raised_unix_ms,
                what: what.as_ptr(),
            };
            // SAFETY: the caller gives a function of this type, and the struct and its text are readable until it returns.
            going_on(unsafe { reader(user_data, &raw const alarm) })?;
        }
        Ok(())
    })
}

/// Gives up the handle; a call in another thread that uses it goes on.
///
/// store: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a store that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_free(store: *mut shokyo_store) -> shokyo_status {
    guarded(|_| handles::free(store).map(drop))
}

pub(super) fn going_on(answer: i32) -> Result<(), Failure> {
    if answer == 0 { Ok(()) } else { Err(Failure::Stopped) }
}

/// A text without what would end it early.
pub(super) fn null_terminated(text: String) -> CString {
    let mut bytes = text.into_bytes();
    bytes.retain(|byte| *byte != 0);
    CString::new(bytes).unwrap_or_default()
}

impl OpenStore {
    /// The store, never held while the host's code runs. It is only read: a panic leaves nothing half done.
    pub(super) fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&Session> for shokyo_session_info {
    fn from(session: &Session) -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            outcome: session.ended.map_or(0, |(outcome, _)| outcome as u32),
            session: session.session.0,
            opened_unix_ms: session.opened_unix_ms,
            print_started_unix_ms: session.print_started_unix_ms.unwrap_or_default(),
            ended_unix_ms: session.ended.map_or(0, |(_, time)| time),
            kind: fixed(&session.kind),
        }
    }
}

impl From<&StoredReceipt> for shokyo_stored_receipt {
    /// Its pointer is good as long as the receipt.
    fn from(receipt: &StoredReceipt) -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            own: receipt.own.into(),
            event: receipt.event as u32,
            role: receipt.role as u32,
            stored_unix_ms: receipt.stored_unix_ms,
            receipt: receipt.receipt.as_ptr().cast(),
            length: receipt.receipt.len(),
        }
    }
}
