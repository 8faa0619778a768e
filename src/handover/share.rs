//! How much of a station's tables one neighbour, and one kiosk that comes through it, may have.

use super::output::Peer;
use super::policy::Policy;
use crate::error::Error;

/// Why another session of this kiosk through this neighbour would be too many, if it would. Kiosks are told apart by their keys
/// for messages; a session comes with whether it only waits for receipts.
pub(super) fn exceeded<'a>(
    policy: &Policy,
    (peer, kiosk): (Peer, &[u8; 32]),
    greetings: impl Iterator<Item = (Peer, &'a [u8; 32])>,
    sessions: impl Iterator<Item = (Peer, &'a [u8; 32], bool)>,
) -> Option<Error> {
    let (mut neighbours, mut kiosks, mut waiting) = (0, 0, 0);
    let greetings = greetings.map(|(through, of)| (through, of, None));
    for (through, of, waits) in greetings.chain(sessions.map(|(through, of, waits)| (through, of, Some(waits)))) {
        if through == peer {
            let (open, same) = (waits != Some(true), of == kiosk);
            neighbours += usize::from(open);
            kiosks += usize::from(open && same);
            // Those that only wait for receipts count less, or who never sends any would fill the table with them.
            waiting += usize::from(waits.is_some() && same);
        }
    }
    if kiosks >= policy.max_per_kiosk || waiting >= policy.max_waiting_per_kiosk() {
        Some(Error::Busy { what: "sessions of one kiosk", limit: policy.max_per_kiosk as u64 })
    } else if neighbours >= policy.max_per_neighbour {
        Some(Error::Busy { what: "sessions of one neighbour", limit: policy.max_per_neighbour as u64 })
    } else {
        None
    }
}
