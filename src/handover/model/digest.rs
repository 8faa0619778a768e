//! What is in a machine's state, found by hashing it: one walk over everything gives the state's digest, with times relative to the
//! station's clock, and what the station holds: secrets, wrapped keys, frames.
//!
//! `Hash` is derived for the machines, so that a new field cannot be forgotten here.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::symbols::{Secret, Wrap};
use crate::buffer::ErasedCopy;
use crate::handover::{Frame, MessageType};
use crate::receipt::RelayFigures;
use crate::types::{Role, SessionId, Time};

/// Begins what is not hashed as it is. No state holds these bytes.
const MARK: [u8; 14] = *b"\x00shokyo model\x00";
const TIME: u8 = 1;
const SECRET: u8 = 2;

impl Hash for Time {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&marked(TIME, &self.0.to_le_bytes()));
    }
}

impl Hash for RelayFigures {
    /// Whether there is anything: how much it was, and for how long, changes nothing that a machine does.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.frames > 0).hash(state);
    }
}

impl Hash for ErasedCopy {
    /// Whether there is anything, as above.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.class, self.verified > 0, self.failed > 0).hash(state);
    }
}

/// Hashes a secret so that whoever walks over the state sees it.
pub(super) fn hash_secret<H: Hasher>(secret: &Secret, state: &mut H) {
    state.write(&marked(SECRET, &secret.to_bytes()));
}

fn marked(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&MARK[..], &[kind], bytes].concat()
}

/// A frame that a station keeps, and whether its own role made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    pub(super) kind: MessageType,
    pub(super) role: Role,
    pub(super) session: SessionId,
}

/// What a walk found.
#[derive(Clone, Debug, Default)]
pub(super) struct Holdings {
    pub(super) secrets: BTreeSet<Secret>,
    pub(super) wraps: BTreeSet<Wrap>,
    pub(super) frames: BTreeSet<Kept>,
}

/// Walks over a state at a moment of its station's clock.
pub(super) fn look(state: &impl Hash, now: Time) -> (u128, Holdings) {
    let mut walk = Walk { now, halves: [DefaultHasher::new(), DefaultHasher::new()], holdings: Holdings::default() };
    walk.halves[1].write_u8(1);
    state.hash(&mut walk);
    let [low, high] = walk.halves.map(|half| half.finish());
    (u128::from(high) << 64 | u128::from(low), walk.holdings)
}

struct Walk {
    now: Time,
    halves: [DefaultHasher; 2],
    holdings: Holdings,
}

impl Hasher for Walk {
    fn finish(&self) -> u64 {
        self.halves[0].finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some([kind, rest @ ..]) = bytes.strip_prefix(&MARK) {
            if let (TIME, Ok(time)) = (*kind, rest.try_into()) {
                // What has passed is passed: no machine asks how long ago, but for figures that are left out above.
                let ahead = u64::from_le_bytes(time).checked_sub(self.now.0).map_or(0, |ahead| ahead + 1);
                self.halves.iter_mut().for_each(|half| half.write_u64(ahead));
                return;
            }
            self.holdings.secrets.extend(Secret::from_bytes(rest));
        }
        self.halves.iter_mut().for_each(|half| half.write(bytes));
        self.holdings.wraps.extend(Wrap::all_in(bytes));
        if let Ok(frame) = Frame::decode(bytes) {
            self.holdings.frames.insert(Kept { kind: frame.kind, role: frame.role, session: frame.session });
        }
    }
}
