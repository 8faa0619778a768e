//! The outgoing direction: a bounded queue in front of one task that writes, pings, and wipes what it has written.

use std::future::Future;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsStream;

use super::frame::{HEADER, MAXIMUM_FRAME, PING_FRAME, header};
use super::{LinkOptions, Socket, Stage, State, closed, timed_out, wipe};
use crate::error::Error;
use crate::station::tls::explain;

/// Sends frames. Clones share the link and its queue.
#[derive(Clone)]
pub struct LinkWriter {
    queue: mpsc::Sender<Order>,
    state: Arc<State>,
}

/// A frame's memory, given back to who sent it, who wipes it and keeps the evidence. Dropped unwiped, it is wiped without.
pub struct Reclaimed {
    frame: Vec<u8>,
    written: bool,
}

impl Reclaimed {
    /// The memory that was sent from, to be wiped in place.
    pub fn frame_mut(&mut self) -> &mut Vec<u8> {
        &mut self.frame
    }

    /// Whether every byte was handed to the connection; not whether it arrived.
    #[must_use]
    pub const fn written(&self) -> bool {
        self.written
    }
}

impl Drop for Reclaimed {
    fn drop(&mut self) {
        wipe(&mut self.frame);
    }
}

impl core::fmt::Debug for Reclaimed {
    /// Without the frame's content.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reclaimed").field("written", &self.written).finish_non_exhaustive()
    }
}

impl LinkWriter {
    pub(super) fn start(
        output: WriteHalf<TlsStream<Socket>>,
        unread: oneshot::Receiver<ReadHalf<TlsStream<Socket>>>,
        state: Arc<State>,
        options: &LinkOptions,
    ) -> Self {
        let (queue, orders) = mpsc::channel(options.queue.max(1));
        let task = Task { output, orders, unread, state: Arc::clone(&state), options: options.clone() };
        tokio::spawn(task.run());
        Self { queue, state }
    }

    /// Sends a frame of 1 to [`MAXIMUM_PAYLOAD`](super::MAXIMUM_PAYLOAD) bytes; waits while the queue is full. The frame is wiped after it was written,
    /// and on every other way out.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Malformed`] for a length that is not allowed; else why the link is closed.
    pub async fn send(&self, frame: Vec<u8>) -> Result<(), Error> {
        let frame = self.check(Frame { bytes: frame, written: false, give_back: None })?;
        self.queue.send(Order::Send(frame)).await.map_err(|_| self.reason())
    }

    /// Sends a frame without waiting, and gives its memory back instead of wiping it: for a relay, whose receipt needs the evidence
    /// of that wipe. `give_back` is called exactly once, after the frame was written or when it cannot be, by the task that finds
    /// out; it must be short, and it owns what must live as long as the frame waits.
    ///
    /// # Errors
    /// As [`LinkWriter::send`], and [`Error::Busy`] while the queue is full; the frame was given back as not written then.
    pub fn try_send(&self, frame: Vec<u8>, give_back: impl FnOnce(Reclaimed) + Send + 'static) -> Result<(), Error> {
        let frame = self.check(Frame { bytes: frame, written: false, give_back: Some(Box::new(give_back)) })?;
        self.queue.try_send(Order::Send(frame)).map_err(|error| match error {
            TrySendError::Full(_) => {
                Error::Busy { what: "frames for a neighbour", limit: self.queue.max_capacity() as u64 }
            }
            TrySendError::Closed(_) => self.reason(),
        })
    }

    /// Ends the link in both directions, at once and not in order: what is being written or waits is wiped or given back. A link
    /// that has ended already stays as it is.
    pub fn fail(&self, reason: Error) {
        self.state.end(Stage::Failed(reason));
    }

    /// Ends this direction in order: what waits is written, then the neighbour is told, which ends its own. Later sends fail;
    /// the reader goes on until the neighbour's end. A process that is about to exit calls [`LinkReader::next`] until `None`
    /// first, or it may cut off what the neighbour has not read yet.
    ///
    /// [`LinkReader::next`]: super::LinkReader::next
    ///
    /// # Errors
    /// Why the link had ended before, or failed meanwhile.
    pub async fn shutdown(&self) -> Result<(), Error> {
        let (done, finished) = oneshot::channel();
        self.queue.send(Order::Shutdown(done)).await.map_err(|_| self.reason())?;
        finished.await.unwrap_or_else(|_| Err(self.reason()))
    }

    /// A frame that may be queued; any other is dropped, which wipes it or gives it back.
    fn check(&self, frame: Frame) -> Result<Frame, Error> {
        header(frame.bytes.len())?;
        match self.state.stage() {
            Stage::Open => Ok(frame),
            Stage::Closed | Stage::Failed(_) => Err(self.reason()),
        }
    }

    fn reason(&self) -> Error {
        match self.state.stage() {
            Stage::Failed(error) => error,
            Stage::Open | Stage::Closed => closed(),
        }
    }
}

enum Order {
    Send(Frame),
    Shutdown(oneshot::Sender<Result<(), Error>>),
}

/// A frame that is given back or wiped wherever it is dropped.
struct Frame {
    bytes: Vec<u8>,
    written: bool,
    give_back: Option<Box<dyn FnOnce(Reclaimed) + Send>>,
}

impl Drop for Frame {
    fn drop(&mut self) {
        let reclaimed = Reclaimed { frame: core::mem::take(&mut self.bytes), written: self.written };
        if let Some(give_back) = self.give_back.take() {
            give_back(reclaimed);
        }
    }
}

/// The most frames that are written as one.
const TURN: usize = 32;

/// How long an orderly end waits for the neighbour's.
const LINGER: Duration = Duration::from_secs(2);

struct Task {
    output: WriteHalf<TlsStream<Socket>>,
    orders: mpsc::Receiver<Order>,
    unread: oneshot::Receiver<ReadHalf<TlsStream<Socket>>>,
    state: Arc<State>,
    options: LinkOptions,
}

impl Task {
    async fn run(mut self) {
        let outcome = self.work().await;
        let orderly = outcome.is_ok();
        if let Err(error) = outcome {
            self.state.end(Stage::Failed(error));
        }
        // Frames that still wait are wiped or given back as they are dropped.
        self.orders.close();
        while self.orders.try_recv().is_ok() {}
        if orderly {
            self.linger().await;
        }
    }

    /// Reads away what the reader left, until the neighbour's end: a socket closed with unread bytes is reset, and a reset
    /// destroys what was sent before it and has not been read yet.
    async fn linger(self) {
        let Ok(mut unread) = self.unread.await else { return };
        let drain = async {
            let mut scrap = vec![0; 16 * 1024];
            while matches!(unread.read(&mut scrap).await, Ok(1..)) {}
            wipe(&mut scrap);
        };
        // A neighbour that does not end in that time is left to the reset.
        let _unfinished = timeout(LINGER, drain).await;
    }

    async fn work(&mut self) -> Result<(), Error> {
        let mut last = Instant::now();
        loop {
            // Mostly something is there, and nothing else need be looked at; of a link that has ended it is given back.
            let first = match self.orders.try_recv() {
                Ok(order) if matches!(self.state.stage(), Stage::Open) => Some(order),
                _ => tokio::select! {
                    biased;
                    stage = self.state.ended() => return match stage {
                        Stage::Failed(error) => Err(error),
                        Stage::Open | Stage::Closed => self.close().await,
                    },
                    order = self.orders.recv() => order,
                    () = sleep_until(last + self.options.keep_alive) => {
                        self.write_all(&mut [IoSlice::new(&PING_FRAME)]).await?;
                        last = Instant::now();
                        continue;
                    }
                },
            };
            let Some(first) = first else { return self.close().await };
            let (mut frames, shutdown) = self.gather(first);
            if !frames.is_empty() {
                self.write(&mut frames).await?;
                drop(frames);
                last = Instant::now();
            }
            if let Some(done) = shutdown {
                let outcome = self.close().await;
                // Who asked may have stopped waiting.
                let _unheard = done.send(outcome.clone());
                return outcome;
            }
        }
    }

    /// What waits and fits into one turn, at least one frame or the order to end.
    fn gather(&mut self, first: Order) -> (Vec<Frame>, Option<oneshot::Sender<Result<(), Error>>>) {
        let (mut frames, mut length) = (Vec::new(), 0);
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Shutdown(done) => return (frames, Some(done)),
                Order::Send(frame) => {
                    length += frame.bytes.len();
                    frames.push(frame);
                }
            }
            next = if frames.len() < TURN && length < MAXIMUM_FRAME { self.orders.try_recv().ok() } else { None };
        }
        (frames, None)
    }

    /// Writes frames as one: small ones share a TLS record and a system call.
    async fn write(&mut self, frames: &mut [Frame]) -> Result<(), Error> {
        let heads: Vec<[u8; HEADER]> =
            frames.iter().map(|frame| header(frame.bytes.len())).collect::<Result<_, _>>()?;
        let parts = heads.iter().zip(frames.iter());
        let mut slices: Vec<_> =
            parts.flat_map(|(head, frame)| [IoSlice::new(head), IoSlice::new(&frame.bytes)]).collect();
        self.write_all(&mut slices).await?;
        frames.iter_mut().for_each(|frame| frame.written = true);
        Ok(())
    }

    async fn write_all(&mut self, mut slices: &mut [IoSlice<'_>]) -> Result<(), Error> {
        while !slices.is_empty() {
            let step = self.output.write_vectored(slices);
            let count = progress(&self.state, self.options.silence, step).await?;
            if count == 0 {
                return Err(Error::Io { what: "writing to the neighbour", kind: std::io::ErrorKind::WriteZero });
            }
            IoSlice::advance_slices(&mut slices, count);
        }
        progress(&self.state, self.options.silence, self.output.flush()).await
    }

    async fn close(&mut self) -> Result<(), Error> {
        progress(&self.state, self.options.silence, self.output.shutdown()).await
    }
}

/// One step of output: it must come about before the neighbour counts as dead, and ends when the link does.
async fn progress<T>(
    state: &State,
    silence: Duration,
    step: impl Future<Output = std::io::Result<T>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        outcome = timeout(silence, step) => match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(timed_out("the neighbour takes nothing more")),
        },
        error = state.failed() => Err(error),
    }
}
