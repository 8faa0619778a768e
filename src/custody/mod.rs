//! Custody of the evidence: a durable store of sessions, receipts and alarms, and the check that a session's receipts are all
//! there.
//!
//! [`Store`] is one SQLite file per station, which an auditor can open with any SQLite client (`schema.sql`,
//! `docs/receipts.md`). This module must never hold a key, a document or anything about a person, never report a record as
//! written before it is durable, and never delete or change one.
#![forbid(unsafe_code)]

mod certificates;
mod completeness;
mod failure;
mod outbox;
mod restart;
mod rows;
mod store;

pub use certificates::StoredCertificate;
pub use completeness::{Report, check_session};
pub use restart::record_lost;
pub use rows::{Alarm, OpenSession, Session, StoredReceipt};
pub use store::Store;
