//! Defects that a model puts into the machines on purpose, one at a time, to show that it finds them.

use std::sync::atomic::{AtomicU8, Ordering};

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Defect {
    /// The issuer keeps the document until the kiosk answers.
    WipeLate = 1,
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
