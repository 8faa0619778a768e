//! What is true at a relay: counted from what its host gives to the machine and gets from it, not from what the machine says.

use shokyo::handover::{Frame, MessageType};
use shokyo::types::{SessionId, Time};

use crate::ledger::Check;
use crate::station::Relayed;
use crate::world::World;

impl World<'_> {
    /// The machine took a frame in.
    pub fn relay_accepts(
        &mut self,
        station: usize,
        session: SessionId,
        kind: MessageType,
        length: usize,
        kept: usize,
    ) {
        let now = self.stations[station].now(self.at).monotonic;
        let relayed = self.stations[station].relayed.entry(session).or_default();
        if kind == MessageType::Apply {
            let held = relayed.held;
            *relayed = Relayed { held, ..Relayed::default() };
        }
        relayed.peak = relayed.peak.max(relayed.held + relayed.waiting.map_or(0, |(length, _)| length) + length);
        relayed.frames += 1;
        relayed.kept += kept;
        if kind == MessageType::Apply {
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
