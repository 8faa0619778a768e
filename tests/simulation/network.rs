//! What lines do: write, carry, lose, stall, come back; and what a faulty relay does to what it passes on.

use shokyo::Error;
use shokyo::handover::relay::UPSTREAM;
use shokyo::handover::{Frame, MessageType};
use shokyo::types::Role;

use crate::line::Outgoing;
use crate::machine::{Machine, Transmission, peer};
use crate::plan::{Design, SECOND};
use crate::world::{Event, World};

impl World<'_> {
    /// A machine's frame goes to its neighbour, or nowhere when that is known to be gone.
    pub fn send(&mut self, station: usize, to: shokyo::handover::Peer, transmission: Transmission) {
        let (line, side) = match usize::try_from(to.0).unwrap() {
            0 => (self.stations[station].up.unwrap(), 0),
            number => (number - 1, 1),
        };
        let since = self.stations[station].now(self.at).monotonic;
        let outgoing = match transmission {
            Transmission::Frame(frame) => Outgoing::Frame(frame),
            Transmission::Passing(passing) => {
                let since = self.relay_takes(station, passing.bytes(), since);
                Outgoing::Passing(passing, since)
            }
        };
        let end = &self.lines[line];
        if end.ends[side] != station || (!end.connected && end.noticed[side]) {
            self.give_back(station, outgoing);
            return;
        }
        let wait = end.write.max(end.ways[side].stalled_until.saturating_sub(self.at));
        let (connected, generation) = (end.connected, end.generation);
        let way = &mut self.lines[line].ways[side];
        way.writing.push_back(outgoing);
        if connected && !way.busy {
            way.busy = true;
            self.after(wait, Event::Written { line, side, generation });
        }
    }

    /// A frame is written, or never will be: a relay gets it back.
    fn give_back(&mut self, station: usize, outgoing: Outgoing) {
        let Outgoing::Passing(passing, since) = outgoing else { return };
        let now = self.stations[station].now(self.at);
        self.relay_gives_back(station, passing.bytes(), since, now.monotonic);
        if let Some(Machine::Relay(relay)) = &mut self.stations[station].machine {
            relay.handle_sent(now, passing);
        }
    }

    pub fn written(&mut self, line: usize, side: usize, generation: u32) {
        let found = &mut self.lines[line];
        if found.generation != generation || !found.connected {
            return;
        }
        let station = found.ends[side];
        let stalled = found.ways[side].stalled_until;
        if stalled > self.at {
            self.at(stalled, Event::Written { line, side, generation });
            return;
        }
        let outgoing = found.ways[side].writing.pop_front();
        if found.ways[side].writing.is_empty() {
            found.ways[side].busy = false;
        } else {
            let write = found.write;
            self.after(write, Event::Written { line, side, generation });
        }
        let Some(outgoing) = outgoing else { return };
        let bytes = match &outgoing {
            Outgoing::Frame(frame) => frame.clone(),
            Outgoing::Passing(passing, _) => passing.bytes().to_vec(),
        };
        for frame in self.meddled(line, side, bytes) {
            self.flies(line, side, frame);
        }
        self.give_back(station, outgoing);
        self.settle(station);
    }

    fn flies(&mut self, line: usize, side: usize, frame: Vec<u8>) {
        let found = &mut self.lines[line];
        let arrival = self.at + found.latency + self.random.below(found.jitter);
        let generation = found.generation;
        let arrival = found.ways[side].push(arrival, frame);
        self.at(arrival, Event::Arrives { line, side, generation });
    }

    /// What becomes of a frame at a faulty relay.
    fn meddled(&mut self, line: usize, side: usize, mut frame: Vec<u8>) -> Vec<Vec<u8>> {
        if self.plan.meddling == 0 {
            return vec![frame];
        }
        self.lines[line].ways[side].keep(&frame);
        if !self.random.chance(self.plan.meddling) {
            return vec![frame];
        }
        let other_line = usize::try_from(self.random.below(self.lines.len() as u64)).unwrap();
        let (what, pick) = (self.random.below(7), self.random.next());
        let chosen = |line: usize| {
            let kept = &self.lines[line].ways[side].kept;
            (!kept.is_empty()).then(|| kept[usize::try_from(pick % kept.len() as u64).unwrap()].clone())
        };
        match what {
            0 => {
                self.count("frames dropped");
                return Vec::new();
            }
            1 => {
                self.count("frames repeated");
                return vec![frame.clone(), frame];
            }
            2 => {
                let earlier = chosen(line);
                self.count("earlier frames sent again");
                return core::iter::once(frame).chain(earlier).collect();
            }
            3 => {
                let foreign = chosen(other_line);
                self.count("frames of other places spliced in");
                return foreign.into_iter().chain(core::iter::once(frame)).collect();
            }
            4 => {
                self.count("bits changed");
                let bit = usize::try_from(pick % (frame.len() as u64 * 8)).unwrap();
                frame[bit / 8] ^= 1 << (bit % 8);
            }
            5 => {
                let foreign = chosen(other_line);
                self.count("frames moved to another session");
                let session = foreign.as_deref().and_then(|foreign| Frame::decode(foreign).ok());
                if let (Some(session), Ok(mut moved)) = (session, Frame::decode(&frame)) {
                    moved.session = session.session;
                    return vec![moved.encode(), frame];
                }
            }
            _ => {
                if let Some((_, before)) = self.lines[line].ways[side].flight.back_mut() {
                    core::mem::swap(before, &mut frame);
                    self.count("frames reordered by a relay");
                }
            }
        }
        vec![frame]
    }

    pub fn arrives(&mut self, line: usize, side: usize, generation: u32) {
        let found = &self.lines[line];
        if found.generation != generation {
            return;
        }
        let receiver = found.ends[1 - side];
        let Some((_, frame)) = found.ways[side].flight.front() else { return };
        // As the stations do: what would be too much waits a little for what is being written.
        if let Some(Machine::Relay(relay)) = &self.stations[receiver].machine
            && relay.would_hold_too_much(frame)
            && found.ways[side].put_off < 10
        {
            self.lines[line].ways[side].put_off += 1;
            self.after(2000, Event::Arrives { line, side, generation });
            return;
        }
        let way = &mut self.lines[line].ways[side];
        way.put_off = 0;
        let Some((_, frame)) = way.flight.pop_front() else { return };
        self.deliver(receiver, line, side, frame);
        self.settle(receiver);
    }

    fn deliver(&mut self, station: usize, line: usize, side: usize, bytes: Vec<u8>) {
        let now = self.stations[station].now(self.at);
        let from = if side == 0 { peer(line) } else { UPSTREAM };
        let frame = Frame::decode(&bytes).ok();
        let by_kiosk = frame.as_ref().is_some_and(|frame| frame.role == Role::Kiosk);
        let frame = frame.map(|frame| (frame.kind, frame.session, bytes.len()));
        let transaction = frame.and_then(|(_, session, _)| self.ledger.borrow().transaction(session));
        let name = frame.map_or("an unreadable frame", |(kind, _, _)| kind.name());
        self.note(station, transaction, name, bytes.len() as u64);
        let outcome = match &mut self.stations[station].machine {
            None => return,
            Some(Machine::Issuer(issuer)) => issuer.handle_frame(now, from, &bytes),
            Some(Machine::Relay(relay)) => relay.handle_frame(now, from, bytes),
            Some(Machine::Kiosk(kiosks)) => {
                let session = frame.map(|(_, session, _)| session);
                match kiosks.iter_mut().find(|(_, kiosk)| Some(kiosk.id()) == session) {
                    Some((owner, kiosk)) => {
                        let outcome = kiosk.handle_frame(now, &bytes);
                        let id = kiosk.id();
                        self.ledger.borrow_mut().name(id, *owner);
                        outcome
                    }
                    None => Ok(()),
                }
            }
        };
        match outcome {
            Err(error) => {
                self.note(station, transaction, &format!("refused: {error}"), 0);
                self.count("frames refused");
                if let (Error::Busy { what: "bytes held for a session", .. }, Some((_, session, _))) = (&error, frame) {
                    // What would be too much ends the session.
                    self.relay_drops_waiting(station, session);
                }
            }
            Ok(()) => {
                let relay = matches!(self.stations[station].role, Role::EcCentre | Role::CertificateCentre);
                if let (true, Some((kind, session, length))) = (relay, frame) {
                    let kept = if self.design == Design::KeepsFrames { length } else { 0 };
                    self.relay_accepts(station, session, kind, length, kept);
                    if kind == MessageType::Erased && by_kiosk {
                        self.relay_drops_waiting(station, session);
                    }
                }
            }
        }
    }

    pub fn loses(&mut self, line: usize) {
        if !self.lines[line].connected {
            return;
        }
        self.count("connections lost");
        self.lines[line].lose();
        self.note(self.lines[line].ends[0], None, "its connection is lost", line as u64);
        let generation = self.lines[line].generation;
        for side in [0, 1] {
            let quick = self.random.chance(7000);
            let wait = self.random.below(if quick { 20_000 } else { 3 * SECOND });
            self.after(wait, Event::Notices { line, side, generation });
        }
        let quick = self.random.chance(6000);
        let wait = self.random.below(if quick { SECOND / 2 } else { 6 * SECOND });
        self.after(wait, Event::Reconnects { line, generation });
    }

    pub fn notices(&mut self, line: usize, side: usize, generation: u32) {
        let found = &mut self.lines[line];
        if found.generation != generation || found.connected || found.noticed[side] {
            return;
        }
        found.noticed[side] = true;
        found.ways[side].busy = false;
        let station = found.ends[side];
        for outgoing in core::mem::take(&mut found.ways[side].writing) {
            self.give_back(station, outgoing);
        }
        let now = self.stations[station].now(self.at);
        if let Some(machine) = &mut self.stations[station].machine {
            machine.handle_peer_lost(now, if side == 0 { UPSTREAM } else { peer(line) });
        }
        self.settle(station);
    }

    pub fn reconnects(&mut self, line: usize, generation: u32) {
        if self.lines[line].connected || self.lines[line].generation != generation {
            return;
        }
        // Whoever sees the new connection knows that the old one is gone.
        self.notices(line, 0, generation);
        self.notices(line, 1, generation);
        if !self.lines[line].servers.is_empty() {
            let chosen = self.random.below(self.lines[line].servers.len() as u64);
            self.lines[line].ends[1] = self.lines[line].servers[usize::try_from(chosen).unwrap()];
        }
        let ends = self.lines[line].ends;
        if ends.iter().any(|end| self.stations[*end].machine.is_none()) {
            self.after(SECOND / 4, Event::Reconnects { line, generation });
            return;
        }
        let found = &mut self.lines[line];
        found.connected = true;
        found.noticed = [false; 2];
        found.ways.iter_mut().for_each(|way| way.stalled_until = 0);
        self.note(ends[0], None, "is connected again", line as u64);
        for (side, station) in ends.into_iter().enumerate().rev() {
            let now = self.stations[station].now(self.at);
            if let Some(machine) = &mut self.stations[station].machine {
                machine.handle_peer_back(now, if side == 0 { UPSTREAM } else { peer(line) });
            }
            self.settle(station);
        }
    }
}
