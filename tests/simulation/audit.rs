//! Every receipt and every end is compared with the truth as soon as a machine asks for it to be written; what is left at the end
//! of a world is compared once more.

use shokyo::buffer::{Cause, CopyClass};
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::{Event, Statement, hash, verify};
use shokyo::types::{Role, SessionId};

use crate::ledger::Check;
use crate::machine::Machine;
use crate::world::{Report, World};

impl World<'_> {
    /// Looks at a record at the moment in which it is asked for.
    pub fn audit(&mut self, index: usize, record: &Record) {
        let session = record.session();
        let transaction = self.ledger.borrow().transaction(session);
        let station = &mut self.stations[index];
        let word = match record {
            Record::Opened { .. } => {
                station.begun.insert(session);
                "asks: opened"
            }
            Record::OwnReceipt { receipt, .. } => {
                self.audit_receipt(index, session, transaction, receipt);
                "asks: receipt"
            }
            Record::PeerReceipt { receipt, .. } => {
                if !self.receipts.contains(&hash(receipt)) {
                    self.find(Check::Overclaimed, index, transaction, "a receipt that no station made");
                }
                "asks: another's receipt"
            }
            Record::Acknowledged { .. } => "acknowledged",
            Record::PrintStarted { .. } => "asks: print started",
            Record::Alarm { what, .. } => {
                station.alarmed.insert(session);
                what
            }
            Record::Ended { outcome, .. } => {
                if let Some(relayed) = station.relayed.get_mut(&session) {
                    relayed.over = true;
                }
                if !station.ended.insert(session) {
                    self.find(Check::WithoutEnd, index, transaction, "ended twice");
                }
                self.audit_end(index, transaction, *outcome);
                "asks: ended"
            }
        };
        let detail = if let Record::Ended { outcome, .. } = record { *outcome as u64 } else { 0 };
        self.note(index, transaction, word, detail);
    }

    fn audit_receipt(&mut self, index: usize, session: SessionId, transaction: Option<usize>, receipt: &[u8]) {
        self.receipts.insert(hash(receipt));
        let role = self.stations[index].role;
        let place = self.rack.place(role, self.stations[index].number);
        let statement = match verify(receipt, place.keys.receipts.public()) {
            Ok(statement) => statement,
            Err(error) => {
                self.find(Check::Overclaimed, index, transaction, &format!("a receipt does not verify: {error}"));
                return;
            }
        };
        let claim = match (transaction, role) {
            _ if statement.session != session || statement.role != role => Some("a receipt about something else"),
            (None, _) => Some("a receipt about no transaction"),
            (Some(transaction), Role::Issuer) => self.issuer_overclaims(transaction, &statement),
            (Some(transaction), Role::Kiosk) => self.kiosk_overclaims(transaction, &statement),
            (Some(_), _) => self.relay_overclaims(index, session, &statement),
        };
        if let Some(claim) = claim {
            self.find(Check::Overclaimed, index, transaction, claim);
        }
    }

    fn issuer_overclaims(&self, transaction: usize, statement: &Statement) -> Option<&'static str> {
        let ledger = self.ledger.borrow();
        match statement.event {
            Event::KeyWiped => {
                let wiped = statement.copies.iter().any(|copy| copy.class == CopyClass::Key && copy.verified > 0);
                (!wiped || ledger.issuer_can_read(transaction)).then_some("a key is called wiped that is not")
            }
            Event::Closed | Event::Erased => {
                (ledger.issuer_holds(transaction) > 0).then_some("erased at the issuer, which still holds something")
            }
            Event::Unresolved => ledger.issuer_can_read(transaction).then_some("unresolved, while the issuer can read"),
            Event::LostAtRestart | Event::NotErased => None,
            _ => Some("an event that is none of an issuer's"),
        }
    }

    fn kiosk_overclaims(&self, transaction: usize, statement: &Statement) -> Option<&'static str> {
        let ledger = self.ledger.borrow();
        let found = &ledger.transactions[transaction];
        match statement.event {
            Event::Erased | Event::Unresolved if ledger.kiosk_holds(transaction) > 0 => {
                Some("erased at the kiosk, which still holds something")
            }
            Event::Erased => {
                (statement.cause == Cause::Delivered && found.printed != 1).then_some("delivered and not printed once")
            }
            Event::Unresolved => (statement.cause == Cause::Delivered).then_some("unresolved and delivered"),
            Event::LostAtRestart | Event::NotErased => None,
            _ => Some("an event that is none of a kiosk's"),
        }
    }

    fn relay_overclaims(&mut self, index: usize, session: SessionId, statement: &Statement) -> Option<&'static str> {
        match statement.event {
            Event::RelayedNotRetained => {}
            Event::LostAtRestart | Event::NotErased => return None,
            _ => return Some("an event that is none of a relay's"),
        }
        let Some(relayed) = self.stations[index].relayed.get_mut(&session) else {
            return Some("a relay's receipt about a session that it never had");
        };
        relayed.reported = true;
        relayed.waiting = None;
        let Some(figures) = statement.relay else { return Some("a relay's receipt without figures") };
        if relayed.held > 0 || relayed.kept > 0 {
            Some("not retained, and the relay holds something")
        } else if figures.peak_bytes < relayed.peak as u64 {
            Some("a relay held more than its receipt says")
        } else if figures.longest_hold_ms < relayed.longest {
            Some("a relay held something for longer than its receipt says")
        } else if figures.frames < relayed.frames {
            Some("a relay passed more frames than its receipt says")
        } else {
            None
        }
    }

    fn audit_end(&mut self, index: usize, transaction: Option<usize>, outcome: Outcome) {
        let Some(transaction) = transaction else { return };
        if self.stations[index].role == Role::Issuer {
            self.ledger.borrow_mut().transactions[transaction].called = Some(outcome);
        }
        if outcome != Outcome::Complete {
            return;
        }
        if self.ledger.borrow().transactions[transaction].called != Some(Outcome::Complete) {
            self.find(Check::Overclaimed, index, Some(transaction), "complete, and the issuer does not say so");
        }
        let wrong = {
            let ledger = self.ledger.borrow();
            match self.stations[index].role {
                Role::Kiosk => ledger.transactions[transaction].printed != 1 || ledger.kiosk_holds(transaction) > 0,
                Role::Issuer => ledger.issuer_holds(transaction) > 0 || ledger.kiosk_can_read(transaction),
                _ => false,
            }
        };
        if wrong {
            self.find(Check::Overclaimed, index, Some(transaction), "complete, and it is not");
        }
    }

    /// What is left when only the clocks ran on: nothing may be.
    pub fn finish(mut self) -> Report {
        for index in 0..self.stations.len() {
            let empty = match &self.stations[index].machine {
                None => true,
                Some(Machine::Issuer(issuer)) => issuer.open_sessions() == 0 && issuer.next_deadline().is_none(),
                Some(Machine::Relay(relay)) => relay.open_sessions() == 0 && relay.next_deadline().is_none(),
                Some(Machine::Kiosk(kiosks)) => kiosks.is_empty(),
            };
            if !empty || self.ledger.borrow().handles(index) > 0 {
                self.find(Check::LeftUnerased, index, None, "a machine is not empty after every deadline");
            }
            let place = self.rack.place(self.stations[index].role, self.stations[index].number);
            let left = place.documents.erase_all();
            if left.destroyed > 0 || left.in_flight > 0 {
                self.find(Check::LeftUnerased, index, None, "live keys are in the vault after every deadline");
            }
            self.audit_records(index);
        }
        for line in &mut self.lines {
            line.ways.iter_mut().for_each(|way| way.writing.clear());
        }
        for station in &mut self.stations {
            station.machine = None;
            station.kept.clear();
        }
        let mut ledger = self.ledger.borrow_mut();
        Report {
            findings: ledger.findings,
            texts: core::mem::take(&mut ledger.texts),
            counts: core::mem::take(&mut ledger.counts),
            digest: ledger.digest(),
        }
    }

    fn audit_records(&mut self, index: usize) {
        let station = &self.stations[index];
        let endless = station.opened.difference(&station.ended).count();
        let overdue = station.overdue.difference(&station.alarmed).count();
        let cleared = station
            .alarms
            .iter()
            .filter(|(session, what)| {
                station.disk.entries.get(session).is_none_or(|entry| !entry.alarms.contains(what))
            })
            .count();
        for _ in 0..endless {
            self.find(Check::WithoutEnd, index, None, "a session was opened and never ended");
        }
        for _ in 0..overdue {
            self.find(Check::AlarmsCleared, index, None, "a deadline passed and no alarm was raised");
        }
        for _ in 0..cleared {
            self.find(Check::AlarmsCleared, index, None, "an alarm is not on record any more");
        }
        // The next start, with room on the disk.
        self.stations[index].disk.full_until = 0;
        self.records_the_lost(index);
        let names: [[&'static str; 4]; 2] = [
            ["kiosks: complete", "kiosks: ended", "kiosks: unresolved", "kiosks: lost"],
            ["issuers: complete", "issuers: ended", "issuers: unresolved", "issuers: lost"],
        ];
        let role = self.stations[index].role;
        let entries = core::mem::take(&mut self.stations[index].disk.entries);
        // In an order that does not depend on the random identifiers.
        let mut outcomes = [0u64; 4];
        for entry in entries.values().filter(|entry| entry.kind.is_some()) {
            match entry.ended.as_slice() {
                [outcome] => outcomes[*outcome as usize - 1] += 1,
                [] => self.find(Check::WithoutEnd, index, None, "a session without an end on record"),
                _ => self.find(Check::WithoutEnd, index, None, "a session with several ends on record"),
            }
        }
        let names = match role {
            Role::Kiosk => &names[0],
            Role::Issuer => &names[1],
            _ => return,
        };
        for (name, outcome) in names.iter().zip(outcomes) {
            *self.ledger.borrow_mut().counts.entry(name).or_default() += outcome;
        }
    }
}
