//! What a host is told beside the outcomes of its calls: fixed texts and numbers, through a callback of its own.
//!
//! No event may hold data, a key, a path or a name. The callback is called with no lock held, never from inside itself, and never in a
//! forked child, where a lock of the library may be held for ever.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::boundary::{Failure, guarded};
use super::shokyo_status;
use crate::types::SessionId;

/// A call did not succeed: status says why. Not for CAPACITY_TOO_SMALL, with which lengths are asked for, nor for FORKED_CHILD.
pub const SHOKYO_LOG_CALL_FAILED: u32 = 1;
/// A fault inside the library was caught, and every key of the vault that it concerns is destroyed: report it.
pub const SHOKYO_LOG_FAULT: u32 = 2;
/// Memory could not be shown to be erased, and is quarantined: stop the process and report it. number: how many copies or keys.
pub const SHOKYO_LOG_NOT_ERASED: u32 = 3;
/// Something that no later success clears is on record, such as a deadline that passed. session: which.
pub const SHOKYO_LOG_ALARM: u32 = 4;
/// Sessions that a process left open when it ended were recorded as lost. number: how many.
pub const SHOKYO_LOG_LOST: u32 = 5;

/// One event. Later versions add fields at the end, and kinds: ignore what you do not know.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_log_event {
    /// sizeof(shokyo_log_event), set by the library.
    pub struct_size: u32,
    /// What kind of event, one of SHOKYO_LOG_.
    pub kind: u32,
    /// The status of the call that failed; otherwise SHOKYO_STATUS_OK.
    pub status: i32,
    /// 1 when session is given; otherwise 0.
    pub has_session: u32,
    /// The session that it is about.
    pub session: [u8; 32],
    /// A number whose meaning the kind says; otherwise 0.
    pub number: u64,
    /// What happened, a static, null-terminated text in English.
    pub text: *const c_char,
}

/// Takes one event. user_data: what was given with the callback. event: valid until the callback returns.
/// It runs in the thread whose call the event is about, before that call returns, with no lock of the library held; so several may run at
/// once. It may call the library: what fails inside it is not told to it again, and does not change what shokyo_detail says of the call
/// that the event is about, which it says inside the callback, too. It must return: no longjmp, no exception, no thread exit.
pub type shokyo_logger = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, event: *const shokyo_log_event)>;

/// Ends user data that was given with a callback: called exactly once, in whichever thread used it last, when the callback will not be
/// called again. May be NULL.
pub type shokyo_destroy = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;

type Callback = unsafe extern "C-unwind" fn(*mut c_void, *const shokyo_log_event);

struct Logger {
    callback: Callback,
    user_data: *mut c_void,
    destroy: shokyo_destroy,
}

// SAFETY: the pointer is never followed here, and the caller gives functions that every thread may call with it.
unsafe impl Send for Logger {}
// SAFETY: as above.
unsafe impl Sync for Logger {}

static LOGGER: Mutex<Option<Arc<Logger>>> = Mutex::new(None);
/// Whether there is one, so that a call that fails without one takes no lock.
static LISTENING: AtomicBool = AtomicBool::new(false);

thread_local! {
    // No destructor, so that it can still be asked while a thread ends.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What happened, in the library's own words.
pub(super) struct Event {
    pub(super) kind: u32,
    pub(super) status: shokyo_status,
    pub(super) session: Option<SessionId>,
    pub(super) number: u64,
    pub(super) text: &'static CStr,
}

/// Has events told to a callback from now on: failed calls, faults, failed erasures, alarms. Never documents, keys, paths or names.
///
/// logger: NULL: nothing is told any more. user_data: passed to it as it is, may be NULL. destroy: called once with user_data when another
/// call of this function has replaced the callback and its last call has returned; NULL: never. A call that fails calls neither.
/// Threads: any; after it returns, calls of the callback before may still be under way in other threads. Signals: not safe in a signal
/// handler.
/// Errors: INVALID_ARGUMENT for a destroy without a logger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_log_to(
    logger: shokyo_logger,
    user_data: *mut c_void,
    destroy: shokyo_destroy,
) -> shokyo_status {
    guarded(|_| {
        let logger = match logger {
            Some(callback) => Some(Arc::new(Logger { callback, user_data, destroy })),
            None if destroy.is_some() => return Err(Failure::Argument("destroy", "comes without a logger")),
            None => None,
        };
        let mut place = LOGGER.lock().unwrap_or_else(PoisonError::into_inner);
        LISTENING.store(logger.is_some(), Ordering::Release);
        let before = std::mem::replace(&mut *place, logger);
        drop(place);
        // Outside the lock, because it may call the host.
        drop(before);
        Ok(())
    })
}

/// Tells of a call that failed.
pub(super) fn failed(status: shokyo_status) {
    let kind = match status {
        // The child must take no lock.
        shokyo_status::Ok | shokyo_status::CapacityTooSmall | shokyo_status::ForkedChild => return,
        shokyo_status::Panic => SHOKYO_LOG_FAULT,
        shokyo_status::NotErased => SHOKYO_LOG_NOT_ERASED,
        _ => SHOKYO_LOG_CALL_FAILED,
    };
    let number = u64::from(kind == SHOKYO_LOG_NOT_ERASED);
    tell(&Event { kind, status, session: None, number, text: status.text() });
}

/// Tells how many copies or keys could not be shown to be erased; nothing when all could.
pub(super) fn not_erased(session: Option<SessionId>, number: u64) {
    if number > 0 {
        let status = shokyo_status::Ok;
        tell(&Event { kind: SHOKYO_LOG_NOT_ERASED, status, session, number, text: shokyo_status::NotErased.text() });
    }
}

/// Tells of an event, if anybody listens.
pub(super) fn tell(event: &Event) {
    if !LISTENING.load(Ordering::Acquire) || INSIDE.replace(true) {
        return;
    }
    let logger = LOGGER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // A panic of a host in Rust; its destructor is not known, and may panic, too. An exception of C++ ends the process here.
    std::mem::forget(catch_unwind(AssertUnwindSafe(move || {
        if let Some(logger) = logger {
            logger.call(event);
        }
    })));
    INSIDE.set(false);
}

impl Logger {
    fn call(&self, event: &Event) {
        let event = shokyo_log_event {
            struct_size: size_of::<shokyo_log_event>() as u32,
            kind: event.kind,
            status: event.status as i32,
            has_session: event.session.is_some().into(),
            session: event.session.map_or([0; 32], |session| session.0),
            number: event.number,
            text: event.text.as_ptr(),
        };
        // SAFETY: the caller gave a function of this type, and the event is readable until it returns.
        unsafe { (self.callback)(self.user_data, &raw const event) };
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller gave a function of this type for this pointer, and nothing else will use it.
            unsafe { destroy(self.user_data) };
        }
    }
}
