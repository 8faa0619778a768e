//! What chance decides beforehand: how large a world is, how rough, and what each applicant and each host will do.

use std::time::Duration;

use shokyo::handover::{Policy, Suite, Suites};
use shokyo::types::{Role, Roles};

use crate::random::Random;

/// A design of a host that the library must make harmless, or that the checks must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// As it should be.
    Sound,
    /// A kiosk that lets go of a transaction at a time-out without ending it, and prints whatever is ready for whoever stands there.
    LateDocumentToTheNext,
    /// An issuer that looks documents up by the second in which they were asked for, and names the subject that was asked for.
    LookUpByTime,
    /// An issuer that keeps a copy of each document.
    KeepsDocuments,
    /// A relay that keeps a copy of each frame.
    KeepsFrames,
    /// A kiosk that reports delivery as soon as it may print.
    DeliversWithoutPrinting,
    /// A kiosk that prints again after a jam.
    PrintsAgain,
    /// A station that forgets at a restart what was open.
    ForgetsTheLost,
    /// A station that takes alarms back when the next try succeeds.
    ClearsAlarms,
}

pub const SECOND: u64 = 1_000_000;
const MILLISECOND: u64 = 1000;

/// Sizes, limits and faults of one world.
#[derive(Clone, Debug)]
pub struct Plan {
    pub transactions: usize,
    pub servers: usize,
    pub centres: usize,
    pub ec_centres: usize,
    pub kiosks: usize,
    pub policy: Policy,
    /// The longest pause between two applicants at one kiosk, in microseconds.
    pub pause: u64,
    /// How often in 10,000 frames one is dropped, repeated, spliced or changed.
    pub meddling: u64,
    /// How many of each fault there are in a minute.
    pub faults: u64,
    /// How often in 10,000 applications a host or an applicant does something unusual.
    pub unusual: u64,
    /// Whether the world ends in the middle of everything, rather than after a quiet time.
    pub abrupt: bool,
}

impl Plan {
    pub fn new(random: &mut Random, transactions: usize) -> Self {
        let mut policy = Policy::default();
        policy.challenge = Duration::from_millis(random.between(500, 3000));
        policy.transmit = Duration::from_millis(random.between(1500, 6000));
        policy.release = Duration::from_millis(random.between(600, 3000));
        policy.deliver = Duration::from_millis(random.between(3000, 15_000));
        policy.receipt = Duration::from_millis(random.between(1000, 6000));
        policy.resend = Duration::from_millis(random.between(300, 1000));
        policy.credit = u32::try_from(random.between(1, 3)).unwrap();
        policy.reconnect = Duration::from_millis(if random.chance(1000) { 0 } else { random.between(100, 3000) });
        if random.chance(1500) {
            policy.max_sessions = usize::try_from(random.between(3, 8)).unwrap();
            policy.max_per_neighbour = usize::try_from(random.between(2, 6)).unwrap();
            policy.max_per_kiosk = usize::try_from(random.between(1, 3)).unwrap();
        }
        if random.chance(1000) {
            policy.max_held = usize::try_from(random.between(5, 12)).unwrap() * 1024;
        }
        if random.chance(2000) {
            policy.attachments = Roles::NONE.with(Role::CertificateCentre);
        }
        // The small suite costs half of the time.
        policy.suites = match random.below(4) {
            0 => Suites::only(Suite::X25519),
            1 => Suites::at_least(Suite::X25519),
            _ => Suites::default(),
        };
        let rough = random.below(4);
        Self {
            transactions,
            servers: if random.chance(4000) { 2 } else { 1 },
            centres: if random.chance(4000) { 2 } else { 1 },
            ec_centres: usize::try_from(random.between(1, 3)).unwrap(),
            kiosks: usize::try_from(random.between(2, 8)).unwrap(),
            policy,
            pause: random.between(2000, 12_000) * MILLISECOND,
            meddling: [0, 5, 30, 150][usize::try_from(rough).unwrap()],
            faults: [0, 2, 8, 30][usize::try_from(random.below(4)).unwrap()],
            unusual: [0, 300, 1000, 3000][usize::try_from(random.below(4)).unwrap()],
            abrupt: random.chance(3000),
        }
    }
}

/// What happens around one application.
#[derive(Clone, Debug)]
pub struct Course {
    pub length: usize,
    pub copies: u8,
    pub compose_after: u64,
    pub pieces: usize,
    pub piece_after: u64,
    pub issuer: IssuerDoes,
    pub pay_after: u64,
    pub print_for: u64,
    pub kiosk: KioskDoes,
    /// How long the applicant stays at the kiosk at most.
    pub patience: u64,
}

/// How an issuer's host deals with an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerDoes {
    Composes,
    /// Takes so long that the deadline passes.
    Sleeps,
    WrongSubject,
    /// The register changes between reading and offering.
    RegisterChanges,
    ComposesNothing,
    Cancels,
}

/// How a kiosk's host and its applicant deal with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KioskDoes {
    Delivers,
    PaymentAbandoned,
    Jams,
    DoorOpens,
    /// At this time after the application, whatever happens then.
    CancelsAfter(u64),
    /// Prints and never says that it delivered.
    Forgets,
}

impl Course {
    pub fn new(random: &mut Random, plan: &Plan, chunk: usize) -> Self {
        let unusual = random.chance(plan.unusual);
        let slow = random.chance(300);
        let kiosk = match random.below(6) {
            _ if !unusual => KioskDoes::Delivers,
            0 => KioskDoes::PaymentAbandoned,
            1 => KioskDoes::Jams,
            2 => KioskDoes::DoorOpens,
            3 | 4 => KioskDoes::CancelsAfter(random.below(8 * SECOND)),
            _ => KioskDoes::Forgets,
        };
        let issuer = match random.below(5) {
            _ if !random.chance(plan.unusual / 2) => IssuerDoes::Composes,
            0 => IssuerDoes::Sleeps,
            1 => IssuerDoes::WrongSubject,
            2 => IssuerDoes::RegisterChanges,
            3 => IssuerDoes::ComposesNothing,
            _ => IssuerDoes::Cancels,
        };
        Self {
            length: length(random, chunk),
            copies: u8::try_from(random.between(1, 3)).unwrap(),
            compose_after: random.below(if slow { 4 * SECOND } else { 300 * MILLISECOND }),
            pieces: usize::try_from(random.between(1, 3)).unwrap(),
            piece_after: random.below(100 * MILLISECOND),
            issuer,
            pay_after: random.below(3 * SECOND / 2),
            print_for: random.below(2 * SECOND),
            kiosk,
            patience: random.between(6, 20) * SECOND,
        }
    }
}

/// Mostly a byte to four chunks, around the edges of chunks more often, and now and then many chunks.
fn length(random: &mut Random, chunk: usize) -> usize {
    let chunk = chunk as u64;
    let length = match random.below(200) {
        0 => random.between(20 * chunk, 60 * chunk),
        1..=20 => random.between(4 * chunk, 12 * chunk),
        21..=60 => random.between(1, 4) * chunk + random.below(3) - 1,
        61..=100 => random.between(1, 4 * chunk),
        _ => random.between(1, chunk),
    };
    usize::try_from(length).unwrap()
}
