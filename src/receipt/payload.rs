//! The payload: one deterministic CBOR map with integer labels (RFC 8949 §4.2.1). `docs/receipts.md` gives its CDDL.
//!
//! Every length is compared with its limit before anything is allocated; a payload that is not the one encoding of what it
//! says is refused.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decoder, Encoder};

use crate::buffer::{Cause, CopyClass, ErasedCopy};
use crate::error::Error;
use crate::receipt::event::{Event, Method, NotCovered, RelayFigures, Retained};
use crate::receipt::statement::Statement;
use crate::types::{Protections, Role, SessionId};

/// The newest version of a statement that is read.
const NEWEST: u64 = 2;
/// Bytes of UTF-8 in a text.
pub(super) const LONGEST_TEXT: usize = 64;
/// Entries in the list of retained copies.
pub(super) const MOST_RETAINED: usize = 32;

/// Encodes a statement; without its receipt id, for the hash that the id is, if `with_id` is false.
pub(super) fn encode(statement: &Statement, with_id: bool) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new(Vec::with_capacity(768));
    write(&mut encoder, statement, with_id).map_err(malformed)?;
    Ok(encoder.into_writer())
}

/// The version that a statement has: the first that knows all of its numbers.
fn version(statement: &Statement) -> u64 {
    statement.not_covered.iter().map(|not_covered| not_covered.since_version()).max().unwrap_or(1)
}

/// Decodes a payload.
///
/// # Errors
/// [`Error::UnsupportedVersion`], or [`Error::Malformed`] for everything that [`encode`] would not have made.
pub(super) fn decode(bytes: &[u8]) -> Result<Statement, Error> {
    let statement = read(bytes)?;
    if encode(&statement, true)? != bytes {
        return Err(MALFORMED);
    }
    Ok(statement)
}

/// Whether a text may stand in a receipt: 1 to 64 bytes, no control characters, which could forge lines of a report.
pub(super) fn check_text(text: &str, what: &'static str) -> Result<(), Error> {
    if text.len() > LONGEST_TEXT {
        return Err(Error::TooLarge { what, limit: LONGEST_TEXT as u64 });
    }
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Error::Malformed { what });
    }
    Ok(())
}

type Written = Result<(), minicbor::encode::Error<core::convert::Infallible>>;

fn write(e: &mut Encoder<Vec<u8>>, s: &Statement, with_id: bool) -> Written {
    let optional = [
        with_id,
        s.attempted.is_some(),
        s.method.is_some(),
        s.duration_ms.is_some(),
        s.relay.is_some(),
        s.window_lent_until_unix_ms.is_some(),
        s.previous.is_some(),
    ];
    e.map(17 + optional.into_iter().filter(|present| *present).count() as u64)?;
    e.u8(1)?.u64(version(s))?;
    if with_id {
        e.u8(2)?.bytes(&s.receipt_id)?;
    }
    e.u8(3)?.bytes(s.session.as_bytes())?;
    e.u8(4)?.u8(s.role as u8)?;
    e.u8(5)?.str(&s.station)?;
    e.u8(6)?.str(&s.operator)?;
    e.u8(7)?.str(&s.post)?;
    e.u8(8)?.str(&s.kind)?;
    e.u8(9)?.u8(s.event as u8)?;
    if let Some(attempted) = s.attempted {
        e.u8(10)?.u8(attempted as u8)?;
    }
    e.u8(11)?.u8(s.cause as u8)?;
    e.u8(12)?.array(s.copies.len() as u64)?;
    for copy in &s.copies {
        e.array(4)?.u8(copy.class as u8)?.u64(copy.verified)?.u64(copy.failed)?.u64(copy.bytes)?;
    }
    if let Some(method) = s.method {
        e.u8(13)?.u8(method as u8)?;
    }
    e.u8(14)?.array(s.retained.len() as u64)?;
    for retained in &s.retained {
        e.array(2)?.u8(retained.class as u8)?.u64(retained.until_unix_ms)?;
    }
    e.u8(15)?.u32(s.protections.bits())?;
    e.u8(16)?.array(s.not_covered.len() as u64)?;
    for not_covered in &s.not_covered {
        e.u8(*not_covered as u8)?;
    }
    e.u8(17)?.u64(s.opened_unix_ms)?;
    e.u8(18)?.u64(s.event_unix_ms)?;
    if let Some(duration) = s.duration_ms {
        e.u8(19)?.u64(duration)?;
    }
    if let Some(relay) = s.relay {
        e.u8(20)?.array(3)?.u64(relay.peak_bytes)?.u64(relay.longest_hold_ms)?.u64(relay.frames)?;
    }
    if let Some(until) = s.window_lent_until_unix_ms {
        e.u8(21)?.u64(until)?;
    }
    e.u8(22)?.str(&s.software)?;
    e.u8(23)?.str(&s.build)?;
    if let Some(previous) = &s.previous {
        e.u8(24)?.bytes(previous)?;
    }
    Ok(())
}

fn read(bytes: &[u8]) -> Result<Statement, Error> {
    let mut fields = Fields::new(bytes)?;
    let version = fields.required(1, Decoder::u64)?;
    if !(1..=NEWEST).contains(&version) {
        return Err(Error::UnsupportedVersion { found: version });
    }
    let statement = Statement {
        receipt_id: fields.required(2, |d| d.bytes())?.try_into().map_err(malformed)?,
        session: SessionId(fields.required(3, |d| d.bytes())?.try_into().map_err(malformed)?),
        role: known(fields.required(4, Decoder::u8)?, Role::from_number)?,
        station: fields.text(5, "a receipt's station")?,
        operator: fields.text(6, "a receipt's operator")?,
        post: fields.text(7, "a receipt's responsible post")?,
        kind: fields.text(8, "a receipt's document kind")?,
        event: known(fields.required(9, Decoder::u8)?, Event::from_number)?,
        attempted: fields.optional(10, Decoder::u8)?.map(|number| known(number, Event::from_number)).transpose()?,
        cause: known(fields.required(11, Decoder::u8)?, Cause::from_number)?,
        copies: fields.list(12, CopyClass::ALL.len(), copy)?,
        method: fields.optional(13, Decoder::u8)?.map(|number| known(number, Method::from_number)).transpose()?,
        retained: fields.list(14, MOST_RETAINED, retained)?,
        protections: Protections::from_bits(fields.required(15, Decoder::u32)?),
        not_covered: fields
            .list(16, NotCovered::ALL.len(), |d| known(d.u8().map_err(malformed)?, NotCovered::from_number))?,
        opened_unix_ms: fields.required(17, Decoder::u64)?,
        event_unix_ms: fields.required(18, Decoder::u64)?,
        duration_ms: fields.optional(19, Decoder::u64)?,
        relay: fields.optional(20, relay)?,
        window_lent_until_unix_ms: fields.optional(21, Decoder::u64)?,
        software: fields.text(22, "a receipt's software version")?,
        build: fields.text(23, "a receipt's software build")?,
        previous: fields.optional(24, |d| d.bytes())?.map(|hash| hash.try_into().map_err(malformed)).transpose()?,
    };
    fields.end()?;
    check_shape(&statement)?;
    if version == self::version(&statement) { Ok(statement) } else { Err(MALFORMED) }
}

/// What the encoding itself does not force: sorted lists without repetition, sizes in buckets.
fn check_shape(s: &Statement) -> Result<(), Error> {
    let sorted = s.copies.is_sorted_by(|a, b| a.class < b.class)
        && s.retained.is_sorted()
        && s.not_covered.is_sorted_by(|a, b| a < b);
    let bucketed = s.copies.iter().all(|copy| *copy == super::bucket_copy(*copy))
        && s.relay.is_none_or(|relay| relay == super::bucket_relay(relay));
    let erased = s.copies.iter().all(|copy| copy.verified > 0 || copy.failed > 0);
    if sorted && bucketed && erased && s.method.is_some() != s.copies.is_empty() { Ok(()) } else { Err(MALFORMED) }
}

/// Reads a map's entries in ascending order of their labels; an unknown label stops it.
struct Fields<'b> {
    decoder: Decoder<'b>,
    left: u64,
    label: Option<u64>,
}

impl<'b> Fields<'b> {
    fn new(bytes: &'b [u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new(bytes);
        let left = decoder.map().map_err(malformed)?.ok_or(MALFORMED)?;
        let mut fields = Self { decoder, left, label: None };
        fields.next_label()?;
        Ok(fields)
    }

    fn next_label(&mut self) -> Result<(), Error> {
        self.label = if self.left == 0 { None } else { Some(self.decoder.u64().map_err(malformed)?) };
        self.left = self.left.saturating_sub(1);
        Ok(())
    }

    fn optional<T, E>(
        &mut self,
        label: u64,
        read: impl FnOnce(&mut Decoder<'b>) -> Result<T, E>,
    ) -> Result<Option<T>, Error> {
        if self.label != Some(label) {
            return Ok(None);
        }
        let value = read(&mut self.decoder).map_err(malformed)?;
        self.next_label()?;
        Ok(Some(value))
    }

    fn required<T, E>(&mut self, label: u64, read: impl FnOnce(&mut Decoder<'b>) -> Result<T, E>) -> Result<T, Error> {
        self.optional(label, read)?.ok_or(MALFORMED)
    }

    fn text(&mut self, label: u64, what: &'static str) -> Result<String, Error> {
        let text = self.required(label, |d| d.str())?;
        check_text(text, what)?;
        Ok(String::from(text))
    }

    fn list<T>(
        &mut self,
        label: u64,
        most: usize,
        item: impl Fn(&mut Decoder<'b>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.required(label, |d| {
            let count = d.array().map_err(malformed)?.ok_or(MALFORMED)?;
            if count > most as u64 {
                return Err(MALFORMED);
            }
            let mut items = Vec::with_capacity(count as usize);
            for _ in 0..count {
                items.push(item(d)?);
            }
            Ok(items)
        })
    }

    fn end(self) -> Result<(), Error> {
        let all_read = self.label.is_none() && self.decoder.position() == self.decoder.input().len();
        if all_read { Ok(()) } else { Err(MALFORMED) }
    }
}

fn copy(d: &mut Decoder<'_>) -> Result<ErasedCopy, Error> {
    if d.array().map_err(malformed)? != Some(4) {
        return Err(MALFORMED);
    }
    Ok(ErasedCopy {
        class: known(d.u8().map_err(malformed)?, CopyClass::from_number)?,
        verified: d.u64().map_err(malformed)?,
        failed: d.u64().map_err(malformed)?,
        bytes: d.u64().map_err(malformed)?,
    })
}

fn retained(d: &mut Decoder<'_>) -> Result<Retained, Error> {
    if d.array().map_err(malformed)? != Some(2) {
        return Err(MALFORMED);
    }
    Ok(Retained {
        class: known(d.u8().map_err(malformed)?, CopyClass::from_number)?,
        until_unix_ms: d.u64().map_err(malformed)?,
    })
}

fn relay(d: &mut Decoder<'_>) -> Result<RelayFigures, Error> {
    if d.array().map_err(malformed)? != Some(3) {
        return Err(MALFORMED);
    }
    Ok(RelayFigures {
        peak_bytes: d.u64().map_err(malformed)?,
        longest_hold_ms: d.u64().map_err(malformed)?,
        frames: d.u64().map_err(malformed)?,
    })
}

fn known<T>(number: u8, from_number: impl Fn(u8) -> Option<T>) -> Result<T, Error> {
    from_number(number).ok_or(MALFORMED)
}

const MALFORMED: Error = Error::Malformed { what: "a receipt's statement" };

fn malformed<E>(_: E) -> Error {
    MALFORMED
}
