//! One connection of a neighbour between its link and the driver: frames in under a bounded number of permits, frames out of a
//! bounded queue, and an end that gives every relayed frame back.
//!
//! Nothing here may wait for the driver while it holds what another neighbour needs: each connection has its own permits and its
//! own queue, so that a slow or flooding neighbour holds up itself alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{Sender, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::timeout;

use super::link::{Link, LinkReader, LinkWriter};
use super::neighbours::{Neighbours, Side};
use super::notice::{Notices, What};
use super::profile::StationName;
use crate::error::Error;
use crate::handover::Peer;
use crate::handover::relay::Passing;
use crate::types::SessionId;

/// Frames of one connection that may be with the driver, read and not yet taken by the machine.
const INBOUND_EACH: usize = 16;
/// How long an orderly end waits for the neighbour's.
const FAREWELL: Duration = Duration::from_millis(500);

/// A frame on its way out.
pub(super) enum Outgoing {
    /// Wiped by the link once it is written.
    Frame(SessionId, Vec<u8>),
    /// Given back, so that its wipe becomes evidence.
    Passing(Passing),
}

/// One of a session's own frames between the machine and the link.
pub(super) struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    /// One more of these, unless there are as many as `limit`.
    pub(super) fn new(count: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let more = |count: usize| (count < limit).then_some(count + 1);
        let counted = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.is_ok().then(|| Self(Arc::clone(count)))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A frame that came in. The next one of its connection is read once enough of these are dropped.
pub(super) struct Received {
    pub(super) peer: Peer,
    pub(super) connection: u64,
    pub(super) bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Received {
    fn drop(&mut self) {
        // Taken by the machine, it is empty.
        let _ = crate::wipe::wipe_vec(&mut self.bytes, 0);
    }
}

/// What connections tell the driver.
pub(super) enum Inbound {
    Up { peer: Peer, name: StationName, outlet: Outlet },
    Frame(Received),
    Down { peer: Peer, connection: u64 },
}

/// The driver's way to a connection. Dropping it ends the connection at once.
pub(super) struct Outlet {
    pub(super) connection: u64,
    writer: LinkWriter,
    sent: UnboundedSender<Passing>,
    orderly: oneshot::Sender<()>,
}

impl Outlet {
    /// Queues a frame; a relayed one comes back through the driver's channel, written or not. `under_way` is counted until it is.
    ///
    /// # Errors
    /// As [`LinkWriter::try_send`]: the queue is full, or the connection is over.
    pub(super) fn send(&self, outgoing: Outgoing, under_way: Option<UnderWay>) -> Result<(), Error> {
        match outgoing {
            // Wiped as it is dropped.
            Outgoing::Frame(_, frame) => self.writer.try_send(frame, move |written| drop((written, under_way))),
            Outgoing::Passing(mut passing) => {
                let sent = self.sent.clone();
                self.writer.try_send(passing.take(), move |mut back| {
                    passing.put_back(core::mem::take(back.frame_mut()));
                    // A driver that is gone has ended its sessions.
                    let _ = sent.send(passing);
                })
            }
        }
    }

    /// Ends the connection after what is queued was sent.
    pub(super) fn close(self) {
        // A connection that is over already needs no end.
        let _ = self.orderly.send(());
    }
}

/// Gives links to the driver.
#[derive(Clone)]
pub(super) struct Connections {
    inbound: Sender<Inbound>,
    sent: UnboundedSender<Passing>,
    neighbours: Arc<Neighbours>,
    served: Arc<watch::Sender<usize>>,
    notices: Notices,
}

impl Connections {
    pub(super) fn new(
        inbound: Sender<Inbound>,
        sent: UnboundedSender<Passing>,
        served: Arc<watch::Sender<usize>>,
        notices: Notices,
    ) -> Self {
        Self { inbound, sent, neighbours: Arc::default(), served, notices }
    }

    /// Serves a link until it ends.
    ///
    /// # Errors
    /// As [`Neighbours::connected`]; the link is then closed unused.
    pub(super) async fn serve(&self, link: Link, side: Side) -> Result<(), Error> {
        let name = link.peer().clone();
        let (peer, connection) = self.neighbours.connected(&name, side)?;
        let _counted = Counted::new(&self.served);
        let (mut reader, writer) = link.split();
        let (orderly, mut ending) = oneshot::channel();
        let outlet = Outlet { connection, writer: writer.clone(), sent: self.sent.clone(), orderly };
        let station = name.station.clone();
        let mut error = None;
        if self.inbound.send(Inbound::Up { peer, name, outlet }).await.is_ok() {
            let over = tokio::select! {
                biased;
                asked = &mut ending => match asked {
                    Ok(()) => Ok(()),
                    Err(_) => Err(replaced()),
                },
                outcome = self.receive_all(&mut reader, peer, connection) => outcome,
            };
            if let Err(reason) = over {
                // What is being written is given back now, not when the neighbour counts as dead.
                writer.fail(reason.clone());
                error = Some(reason);
            }
            let _ = self.inbound.send(Inbound::Down { peer, connection }).await;
        }
        // After what is queued; a link that has failed has given everything back.
        let _ = writer.shutdown().await;
        if error.is_none() {
            // The neighbour reads what was sent before it ends its own side; bytes that come meanwhile are not looked at.
            let _ = timeout(FAREWELL, read_away(&mut reader)).await;
        }
        self.notices.tell(None, What::Disconnected { station, error });
        Ok(())
    }

    async fn receive_all(&self, reader: &mut LinkReader, peer: Peer, connection: u64) -> Result<(), Error> {
        let permits = Arc::new(Semaphore::new(INBOUND_EACH));
        loop {
            // It is never closed.
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return Ok(()) };
            let Some(bytes) = reader.next().await? else { return Ok(()) };
            let received = Received { peer, connection, bytes, _permit: permit };
            if self.inbound.send(Inbound::Frame(received)).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Counts connections, so that a station that stops can wait for their ends.
struct Counted(Arc<watch::Sender<usize>>);

impl Counted {
    fn new(served: &Arc<watch::Sender<usize>>) -> Self {
        served.send_modify(|count| *count += 1);
        Self(Arc::clone(served))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

async fn read_away(reader: &mut LinkReader) {
    while let Ok(Some(mut frame)) = reader.next().await {
        let _ = crate::wipe::wipe_vec(&mut frame, 0);
    }
}

fn replaced() -> Error {
    Error::Io {
        what: "the connection was given up: the neighbour is too slow, or has a newer one",
        kind: std::io::ErrorKind::ConnectionAborted,
    }
}
