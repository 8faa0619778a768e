//! A connection between two stations that can be bad: reset, stalled, half open, or slow.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PASS: u8 = 0;
const STALL: u8 = 1;
const CUT: u8 = 2;

/// Stands between a station and its upstream neighbour, whose address may change when that is started again.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    inner: Arc<Inner>,
}

struct Inner {
    target: Mutex<SocketAddr>,
    /// Bytes in a millisecond and direction; 0 is unlimited. For all connections.
    pace: AtomicU64,
    bytes: AtomicU64,
    connections: Mutex<Vec<Connection>>,
    accepted: AtomicUsize,
}

struct Connection {
    mode: Arc<AtomicU8>,
    down: TcpStream,
    up: TcpStream,
}

impl Proxy {
    pub(crate) fn new(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inner = Arc::new(Inner {
            target: Mutex::new(target.parse().unwrap()),
            pace: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            connections: Mutex::new(Vec::new()),
            accepted: AtomicUsize::new(0),
        });
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::downgrade(&inner);
        std::thread::spawn(move || {
            for down in listener.incoming().map_while(Result::ok) {
                let Some(inner) = shared.upgrade() else { return };
                inner.accepted.fetch_add(1, Ordering::SeqCst);
                let target = *inner.target.lock().unwrap();
                // Nobody there: the connection is closed again, as by a machine that is starting.
                let Ok(up) = TcpStream::connect(target) else { continue };
                let mode = Arc::new(AtomicU8::new(PASS));
                for (from, to) in [(&down, &up), (&up, &down)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (mode, inner) = (Arc::clone(&mode), Arc::clone(&inner));
                    std::thread::spawn(move || copy(from, to, &mode, &inner));
                }
                inner.connections.lock().unwrap().push(Connection { mode, down, up });
            }
        });
        Self { address, inner }
    }

    pub(crate) fn retarget(&self, target: &str) {
        *self.inner.target.lock().unwrap() = target.parse().unwrap();
    }

    /// How many bytes have passed.
    pub(crate) fn bytes(&self) -> u64 {
        self.inner.bytes.load(Ordering::SeqCst)
    }

    pub(crate) fn accepted(&self) -> usize {
        self.inner.accepted.load(Ordering::SeqCst)
    }

    /// Bytes in a millisecond and direction; 0 is unlimited.
    pub(crate) fn throttle(&self, pace: u64) {
        self.inner.pace.store(pace, Ordering::SeqCst);
    }

    /// Resets the connections that there are.
    pub(crate) fn reset(&self) {
        for connection in self.inner.connections.lock().unwrap().drain(..) {
            connection.mode.store(CUT, Ordering::SeqCst);
            for socket in [&connection.down, &connection.up] {
                reset(socket);
            }
        }
    }

    /// Takes nothing more from the connections that there are, and keeps them open. New ones pass.
    pub(crate) fn stall(&self) {
        for connection in self.inner.connections.lock().unwrap().iter() {
            connection.mode.store(STALL, Ordering::SeqCst);
        }
    }

    /// The station upstream loses its connections, and the one downstream is not told: its packets go nowhere.
    pub(crate) fn half_open(&self) {
        for connection in self.inner.connections.lock().unwrap().iter() {
            connection.mode.store(STALL, Ordering::SeqCst);
            reset(&connection.up);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8, inner: &Inner) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        while mode.load(Ordering::SeqCst) == STALL {
            std::thread::sleep(Duration::from_millis(5));
        }
        let pace = inner.pace.load(Ordering::SeqCst);
        let most = if pace == 0 { buffer.len() } else { (pace as usize * 5).clamp(1, buffer.len()) };
        let count = match from.read(&mut buffer[..most]) {
            Ok(count @ 1..) => count,
            // An orderly end passes; the other direction may still go on.
            Ok(_) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Err(_) => {
                if mode.load(Ordering::SeqCst) == PASS {
                    let _ = to.shutdown(Shutdown::Both);
                }
                return;
            }
        };
        while mode.load(Ordering::SeqCst) == STALL {
            std::thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&buffer[..count]).is_err() {
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
        inner.bytes.fetch_add(count as u64, Ordering::SeqCst);
        if pace > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Closes a socket so that its neighbour gets a reset instead of an end.
fn reset(socket: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and the option's value is a whole `linger`.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    assert_eq!(set, 0);
    // SAFETY: as above, and the address is read for its length only: an address of no family dissolves the connection, which
    // is a reset at once, however many descriptors share the socket.
    unsafe {
        let none = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
        libc::connect(socket.as_raw_fd(), &raw const none, size_of::<libc::sockaddr>() as libc::socklen_t);
    }
}
