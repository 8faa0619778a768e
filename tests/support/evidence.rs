//! Stores with known contents, as the four stations of a town would leave them: for tests and benches.
#![allow(clippy::unwrap_used, dead_code, reason = "each program that has this module uses a part of it")]

use std::path::{Path, PathBuf};

use shokyo::buffer::{Cause, CopyClass, Erasure};
use shokyo::custody::Store;
use shokyo::error::Error;
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::{Details, Event, NotCovered, Receipt, RelayFigures, Retained, Statement, StationInfo};
use shokyo::types::{Protections, Role, SessionId};
use shokyo::wipe::wipe;

use crate::receipt_key::{ReceiptKey, a_key_wiped};

pub(crate) const KIND: &str = "resident-certificate";
/// 2026-04-01 06:30 in Japan.
pub(crate) const START: u64 = 1_774_992_600_000;

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// As it should be.
    Complete,
    /// A deadline passed on the way, and it was completed nevertheless.
    CompleteAfterAlarm,
    /// Recorded as complete, but the kiosk's receipt is in no store.
    KioskReceiptMissing,
    /// Cancelled before delivery; every station erased.
    Ended,
    /// Not delivered in time: everything was erased at its deadline.
    Late,
    /// The key was handed over and the kiosk never heard of again.
    Unresolved,
    /// The issuing system's process died.
    Lost,
    /// The kiosk's memory did not read back as zeros.
    NotErased,
    /// Under way.
    Open,
}

/// One session of a town.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) session: SessionId,
    pub(crate) fate: Fate,
    pub(crate) opened_unix_ms: u64,
    /// From opening to erasure in milliseconds: issuing system, certificate centre, EC centre, kiosk.
    pub(crate) durations_ms: [u64; 4],
}

impl Case {
    /// The case with this number: fates and durations as in a bad week, always the same.
    pub(crate) fn numbered(number: u64) -> Self {
        let random = |salt: u64| mix(number.wrapping_mul(31).wrapping_add(salt));
        let fate = match random(1) % 1_000 {
            0..=1 => Fate::Lost,
            2..=4 => Fate::Unresolved,
            5..=8 => Fate::CompleteAfterAlarm,
            9 => Fate::KioskReceiptMissing,
            10 => Fate::NotErased,
            11..=13 => Fate::Late,
            14..=40 => Fate::Ended,
            41 => Fate::Open,
            _ => Fate::Complete,
        };
        // Mostly short, with a long tail: the product of two.
        let spread = |salt: u64, least: u64, most: u64| {
            let (one, other) = (random(salt) % 1_000, random(salt + 1) % 1_000);
            least + (most - least) * one * one / 1_000 * other / 1_000_000
        };
        let issuer = spread(10, 40, 9_000);
        let kiosk = spread(20, 21_000, 280_000);
        let durations_ms = [issuer, issuer + 15 + spread(30, 0, 900), issuer + 40 + spread(40, 0, 1_200), kiosk];
        let mut session = [0; 32];
        for (index, part) in session.chunks_mut(8).enumerate() {
            part.copy_from_slice(&random(100 + index as u64).to_be_bytes());
        }
        Self { session: SessionId(session), fate, opened_unix_ms: START + number * 6_300, durations_ms }
    }

    pub(crate) fn many(count: u64) -> impl Iterator<Item = Self> {
        (0..count).map(Self::numbered)
    }
}

/// The finaliser of SplitMix64: no randomness is needed, only numbers that look like it.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A station that signs what it is told to.
pub(crate) struct Station {
    pub(crate) info: StationInfo,
    pub(crate) key: ReceiptKey,
}

impl Station {
    fn new(role: Role) -> Self {
        let (station, operator) = match role {
            Role::Issuer => ("issuer-01", "city"),
            Role::CertificateCentre => ("centre-01", "certificate-centre"),
            Role::EcCentre => ("ec-01", "convenience-operator"),
            Role::Kiosk => ("kiosk-0417", "convenience-operator"),
        };
        let info = StationInfo { role, station: station.into(), operator: operator.into(), post: "P-17".into() };
        Self { info, key: ReceiptKey::new(role as u8) }
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.key.public()
    }

    /// A receipt about a case, after so many milliseconds, with what this event takes.
    pub(crate) fn receipt(&self, case: &Case, event: Event, cause: Cause, after_ms: u64, kind: &str) -> Vec<u8> {
        let protections = Protections::LOCKED.with(Protections::GUARDED).with(Protections::NO_DUMP);
        let mut erasure = Erasure::new(case.session, protections.with(Protections::CLEAN_ROOM));
        if event.claims_erasure() || event == Event::NotErased {
            if !self.info.role.is_relay() {
                erasure.record(CopyClass::Key, a_key_wiped());
            }
            erasure.record(CopyClass::Ciphertext, wipe(&mut [7; 600], 7));
        }
        if event == Event::NotErased {
            erasure.record(CopyClass::Window, Err(Error::NotErased { bytes: 3 }));
        }
        let at = case.opened_unix_ms + after_ms;
        let wrapped = [Retained { class: CopyClass::WrappedKey, until_unix_ms: at + 300_000 }];
        let relay = RelayFigures { peak_bytes: 60_000, longest_hold_ms: 2 + after_ms % 37, frames: 90 };
        let details = Details {
            duration_ms: (event != Event::LostAtRestart).then_some(after_ms),
            relay: (event == Event::RelayedNotRetained).then_some(relay),
            retained: if event == Event::KeyWiped { &wrapped } else { &[] },
            not_covered: if event == Event::LostAtRestart { &[NotCovered::EndedProcess] } else { &[] },
            ..Details::new(event, cause, kind, case.opened_unix_ms, at)
        };
        Receipt::issue(erasure, &details, &self.info, &self.key).unwrap().into_bytes()
    }
}

/// The four stations, in the order of [`Role::ALL`].
pub(crate) struct Town {
    pub(crate) stations: [Station; 4],
    pub(crate) kind: String,
}

/// A record and when it is written.
type Timed = (Record, u64);

impl Town {
    pub(crate) fn new() -> Self {
        Self { stations: Role::ALL.map(Station::new), kind: KIND.into() }
    }

    /// The key of the station that a statement claims to be by.
    pub(crate) fn key_of(&self, statement: &Statement) -> Option<[u8; 32]> {
        let is = |station: &&Station| {
            let info = &station.info;
            (info.role, &info.station, &info.operator) == (statement.role, &statement.station, &statement.operator)
        };
        self.stations.iter().find(is).map(Station::public)
    }

    /// Writes the stores of these roles, in this order, into a folder.
    pub(crate) fn write(&self, folder: &Path, roles: &[Role], cases: impl Iterator<Item = Case>) -> Vec<PathBuf> {
        let paths: Vec<PathBuf> = roles.iter().map(|role| folder.join(format!("{role}.sqlite"))).collect();
        let mut stores: Vec<(Role, Store, Vec<Timed>)> =
            roles.iter().zip(&paths).map(|(role, path)| (*role, Store::open(path).unwrap(), Vec::new())).collect();
        for case in cases {
            let said = self.said(&case);
            for (role, store, waiting) in &mut stores {
                waiting.extend(self.records(*role, &case, &said));
                if waiting.len() > 2_000 {
                    store.write_all(waiting).unwrap();
                    waiting.clear();
                }
            }
        }
        for (_, store, waiting) in &mut stores {
            store.write_all(waiting).unwrap();
        }
        paths
    }

    /// Every receipt of a case, with who made it and when.
    fn said(&self, case: &Case) -> Vec<(Role, u64, Vec<u8>)> {
        let [issuer, centre, ec, kiosk] = case.durations_ms;
        let mut said: Vec<(Role, Event, Cause, u64)> = Vec::new();
        let relays = |cause| {
            [
                (Role::CertificateCentre, Event::RelayedNotRetained, cause, centre),
                (Role::EcCentre, Event::RelayedNotRetained, cause, ec),
            ]
        };
        match case.fate {
            Fate::Complete | Fate::CompleteAfterAlarm | Fate::KioskReceiptMissing | Fate::NotErased => {
                said.push((Role::Issuer, Event::KeyWiped, Cause::HandedOver, issuer));
                said.push((Role::Issuer, Event::Closed, Cause::Delivered, issuer + 300));
                said.extend(relays(Cause::Delivered));
                match case.fate {
                    Fate::KioskReceiptMissing => {}
                    Fate::NotErased => said.push((Role::Kiosk, Event::NotErased, Cause::Delivered, kiosk)),
                    _ => said.push((Role::Kiosk, Event::Erased, Cause::Delivered, kiosk)),
                }
            }
            Fate::Ended => {
                said.push((Role::Issuer, Event::Erased, Cause::Cancelled, issuer));
                said.extend(relays(Cause::Cancelled));
                said.push((Role::Kiosk, Event::Erased, Cause::Cancelled, kiosk));
            }
            Fate::Late => {
                said.push((Role::Issuer, Event::Erased, Cause::Deadline, issuer));
                said.extend(relays(Cause::Deadline));
                said.push((Role::Kiosk, Event::Erased, Cause::Deadline, kiosk));
            }
            Fate::Unresolved => {
                said.push((Role::Issuer, Event::KeyWiped, Cause::HandedOver, issuer));
                said.extend(relays(Cause::PeerLost));
            }
            Fate::Lost => said.push((Role::Issuer, Event::LostAtRestart, Cause::Shutdown, 60_000)),
            Fate::Open => {}
        }
        let sign = |(role, event, cause, after): (Role, Event, Cause, u64)| {
            let station = &self.stations[role as usize - 1];
            (role, case.opened_unix_ms + after, station.receipt(case, event, cause, after, &self.kind))
        };
        said.into_iter().map(sign).collect()
    }

    /// What one station writes about a case: the issuing system collects everything, the others keep their own.
    fn records(&self, role: Role, case: &Case, said: &[(Role, u64, Vec<u8>)]) -> Vec<Timed> {
        let session = case.session;
        let opened = case.opened_unix_ms;
        let mut records = vec![(Record::Opened { session, kind: self.kind.clone() }, opened)];
        if role == Role::Kiosk && matches!(case.fate, Fate::Complete | Fate::CompleteAfterAlarm | Fate::NotErased) {
            records.push((Record::PrintStarted { session }, opened + case.durations_ms[3] * 2 / 3));
        }
        for (maker, at, receipt) in said {
            if *maker == role {
                records.push((Record::OwnReceipt { session, receipt: receipt.clone() }, *at));
            } else if role == Role::Issuer {
                records.push((Record::PeerReceipt { session, receipt: receipt.clone() }, *at));
            }
        }
        let end = opened + case.durations_ms[3] + 500;
        if let Some(what) = alarm(role, case.fate) {
            records.push((Record::Alarm { session, what }, end - 1));
        }
        if let Some(outcome) = outcome(role, case.fate) {
            records.push((Record::Ended { session, outcome }, end));
        }
        records
    }
}

/// The alarm that a station raises about a fate.
pub(crate) fn alarm(role: Role, fate: Fate) -> Option<&'static str> {
    match (role, fate) {
        (Role::Issuer, Fate::CompleteAfterAlarm | Fate::Unresolved) => {
            Some("the receipt deadline passed; receipts or their acknowledgement are missing")
        }
        (Role::Issuer, Fate::Lost) => Some("the process ended with the session open"),
        (_, Fate::Late) => Some("the deliver deadline passed; the session was erased"),
        (Role::Kiosk, Fate::NotErased) => Some("the kiosk's memory did not read back as erased"),
        _ => None,
    }
}

/// How a station records the end of a fate.
pub(crate) fn outcome(role: Role, fate: Fate) -> Option<Outcome> {
    Some(match (role, fate) {
        (_, Fate::Open) => return None,
        (_, Fate::Complete | Fate::CompleteAfterAlarm | Fate::KioskReceiptMissing) => Outcome::Complete,
        (_, Fate::NotErased | Fate::Unresolved) => Outcome::Unresolved,
        (Role::Issuer, Fate::Lost) => Outcome::Lost,
        (_, Fate::Lost | Fate::Ended | Fate::Late) => Outcome::Ended,
    })
}
