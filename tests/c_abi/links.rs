//! Links through the C interface: with each other, with the Rust stations over real sockets, and with neighbours that break the rules.

use std::ffi::CString;
use std::io::{Read, Write};
use std::mem::size_of;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::station::config::Config;
use shokyo::station::notice::{Notice, What};
use shokyo::station::{Notices, Order, pki, run};
use shokyo::types::Role;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{detail, open as open_vault};

/// Stations of one infrastructure, and a kiosk of another that believes its EC centre. Opened once: each locks memory.
struct Ground {
    folder: tempfile::TempDir,
    kiosk: usize,
    centre: usize,
    stranger: usize,
}

fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
        pki::init(&ours).unwrap();
        pki::init(&theirs).unwrap();
        let believed = ours.join("authorities/convenience/certificate.pem");
        let file = theirs.join("kiosk.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let (before, after) = text.split_once("revocation = [").unwrap();
        let after = after.split_once("]\n").unwrap().1;
        let text = format!("{before}{after}").replace(
            "ec-centre = [\"authorities/convenience/certificate.pem\"]",
            &format!("ec-centre = [{:?}]", believed.to_str().unwrap()),
        );
        assert!(text.contains(believed.to_str().unwrap()), "{text}");
        std::fs::write(&file, text).unwrap();
        Ground {
            kiosk: station(&ours.join("kiosk.toml")).addr(),
            centre: station(&ours.join("ec-centre.toml")).addr(),
            stranger: station(&file).addr(),
            folder,
        }
    })
}

/// Opens a station whose records the host keeps.
fn station(config: &Path) -> *mut shokyo_station {
    let path = CString::new(config.to_str().unwrap()).unwrap();
    let struct_size = size_of::<shokyo_station_options>() as u32;
    let options = shokyo_station_options { struct_size, records_by_host: 1, ..Default::default() };
    let mut station = null_mut();
    let outcome = unsafe { shokyo_station_open(path.as_ptr(), &options, &mut station) };
    assert_eq!(outcome, Status::Ok, "{}", detail());
    station
}

fn handle<T>(address: usize) -> *mut T {
    std::ptr::without_provenance_mut(address)
}

fn at(monotonic_ms: u64) -> shokyo_now {
    shokyo_now { struct_size: size_of::<shokyo_now>() as u32, reserved: 0, monotonic_ms, unix_ms: 1_790_000_000_000 }
}

fn connect(station: usize) -> *mut shokyo_link {
    let mut link = null_mut();
    assert_eq!(unsafe { shokyo_link_connect(handle(station), &at(1000), &mut link) }, Status::Ok, "{}", detail());
    link
}

fn accept(station: usize) -> *mut shokyo_link {
    let mut link = null_mut();
    assert_eq!(unsafe { shokyo_link_accept(handle(station), &at(1000), &mut link) }, Status::Ok, "{}", detail());
    link
}

fn info(link: *const shokyo_link) -> shokyo_link_info {
    let mut info: shokyo_link_info = unsafe { std::mem::zeroed() };
    info.struct_size = size_of::<shokyo_link_info>() as u32;
    assert_eq!(unsafe { shokyo_link_describe(link, &mut info) }, Status::Ok);
    info
}

fn text(field: &[std::ffi::c_char]) -> String {
    field.iter().take_while(|byte| **byte != 0).map(|byte| byte.to_ne_bytes()[0] as char).collect()
}

fn is_open(link: *const shokyo_link) -> bool {
    let mut open = false;
    assert_eq!(unsafe { shokyo_link_is_open(link, &mut open) }, Status::Ok);
    open
}

fn poll_bytes(link: *mut shokyo_link, capacity: usize) -> Vec<u8> {
    let (mut bytes, mut length) = (vec![0; capacity], 0);
    let outcome = unsafe { shokyo_link_poll_bytes(link, &at(1000), bytes.as_mut_ptr().cast(), capacity, &mut length) };
    assert_eq!(outcome, Status::Ok);
    bytes.truncate(length);
    bytes
}

/// Feeds bytes until all are taken or a failure is answered.
fn feed(link: *mut shokyo_link, mut bytes: &[u8]) -> Status {
    while !bytes.is_empty() {
        let mut taken = 0;
        let outcome = unsafe { shokyo_link_receive(link, &at(1000), bytes.as_ptr().cast(), bytes.len(), &mut taken) };
        if outcome != Status::Ok {
            return outcome;
        }
        assert!(taken > 0, "nobody polls the frames");
        bytes = &bytes[taken..];
    }
    Status::Ok
}

/// Carries bytes, so many at once, until there are none; what each side answered last.
fn join(one: *mut shokyo_link, other: *mut shokyo_link, piece: usize) -> [Status; 2] {
    let mut said = [Status::Ok; 2];
    for _ in 0..100_000 {
        let (up, down) = (poll_bytes(one, piece), poll_bytes(other, piece));
        if up.is_empty() && down.is_empty() {
            return said;
        }
        for (side, (link, bytes)) in [(one, down), (other, up)].into_iter().enumerate() {
            if !bytes.is_empty() {
                said[side] = feed(link, &bytes);
            }
        }
    }
    panic!("the sides never come to rest");
}

fn open_pair(piece: usize) -> [*mut shokyo_link; 2] {
    let (kiosk, centre) = (connect(ground().kiosk), accept(ground().centre));
    assert_eq!(join(kiosk, centre, piece), [Status::Ok; 2], "{}", detail());
    assert!(is_open(kiosk) && is_open(centre));
    [kiosk, centre]
}

fn send(link: *mut shokyo_link, frame: &[u8]) -> Status {
    unsafe { shokyo_link_send_frame(link, &at(1000), frame.as_ptr().cast(), frame.len()) }
}

fn poll_frame(link: *mut shokyo_link) -> Result<Vec<u8>, Status> {
    let (mut bytes, mut length) = (vec![0; SHOKYO_MAX_FRAME], 0);
    let into = bytes.as_mut_ptr().cast();
    match unsafe { shokyo_link_poll_frame(link, &at(1000), into, SHOKYO_MAX_FRAME, &mut length) } {
        Status::Ok => {
            bytes.truncate(length);
            Ok(bytes)
        }
        failed => Err(failed),
    }
}

fn free(links: impl IntoIterator<Item = *mut shokyo_link>) {
    for link in links {
        assert_eq!(unsafe { shokyo_link_free(link) }, Status::Ok);
    }
}

#[test]
fn two_links_open_and_carry_frames_however_their_bytes_are_cut() {
    for piece in [1, 1000, 100_000] {
        let [kiosk, centre] = open_pair(piece);
        let (of_kiosk, of_centre) = (info(kiosk), info(centre));
        assert_eq!((of_kiosk.state, of_centre.state), (SHOKYO_LINK_OPEN, SHOKYO_LINK_OPEN));
        assert_eq!((of_kiosk.role, of_centre.role), (SHOKYO_ROLE_EC_CENTRE, SHOKYO_ROLE_KIOSK));
        assert_eq!((of_kiosk.peer, of_kiosk.waiting_bytes), (SHOKYO_UPSTREAM, 0));
        assert_ne!(of_centre.peer, SHOKYO_UPSTREAM);
        assert_eq!(
            (text(&of_centre.station), text(&of_centre.operator_name)),
            ("kiosk-1".into(), "convenience".into())
        );
        for size in [1, 20_000, SHOKYO_MAX_FRAME] {
            let frame: Vec<u8> = (0..size).map(|at| (at * 7) as u8).collect();
            assert_eq!(send(kiosk, &frame), Status::Ok);
            assert!(info(kiosk).waiting_bytes > size as u64);
            assert_eq!(join(kiosk, centre, piece), [Status::Ok; 2]);
            assert_eq!(info(centre).has_frame, 1);
            assert!(poll_frame(centre).unwrap() == frame);
            assert_eq!(poll_frame(centre), Ok(Vec::new()), "given once");
        }
        free([kiosk, centre]);
    }
}

#[test]
fn a_frame_that_does_not_fit_waits_for_a_larger_place() {
    let [kiosk, centre] = open_pair(4096);
    assert_eq!(send(centre, &[7; 100]), Status::Ok);
    assert_eq!(join(kiosk, centre, 4096), [Status::Ok; 2]);
    let (mut small, mut length) = ([0xEE_u8; 99], 0);
    for capacity in [0, 99] {
        let into = if capacity == 0 { null_mut() } else { small.as_mut_ptr().cast() };
        let outcome = unsafe { shokyo_link_poll_frame(kiosk, &at(1000), into, capacity, &mut length) };
        assert_eq!((outcome, length, small), (Status::CapacityTooSmall, 100, [0xEE; 99]));
    }
    assert_eq!(poll_frame(kiosk).unwrap(), [7; 100]);
    free([kiosk, centre]);
}

#[test]
fn a_station_keeps_its_number_over_its_connections() {
    let [kiosk, centre] = open_pair(4096);
    let [again, centre_again] = open_pair(4096);
    let (first, second) = (info(centre), info(centre_again));
    assert_eq!(first.peer, second.peer);
    assert!(first.connection < second.connection);
    free([kiosk, centre, again, centre_again]);
}

#[test]
fn an_orderly_end_is_told_from_a_broken_line() {
    let [kiosk, centre] = open_pair(4096);
    unsafe {
        assert_eq!(send(kiosk, b"last words"), Status::Ok);
        assert_eq!(shokyo_link_close(kiosk, &at(1000)), Status::Ok);
        assert_eq!((info(kiosk).state, send(kiosk, b"later")), (SHOKYO_LINK_CLOSING, Status::Io));
        assert_eq!(join(kiosk, centre, 4096), [Status::Ok; 2]);
        assert_eq!((info(kiosk).state, info(centre).state), (SHOKYO_LINK_CLOSED, SHOKYO_LINK_CLOSED));
        assert_eq!(poll_frame(centre).unwrap(), b"last words");
        assert_eq!(shokyo_link_receive_end(centre, &at(1000)), Status::Ok);
        free([kiosk, centre]);

        let [kiosk, centre] = open_pair(4096);
        assert_eq!(shokyo_link_receive_end(centre, &at(1000)), Status::Io);
        assert_eq!((info(centre).state, poll_frame(centre)), (SHOKYO_LINK_FAILED, Err(Status::Io)));
        assert_eq!(send(centre, b"x"), Status::Io);
        let half = connect(ground().kiosk);
        assert_eq!(shokyo_link_receive_end(half, &at(1000)), Status::Io);
        free([kiosk, centre, half]);
    }
}

#[test]
fn deadlines_bring_pings_and_give_up_the_silent() {
    let [kiosk, centre] = open_pair(4096);
    let (mut deadline, mut is_some) = (0, false);
    unsafe {
        assert_eq!(shokyo_link_next_deadline(kiosk, &mut deadline, &mut is_some), Status::Ok);
        assert_eq!((deadline, is_some), (6000, true), "the configuration's keep-alive");
        assert_eq!(shokyo_link_handle_timeout(kiosk, &at(6000)), Status::Ok);
        assert!(info(kiosk).waiting_bytes > 0, "a ping");
        assert_eq!(shokyo_link_handle_timeout(centre, &at(20_999)), Status::Ok);
        assert_eq!(shokyo_link_handle_timeout(centre, &at(21_000)), Status::Io);
        assert!(detail().contains("silent"), "{}", detail());
        assert_eq!(shokyo_link_next_deadline(centre, &mut deadline, &mut is_some), Status::Ok);
        assert!(!is_some);
    }
    free([kiosk, centre]);
}

#[test]
fn a_neighbour_that_is_not_trusted_or_speaks_no_tls_is_refused() {
    // A kiosk of a foreign authority, which itself believes the centre.
    let (stranger, centre) = (connect(ground().stranger), accept(ground().centre));
    let [told, refused] = join(stranger, centre, 4096);
    assert_eq!((told, refused), (Status::Configuration, Status::Untrusted), "{}", detail());
    assert_eq!((info(centre).state, info(centre).peer, info(centre).role), (SHOKYO_LINK_FAILED, 0, 0));
    assert_eq!(poll_frame(centre), Err(Status::Untrusted));
    assert_eq!(send(centre, b"x"), Status::Untrusted);
    free([stranger, centre]);

    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 64], &[0xFF; 70_000], &[23, 3, 3, 0, 1, 0]] {
        let centre = accept(ground().centre);
        assert_ne!(feed(centre, bytes), Status::Ok, "{bytes:?}");
        assert_eq!(info(centre).state, SHOKYO_LINK_FAILED);
        free([centre]);
    }
    // A hello that is changed on the way, in each byte but those of its record, of which TLS looks at none but the length.
    for place in 5..100 {
        let (kiosk, centre) = (connect(ground().kiosk), accept(ground().centre));
        let mut hello = poll_bytes(kiosk, 10_000);
        hello[place] ^= 0x10;
        let refused = feed(centre, &hello) != Status::Ok;
        let answered = join(kiosk, centre, 4096).iter().any(|said| *said != Status::Ok);
        assert!(refused || answered || !is_open(centre), "changed at {place}");
        free([kiosk, centre]);
    }
}

#[test]
fn every_misuse_of_a_link_answers_a_status() {
    let (mut link, now) = (null_mut(), at(1000));
    let (mut taken, mut length, mut bytes) = (9, 9, [0_u8; 16]);
    let (data, into) = (bytes.as_ptr().cast(), bytes.as_mut_ptr().cast());
    let (kiosk, centre): (*mut shokyo_station, *mut shokyo_station) = (handle(ground().kiosk), handle(ground().centre));
    let bad = shokyo_now { reserved: 1, ..now };
    unsafe {
        assert_eq!(shokyo_link_connect(null(), &now, &mut link), Status::InvalidHandle);
        assert_eq!(shokyo_link_connect(kiosk, null(), &mut link), Status::InvalidArgument);
        assert_eq!(shokyo_link_connect(kiosk, &bad, &mut link), Status::InvalidArgument);
        assert_eq!(shokyo_link_connect(kiosk, &now, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_link_accept(kiosk, &now, &mut link), Status::Configuration, "a kiosk has no downstream");
        assert!(link.is_null());

        let open = connect(ground().kiosk);
        assert_eq!(send(open, b"early"), Status::WrongState);
        assert_eq!(poll_frame(open), Ok(Vec::new()));
        assert_eq!(shokyo_link_receive(open, &now, null(), 5, &mut taken), Status::InvalidArgument);
        assert_eq!(shokyo_link_receive(open, &now, data, 5, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_link_receive(open, null(), data, 5, &mut taken), Status::InvalidArgument);
        assert_eq!(shokyo_link_receive(open, &now, data, usize::MAX, &mut taken), Status::InvalidArgument);
        assert_eq!(shokyo_link_receive(open, &now, null(), 0, &mut taken), Status::Ok, "no bytes are no end");
        assert_eq!(taken, 0);
        assert_eq!(shokyo_link_receive_end(open, null()), Status::InvalidArgument);
        assert_eq!(shokyo_link_handle_timeout(open, null()), Status::InvalidArgument);
        assert_eq!(shokyo_link_next_deadline(open, null_mut(), null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_link_poll_bytes(open, &now, null_mut(), 5, &mut length), Status::InvalidArgument);
        assert_eq!(shokyo_link_poll_bytes(open, &now, into, 5, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_link_poll_bytes(open, &now, null_mut(), 0, &mut length), Status::Ok);
        assert_eq!(length, 0);
        assert_eq!(shokyo_link_poll_frame(open, &now, null_mut(), 5, &mut length), Status::InvalidArgument);
        assert_eq!(shokyo_link_poll_frame(open, &now, into, 5, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_link_send_frame(open, &now, null(), 5), Status::InvalidArgument);
        assert_eq!(send(open, &vec![0; SHOKYO_MAX_FRAME + 1]), Status::TooLarge);
        assert_eq!(shokyo_link_is_open(open, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_link_describe(open, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_link_close(open, null()), Status::InvalidArgument);
        assert!(
            info(open).state == SHOKYO_LINK_HANDSHAKE && !poll_bytes(open, 10_000).is_empty(),
            "nothing was changed"
        );
        assert_eq!(shokyo_link_close(open, &now), Status::Ok);
        assert_eq!(info(open).state, SHOKYO_LINK_FAILED);
        free([open]);

        let vault = open_vault();
        for wrong in [open, vault.cast(), centre.cast(), null_mut()] {
            assert_eq!(shokyo_link_receive(wrong, &now, data, 5, &mut taken), Status::InvalidHandle);
            assert_eq!(shokyo_link_receive_end(wrong, &now), Status::InvalidHandle);
            assert_eq!(shokyo_link_handle_timeout(wrong, &now), Status::InvalidHandle);
            assert_eq!(shokyo_link_next_deadline(wrong, &mut 0, &mut false), Status::InvalidHandle);
            assert_eq!(shokyo_link_poll_bytes(wrong, &now, into, 5, &mut length), Status::InvalidHandle);
            assert_eq!(shokyo_link_poll_frame(wrong, &now, into, 5, &mut length), Status::InvalidHandle);
            assert_eq!(shokyo_link_send_frame(wrong, &now, data, 5), Status::InvalidHandle);
            assert_eq!(shokyo_link_is_open(wrong, &mut false), Status::InvalidHandle);
            assert_eq!(shokyo_link_close(wrong, &now), Status::InvalidHandle);
            if !wrong.is_null() {
                assert_eq!(shokyo_link_free(wrong), Status::InvalidHandle);
            }
        }
        assert_eq!(shokyo_link_free(null_mut()), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn a_station_tells_where_its_sockets_belong() {
    let (mut place, mut length) = ([0_u8; 64], 0);
    let mut address = |station, which| {
        let into = place.as_mut_ptr().cast();
        assert_eq!(unsafe { shokyo_station_address(handle(station), which, into, 64, &mut length) }, Status::Ok);
        String::from_utf8(place[..length].to_vec()).unwrap()
    };
    assert_eq!(address(ground().kiosk, SHOKYO_ADDRESS_UPSTREAM), address(ground().centre, SHOKYO_ADDRESS_LISTEN));
    assert_eq!(address(ground().kiosk, SHOKYO_ADDRESS_LISTEN), "");
    let outcome = unsafe { shokyo_station_address(handle(ground().kiosk), 9, null_mut(), 0, &mut length) };
    assert_eq!(outcome, Status::InvalidArgument);
}

/// A Rust station in a thread of its own, until it is dropped.
struct Running {
    orders: tokio::sync::mpsc::UnboundedSender<Order<shokyo::station::kiosk::KioskCommand>>,
    notices: UnboundedReceiver<Notice>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(config: Config) -> Self {
        let (orders, receiver) = unbounded_channel();
        let (sender, notices) = unbounded_channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let role = config.role;
            runtime.block_on(run(config, receiver, Notices::new(role, sender))).unwrap();
        });
        Self { orders, notices, thread: Some(thread) }
    }

    fn wait_for<T>(&mut self, wanted: impl Fn(What) -> Option<T>) -> T {
        let (end, mut seen) = (Instant::now() + Duration::from_secs(60), Vec::new());
        while Instant::now() < end {
            match self.notices.try_recv() {
                Ok(notice) => {
                    seen.push(notice.clone());
                    if let Some(found) = wanted(notice.what) {
                        return found;
                    }
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        panic!("not among {seen:#?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Carries a link's bytes over a real socket until it is open.
fn drive(link: *mut shokyo_link, socket: &mut TcpStream, done: impl Fn() -> bool) {
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let mut bytes = [0; 4096];
    while !done() {
        assert!(Instant::now() < end, "the link did not come so far");
        socket.write_all(&poll_bytes(link, 4096)).unwrap();
        match socket.read(&mut bytes) {
            Ok(count) => assert_eq!(feed(link, &bytes[..count]), Status::Ok, "{}", detail()),
            Err(error) => {
                assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut))
            }
        }
    }
    socket.write_all(&poll_bytes(link, 4096)).unwrap();
}

#[test]
fn rust_stations_are_neighbours_on_both_sides() {
    let ours = ground().folder.path().join("ours");
    // A Rust EC centre, and a kiosk's link.
    let mut config = Config::load(&ours.join("ec-centre.toml")).unwrap();
    config.listen = Some("127.0.0.1:0".parse().unwrap());
    let mut centre = Running::start(config);
    let address = centre.wait_for(|what| if let What::Listening(address) = what { Some(address) } else { None });
    let mut socket = TcpStream::connect(address).unwrap();
    let link = connect(ground().kiosk);
    drive(link, &mut socket, || is_open(link));
    assert_eq!((info(link).role, text(&info(link).station)), (SHOKYO_ROLE_EC_CENTRE, "ec-1".into()));
    let (name, role) = centre.wait_for(|what| match what {
        What::Connected { station, role } => Some((station, role)),
        _ => None,
    });
    assert_eq!((name.as_str(), role), ("kiosk-1", Role::Kiosk));
    assert_eq!(unsafe { shokyo_link_close(link, &at(1000)) }, Status::Ok);
    drive(link, &mut socket, || info(link).state == SHOKYO_LINK_CLOSED);
    let error = centre.wait_for(|what| if let What::Disconnected { error, .. } = what { Some(error) } else { None });
    assert_eq!(error, None, "in order");
    free([link]);
    drop(centre);

    // A link of an EC centre, and a Rust kiosk.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::load(&ours.join("kiosk.toml")).unwrap();
    config.upstream.as_mut().unwrap().address = listener.local_addr().unwrap().to_string();
    let mut kiosk = Running::start(config);
    let mut socket = listener.accept().unwrap().0;
    let link = accept(ground().centre);
    drive(link, &mut socket, || is_open(link));
    assert_eq!((info(link).role, text(&info(link).station)), (SHOKYO_ROLE_KIOSK, "kiosk-1".into()));
    let name = kiosk.wait_for(|what| if let What::Connected { station, .. } = what { Some(station) } else { None });
    assert_eq!(name, "ec-1");
    free([link]);
}
