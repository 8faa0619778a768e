//! The station's way to its journal: what was written comes back as a token in the driver's queue.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::custody::{self, Store};
use crate::error::Error;
use crate::handover::Persist;

/// A record was written, or could not be.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) token: u64,
    pub(super) outcome: Result<(), Error>,
}

/// The journal of a station. Dropping it waits for the last record.
pub(super) struct Journal {
    journal: custody::Journal,
    done: UnboundedSender<Written>,
}

impl Journal {
    pub(super) fn start(
        store: Store,
        retention: Option<Duration>,
        done: UnboundedSender<Written>,
    ) -> Result<Self, Error> {
        Ok(Self { journal: custody::Journal::start(store, retention)?, done })
    }

    /// Hands a record over; its token comes back when it is durable.
    pub(super) fn write(&self, persist: Persist, unix_ms: u64) {
        let Persist { token, record } = persist;
        let done = self.done.clone();
        // A driver that is gone waits for nothing.
        self.journal.write(record, unix_ms, move |outcome| drop(done.send(Written { token, outcome })));
    }
}
