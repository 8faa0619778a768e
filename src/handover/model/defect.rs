//! Defects that a test puts into the machines on purpose, one at a time, to show that the model finds them.

use std::sync::atomic::{AtomicU8, Ordering};

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Defect {
    /// The issuer keeps a copy of the document when it releases the key.
    IssuerKeepsDocument = 1,
    /// The issuer wraps the key, and does not wait until the receipt for its wipe is durable.
    ReleaseUnrecorded,
    /// The kiosk does not compare the subject tag.
    SubjectUnchecked,
    /// The kiosk sets no deadline for a document that is open.
    NoDeliverDeadline,
    /// A relay keeps an application that waits for its record when the session is over.
    RelayForgetsWaiting,
    /// A relay makes its receipt while it still holds a frame.
    RelayReportsEarly,
    /// A relay does not count the chunks it passes on.
    RelayCountsNothing,
    /// The issuer calls a session complete whatever the kiosk's receipt tells.
    CompleteUndelivered,
    /// The kiosk calls a session complete whatever the issuer, which has read the receipts, calls it.
    CompleteUntold,
    /// The kiosk lets print before that is on record.
    PrintUnrecorded,
    /// The kiosk lets print as often as it is asked.
    PrintAgain,
    /// The issuer takes a repeated receipt for a new one.
    ReceiptTwice,
    /// The issuer writes an alarm for each acknowledgement that is repeated.
    AcknowledgementTwice,
    /// The kiosk sends its application before the session is on record.
    ApplyUnrecorded,
    /// The issuer opens an application before the session is on record.
    OpenUnrecorded,
}

static ACTIVE: AtomicU8 = AtomicU8::new(0);

/// Puts one defect in, or takes it out.
pub(super) fn put(defect: Option<Defect>) {
    ACTIVE.store(defect.map_or(0, |defect| defect as u8), Ordering::SeqCst);
}

/// Whether this one is in.
pub(crate) fn is(defect: Defect) -> bool {
    ACTIVE.load(Ordering::Relaxed) == defect as u8
}
