//! Vaults for C: opened with options, asked what protects them, erased at once.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::arguments::{Out, PublicStruct, StructOut, read_struct};
use super::boundary::{Failure, guarded};
use super::handles::{self, Handle, Kind, Place, Use};
use super::{log, shokyo_status};
use crate::buffer::{Protection, SecretMemory, Vault, VaultOptions};
use crate::error::Error;

/// Pages are locked in memory and are not written to swap.
pub const SHOKYO_PROTECTION_LOCKED: u32 = 1;
/// Pages cannot be moved, nor read through the kernel's own mapping (secret memory).
pub const SHOKYO_PROTECTION_FRAME_PINNED: u32 = 2;
/// Inaccessible pages stand on both sides of every region.
pub const SHOKYO_PROTECTION_GUARDED: u32 = 4;
/// Pages are left out of core dumps.
pub const SHOKYO_PROTECTION_NO_DUMP: u32 = 8;
/// A forked child sees zeros or nothing.
pub const SHOKYO_PROTECTION_NOT_INHERITED: u32 = 16;
/// Canaries beside regions are checked when memory is given back.
pub const SHOKYO_PROTECTION_CANARY: u32 = 32;
/// Operations on keys and plaintext run on a locked stack, which is wiped afterwards.
pub const SHOKYO_PROTECTION_CLEAN_ROOM: u32 = 64;
/// Every register that can hold data is cleared after each operation on secrets.
pub const SHOKYO_PROTECTION_REGISTERS_SCRUBBED: u32 = 128;
/// Alternate signal stacks are scrubbed as well.
pub const SHOKYO_PROTECTION_ALTSTACK_COVERED: u32 = 256;

/// A vault: owner of locked memory for keys and windows. A handle, not an address.
pub struct shokyo_vault {
    _opaque: [u8; 0],
}

/// How a vault is opened. 0 in a field stands for its default.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_vault_options {
    /// sizeof(shokyo_vault_options).
    pub struct_size: u32,
    /// 0: a protection that cannot be had is an error. 1: the vault opens without it, and shokyo_vault_protections says so.
    pub best_effort: u32,
    /// Bytes of plaintext in a chunk, and so in a window: a multiple of 16 from 64 to 1048576. Default: 16384.
    pub chunk_size: u32,
    /// Windows, each locked: how many threads can look at plaintext at once. Default: 4.
    pub windows: u32,
    /// Clean rooms, each locked. Default, and least: as many as windows.
    pub rooms: u32,
    /// Bytes of stack in a clean room. Default: what a self-test finds to be needed.
    pub room_size: u32,
    /// How many keys of 32 bytes fit in, rounded up to whole pages, less two. A document needs one, and two while it is being written.
    /// Default: 1024.
    pub key_cells: u32,
    /// Large clean rooms for key agreement and signatures. Default: none.
    pub agreement_rooms: u32,
    /// Bytes of stack in a large clean room. Default: what a self-test finds to be needed.
    pub agreement_room_size: u32,
    /// Milliseconds to wait for a window or a room, and for calls in progress when everything is erased. Default: 5000.
    pub patience: u32,
    /// The longest document, in bytes. Default: 268435456.
    pub max_document: u64,
    /// Secret memory (Linux 5.14 and later) for keys and plaintext, which not even the kernel can read. 0: where it can be had, else locked
    /// memory; SHOKYO_PROTECTION_FRAME_PINNED tells which. 1: a protection like the others, see best_effort. 2: never, as for a process that
    /// is scanned for residue. A machine cannot hibernate while such memory is in use.
    pub secret_memory: u32,
    /// How many keys at most: when all cells are in use, as many again are locked, up to this number or to the operating system's limit.
    /// Default: 1048576. To have no growth, give the same number as for key_cells.
    pub max_key_cells: u32,
    /// Milliseconds that a key lives at most, whatever its owner does; the clock counts suspended time. What needs the key answers
    /// EXPIRED afterwards. Default: no limit.
    pub lifetime: u32,
    /// 0: the alternate signal stack of a thread is scrubbed after each of its operations, which costs a system call. What is set with
    /// sigaltstack must be that thread's own until another is set, and no handler on it may be suspended while the thread goes on
    /// elsewhere, as in runtimes that turn faults into exceptions. 1: it is not scrubbed.
    pub leave_alternate_stacks: u32,
}

/// What shokyo_vault_erase_all did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_erase_all_outcome {
    /// sizeof(shokyo_erase_all_outcome), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Keys that were live and are destroyed.
    pub destroyed: u64,
    /// How many of them were read back as zero.
    pub verified: u64,
    /// How many could not be shown to be erased: stop the process and report it.
    pub failed: u64,
    /// Rooms and windows that were still in use when waiting ended, the window of a callback that makes the call included: their copies
    /// are wiped when they are left.
    pub in_flight: u64,
}

// SAFETY: `repr(C)`, the size first, fourteen 32-bit and one 64-bit integer without padding.
unsafe impl PublicStruct for shokyo_vault_options {
    const NAME: &'static str = "options";
    const LEAST: usize = 4;
}

// SAFETY: `repr(C)`, the size first, two 32-bit and four 64-bit integers without padding.
unsafe impl PublicStruct for shokyo_erase_all_outcome {
    const NAME: &'static str = "outcome";
    const LEAST: usize = 40;
}

/// The vaults that are open, those of stations included.
static OPEN: Mutex<Open> = Mutex::new(Open { next: NonZeroU64::MIN, states: Vec::new() });

struct Open {
    next: NonZeroU64,
    states: Vec<(NonZeroU64, Weak<VaultState>)>,
}

/// A vault and whether a panic has made it unfit for use. Documents keep it alive beyond its handle.
pub(super) struct VaultState {
    number: NonZeroU64,
    vault: Vault,
    poisoned: AtomicBool,
}

impl Handle for shokyo_vault {
    type Object = Arc<VaultState>;
    const KIND: Kind = Kind::Vault;
    const NAME: &'static str = "the vault";
}

/// Opens a vault: maps, locks and protects its memory, and tests that its clean rooms are large enough.
///
/// options: NULL for the defaults. vault: receives the handle, which the caller owns and gives to shokyo_vault_free.
/// Threads: any; the vault may be used by all threads at once. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT; CONFIGURATION for values that make no vault; LOCKED_MEMORY_EXHAUSTED, PROTECTION_UNAVAILABLE (without
/// best_effort), ROOM_TOO_SMALL, OUT_OF_MEMORY, RANDOMNESS_UNAVAILABLE, HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_vault_open(
    options: *const shokyo_vault_options,
    vault: *mut *mut shokyo_vault,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let vault = unsafe { Out::new(vault, "vault") }?;
        let options = if options.is_null() {
            shokyo_vault_options::default()
        } else {
            // SAFETY: the caller gives a struct of the size that it states.
            unsafe { read_struct(options) }?
        };
        let options = options.to_library()?;
        let place = Place::reserve()?;
        let opened = VaultState::new(Vault::open(options)?)?;
        vault.write(place.fill(opened));
        Ok(())
    })
}

/// Tells which protections are active on all locked memory of the vault, as SHOKYO_PROTECTION_ flags.
///
/// vault: stays the caller's. protections: receives the flags; ignore those you do not know.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_vault_protections(vault: *const shokyo_vault, protections: *mut u32) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let protections = unsafe { Out::new(protections, "protections") }?;
        let vault = state_of(vault)?;
        call.ends(&vault);
        protections.write(vault.vault.protections().bits());
        Ok(())
    })
}

/// Destroys every key of the vault now, then waits for calls in progress, up to the vault's patience for each kind. Every document
/// of the vault answers SHOKYO_STATUS_ERASED from then on; new ones can be written. Plaintext that a callback is looking at stays
/// until that callback returns.
///
/// vault: stays the caller's. outcome: with its struct_size set; receives what was done. Look at its field failed: success of the
/// call says that everything was overwritten, not that every read-back agreed.
/// Threads: any, also inside a callback. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE; nothing was erased then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_vault_erase_all(
    vault: *mut shokyo_vault,
    outcome: *mut shokyo_erase_all_outcome,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let outcome = unsafe { StructOut::new(outcome) }?;
        let vault = state_of(vault)?;
        call.ends(&vault);
        let done = vault.vault.erase_all();
        log::not_erased(None, done.failed);
        outcome.write(done.into());
        Ok(())
    })
}

/// Gives up the handle. Writers and documents of the vault live on; its memory goes back to the system with the last of them, except
/// pages that could not be shown to be erased.
///
/// vault: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any, also inside a callback. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a vault that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_vault_free(vault: *mut shokyo_vault) -> shokyo_status {
    guarded(|call| {
        handles::free(vault)?.inspect(|vault| call.ends(vault));
        Ok(())
    })
}

/// The vault of a handle.
pub(super) fn state_of(vault: *const shokyo_vault) -> Result<Use<Arc<VaultState>>, Failure> {
    handles::get(vault)
}

impl VaultState {
    /// One that can be found by its number as long as it is open.
    pub(super) fn new(vault: Vault) -> Result<Arc<Self>, Error> {
        let mut open = open();
        open.states.retain(|(_, state)| state.strong_count() > 0);
        let needed = size_of::<(NonZeroU64, Weak<Self>)>() as u64;
        open.states.try_reserve(1).map_err(|_| Error::OutOfMemory { needed })?;
        let number = open.next;
        open.next = number.saturating_add(1);
        let state = Arc::new(Self { number, vault, poisoned: AtomicBool::new(false) });
        open.states.push((number, Arc::downgrade(&state)));
        Ok(state)
    }

    /// No other has it in the life of the process.
    pub(super) const fn number(&self) -> NonZeroU64 {
        self.number
    }

    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }
}

/// The vault with this number, if it is open.
pub(super) fn with_number(number: NonZeroU64) -> Option<Arc<VaultState>> {
    open().states.iter().find(|(there, _)| *there == number)?.1.upgrade()
}

fn open() -> MutexGuard<'static, Open> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl shokyo_vault_options {
    fn to_library(self) -> Result<VaultOptions, Failure> {
        fn replace(default: &mut usize, asked: u32) -> Result<(), Failure> {
            if asked != 0 {
                *default =
                    usize::try_from(asked).map_err(|_| Failure::Argument("options", "has a number too large"))?;
            }
            Ok(())
        }
        let mut options = VaultOptions::new();
        options.protection = match self.best_effort {
            0 => Protection::Strict,
            1 => Protection::BestEffort,
            _ => return Err(Failure::Argument("options", "has a best_effort that is neither 0 nor 1")),
        };
        options.secret_memory = match self.secret_memory {
            0 => SecretMemory::Auto,
            1 => SecretMemory::Require,
            2 => SecretMemory::Off,
            _ => return Err(Failure::Argument("options", "has a secret_memory that is not 0, 1 or 2")),
        };
        options.scrub_alternate_stack = match self.leave_alternate_stacks {
            0 => true,
            1 => false,
            _ => return Err(Failure::Argument("options", "has a leave_alternate_stacks that is neither 0 nor 1")),
        };
        replace(&mut options.chunk_size, self.chunk_size)?;
        replace(&mut options.windows, self.windows)?;
        replace(&mut options.rooms, self.rooms)?;
        replace(&mut options.room_size, self.room_size)?;
        replace(&mut options.key_cells, self.key_cells)?;
        replace(&mut options.max_key_cells, self.max_key_cells)?;
        options.agreement = self.agreement_rooms != 0;
        replace(&mut options.agreement_rooms, self.agreement_rooms)?;
        replace(&mut options.agreement_room_size, self.agreement_room_size)?;
        if self.patience != 0 {
            options.patience = Duration::from_millis(self.patience.into());
        }
        options.lifetime = (self.lifetime != 0).then(|| Duration::from_millis(self.lifetime.into()));
        if self.max_document != 0 {
            options.max_document = self.max_document;
        }
        Ok(options)
    }
}
