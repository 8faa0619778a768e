//! Hosts of issuing systems: they look a document up, compose it in pieces, slowly, wrongly or not at all.

use shokyo::buffer::Cause;
use shokyo::error::Error;
use shokyo::handover::suite::split_application;
use shokyo::handover::{Deadline, IssuerEvent, Source};
use shokyo::types::{Binding, SessionId};

use crate::ledger::{Check, Kind, Token};
use crate::plan::{Design, IssuerDoes};
use crate::random::Random;
use crate::world::{Event, World};

/// The version of every row of the register, until it changes.
const VERSION: &[u8] = b"version 1";

/// The holder of the card of an application.
pub fn subject(transaction: usize) -> String {
    format!("holder-{transaction:06}")
}

impl World<'_> {
    /// The document in the register for an applicant.
    pub fn document(&self, transaction: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.courses[transaction].length];
        Random::derived(self.seed ^ 0x0D0C, transaction as u64).fill(&mut bytes);
        bytes
    }

    pub fn at_issuer(&mut self, index: usize, session: SessionId, event: IssuerEvent) {
        let Some(transaction) = self.ledger.borrow().transaction(session) else {
            self.find(Check::Misdelivered, index, None, "an application that nobody made");
            return;
        };
        let word = match event {
            IssuerEvent::Application { .. } => {
                self.is_asked(index, session, transaction);
                "is asked to compose"
            }
            IssuerEvent::Offered { .. } => "offered",
            IssuerEvent::Released { .. } => "released",
            IssuerEvent::Closed { .. } => "closed",
            IssuerEvent::DeadlineExceeded { deadline, .. } => {
                self.count("deadlines passed at issuers");
                if deadline != Deadline::Challenge {
                    self.stations[index].overdue.insert(session);
                }
                "a deadline passed"
            }
            IssuerEvent::Ended { .. } => "ended",
            IssuerEvent::Finished { .. } => "finished",
            _ => "something else at an issuer",
        };
        self.note(index, Some(transaction), word, 0);
    }

    fn is_asked(&mut self, index: usize, session: SessionId, transaction: usize) {
        let incarnation = self.stations[index].incarnation;
        let issuer = self.stations[index].machine.as_mut().and_then(|machine| machine.issuer());
        // It may have been cancelled since.
        let Some(Ok(application)) = issuer.map(|issuer| issuer.application(session)) else { return };
        let read = application.inner.read_at(0, |plain| {
            split_application(plain).is_ok_and(|(asked, _)| asked == subject(transaction).as_bytes())
        });
        if read != Ok(true) {
            self.find(Check::Misdelivered, index, Some(transaction), "the application is another's");
        }
        let second = self.at / crate::plan::SECOND;
        self.stations[index].by_second.insert(second, transaction);
        let course = &self.courses[transaction];
        let whole = u64::try_from(self.plan.policy.transmit.as_micros()).unwrap();
        let wait = if course.issuer == IssuerDoes::Sleeps { whole + whole / 10 } else { course.compose_after };
        self.after(wait, Event::Compose { station: index, incarnation, transaction, piece: 0 });
        self.stations[index].asked.insert(transaction, (session, second));
    }

    /// A host comes to the next piece of a document.
    pub fn compose(&mut self, index: usize, transaction: usize, piece: usize) {
        let Some((session, second)) = self.stations[index].asked.get(&transaction).copied() else { return };
        let now = self.stations[index].now(self.at);
        let course = self.courses[transaction].clone();
        let source = match (self.design, course.issuer) {
            (Design::LookUpByTime, _) => self.stations[index].by_second.get(&second).copied().unwrap_or(transaction),
            (_, IssuerDoes::WrongSubject) => (transaction + 1) % self.courses.len(),
            _ => transaction,
        };
        let (document, keeps) = (self.document(source), self.design == Design::KeepsDocuments);
        let named = if self.design == Design::LookUpByTime { transaction } else { source };
        let piece_length = document.len().div_ceil(course.pieces);
        let from = (piece * piece_length).min(document.len());
        let to = (from + piece_length).min(document.len());
        let at_offer: &[u8] = if course.issuer == IssuerDoes::RegisterChanges { b"version 2" } else { VERSION };
        let source = Source { subject: &subject(named).into_bytes(), version: at_offer };
        let Some(issuer) = self.stations[index].machine.as_mut().and_then(|machine| machine.issuer()) else { return };
        let composed = match course.issuer {
            IssuerDoes::Cancels => {
                issuer.cancel(now, session, Cause::Requested);
                Ok(true)
            }
            IssuerDoes::ComposesNothing => issuer.offer(now, session, &source).map(|()| true),
            _ => issuer.document(session, VERSION).and_then(|writer| writer.inner.write(&document[from..to])).and_then(
                |()| match to == document.len() {
                    true => issuer.offer(now, session, &source).map(|()| true),
                    false => Ok(false),
                },
            ),
        };
        match composed {
            Ok(true) => {
                match course.issuer {
                    IssuerDoes::Sleeps => {
                        self.find(Check::LeftUnerased, index, Some(transaction), "composed after the deadline");
                    }
                    IssuerDoes::RegisterChanges => {
                        self.find(Check::Misdelivered, index, Some(transaction), "offered from a row that has changed");
                    }
                    _ => {}
                }
                if keeps {
                    self.keep_document(index, session, transaction, &document);
                }
                self.stations[index].asked.remove(&transaction);
            }
            Ok(false) => {
                let incarnation = self.stations[index].incarnation;
                let next = Event::Compose { station: index, incarnation, transaction, piece: piece + 1 };
                self.after(course.piece_after, next);
            }
            Err(error) => {
                self.stations[index].asked.remove(&transaction);
                self.note(index, Some(transaction), &format!("cannot compose: {error}"), 0);
                if !matches!(error, Error::WrongState { .. }) {
                    self.count("compositions refused");
                }
                if let Some(issuer) = self.stations[index].machine.as_mut().and_then(|machine| machine.issuer()) {
                    issuer.cancel(now, session, Cause::Refused);
                }
            }
        }
        self.settle(index);
    }

    /// A host that should not: it keeps what it composed, under a key of its own.
    fn keep_document(&mut self, index: usize, session: SessionId, transaction: usize, document: &[u8]) {
        let place = self.rack.place(self.stations[index].role, self.stations[index].number);
        let copy = place.documents.seal(Binding { session, context: [0; 32] }, document).unwrap();
        let role = self.stations[index].role;
        let token = Token::new(&self.ledger, index, role, Kind::Document, Some(transaction));
        self.stations[index].kept.push((copy, token));
    }
}
