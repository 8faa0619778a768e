//! Custody of the evidence: a durable store of sessions, receipts and alarms, the log that shows that nothing of it was changed, and
//! the checks of both.
//!
//! [`Store`] is one SQLite file per station, which an auditor can open with any SQLite client (`schema.sql`,
//! `docs/receipts.md`). This module must never hold a key, a document or anything about a person, never report a record as
//! written before it is durable, never change one, and delete one only when it is older than the configured period and the log
//! says so.
//!
//! ```
//! use shokyo::custody::log::NoteSigner;
//! use shokyo::custody::{LogCheck, LogKey, Store, verify_log};
//! use shokyo::handover::suite::SigningKey;
//! use shokyo::handover::{Outcome, Record};
//! use shokyo::types::SessionId;
//! use shokyo::{Vault, VaultOptions};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("store.sqlite3");
//! let mut options = VaultOptions::new();
//! options.agreement = true;
//! let key = LogKey::new(SigningKey::generate(&Vault::open(options)?)?, "an-operator", "kiosk-1")?;
//! let verifier = key.verifier_key().clone(); // what an auditor gets
//!
//! let session = SessionId([1; 32]);
//! let mut store = Store::open_signed(&file, Box::new(key))?;
//! // What is written is durable when this returns.
//! store.write(&Record::Opened { session, kind: "resident-certificate".into() }, 1_790_000_000_000)?;
//! let kept = store.newest_checkpoint()?.unwrap(); // to be kept elsewhere
//! store.write(&Record::Ended { session, outcome: Outcome::Unresolved }, 1_790_000_060_000)?;
//!
//! // Whoever has the file and the verifier key. Receipts would need their stations' keys.
//! let check = LogCheck { keys: &[verifier], receipt_keys: &|_| None, known: &[kept] };
//! let report = verify_log(&Store::open_read_only(&file)?, &check)?;
//! assert!(report.is_clean() && report.size == 2 && report.checkpoints == 2);
//! # Ok::<(), shokyo::Error>(())
//! ```
#![forbid(unsafe_code)]

mod batch;
mod certificates;
mod completeness;
mod entry;
mod failure;
mod journal;
pub mod log;
mod log_key;
mod outbox;
mod publish;
mod reconcile;
mod records;
pub mod report;
mod restart;
mod retention;
mod rows;
mod signing;
mod store;
mod summary;
mod verify;

pub use certificates::StoredCertificate;
pub use completeness::{Report, check_session, check_session_by_key_id};
pub use entry::{EntryKind, Expired};
pub use journal::{Done, Journal};
pub use log_key::LogKey;
pub use publish::ReceiptProof;
pub use reconcile::{DueBy, Gap, Incomplete, Keeper, Reconciled, reconcile};
pub use restart::record_lost;
pub use rows::{Alarm, OpenSession, Session, StoredReceipt};
pub use signing::LogSigner;
pub use store::Store;
pub use summary::Counts;
pub use verify::{LogCheck, LogReport, Place, Problem, ReceiptKeys, verify_log};
