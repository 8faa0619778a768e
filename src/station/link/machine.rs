//! A link without sockets, tasks or a clock: for hosts that have loops of their own. It speaks as [`Link`](super::Link) does.
//!
//! The host feeds what it reads from a socket and the time, sends what it polls, and comes back at the next deadline. Nothing here may
//! wait, and nothing may grow with what a neighbour sends: bytes are taken only while frames are polled.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::{ClientConnection, Connection, ServerConnection};

use super::frame::{HEADER, Incoming, PING_FRAME, cut_off, header};
use super::{LinkOptions, closed, timed_out, wipe};
use crate::error::Error;
use crate::station::profile::StationName;
use crate::station::tls::{ClientTls, ServerTls, explain, explain_tls, peer_identity};
use crate::types::Time;

/// Received frames that may wait to be polled; then no more bytes are taken.
const WAITING: usize = 16;

/// How far a link has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkStage {
    /// The handshake, until the side that listens has accepted the other's certificate and said so.
    Handshake,
    /// Frames go both ways.
    Open,
    /// This side has ended it in order; what the neighbour sent before its own end can still be polled.
    Closing,
    /// Both sides have ended it in order.
    Closed,
    /// It is over, for this reason.
    Failed(Error),
}

/// One connection to a neighbour: mutual TLS 1.3, greeting, frames, pings and the dead-peer timeout.
pub struct LinkMachine {
    tls: Connection,
    stage: LinkStage,
    was_open: bool,
    peer: Option<StationName>,
    options: LinkOptions,
    /// Bytes of the greeting that a client still waits for.
    greeting_missing: usize,
    incoming: Incoming,
    received: VecDeque<Vec<u8>>,
    /// The socket has ended.
    at_end: bool,
    output: Output,
    begun: Time,
    heard: Time,
    sent: Time,
}

/// Bytes for the socket.
#[derive(Default)]
struct Output {
    bytes: VecDeque<u8>,
    /// Bytes that were ever put in, and taken out.
    put: u64,
    taken: u64,
    /// Where each frame ends that is not wholly taken, among all bytes put.
    ends: VecDeque<u64>,
    /// When bytes were taken last, or came to wait.
    progress: Time,
}

impl LinkMachine {
    /// The side that connected to its upstream neighbour.
    ///
    /// # Errors
    /// [`Error::Io`] when TLS cannot begin.
    pub fn connect(tls: &ClientTls, options: LinkOptions, now: Time) -> Result<Self, Error> {
        let connection = ClientConnection::new(Arc::clone(tls.config()), tls.server_name().clone());
        Ok(Self::new(connection.map_err(|error| explain_tls(&error))?.into(), options, now))
    }

    /// The side that a downstream neighbour connected to.
    ///
    /// # Errors
    /// As [`LinkMachine::connect`].
    pub fn accept(tls: &ServerTls, options: LinkOptions, now: Time) -> Result<Self, Error> {
        let connection = ServerConnection::new(Arc::clone(tls.config()));
        Ok(Self::new(connection.map_err(|error| explain_tls(&error))?.into(), options, now))
    }

    fn new(mut tls: Connection, options: LinkOptions, now: Time) -> Self {
        // The queue of frames is the limit.
        tls.set_buffer_limit(None);
        let greeting_missing = if matches!(tls, Connection::Client(_)) { HEADER } else { 0 };
        let mut machine = Self {
            tls,
            stage: LinkStage::Handshake,
            was_open: false,
            peer: None,
            options,
            greeting_missing,
            incoming: Incoming::default(),
            received: VecDeque::new(),
            at_end: false,
            output: Output::default(),
            begun: now,
            heard: now,
            sent: now,
        };
        machine.output.fill(&mut machine.tls, now);
        machine
    }

    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> &LinkStage {
        &self.stage
    }

    /// Whether it was open, whatever has become of it.
    #[must_use]
    pub const fn was_open(&self) -> bool {
        self.was_open
    }

    /// Who is at the other end, once the handshake has shown it.
    #[must_use]
    pub const fn peer(&self) -> Option<&StationName> {
        self.peer.as_ref()
    }

    /// Takes bytes that came from the socket, and tells how many: fewer than there are while frames wait to be polled.
    ///
    /// # Errors
    /// What [`Link::connect`](super::Link::connect), [`Link::accept`](super::Link::accept) and
    /// [`LinkReader::next`](super::LinkReader::next) say of a neighbour; every later call says the same. What is to be sent then, such
    /// as an alert, can still be polled.
    pub fn handle_bytes(&mut self, now: Time, bytes: &[u8]) -> Result<usize, Error> {
        self.not_failed()?;
        let mut left = bytes;
        while !left.is_empty() && self.received.len() < WAITING {
            let outcome = match self.tls.read_tls(&mut left) {
                // What comes after the neighbour's end is not looked at.
                Ok(0) => return Ok(bytes.len()),
                Ok(_) => self.process(now),
                Err(error) => Err(explain(&error)),
            };
            self.output.fill(&mut self.tls, now);
            self.noted(outcome)?;
        }
        Ok(bytes.len() - left.len())
    }

    /// The socket has ended: no more bytes will come.
    ///
    /// # Errors
    /// [`Error::Io`] when the neighbour had not ended the link in order before.
    pub fn handle_end(&mut self, now: Time) -> Result<(), Error> {
        self.not_failed()?;
        self.at_end = true;
        let outcome = match self.stage {
            LinkStage::Closed => Ok(()),
            LinkStage::Handshake => Err(broken_off()),
            // Said once the frames before it are taken.
            _ => self.drain(now),
        };
        self.noted(outcome)
    }

    /// Does what the time demands: a ping, or giving up. Bytes that are there are to be fed before.
    ///
    /// # Errors
    /// [`Error::Io`] when the handshake took too long, or the neighbour fell silent or takes nothing more.
    pub fn handle_timeout(&mut self, now: Time) -> Result<(), Error> {
        self.not_failed()?;
        let outcome = match &self.stage {
            LinkStage::Handshake if now >= self.begun.after(self.options.handshake) => {
                Err(timed_out("the handshake with the neighbour"))
            }
            LinkStage::Open | LinkStage::Closing if now >= self.heard.after(self.options.silence) => {
                Err(timed_out("the neighbour fell silent"))
            }
            LinkStage::Open | LinkStage::Closing if self.stuck().is_some_and(|end| now >= end) => {
                Err(timed_out("the neighbour takes nothing more"))
            }
            LinkStage::Open if now >= self.sent.after(self.options.keep_alive) => self.write(now, &PING_FRAME, &[]),
            _ => Ok(()),
        };
        self.noted(outcome)
    }

    /// When [`LinkMachine::handle_timeout`] has something to do, if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let dead = || self.stuck().into_iter().fold(self.heard.after(self.options.silence), Ord::min);
        match &self.stage {
            LinkStage::Handshake => Some(self.begun.after(self.options.handshake)),
            LinkStage::Open => Some(dead().min(self.sent.after(self.options.keep_alive))),
            LinkStage::Closing => Some(dead()),
            LinkStage::Closed | LinkStage::Failed(_) => None,
        }
    }

    /// How many bytes wait to be sent.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.output.bytes.len()
    }

    /// Takes bytes to be sent, as many as there are and fit, in their order, also after the link has failed.
    pub fn poll_bytes(&mut self, now: Time, into: &mut [u8]) -> usize {
        self.output.take(now, into)
    }

    /// How long the next received frame is; `None` while there is none.
    #[must_use]
    pub fn next_frame_length(&self) -> Option<usize> {
        self.received.front().map(Vec::len)
    }

    /// Takes the next received frame's payload, which the caller wipes; `None` while there is none.
    ///
    /// # Errors
    /// Why the link failed, once the frames that had come before are taken.
    pub fn poll_frame(&mut self, now: Time) -> Result<Option<Vec<u8>>, Error> {
        let Some(frame) = self.received.pop_front() else {
            self.not_failed()?;
            return Ok(None);
        };
        // What had no room among those that wait. What is wrong with it is said when its turn comes.
        let outcome = match self.stage {
            LinkStage::Open | LinkStage::Closing => self.drain(now),
            _ => Ok(()),
        };
        let _said_later = self.noted(outcome);
        Ok(Some(frame))
    }

    /// Sends a frame of 1 to [`MAXIMUM_PAYLOAD`](super::MAXIMUM_PAYLOAD) bytes. They are encrypted at once and not kept.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Malformed`] for a length that is not allowed, [`Error::Busy`] while as many frames wait as the
    /// options allow; else why the link is not open.
    pub fn send(&mut self, now: Time, payload: &[u8]) -> Result<(), Error> {
        let head = header(payload.len())?;
        match &self.stage {
            LinkStage::Open => {}
            LinkStage::Handshake => return Err(Error::WrongState { command: "sending before the link is open" }),
            LinkStage::Closing | LinkStage::Closed => return Err(closed()),
            LinkStage::Failed(error) => return Err(error.clone()),
        }
        if self.output.ends.len() >= self.options.queue.max(1) {
            return Err(Error::Busy { what: "frames for a neighbour", limit: self.options.queue as u64 });
        }
        let outcome = self.write(now, &head, payload);
        self.noted(outcome)
    }

    /// Ends this direction in order: what waits is sent, then the neighbour is told, which ends its own. A link that was never open is
    /// given up.
    pub fn close(&mut self, now: Time) {
        match self.stage {
            LinkStage::Open => self.stage = LinkStage::Closing,
            LinkStage::Handshake => self.stage = LinkStage::Failed(closed()),
            LinkStage::Closing | LinkStage::Closed | LinkStage::Failed(_) => return,
        }
        self.tls.send_close_notify();
        self.output.fill(&mut self.tls, now);
    }

    /// Ends the link at once and not in order: what was received and not polled is wiped. A link that has ended already stays as it is.
    pub fn fail(&mut self, reason: Error) {
        if !matches!(self.stage, LinkStage::Failed(_)) {
            self.stage = LinkStage::Failed(reason);
        }
        self.received.iter_mut().for_each(wipe);
        self.received.clear();
    }

    fn process(&mut self, now: Time) -> Result<(), Error> {
        self.tls.process_new_packets().map_err(|error| explain_tls(&error))?;
        if self.peer.is_none() && !self.tls.is_handshaking() {
            self.peer = Some(peer_identity(&self.tls)?);
            if matches!(self.tls, Connection::Server(_)) {
                self.opened(now);
                self.write(now, &PING_FRAME, &[])?;
            }
        }
        self.drain(now)
    }

    fn opened(&mut self, now: Time) {
        self.stage = LinkStage::Open;
        self.was_open = true;
        self.heard = now;
        self.sent = now;
    }

    /// Puts frames together from what TLS has, as long as they may wait.
    fn drain(&mut self, now: Time) -> Result<(), Error> {
        while self.received.len() < WAITING {
            let mut greeting = [0; HEADER];
            let room = match self.greeting_missing {
                0 => self.incoming.room(),
                missing => greeting.get_mut(..missing).unwrap_or_default(),
            };
            let count = match self.tls.reader().read(room) {
                Ok(0) => return self.ended(now),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock && !self.at_end => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(broken_off()),
                Err(error) => return Err(explain(&error)),
            };
            self.heard = now;
            if self.greeting_missing == 0 {
                self.received.extend(self.incoming.filled(count)?);
                continue;
            }
            let begin = HEADER - self.greeting_missing;
            if greeting.get(..count) != PING_FRAME.get(begin..begin + count) {
                return Err(Error::Malformed { what: "the neighbour's first frame" });
            }
            self.greeting_missing -= count;
            if self.greeting_missing == 0 {
                self.opened(now);
            }
        }
        Ok(())
    }

    /// The neighbour ended its direction.
    fn ended(&mut self, now: Time) -> Result<(), Error> {
        if self.stage == LinkStage::Handshake {
            return Err(broken_off());
        }
        if !self.incoming.is_between_frames() {
            return Err(cut_off());
        }
        if self.stage == LinkStage::Open {
            self.tls.send_close_notify();
            self.output.fill(&mut self.tls, now);
        }
        self.stage = LinkStage::Closed;
        Ok(())
    }

    fn write(&mut self, now: Time, head: &[u8], payload: &[u8]) -> Result<(), Error> {
        let length = head.len() + payload.len();
        let written = self.tls.writer().write_vectored(&[IoSlice::new(head), IoSlice::new(payload)]);
        if written.map_err(|error| explain(&error))? != length {
            return Err(Error::Io { what: "writing to the neighbour", kind: ErrorKind::WriteZero });
        }
        self.output.fill(&mut self.tls, now);
        self.output.ends.push_back(self.output.put);
        self.sent = now;
        Ok(())
    }

    /// When a neighbour counts as dead that takes nothing; `None` while nothing waits.
    fn stuck(&self) -> Option<Time> {
        (!self.output.bytes.is_empty()).then(|| self.output.progress.after(self.options.silence))
    }

    fn not_failed(&self) -> Result<(), Error> {
        match &self.stage {
            LinkStage::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// A failure ends the link.
    fn noted(&mut self, outcome: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = &outcome {
            self.stage = LinkStage::Failed(error.clone());
        }
        outcome
    }
}

impl Output {
    /// Takes everything that TLS has for the socket.
    fn fill(&mut self, tls: &mut Connection, now: Time) {
        if self.bytes.is_empty() {
            self.progress = now;
        }
        while tls.wants_write() {
            // Memory takes everything.
            let Ok(count @ 1..) = tls.write_tls(&mut self.bytes) else { return };
            self.put += count as u64;
        }
    }

    fn take(&mut self, now: Time, into: &mut [u8]) -> usize {
        // Reading from memory cannot fail.
        let count = self.bytes.read(into).unwrap_or(0);
        let more = into.get_mut(count..).map_or(0, |rest| self.bytes.read(rest).unwrap_or(0));
        if count + more > 0 {
            self.progress = now;
            self.taken += (count + more) as u64;
            while self.ends.front().is_some_and(|end| *end <= self.taken) {
                self.ends.pop_front();
            }
        }
        count + more
    }
}

impl Drop for LinkMachine {
    fn drop(&mut self) {
        self.received.iter_mut().for_each(wipe);
    }
}

impl core::fmt::Debug for LinkMachine {
    /// Without any frame's content.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LinkMachine").field("stage", &self.stage).field("peer", &self.peer).finish_non_exhaustive()
    }
}

fn broken_off() -> Error {
    Error::io("the connection to the neighbour", &ErrorKind::UnexpectedEof.into())
}
