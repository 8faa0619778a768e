//! What a receipt says, field by field and in plain words: what was overwritten, where, and what is unknown.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::buffer::{Cause, CopyClass, ErasedCopy};
use crate::receipt::event::{Event, Method, NotCovered, RelayFigures, Retained};
use crate::types::{Protections, Role, SessionId};

/// The content of a receipt. It names no person, holds no digest of a document, and no exact size.
///
/// Only [`Receipt::issue`](crate::receipt::Receipt::issue), [`verify`](crate::receipt::verify) and
/// [`read_unverified`](crate::receipt::read_unverified) make one. [`fmt::Display`] writes it for a reader who does not know
/// the format.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(shokyo_model, derive(Hash))]
pub struct Statement {
    /// The receipt's identifier: SHA-256 over the signing key's id and everything else in the statement.
    pub receipt_id: [u8; 32],
    /// The session it is about.
    pub session: SessionId,
    /// What kind of station speaks.
    pub role: Role,
    /// The station's name.
    pub station: String,
    /// Who runs it.
    pub operator: String,
    /// The code of the responsible post, from the station's configuration; not a person.
    pub post: String,
    /// What kind of document, as the operator names it; not whose.
    pub kind: String,
    /// What happened.
    pub event: Event,
    /// What was to happen, when [`Event::NotErased`] took its place.
    pub attempted: Option<Event>,
    /// Why.
    pub cause: Cause,
    /// What was overwritten, by class in ascending order. Bytes, and the numbers of ranges in every class but the keys, are
    /// rounded up to powers of two, so that they tell no document's size.
    pub copies: Vec<ErasedCopy>,
    /// How; absent when nothing was overwritten.
    pub method: Option<Method>,
    /// What the station still holds, in ascending order.
    pub retained: Vec<Retained>,
    /// Protections that the memory had.
    pub protections: Protections,
    /// What the receipt says nothing about, in ascending order.
    pub not_covered: Vec<NotCovered>,
    /// When the station opened the session, in milliseconds since 1970-01-01 UTC by its own clock.
    pub opened_unix_ms: u64,
    /// When the event happened, in milliseconds since 1970-01-01 UTC by its own clock.
    pub event_unix_ms: u64,
    /// From opening to the event in milliseconds, on a clock that counts suspended time; absent across a restart.
    pub duration_ms: Option<u64>,
    /// What a relay measured; bytes and frames are rounded up to powers of two.
    pub relay: Option<RelayFigures>,
    /// A window was lent when the deadline passed, and came back at this time, in milliseconds since 1970-01-01 UTC.
    pub window_lent_until_unix_ms: Option<u64>,
    /// The version of the software.
    pub software: String,
    /// The build of the software.
    pub build: String,
    /// SHA-256 of the station's previous receipt.
    pub previous: Option<[u8; 32]>,
}

impl Statement {
    /// Whether something was overwritten and everything that was to be overwritten was read back as zeros.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.copies.iter().all(|copy| copy.failed == 0) && self.copies.iter().any(|copy| copy.verified > 0)
    }

    /// The statement in plain English, in lines.
    #[must_use]
    pub fn describe(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Receipt {} about session {}", SessionId(self.receipt_id), self.session)?;
        writeln!(
            f,
            "Station: {} {:?} of {:?}; responsible post {:?}",
            self.role, self.station, self.operator, self.post
        )?;
        writeln!(f, "Document kind: {:?}", self.kind)?;
        writeln!(f, "Event: {}: {}", self.event, self.event.meaning())?;
        if let Some(attempted) = self.attempted {
            writeln!(f, "Attempted: {attempted}, which cannot be claimed")?;
        }
        writeln!(f, "Cause: {}", self.cause.name())?;
        write!(f, "Times: opened {}, event {}", Utc(self.opened_unix_ms), Utc(self.event_unix_ms))?;
        match self.duration_ms {
            Some(duration) => writeln!(f, ", {duration} ms between them")?,
            None => writeln!(f, "; the time between them was not measured")?,
        }
        self.write_copies(f)?;
        self.write_held(f)?;
        writeln!(f, "Active protections of the memory for keys and plaintext: {}", self.protections)?;
        writeln!(f, "Not covered, and therefore unknown:")?;
        for not_covered in &self.not_covered {
            writeln!(f, "  - {not_covered}")?;
        }
        writeln!(f, "Software: shokyo {}, build {}", self.software, self.build)?;
        match self.previous {
            Some(hash) => write!(f, "Previous receipt of this station: SHA-256 {}", SessionId(hash)),
            None => write!(f, "Previous receipt of this station: none named"),
        }
    }
}

impl Statement {
    fn write_copies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.copies.is_empty() {
            writeln!(f, "Overwritten: nothing that this receipt vouches for")?;
        } else {
            writeln!(f, "Overwritten:")?;
        }
        for copy in &self.copies {
            let at_most = if is_bucketed(copy.class) { "at most " } else { "" };
            writeln!(
                f,
                "  - {}: {at_most}{} ranges read back as zeros, {at_most}{} not verified; at most {} bytes",
                copy.class.name(),
                copy.verified,
                copy.failed,
                copy.bytes
            )?;
        }
        match self.method {
            Some(method) => writeln!(f, "Method: {method}"),
            None => Ok(()),
        }
    }

    fn write_held(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.retained.is_empty(), self.event) {
            (false, _) => {
                writeln!(f, "Still retained:")?;
                for retained in &self.retained {
                    writeln!(f, "  - {}, until {} at the latest", retained.class.name(), Utc(retained.until_unix_ms))?;
                }
            }
            (true, event) if event.claims_erasure() || event == Event::Forgotten => {
                writeln!(f, "Still retained: nothing that this station tracks")?;
            }
            (true, _) => writeln!(f, "Still retained: unknown")?,
        }
        if let Some(until) = self.window_lent_until_unix_ms {
            writeln!(f, "A window that showed plaintext was lent beyond the deadline, until {}", Utc(until))?;
        }
        if let Some(relay) = self.relay {
            writeln!(
                f,
                "Relayed: at most {} frames; at most {} bytes held at one moment, none longer than {} ms",
                relay.frames, relay.peak_bytes, relay.longest_hold_ms
            )?;
        }
        Ok(())
    }
}

/// Whether the number of ranges in a class would tell the document's size.
pub(super) const fn is_bucketed(class: CopyClass) -> bool {
    !matches!(class, CopyClass::Key | CopyClass::WrappedKey)
}

/// A time as RFC 3339 writes it, in UTC with milliseconds.
struct Utc(u64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, in_day) = (self.0 / 86_400_000, self.0 % 86_400_000);
        // Days since 1970-01-01 to a date of the Gregorian calendar, counted in 400-year eras that begin on 1 March.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let (hours, minutes) = (in_day / 3_600_000, in_day / 60_000 % 60);
        let (seconds, millis) = (in_day / 1_000 % 60, in_day % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates_across_leap_years() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_679_875_200_000, "2023-03-27T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Utc(unix_ms).to_string(), text);
        }
    }

    #[test]
    fn even_the_last_time_can_be_written() {
        assert!(Utc(u64::MAX).to_string().ends_with('Z'));
    }
}
