//! Hosts of kiosks and the people in front of them: applying, paying or not, printing, jams, doors, and leaving.

use shokyo::buffer::Cause;
use shokyo::handover::kiosk::Application;
use shokyo::handover::{Kiosk, KioskEvent};

use crate::issuers::subject;
use crate::ledger::Check;
use crate::machine::Machine;
use crate::plan::{Design, KioskDoes, SECOND};
use crate::rack::ISSUER;
use crate::relays::attachment;
use crate::world::{AtKiosk, Event, World};

impl World<'_> {
    /// Somebody comes to a kiosk, and waits a while if it is taken.
    pub fn applicant(&mut self, transaction: usize, tries: u32) {
        const MOST_TRIES: u32 = 120;
        let first = self.stations.len() - self.plan.kiosks;
        let index = first + transaction % self.plan.kiosks;
        if self.stations[index].panel.is_some() || self.stations[index].machine.is_none() {
            if tries < MOST_TRIES {
                self.after(SECOND / 4, Event::Applicant { transaction, tries: tries + 1 });
            } else {
                self.count("applicants who gave up");
            }
            return;
        }
        let course = self.courses[transaction].clone();
        let (now, holder) = (self.stations[index].now(self.at), subject(transaction));
        let application = Application {
            operator: ISSUER.0,
            issuer: ISSUER.1,
            kind: "resident-certificate",
            copies: course.copies,
            subject: holder.as_bytes(),
            details: b"details",
        };
        let crypto = self.watched(index, Some(transaction));
        let applied = Kiosk::apply(now, crypto, self.rack.trust.clone(), self.plan.policy, &application);
        let kiosk = match applied {
            Ok(kiosk) => kiosk,
            Err(error) => {
                self.find(Check::WithoutEnd, index, Some(transaction), &format!("cannot apply: {error}"));
                return;
            }
        };
        self.ledger.borrow_mut().name(kiosk.id(), transaction);
        self.count("applications");
        self.note(index, Some(transaction), "applies", course.length as u64);
        let station = &mut self.stations[index];
        station.panel = Some(transaction);
        if let Some(Machine::Kiosk(kiosks)) = &mut station.machine {
            kiosks.push((transaction, kiosk));
        }
        let hurried = self.design == Design::LateDocumentToTheNext;
        let patience = if hurried { course.patience / 12 } else { course.patience };
        self.later_at_kiosk(index, transaction, patience, AtKiosk::Leaves);
        if let KioskDoes::CancelsAfter(wait) = course.kiosk {
            self.later_at_kiosk(index, transaction, wait, AtKiosk::Cancels);
        }
        self.settle(index);
    }

    fn later_at_kiosk(&mut self, station: usize, transaction: usize, wait: u64, what: AtKiosk) {
        let incarnation = self.stations[station].incarnation;
        self.after(wait, Event::AtKiosk { station, incarnation, transaction, what });
    }

    pub fn kiosk_event(&mut self, index: usize, transaction: usize, event: KioskEvent) {
        let word = match event {
            KioskEvent::Applied { .. } => "applied",
            KioskEvent::Offered { .. } => "is offered",
            KioskEvent::Received => "received all",
            KioskEvent::Ready { .. } => {
                self.later_at_kiosk(index, transaction, self.courses[transaction].pay_after, AtKiosk::Pays);
                "is ready"
            }
            KioskEvent::MayPrint => {
                if self.design != Design::DeliversWithoutPrinting {
                    self.prints(index, transaction);
                }
                self.later_at_kiosk(index, transaction, self.courses[transaction].print_for, AtKiosk::Printed);
                "may print"
            }
            KioskEvent::Erased { cause, .. } => {
                let station = &mut self.stations[index];
                if station.panel == Some(transaction) {
                    station.panel = None;
                }
                self.note(index, Some(transaction), cause.name(), 0);
                "erased"
            }
            KioskEvent::Attached { data, .. } => {
                if data != attachment(Some(transaction)) {
                    self.find(Check::Misdelivered, index, Some(transaction), "another's attachment");
                }
                "something is attached"
            }
            KioskEvent::DeadlineExceeded { .. } => {
                self.count("deadlines passed at kiosks");
                if let Some(session) = self.opened_session(index, transaction) {
                    self.stations[index].overdue.insert(session);
                }
                "a deadline passed"
            }
            KioskEvent::Finished { .. } => "finished",
            _ => "something else at a kiosk",
        };
        self.note(index, Some(transaction), word, 0);
    }

    /// The session of a transaction, if its record was asked for.
    fn opened_session(&mut self, index: usize, transaction: usize) -> Option<shokyo::types::SessionId> {
        let kiosk = self.stations[index].machine.as_mut()?.kiosk(transaction)?;
        let id = kiosk.id();
        self.stations[index].begun.contains(&id).then_some(id)
    }

    pub fn at_kiosk(&mut self, index: usize, transaction: usize, what: AtKiosk) {
        let (now, design) = (self.stations[index].now(self.at), self.design);
        let does = self.courses[transaction].kiosk;
        let panel = &mut self.stations[index].panel;
        let left = matches!(what, AtKiosk::Leaves) && *panel == Some(transaction);
        if left && design == Design::LateDocumentToTheNext {
            // The lock is released and nothing else.
            *panel = None;
            return;
        }
        let Some(kiosk) = self.stations[index].machine.as_mut().and_then(|machine| machine.kiosk(transaction)) else {
            return;
        };
        let outcome = match (what, does) {
            (AtKiosk::Pays, KioskDoes::PaymentAbandoned) => {
                kiosk.cancel(now, Cause::Cancelled);
                Ok("payment abandoned")
            }
            (AtKiosk::Pays, KioskDoes::DoorOpens) => {
                kiosk.cancel(now, Cause::DeviceFault);
                Ok("the door was opened")
            }
            (AtKiosk::Pays, _) => kiosk.print(now).map(|()| "paid"),
            (AtKiosk::Printed, KioskDoes::Jams) if design != Design::PrintsAgain => {
                kiosk.cancel(now, Cause::DeviceFault);
                Ok("paper jam")
            }
            (AtKiosk::Printed, KioskDoes::Forgets) => Ok("delivery not reported"),
            (AtKiosk::Printed, _) => {
                if design == Design::PrintsAgain && does == KioskDoes::Jams {
                    self.prints(index, transaction);
                }
                let kiosk = self.stations[index].machine.as_mut().and_then(|machine| machine.kiosk(transaction));
                kiosk.map_or(Ok("gone"), |kiosk| kiosk.delivered(now).map(|()| "delivered"))
            }
            (AtKiosk::Cancels, _) => {
                kiosk.cancel(now, Cause::Cancelled);
                Ok("cancelled")
            }
            (AtKiosk::Leaves, _) => {
                if left {
                    kiosk.cancel(now, Cause::Cancelled);
                }
                Ok("leaves")
            }
        };
        match outcome {
            Ok(word) => {
                self.note(index, Some(transaction), word, 0);
                if matches!(word, "payment abandoned" | "the door was opened" | "paper jam" | "cancelled") {
                    self.count(word);
                }
            }
            Err(error) => self.note(index, Some(transaction), &format!("too late: {error}"), 0),
        }
        self.settle(index);
    }

    /// Prints: every byte is read through a window, and compared with what belongs to whoever stands there.
    fn prints(&mut self, index: usize, transaction: usize) {
        let stands_there = match self.design {
            Design::LateDocumentToTheNext => self.stations[index].panel.unwrap_or(transaction),
            _ => transaction,
        };
        let expected = self.document(stands_there);
        let Some(kiosk) = self.stations[index].machine.as_mut().and_then(|machine| machine.kiosk(transaction)) else {
            return;
        };
        let Ok(document) = kiosk.document() else { return };
        let mut same = document.inner.len() == expected.len() as u64;
        let read = document.inner.for_each_window(|offset, plain| {
            let from = usize::try_from(offset).unwrap();
            same &= expected.get(from..from + plain.len()) == Some(plain);
            Ok(())
        });
        if read.is_err() {
            self.note(index, Some(transaction), "cannot be read", 0);
            return;
        }
        if !same {
            self.find(Check::Misdelivered, index, Some(stands_there), "another's document was printed");
        }
        let printed = {
            let mut ledger = self.ledger.borrow_mut();
            let transaction = &mut ledger.transactions[transaction];
            transaction.printed += 1;
            transaction.printed
        };
        self.count("printed");
        if printed > 1 {
            self.find(Check::PrintedTwice, index, Some(transaction), "printed again");
        }
    }
}
