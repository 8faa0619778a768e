//! Links without tasks: the same as those with tasks on the wire, driven by bytes and a clock that the test moves.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConnection;
use shokyo::Error;
use shokyo::station::link::{Link, LinkMachine, LinkOptions, LinkStage, MAXIMUM_FRAME, MAXIMUM_PAYLOAD};
use shokyo::types::{Role, Time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::support::Infrastructure;

const MINUTE: Duration = Duration::from_secs(60);

/// A kiosk's side and its neighbour's, joined by what they poll, in pieces of a given size.
struct Pair {
    kiosk: LinkMachine,
    centre: LinkMachine,
    now: Time,
    piece: usize,
}

impl Pair {
    fn new(ground: &Infrastructure, options: &LinkOptions) -> Self {
        let now = Time(1_000_000);
        let kiosk = LinkMachine::connect(&ground.client(Role::Kiosk), options.clone(), now).unwrap();
        let centre = LinkMachine::accept(&ground.server(Role::EcCentre), options.clone(), now).unwrap();
        Self { kiosk, centre, now, piece: 4096 }
    }

    fn open(ground: &Infrastructure, options: &LinkOptions) -> Self {
        let mut pair = Self::new(ground, options);
        assert_eq!(pair.run(), [Ok(()), Ok(())]);
        assert_eq!((pair.kiosk.stage(), pair.centre.stage()), (&LinkStage::Open, &LinkStage::Open));
        pair
    }

    /// Carries bytes until neither side takes or has more; what the kiosk and the centre said last.
    fn run(&mut self) -> [Result<(), Error>; 2] {
        let (mut kiosk, mut centre) = (Ok(()), Ok(()));
        let mut scrap = vec![0; self.piece];
        for _ in 0..100_000 {
            let up = carry(&mut self.kiosk, &mut self.centre, self.now, &mut scrap, &mut centre);
            let down = carry(&mut self.centre, &mut self.kiosk, self.now, &mut scrap, &mut kiosk);
            if up + down == 0 {
                return [kiosk, centre];
            }
        }
        panic!("the sides never come to rest");
    }

    fn after(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }
}

/// Takes a piece from one side and feeds it to the other; how many bytes there were.
fn carry(
    from: &mut LinkMachine,
    to: &mut LinkMachine,
    now: Time,
    scrap: &mut [u8],
    said: &mut Result<(), Error>,
) -> usize {
    let count = from.poll_bytes(now, scrap);
    let mut left = &scrap[..count];
    while !left.is_empty() {
        match to.handle_bytes(now, left) {
            Ok(0) => break,
            Ok(taken) => left = &left[taken..],
            Err(error) => {
                *said = Err(error);
                break;
            }
        }
    }
    count
}

fn patient() -> LinkOptions {
    LinkOptions { keep_alive: MINUTE, silence: MINUTE * 10, ..LinkOptions::default() }
}

fn timed_out(outcome: &Result<(), Error>) -> bool {
    matches!(outcome, Err(Error::Io { kind: std::io::ErrorKind::TimedOut, .. }))
}

#[test]
fn frames_of_every_size_pass_however_the_bytes_are_cut() {
    let ground = Infrastructure::new();
    for piece in [1, 7, 4096, 100_000] {
        let mut pair = Pair::new(&ground, &LinkOptions { queue: 64, ..patient() });
        pair.piece = piece;
        assert_eq!(pair.run(), [Ok(()), Ok(())]);
        assert_eq!(pair.kiosk.peer().unwrap().role, Role::EcCentre);
        assert_eq!(pair.centre.peer().unwrap().role, Role::Kiosk);
        let sizes = [1, 2, 5, 300, 16_384, 16_385, MAXIMUM_PAYLOAD];
        for (index, size) in sizes.into_iter().enumerate() {
            let frame: Vec<u8> = (0..size).map(|at| (at * 31 + index) as u8).collect();
            pair.kiosk.send(pair.now, &frame).unwrap();
            assert_eq!(pair.run(), [Ok(()), Ok(())]);
            assert_eq!(pair.centre.next_frame_length(), Some(size));
            assert!(pair.centre.poll_frame(pair.now).unwrap().unwrap() == frame);
            pair.centre.send(pair.now, &frame).unwrap();
            assert_eq!(pair.run(), [Ok(()), Ok(())]);
            assert!(pair.kiosk.poll_frame(pair.now).unwrap().unwrap() == frame);
            assert_eq!(pair.kiosk.poll_frame(pair.now), Ok(None));
        }
    }
}

#[test]
fn no_more_bytes_are_taken_while_frames_wait_and_none_is_lost() {
    let ground = Infrastructure::new();
    let mut pair = Pair::open(&ground, &LinkOptions { queue: 100, ..patient() });
    for number in 0..100_u8 {
        pair.kiosk.send(pair.now, &vec![number; 5000]).unwrap();
    }
    assert!(matches!(pair.kiosk.send(pair.now, b"one more"), Err(Error::Busy { limit: 100, .. })));
    let mut bytes = vec![0; pair.kiosk.waiting_bytes()];
    assert_eq!(pair.kiosk.poll_bytes(pair.now, &mut bytes), bytes.len());
    let (mut left, mut next, mut largest) = (&bytes[..], 0, 0);
    while !left.is_empty() {
        let before = left.len();
        while let taken @ 1.. = pair.centre.handle_bytes(pair.now, left).unwrap() {
            left = &left[taken..];
        }
        largest = largest.max(before - left.len());
        while let Some(frame) = pair.centre.poll_frame(pair.now).unwrap() {
            assert!(frame == vec![next; 5000]);
            next += 1;
        }
    }
    assert_eq!(next, 100);
    assert!(largest < 200_000, "as much as 16 frames and TLS's own buffers: {largest}");
    assert!(pair.kiosk.send(pair.now, b"one more").is_ok());
}

#[test]
fn what_is_not_allowed_is_not_sent() {
    let ground = Infrastructure::new();
    let mut pair = Pair::new(&ground, &patient());
    assert!(matches!(pair.kiosk.send(pair.now, b"early"), Err(Error::WrongState { .. })));
    assert_eq!(pair.run(), [Ok(()), Ok(())]);
    assert!(matches!(pair.kiosk.send(pair.now, b""), Err(Error::Malformed { .. })));
    assert!(matches!(pair.kiosk.send(pair.now, &vec![0; MAXIMUM_PAYLOAD + 1]), Err(Error::TooLarge { .. })));
    pair.kiosk.close(pair.now);
    assert!(matches!(pair.kiosk.send(pair.now, b"late"), Err(Error::Io { .. })));
}

#[test]
fn an_orderly_end_brings_what_was_sent_before_and_a_broken_line_is_no_end() {
    let ground = Infrastructure::new();
    let mut pair = Pair::open(&ground, &patient());
    pair.kiosk.send(pair.now, b"last words").unwrap();
    pair.kiosk.close(pair.now);
    assert_eq!(pair.kiosk.stage(), &LinkStage::Closing);
    assert_eq!(pair.run(), [Ok(()), Ok(())]);
    assert_eq!((pair.kiosk.stage(), pair.centre.stage()), (&LinkStage::Closed, &LinkStage::Closed));
    assert_eq!(pair.centre.poll_frame(pair.now).unwrap().unwrap(), b"last words");
    assert_eq!(pair.centre.poll_frame(pair.now), Ok(None));
    assert_eq!((pair.centre.handle_end(pair.now), pair.kiosk.handle_end(pair.now)), (Ok(()), Ok(())));
    assert_eq!(pair.kiosk.next_deadline(), None);

    let mut pair = Pair::open(&ground, &patient());
    pair.kiosk.send(pair.now, b"before the line broke").unwrap();
    assert_eq!(pair.run(), [Ok(()), Ok(())]);
    assert!(matches!(pair.centre.handle_end(pair.now), Err(Error::Io { .. })));
    assert_eq!(pair.centre.poll_frame(pair.now).unwrap().unwrap(), b"before the line broke");
    assert!(matches!(pair.centre.poll_frame(pair.now), Err(Error::Io { .. })));
    assert!(matches!(pair.kiosk.handle_end(pair.now), Err(Error::Io { .. })));
    let mut handshake = Pair::new(&ground, &patient());
    assert!(matches!(handshake.kiosk.handle_end(handshake.now), Err(Error::Io { .. })));
}

#[test]
fn pings_keep_a_link_alive_and_a_silent_or_stuck_neighbour_is_dead() {
    let ground = Infrastructure::new();
    let options = LinkOptions { keep_alive: MINUTE, silence: MINUTE * 3, ..LinkOptions::default() };
    let mut pair = Pair::open(&ground, &options);
    for _ in 0..10 {
        assert_eq!(pair.kiosk.next_deadline(), Some(pair.now.after(MINUTE)));
        pair.after(MINUTE);
        assert_eq!(pair.kiosk.handle_timeout(pair.now), Ok(()));
        assert_eq!(pair.centre.handle_timeout(pair.now), Ok(()));
        assert_eq!(pair.run(), [Ok(()), Ok(())]);
        assert_eq!((pair.kiosk.next_frame_length(), pair.centre.next_frame_length()), (None, None));
    }
    // The kiosk says nothing more.
    for _ in 0..2 {
        pair.after(MINUTE);
        assert_eq!(pair.centre.handle_timeout(pair.now), Ok(()));
        let mut scrap = [0; 1000];
        while pair.centre.poll_bytes(pair.now, &mut scrap) > 0 {}
    }
    pair.after(MINUTE);
    assert!(timed_out(&pair.centre.handle_timeout(pair.now)));
    assert!(timed_out(&pair.centre.poll_frame(pair.now).map(drop)), "and it stays so");
    assert!(timed_out(&pair.centre.send(pair.now, b"x")));

    // Heard, and takes nothing.
    let mut pair = Pair::open(&ground, &options);
    pair.centre.send(pair.now, b"not taken").unwrap();
    for minute in 1..=3 {
        pair.after(MINUTE);
        pair.kiosk.send(pair.now, b"alive").unwrap();
        let mut bytes = vec![0; 1000];
        let count = pair.kiosk.poll_bytes(pair.now, &mut bytes);
        assert_eq!(pair.centre.handle_bytes(pair.now, &bytes[..count]), Ok(count));
        assert_eq!(timed_out(&pair.centre.handle_timeout(pair.now)), minute == 3);
    }

    // A handshake without an end.
    let mut pair = Pair::new(&ground, &options);
    assert_eq!(pair.centre.next_deadline(), Some(pair.now.after(options.handshake)));
    pair.after(options.handshake - Duration::from_millis(1));
    assert_eq!(pair.centre.handle_timeout(pair.now), Ok(()));
    pair.after(Duration::from_millis(1));
    assert!(timed_out(&pair.centre.handle_timeout(pair.now)));
}

#[test]
fn a_neighbour_of_the_wrong_role_or_without_tls_is_refused_and_hears_it() {
    let ground = Infrastructure::new();
    let now = Time(5);
    let centre = LinkMachine::accept(&ground.server(Role::EcCentre), patient(), now).unwrap();
    // A centre, where a kiosk belongs: it believes whom it called, and is not believed.
    let stranger = LinkMachine::connect(&ground.client(Role::CertificateCentre), patient(), now).unwrap();
    let mut pair = Pair { kiosk: stranger, centre, now, piece: 4096 };
    let [stranger, _] = pair.run();
    assert!(matches!(stranger, Err(Error::Untrusted { .. })), "{stranger:?}");

    for first in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 100], &[0xFF; 70_000]] {
        let mut pair = Pair::new(&ground, &patient());
        assert!(matches!(pair.centre.handle_bytes(now, first), Err(Error::Malformed { .. })));
        assert!(matches!(pair.kiosk.handle_bytes(now, first), Err(Error::Malformed { .. })));
        assert!(matches!(pair.centre.stage(), LinkStage::Failed(_)));
        assert!(pair.centre.waiting_bytes() > 0, "an alert says so");
    }
}

#[test]
fn wrong_and_cut_off_frames_fail_the_link_after_the_frames_before_them() {
    let ground = Infrastructure::new();
    let limit = MAXIMUM_FRAME as u64;
    let unknown = || Error::Malformed { what: "a frame of an unknown kind" };
    let cases: [(&[u8], Error); 9] = [
        (&[0, 0, 0, 0], Error::Malformed { what: "a frame of length zero" }),
        (&[0, 1, 0, 1], Error::TooLarge { what: "a frame, in bytes,", limit }),
        (&[0xFF; 4], Error::TooLarge { what: "a frame, in bytes,", limit }),
        (&[0, 0, 0, 1, 1], Error::Malformed { what: "an empty frame" }),
        (&[0, 0, 0, 2, 2, 0], unknown()),
        (&[0, 0, 0, 2, 9, 0], unknown()),
        (&[0, 0, 0, 1, 0], unknown()),
        // Not wrong, but not the whole.
        (&[0, 0], Error::Malformed { what: "a frame that was cut off" }),
        (&[0, 0, 0, 9, 1, 5], Error::Malformed { what: "a frame that was cut off" }),
    ];
    for (bytes, expected) in cases {
        let (tls, now) = (ground.client(Role::Kiosk), Time(7));
        let mut bare = ClientConnection::new(Arc::clone(tls.config()), tls.server_name().clone()).unwrap();
        let mut centre = LinkMachine::accept(&ground.server(Role::EcCentre), patient(), now).unwrap();
        let mut failed = None;
        for _ in 0..10 {
            let (mut to_centre, mut to_bare) = (Vec::new(), vec![0; 100_000]);
            while bare.wants_write() {
                bare.write_tls(&mut to_centre).unwrap();
            }
            failed = centre.handle_bytes(now, &to_centre).err();
            let count = centre.poll_bytes(now, &mut to_bare);
            let mut left = &to_bare[..count];
            while !left.is_empty() && bare.read_tls(&mut left).unwrap() > 0 {
                bare.process_new_packets().unwrap();
            }
            if centre.stage() == &LinkStage::Open && centre.next_frame_length().is_none() {
                bare.writer().write_all(&[0, 0, 0, 2, 1, 42]).unwrap();
                bare.writer().write_all(bytes).unwrap();
                bare.send_close_notify();
            }
        }
        assert_eq!(centre.poll_frame(now).unwrap().unwrap(), [42], "{bytes:?}");
        assert_eq!(centre.poll_frame(now), Err(expected.clone()), "{bytes:?}");
        assert_eq!(centre.send(now, b"x"), Err(expected.clone()));
        assert_eq!(failed, Some(expected));
    }
}

/// Carries a machine's bytes over a socket until it has come to a stage, or so many frames wait.
async fn drive(machine: &mut LinkMachine, socket: &mut TcpStream, done: impl Fn(&LinkMachine) -> bool) {
    let (now, mut bytes) = (Time(7), vec![0; 10_000]);
    while !done(machine) {
        let count = machine.poll_bytes(now, &mut bytes);
        if count > 0 {
            socket.write_all(&bytes[..count]).await.unwrap();
            continue;
        }
        let count = timeout(Duration::from_secs(20), socket.read(&mut bytes)).await.unwrap().unwrap();
        let mut left = &bytes[..count];
        assert!(!left.is_empty(), "the socket ended");
        while !left.is_empty() {
            left = &left[machine.handle_bytes(now, left).unwrap()..];
        }
    }
    let count = machine.poll_bytes(now, &mut bytes);
    socket.write_all(&bytes[..count]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_and_links_with_tasks_are_each_others_neighbours() {
    let ground = Infrastructure::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let open = |machine: &LinkMachine| machine.stage() == &LinkStage::Open;
    let some_frame = |machine: &LinkMachine| machine.next_frame_length().is_some();
    let closed = |machine: &LinkMachine| machine.stage() == &LinkStage::Closed;

    // The machine connects.
    let tls = ground.server(Role::EcCentre);
    let accepted = async { Link::accept(listener.accept().await.unwrap().0, &tls, LinkOptions::default()).await };
    let mut kiosk = LinkMachine::connect(&ground.client(Role::Kiosk), patient(), Time(7)).unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (link, ()) = tokio::join!(accepted, drive(&mut kiosk, &mut socket, open));
    let (mut reader, writer) = link.unwrap().split();
    kiosk.send(Time(7), &[7; 40_000]).unwrap();
    drive(&mut kiosk, &mut socket, |machine| machine.waiting_bytes() == 0).await;
    assert!(reader.next().await.unwrap().unwrap() == [7; 40_000]);
    writer.send(vec![8; 60_000]).await.unwrap();
    drive(&mut kiosk, &mut socket, some_frame).await;
    assert!(kiosk.poll_frame(Time(7)).unwrap().unwrap() == [8; 60_000]);
    kiosk.close(Time(7));
    let (end, ()) = tokio::join!(reader.next(), drive(&mut kiosk, &mut socket, closed));
    assert_eq!(end, Ok(None));

    // The machine accepts.
    let deadline = Instant::now() + Duration::from_secs(20);
    let (name, tls) = (address.to_string(), ground.client(Role::Kiosk));
    let connecting = Link::connect(&name, &tls, LinkOptions::default(), deadline);
    let mut centre = LinkMachine::accept(&ground.server(Role::EcCentre), patient(), Time(7)).unwrap();
    let accepting = async {
        let mut socket = listener.accept().await.unwrap().0;
        drive(&mut centre, &mut socket, open).await;
        socket
    };
    let (link, mut socket) = tokio::join!(connecting, accepting);
    let (mut reader, writer) = link.unwrap().split();
    writer.send(vec![9; 50_000]).await.unwrap();
    drive(&mut centre, &mut socket, some_frame).await;
    assert!(centre.poll_frame(Time(7)).unwrap().unwrap() == [9; 50_000]);
    centre.send(Time(7), b"answer").unwrap();
    drive(&mut centre, &mut socket, |machine| machine.waiting_bytes() == 0).await;
    assert_eq!(reader.next().await.unwrap().unwrap(), b"answer");
    let (ended, ()) = tokio::join!(writer.shutdown(), drive(&mut centre, &mut socket, closed));
    assert_eq!(ended, Ok(()));
}
