//! Who is a neighbour: one number for one station identity, for as long as this process lives.
//!
//! The machines keep sessions with neighbours, not with connections: a session goes on when the same station comes back, and only
//! then. The identity is the one that TLS has verified; a number must never be given to another identity.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::profile::StationName;
use crate::error::Error;
use crate::handover::Peer;
use crate::handover::relay::UPSTREAM;

/// The most identities that a process remembers: more than the kiosks of the whole service.
const MOST: usize = 100_000;

/// On which side of this station a neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Towards the issuing system: this station connected to it.
    Upstream,
    /// Towards the kiosk: it connected to this station.
    Downstream,
}

/// The neighbours that this process has met.
#[derive(Default)]
pub(crate) struct Neighbours(Mutex<Met>);

#[derive(Default)]
struct Met {
    upstream: Option<StationName>,
    downstream: HashMap<StationName, Peer>,
    /// Connections so far.
    connections: u64,
}

impl Neighbours {
    /// The number of a neighbour, and the number of this connection of its: later connections have greater ones.
    ///
    /// The neighbour upstream is the first that was reached there: sessions that wait for it must not go on with another.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when another station answers upstream than before; [`Error::Busy`] after more identities than there are.
    pub(crate) fn connected(&self, name: &StationName, side: Side) -> Result<(Peer, u64), Error> {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = match side {
            Side::Upstream => {
                if met.upstream.get_or_insert_with(|| name.clone()) != name {
                    return Err(Error::Mismatch { what: "the station that answers upstream" });
                }
                UPSTREAM
            }
            Side::Downstream => match met.downstream.get(name) {
                Some(known) => *known,
                None if met.downstream.len() >= MOST => {
                    return Err(Error::Busy { what: "neighbours", limit: MOST as u64 });
                }
                None => {
                    let next = Peer(UPSTREAM.0 + 1 + met.downstream.len() as u64);
                    met.downstream.insert(name.clone(), next);
                    next
                }
            },
        };
        met.connections += 1;
        Ok((peer, met.connections))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::types::Role;

    fn kiosk(station: &str, operator: &str) -> StationName {
        StationName::new(Role::Kiosk, station, operator).unwrap()
    }

    #[test]
    fn a_station_that_comes_back_has_its_number_and_no_other_station_gets_it() {
        let neighbours = Neighbours::default();
        let (one, first) = neighbours.connected(&kiosk("kiosk-1", "a"), Side::Downstream).unwrap();
        let (two, _) = neighbours.connected(&kiosk("kiosk-2", "a"), Side::Downstream).unwrap();
        let (other, _) = neighbours.connected(&kiosk("kiosk-1", "b"), Side::Downstream).unwrap();
        let (again, later) = neighbours.connected(&kiosk("kiosk-1", "a"), Side::Downstream).unwrap();
        assert_eq!(one, again);
        assert!(later > first);
        assert!(one != two && two != other && one != other && one != UPSTREAM);
    }

    #[test]
    fn another_station_upstream_is_refused_and_the_first_is_still_taken() {
        let neighbours = Neighbours::default();
        let centre = |station| StationName::new(Role::EcCentre, station, "convenience").unwrap();
        assert_eq!(neighbours.connected(&centre("ec-1"), Side::Upstream).unwrap().0, UPSTREAM);
        assert!(matches!(neighbours.connected(&centre("ec-2"), Side::Upstream), Err(Error::Mismatch { .. })));
        assert_eq!(neighbours.connected(&centre("ec-1"), Side::Upstream).unwrap().0, UPSTREAM);
    }
}
