//! In a child: the floor. The same bytes over the same three connections under the same TLS configuration, and nothing else: no
//! session, no signature, no hash, no record, no wiping. What the library costs is what it takes beyond this.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shokyo::station::config::Config;
use shokyo::station::tls::{ClientTls, ServerTls};
use shokyo::station::trust::Authorities;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsStream;

use crate::Failure;
use crate::child::{answer, commands};

/// What a kiosk sends for one document: Hello, Apply, Credit, Received, Opened and Erased, and the relays' receipts.
const UPWARDS: usize = 14 * 1024;
/// What comes down beside the chunks: Challenge, Offer, Release and Complete, without the Offer's hashes.
const DOWNWARDS: usize = 7 * 1024;
/// One chunk of plaintext.
const CHUNK: usize = 16 * 1024;
/// What a chunk's frame has beside it: tag, envelope, head of the link.
const FRAME_HEAD: usize = 16 + 115 + 5;
/// What a forwarder reads at most before it writes.
const BUFFER: usize = 64 * 1024;

type Stream = TlsStream<TcpStream>;

pub async fn run(config: Config) -> Result<(), Failure> {
    let authorities = Arc::new(Authorities::load(&config.trust)?);
    let upstream = match &config.upstream {
        Some(upstream) => {
            let tls = ClientTls::new(&config, &authorities)?;
            let socket = TcpStream::connect(&upstream.address).await?;
            socket.set_nodelay(true)?;
            Some(tls.connect(socket).await?.0)
        }
        None => None,
    };
    let accepting = match config.listen {
        Some(address) => {
            let listener = TcpListener::bind(address).await?;
            answer(&format!("listening {}", listener.local_addr()?));
            Some((listener, ServerTls::new(&config, &authorities)?))
        }
        None => None,
    };
    if upstream.is_some() {
        answer("connected");
    }
    let downstream = match accepting {
        Some((listener, tls)) => {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            Some(tls.accept(socket).await?.0)
        }
        None => None,
    };
    match (upstream, downstream) {
        (None, Some(downstream)) => source(downstream).await,
        (Some(upstream), Some(downstream)) => forward(upstream, downstream).await,
        (Some(upstream), None) => sink(upstream).await,
        (None, None) => Err("a station without neighbours".into()),
    }
}

/// All bytes that come down for a document.
const fn downwards(bytes: usize) -> usize {
    let chunks = bytes.div_ceil(CHUNK);
    DOWNWARDS + bytes + chunks * (FRAME_HEAD + 32)
}

/// Answers each request, whose first eight bytes are the document's length, in the order in which they come.
async fn source(downstream: Stream) -> Result<(), Failure> {
    let (mut input, mut output) = tokio::io::split(downstream);
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut request = vec![0; UPWARDS];
        while input.read_exact(&mut request).await.is_ok() {
            let length = request.first_chunk().map_or(0, |length| u64::from_be_bytes(*length));
            if sender.send(length as usize).is_err() {
                break;
            }
        }
    });
    let frame = vec![0xA5; CHUNK + FRAME_HEAD];
    while let Some(bytes) = requests.recv().await {
        let mut left = downwards(bytes);
        while left > 0 {
            let now = left.min(frame.len());
            output.write_all(frame.get(..now).unwrap_or_default()).await?;
            output.flush().await?;
            left -= now;
        }
    }
    Ok(())
}

async fn forward(upstream: Stream, downstream: Stream) -> Result<(), Failure> {
    let (upstream_in, upstream_out) = tokio::io::split(upstream);
    let (downstream_in, downstream_out) = tokio::io::split(downstream);
    tokio::spawn(copy(downstream_in, upstream_out));
    copy(upstream_in, downstream_out).await;
    Ok(())
}

/// Copies until either end is gone.
async fn copy(mut from: ReadHalf<Stream>, mut to: WriteHalf<Stream>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer).await {
            Ok(count @ 1..) => {
                let written = to.write_all(buffer.get(..count).unwrap_or_default()).await;
                if written.is_err() || to.flush().await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// Asks for documents as a kiosk would: `run COUNT IN-FLIGHT BYTES`.
async fn sink(mut upstream: Stream) -> Result<(), Failure> {
    let mut commands = commands();
    let mut buffer = vec![0; BUFFER];
    while let Some(command) = commands.recv().await {
        let numbers: Vec<usize> = command.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [count, in_flight, bytes] = *numbers.as_slice() else { return Err("an unknown command".into()) };
        let mut request = vec![0x5A; UPWARDS];
        if let Some(length) = request.first_chunk_mut() {
            *length = (bytes as u64).to_be_bytes();
        }
        let begin = Instant::now();
        let mut asked = 0;
        for finished in 0..count {
            while asked < count && asked - finished < in_flight {
                upstream.write_all(&request).await?;
                upstream.flush().await?;
                asked += 1;
            }
            let mut left = downwards(bytes);
            while left > 0 {
                let limit = left.min(BUFFER);
                let into = buffer.get_mut(..limit).unwrap_or_default();
                match tokio::time::timeout(Duration::from_secs(60), upstream.read(into)).await?? {
                    0 => return Err("the connection ended".into()),
                    count => left -= count,
                }
            }
        }
        answer(&format!("done {}", begin.elapsed().as_micros()));
    }
    Ok(())
}
