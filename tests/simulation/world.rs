//! A world: stations, lines, and one list of what happens next. The same seed gives the same world; what is random in the
//! cryptography changes identifiers and keys, and nothing that happens.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use shokyo::handover::{Issuer, Relay};
use shokyo::types::Role;

use crate::clock::Clock;
use crate::ledger::{Check, Ledger, Shared};
use crate::line::{Line, Way};
use crate::machine::Machine;
use crate::plan::{Course, Design, Plan, SECOND};
use crate::rack::Rack;
use crate::random::Random;
use crate::station::Station;
use crate::watched::Watched;

/// What happens next, and where.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// The first frame that waits at the sending end is written.
    Written {
        line: usize,
        side: usize,
        generation: u32,
    },
    /// The first frame in flight arrives.
    Arrives {
        line: usize,
        side: usize,
        generation: u32,
    },
    /// The end of this side finds out that the connection is lost.
    Notices {
        line: usize,
        side: usize,
        generation: u32,
    },
    Reconnects {
        line: usize,
        generation: u32,
    },
    Loses {
        line: usize,
    },
    Stalls {
        line: usize,
        side: usize,
        until: u64,
    },
    Wakes {
        station: usize,
    },
    Durable {
        station: usize,
        incarnation: u32,
    },
    DiskFull {
        station: usize,
        until: u64,
    },
    CalendarJumps {
        station: usize,
    },
    Crashes {
        station: usize,
    },
    Restarts {
        station: usize,
    },
    Applicant {
        transaction: usize,
        tries: u32,
    },
    Compose {
        station: usize,
        incarnation: u32,
        transaction: usize,
        piece: usize,
    },
    AtKiosk {
        station: usize,
        incarnation: u32,
        transaction: usize,
        what: AtKiosk,
    },
    /// No more meddling.
    Calm,
    /// Nothing but clocks from here on.
    Cut,
}

/// What happens in front of a kiosk.
#[derive(Clone, Copy, Debug)]
pub enum AtKiosk {
    Pays,
    Printed,
    Cancels,
    Leaves,
}

pub struct World<'r> {
    pub seed: u64,
    pub design: Design,
    pub plan: Plan,
    pub random: Random,
    pub rack: &'r Rack,
    pub ledger: Shared,
    pub stations: Vec<Station>,
    pub lines: Vec<Line>,
    pub courses: Vec<Course>,
    pub at: u64,
    pub cut: bool,
    pub receipts: std::collections::HashSet<[u8; 32]>,
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
}

/// What came of a world.
pub struct Report {
    pub findings: [u64; 7],
    pub texts: Vec<String>,
    pub counts: BTreeMap<&'static str, u64>,
    pub digest: u64,
}

/// A world at most handles so many events; whatever does not come to rest is a finding.
const MOST_EVENTS: u64 = 3_000_000;

impl<'r> World<'r> {
    pub fn run(seed: u64, transactions: usize, design: Design, rack: &'r Rack, trace: bool) -> Report {
        let mut world = Self::new(seed, transactions, design, rack, trace);
        world.schedule();
        let mut handled = 0;
        while let Some(((at, _), event)) = world.events.pop_first() {
            world.at = at;
            world.ledger.borrow_mut().at = at;
            world.handle(event);
            handled += 1;
            if handled == MOST_EVENTS {
                world.find(Check::LeftUnerased, usize::MAX, None, "the clock alone does not end the sessions");
                break;
            }
        }
        world.finish()
    }

    fn new(seed: u64, transactions: usize, design: Design, rack: &'r Rack, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let mut plan = Plan::new(&mut random, transactions);
        if design != Design::Sound {
            // A defect shows when things go wrong.
            (plan.faults, plan.unusual) = (plan.faults.max(20), plan.unusual.max(2000));
        }
        let roles = [
            (Role::Issuer, plan.servers),
            (Role::CertificateCentre, plan.centres),
            (Role::EcCentre, plan.ec_centres),
            (Role::Kiosk, plan.kiosks),
        ];
        let mut stations = Vec::new();
        for (role, count) in roles {
            for number in 0..count {
                let clock = Clock::new(&mut random);
                stations.push(Station::new(role, number, clock, rack.place(role, number).crypto()));
            }
        }
        let ledger = Rc::new(RefCell::new(Ledger::new(stations.len(), transactions, trace)));
        let courses = (0..transactions)
            .map(|number| Course::new(&mut Random::derived(seed, number as u64), &plan, rack.chunk))
            .collect();
        let mut world = Self {
            seed,
            design,
            plan,
            random,
            rack,
            ledger,
            stations,
            lines: Vec::new(),
            courses,
            at: 0,
            cut: false,
            receipts: std::collections::HashSet::new(),
            events: BTreeMap::new(),
            order: 0,
        };
        world.connect();
        for station in 0..world.stations.len() {
            world.start(station);
        }
        world
    }

    /// Each station has one neighbour towards the issuer.
    fn connect(&mut self) {
        let roles: Vec<Role> = self.stations.iter().map(|station| station.role).collect();
        let of = |role| -> Vec<usize> { (0..roles.len()).filter(|index| roles[*index] == role).collect() };
        let servers = of(Role::Issuer);
        let steps = [
            (Role::CertificateCentre, Role::Issuer),
            (Role::EcCentre, Role::CertificateCentre),
            (Role::Kiosk, Role::EcCentre),
        ];
        for (lower, upper) in steps {
            let uppers = of(upper);
            for station in of(lower) {
                let above = uppers[self.stations[station].number % uppers.len()];
                let line = self.lines.len();
                self.lines.push(Line {
                    ends: [station, above],
                    servers: if upper == Role::Issuer { servers.clone() } else { Vec::new() },
                    connected: true,
                    generation: 0,
                    noticed: [false; 2],
                    ways: [Way::default(), Way::default()],
                    latency: self.random.between(200, 40_000),
                    jitter: self.random.between(1, 20_000),
                    write: self.random.between(20, 1500),
                });
                self.stations[station].up = Some(line);
                if upper == Role::Issuer {
                    // Any server may be asked after a reconnect.
                    servers.iter().for_each(|server| self.stations[*server].down.push(line));
                } else {
                    self.stations[above].down.push(line);
                }
            }
        }
    }

    /// A station's process begins, with an empty memory.
    pub fn start(&mut self, station: usize) {
        let crypto = self.watched(station, None);
        let (trust, policy) = (self.rack.trust.clone(), self.plan.policy);
        let machine = match self.stations[station].role {
            Role::Issuer => Machine::Issuer(Issuer::new(crypto, trust, policy).unwrap()),
            Role::Kiosk => Machine::Kiosk(Vec::new()),
            _ => Machine::Relay(Relay::new(crypto, trust, policy).unwrap()),
        };
        self.stations[station].machine = Some(machine);
    }

    pub fn watched(&self, station: usize, owner: Option<usize>) -> Watched {
        Watched { inner: self.stations[station].crypto.clone(), ledger: Rc::clone(&self.ledger), station, owner }
    }

    /// All applicants, and all faults that do not follow from others.
    fn schedule(&mut self) {
        let kiosks: Vec<usize> =
            (0..self.stations.len()).filter(|index| self.stations[*index].role == Role::Kiosk).collect();
        let mut next = vec![0; kiosks.len()];
        for transaction in 0..self.plan.transactions {
            let place = transaction % kiosks.len();
            next[place] += self.random.below(self.plan.pause);
            self.after_all(next[place], Event::Applicant { transaction, tries: 0 });
        }
        let busy = next.into_iter().max().unwrap_or(0) + 2 * SECOND;
        let faults = busy * self.plan.faults / (60 * SECOND);
        for _ in 0..faults {
            let at = self.random.below(busy);
            let event = self.fault(at);
            self.after_all(at, event);
        }
        self.after_all(busy, Event::Calm);
        let rest = if self.plan.abrupt {
            self.random.below(4 * SECOND)
        } else {
            30 * SECOND + u64::try_from(self.plan.policy.whole().as_micros()).unwrap()
        };
        self.after_all(busy + rest, Event::Cut);
    }

    fn fault(&mut self, at: u64) -> Event {
        let line = usize::try_from(self.random.below(self.lines.len() as u64)).unwrap();
        let station = usize::try_from(self.random.below(self.stations.len() as u64)).unwrap();
        let side = usize::try_from(self.random.below(2)).unwrap();
        match self.random.below(10) {
            0..=3 => Event::Loses { line },
            4..=5 => Event::Stalls { line, side, until: at + self.random.below(5 * SECOND) },
            6..=7 => Event::Crashes { station },
            8 => Event::DiskFull { station, until: at + self.random.below(4 * SECOND) },
            _ => Event::CalendarJumps { station },
        }
    }

    fn after_all(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.insert((at, self.order), event);
    }

    /// Something happens later.
    pub fn after(&mut self, wait: u64, event: Event) {
        self.after_all(self.at + wait, event);
    }

    pub fn at(&mut self, at: u64, event: Event) {
        self.after_all(at.max(self.at), event);
    }

    pub fn find(&self, check: Check, station: usize, transaction: Option<usize>, text: &str) {
        self.ledger.borrow_mut().find(check, station, transaction, text);
    }

    pub fn count(&self, what: &'static str) {
        self.ledger.borrow_mut().count(what);
    }

    pub fn note(&self, station: usize, transaction: Option<usize>, what: &str, detail: u64) {
        self.ledger.borrow_mut().note(station, transaction, what, detail);
    }

    fn handle(&mut self, event: Event) {
        if self.cut && !matches!(event, Event::Wakes { .. } | Event::Durable { .. }) {
            return;
        }
        match event {
            Event::Written { line, side, generation } => self.written(line, side, generation),
            Event::Arrives { line, side, generation } => self.arrives(line, side, generation),
            Event::Notices { line, side, generation } => self.notices(line, side, generation),
            Event::Reconnects { line, generation } => self.reconnects(line, generation),
            Event::Loses { line } => self.loses(line),
            Event::Stalls { line, side, until } => {
                self.count("links stalled");
                let way = &mut self.lines[line].ways[side];
                way.stalled_until = way.stalled_until.max(until);
            }
            Event::Wakes { station } => self.wakes(station),
            Event::Durable { station, incarnation } => self.durable(station, incarnation),
            Event::DiskFull { station, until } => {
                self.count("disks full");
                self.stations[station].disk.full_until = until;
            }
            Event::CalendarJumps { station } => {
                self.count("calendars changed");
                self.stations[station].clock.jump(&mut self.random);
            }
            Event::Crashes { station } => self.crashes(station),
            Event::Restarts { station } => self.restarts(station),
            Event::Applicant { transaction, tries } => self.applicant(transaction, tries),
            Event::Compose { station, incarnation, transaction, piece } => {
                if self.stations[station].incarnation == incarnation {
                    self.compose(station, transaction, piece);
                }
            }
            Event::AtKiosk { station, incarnation, transaction, what } => {
                if self.stations[station].incarnation == incarnation {
                    self.at_kiosk(station, transaction, what);
                }
            }
            Event::Calm => self.plan.meddling = 0,
            Event::Cut => self.cut(),
        }
    }

    /// From here on no frame arrives and nobody does anything. What a relay's host was writing stays unwritten.
    fn cut(&mut self) {
        self.cut = true;
        for station in &mut self.stations {
            // A full disk is one thing more that must not keep anything alive; half of them stay full.
            if station.number % 2 == 0 {
                station.disk.full_until = 0;
            } else if station.disk.full_until > self.at {
                station.disk.full_until = u64::MAX;
            }
        }
        self.note(usize::MAX, None, "from here on the clocks alone", 0);
    }
}
