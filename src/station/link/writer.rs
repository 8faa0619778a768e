//! The outgoing direction: a bounded queue in front of one task that writes, pings, and wipes what it has written.

use std::future::Future;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsStream;

use super::{DATA, HEADER, LinkOptions, MAXIMUM_PAYLOAD, PING_FRAME, Stage, State, closed, timed_out, wipe};
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

/// Waits for a frame's memory.
#[derive(Debug)]
pub struct Reclaim(oneshot::Receiver<Reclaimed>);

impl Reclaim {
    /// The frame, after it was written or the link ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the runtime ended under it; the frame was then wiped without evidence.
    pub async fn frame(self) -> Result<Reclaimed, Error> {
        self.0.await.map_err(|_| closed())
    }
}

impl LinkWriter {
    pub(super) fn start(
        output: WriteHalf<TlsStream<TcpStream>>,
        unread: oneshot::Receiver<ReadHalf<TlsStream<TcpStream>>>,
        state: Arc<State>,
        options: &LinkOptions,
    ) -> Self {
        let (queue, orders) = mpsc::channel(options.queue.max(1));
        let task = Task { output, orders, unread, state: Arc::clone(&state), options: options.clone() };
        tokio::spawn(task.run());
        Self { queue, state }
    }

    /// Sends a frame of 1 to [`MAXIMUM_PAYLOAD`] bytes; waits while the queue is full. The frame is wiped after it was written,
    /// and on every other way out.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Malformed`] for a length that is not allowed; else why the link is closed.
    pub async fn send(&self, frame: Vec<u8>) -> Result<(), Error> {
        self.enqueue(Frame { bytes: frame, written: false, give_back: None }).await
    }

    /// Sends a frame as [`LinkWriter::send`] does, and gives its memory back instead of wiping it: for a relay, whose receipt
    /// needs the evidence of that wipe. A frame that cannot be sent comes back as not written; why the link ended, its reader says.
    pub async fn send_and_reclaim(&self, frame: Vec<u8>) -> Reclaim {
        let (give_back, reclaim) = oneshot::channel();
        // Dropped in there, it is given back.
        let _unsent = self.enqueue(Frame { bytes: frame, written: false, give_back: Some(give_back) }).await;
        Reclaim(reclaim)
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

    async fn enqueue(&self, frame: Frame) -> Result<(), Error> {
        match frame.bytes.len() {
            0 => return Err(Error::Malformed { what: "an empty frame" }),
            1..=MAXIMUM_PAYLOAD => {}
            _ => return Err(Error::TooLarge { what: "a frame, in bytes,", limit: MAXIMUM_PAYLOAD as u64 }),
        }
        if !matches!(self.state.stage(), Stage::Open) {
            return Err(self.reason());
        }
        self.queue.send(Order::Send(frame)).await.map_err(|_| self.reason())
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
    give_back: Option<oneshot::Sender<Reclaimed>>,
}

impl Drop for Frame {
    fn drop(&mut self) {
        let reclaimed = Reclaimed { frame: core::mem::take(&mut self.bytes), written: self.written };
        if let Some(give_back) = self.give_back.take() {
            // Who sent it may be gone: it is then wiped as it is dropped.
            let _unclaimed = give_back.send(reclaimed);
        }
    }
}

/// How long an orderly end waits for the neighbour's.
const LINGER: Duration = Duration::from_secs(2);

struct Task {
    output: WriteHalf<TlsStream<TcpStream>>,
    orders: mpsc::Receiver<Order>,
    unread: oneshot::Receiver<ReadHalf<TlsStream<TcpStream>>>,
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
            let order = tokio::select! {
                biased;
                stage = self.state.ended() => return match stage {
                    Stage::Failed(error) => Err(error),
                    Stage::Open | Stage::Closed => self.close().await,
                },
                order = self.orders.recv() => order,
                () = sleep_until(last + self.options.keep_alive) => {
                    self.write(&PING_FRAME, &[]).await?;
                    last = Instant::now();
                    continue;
                }
            };
            match order {
                Some(Order::Send(mut frame)) => {
                    let [a, b, c, d] = (frame.bytes.len() as u32 + 1).to_be_bytes();
                    self.write(&[a, b, c, d, DATA], &frame.bytes).await?;
                    frame.written = true;
                    last = Instant::now();
                }
                Some(Order::Shutdown(done)) => {
                    let outcome = self.close().await;
                    // Who asked may have stopped waiting.
                    let _unheard = done.send(outcome.clone());
                    return outcome;
                }
                None => return self.close().await,
            }
        }
    }

    async fn write(&mut self, header: &[u8; HEADER], payload: &[u8]) -> Result<(), Error> {
        let (mut header, mut payload) = (&header[..], payload);
        while !header.is_empty() || !payload.is_empty() {
            let slices = [IoSlice::new(header), IoSlice::new(payload)];
            let step = self.output.write_vectored(&slices);
            let count = progress(&self.state, self.options.silence, step).await?;
            if count == 0 {
                return Err(Error::Io { what: "writing to the neighbour", kind: std::io::ErrorKind::WriteZero });
            }
            let of_header = count.min(header.len());
            header = header.get(of_header..).unwrap_or_default();
            payload = payload.get(count - of_header..).unwrap_or_default();
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
