//! What a host is told beside the outcomes of its calls: fixed texts and numbers, through a callback of its own.
//!
//! No event may hold data, a key, a path or a name. The callback is called with no lock held, never from inside itself, and never in a
//! forked child, where a lock of the library may be held for ever.

use std::cell::{Cell, RefCell};
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
/// A session raised an alarm, which no later success clears, such as a deadline that passed. session: which.
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
    // Whether events wait.
    static SOME_WAIT: Cell<bool> = const { Cell::new(false) };
    // Events of the calls that are under way in this thread.
    static WAITING: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
}

/// The most events of one call that are told.
const MOST: usize = 1000;

/// What happened, in the library's own words.
struct Event {
    kind: u32,
    status: shokyo_status,
    session: Option<SessionId>,
    number: u64,
    text: &'static CStr,
}

/// Has events told to a callback from now on: failed calls, faults, failed erasures, alarms, lost sessions. Never documents, keys, paths
/// or names.
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
        shokyo_status::Ok | shokyo_status::CapacityTooSmall => return,
        shokyo_status::Panic => SHOKYO_LOG_FAULT,
        shokyo_status::NotErased => SHOKYO_LOG_NOT_ERASED,
        _ => SHOKYO_LOG_CALL_FAILED,
    };
    tell(Event { kind, status, session: None, number: u64::from(kind == SHOKYO_LOG_NOT_ERASED), text: status.text() });
}

/// Tells how many copies or keys could not be shown to be erased; nothing when all could.
pub(super) fn not_erased(session: Option<SessionId>, number: u64) {
    if number > 0 {
        let text = shokyo_status::NotErased.text();
        tell(Event { kind: SHOKYO_LOG_NOT_ERASED, status: shokyo_status::Ok, session, number, text });
    }
}

/// Tells of an alarm that a session raised.
pub(super) fn alarm(session: SessionId) {
    let text = c"a session raised an alarm, which no later success clears; the store says which";
    tell(Event { kind: SHOKYO_LOG_ALARM, status: shokyo_status::Ok, session: Some(session), number: 0, text });
}

/// Tells how many sessions an earlier process had left open; nothing when there were none.
pub(super) fn lost(number: u64) {
    if number > 0 {
        let text = c"an earlier process ended with sessions open; they are on record as lost";
        tell(Event { kind: SHOKYO_LOG_LOST, status: shokyo_status::Ok, session: None, number, text });
    }
}

/// Keeps an event until the call ends and holds no lock, if anybody listens.
fn tell(event: Event) {
    if !LISTENING.load(Ordering::Acquire) || INSIDE.get() {
        return;
    }
    // A thread that ends has nobody to tell any more.
    let _ = WAITING.try_with(|waiting| {
        if let Ok(mut waiting) = waiting.try_borrow_mut()
            && waiting.len() < MOST
        {
            waiting.push(event);
            SOME_WAIT.set(true);
        }
    });
}

/// Calls the host with what happened in the call that ends now. Takes a lock, so a forked child must not come here.
#[inline]
pub(super) fn flush() {
    if SOME_WAIT.get() {
        flush_now();
    }
}

#[cold]
fn flush_now() {
    SOME_WAIT.set(false);
    let taken = WAITING.try_with(|waiting| waiting.try_borrow_mut().map(|mut waiting| std::mem::take(&mut *waiting)));
    let Ok(Ok(events)) = taken else { return };
    if events.is_empty() || INSIDE.replace(true) {
        return;
    }
    let logger = LOGGER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // A panic of a host in Rust; its destructor is not known, and may panic, too. An exception of C++ ends the process here.
    std::mem::forget(catch_unwind(AssertUnwindSafe(move || {
        if let Some(logger) = logger {
            events.iter().for_each(|event| logger.call(event));
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
