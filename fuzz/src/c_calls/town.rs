//! What calls need to get anywhere: four stations of the development infrastructure, opened once in a process for a host that keeps
//! records itself; and the honest passing of frames, records and documents between their machines.

use std::ffi::{CStr, CString, c_void};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use shokyo::ffi::{self, shokyo_now, shokyo_status};

/// The longest frame that the town's documents need.
const ROOM: usize = 20_000;
/// What a station has below itself.
const DOWN: u64 = 1;

/// What serves every input of a process.
pub struct ForEver {
    /// Stations, a vault and a store.
    pub handles: Vec<(&'static str, usize)>,
    texts: Vec<CString>,
}

/// Machines of one input.
pub struct Town {
    issuer: *mut ffi::shokyo_issuer,
    centre: *mut ffi::shokyo_relay,
    ec: *mut ffi::shokyo_relay,
    kiosk: *mut ffi::shokyo_kiosk,
    now: shokyo_now,
}

/// Made at the first call.
///
/// # Panics
/// When the folder below the current one cannot be made, or a station does not open.
pub fn for_ever() -> &'static ForEver {
    static FOR_EVER: OnceLock<ForEver> = OnceLock::new();
    FOR_EVER.get_or_init(|| {
        let folder = folder();
        let keys = folder.join("keys");
        shokyo::station::pki::init(&keys).unwrap();
        let text = |path: &Path| CString::new(path.to_str().unwrap()).unwrap();
        let options = ffi::shokyo_station_options {
            struct_size: size_of::<ffi::shokyo_station_options>() as u32,
            records_by_host: 1,
            ..Default::default()
        };
        let open = |role: &str, options: *const ffi::shokyo_station_options| {
            let (path, mut station) = (text(&keys.join(format!("{role}.toml"))), null_mut());
            // SAFETY: a null-terminated path, NULL or a struct of the size that it states, a place for a handle.
            fine(unsafe { ffi::shokyo_station_open(path.as_ptr(), options, &raw mut station) });
            station
        };
        // One that keeps records, so that there is a store.
        // SAFETY: a handle.
        fine(unsafe { ffi::shokyo_station_free(open("kiosk", null())) });
        let stores: Vec<PathBuf> = std::fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path()).collect();
        let store =
            stores.iter().find(|path| path.extension().is_some_and(|extension| extension == "sqlite3")).unwrap();
        let (mut vault, mut records) = (null_mut(), null_mut());
        // SAFETY: NULL for the defaults, a null-terminated path, places for handles.
        unsafe {
            fine(ffi::shokyo_vault_open(null(), &raw mut vault));
            fine(ffi::shokyo_store_open(text(store).as_ptr(), &raw mut records));
        }
        let mut handles: Vec<_> = ["issuer", "certificate-centre", "ec-centre", "kiosk"]
            .map(|role| ("shokyo_station", open(role, &raw const options).addr()))
            .into();
        handles.extend([("shokyo_vault", vault.addr()), ("shokyo_store", records.addr())]);
        let mut texts =
            vec![text(&keys.join("kiosk.toml")), text(store), text(&folder), text(&keys.join("issuer.toml"))];
        texts.extend([c"".to_owned(), c"/no/such/file".to_owned(), c"\xFF\xFE".to_owned()]);
        texts.push(CString::new(vec![b'a'; 6_000]).unwrap());
        texts.extend([c"municipality".to_owned(), c"issuer-1".to_owned(), c"resident-certificate".to_owned()]);
        ForEver { handles, texts }
    })
}

/// A folder of this process's; those of processes that ended go.
fn folder() -> PathBuf {
    let all = Path::new("target/fuzz/towns");
    std::fs::create_dir_all(all).unwrap();
    for entry in std::fs::read_dir(all).unwrap().flatten() {
        if !Path::new("/proc").join(entry.file_name()).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let own = all.join(std::process::id().to_string());
    std::fs::create_dir_all(&own).unwrap();
    own.canonicalize().unwrap()
}

impl ForEver {
    /// One of the texts, or none.
    pub fn text(&self, number: usize) -> Option<&CStr> {
        self.texts.get(number % (self.texts.len() + 1)).map(CString::as_c_str)
    }

    /// A struct with pointers inside, without its size: what an honest host gives for 0, otherwise with something wrong.
    pub fn content(&self, name: &str, changed: usize) -> Vec<u8> {
        let text = |number| self.text(number).map_or(0, |text| text.as_ptr() as u64);
        let words = if name == "shokyo_application" {
            let subject: &'static [u8] = b"S-0001";
            let mut words = [1 << 32, text(8), text(9), text(10), subject.as_ptr() as u64, subject.len() as u64, 0, 0];
            match changed {
                0..=199 => {}
                200..=203 => words[changed - 199] = 0,
                204..=207 => words[changed - 203] = text(7),
                208 => words[5] = u64::MAX,
                209 => words[7] = 9,
                210 => words[0] = 0,
                more => words[0] = (more as u64) << 32,
            }
            words.to_vec()
        } else {
            let chosen = |bits: usize| if bits % 4 == 0 { 0 } else { text(changed % 8) };
            vec![0, chosen(changed), chosen(changed / 4), chosen(changed / 16), chosen(changed / 64)]
        };
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }
}

impl Town {
    /// A machine at each station; the kiosk applies.
    pub fn new(now: &shokyo_now) -> Self {
        let station = |at: usize| std::ptr::without_provenance(for_ever().handles[at].1);
        let mut town = Self { issuer: null_mut(), centre: null_mut(), ec: null_mut(), kiosk: null_mut(), now: *now };
        let mut application = for_ever().content("shokyo_application", 0);
        let size = size_of::<ffi::shokyo_application>() as u32;
        application[..4].copy_from_slice(&size.to_ne_bytes());
        // SAFETY: handles, places for handles, and a struct of the size that it states, which is read without alignment.
        unsafe {
            fine(ffi::shokyo_issuer_new(station(0), &raw mut town.issuer));
            fine(ffi::shokyo_relay_new(station(1), &raw mut town.centre));
            fine(ffi::shokyo_relay_new(station(2), &raw mut town.ec));
            let application: ffi::shokyo_application =
                application.as_ptr().cast::<ffi::shokyo_application>().read_unaligned();
            fine(ffi::shokyo_kiosk_apply(station(3), now, &raw const application, &raw mut town.kiosk));
        }
        town
    }

    /// Its machines.
    pub fn handles(&self) -> impl Iterator<Item = (&'static str, usize)> + use<> {
        let relays = [self.centre, self.ec].map(|relay| ("shokyo_relay", relay.addr()));
        [("shokyo_issuer", self.issuer.addr()), ("shokyo_kiosk", self.kiosk.addr())].into_iter().chain(relays)
    }

    /// Time passes.
    pub fn pass(&mut self, milliseconds: u64) {
        self.now.monotonic_ms += milliseconds;
        self.now.unix_ms += milliseconds;
        let now = &raw const self.now;
        // SAFETY: handles, which may be dead, and a struct of the size that it states.
        unsafe {
            sound(ffi::shokyo_issuer_handle_timeout(self.issuer, now));
            sound(ffi::shokyo_relay_handle_timeout(self.centre, now));
            sound(ffi::shokyo_relay_handle_timeout(self.ec, now));
            sound(ffi::shokyo_kiosk_handle_timeout(self.kiosk, now));
        }
    }

    /// What an honest host does, so often.
    pub fn pump(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.store();
            self.compose();
            self.frames();
        }
    }

    /// Every record is kept.
    fn store(&mut self) {
        let now = &raw const self.now;
        macro_rules! store {
            ($machine:expr, $poll:ident, $stored:ident) => {
                for _ in 0..64 {
                    let mut record: ffi::shokyo_record = zeroed();
                    record.struct_size = size_of::<ffi::shokyo_record>() as u32;
                    let (mut receipt, mut length) = ([0_u8; 8_192], 0);
                    let place = receipt.as_mut_ptr().cast::<c_void>();
                    // SAFETY: a handle, which may be dead, a struct of the size that it states, and as much room as is said.
                    let polled = unsafe { ffi::$poll($machine, &raw mut record, place, receipt.len(), &raw mut length) };
                    if sound(polled) != shokyo_status::Ok || record.kind == ffi::SHOKYO_RECORD_NONE {
                        break;
                    }
                    // SAFETY: as above.
                    sound(unsafe { ffi::$stored($machine, now, record.token, ffi::SHOKYO_STORED_DURABLE) });
                }
            };
        }
        store!(self.issuer, shokyo_issuer_poll_record, shokyo_issuer_handle_stored);
        store!(self.centre, shokyo_relay_poll_record, shokyo_relay_handle_stored);
        store!(self.ec, shokyo_relay_poll_record, shokyo_relay_handle_stored);
        store!(self.kiosk, shokyo_kiosk_poll_record, shokyo_kiosk_handle_stored);
    }

    /// The issuing system's software writes the document that is asked for.
    fn compose(&mut self) {
        for _ in 0..8 {
            let mut event: ffi::shokyo_event = zeroed();
            event.struct_size = size_of::<ffi::shokyo_event>() as u32;
            // SAFETY: a handle, which may be dead, and a struct of the size that it states.
            let polled = unsafe { ffi::shokyo_issuer_poll_event(self.issuer, &raw mut event) };
            if sound(polled) != shokyo_status::Ok || event.kind == ffi::SHOKYO_EVENT_NONE {
                return;
            }
            if event.kind == ffi::SHOKYO_EVENT_APPLICATION {
                let (session, version, document) = (event.session.as_ptr(), b"v1".as_ptr().cast(), [0x5A_u8; 700]);
                let (data, subject) = (document.as_ptr().cast(), b"S-0001".as_ptr().cast());
                // SAFETY: a handle, 32 bytes, and as many bytes as are said.
                unsafe {
                    sound(ffi::shokyo_issuer_write(self.issuer, session, version, 2, data, document.len()));
                    sound(ffi::shokyo_issuer_offer(self.issuer, &raw const self.now, session, subject, 6, version, 2));
                }
            }
        }
    }

    /// Every frame that waits goes to the neighbour.
    fn frames(&mut self) {
        let now = &raw const self.now;
        let mut bytes = vec![0_u8; ROOM];
        let frame = bytes.as_mut_ptr().cast::<c_void>();
        let (mut length, mut peer, mut ticket) = (0, 0, 0);
        for _ in 0..8 {
            // SAFETY: a handle, which may be dead, and as much room as is said.
            let polled = unsafe { ffi::shokyo_kiosk_poll_frame(self.kiosk, frame, ROOM, &raw mut length) };
            if sound(polled) != shokyo_status::Ok || length == 0 {
                break;
            }
            // SAFETY: as above, and as many bytes as are said.
            sound(unsafe { ffi::shokyo_relay_handle_frame(self.ec, now, DOWN, frame, length) });
        }
        for (relay, below) in [(self.ec, None), (self.centre, Some(self.ec))] {
            for _ in 0..16 {
                // SAFETY: as above.
                unsafe {
                    let places = (&raw mut length, &raw mut peer, &raw mut ticket);
                    let polled = ffi::shokyo_relay_poll_frame(relay, frame, ROOM, places.0, places.1, places.2);
                    if sound(polled) != shokyo_status::Ok || length == 0 {
                        break;
                    }
                    if ticket != 0 {
                        sound(ffi::shokyo_relay_handle_sent(relay, now, ticket));
                    }
                    sound(match (peer == ffi::SHOKYO_UPSTREAM, below) {
                        (true, None) => ffi::shokyo_relay_handle_frame(self.centre, now, DOWN, frame, length),
                        (true, Some(_)) => ffi::shokyo_issuer_handle_frame(self.issuer, now, DOWN, frame, length),
                        (false, None) => ffi::shokyo_kiosk_handle_frame(self.kiosk, now, frame, length),
                        (false, Some(ec)) => {
                            ffi::shokyo_relay_handle_frame(ec, now, ffi::SHOKYO_UPSTREAM, frame, length)
                        }
                    });
                }
            }
        }
        for _ in 0..8 {
            // SAFETY: as above.
            unsafe {
                let polled = ffi::shokyo_issuer_poll_frame(self.issuer, frame, ROOM, &raw mut length, &raw mut peer);
                if sound(polled) != shokyo_status::Ok || length == 0 {
                    break;
                }
                sound(ffi::shokyo_relay_handle_frame(self.centre, now, ffi::SHOKYO_UPSTREAM, frame, length));
            }
        }
    }
}

/// A struct of numbers and bytes, all zero.
fn zeroed<T>() -> T {
    // SAFETY: called with the interface's structs alone, in which zeros are valid.
    unsafe { std::mem::zeroed() }
}

/// A status that does not say that something is wrong inside.
fn sound(status: shokyo_status) -> shokyo_status {
    assert!(status != shokyo_status::Panic, "a call met a fault");
    status
}

fn fine(status: shokyo_status) {
    assert!(status == shokyo_status::Ok, "a call gave {status:?}");
}
