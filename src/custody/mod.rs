//! Custody of the evidence: a durable store of sessions, receipts and alarms, the log that shows that nothing of it was changed, and
//! the checks of both.
//!
//! [`Store`] is one SQLite file per station, which an auditor can open with any SQLite client (`schema.sql`,
//! `docs/receipts.md`). This module must never hold a key, a document or anything about a person, never report a record as
//! written before it is durable, never change one, and delete one only when it is older than the configured period and the log
//! says so.
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
