//! Logs of stores for C: whether a store is what its log says, its checkpoint, and publishing it.

use std::ffi::{c_char, c_void};
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::arguments::{Out, PublicStruct, StructOut, TextOut, read_struct, text};
use super::boundary::{Failure, guarded};
use super::handles;
use super::shokyo_status;
use super::store::{LONGEST_PATH, going_on, null_terminated, shokyo_store};
use crate::custody::log::{Folder, VerifierKey};
use crate::custody::{EntryKind, LogCheck, LogReport, Store, verify_log};
use crate::error::Error;
use crate::handover::{KeyUse, Trust};
use crate::receipt::Unverified;
use crate::station::config::TrustFiles;
use crate::station::trust::Authorities;

/// How many kinds of entries a log has: opened, own receipt, another's receipt, printing began, alarm, ended, expired.
pub const SHOKYO_LOG_ENTRY_KINDS: usize = 7;

/// The longest text of keys or of a checkpoint, in bytes.
const LONGEST_TEXT: usize = 1 << 20;

/// What an auditor brings to verify a log. Texts are null-terminated and in UTF-8.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_log_check {
    /// sizeof(shokyo_log_check).
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The verifier keys that the log may have signed with (C2SP, name+id+key), one on a line: the present one, and earlier ones if it was
    /// changed. From the operator, never from the store.
    pub keys: *const c_char,
    /// A checkpoint of this log that was kept elsewhere, a signed note: only that shows that the newest entries were cut off. NULL: none.
    pub known: *const c_char,
    /// The path of a configuration, or of a file with its table `trust` alone, that names the authorities to believe about receipts. NULL:
    /// the signatures of receipts are not verified.
    pub trust: *const c_char,
    /// The path of certificates of other stations for receipts (PEM, as many as there are), believed if the authorities vouch for them.
    /// NULL: only the station's own, which are in its store.
    pub certificates: *const c_char,
}

/// What was found about a log.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_log_report {
    /// sizeof(shokyo_log_report), set by the caller.
    pub struct_size: u32,
    /// 1 when a checkpoint was found whose signature verifies; 0: nothing that the log says is vouched for.
    pub is_signed: u32,
    /// How many problems there are. Anything but 0 is an alarm.
    pub problems: u64,
    /// Entries in the log.
    pub size: u64,
    /// The root over all of them (RFC 9162).
    pub root: [u8; 32],
    /// How many entries the newest checkpoint covers whose signature verifies.
    pub checkpoint_size: u64,
    /// How many entries of each kind, expired ones included.
    pub entries: [u64; SHOKYO_LOG_ENTRY_KINDS],
    /// Receipts whose signatures verify.
    pub receipts_verified: u64,
    /// Receipts for whose signers no key was given: nothing is known of their signatures.
    pub receipts_without_key: u64,
    /// Entries whose rows were deleted because they were old, as a signed entry says.
    pub expired: u64,
    /// How many checkpoints were compared.
    pub checkpoints: u64,
}

// SAFETY: `repr(C)`, the size first, another 32-bit integer and pointers, of which any value may be read, without padding.
unsafe impl PublicStruct for shokyo_log_check {
    const NAME: &'static str = "check";
    const LEAST: usize = 8 + size_of::<*const c_char>();
}

// SAFETY: `repr(C)`, the size first, a 32-bit integer, 64-bit integers and bytes without padding (4+4+8+8+32+8+56+32).
unsafe impl PublicStruct for shokyo_log_report {
    const NAME: &'static str = "report";
    const LEAST: usize = 152;
}

/// Looks at a problem of a log: where and what, null-terminated, in English. As shokyo_session_reader.
pub type shokyo_problem_reader =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, problem: *const c_char) -> i32>;

/// Copies out the newest checkpoint of the store's log, a signed note (C2SP): keep it elsewhere, for shokyo_store_verify_log.
///
/// store: stays the caller's. text: where to write it, null-terminated and cut to fit; may be NULL when size is 0. size: bytes at text.
/// length: receives the length of the whole text without its null; 0 while nothing was signed.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_checkpoint(
    store: *const shokyo_store,
    text: *mut c_char,
    size: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or places for that many bytes and for a number.
        let out = unsafe { TextOut::new(text, size, length) }?;
        out.write(&handles::get(store)?.lock().newest_checkpoint()?.unwrap_or_default());
        Ok(())
    })
}

/// Verifies that a store is what its log says, and the log what it signed: every entry is computed again from the rows, the tree from the
/// entries, and compared with the signed checkpoints. The store is read whole, as it is at one moment; all processors are used.
///
/// store: stays the caller's. check: read during the call. report: with its struct_size set; receives what was found. Look at its field
/// problems: success of the call says that the store was read, not that nothing is wrong. reader: NULL, or a callback for the first
/// thousand problems. user_data: passed to it as it is, may be NULL.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE; MALFORMED for what is no verifier key; CONFIGURATION about the files; STORE, MALFORMED when
/// the file cannot be read as a store at all; CALLBACK_STOPPED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_verify_log(
    store: *const shokyo_store,
    check: *const shokyo_log_check,
    report: *mut shokyo_log_report,
    reader: shokyo_problem_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(report) }?;
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let check = unsafe { read_struct(check) }?;
        // SAFETY: the caller gives null-terminated texts, or NULL.
        let brought = unsafe { Brought::read(&check) }?;
        let store = handles::get(store)?;
        let found = brought.verify(&store.lock())?;
        if let Some(reader) = reader {
            for problem in &found.problems {
                let problem = null_terminated(problem.to_string());
                // SAFETY: the caller gives a function of this type, and the text is readable until it returns.
                going_on(unsafe { reader(user_data, problem.as_ptr()) })?;
            }
        }
        out.write(shokyo_log_report::from(&found));
        Ok(())
    })
}

/// Publishes a store's log into a folder, as static files that anyone may see (C2SP tlog-tiles): the newest checkpoint, the tiles, and
/// the salted leaves, which tell nothing of the entries. Again and again into the same folder: what is there is not written again.
///
/// store: stays the caller's. folder: its path, null-terminated, in UTF-8; made if it is not there. key: the verifier key of the log (C2SP,
/// name+id+key), null-terminated. files: receives how many files were written.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, STORE; MALFORMED for what is no verifier key; WRONG_STATE while nothing was signed; BUSY while
/// another process writes to the folder; BAD_SIGNATURE, MISMATCH when the checkpoint is not the key's, or what was published before and
/// the store are not of one history: nothing that was published is changed; IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_store_publish(
    store: *const shokyo_store,
    folder: *const c_char,
    key: *const c_char,
    files: *mut u64,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for a number.
        let files = unsafe { Out::new(files, "files") }?;
        // SAFETY: the caller gives NULL or a null-terminated text.
        let folder = unsafe { text(folder, LONGEST_PATH, "folder") }?;
        // SAFETY: as above.
        let key = VerifierKey::parse(unsafe { text(key, LONGEST_TEXT, "key") }?)?;
        let store = handles::get(store)?;
        let written = store.lock().publish(&Folder::open(Path::new(folder))?, &key, &[])?;
        files.write(written);
        Ok(())
    })
}

/// What an auditor brought, read.
struct Brought {
    keys: Vec<VerifierKey>,
    known: Vec<String>,
    authorities: Option<Authorities>,
    certificates: Vec<Vec<u8>>,
}

impl Brought {
    /// # Safety
    /// Pointers in `check` that are not null point to null-terminated texts.
    unsafe fn read(check: &shokyo_log_check) -> Result<Self, Failure> {
        if check.reserved != 0 {
            return Err(Failure::Argument("check", "has a reserved field that is not 0"));
        }
        // SAFETY: passed on to the caller.
        let keys = unsafe { text(check.keys, LONGEST_TEXT, "check.keys") }?;
        let keys = keys.lines().filter(|line| !line.trim().is_empty()).map(|line| VerifierKey::parse(line.trim()));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(Failure::Argument("check.keys", "has no key of a log"));
        }
        let optional = |pointer: *const c_char, longest, name| {
            // SAFETY: passed on to the caller.
            if pointer.is_null() { Ok(None) } else { unsafe { text(pointer, longest, name) }.map(Some) }
        };
        let known = optional(check.known, LONGEST_TEXT, "check.known")?.map(String::from).into_iter().collect();
        let trust = optional(check.trust, LONGEST_PATH, "check.trust")?;
        let certificates = optional(check.certificates, LONGEST_PATH, "check.certificates")?;
        if certificates.is_some() && trust.is_none() {
            return Err(Failure::Argument("check.certificates", "come without check.trust"));
        }
        let load = |path| TrustFiles::load(Path::new(path)).and_then(|files| Authorities::load(&files));
        let authorities = trust.map(load).transpose()?;
        let certificates = certificates.map_or(Ok(Vec::new()), |path| certificates_in(Path::new(path)))?;
        Ok(Self { keys, known, authorities, certificates })
    }

    fn verify(mut self, store: &Store) -> Result<LogReport, Error> {
        self.certificates.extend(store.certificates()?.into_iter().map(|stored| stored.certificate));
        let receipt_keys = |unverified: &Unverified| self.key_of(unverified);
        verify_log(store, &LogCheck { keys: &self.keys, receipt_keys: &receipt_keys, known: &self.known })
    }

    /// The key of the station that a receipt claims to be by, from a certificate that the authorities vouched for at the time that it
    /// claims.
    fn key_of(&self, unverified: &Unverified) -> Option<[u8; 32]> {
        let (authorities, says) = (self.authorities.as_ref()?, &unverified.statement);
        self.certificates.iter().find_map(|certificate| {
            let signer = authorities.identify(certificate, KeyUse::Receipts, says.event_unix_ms).ok()?;
            let named = signer.role == says.role && signer.station == says.station && signer.operator == says.operator;
            (named && crate::receipt::key_id(&signer.key) == unverified.key_id).then_some(signer.key)
        })
    }
}

/// The certificates in a PEM file.
fn certificates_in(file: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let unreadable = |_| Error::Configuration {
        reason: format!("{}: no certificate (PEM) can be read from it; check the path", file.display()),
    };
    let found = CertificateDer::pem_file_iter(file).map_err(unreadable)?;
    found.map(|certificate| certificate.map(|der| der.to_vec()).map_err(unreadable)).collect()
}

impl From<&LogReport> for shokyo_log_report {
    fn from(found: &LogReport) -> Self {
        Self {
            struct_size: 0,
            is_signed: found.checkpoint.is_some().into(),
            problems: found.problem_count,
            size: found.size,
            root: found.root,
            checkpoint_size: found.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size),
            entries: found.entries,
            receipts_verified: found.receipts_verified,
            receipts_without_key: found.receipts_without_key,
            expired: found.expired,
            checkpoints: found.checkpoints,
        }
    }
}

const _: () = assert!(SHOKYO_LOG_ENTRY_KINDS == EntryKind::ALL.len());
