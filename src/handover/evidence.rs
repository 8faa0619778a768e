//! From evidence to a receipt: the same story in the same words for every station.

use super::crypto::Crypto;
use crate::buffer::{Cause, Erasure};
use crate::error::Error;
use crate::receipt::{Details, Event, Receipt, RelayFigures};
use crate::types::Now;

/// What a receipt tells besides what was erased.
pub(super) struct Story<'a> {
    pub(super) event: Event,
    pub(super) cause: Cause,
    pub(super) kind: &'a str,
    pub(super) opened: Now,
    pub(super) now: Now,
    pub(super) relay: Option<RelayFigures>,
}

pub(super) fn make_receipt<C: Crypto>(crypto: &C, erasure: Erasure, story: &Story<'_>) -> Result<Receipt, Error> {
    let (opened, at) = (story.opened, story.now);
    let details = Details {
        duration_ms: Some(at.monotonic.since(opened.monotonic)),
        relay: story.relay,
        ..Details::new(story.event, story.cause, story.kind, opened.unix_ms, at.unix_ms)
    };
    crypto.receipt(erasure, &details)
}
