//! What must hold after each step of a station. What concerns more than one station is in `world.rs`.

use super::digest::{Holdings, look};
use super::roster;
use super::station::{Broken, Machine, Station, subject_of};
use super::symbols::Kind;
use crate::buffer::Cause;
use crate::handover::{Frame, MessageType, Outcome, Peer, Record};
use crate::receipt::{self, Event, Statement};
use crate::types::{Now, SessionId};

/// More deadlines than one after another nobody has.
const MOST_TICKS: usize = 64;

fn broken(station: &mut Station, what: Broken) {
    station.memory.broken.insert(what);
}

/// The kiosk's document is of its own session and of its own card holder.
pub(super) fn opened(station: &mut Station) {
    let Machine::Kiosk(kiosk) = &station.machine else { return };
    let Ok(document) = kiosk.document() else { return };
    let own = kiosk.id();
    let (subject, session) = (document.content.subject, document.content.session);
    if session != own || document.binding.session != own {
        broken(station, Broken::OtherSession("a document of another session is open"));
    } else if subject != subject_of(station.number) {
        broken(station, Broken::OtherSession("another person's document is open"));
    }
}

/// Printing may begin: once, and only when that is on record.
pub(super) fn may_print(station: &mut Station) {
    if station.memory.printed > 0 {
        broken(station, Broken::PrintedOnce("a second print job"));
    }
    if !station.memory.print_started {
        broken(station, Broken::PrintedOnce("printing may begin and that is not on record"));
    }
}

/// What is sent needs a record first; a relay counts what it passes on.
pub(super) fn sent(station: &mut Station, bytes: &[u8]) {
    let Ok(frame) = Frame::decode(bytes) else { return };
    let session = frame.session;
    let journalled = station.memory.opened.contains(&session);
    match (frame.kind, &station.machine) {
        (MessageType::Apply, _) if !journalled => {
            broken(station, Broken::RecordFirst("an application is sent before the session is on record"));
        }
        (MessageType::Release, Machine::Issuer(_)) if !station.memory.receipts.contains(&session) => {
            broken(station, Broken::RecordFirst("a key is released before the receipt for its wipe is on record"));
        }
        (_, Machine::Relay(_)) if frame.role != roster::role(station.number) => {
            let (frames, longest) = station.memory.passed.0.entry(session).or_default();
            *frames += 1;
            *longest = (*longest).max(bytes.len() as u64);
            let after = [MessageType::Erased, MessageType::Complete, MessageType::Cancel, MessageType::Recorded];
            let late = !after.contains(&frame.kind);
            if late && station.memory.reported.contains(&session) {
                broken(station, Broken::Receipts("a relay passed a frame on after its receipt"));
            }
        }
        _ => {}
    }
}

/// Receipts and outcomes that a step gave out, against what the station then holds and has done.
pub(super) fn records(before: &Station, station: &mut Station, records: &[Record]) {
    if records.iter().all(|record| !matches!(record, Record::OwnReceipt { .. } | Record::Ended { .. })) {
        return;
    }
    let (_, holdings) = look(&station.machine, station.now);
    for record in records {
        let wrong = match record {
            Record::OwnReceipt { receipt, .. } => {
                match receipt::verify(receipt, &roster::receipt_public(station.number)) {
                    Ok(statement) => untrue(station, &holdings, &statement),
                    Err(_) => Some("a receipt that does not verify"),
                }
            }
            Record::Ended { session, outcome } => early(before, station, &holdings, *session, *outcome),
            _ => None,
        };
        wrong.into_iter().for_each(|what| broken(station, Broken::Receipts(what)));
    }
}

/// A relay's figures cover every frame that it passed on.
pub(super) fn figures(station: &mut Station, session: SessionId, peak_bytes: u64, frames: u64) {
    let passed = station.memory.passed.0.get(&session).copied().unwrap_or_default();
    if frames < passed.0 || peak_bytes < passed.1 {
        broken(station, Broken::Receipts("figures that leave frames out"));
    }
}

/// What a receipt says that is not so.
fn untrue(station: &mut Station, holdings: &Holdings, statement: &Statement) -> Option<&'static str> {
    let session = statement.session;
    let document = holdings.secrets.iter().any(|it| it.kind == Kind::Document && it.session == session);
    let held = holds_of(station, holdings, session);
    if statement.cause == Cause::Delivered && !station.memory.delivered {
        return Some("a receipt for a delivery that was not reported");
    }
    if statement.event != Event::KeyWiped {
        station.memory.reported.insert(session);
    }
    match statement.event {
        Event::KeyWiped if document => Some("key-wiped, and the key is there"),
        Event::Closed | Event::Erased | Event::Unresolved if held => Some("erased, and something is held"),
        Event::RelayedNotRetained if held => Some("not retained, and a frame is held"),
        Event::NotErased => Some("not erased, and nothing failed"),
        _ => None,
    }
}

/// Whether anything of a session is in a station's memory that erasing is about.
fn holds_of(station: &Station, holdings: &Holdings, session: SessionId) -> bool {
    let challenge = station.memory.challenged.get(&session);
    let kiosk = matches!(station.machine, Machine::Kiosk(_));
    holdings
        .secrets
        .iter()
        .any(|it| kiosk || it.session == session || it.kind == Kind::Private && Some(&it.number) == challenge)
        || holdings.wraps.iter().any(|wrap| session.0.starts_with(&wrap.session))
        || holdings.frames.iter().any(|it| it.session == session && is_foreign(station, it.role))
}

fn is_foreign(station: &Station, role: crate::types::Role) -> bool {
    matches!(station.machine, Machine::Relay(_)) && role != roster::role(station.number)
}

/// A session that is over while something of it is there, or whose outcome says too much.
fn early(
    before: &Station,
    station: &Station,
    holdings: &Holdings,
    session: SessionId,
    outcome: Outcome,
) -> Option<&'static str> {
    if holds_of(station, holdings, session) {
        return Some("a session is over, and something of it is held");
    }
    let kiosk = matches!(station.machine, Machine::Kiosk(_));
    if kiosk && outcome == Outcome::Complete && !before.memory.delivered {
        return Some("complete, and not delivered");
    }
    if kiosk && outcome == Outcome::Ended && before.memory.printed > 0 {
        return Some("ended without delivery, and it was printed");
    }
    None
}

/// Nothing of a session exists in an issuer before its record is durable.
pub(super) fn holdings(station: &mut Station) {
    let Machine::Issuer(_) = &station.machine else { return };
    let (_, holdings) = look(&station.machine, station.now);
    let early = |kind| matches!(kind, Kind::Application | Kind::Subject | Kind::Document);
    if holdings.secrets.iter().any(|it| early(it.kind) && !station.memory.opened.contains(&it.session)) {
        broken(station, Broken::RecordFirst("an application is open before the session is on record"));
    }
}

/// A frame that was taken before changes nothing, and is answered with what was sent before, if at all. A greeting is another
/// exchange each time. A relay passes it on again, and counts it.
pub(super) fn duplicate(before: &Station, station: &mut Station, bytes: &[u8], quiet: bool, frames: &[(Peer, u16)]) {
    if Frame::decode(bytes).is_ok_and(|frame| frame.kind == MessageType::Hello) {
        return;
    }
    if frames.iter().any(|(_, number)| !before.memory.sent.contains(number)) {
        broken(station, Broken::Duplicates("a duplicate was answered with something new"));
    }
    // A receipt for a session that is not open is given to the store again, which keeps it once, and answered again: the answer
    // may have been lost.
    let memory = &before.memory;
    let ending = |session: &SessionId| {
        let is = |record: &Record| matches!(record, Record::Ended { session: of, .. } if of == session);
        before.writing.iter().any(|persist| is(&persist.record))
    };
    let open = |session: &SessionId| {
        memory.opened.contains(session) && !memory.ended.contains_key(session) && !ending(session)
    };
    let late = |frame: &Frame<'_>| frame.kind == MessageType::Erased && !open(&frame.session) && frames.is_empty();
    if matches!(before.machine, Machine::Issuer(_)) && Frame::decode(bytes).is_ok_and(|frame| late(&frame)) {
        return;
    }
    // A credit asks for chunks again, and how many were sent is counted.
    let counted = Frame::decode(bytes).is_ok_and(|frame| frame.kind == MessageType::Credit);
    let same = counted || !differ(before, station);
    if !quiet || !same {
        broken(station, Broken::Duplicates("a duplicate changed the state"));
    }
}

/// Whether the machines of two states do.
pub(super) fn differ(before: &Station, after: &Station) -> bool {
    look(&before.machine, before.now).0 != look(&after.machine, after.now).0
}

/// Deadlines alone, without a message and without a record that becomes durable, bring a machine to *erased*.
pub(super) fn ticks_erase(station: &mut Station) {
    let mut machine = station.machine.clone();
    let mut now = station.now;
    for _ in 0..MOST_TICKS {
        let Some(deadline) = machine.next_deadline() else { break };
        now = now.max(deadline);
        let now = Now { monotonic: now, unix_ms: 0 };
        machine.handle_timeout(now);
        let _ = machine.drain(now);
    }
    let (_, holdings) = look(&machine, now);
    let foreign = holdings.frames.iter().any(|it| is_foreign(station, it.role));
    if machine.next_deadline().is_some() || !machine.is_idle() {
        broken(station, Broken::TicksErase("deadlines do not end a session"));
    } else if !holdings.secrets.is_empty() || !holdings.wraps.is_empty() || foreign {
        broken(station, Broken::TicksErase("deadlines leave something behind"));
    }
}
