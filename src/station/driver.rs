//! The loop that drives a machine: frames, records, deadlines and commands in; frames, records and notices out.
//!
//! One task owns the machine, so that its inputs have one order. Links and the journal run beside it and speak to it through
//! channels: frames come through a bounded one, so that a busy station slows its neighbours down instead of growing. The loop
//! never waits for one neighbour, one session or one document.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, UnboundedReceiver, channel, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connection::{Connections, Inbound, Outgoing, Outlet, Received, UnderWay};
use super::journal::{Journal, Written};
use super::notice::{Notices, What, now};
use super::parked::Parked;
use super::profile::StationName;
use crate::custody::Store;
use crate::error::Error;
use crate::handover::relay::Passing;
use crate::handover::{Frame, Peer, Persist};
use crate::types::{Now, SessionId, Time};

/// Frames that may wait for the machine, from all neighbours together.
const INBOUND: usize = 64;
/// How long a station waits for the last records and frames when it stops.
const GRACE: Duration = Duration::from_secs(3);
/// How often work that is done elsewhere is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// A session's own frames that may be between the machine and a link: the chunks that credit allows, and the messages around them.
/// Queues have room for so many of each session.
pub(super) const FRAMES_OF_A_SESSION: usize = 8;
/// Counts of sessions that are kept before those of idle ones are thrown away.
const REMEMBERED: usize = 4096;

/// What is left of the host's own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Nothing.
    None,
    /// Another step can be done at once.
    More,
    /// Another thread does it.
    Elsewhere,
}

/// A machine and the host's part around it.
pub(super) trait Machine {
    /// What the operator can ask for.
    type Command: Send + 'static;

    fn handle_frame(&mut self, now: Now, from: Peer, bytes: Vec<u8>) -> Result<(), Error>;
    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>);
    fn handle_timeout(&mut self, now: Now);
    fn handle_peer_lost(&mut self, now: Now, peer: Peer);
    fn handle_peer_back(&mut self, now: Now, peer: Peer);
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
    /// Does one short step of the host's own work, composing or printing; everything else goes on between two steps.
    fn work(&mut self, _: Now, _: &Notices) -> Work {
        Work::None
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

/// A machine with its channels.
pub(super) struct Driver<M: Machine> {
    machine: M,
    journal: Journal,
    written: UnboundedReceiver<Written>,
    inbound: Receiver<Inbound>,
    sent: UnboundedReceiver<Passing>,
    served: watch::Receiver<usize>,
    peers: HashMap<Peer, Outlet>,
    /// Neighbours that the machine was told are lost, and not yet that they are back.
    lost: HashSet<Peer>,
    parked: Parked,
    /// How many of a session's own frames are between the machine and a link.
    under_way: HashMap<SessionId, Arc<AtomicUsize>>,
    notices: Notices,
    unwritten: usize,
    /// Relayed frames that connections hold.
    passing: usize,
}

impl<M: Machine> Driver<M> {
    /// `retention` is how long the store keeps what is over.
    pub(super) fn new(
        machine: M,
        store: Store,
        retention: Option<Duration>,
        notices: Notices,
    ) -> Result<(Self, Connections), Error> {
        let (done, written) = unbounded_channel();
        let (inbound_sender, inbound) = channel(INBOUND);
        let (sent_sender, sent) = unbounded_channel();
        let (count, served) = watch::channel(0);
        let connections = Connections::new(inbound_sender, sent_sender, Arc::new(count), notices.clone());
        let journal = Journal::start(store, retention, done)?;
        let driver = Self {
            machine,
            journal,
            written,
            inbound,
            sent,
            served,
            peers: HashMap::new(),
            lost: HashSet::new(),
            parked: Parked::default(),
            under_way: HashMap::new(),
            notices,
            unwritten: 0,
            passing: 0,
        };
        Ok((driver, connections))
    }

    /// Runs until it is told to stop, then until what is open is ended and written down.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Order<M::Command>>) {
        loop {
            self.drain();
            let work = self.machine.work(now(), &self.notices);
            if work == Work::More {
                self.drain();
            }
            let deadline = self.machine.next_deadline();
            let parked = self.parked.until();
            tokio::select! {
                Some(inbound) = self.inbound.recv() => self.handle(inbound),
                Some(written) = self.written.recv() => self.handle_written(written),
                Some(passing) = self.sent.recv() => self.handle_sent(passing),
                () = until(deadline) => self.machine.handle_timeout(now()),
                () = sleep_until(parked.unwrap_or_else(Instant::now)), if parked.is_some() => {}
                () = tokio::task::yield_now(), if work == Work::More => {}
                () = tokio::time::sleep(GLANCE), if work == Work::Elsewhere => {}
                order = orders.recv() => match order {
                    Some(Order::Command(command)) => {
                        if let Err(error) = self.machine.command(now(), command) {
                            self.notices.tell(None, What::Problem(error));
                        }
                    }
                    Some(Order::Stop) | None => break,
                },
            }
            self.handle_ready();
            self.take_parked();
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
                Some(passing) = self.sent.recv() => self.handle_sent(passing),
                () = sleep_until(end) => break,
            }
        }
        // Links send what is queued and tell their neighbours; frames that came meanwhile are dropped unread.
        self.inbound.close();
        while self.inbound.try_recv().is_ok() {}
        self.parked = Parked::default();
        self.peers.drain().for_each(|(_, outlet)| outlet.close());
        while self.passing > 0
            && let Ok(Some(passing)) = timeout_at(end, self.sent.recv()).await
        {
            self.handle_sent(passing);
            self.drain();
        }
        drop(timeout_at(end, self.served.wait_for(|count| *count == 0)).await);
        self.machine.abandon();
        self.drain();
        let end = Instant::now() + GRACE;
        while self.unwritten > 0 {
            match timeout_at(end, self.written.recv()).await {
                Ok(Some(written)) => self.handle_written(written),
                _ => break,
            }
        }
        self.notices.tell(None, What::Stopped);
    }

    /// Takes what else is there already, as far as one queue's length: then one turn serves many frames.
    fn handle_ready(&mut self) {
        while let Ok(written) = self.written.try_recv() {
            self.handle_written(written);
        }
        while let Ok(passing) = self.sent.try_recv() {
            self.handle_sent(passing);
        }
        for _ in 0..INBOUND {
            let Ok(inbound) = self.inbound.try_recv() else { break };
            self.handle(inbound);
        }
    }

    fn handle(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Up { peer, name, outlet } => self.connected(peer, &name, outlet),
            Inbound::Frame(received) => {
                // What an earlier connection still brings is asked for again over the new one.
                if self.peers.get(&received.peer).is_none_or(|outlet| outlet.connection != received.connection) {
                    return;
                }
                let session = Frame::decode(&received.bytes).map(|frame| frame.session);
                match session {
                    Ok(session) if self.parked.has(session) || self.machine.must_wait(&received.bytes) => {
                        self.parked.push(session, received);
                    }
                    _ => self.take(received),
                }
            }
            Inbound::Down { peer, connection } => {
                if self.peers.get(&peer).is_some_and(|outlet| outlet.connection == connection) {
                    self.disconnected(peer);
                }
            }
        }
    }

    /// A neighbour's newest connection is the one that counts: an older one may be half open, and would keep a station that came
    /// back out until it counts as dead. Only the holder of the same TLS key can replace it.
    fn connected(&mut self, peer: Peer, name: &StationName, outlet: Outlet) {
        if let Some(current) = self.peers.get(&peer) {
            if current.connection > outlet.connection {
                return;
            }
            self.disconnected(peer);
        }
        self.peers.insert(peer, outlet);
        if self.lost.remove(&peer) {
            self.machine.handle_peer_back(now(), peer);
        }
        // Only now would a frame for it be sent.
        self.notices.tell(None, What::Connected { station: name.station.clone(), role: name.role });
    }

    fn disconnected(&mut self, peer: Peer) {
        // Dropping the outlet ends the connection, if it has not ended.
        self.peers.remove(&peer);
        self.parked.forget(peer);
        self.lost.insert(peer);
        self.machine.handle_peer_lost(now(), peer);
    }

    fn take(&mut self, mut received: Received) {
        let bytes = core::mem::take(&mut received.bytes);
        if let Err(error) = self.machine.handle_frame(now(), received.peer, bytes) {
            self.notices.tell(None, What::Problem(error));
        }
    }

    fn take_parked(&mut self) {
        while let Some(received) = self.parked.pop(|bytes| self.machine.must_wait(bytes)) {
            self.take(received);
        }
    }

    fn handle_sent(&mut self, passing: Passing) {
        self.passing = self.passing.saturating_sub(1);
        self.machine.handle_sent(now(), passing);
    }

    fn handle_written(&mut self, written: Written) {
        self.unwritten = self.unwritten.saturating_sub(1);
        self.machine.handle_written(now(), written.token, &written.outcome);
        if let Err(error) = written.outcome {
            self.notices.tell(None, What::Problem(error));
        }
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
                self.send(peer, outgoing);
            }
            if !moved {
                return;
            }
        }
    }

    /// Queues a frame. One of a session that has too many under way is not sent: whoever asked for so many asks again. A neighbour that is not there, or so slow that its queue is full, is lost: its sessions go on if it comes
    /// back in time, and nobody else waits for it.
    fn send(&mut self, peer: Peer, outgoing: Outgoing) {
        let relayed = usize::from(matches!(outgoing, Outgoing::Passing(_)));
        let under_way = match &outgoing {
            Outgoing::Frame(session, _) => {
                if self.under_way.len() > REMEMBERED {
                    self.under_way.retain(|_, count| count.load(Ordering::Relaxed) > 0);
                }
                let count = self.under_way.entry(*session).or_default();
                match UnderWay::new(count, FRAMES_OF_A_SESSION) {
                    None => return wipe_unsent(outgoing),
                    counted => counted,
                }
            }
            Outgoing::Passing(_) => None,
        };
        let Some(outlet) = self.peers.get(&peer) else {
            match outgoing {
                Outgoing::Passing(passing) => self.machine.handle_sent(now(), passing),
                unsent => wipe_unsent(unsent),
            }
            return self.disconnected(peer);
        };
        // Refused, too, a relayed frame comes back.
        self.passing += relayed;
        if outlet.send(outgoing, under_way).is_err() {
            self.disconnected(peer);
        }
    }
}

fn wipe_unsent(outgoing: Outgoing) {
    if let Outgoing::Frame(_, mut frame) = outgoing {
        let _ = crate::wipe::wipe_vec(&mut frame, 0);
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
