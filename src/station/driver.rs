//! The loop that drives a machine: frames, records, deadlines and commands in; frames, records and notices out.
//!
//! One task owns the machine, so that its inputs have one order. Links and the journal run beside it and speak to it through
//! channels: frames come through a bounded one, so that a busy station slows its neighbours down instead of growing.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc::{
    Receiver, Sender, UnboundedReceiver, UnboundedSender, WeakUnboundedSender, channel, unbounded_channel,
};
use tokio::time::{Instant, sleep_until};

use super::journal::{Journal, Written};
use super::link::{Link, LinkWriter, Reclaim};
use super::notice::{Notice, What, now};
use crate::custody::Store;
use crate::error::Error;
use crate::handover::relay::Passing;
use crate::handover::{Peer, Persist};
use crate::types::{Now, Role, Time};

/// Frames that may wait for the machine.
const INBOUND: usize = 64;
/// How long a station waits for the last records and frames when it stops.
const GRACE: Duration = Duration::from_secs(3);
/// How long a frame may wait for the news that earlier ones were written.
const OVERTAKING: Duration = Duration::from_millis(250);

/// A frame on its way out.
pub(super) enum Outgoing {
    /// Wiped by the link once it is written.
    Frame(Vec<u8>),
    /// Given back, so that its wipe becomes evidence.
    Passing(Passing),
}

/// A machine and the host's part around it.
pub(super) trait Machine {
    /// What the operator can ask for.
    type Command: Send + 'static;

    fn handle_frame(&mut self, now: Now, from: Peer, bytes: Vec<u8>) -> Result<(), Error>;
    fn handle_written(&mut self, now: Now, token: u64, durable: bool);
    fn handle_timeout(&mut self, now: Now);
    fn handle_peer_lost(&mut self, now: Now, peer: Peer);
    fn handle_sent(&mut self, now: Now, passing: Passing);
    /// Whether this frame must wait until frames that are being written have come back.
    fn must_wait(&self, _: &[u8]) -> bool {
        false
    }
    fn command(&mut self, now: Now, command: Self::Command) -> Result<(), Error>;
    fn shutdown(&mut self, now: Now);
    /// Writes down what is still open, as the last thing.
    fn abandon(&mut self);
    fn next_deadline(&self) -> Option<Time>;
    fn poll_persist(&mut self) -> Option<Persist>;
    fn poll_outgoing(&mut self) -> Option<(Peer, Outgoing)>;
    /// Acts on the machine's events and tells the operator; `true` when there was one.
    fn act(&mut self, now: Now, notices: &Notices) -> bool;
}

/// Where notices go.
#[derive(Clone)]
pub struct Notices {
    role: Role,
    sender: UnboundedSender<Notice>,
}

impl Notices {
    /// Notices of a station of this role.
    #[must_use]
    pub fn new(role: Role, sender: UnboundedSender<Notice>) -> Self {
        Self { role, sender }
    }

    /// Tells the operator. A reader that is gone does not stop the station.
    pub fn tell(&self, session: Option<crate::types::SessionId>, what: What) {
        let _ = self.sender.send(Notice::new(self.role, session, what));
    }
}

/// What the operator asks of a running station.
#[derive(Debug)]
pub enum Order<C> {
    /// Something that depends on the station's kind.
    Command(C),
    /// Stop: end and erase what is open, write it down, leave.
    Stop,
}

enum Inbound {
    Up(Peer, super::profile::StationName, UnboundedSender<Outgoing>),
    Frame(Peer, Vec<u8>),
    Down(Peer),
}

/// Gives links to the driver.
#[derive(Clone)]
pub(super) struct Connections {
    inbound: Sender<Inbound>,
    /// Strong as long as a link is served, or the driver runs: by that a station that stops knows when its links have ended.
    sent: WeakUnboundedSender<Passing>,
    notices: Notices,
}

impl Connections {
    /// Serves a link until both sides have ended it. A station that stops takes none.
    pub(super) async fn serve(&self, peer: Peer, link: Link) {
        let Some(sent) = self.sent.upgrade() else { return };
        let name = link.peer().clone();
        let (mut reader, writer) = link.split();
        let (outgoing, queue) = unbounded_channel();
        let sending = tokio::spawn(send_all(queue, writer, sent.clone()));
        let mut error = None;
        if self.inbound.send(Inbound::Up(peer, name.clone(), outgoing)).await.is_ok() {
            loop {
                match reader.next().await {
                    Ok(Some(frame)) => {
                        if self.inbound.send(Inbound::Frame(peer, frame)).await.is_err() {
                            break;
                        }
                    }
                    Ok(None) => break,
                    Err(reason) => {
                        error = Some(reason);
                        break;
                    }
                }
            }
            // The driver drops its end of the queue, which ends the sending task.
            let _ = self.inbound.send(Inbound::Down(peer)).await;
        }
        self.notices.tell(None, What::Disconnected { station: name.station, error });
        let _ = sending.await;
        drop(sent);
    }
}

/// Sends a link's queue. Relayed frames come back in order, written or not.
async fn send_all(mut queue: UnboundedReceiver<Outgoing>, writer: LinkWriter, sent: UnboundedSender<Passing>) {
    let (reclaims, mut reclaimed) = channel::<(Passing, Result<Reclaim, Error>)>(64);
    let returning = tokio::spawn(async move {
        while let Some((mut passing, reclaim)) = reclaimed.recv().await {
            if let Ok(reclaim) = reclaim
                && let Ok(mut back) = reclaim.frame().await
            {
                passing.put_back(core::mem::take(back.frame_mut()));
            }
            let _ = sent.send(passing);
        }
    });
    while let Some(outgoing) = queue.recv().await {
        match outgoing {
            // A link that failed says so through its reader.
            Outgoing::Frame(frame) => drop(writer.send(frame).await),
            Outgoing::Passing(mut passing) => {
                let reclaim = writer.send_and_reclaim(passing.take()).await;
                if reclaims.send((passing, reclaim)).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(reclaims);
    let _ = returning.await;
    let _ = writer.shutdown().await;
}

/// A machine with its channels.
pub(super) struct Driver<M: Machine> {
    machine: M,
    journal: Journal,
    written: UnboundedReceiver<Written>,
    inbound: Receiver<Inbound>,
    sent: UnboundedReceiver<Passing>,
    /// Until the driver stops; then only links have one.
    sender: Option<UnboundedSender<Passing>>,
    peers: HashMap<Peer, UnboundedSender<Outgoing>>,
    notices: Notices,
    unwritten: usize,
}

impl<M: Machine> Driver<M> {
    pub(super) fn new(machine: M, store: Store, notices: Notices) -> Result<(Self, Connections), Error> {
        let (done, written) = unbounded_channel();
        let (inbound_sender, inbound) = channel(INBOUND);
        let (sender, sent) = unbounded_channel();
        let connections = Connections { inbound: inbound_sender, sent: sender.downgrade(), notices: notices.clone() };
        let journal = Journal::start(store, done)?;
        let peers = HashMap::new();
        Ok((
            Self { machine, journal, written, inbound, sent, sender: Some(sender), peers, notices, unwritten: 0 },
            connections,
        ))
    }

    /// Runs until it is told to stop, then until what is open is ended and written down.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Order<M::Command>>) {
        loop {
            self.drain();
            let deadline = self.machine.next_deadline();
            tokio::select! {
                Some(inbound) = self.inbound.recv() => {
                    if let Inbound::Frame(_, bytes) = &inbound {
                        self.wait_for_room(bytes).await;
                    }
                    self.handle(inbound);
                }
                Some(written) = self.written.recv() => self.handle_written(written),
                Some(passing) = self.sent.recv() => self.machine.handle_sent(now(), passing),
                () = until(deadline) => self.machine.handle_timeout(now()),
                order = orders.recv() => match order {
                    Some(Order::Command(command)) => {
                        if let Err(error) = self.machine.command(now(), command) {
                            self.notices.tell(None, What::Problem(error));
                        }
                    }
                    Some(Order::Stop) | None => break,
                },
            }
        }
        self.stop().await;
    }

    async fn stop(mut self) {
        self.machine.shutdown(now());
        let end = Instant::now() + GRACE;
        loop {
            self.drain();
            if self.unwritten == 0 {
                break;
            }
            tokio::select! {
                Some(written) = self.written.recv() => self.handle_written(written),
                Some(passing) = self.sent.recv() => self.machine.handle_sent(now(), passing),
                () = sleep_until(end) => break,
            }
        }
        // Links send what is queued and tell their neighbours, which end them too; frames that came meanwhile are dropped unread.
        self.peers.clear();
        self.inbound.close();
        while self.inbound.try_recv().is_ok() {}
        self.sender = None;
        while let Ok(Some(passing)) = tokio::time::timeout_at(end, self.sent.recv()).await {
            self.machine.handle_sent(now(), passing);
            self.drain();
        }
        self.machine.abandon();
        self.drain();
        while self.unwritten > 0 {
            match tokio::time::timeout(GRACE, self.written.recv()).await {
                Ok(Some(written)) => self.handle_written(written),
                _ => break,
            }
        }
        self.notices.tell(None, What::Stopped);
    }

    /// A frame can overtake the news that earlier ones were written. The wait is short, because whoever keeps to its credit never
    /// needs it for longer, and everyone else is then told that too much is held.
    async fn wait_for_room(&mut self, bytes: &[u8]) {
        let end = Instant::now() + OVERTAKING;
        while self.machine.must_wait(bytes) {
            match tokio::time::timeout_at(end, self.sent.recv()).await {
                Ok(Some(passing)) => self.machine.handle_sent(now(), passing),
                _ => return,
            }
        }
    }

    fn handle(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Up(peer, name, outgoing) => {
                self.peers.insert(peer, outgoing);
                // Only now would a frame for it be sent.
                self.notices.tell(None, What::Connected { station: name.station, role: name.role });
            }
            Inbound::Frame(peer, bytes) => {
                if let Err(error) = self.machine.handle_frame(now(), peer, bytes) {
                    self.notices.tell(None, What::Problem(error));
                }
            }
            Inbound::Down(peer) => {
                self.peers.remove(&peer);
                self.machine.handle_peer_lost(now(), peer);
            }
        }
    }

    fn handle_written(&mut self, written: Written) {
        self.unwritten = self.unwritten.saturating_sub(1);
        let durable = written.outcome.is_ok();
        if let Err(error) = written.outcome {
            self.notices.tell(None, What::Problem(error));
        }
        self.machine.handle_written(now(), written.token, durable);
    }

    fn drain(&mut self) {
        loop {
            let mut moved = self.machine.act(now(), &self.notices);
            while let Some(persist) = self.machine.poll_persist() {
                self.journal.write(persist, now().unix_ms);
                self.unwritten += 1;
            }
            while let Some((peer, outgoing)) = self.machine.poll_outgoing() {
                moved = true;
                let unsent = match self.peers.get(&peer) {
                    Some(queue) => queue.send(outgoing).err().map(|error| error.0),
                    None => Some(outgoing),
                };
                let Some(unsent) = unsent else { continue };
                match unsent {
                    Outgoing::Passing(passing) => self.machine.handle_sent(now(), passing),
                    Outgoing::Frame(mut frame) => drop(crate::wipe::wipe_vec(&mut frame, 0)),
                }
                // Nobody is there to answer: what depends on it ends now, not at its deadline.
                self.machine.handle_peer_lost(now(), peer);
            }
            if !moved {
                return;
            }
        }
    }
}

/// Waits for a point on the clock that counts suspended time; forever without one.
async fn until(deadline: Option<Time>) {
    match deadline {
        // Not longer than a second at once: the sleep's own clock may not count suspended time.
        Some(deadline) => {
            let wait = deadline.since(now().monotonic).min(1000);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        None => std::future::pending().await,
    }
}
