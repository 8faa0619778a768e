//! A station as a process: its machine is driven as the machines' documentation says, its records are written, it crashes, and
//! comes back with nothing but what is on its disk.

use shokyo::buffer::{Cause, Erasure};
use shokyo::handover::{Crypto, Outcome, Persist, Record};
use shokyo::receipt::{Details, Event as Receipted, NotCovered, read_unverified};
use shokyo::types::{Protections, SessionId};

use crate::disk::{Entry, Writing};
use crate::ledger::Check;
use crate::machine::{Happened, Machine};
use crate::plan::{Design, SECOND};
use crate::world::{Event, World};

impl World<'_> {
    /// Drains the outputs of a station's machines until nothing moves, then waits for the next deadline.
    ///
    /// Machines keep sessions in the order of their identifiers, which are random: outputs of different sessions are put into the
    /// order of the applications, those of one session keep theirs.
    pub fn settle(&mut self, station: usize) {
        for _ in 0..10_000 {
            let Some(machine) = &mut self.stations[station].machine else { return };
            let mut persists = machine.persists();
            let mut transmissions = machine.transmissions();
            let mut happened = machine.happened();
            if persists.is_empty() && transmissions.is_empty() && happened.is_empty() {
                break;
            }
            {
                let ledger = self.ledger.borrow();
                let place = |session: SessionId| ledger.transaction(session).unwrap_or(usize::MAX);
                persists.sort_by_key(|(_, persist)| place(persist.record.session()));
                transmissions.sort_by_key(|(_, session, _)| place(*session));
                happened.sort_by_key(|(session, _)| place(*session));
            }
            for (owner, persist) in persists {
                self.asks(station, owner, persist);
            }
            for (peer, _, transmission) in transmissions {
                self.send(station, peer, transmission);
            }
            for (session, event) in happened {
                match event {
                    Happened::Issuer(event) => self.at_issuer(station, session, event),
                    Happened::Relay(event) => self.at_relay(station, session, &event),
                    Happened::Kiosk(owner, event) => self.kiosk_event(station, owner, event),
                }
            }
        }
        if let Some(Machine::Kiosk(kiosks)) = &mut self.stations[station].machine {
            kiosks.retain(|(_, kiosk)| !kiosk.is_finished() || kiosk.has_output());
        }
        self.plan_wake(station);
    }

    fn plan_wake(&mut self, index: usize) {
        let station = &mut self.stations[index];
        let Some(deadline) = station.machine.as_ref().and_then(Machine::next_deadline) else { return };
        let moment = station.clock.moment(deadline).max(self.at);
        if station.wake.is_none_or(|wake| wake > moment) {
            station.wake = Some(moment);
            self.at(moment, Event::Wakes { station: index });
        }
    }

    pub fn wakes(&mut self, index: usize) {
        let station = &mut self.stations[index];
        if station.wake != Some(self.at) {
            return;
        }
        station.wake = None;
        let now = station.now(self.at);
        if let Some(machine) = &mut station.machine {
            machine.handle_timeout(now);
        }
        self.settle(index);
    }

    /// A machine wants a record to be durable.
    fn asks(&mut self, index: usize, owner: Option<usize>, persist: Persist) {
        self.audit(index, &persist.record);
        let station = &mut self.stations[index];
        station.disk.queue.push_back(Writing { persist, owner });
        if !station.disk.busy {
            station.disk.busy = true;
            self.plan_write(index);
        }
    }

    fn plan_write(&mut self, station: usize) {
        let slow = self.random.chance(50);
        let wait = self.random.between(100, if slow { 400_000 } else { 4000 });
        let incarnation = self.stations[station].incarnation;
        self.after(wait, Event::Durable { station, incarnation });
    }

    pub fn durable(&mut self, index: usize, incarnation: u32) {
        let (at, clears) = (self.at, self.design == Design::ClearsAlarms);
        let station = &mut self.stations[index];
        if station.incarnation != incarnation {
            return;
        }
        let Some(Writing { persist, owner }) = station.disk.queue.pop_front() else { return };
        let Persist { token, record, .. } = persist;
        let written = station.disk.write(at, record.clone());
        let failed = record.clone();
        if written {
            match record {
                Record::Opened { session, .. } => drop(station.opened.insert(session)),
                Record::Alarm { session, what } => station.alarms.push((session, what)),
                Record::Ended { outcome: Outcome::Complete, .. } if clears => {
                    station.disk.entries.values_mut().for_each(|entry| entry.alarms.clear());
                }
                _ => {}
            }
        }
        let now = station.now(at);
        if let Some(machine) = &mut station.machine {
            machine.handle_written(now, owner, token, written);
        }
        if station.disk.queue.is_empty() {
            station.disk.busy = false;
        } else {
            self.plan_write(index);
        }
        if !written {
            if let Record::Opened { session, .. } = failed {
                // There never was a session here.
                self.stations[index].relayed.remove(&session);
            }
            self.count("records not written");
        }
        self.settle(index);
    }

    /// The process is gone and its memory with it. What the vault held is compared with what it should have held.
    pub fn crashes(&mut self, index: usize) {
        if self.stations[index].machine.is_none() {
            return;
        }
        self.count("crashes");
        self.note(index, None, "crashes", 0);
        let down = self.random.between(SECOND / 5, 4 * SECOND);
        let written = usize::try_from(self.random.below(4)).unwrap();
        self.empty_memory(index);
        let (at, station) = (self.at, &mut self.stations[index]);
        station.incarnation += 1;
        station.wake = None;
        station.panel = None;
        station.relayed.clear();
        station.by_second.clear();
        station.asked.clear();
        station.disk.crash(at, written);
        for session in core::mem::take(&mut station.opened) {
            station.ended.remove(&session);
        }
        let lines: Vec<usize> = station.up.into_iter().chain(station.down.iter().copied()).collect();
        for line in lines {
            let found = &mut self.lines[line];
            let Some(side) = found.ends.iter().position(|end| *end == index) else { continue };
            found.ways[side].writing.clear();
            found.ways[side].busy = false;
            self.loses(line);
            self.lines[line].noticed[side] = true;
        }
        self.after(down, Event::Restarts { station: index });
    }

    /// Drops the machines; no key that nobody answers for may have been left.
    fn empty_memory(&mut self, index: usize) {
        let (role, number) = (self.stations[index].role, self.stations[index].number);
        let done = self.rack.place(role, number).documents.erase_all();
        let most = self.ledger.borrow().cells(index);
        if done.destroyed > most || done.failed > 0 || done.in_flight > 0 {
            self.find(Check::LeftUnerased, index, None, "keys that belong to nothing are in the vault");
        }
        let station = &mut self.stations[index];
        station.machine = None;
        station.kept.clear();
        if self.ledger.borrow().handles(index) > 0 {
            self.find(Check::LeftUnerased, index, None, "something was kept beyond the machine");
        }
    }

    pub fn restarts(&mut self, index: usize) {
        if self.at < self.stations[index].disk.full_until {
            // What was open cannot be written down: no new work.
            self.after(SECOND / 2, Event::Restarts { station: index });
            return;
        }
        self.note(index, None, "restarts", 0);
        self.records_the_lost(index);
        self.start(index);
        self.settle(index);
    }

    /// Before new work: what was open is lost, and never called erased. As `station` does it.
    pub fn records_the_lost(&mut self, index: usize) {
        if self.design == Design::ForgetsTheLost {
            return;
        }
        let mut open: Vec<(SessionId, Entry)> = self.stations[index]
            .disk
            .entries
            .iter()
            .filter(|(_, entry)| entry.kind.is_some() && entry.ended.is_empty())
            .map(|(session, entry)| (*session, entry.clone()))
            .collect();
        open.sort_by_key(|(session, _)| self.ledger.borrow().transaction(*session));
        for (session, entry) in open {
            let now = self.stations[index].now(self.at);
            let event = |receipt: &Vec<u8>| read_unverified(receipt).unwrap().statement.event;
            let mut records = Vec::new();
            let outcome = if entry.receipts.iter().any(|receipt| event(receipt) != Receipted::KeyWiped) {
                records.push(Record::Alarm { session, what: "the process ended before every receipt was there" });
                Outcome::Unresolved
            } else {
                let kind = entry.kind.unwrap_or_default();
                let details = Details {
                    not_covered: &[NotCovered::EndedProcess],
                    ..Details::new(Receipted::LostAtRestart, Cause::Shutdown, &kind, now.unix_ms, now.unix_ms)
                };
                let erasure = Erasure::new(session, Protections::none());
                let receipt = self.watched(index, None).receipt(erasure, &details).unwrap().into_bytes();
                records.push(Record::OwnReceipt { session, receipt });
                records.push(Record::Alarm { session, what: "the process ended with the session open" });
                if entry.print_started {
                    records.push(Record::Alarm {
                        session,
                        what: "printing had begun; whether it was delivered is unknown",
                    });
                }
                Outcome::Lost
            };
            records.push(Record::Ended { session, outcome });
            // It may have asked for an end that was never written.
            self.stations[index].ended.remove(&session);
            for record in records {
                self.audit(index, &record);
                if let Record::Alarm { session, what } = record {
                    self.stations[index].alarms.push((session, what));
                }
                self.stations[index].disk.write(self.at, record);
            }
        }
    }
}
