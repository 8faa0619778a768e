//! Four stations of the development infrastructure in one process, all through the C interface, with frames passed by hand and time
//! that the test sets.

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::size_of;
use std::path::PathBuf;
use std::ptr::null;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shokyo::custody::Store;
use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::handover::{Frame, KeyUse, MessageType, Trust};
use shokyo::receipt::{self, Statement};
use shokyo::station::config::Config;
use shokyo::station::trust::Authorities;
use shokyo::types::{Role, SessionId};

pub(crate) const SUBJECT: &[u8] = b"S-0001";
pub(crate) const KIND: &str = "resident-certificate";
/// The only neighbour towards the kiosk that each station has here.
const DOWN: u64 = 1;

/// Four stations lock more memory than many limits allow a process twice.
static ONE_TOWN: Mutex<()> = Mutex::new(());

pub(crate) type Meddle = Box<dyn FnMut(MessageType, &mut Vec<u8>) -> bool>;

pub(crate) struct Town {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) now: shokyo_now,
    pub(crate) issuer_station: *mut shokyo_station,
    pub(crate) centre_station: *mut shokyo_station,
    pub(crate) ec_station: *mut shokyo_station,
    pub(crate) kiosk_station: *mut shokyo_station,
    pub(crate) issuer: *mut shokyo_issuer,
    pub(crate) centre: *mut shokyo_relay,
    pub(crate) ec: *mut shokyo_relay,
    pub(crate) kiosk: *mut shokyo_kiosk,
    pub(crate) document: Vec<u8>,
    /// What the issuer's software writes as the subject of the row.
    pub(crate) row_subject: Vec<u8>,
    pub(crate) attach: bool,
    /// The issuer's software makes documents by itself.
    pub(crate) composing: bool,
    /// The EC centre does not get back the first large frame that it passes on.
    pub(crate) keep_a_ticket: bool,
    pub(crate) kept_ticket: u64,
    /// The kiosk's station was opened for a host that keeps records, and here they are.
    pub(crate) records_by_host: bool,
    pub(crate) kept: Vec<(shokyo_record, Vec<u8>)>,
    /// What the host says of a record.
    pub(crate) stored: Box<dyn FnMut(&shokyo_record) -> u32>,
    pub(crate) events: Vec<(Role, u32, shokyo_event)>,
    pub(crate) refused: Vec<(Role, Status)>,
    /// Changes a frame on its way up or down, or drops it by answering `false`.
    pub(crate) meddle: Meddle,
    _alone: MutexGuard<'static, ()>,
}

pub(crate) fn sized<T>() -> u32 {
    size_of::<T>() as u32
}

pub(crate) fn detail() -> String {
    let mut bytes = [0_u8; 600];
    unsafe { shokyo_detail(bytes.as_mut_ptr().cast(), bytes.len()) };
    CStr::from_bytes_until_nul(&bytes).unwrap().to_str().unwrap().to_owned()
}

#[track_caller]
pub(crate) fn ok(status: Status) {
    assert_eq!(status, Status::Ok, "{}", detail());
}

pub(crate) fn no_event() -> shokyo_event {
    shokyo_event { struct_size: sized::<shokyo_event>(), ..unsafe { std::mem::zeroed() } }
}

pub(crate) fn of_kind(kind: u32) -> shokyo_event {
    shokyo_event { kind, ..no_event() }
}

pub(crate) fn no_customer_event() -> shokyo_customer_event {
    shokyo_customer_event { struct_size: sized::<shokyo_customer_event>(), ..unsafe { std::mem::zeroed() } }
}

pub(crate) fn no_customer() -> shokyo_customer_info {
    shokyo_customer_info { struct_size: sized::<shokyo_customer_info>(), ..Default::default() }
}

pub(crate) fn no_record() -> shokyo_record {
    shokyo_record { struct_size: sized::<shokyo_record>(), ..unsafe { std::mem::zeroed() } }
}

pub(crate) fn open(path: &std::path::Path) -> *mut shokyo_station {
    let (path, mut station) = (CString::new(path.to_str().unwrap()).unwrap(), null_mut());
    ok(unsafe { shokyo_station_open(path.as_ptr(), null(), &mut station) });
    station
}

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ONE_TOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The development infrastructure, with little locked memory for each station.
pub(crate) fn infrastructure(folder: &std::path::Path) -> PathBuf {
    let keys = folder.join("keys");
    shokyo::station::pki::init(&keys).unwrap();
    for role in Role::ALL {
        let file = keys.join(format!("{role}.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("windows = 4", "windows = 2").replace("key-cells = 1024", "key-cells = 64");
        std::fs::write(&file, text).unwrap();
    }
    keys
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| ())
    }

    /// A town whose configurations are changed before they are read.
    pub(crate) fn with(change: impl Fn(Role, &mut String)) -> Self {
        let alone = alone();
        let folder = tempfile::tempdir().unwrap();
        let keys = infrastructure(folder.path());
        let station = |role: Role| {
            let file = keys.join(format!("{role}.toml"));
            let mut text = std::fs::read_to_string(&file).unwrap();
            change(role, &mut text);
            std::fs::write(&file, text).unwrap();
            open(&file)
        };
        let mut now = shokyo_now { struct_size: sized::<shokyo_now>(), ..Default::default() };
        ok(unsafe { shokyo_clock(&mut now) });
        let mut town = Self {
            issuer_station: station(Role::Issuer),
            centre_station: station(Role::CertificateCentre),
            ec_station: station(Role::EcCentre),
            kiosk_station: station(Role::Kiosk),
            folder,
            now,
            issuer: null_mut(),
            centre: null_mut(),
            ec: null_mut(),
            kiosk: null_mut(),
            document: (0..50_000_u32).map(|index| (index.wrapping_mul(0x9E37_79B9) >> 7) as u8).collect(),
            row_subject: SUBJECT.to_vec(),
            attach: false,
            composing: true,
            keep_a_ticket: false,
            kept_ticket: 0,
            records_by_host: false,
            kept: Vec::new(),
            stored: Box::new(|_| SHOKYO_STORED_DURABLE),
            events: Vec::new(),
            refused: Vec::new(),
            meddle: Box::new(|_, _| true),
            _alone: alone,
        };
        unsafe {
            ok(shokyo_issuer_new(town.issuer_station, &mut town.issuer));
            ok(shokyo_relay_new(town.centre_station, &mut town.centre));
            ok(shokyo_relay_new(town.ec_station, &mut town.ec));
        }
        town
    }

    pub(crate) fn apply(&mut self) {
        assert!(self.kiosk.is_null());
        ok(apply(self.kiosk_station, &self.now, SUBJECT, &mut self.kiosk));
    }

    pub(crate) fn pass(&mut self, milliseconds: u64) {
        self.now.monotonic_ms += milliseconds;
        self.now.unix_ms += milliseconds;
    }

    /// Passes frames, records and events until nothing moves.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            if !self.turn() {
                return;
            }
        }
        panic!("the town never comes to rest");
    }

    /// Lets every station act on its deadlines.
    pub(crate) fn tick(&mut self) {
        unsafe {
            ok(shokyo_issuer_handle_timeout(self.issuer, &self.now));
            ok(shokyo_relay_handle_timeout(self.centre, &self.now));
            ok(shokyo_relay_handle_timeout(self.ec, &self.now));
            if !self.kiosk.is_null() {
                ok(shokyo_kiosk_handle_timeout(self.kiosk, &self.now));
            }
        }
        self.run();
    }

    fn turn(&mut self) -> bool {
        self.store();
        let mut moved = self.events();
        self.store();
        moved |= self.frames_of_kiosk();
        moved |= self.frames_of_relay(Role::EcCentre);
        moved |= self.frames_of_relay(Role::CertificateCentre);
        moved | self.frames_of_issuer()
    }

    pub(crate) fn store(&mut self) {
        let now = &self.now;
        unsafe {
            // A record that is refused is told to the machine.
            let _ = shokyo_issuer_store_records(self.issuer, now);
            let _ = shokyo_relay_store_records(self.centre, now);
            let _ = shokyo_relay_store_records(self.ec, now);
            if !self.kiosk.is_null() && !self.records_by_host {
                let _ = shokyo_kiosk_store_records(self.kiosk, now);
            }
        }
        while self.records_by_host && self.store_by_host() {}
    }

    /// What a host does that keeps the kiosk's records in a database of its own.
    fn store_by_host(&mut self) -> bool {
        let mut record = no_record();
        let (mut receipt, mut length) = (vec![0_u8; 8_192], 0);
        let place = (receipt.as_mut_ptr().cast(), receipt.len());
        ok(unsafe { shokyo_kiosk_poll_record(self.kiosk, &mut record, place.0, place.1, &mut length) });
        if record.kind == SHOKYO_RECORD_NONE {
            return false;
        }
        receipt.truncate(length);
        let outcome = (self.stored)(&record);
        if outcome == SHOKYO_STORED_DURABLE {
            self.kept.push((record, receipt));
        }
        ok(unsafe { shokyo_kiosk_handle_stored(self.kiosk, &self.now, record.token, outcome) });
        true
    }

    fn events(&mut self) -> bool {
        let before = self.events.len();
        loop {
            let mut event = no_event();
            ok(unsafe { shokyo_issuer_poll_event(self.issuer, &mut event) });
            match event.kind {
                SHOKYO_EVENT_NONE => break,
                SHOKYO_EVENT_APPLICATION if self.composing => self.compose(&event.session),
                _ => {}
            }
            self.events.push((Role::Issuer, event.kind, event));
        }
        for (role, relay) in [(Role::CertificateCentre, self.centre), (Role::EcCentre, self.ec)] {
            loop {
                let mut event = no_event();
                ok(unsafe { shokyo_relay_poll_event(relay, &mut event) });
                if event.kind == SHOKYO_EVENT_NONE {
                    break;
                }
                if event.kind == SHOKYO_EVENT_OFFERED && self.attach && role == Role::CertificateCentre {
                    let data = b"parameters";
                    let (session, data, length) = (event.session.as_ptr(), data.as_ptr().cast(), data.len());
                    ok(unsafe { shokyo_relay_attach(relay, &self.now, session, data, length) });
                }
                self.events.push((role, event.kind, event));
            }
        }
        while !self.kiosk.is_null() {
            let mut event = no_event();
            ok(unsafe { shokyo_kiosk_poll_event(self.kiosk, &mut event) });
            if event.kind == SHOKYO_EVENT_NONE {
                break;
            }
            self.events.push((Role::Kiosk, event.kind, event));
        }
        self.events.len() > before
    }

    /// What the issuer's software does with an application.
    fn compose(&mut self, session: &[u8; 32]) {
        let mut seen = Vec::<u8>::new();
        let (issuer, session) = (self.issuer, session.as_ptr());
        ok(unsafe { shokyo_issuer_application(issuer, session, Some(keep_subject), (&raw mut seen).cast()) });
        assert_eq!(seen, SUBJECT);
        ok(unsafe { shokyo_wipe(seen.as_mut_ptr().cast(), seen.len()) });
        assert_eq!(seen, [0; SUBJECT.len()]);
        let version = b"v1";
        for piece in self.document.chunks(7_000) {
            let data = (piece.as_ptr().cast(), piece.len());
            ok(unsafe { shokyo_issuer_write(issuer, session, version.as_ptr().cast(), 2, data.0, data.1) });
        }
        let subject = &self.row_subject;
        ok(unsafe {
            let subject = (subject.as_ptr().cast(), subject.len());
            shokyo_issuer_offer(issuer, &self.now, session, subject.0, subject.1, version.as_ptr().cast(), 2)
        });
    }

    fn deliver(&mut self, to: Role, peer: u64, mut frame: Vec<u8>) {
        let kind = Frame::decode(&frame).unwrap().kind;
        if !(self.meddle)(kind, &mut frame) {
            return;
        }
        let (bytes, length) = (frame.as_ptr().cast(), frame.len());
        let outcome = unsafe {
            match to {
                Role::Issuer => shokyo_issuer_handle_frame(self.issuer, &self.now, peer, bytes, length),
                Role::CertificateCentre => shokyo_relay_handle_frame(self.centre, &self.now, peer, bytes, length),
                Role::EcCentre => shokyo_relay_handle_frame(self.ec, &self.now, peer, bytes, length),
                Role::Kiosk if self.kiosk.is_null() => return,
                Role::Kiosk => shokyo_kiosk_handle_frame(self.kiosk, &self.now, bytes, length),
            }
        };
        if outcome != Status::Ok {
            self.refused.push((to, outcome));
        }
    }

    fn frames_of_kiosk(&mut self) -> bool {
        let mut moved = false;
        while !self.kiosk.is_null() {
            let (mut frame, mut length) = (vec![0; SHOKYO_MAX_FRAME], 0);
            let place = (frame.as_mut_ptr().cast(), frame.len());
            ok(unsafe { shokyo_kiosk_poll_frame(self.kiosk, place.0, place.1, &mut length) });
            if length == 0 {
                break;
            }
            moved = true;
            frame.truncate(length);
            self.deliver(Role::EcCentre, DOWN, frame);
            self.store();
        }
        moved
    }

    fn frames_of_relay(&mut self, role: Role) -> bool {
        let (relay, above, below) = match role {
            Role::EcCentre => (self.ec, Role::CertificateCentre, Role::Kiosk),
            _ => (self.centre, Role::Issuer, Role::EcCentre),
        };
        let mut moved = false;
        loop {
            let (mut frame, mut length, mut peer, mut ticket) = (vec![0; SHOKYO_MAX_FRAME], 0, 77, 0);
            let place = (frame.as_mut_ptr().cast(), frame.len());
            ok(unsafe { shokyo_relay_poll_frame(relay, place.0, place.1, &mut length, &mut peer, &mut ticket) });
            if length == 0 {
                return moved;
            }
            moved = true;
            frame.truncate(length);
            // It is on the wire.
            if role == Role::EcCentre && self.keep_a_ticket && length > 10_000 {
                self.keep_a_ticket = false;
                self.kept_ticket = ticket;
            } else if ticket != 0 {
                ok(unsafe { shokyo_relay_handle_sent(relay, &self.now, ticket) });
            }
            match peer {
                SHOKYO_UPSTREAM => self.deliver(above, DOWN, frame),
                DOWN => self.deliver(below, SHOKYO_UPSTREAM, frame),
                _ => panic!("peer {peer}"),
            }
            self.store();
        }
    }

    fn frames_of_issuer(&mut self) -> bool {
        let mut moved = false;
        loop {
            let (mut frame, mut length, mut peer) = (vec![0; SHOKYO_MAX_FRAME], 0, 77);
            let place = (frame.as_mut_ptr().cast(), frame.len());
            ok(unsafe { shokyo_issuer_poll_frame(self.issuer, place.0, place.1, &mut length, &mut peer) });
            if length == 0 {
                return moved;
            }
            moved = true;
            assert_eq!(peer, DOWN);
            frame.truncate(length);
            self.deliver(Role::CertificateCentre, SHOKYO_UPSTREAM, frame);
            self.store();
        }
    }

    pub(crate) fn happened(&self, role: Role, kind: u32) -> Option<&shokyo_event> {
        self.events.iter().find(|(of, number, _)| *of == role && *number == kind).map(|(_, _, event)| event)
    }

    /// Reads the document at the kiosk.
    pub(crate) fn read(&self) -> (Status, Vec<u8>) {
        let mut seen = Vec::<u8>::new();
        let outcome =
            unsafe { shokyo_kiosk_for_each_window(self.kiosk, &self.now, Some(collect), (&raw mut seen).cast()) };
        (outcome, seen)
    }

    pub(crate) fn print(&mut self) {
        ok(unsafe { shokyo_kiosk_print(self.kiosk, &self.now) });
        assert!(self.happened(Role::Kiosk, SHOKYO_EVENT_MAY_PRINT).is_none(), "before it is on record");
        self.run();
        assert!(self.happened(Role::Kiosk, SHOKYO_EVENT_MAY_PRINT).is_some());
    }

    /// Applies, and runs until the document is ready.
    pub(crate) fn get_ready(&mut self) {
        self.apply();
        self.run();
        assert!(self.happened(Role::Kiosk, SHOKYO_EVENT_READY).is_some(), "{:?} {:?}", self.refused, self.kinds());
    }

    pub(crate) fn kinds(&self) -> Vec<(Role, u32)> {
        self.events.iter().map(|(role, kind, _)| (*role, *kind)).collect()
    }

    /// Frees the machines and the stations, which closes their stores.
    pub(crate) fn close(&mut self) {
        unsafe {
            ok(shokyo_kiosk_free(self.kiosk));
            ok(shokyo_issuer_free(self.issuer));
            ok(shokyo_relay_free(self.centre));
            ok(shokyo_relay_free(self.ec));
            for station in [self.issuer_station, self.centre_station, self.ec_station, self.kiosk_station] {
                ok(shokyo_station_free(station));
            }
        }
        self.kiosk = null_mut();
    }

    pub(crate) fn config(&self, role: Role) -> Config {
        Config::load(&self.folder.path().join("keys").join(format!("{role}.toml"))).unwrap()
    }

    pub(crate) fn records(&self, role: Role) -> Store {
        Store::open_read_only(&self.config(role).store).unwrap()
    }

    /// The key of a station for receipts, as its certificate and the authorities say.
    pub(crate) fn receipt_key(&self, role: Role) -> [u8; 32] {
        let config = self.config(role);
        let trust = Authorities::load(&config.trust).unwrap();
        let used = shokyo::station::profile::CertificateUse::Receipts;
        let certificate = shokyo::station::trust::own_certificate(&config, &trust, used).unwrap();
        trust.identify(&certificate, KeyUse::Receipts, self.now.unix_ms).unwrap().key
    }

    /// The station's own receipts of a session, verified.
    pub(crate) fn own_receipts(&self, role: Role, session: &[u8; 32]) -> Vec<Statement> {
        let key = self.receipt_key(role);
        let stored = self.records(role).receipts(SessionId(*session)).unwrap();
        stored.iter().filter(|of| of.own).map(|of| receipt::verify(&of.receipt, &key).unwrap()).collect()
    }
}

pub(crate) fn apply(
    station: *const shokyo_station,
    now: &shokyo_now,
    subject: &[u8],
    kiosk: &mut *mut shokyo_kiosk,
) -> Status {
    let kind = CString::new(KIND).unwrap();
    let application = shokyo_application {
        struct_size: sized::<shokyo_application>(),
        copies: 1,
        operator_name: c"municipality".as_ptr(),
        issuer: c"issuer-1".as_ptr(),
        document_kind: kind.as_ptr(),
        subject: subject.as_ptr().cast(),
        subject_length: subject.len(),
        details: null(),
        details_length: 0,
    };
    unsafe { shokyo_kiosk_apply(station, now, &application, kiosk) }
}

pub(crate) fn text(field: &[c_char]) -> &str {
    unsafe { CStr::from_ptr(field.as_ptr()) }.to_str().unwrap()
}

pub(crate) unsafe extern "C-unwind" fn collect(into: *mut c_void, offset: u64, plain: *const u8, length: usize) -> i32 {
    let into = unsafe { &mut *into.cast::<Vec<u8>>() };
    assert_eq!(offset, into.len() as u64);
    into.extend_from_slice(unsafe { std::slice::from_raw_parts(plain, length) });
    0
}

pub(crate) unsafe extern "C-unwind" fn keep_subject(
    into: *mut c_void,
    subject: *const u8,
    subject_length: usize,
    _: *const u8,
    details_length: usize,
) -> i32 {
    let into = unsafe { &mut *into.cast::<Vec<u8>>() };
    into.extend_from_slice(unsafe { std::slice::from_raw_parts(subject, subject_length) });
    i32::from(details_length != 0)
}

/// Runs the Rust closure behind `run`, which gives the callback's answer.
pub(crate) unsafe extern "C-unwind" fn call(run: *mut c_void, offset: u64, plain: *const u8, length: usize) -> i32 {
    let run = unsafe { &mut *run.cast::<&mut dyn FnMut(u64, &[u8]) -> i32>() };
    run(offset, unsafe { std::slice::from_raw_parts(plain, length) })
}

pub(crate) fn read_at(
    kiosk: *mut shokyo_kiosk,
    now: &shokyo_now,
    offset: u64,
    mut run: impl FnMut(u64, &[u8]) -> i32,
) -> Status {
    let mut run: &mut dyn FnMut(u64, &[u8]) -> i32 = &mut run;
    unsafe { shokyo_kiosk_read_at(kiosk, now, offset, Some(call), (&raw mut run).cast()) }
}

pub(crate) fn for_each(kiosk: *mut shokyo_kiosk, now: &shokyo_now, mut run: impl FnMut(u64, &[u8]) -> i32) -> Status {
    let mut run: &mut dyn FnMut(u64, &[u8]) -> i32 = &mut run;
    unsafe { shokyo_kiosk_for_each_window(kiosk, now, Some(call), (&raw mut run).cast()) }
}

/// What each function that takes a kiosk's handle answers, everything else being right, but those that are taken at any time.
pub(crate) fn kiosk_answers(kiosk: *mut shokyo_kiosk, now: &shokyo_now) -> Vec<Status> {
    let (mut event, mut record, mut bytes, mut length) = (no_event(), no_record(), [0_u8; 64], 0);
    let (mut number, mut answer, mut copy) = (0, false, null_mut());
    let place = bytes.as_mut_ptr();
    unsafe {
        vec![
            shokyo_kiosk_session(kiosk, place),
            shokyo_kiosk_handle_frame(kiosk, now, place.cast(), 64),
            shokyo_kiosk_handle_timeout(kiosk, now),
            shokyo_kiosk_handle_peer_lost(kiosk, now),
            shokyo_kiosk_handle_peer_back(kiosk, now),
            shokyo_kiosk_store_records(kiosk, now),
            shokyo_kiosk_poll_record(kiosk, &mut record, place.cast(), 64, &mut length),
            shokyo_kiosk_handle_stored(kiosk, now, 1, SHOKYO_STORED_DURABLE),
            shokyo_kiosk_poll_frame(kiosk, place.cast(), 64, &mut length),
            shokyo_kiosk_poll_event(kiosk, &mut event),
            shokyo_kiosk_attachment(kiosk, SHOKYO_ROLE_EC_CENTRE, place.cast(), 64, &mut length),
            shokyo_kiosk_next_deadline(kiosk, &mut number, &mut answer),
            read_at(kiosk, now, 0, |_, _| panic!("shown")),
            for_each(kiosk, now, |_, _| panic!("shown")),
            shokyo_kiosk_prove(kiosk, now, place.cast(), 9, place),
            shokyo_kiosk_register_copy(kiosk, now, SHOKYO_COPY_SPOOL, &mut copy),
            shokyo_kiosk_print(kiosk, now),
            shokyo_kiosk_delivered(kiosk, now),
            shokyo_kiosk_abandon(kiosk, now),
            shokyo_kiosk_is_finished(kiosk, &mut answer),
        ]
    }
}
