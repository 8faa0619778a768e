//! One step of one station: an input, what the machine makes of it, and what host and observer note. Nothing else changes a station.

use super::checks;
use super::roster;
use super::station::{Machine, Outputs, Station};
use super::symbols::{Content, named_key};
use crate::buffer::Cause;
use crate::error::Error;
use crate::handover::body::{Apply, Body};
use crate::handover::{
    Frame, IssuerEvent, KioskEvent, MessageType, Outcome, Peer, Persist, Record, RelayEvent, Source,
};
use crate::types::SessionId;

/// Whose document the issuer's host writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Row {
    /// The one that the application names.
    Right,
    /// Another person's, which says so.
    Wrong,
}

/// What happens to a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Input {
    Frame {
        from: Peer,
        number: u16,
    },
    /// The clock stands at the next deadline.
    Tick,
    /// The oldest record is durable, or could not be written.
    Written {
        durable: bool,
    },
    /// A connection is lost, or back.
    Connection {
        peer: Peer,
        lost: bool,
    },
    /// The host composes for the application with this place among those that wait.
    Compose {
        place: u8,
        row: Row,
    },
    /// A relay's host attaches something to the offer that passed.
    Attach,
    Print,
    Delivered,
    /// The host ends the session with this place, or the kiosk's.
    Cancel {
        place: u8,
    },
    Crash,
    Restart,
}

/// Runs one step; gives the station after it and the frames that it sent. `bytes` are those of the frame that comes in; `intern`
/// numbers frames.
pub(super) fn step(
    before: &Station,
    input: Input,
    bytes: &[u8],
    chunks: u8,
    intern: &dyn Fn(Vec<u8>) -> u16,
) -> (Station, Vec<(Peer, u16)>) {
    let mut station = before.clone();
    let now = station.now();
    let mut frame_taken = None;
    match input {
        Input::Frame { from, number } => {
            if station.machine.handle_frame(now, from, bytes).is_ok() {
                frame_taken = Some(number);
            }
        }
        Input::Tick => {
            if let Some(deadline) = station.machine.next_deadline() {
                station.now = station.now.max(deadline);
                let now = station.now();
                station.machine.handle_timeout(now);
            }
        }
        Input::Written { durable } => {
            if let Some(persist) = station.writing.pop_front() {
                // As the store does: a session is opened once.
                let known = matches!(&persist.record, Record::Opened { session, .. } if station.memory.opened.contains(session));
                let durable = durable && !known;
                if durable {
                    note_durable(&mut station, &persist.record);
                } else {
                    // What was taken may come again, and is then no duplicate.
                    station.memory.taken.clear();
                }
                station.machine.handle_written(now, persist.token, durable);
            }
        }
        Input::Connection { peer, lost } => station.machine.handle_connection(now, peer, lost),
        Input::Compose { place, row } => {
            let session = station.memory.to_compose.iter().nth(usize::from(place)).copied();
            if let Some(session) = session {
                station.memory.to_compose.remove(&session);
                // An application whose session has ended meanwhile is refused, and nothing is composed.
                let _ = compose(&mut station, session, row, chunks);
            }
        }
        Input::Attach => {
            if let (Some(session), Machine::Relay(relay)) = (station.memory.to_attach.pop_first(), &mut station.machine)
            {
                let _ = relay.attach(now, session, b"a");
            }
        }
        Input::Print => {
            station.memory.ready = false;
            if let Machine::Kiosk(kiosk) = &mut station.machine {
                let _ = kiosk.print(now);
            }
        }
        Input::Delivered => {
            station.memory.may_print = false;
            if let Machine::Kiosk(kiosk) = &mut station.machine {
                station.memory.delivered |= kiosk.delivered(now).is_ok();
            }
        }
        Input::Cancel { place } => match &mut station.machine {
            Machine::Issuer(issuer) => {
                let session = station.memory.opened.iter().nth(usize::from(place)).copied();
                session.into_iter().for_each(|session| issuer.cancel(now, session, Cause::Requested));
            }
            Machine::Kiosk(kiosk) => kiosk.cancel(now, Cause::Requested),
            _ => {}
        },
        Input::Crash => crash(&mut station),
        Input::Restart => {
            let memory = station.memory.clone();
            if let Ok(started) =
                Station::start(station.number, station.starts + 1, station.attachments, station.now, memory)
            {
                station = started;
            }
        }
    }
    let outputs = station.machine.drain(station.now());
    let frames = finish(before, &mut station, outputs, input, frame_taken, bytes, intern);
    (station, frames)
}

/// What follows from a machine's outputs: records to be written, the host's next commands, the observer's notes and checks.
pub(super) fn finish(
    before: &Station,
    station: &mut Station,
    outputs: Outputs,
    input: Input,
    frame_taken: Option<u16>,
    bytes: &[u8],
    intern: &dyn Fn(Vec<u8>) -> u16,
) -> Vec<(Peer, u16)> {
    let records: Vec<_> = outputs.records.iter().map(|persist| persist.record.clone()).collect();
    note_events(station, &outputs);
    if let (Some(_), Ok(Frame { kind: MessageType::Apply, session, body, .. })) = (frame_taken, Frame::decode(bytes))
        && let Some(key) = Apply::decode(body).ok().and_then(|apply| named_key(&apply.encapsulated))
    {
        station.memory.challenged.insert(session, key);
    }
    let repeated = frame_taken.is_some_and(|number| before.memory.taken.contains(&number));
    let quiet = outputs.issuer.is_empty() && outputs.kiosk.is_empty() && records.is_empty();
    // Nothing waits for these, and their failure changes nothing: they are durable at once. But the issuer tells
    // others of an end once it is.
    let issuer = matches!(station.machine, Machine::Issuer(_));
    for Persist { token, record } in outputs.records {
        if matches!(record, Record::Alarm { .. }) || matches!(record, Record::Ended { .. }) && !issuer {
            note_durable(station, &record);
            let now = station.now();
            station.machine.handle_written(now, token, true);
        } else {
            station.writing.push_back(Persist { token, record });
        }
    }
    let mut frames = Vec::new();
    for (peer, frame) in outputs.frames {
        checks::sent(station, &frame);
        frames.push((peer, intern(frame)));
    }
    checks::records(before, station, &records);
    checks::holdings(station);
    if repeated {
        checks::duplicate(before, station, bytes, quiet, &frames);
    }
    if station.number >= roster::KIOSKS || station.number == roster::ISSUER {
        // What was passed over, such as a chunk before its turn, may still come to count.
        let counted = frame_taken.filter(|_| !frames.is_empty() || checks::differ(before, station));
        station.memory.taken.extend(counted);
        station.memory.sent.extend(frames.iter().map(|(_, number)| number));
    }
    if !matches!(input, Input::Restart) {
        checks::ticks_erase(station);
    }
    frames
}

fn note_events(station: &mut Station, outputs: &Outputs) {
    for event in &outputs.issuer {
        if let IssuerEvent::Application { session, .. } = event {
            station.memory.to_compose.insert(*session);
        }
    }
    for event in &outputs.relay {
        if let RelayEvent::NotRetained { session, peak_bytes, frames, .. } = event {
            checks::figures(station, *session, *peak_bytes, *frames);
        }
        if let (RelayEvent::Offered { session }, roster::CENTRE, true) = (event, station.number, station.attachments) {
            station.memory.to_attach.insert(*session);
        }
    }
    for event in &outputs.kiosk {
        match event {
            KioskEvent::Ready { .. } => {
                checks::opened(station);
                station.memory.ready = true;
            }
            KioskEvent::MayPrint => {
                checks::may_print(station);
                station.memory.printed += 1;
                station.memory.may_print = true;
            }
            KioskEvent::Erased { .. } => (station.memory.ready, station.memory.may_print) = (false, false),
            _ => {}
        }
    }
}

fn note_durable(station: &mut Station, record: &Record) {
    let memory = &mut station.memory;
    match record {
        Record::Opened { session, .. } => {
            memory.opened.insert(*session);
        }
        Record::PrintStarted { .. } => memory.print_started = true,
        Record::OwnReceipt { session, .. } => {
            memory.receipts.insert(*session);
        }
        Record::Ended { session, outcome } => {
            memory.ended.insert(*session, *outcome);
        }
        _ => {}
    }
}

fn compose(station: &mut Station, session: SessionId, row: Row, chunks: u8) -> Result<(), Error> {
    let now = station.now();
    let Machine::Issuer(issuer) = &mut station.machine else { return Ok(()) };
    let asked = issuer.application(session)?.subject.first().copied().unwrap_or_default();
    let subject = if row == Row::Right { asked } else { asked ^ 0x40 };
    issuer.document(session, b"")?.content = Some(Content { subject, session, chunks });
    issuer.offer(now, session, &Source { subject: &[subject], version: b"" })
}

/// The memory is gone. What is durable stays; at the next start the host writes down what is lost.
fn crash(station: &mut Station) {
    station.machine = Machine::Down;
    station.writing.clear();
    let memory = &mut station.memory;
    (memory.ready, memory.may_print) = (false, false);
    memory.to_compose.clear();
    memory.to_attach.clear();
    memory.taken.clear();
    memory.sent.clear();
    memory.challenged.clear();
    memory.passed.0.clear();
    for session in &memory.opened {
        memory.ended.entry(*session).or_insert(Outcome::Lost);
    }
}
