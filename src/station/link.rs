//! One long-lived connection to a neighbour: frames over mutual TLS, with back-pressure, pings and a dead-peer timeout.
//!
//! A frame on the wire is a big-endian `u32` length (of what follows, 1 to 65,536), one byte of kind (1 data, 2 ping) and, for
//! data, 1 to 65,535 bytes. The side that listens sends a ping as soon as it has accepted the neighbour's certificate; only
//! then is the link open for both. An orderly end is TLS's close_notify between frames; anything else is an error. No frame is
//! allocated before its length is checked, and none is left in memory after it was written or dropped.
//!
//! [`Link`] runs in a tokio runtime; [`LinkMachine`] is the same for hosts that have loops of their own. What a frame looks like and
//! what is refused stands in `frame.rs` for both.

mod frame;
mod machine;
mod reader;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsStream;

use frame::PING_FRAME;
pub use frame::{MAXIMUM_FRAME, MAXIMUM_PAYLOAD};
pub use machine::{LinkMachine, LinkStage};
pub use reader::LinkReader;
pub use writer::{LinkWriter, Reclaimed};

use crate::error::Error;
use crate::station::config::LinkTimes;
use crate::station::profile::StationName;
use crate::station::tls::{ClientTls, ServerTls, explain};

/// What is read from the socket at once, in bytes: a TLS record with its overhead. Left alone, rustls reads 4 KiB at a time.
const READ_AHEAD: usize = 18 * 1024;

/// What TLS runs over.
type Socket = BufReader<TcpStream>;

/// How a link behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// A side that has sent nothing for this long sends a ping.
    pub keep_alive: Duration,
    /// A neighbour that was not heard, or took nothing, for this long is dead.
    pub silence: Duration,
    /// How long connecting, handshake and first ping may take together.
    pub handshake: Duration,
    /// Frames that may wait to be written; then [`LinkWriter::send`] waits.
    pub queue: usize,
}

impl Default for LinkOptions {
    /// The times of [`LinkTimes::default`], 10 s for the handshake, 8 frames.
    fn default() -> Self {
        Self::from(&LinkTimes::default())
    }
}

impl From<&LinkTimes> for LinkOptions {
    fn from(times: &LinkTimes) -> Self {
        Self { keep_alive: times.keep_alive, silence: times.silence, handshake: Duration::from_secs(10), queue: 8 }
    }
}

/// An open link.
pub struct Link {
    stream: TlsStream<Socket>,
    peer: StationName,
    options: LinkOptions,
}

impl Link {
    /// Connects to an upstream neighbour at `address` (`host:port`), again and again with growing pauses until `deadline`.
    ///
    /// # Errors
    /// Only a broken or refused connection is tried again; what [`ClientTls::connect`] says about trust or protocol is final
    /// and returned at once. At the deadline the last [`Error::Io`].
    pub async fn connect(
        address: &str,
        tls: &ClientTls,
        options: LinkOptions,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let mut pause = Duration::from_millis(50);
        loop {
            let limit = deadline.min(Instant::now() + options.handshake);
            let error = match timeout_at(limit, Self::connect_once(address, tls, &options)).await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(error @ Error::Io { .. })) => error,
                Ok(Err(error)) => return Err(error),
                Err(_) => timed_out("the handshake with the neighbour"),
            };
            let next = Instant::now() + jittered(pause);
            if next >= deadline {
                return Err(error);
            }
            tracing::debug!(%error, address, "connecting again");
            sleep(next - Instant::now()).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Takes up a connection that a downstream neighbour opened.
    ///
    /// # Errors
    /// As [`ServerTls::accept`]; [`Error::Io`] when it takes longer than the options allow.
    pub async fn accept(socket: TcpStream, tls: &ServerTls, options: LinkOptions) -> Result<Self, Error> {
        let take_up = async {
            let (mut stream, peer) = tls.accept(prepare(socket)?).await?;
            stream.write_all(&PING_FRAME).await.map_err(|error| explain(&error))?;
            stream.flush().await.map_err(|error| explain(&error))?;
            Ok((stream, peer))
        };
        let (stream, peer) = timeout(options.handshake, take_up)
            .await
            .unwrap_or_else(|_| Err(timed_out("the handshake with the neighbour")))?;
        Ok(Self { stream, peer, options })
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &StationName {
        &self.peer
    }

    /// The two directions. Must be called within a tokio runtime: a task of it writes, until the writers are dropped or shut
    /// down or the link fails.
    #[must_use]
    pub fn split(self) -> (LinkReader, LinkWriter) {
        let (input, output) = tokio::io::split(self.stream);
        let state = Arc::new(State(watch::Sender::new(Stage::Open)));
        let (last_owner, unread) = oneshot::channel();
        let writer = LinkWriter::start(output, unread, Arc::clone(&state), &self.options);
        (LinkReader::new(input, last_owner, state, self.options.silence), writer)
    }

    async fn connect_once(address: &str, tls: &ClientTls, options: &LinkOptions) -> Result<Self, Error> {
        let socket =
            TcpStream::connect(address).await.map_err(|error| Error::io("connecting to the neighbour", &error))?;
        let (mut stream, peer) = tls.connect(prepare(socket)?).await?;
        let mut first = PING_FRAME;
        stream.read_exact(&mut first).await.map_err(|error| explain(&error))?;
        if first != PING_FRAME {
            return Err(Error::Malformed { what: "the neighbour's first frame" });
        }
        Ok(Self { stream, peer, options: options.clone() })
    }
}

/// How far a link has come. The first end stays.
#[derive(Clone, Debug)]
enum Stage {
    Open,
    /// The neighbour ended it in order.
    Closed,
    Failed(Error),
}

struct State(watch::Sender<Stage>);

impl State {
    fn end(&self, stage: Stage) {
        self.0.send_if_modified(|current| {
            let first = matches!(current, Stage::Open);
            if first {
                *current = stage;
            }
            first
        });
    }

    fn stage(&self) -> Stage {
        self.0.borrow().clone()
    }

    /// Waits for any end.
    async fn ended(&self) -> Stage {
        self.reached(|stage| !matches!(stage, Stage::Open)).await
    }

    /// Waits for a failure.
    async fn failed(&self) -> Error {
        match self.reached(|stage| matches!(stage, Stage::Failed(_))).await {
            Stage::Failed(error) => error,
            Stage::Open | Stage::Closed => closed(),
        }
    }

    async fn reached(&self, wanted: impl FnMut(&Stage) -> bool) -> Stage {
        let mut watched = self.0.subscribe();
        // The sender lives in `self`, so the wait cannot end without the stage.
        watched.wait_for(wanted).await.map_or(Stage::Closed, |stage| stage.clone())
    }
}

/// Wipes a frame's memory, spare capacity included. Frames here are ciphertext that nobody asks evidence for.
fn wipe(frame: &mut Vec<u8>) {
    let _ = crate::wipe::wipe_vec(frame, 0);
}

fn prepare(socket: TcpStream) -> Result<Socket, Error> {
    socket.set_nodelay(true).map_err(|error| Error::io("preparing the connection", &error))?;
    Ok(BufReader::with_capacity(READ_AHEAD, socket))
}

fn closed() -> Error {
    Error::Io { what: "the link to the neighbour is closed", kind: std::io::ErrorKind::NotConnected }
}

fn timed_out(what: &'static str) -> Error {
    Error::Io { what, kind: std::io::ErrorKind::TimedOut }
}

/// Between half and the whole of `pause`, so that thousands of kiosks do not come back in step.
pub(super) fn jittered(pause: Duration) -> Duration {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut byte = [128];
    // Without randomness the pause is merely less spread.
    let _unspread = SystemRandom::new().fill(&mut byte);
    pause / 2 + pause * u32::from(byte[0]) / 512
}
