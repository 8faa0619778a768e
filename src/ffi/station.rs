//! Stations for C: opened from the configuration file that the command `shokyo station` takes, and shared by everything that is
//! done in their name.

use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::arguments::{Out, PublicStruct, StructOut, fixed, read_struct, text};
use super::boundary::{Failure, guarded};
use super::handles::{self, Handle, Kind, Place, Use};
use super::link::Links;
use super::vault::{VaultState, shokyo_vault};
use super::{log, shokyo_status};
use crate::custody::{Journal, OpenSession};
use crate::error::Error;
use crate::handover::Crypto;
use crate::handover::suite::StationCrypto;
use crate::station::config::Config;
use crate::station::open::{Memory, Opened, Prepared};
use crate::station::trust::Authorities;
use crate::types::{Protections, Role};

/// The longest path of a configuration file, in bytes.
const LONGEST_PATH: usize = 4096;

/// A station: its configuration, keys, authorities, memory for documents, and store. A handle, not an address.
pub struct shokyo_station {
    _opaque: [u8; 0],
}

/// What a station's host decides beside the configuration. 0 in a field stands for its default.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_station_options {
    /// sizeof(shokyo_station_options).
    pub struct_size: u32,
    /// As in shokyo_vault_options: 1 for hosts whose runtime handles faults on alternate signal stacks.
    pub leave_alternate_stacks: u32,
    /// Milliseconds to wait for a window or a room. Default: 5000.
    pub patience: u32,
    /// 0: records go to the store that the configuration names, which is also where a process that died is found out. 1: the host keeps
    /// them in a database of its own (see shokyo_record); the store is not opened, nothing is found to be lost, and there is no
    /// shokyo_outbox.
    pub records_by_host: u32,
    /// With records_by_host: 1 when last_receipt is given; 0 for a station that has not made a receipt yet.
    pub has_last_receipt: u32,
    /// With records_by_host: the SHA-256 of the receipt that the station made last, which its next one names.
    pub last_receipt: [u8; 32],
}

/// What a station is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_station_info {
    /// sizeof(shokyo_station_info), set by the caller.
    pub struct_size: u32,
    /// One of SHOKYO_ROLE_.
    pub role: u32,
    /// The protections that the memory for keys and documents has, as SHOKYO_PROTECTION_ flags.
    pub protections: u32,
    /// How many sessions an earlier process had left open: see shokyo_station_lost_at.
    pub lost_sessions: u32,
    /// The station's name, null-terminated: at most 63 of a-z, 0-9 and inner hyphens.
    pub station: [c_char; 64],
    /// Who runs it, null-terminated, of the same form.
    pub operator_name: [c_char; 64],
}

/// A session that an earlier process of a station had left open.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_lost_session {
    /// sizeof(shokyo_lost_session), set by the caller.
    pub struct_size: u32,
    /// 1 when printing had begun: the document may be printed, in part or whole, and must not be printed again; otherwise 0.
    pub print_started: u32,
    /// The session.
    pub session: [u8; 32],
    /// When it was opened, in milliseconds since 1970-01-01 UTC.
    pub opened_unix_ms: u64,
    /// What kind of document, null-terminated.
    pub kind: [c_char; 72],
}

// SAFETY: `repr(C)`, the size first, four 32-bit integers and bytes without padding.
unsafe impl PublicStruct for shokyo_station_options {
    const NAME: &'static str = "options";
    const LEAST: usize = 4;
}

// SAFETY: `repr(C)`, the size first, three 32-bit integers and characters without padding (4*4+64+64).
unsafe impl PublicStruct for shokyo_station_info {
    const NAME: &'static str = "info";
    const LEAST: usize = 144;
}

// SAFETY: `repr(C)`, the size first, a 32-bit integer, bytes, a 64-bit integer and characters without padding (4+4+32+8+72).
unsafe impl PublicStruct for shokyo_lost_session {
    const NAME: &'static str = "lost";
    const LEAST: usize = 120;
}

/// A station that is open. What is done in its name keeps it alive beyond its handle.
pub(super) struct StationState {
    config: Config,
    crypto: StationCrypto,
    trust: Arc<Authorities>,
    vault: Arc<VaultState>,
    protections: Protections,
    lost: Vec<OpenSession>,
    /// The way to the store; without one the host keeps the records.
    journal: Option<Journal>,
    /// How many records were made. Held while a machine takes an input and its records go to the journal: receipts are written in the
    /// order in which they are made, because each names the one before it.
    order: Mutex<u64>,
    /// Transactions of a kiosk that are there.
    transactions: AtomicUsize,
    links: Links,
}

impl Handle for shokyo_station {
    type Object = Arc<StationState>;
    const KIND: Kind = Kind::Station;
    const NAME: &'static str = "the station";
}

/// Opens a station: reads its configuration, certificates and authorities, reads its keys into locked memory, opens the memory for its
/// documents and its store, and writes down as lost, before anything else, what an earlier process had left open. A process has one
/// station as a rule. Nothing is connected and nothing runs by itself, but for one thread that writes the store.
///
/// path: the configuration file (TOML), null-terminated, in UTF-8; paths inside are relative to it. options: NULL for the defaults.
/// station: receives the handle, which the caller owns and gives to shokyo_station_free.
/// Threads: any; the station may be used by all threads at once. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT; CONFIGURATION, of which shokyo_detail names the file, the key and the remedy; IO; UNTRUSTED for a
/// certificate of its own that its authorities do not vouch for; STORE, for instance while another process writes it; MISMATCH when the
/// store is another station's; LOCKED_MEMORY_EXHAUSTED, PROTECTION_UNAVAILABLE, ROOM_TOO_SMALL, OUT_OF_MEMORY, RANDOMNESS_UNAVAILABLE,
/// HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_station_open(
    path: *const c_char,
    options: *const shokyo_station_options,
    station: *mut *mut shokyo_station,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let station = unsafe { Out::new(station, "station") }?;
        // SAFETY: the caller gives NULL or a null-terminated text.
        let path = unsafe { text(path, LONGEST_PATH, "path") }?;
        let options = if options.is_null() {
            shokyo_station_options::default()
        } else {
            // SAFETY: the caller gives a struct of the size that it states.
            unsafe { read_struct(options) }?
        };
        let (memory, keeping) = options.to_library()?;
        let place = Place::reserve()?;
        let opened = StationState::open(Path::new(path), &memory, keeping)?;
        log::lost(opened.lost.len() as u64);
        station.write(place.fill(Arc::new(opened)));
        Ok(())
    })
}

/// Tells what a station is.
///
/// station: stays the caller's. info: with its struct_size set; receives the answer.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_station_describe(
    station: *const shokyo_station,
    info: *mut shokyo_station_info,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let info = unsafe { StructOut::new(info) }?;
        let station = station_of(station)?;
        call.ends(&station.vault);
        info.write(shokyo_station_info {
            struct_size: 0,
            role: station.role() as u32,
            protections: station.protections.bits(),
            lost_sessions: u32::try_from(station.lost.len()).unwrap_or(u32::MAX),
            station: fixed(&station.config.station),
            operator_name: fixed(&station.config.operator),
        });
        Ok(())
    })
}

/// Tells of a session that an earlier process had left open. It is on record as lost, with an alarm and a receipt that says so.
///
/// station: stays the caller's. index: below lost_sessions of shokyo_station_describe; the oldest session comes first. lost: with its
/// struct_size set; receives the answer.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_station_lost_at(
    station: *const shokyo_station,
    index: usize,
    lost: *mut shokyo_lost_session,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(lost) }?;
        let station = station_of(station)?;
        call.ends(&station.vault);
        let outside = Error::OutOfRange { at: index as u64, length: station.lost.len() as u64 };
        let lost = station.lost.get(index).ok_or(outside)?;
        out.write(shokyo_lost_session {
            struct_size: 0,
            print_started: lost.print_started.into(),
            session: lost.session.0,
            opened_unix_ms: lost.opened_unix_ms,
            kind: fixed(&lost.kind),
        });
        Ok(())
    })
}

/// Gives the vault that holds the station's documents, to be asked what protects it, and to erase all its documents at once with
/// shokyo_vault_erase_all. Its sessions then end as they meet the loss of their keys; the station's own keys lie elsewhere, so that receipts
/// can still be signed.
///
/// station: stays the caller's. vault: receives a handle, which the caller owns and gives to shokyo_vault_free.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_station_vault(
    station: *const shokyo_station,
    vault: *mut *mut shokyo_vault,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let vault = unsafe { Out::new(vault, "vault") }?;
        let station = station_of(station)?;
        call.ends(&station.vault);
        let place = Place::reserve()?;
        vault.write(place.fill(Arc::clone(&station.vault)));
        Ok(())
    })
}

/// Reads the revocation lists again that the configuration names: to be called every minute or so. Stations that a new list names are
/// refused from then on; if a list cannot be read, those that are known stay in force.
///
/// station: stays the caller's.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE; CONFIGURATION, IO, UNTRUSTED for a list that cannot be used, of which shokyo_detail names the file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_station_reload_revocation(station: *const shokyo_station) -> shokyo_status {
    guarded(|call| {
        let station = station_of(station)?;
        call.ends(&station.vault);
        Ok(station.trust.reload_revocation(&station.config.trust)?)
    })
}

/// Gives up the handle. What was begun in the station's name lives on; memory, keys and store are closed with the last of it, when
/// every record is written.
///
/// station: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a station that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_station_free(station: *mut shokyo_station) -> shokyo_status {
    guarded(|call| {
        handles::free(station)?.inspect(|station| call.ends(&station.vault));
        Ok(())
    })
}

/// The station of a handle.
pub(super) fn station_of(station: *const shokyo_station) -> Result<Use<Arc<StationState>>, Failure> {
    handles::get(station)
}

impl StationState {
    fn open(path: &Path, memory: &Memory, keeping: Keeping) -> Result<Self, Error> {
        let config = Config::load(path)?;
        let prepared = Prepared::new(&config, memory)?;
        let protections = prepared.protections;
        let (crypto, trust, lost, journal) = match keeping {
            Keeping::Host { last_receipt } => {
                let (crypto, trust) = prepared.without_store(last_receipt);
                (crypto, trust, Vec::new(), None)
            }
            Keeping::Store => {
                let Opened { crypto, trust, store, lost } = prepared.open_store(&config)?;
                (crypto, trust, lost, Some(Journal::start(store, config.custody.retention())?))
            }
        };
        Ok(Self {
            vault: VaultState::new(crypto.vault().clone())?,
            config,
            crypto,
            trust,
            protections,
            lost,
            journal,
            order: Mutex::new(0),
            transactions: AtomicUsize::new(0),
            links: Links::default(),
        })
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    pub(super) const fn crypto(&self) -> &StationCrypto {
        &self.crypto
    }

    pub(super) const fn trust(&self) -> &Arc<Authorities> {
        &self.trust
    }

    /// The vault of the documents, which a panic in the station's name erases.
    pub(super) const fn vault(&self) -> &Arc<VaultState> {
        &self.vault
    }

    /// What the station's links share.
    pub(super) const fn links(&self) -> &Links {
        &self.links
    }

    pub(super) fn role(&self) -> Role {
        self.crypto.station().role
    }

    /// The way to the store; without one the host keeps the records.
    pub(super) const fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Held for one input, never while the host's code runs: how many records were made.
    pub(super) fn in_order(&self) -> MutexGuard<'_, u64> {
        // It guards an order, which a panic does not undo.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl shokyo_station_options {
    fn to_library(self) -> Result<(Memory, Keeping), Failure> {
        let scrub_alternate_stack = match self.leave_alternate_stacks {
            0 => true,
            1 => false,
            _ => return Err(Failure::Argument("options", "has a leave_alternate_stacks that is neither 0 nor 1")),
        };
        let patience = (self.patience != 0).then(|| Duration::from_millis(self.patience.into()));
        let keeping = match (self.records_by_host, self.has_last_receipt) {
            (0, 0) => Keeping::Store,
            (1, 0) => Keeping::Host { last_receipt: None },
            (1, 1) => Keeping::Host { last_receipt: Some(self.last_receipt) },
            _ => {
                let problem = "has a records_by_host or has_last_receipt that is neither 0 nor 1, or the second alone";
                return Err(Failure::Argument("options", problem));
            }
        };
        Ok((Memory { scrub_alternate_stack, patience }, keeping))
    }
}

/// Who keeps the records.
enum Keeping {
    Store,
    Host { last_receipt: Option<[u8; 32]> },
}

/// A place among the transactions of a kiosk that may be there at once; dropping it gives it back.
pub(super) struct TransactionPlace(Arc<StationState>);

impl TransactionPlace {
    pub(super) fn take(station: &Arc<StationState>) -> Result<Self, Error> {
        let limit = station.config.policy().max_sessions;
        let more = |count: usize| (count < limit).then_some(count + 1);
        match station.transactions.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self(Arc::clone(station))),
            Err(_) => Err(Error::Busy { what: "transactions", limit: limit as u64 }),
        }
    }
}

impl Drop for TransactionPlace {
    fn drop(&mut self) {
        self.0.transactions.fetch_sub(1, Ordering::Relaxed);
    }
}
