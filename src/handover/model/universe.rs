//! Every station state and every frame that was reached, each with a number, and every step that was taken, run once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use super::digest::look;
use super::roster;
use super::station::{Broken, Machine, Memory, Station};
use super::step::{Input, finish, step};
use super::symbols::{Kind, Wrap};
use super::world::Bounds;
use crate::handover::{Frame, MessageType, Outcome, Peer};
use crate::types::{Role, SessionId, Time};

const SHARDS: usize = 64;

/// A station's state, and what the world asks about it.
pub(super) struct Known {
    pub(super) station: Station,
    /// Document keys that are there, by number.
    pub(super) documents: Vec<u32>,
    /// Private keys that are there.
    pub(super) privates: Vec<u32>,
    /// Document keys that are there wrapped.
    pub(super) wraps: Vec<Wrap>,
    pub(super) has_deadline: bool,
    pub(super) idle: bool,
}

/// A frame and what the world asks about it.
pub(super) struct Sent {
    pub(super) bytes: Vec<u8>,
    pub(super) kind: MessageType,
    pub(super) role: Role,
    pub(super) session: SessionId,
    pub(super) wraps: Vec<Wrap>,
}

/// What a step leads to.
pub(super) struct Stepped {
    pub(super) station: u32,
    pub(super) frames: Vec<(Peer, u16)>,
}

/// Steps that were taken, by where they began.
type Steps = HashMap<(u32, Input), Arc<Stepped>>;

/// All of it, shared by the threads of a run.
pub(super) struct Universe {
    bounds: Bounds,
    broken: AtomicBool,
    numbers: Mutex<HashMap<u128, u32>>,
    known: RwLock<Vec<Arc<Known>>>,
    frame_numbers: Mutex<HashMap<Vec<u8>, u16>>,
    frames: RwLock<Vec<Arc<Sent>>>,
    steps: Vec<RwLock<Steps>>,
    hasher: RandomState,
}

impl Universe {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            broken: AtomicBool::new(false),
            numbers: Mutex::default(),
            known: RwLock::default(),
            frame_numbers: Mutex::default(),
            frames: RwLock::default(),
            steps: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// A station at its first start.
    pub(super) fn start(&self, number: u8) -> Stepped {
        let mut station = Station::start(number, 0, self.bounds.attachments, Time(1_000_000), Memory::default())
            .expect("a station starts");
        let before = station.clone();
        let outputs = station.machine.drain(station.now());
        let intern = |frame| self.intern_frame(frame);
        let frames = finish(&before, &mut station, outputs, Input::Restart, None, &[], &intern);
        Stepped { station: self.intern(station), frames }
    }

    /// What a station's input leads to.
    pub(super) fn step(&self, station: u32, input: Input) -> Arc<Stepped> {
        let shard = &self.steps[self.hasher.hash_one((station, input)) as usize % SHARDS];
        if let Some(stepped) = shard.read().unwrap().get(&(station, input)) {
            return Arc::clone(stepped);
        }
        let known = self.station(station);
        let frame = if let Input::Frame { number, .. } = input { Some(self.frame(number)) } else { None };
        let bytes = frame.as_ref().map_or(&[][..], |frame| &frame.bytes);
        let (after, frames) = step(&known.station, input, bytes, self.bounds.chunks, &|frame| self.intern_frame(frame));
        let stepped = Arc::new(Stepped { station: self.intern(after), frames });
        shard.write().unwrap().insert((station, input), Arc::clone(&stepped));
        stepped
    }

    /// Several stations.
    pub(super) fn stations(&self, numbers: &[u32]) -> Vec<Arc<Known>> {
        let known = self.known.read().unwrap();
        numbers.iter().map(|number| Arc::clone(&known[*number as usize])).collect()
    }

    /// Several frames.
    pub(super) fn frames(&self, numbers: &[u16]) -> Vec<(u16, Arc<Sent>)> {
        let frames = self.frames.read().unwrap();
        numbers.iter().map(|number| (*number, Arc::clone(&frames[usize::from(*number)]))).collect()
    }

    /// Whether any station state that was reached breaks a claim.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(super) fn station(&self, number: u32) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap()[number as usize])
    }

    pub(super) fn frame(&self, number: u16) -> Arc<Sent> {
        Arc::clone(&self.frames.read().unwrap()[usize::from(number)])
    }

    /// How many station states, frames and steps there were.
    pub(super) fn sizes(&self) -> [usize; 3] {
        let steps = self.steps.iter().map(|shard| shard.read().unwrap().len()).sum();
        [self.known.read().unwrap().len(), self.frames.read().unwrap().len(), steps]
    }

    fn intern(&self, station: Station) -> u32 {
        let (digest, holdings) = look(&station, station.now);
        let mut numbers = self.numbers.lock().unwrap();
        if let Some(number) = numbers.get(&digest) {
            return *number;
        }
        let of = |kind| holdings.secrets.iter().filter(move |it| it.kind == kind).map(|it| it.number).collect();
        let known = Known {
            documents: of(Kind::Document),
            privates: of(Kind::Private),
            wraps: holdings.wraps.iter().copied().collect(),
            has_deadline: station.machine.next_deadline().is_some(),
            idle: station.machine.is_idle() && station.writing.is_empty(),
            station,
        };
        if known.broken().next().is_some() {
            self.broken.store(true, Ordering::Release);
        }
        let mut all = self.known.write().unwrap();
        let number = u32::try_from(all.len()).expect("fewer states");
        all.push(Arc::new(known));
        numbers.insert(digest, number);
        number
    }

    /// The number of a frame.
    pub(super) fn intern_frame(&self, bytes: Vec<u8>) -> u16 {
        let mut numbers = self.frame_numbers.lock().unwrap();
        if let Some(number) = numbers.get(&bytes) {
            return *number;
        }
        let (kind, role, session) =
            Frame::decode(&bytes).map(|frame| (frame.kind, frame.role, frame.session)).expect("a frame");
        let wraps = Wrap::all_in(&bytes).collect();
        let mut all = self.frames.write().unwrap();
        let number = u16::try_from(all.len()).ok().filter(|number| *number < u16::MAX - 2).expect("fewer frames");
        numbers.insert(bytes.clone(), number);
        all.push(Arc::new(Sent { bytes, kind, role, session, wraps }));
        number
    }
}

impl Known {
    pub(super) fn is_down(&self) -> bool {
        matches!(self.station.machine, Machine::Down)
    }

    pub(super) fn broken(&self) -> impl Iterator<Item = Broken> {
        self.station.memory.broken.iter().copied()
    }

    /// The session of a kiosk that applied.
    pub(super) fn applied(&self) -> Option<SessionId> {
        (self.station.number >= roster::KIOSKS).then(|| self.station.memory.opened.first().copied()).flatten()
    }

    /// How the session ended here.
    pub(super) fn outcome(&self, session: SessionId) -> Option<Outcome> {
        self.station.memory.ended.get(&session).copied()
    }

    /// Document keys that can be had from this state and all these wrapped keys.
    pub(super) fn derives<'a>(&'a self, traffic: &'a [Wrap]) -> impl Iterator<Item = u32> + 'a {
        let opened = self.wraps.iter().chain(traffic).filter(|wrap| self.privates.contains(&wrap.to));
        self.documents.iter().copied().chain(opened.map(|wrap| wrap.key))
    }
}
