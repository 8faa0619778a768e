//! The world of the model: stations, hops between them, faults; and the claims that concern more than one station.

use std::collections::BTreeSet;
use std::sync::Arc;

use stateright::{Model, Property};

use super::roster::{self, CENTRE, EC, ISSUER, KIOSKS};
use super::step::{Input, Row};
use super::symbols::Wrap;
use super::universe::{Known, Stepped, Universe};
use crate::handover::{Frame, MessageType, Peer};
use crate::types::Role;

/// On a hop: the connection is lost, or is back.
const LOST: u16 = u16::MAX;
const BACK: u16 = u16::MAX - 1;

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) kiosks: u8,
    pub(super) chunks: u8,
    /// Whether the certificate centre attaches to the offer.
    pub(super) attachments: bool,
    pub(super) orders: Orders,
    /// Faults in one run, of whatever kind; delays included, where they are counted.
    pub(super) faults: u8,
}

/// In which order things happen that happen at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orders {
    /// In every order.
    Every,
    /// In one fixed order, but for delays: each holds one hop, or the records or the host's work of one station, back until nothing
    /// else goes on, and counts as a fault (delay-bounded scheduling).
    Delays,
}

/// One state of the world: numbers of stations' states and of frames.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    stations: Vec<u32>,
    /// Frames under way: for each link the ones that go down, then the ones that go up.
    hops: Vec<Vec<u16>>,
    /// Every frame that was ever sent, in the order of the numbers.
    tape: Vec<u16>,
    faults: u8,
    /// Links that are down.
    cut: Vec<bool>,
    /// What is held back.
    delayed: BTreeSet<Source>,
    /// Whose clock ran last.
    turn: usize,
}

/// Where something comes from that goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    /// The records of a station.
    Records(usize),
    /// The work of a station's host.
    Host(usize),
    Hop(usize),
    /// The clock of a station.
    Clock(usize),
}

impl World {
    fn resume(&mut self, source: Source) {
        self.delayed.remove(&source);
    }
}

/// What may happen. After the blank line: faults, of which there is a number only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Deliver(usize),
    Host(usize, Input),
    Mend(usize),

    Fault(usize, Input),
    Delay(Source),
    Lose(usize),
    Swap(usize),
    Cut(usize),
    /// A frame from the tape once more.
    Replay(u16, usize),
    /// Parts of one frame put into another of its kind.
    Splice(u16, u16, Part, usize),
}

/// Which parts a splice takes from the second frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The session.
    Session,
    /// The session and what it answers.
    Head,
    /// Everything but the body.
    Envelope,
}

const PARTS: [Part; 3] = [Part::Session, Part::Head, Part::Envelope];

/// The model, as the checker wants it.
#[derive(Clone)]
pub(super) struct Handover {
    pub(super) bounds: Bounds,
    pub(super) universe: Arc<Universe>,
    /// The one claim that is looked at, or all.
    pub(super) only: Option<&'static str>,
}

impl Handover {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, universe: Arc::new(Universe::new(bounds)), only: None }
    }

    fn links(&self) -> usize {
        usize::from(self.bounds.kiosks) + 2
    }

    /// The lower and the upper end of a link, and the lower end's number at the upper.
    fn ends(&self, link: usize) -> (usize, usize, Peer) {
        let kiosks = usize::from(self.bounds.kiosks);
        if link < kiosks {
            (usize::from(KIOSKS) + link, usize::from(EC), Peer(1 + link as u64))
        } else if link == kiosks {
            (usize::from(EC), usize::from(CENTRE), Peer(1))
        } else {
            (usize::from(CENTRE), usize::from(ISSUER), Peer(1))
        }
    }

    /// Who gets what comes on a hop, and from which neighbour.
    fn receiver(&self, hop: usize) -> (usize, Peer) {
        let (lower, upper, peer) = self.ends(hop / 2);
        if hop % 2 == 1 { (upper, peer) } else { (lower, Peer(0)) }
    }

    /// The hop on which a station sends to a neighbour.
    fn hop(&self, station: usize, peer: Peer) -> Option<usize> {
        (0..self.links()).find_map(|link| match self.ends(link) {
            (lower, ..) if lower == station && peer == Peer(0) && station != usize::from(ISSUER) => Some(2 * link + 1),
            (_, upper, number) if upper == station && number == peer => Some(2 * link),
            _ => None,
        })
    }

    pub(super) fn known(&self, world: &World) -> Vec<Arc<Known>> {
        self.universe.stations(&world.stations)
    }

    /// A step of one station, and what it sends is under way.
    fn apply(&self, world: &mut World, station: usize, stepped: &Stepped) {
        world.stations[station] = stepped.station;
        for (peer, frame) in &stepped.frames {
            if let Err(place) = world.tape.binary_search(frame) {
                world.tape.insert(place, *frame);
            }
            let Some(hop) = self.hop(station, *peer) else { continue };
            // What is written to a connection that is gone, noticed or not, goes nowhere.
            if !world.cut[hop / 2] && !world.hops[hop ^ 1].contains(&LOST) {
                world.hops[hop].push(*frame);
            }
        }
    }

    fn step(&self, world: &mut World, station: usize, input: Input) {
        let stepped = self.universe.step(world.stations[station], input);
        self.apply(world, station, &stepped);
    }

    fn cut(&self, world: &mut World, link: usize) {
        let (lower, upper, _) = self.ends(link);
        world.cut[link] = true;
        for (hop, end) in [(2 * link, lower), (2 * link + 1, upper)] {
            world.hops[hop].clear();
            if !self.universe.station(world.stations[end]).is_down() {
                world.hops[hop].push(LOST);
            }
        }
    }

    fn spliced(&self, frame: u16, other: u16, part: Part) -> u16 {
        let (one, two) = (self.universe.frame(frame), self.universe.frame(other));
        let (Ok(body), Ok(head)) = (Frame::decode(&one.bytes), Frame::decode(&two.bytes)) else { return frame };
        let mixed = match part {
            Part::Session => Frame { session: head.session, ..body },
            Part::Head => Frame { session: head.session, previous: head.previous, ..body },
            Part::Envelope => Frame { body: body.body, ..head },
        };
        self.universe.intern_frame(mixed.encode())
    }

    fn host_actions(&self, place: usize, known: &Known, faults: bool, early: bool, actions: &mut Vec<Action>) {
        let memory = &known.station.memory;
        let mut free = |input| actions.push(Action::Host(place, input));
        if memory.ready {
            free(Input::Print);
        }
        if memory.may_print {
            free(Input::Delivered);
        }
        let kiosk = known.station.number >= KIOSKS;
        if known.is_down() && !kiosk {
            free(Input::Restart);
        }
        if !faults || known.is_down() {
            return;
        }
        let mut fault = |input| actions.push(Action::Fault(place, input));
        if known.has_deadline && early {
            fault(Input::Tick);
        }
        if !known.station.writing.is_empty() {
            fault(Input::Written { durable: false });
        }
        for place in 0..memory.to_compose.len() as u8 {
            fault(Input::Compose { place, row: Row::Wrong });
        }
        let cancels = match known.station.number {
            ISSUER => memory.opened.len() as u8,
            number => u8::from(number >= KIOSKS),
        };
        if !known.idle {
            (0..cancels).for_each(|place| fault(Input::Cancel { place }));
        }
        if kiosk && memory.printed > 0 {
            fault(Input::Print);
        }
        if !kiosk || !known.idle {
            fault(Input::Crash);
        }
    }

    /// What goes on by itself, and where it comes from.
    fn progress(&self, world: &World, known: &[Arc<Known>]) -> Vec<(Source, Action)> {
        let mut progress = Vec::new();
        for (place, known) in known.iter().enumerate() {
            let memory = &known.station.memory;
            if !known.station.writing.is_empty() {
                progress.push((Source::Records(place), Action::Host(place, Input::Written { durable: true })));
            }
            for row in 0..memory.to_compose.len() as u8 {
                let compose = Input::Compose { place: row, row: Row::Right };
                progress.push((Source::Host(place), Action::Host(place, compose)));
            }
            if !memory.to_attach.is_empty() {
                progress.push((Source::Host(place), Action::Host(place, Input::Attach)));
            }
        }
        let hops = (0..world.hops.len()).filter(|hop| !world.hops[*hop].is_empty());
        progress.extend(hops.map(|hop| (Source::Hop(hop), Action::Deliver(hop))));
        progress
    }

    fn network_faults(&self, world: &World, actions: &mut Vec<Action>) {
        for (hop, frames) in world.hops.iter().enumerate() {
            if frames.first().is_some_and(|frame| *frame < BACK) {
                actions.push(Action::Lose(hop));
                if frames.get(1).is_some_and(|second| *second < BACK && *second != frames[0]) {
                    actions.push(Action::Swap(hop));
                }
            }
        }
        actions.extend((0..self.links()).filter(|link| !world.cut[*link]).map(Action::Cut));
        let sent = self.universe.frames(&world.tape);
        for (number, frame) in &sent {
            for hop in
                (0..2 * self.links()).filter(|hop| !world.cut[hop / 2] && travels(frame.kind, frame.role, hop % 2 == 1))
            {
                actions.push(Action::Replay(*number, hop));
                for (other, head) in &sent {
                    if head.kind == frame.kind && head.session != frame.session {
                        actions.extend(PARTS.map(|part| Action::Splice(*number, *other, part, hop)));
                    }
                }
            }
        }
    }

    /// A path in words.
    pub(super) fn tell(&self, path: &[(World, Option<Action>)]) -> Vec<String> {
        let name = |number: u16| match number {
            LOST => "connection lost".to_owned(),
            BACK => "connection back".to_owned(),
            number => {
                let frame = self.universe.frame(number);
                format!("{:?} of {} in {:.4}", frame.kind, frame.role, frame.session)
            }
        };
        let mut lines = Vec::new();
        for (world, action) in path {
            lines.push(match action {
                Some(Action::Deliver(hop)) => {
                    format!("{} gets {}", roster::role(self.receiver(*hop).0 as u8), name(world.hops[*hop][0]))
                }
                Some(Action::Host(station, input)) => format!("{}: {input:?}", roster::role(*station as u8)),
                Some(Action::Fault(station, input)) => format!("FAULT {}: {input:?}", roster::role(*station as u8)),
                Some(Action::Lose(hop)) => format!("FAULT lost: {}", name(world.hops[*hop][0])),
                Some(Action::Replay(frame, hop)) => {
                    format!("FAULT to {}: {}", roster::role(self.receiver(*hop).0 as u8), name(*frame))
                }
                Some(other) => format!("{other:?}"),
                None => self
                    .known(world)
                    .iter()
                    .map(|known| {
                        let memory = &known.station.memory;
                        format!("{}: {:?} {:?}", roster::role(known.station.number), memory.broken, memory.ended)
                    })
                    .collect::<Vec<_>>()
                    .join("; "),
            });
        }
        lines
    }

    pub(super) fn traffic(&self, world: &World) -> Vec<Wrap> {
        self.universe.frames(&world.tape).iter().flat_map(|(_, frame)| frame.wraps.iter().copied()).collect()
    }
}

/// Whether a frame may go in this direction at all: one that does not is refused by the first relay.
fn travels(kind: MessageType, role: Role, up: bool) -> bool {
    kind == MessageType::Cancel || (role == Role::Issuer) != up
}

impl Model for Handover {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let links = self.links();
        let mut world = World {
            stations: vec![0; usize::from(KIOSKS + self.bounds.kiosks)],
            hops: vec![Vec::new(); 2 * links],
            tape: Vec::new(),
            faults: self.bounds.faults,
            cut: vec![false; links],
            delayed: BTreeSet::new(),
            turn: 0,
        };
        for station in 0..world.stations.len() {
            let started = self.universe.start(station as u8);
            self.apply(&mut world, station, &started);
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let known = self.known(world);
        if self.only.is_none() && known.iter().any(|known| known.broken().next().is_some()) {
            return;
        }
        let faults = world.faults > 0;
        let progress = self.progress(world, &known);
        // Time passes while nothing is under way. A deadline that overtakes something is a fault, like a delay.
        let quiet = progress.iter().all(|(source, _)| world.delayed.contains(source));
        let ticks = (1..=known.len()).map(|ahead| (world.turn + ahead) % known.len());
        let mut ticks = ticks.filter(|place| known[*place].has_deadline);
        match self.bounds.orders {
            Orders::Every if quiet => {
                actions.extend(ticks.map(|place| Action::Host(place, Input::Tick)));
            }
            Orders::Every => actions.extend(progress.iter().map(|(_, action)| *action)),
            Orders::Delays if quiet => match ticks.find(|place| !world.delayed.contains(&Source::Clock(*place))) {
                Some(place) => {
                    actions.push(Action::Host(place, Input::Tick));
                    if faults {
                        actions.push(Action::Delay(Source::Clock(place)));
                    }
                }
                // Nothing else goes on: what was held back does.
                None => {
                    actions.extend(progress.iter().map(|(_, action)| *action));
                    let held = (0..known.len()).filter(|place| world.delayed.contains(&Source::Clock(*place)));
                    actions.extend(
                        held.filter(|place| known[*place].has_deadline).map(|place| Action::Host(place, Input::Tick)),
                    );
                }
            },
            Orders::Delays => {
                let next = progress.iter().find(|(source, _)| !world.delayed.contains(source));
                if let Some((source, action)) = next {
                    actions.push(*action);
                    if faults {
                        actions.push(Action::Delay(*source));
                    }
                }
            }
        }
        for (place, known) in known.iter().enumerate() {
            self.host_actions(place, known, faults, !quiet, actions);
        }
        for link in (0..self.links()).filter(|link| world.cut[*link]) {
            let (lower, upper, _) = self.ends(link);
            if !known[lower].is_down() && !known[upper].is_down() {
                actions.push(Action::Mend(link));
            }
        }
        // When nothing is left to do, faults find nothing to break.
        if faults && !known.iter().all(|known| known.idle && !known.has_deadline) {
            self.network_faults(world, actions);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        if !matches!(action, Action::Deliver(_) | Action::Host(..) | Action::Mend(_)) {
            world.faults -= 1;
        }
        match action {
            Action::Deliver(hop) => world.resume(Source::Hop(hop)),
            Action::Host(station, Input::Written { .. }) => world.resume(Source::Records(station)),
            Action::Host(station, Input::Compose { .. } | Input::Attach) => {
                world.resume(Source::Host(station));
            }
            Action::Host(station, Input::Tick) => {
                world.resume(Source::Clock(station));
                world.turn = station;
            }
            _ => {}
        }
        match action {
            Action::Delay(source) => {
                world.delayed.insert(source);
            }
            Action::Deliver(hop) => {
                let number = world.hops[hop].remove(0);
                let (station, from) = self.receiver(hop);
                let input = match number {
                    LOST | BACK => Input::Connection { peer: from, lost: number == LOST },
                    number => Input::Frame { from, number },
                };
                self.step(&mut world, station, input);
            }
            Action::Host(station, input) => self.step(&mut world, station, input),
            Action::Fault(station, Input::Crash) => {
                self.step(&mut world, station, Input::Crash);
                for link in 0..self.links() {
                    let (lower, upper, _) = self.ends(link);
                    if lower == station || upper == station {
                        self.cut(&mut world, link);
                    }
                }
            }
            Action::Fault(station, input) => self.step(&mut world, station, input),
            Action::Mend(link) => {
                world.cut[link] = false;
                world.hops[2 * link].push(BACK);
                world.hops[2 * link + 1].push(BACK);
            }
            Action::Lose(hop) => drop(world.hops[hop].remove(0)),
            Action::Swap(hop) => world.hops[hop].swap(0, 1),
            Action::Cut(link) => self.cut(&mut world, link),
            Action::Replay(frame, hop) => world.hops[hop].push(frame),
            Action::Splice(frame, other, part, hop) => {
                let mixed = self.spliced(frame, other, part);
                if world.tape.contains(&mixed) {
                    return None;
                }
                world.hops[hop].push(mixed);
            }
        }
        if world.faults == 0 {
            // Nothing can be taken from the tape any more; what can be derived from it still counts.
            world.tape.retain(|number| !self.universe.frame(*number).wraps.is_empty());
        }
        if self.bounds.orders == Orders::Every {
            world.turn = 0;
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.claims()
    }
}
