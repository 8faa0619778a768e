//! What a relay holds: the real machine and the real cryptography, 1,000 sessions at once, kiosks that take one chunk now and then.
//! An allocator that counts, and looks at what is freed, measures beside the relay's own figures.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shokyo::handover::relay::{Passing, UPSTREAM};
use shokyo::handover::suite::StationCrypto;
use shokyo::handover::{
    Application, Frame, Issuer, Kiosk, MessageType, Peer, Policy, Record, Relay, RelayEvent, Suite, Suites,
};
use shokyo::receipt::verify;
use shokyo::types::{Now, Role, SessionId, Time};
use world::{Pinned, station};

const LIMIT: usize = 64 * 1024;
const CHUNK: usize = 16 * 1024;
const CREDIT: usize = 3;
const DOWN: Peer = Peer(1);
/// What every sealed chunk here is made of.
const PATTERN: u8 = 0xA5;

/// Counts what is allocated, and what is freed with a chunk's bytes in it.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static WATCHING: AtomicBool = AtomicBool::new(false);
static UNWIPED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        if WATCHING.load(Ordering::Relaxed) && layout.size() >= CHUNK {
            let quarters = [layout.size() / 4, layout.size() / 2, layout.size() / 4 * 3];
            // SAFETY: the block is still allocated and each offset lies in it; volatile, because a vector's spare part may
            // never have been written.
            if quarters.iter().all(|at| unsafe { block.add(*at).read_volatile() } == PATTERN) {
                UNWIPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: they share the allocator's figures.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the host measured of a session, without asking the relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Measured {
    held: usize,
    peak: usize,
    longest: u64,
    frames: u64,
}

/// A relay and its host, which keeps what is being written and counts it.
struct Host {
    relay: Relay<StationCrypto, Pinned>,
    kiosk: StationCrypto,
    issuer: StationCrypto,
    trust: Pinned,
    policy: Policy,
    now: Now,
    /// What is being written to a kiosk, and since when it is in this station.
    writing: BTreeMap<SessionId, VecDeque<(Passing, Time)>>,
    measured: BTreeMap<SessionId, Measured>,
    events: Vec<RelayEvent>,
    receipts: Vec<Vec<u8>>,
    chunk: Vec<u8>,
}

impl Host {
    fn new(sessions: usize) -> Self {
        let mut pins = BTreeMap::new();
        let relay = station(Role::EcCentre, "ec-1", &mut pins);
        let kiosk = station(Role::Kiosk, "kiosk-1", &mut pins);
        let issuer = station(Role::Issuer, "issuer-1", &mut pins);
        let trust = Pinned(Arc::new(pins));
        let mut policy = Policy::default();
        policy.max_sessions = sessions + 1;
        policy.max_per_kiosk = sessions + 1;
        policy.max_per_neighbour = sessions + 1;
        // The small suite: the relay's part is the same, and a thousand applications are made sooner.
        policy.suites = Suites::only(Suite::X25519);
        // The body's head is not looked into here, and the rest is what a kiosk would store.
        let chunk = vec![PATTERN; CHUNK + 16 + 8];
        Self {
            relay: Relay::new(relay, trust.clone(), policy).unwrap(),
            kiosk,
            issuer,
            trust,
            policy,
            now: Now { monotonic: Time(1_000_000), unix_ms: 1_790_000_000_000 },
            writing: BTreeMap::new(),
            measured: BTreeMap::new(),
            events: Vec::new(),
            receipts: Vec::new(),
            chunk,
        }
    }

    /// A session that has begun: greeting, challenge and application are real and have passed.
    fn open(&mut self) -> SessionId {
        let application = Application {
            operator: "operator of issuer",
            issuer: "issuer-1",
            kind: "resident-certificate",
            copies: 1,
            subject: b"holder",
            details: b"",
        };
        let mut kiosk =
            Kiosk::apply(self.now, self.kiosk.clone(), self.trust.clone(), self.policy, &application).unwrap();
        // An issuing system for each: what it would go on to do is not looked at here.
        let mut issuer = Issuer::new(self.issuer.clone(), self.trust.clone(), self.policy).unwrap();
        let hello = self.through(DOWN, kiosk.poll_transmit().unwrap().frame);
        issuer.handle_frame(self.now, DOWN, &hello).unwrap();
        let challenge = self.through(UPSTREAM, issuer.poll_transmit().unwrap().frame);
        kiosk.handle_frame(self.now, &challenge).unwrap();
        while let Some(persist) = kiosk.poll_persist() {
            kiosk.handle_persisted(self.now, persist.token);
        }
        let session = kiosk.id();
        let apply = kiosk.poll_transmit().unwrap().frame;
        let length = apply.len();
        self.through(DOWN, apply);
        self.measured.insert(session, Measured { held: 0, peak: length, longest: 0, frames: 1 });
        session
    }

    /// A frame that is passed on at once.
    fn through(&mut self, from: Peer, frame: Vec<u8>) -> Vec<u8> {
        self.relay.handle_frame(self.now, from, frame).unwrap();
        self.persist();
        let passing = self.relay.poll_transmit().unwrap();
        let bytes = passing.bytes().to_vec();
        self.relay.handle_sent(self.now, passing);
        bytes
    }

    fn persist(&mut self) {
        while let Some(persist) = self.relay.poll_persist() {
            if let Record::OwnReceipt { receipt, .. } = persist.record {
                self.receipts.push(receipt);
            }
            self.relay.handle_persisted(self.now, persist.token);
        }
        while let Some(event) = self.relay.poll_event() {
            self.events.push(event);
        }
    }

    /// The next chunk comes from upstream, and is being written to the kiosk from now on.
    fn chunk(&mut self, session: SessionId) {
        let frame = Frame {
            suite: Suite::X25519,
            kind: MessageType::Chunk,
            role: Role::Issuer,
            session,
            previous: [3; 32],
            body: &self.chunk,
            signature: None,
        };
        let bytes = frame.encode();
        let measured = self.measured.get_mut(&session).unwrap();
        measured.held += bytes.len();
        measured.peak = measured.peak.max(measured.held);
        measured.frames += 1;
        self.relay.handle_frame(self.now, UPSTREAM, bytes).unwrap();
        let passing = self.relay.poll_transmit().unwrap();
        self.writing.entry(session).or_default().push_back((passing, self.now.monotonic));
    }

    /// The kiosk takes the oldest chunk that waits for it.
    fn taken(&mut self, session: SessionId) -> bool {
        let Some((passing, since)) = self.writing.get_mut(&session).and_then(VecDeque::pop_front) else { return false };
        let measured = self.measured.get_mut(&session).unwrap();
        measured.held -= passing.bytes().len();
        measured.longest = measured.longest.max(self.now.monotonic.since(since));
        self.relay.handle_sent(self.now, passing);
        true
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now.monotonic = self.now.monotonic.after(Duration::from_millis(milliseconds));
        self.now.unix_ms += milliseconds;
    }

    /// Ends every session and lets everything out that is on its way.
    fn end(&mut self) {
        self.relay.shutdown(self.now);
        let sessions: Vec<_> = self.writing.keys().copied().collect();
        for session in sessions {
            while self.taken(session) {}
        }
        self.writing.clear();
        self.persist();
        while let Some(passing) = self.relay.poll_transmit() {
            self.relay.handle_sent(self.now, passing);
        }
        self.persist();
    }

    /// What the relay says about a session: to its operator, and in the receipt it signed.
    fn stated(&self, session: SessionId) -> (Measured, Measured) {
        let event = self.events.iter().find_map(|event| match event {
            RelayEvent::NotRetained { session: of, peak_bytes, longest_hold_ms, frames } if *of == session => {
                Some(measured(*peak_bytes, *longest_hold_ms, *frames))
            }
            _ => None,
        });
        let keys = || self.trust.0.values().filter(|(_, identity)| identity.role == Role::EcCentre);
        let statements = self
            .receipts
            .iter()
            .filter_map(|receipt| keys().find_map(|(_, identity)| verify(receipt, &identity.key).ok()));
        let statement = statements.into_iter().find(|statement| statement.session == session).unwrap();
        assert!(statement.is_verified(), "every frame was wiped and read back");
        let figures = statement.relay.unwrap();
        (event.unwrap(), measured(figures.peak_bytes, figures.longest_hold_ms, figures.frames))
    }
}

fn measured(peak: u64, longest: u64, frames: u64) -> Measured {
    Measured { held: 0, peak: usize::try_from(peak).unwrap(), longest, frames }
}

fn live() -> usize {
    usize::try_from(LIVE.load(Ordering::Relaxed)).unwrap()
}

/// A thousand sessions of documents of this size, most of them slow, some to their last chunk: the most bytes that were allocated
/// for each.
fn thousand_sessions(document: usize) -> usize {
    const SESSIONS: usize = 1000;
    const ROUNDS: usize = 30;
    const TO_THE_END: usize = 20;
    let chunks = document.div_ceil(CHUNK);
    let mut host = Host::new(SESSIONS);
    let before = live();
    let sessions: Vec<_> = (0..SESSIONS).map(|_| host.open()).collect();
    assert_eq!(host.relay.open_sessions(), SESSIONS);
    let mut sent = vec![0; SESSIONS];
    let mut peak = 0;
    UNWIPED.store(0, Ordering::Relaxed);
    WATCHING.store(true, Ordering::Relaxed);
    for round in 0..chunks + CREDIT {
        for (index, session) in sessions.iter().enumerate() {
            if round >= ROUNDS && index >= TO_THE_END {
                break;
            }
            while sent[index] < chunks && host.writing.get(session).map_or(0, VecDeque::len) < CREDIT {
                host.chunk(*session);
                sent[index] += 1;
            }
        }
        peak = peak.max(live() - before);
        host.pass(20);
        for session in sessions.iter().take(if round >= ROUNDS { TO_THE_END } else { SESSIONS }) {
            host.taken(*session);
        }
    }
    assert_eq!(sent[0], chunks, "the whole document passed");
    host.end();
    WATCHING.store(false, Ordering::Relaxed);
    assert_eq!(UNWIPED.load(Ordering::Relaxed), 0, "no frame was freed with its bytes");
    for session in sessions.iter().step_by(97) {
        let own = host.measured[session];
        let (event, receipt) = host.stated(*session);
        assert_eq!(event, own, "what the relay tells is what the host measured");
        assert_eq!((receipt.peak, receipt.longest), (own.peak.next_power_of_two(), own.longest));
    }
    host.relay.abandon();
    host.persist();
    assert_eq!(host.relay.open_sessions(), 0);
    host.events = Vec::new();
    host.receipts = Vec::new();
    host.measured.clear();
    // Queues that a thousand sessions ended through at once are empty, and keep their room.
    let after = live().saturating_sub(before) / SESSIONS;
    assert!(after < 1024, "{after} bytes a session stay after their end");
    peak / SESSIONS
}

#[test]
fn a_relay_holds_at_most_64_kib_for_each_of_1000_sessions_whatever_the_documents_size() {
    let _alone = alone();
    let [small, large] = [256 * 1024, 5_000_000].map(thousand_sessions);
    println!("{small} bytes a session for documents of 256 KiB, {large} for documents of 5 MB");
    assert!(small > CREDIT * CHUNK, "{small}: the chunks under way are counted");
    assert!(large <= LIMIT, "{large} bytes a session");
    assert!(small.abs_diff(large) <= 1024, "{small} and {large} bytes a session");
}

#[test]
fn a_receipt_shows_when_a_host_keeps_frames_back() {
    let _alone = alone();
    let mut host = Host::new(2);
    let (prompt, hoarding) = (host.open(), host.open());
    for _ in 0..CREDIT {
        host.chunk(prompt);
        assert!(host.taken(prompt));
        host.chunk(hoarding);
        host.pass(2_500);
    }
    while host.taken(hoarding) {}
    host.end();
    let (event, receipt) = host.stated(prompt);
    assert_eq!(event, host.measured[&prompt]);
    assert_eq!(receipt.longest, 0, "given back at once");
    assert_eq!(receipt.peak, (CHUNK + 1).next_power_of_two(), "one frame");
    let (event, receipt) = host.stated(hoarding);
    assert_eq!(event, host.measured[&hoarding]);
    assert_eq!(receipt.longest, 7_500, "as long as the first frame was kept");
    assert_eq!(receipt.peak, (CREDIT * CHUNK + 1).next_power_of_two(), "all of them");
}

#[test]
fn more_than_64_kib_at_once_ends_the_session_and_no_other() {
    let _alone = alone();
    let mut host = Host::new(2);
    let (flooded, other) = (host.open(), host.open());
    for _ in 0..CREDIT {
        host.chunk(flooded);
        host.chunk(other);
    }
    let bytes = host.writing[&flooded][0].0.bytes().to_vec();
    let refused = host.relay.handle_frame(host.now, UPSTREAM, bytes);
    assert!(refused.is_err(), "a fourth chunk is one too many");
    while host.taken(flooded) {}
    host.persist();
    let ended = |host: &Host, of: SessionId| {
        host.events.iter().any(|event| matches!(event, RelayEvent::NotRetained { session, .. } if *session == of))
    };
    assert!(ended(&host, flooded) && !ended(&host, other));
}

#[test]
fn the_allocator_sees_a_frame_that_nobody_wiped() {
    let _alone = alone();
    let mut host = Host::new(1);
    let session = host.open();
    host.chunk(session);
    UNWIPED.store(0, Ordering::Relaxed);
    WATCHING.store(true, Ordering::Relaxed);
    // The host drops it instead of giving it back.
    host.writing.clear();
    WATCHING.store(false, Ordering::Relaxed);
    assert_eq!(UNWIPED.load(Ordering::Relaxed), 1);
}
