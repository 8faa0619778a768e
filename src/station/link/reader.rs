//! The incoming direction: one frame at a time, bounded before it is allocated, safe to cancel between any two bytes.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsStream;

use super::frame::{Incoming, cut_off};
use super::{Socket, Stage, State, timed_out};
use crate::error::Error;
use crate::station::tls::explain;

/// Receives frames.
pub struct LinkReader {
    input: Option<ReadHalf<TlsStream<Socket>>>,
    /// Takes the input when the reader is dropped, so that bytes that nobody read do not end the link in disorder.
    last_owner: Option<oneshot::Sender<ReadHalf<TlsStream<Socket>>>>,
    state: Arc<State>,
    silence: Duration,
    heard: Instant,
    incoming: Incoming,
}

impl LinkReader {
    pub(super) fn new(
        input: ReadHalf<TlsStream<Socket>>,
        last_owner: oneshot::Sender<ReadHalf<TlsStream<Socket>>>,
        state: Arc<State>,
        silence: Duration,
    ) -> Self {
        Self {
            input: Some(input),
            last_owner: Some(last_owner),
            state,
            silence,
            heard: Instant::now(),
            incoming: Incoming::default(),
        }
    }

    /// The next frame's payload, 1 to [`MAXIMUM_PAYLOAD`](super::MAXIMUM_PAYLOAD) bytes; `None` after the neighbour closed the
    /// link in order. Pings are answered for by the neighbour's own and never returned.
    ///
    /// Safe to cancel: nothing received is lost. The caller owns the frame and wipes it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Malformed`] for a frame that is not allowed or cut off, [`Error::Io`] when the connection
    /// broke or the neighbour fell silent. The link is then closed in both directions, and every later call says the same.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.state.stage() {
            Stage::Open => {}
            Stage::Closed => return Ok(None),
            Stage::Failed(error) => return Err(error),
        }
        let outcome = self.receive().await;
        match &outcome {
            Ok(Some(_)) => {}
            Ok(None) => self.state.end(Stage::Closed),
            Err(error) => self.state.end(Stage::Failed(error.clone())),
        }
        outcome
    }

    async fn receive(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            let count = read(&mut self.input, self.incoming.room(), &self.state, self.heard + self.silence).await?;
            if count == 0 {
                return if self.incoming.is_between_frames() { Ok(None) } else { Err(cut_off()) };
            }
            self.heard = Instant::now();
            if let Some(frame) = self.incoming.filled(count)? {
                return Ok(Some(frame));
            }
        }
    }
}

impl Drop for LinkReader {
    fn drop(&mut self) {
        if let (Some(input), Some(last_owner)) = (self.input.take(), self.last_owner.take()) {
            // After a failure nobody takes it, and the connection closes at once.
            let _closed = last_owner.send(input);
        }
    }
}

/// Some bytes; 0 at an orderly end. Bytes that are there win over the silence that the caller's own delay made.
async fn read(
    input: &mut Option<ReadHalf<TlsStream<Socket>>>,
    into: &mut [u8],
    state: &State,
    deadline: Instant,
) -> Result<usize, Error> {
    // It is there until the reader is dropped.
    let Some(input) = input else { return Ok(0) };
    tokio::select! {
        biased;
        outcome = timeout_at(deadline, input.read(into)) => match outcome {
            Ok(Ok(count)) => Ok(count),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(timed_out("the neighbour fell silent")),
        },
        error = state.failed() => Err(error),
    }
}
