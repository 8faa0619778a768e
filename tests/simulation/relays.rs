//! What is true at a relay: counted from what its host gives to the machine and gets from it, not from what the machine says.

use shokyo::handover::{Frame, MessageType, RelayEvent};
use shokyo::types::{SessionId, Time};

use crate::ledger::Check;
use crate::machine::Machine;
use crate::station::Relayed;
use crate::world::World;

/// What a relay attaches to the offer for an application.
pub fn attachment(transaction: Option<usize>) -> Vec<u8> {
    format!("parameters for {transaction:?}").into_bytes()
}

impl World<'_> {
    pub fn at_relay(&mut self, index: usize, session: SessionId, event: &RelayEvent) {
        let transaction = self.ledger.borrow().transaction(session);
        let word = match event {
            RelayEvent::Opened { .. } => "a session passes",
            RelayEvent::Offered { .. } => {
                let (now, data) = (self.stations[index].now(self.at), attachment(transaction));
                let attaches = self.plan.policy.attachments.contains(self.stations[index].role);
                if let (true, Some(Machine::Relay(relay))) = (attaches, &mut self.stations[index].machine)
                    && let Err(error) = relay.attach(now, session, &data)
                {
                    self.note(index, transaction, &format!("cannot attach: {error}"), 0);
                }
                "an offer passes"
            }
            RelayEvent::DeadlineExceeded { .. } => {
                self.relay_drops_waiting(index, session);
                self.stations[index].overdue.insert(session);
                self.count("deadlines passed at relays");
                "a deadline passed at a relay"
            }
            RelayEvent::NotRetained { .. } => "nothing of it is retained",
            RelayEvent::Finished { .. } => "the relay's part is over",
            _ => "something else at a relay",
        };
        self.note(index, transaction, word, 0);
    }

    /// The machine took a frame in.
    pub fn relay_accepts(&mut self, station: usize, session: SessionId, kind: MessageType, length: usize, kept: usize) {
        let now = self.stations[station].now(self.at).monotonic;
        let known = self.stations[station].relayed.get(&session).is_some_and(|relayed| !relayed.over);
        let relayed = self.stations[station].relayed.entry(session).or_default();
        // The same application again only passes.
        let begins = kind == MessageType::Apply && !known;
        if begins {
            let held = relayed.held;
            *relayed = Relayed { held, ..Relayed::default() };
        }
        relayed.peak = relayed.peak.max(relayed.held + relayed.waiting.map_or(0, |(length, _)| length) + length);
        relayed.frames += 1;
        relayed.kept += kept;
        if begins {
            relayed.waiting = Some((length, now));
        }
        let data = matches!(
            kind,
            MessageType::Apply | MessageType::Offer | MessageType::Chunk | MessageType::Release | MessageType::Received
        );
        if relayed.reported && data {
            let transaction = self.ledger.borrow().transaction(session);
            self.find(Check::Overclaimed, station, transaction, "a frame of a document passed after the receipt");
        }
    }

    /// A session has ended while its application waited to be recorded: it is wiped, and not held beside what comes after.
    pub fn relay_drops_waiting(&mut self, station: usize, session: SessionId) {
        if let Some(relayed) = self.stations[station].relayed.get_mut(&session) {
            relayed.waiting = None;
        }
    }

    /// The host took a frame out, and has it until it is written. Since when the relay has held it.
    pub fn relay_takes(&mut self, station: usize, bytes: &[u8], since: Time) -> Time {
        let Some(relayed) = self.passing(station, bytes) else { return since };
        relayed.held += bytes.len();
        if Frame::decode(bytes).is_ok_and(|frame| frame.kind == MessageType::Apply)
            && let Some((_, waiting)) = relayed.waiting.take()
        {
            return waiting;
        }
        since
    }

    /// The host gives a frame back.
    pub fn relay_gives_back(&mut self, station: usize, bytes: &[u8], since: Time, now: Time) {
        if let Some(relayed) = self.passing(station, bytes) {
            relayed.held = relayed.held.saturating_sub(bytes.len());
            relayed.longest = relayed.longest.max(now.since(since));
        }
    }

    /// What is known of the session of a frame, unless the frame is the relay's own.
    fn passing(&mut self, station: usize, bytes: &[u8]) -> Option<&mut Relayed> {
        let frame = Frame::decode(bytes).ok()?;
        let station = &mut self.stations[station];
        if frame.role == station.role { None } else { station.relayed.get_mut(&frame.session) }
    }
}
