//! The three machines behind one face: what goes in, and everything that waits to come out.

use shokyo::handover::relay::Passing;
use shokyo::handover::{Frame, Issuer, IssuerEvent, Kiosk, KioskEvent, Peer, Persist, Relay, RelayEvent};
use shokyo::types::{Now, SessionId, Time};

use crate::rack::Pinned;
use crate::watched::Watched;

/// The machines of one station. A kiosk has one for each transaction.
pub enum Machine {
    Issuer(Issuer<Watched, Pinned>),
    Relay(Relay<Watched, Pinned>),
    Kiosk(Vec<(usize, Kiosk<Watched, Pinned>)>),
}

/// A frame that a machine wants to have sent.
pub enum Transmission {
    Frame(Vec<u8>),
    Passing(Passing),
}

/// Something for the host to act on.
pub enum Happened {
    Issuer(IssuerEvent),
    Relay(RelayEvent),
    Kiosk(usize, KioskEvent),
}

/// The neighbour at the other end of a line, as machines number it. A kiosk's and a relay's upper neighbour is number 0.
pub fn peer(line: usize) -> Peer {
    Peer(1 + line as u64)
}

impl Machine {
    pub fn issuer(&mut self) -> Option<&mut Issuer<Watched, Pinned>> {
        match self {
            Self::Issuer(issuer) => Some(issuer),
            _ => None,
        }
    }

    pub fn kiosk(&mut self, transaction: usize) -> Option<&mut Kiosk<Watched, Pinned>> {
        match self {
            Self::Kiosk(kiosks) => kiosks.iter_mut().find(|(owner, _)| *owner == transaction).map(|(_, kiosk)| kiosk),
            _ => None,
        }
    }

    pub fn next_deadline(&self) -> Option<Time> {
        match self {
            Self::Issuer(issuer) => issuer.next_deadline(),
            Self::Relay(relay) => relay.next_deadline(),
            Self::Kiosk(kiosks) => kiosks.iter().filter_map(|(_, kiosk)| kiosk.next_deadline()).min(),
        }
    }

    pub fn handle_timeout(&mut self, now: Now) {
        match self {
            Self::Issuer(issuer) => issuer.handle_timeout(now),
            Self::Relay(relay) => relay.handle_timeout(now),
            Self::Kiosk(kiosks) => kiosks.iter_mut().for_each(|(_, kiosk)| kiosk.handle_timeout(now)),
        }
    }

    pub fn handle_written(&mut self, now: Now, owner: Option<usize>, token: u64, durable: bool) {
        match (self, durable) {
            (Self::Issuer(issuer), true) => issuer.handle_persisted(now, token),
            (Self::Issuer(issuer), false) => issuer.handle_persist_failed(now, token),
            (Self::Relay(relay), true) => relay.handle_persisted(now, token),
            (Self::Relay(relay), false) => relay.handle_persist_failed(now, token),
            (kiosks, durable) => {
                let Some(kiosk) = owner.and_then(|owner| kiosks.kiosk(owner)) else { return };
                if durable { kiosk.handle_persisted(now, token) } else { kiosk.handle_persist_failed(now, token) }
            }
        }
    }

    pub fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        match self {
            Self::Issuer(issuer) => issuer.handle_peer_lost(now, peer),
            Self::Relay(relay) => relay.handle_peer_lost(now, peer),
            Self::Kiosk(kiosks) => kiosks.iter_mut().for_each(|(_, kiosk)| kiosk.handle_peer_lost(now)),
        }
    }

    pub fn handle_peer_back(&mut self, now: Now, peer: Peer) {
        match self {
            Self::Issuer(issuer) => issuer.handle_peer_back(now, peer),
            Self::Relay(relay) => relay.handle_peer_back(now, peer),
            Self::Kiosk(kiosks) => kiosks.iter_mut().for_each(|(_, kiosk)| kiosk.handle_peer_back(now)),
        }
    }

    pub fn persists(&mut self) -> Vec<(Option<usize>, Persist)> {
        let mut all = Vec::new();
        match self {
            Self::Issuer(issuer) => all.extend(core::iter::from_fn(|| issuer.poll_persist()).map(|one| (None, one))),
            Self::Relay(relay) => all.extend(core::iter::from_fn(|| relay.poll_persist()).map(|one| (None, one))),
            Self::Kiosk(kiosks) => {
                for (owner, kiosk) in kiosks {
                    all.extend(core::iter::from_fn(|| kiosk.poll_persist()).map(|one| (Some(*owner), one)));
                }
            }
        }
        all
    }

    pub fn transmissions(&mut self) -> Vec<(Peer, SessionId, Transmission)> {
        let mut all = Vec::new();
        match self {
            Self::Issuer(issuer) => {
                while let Some(transmit) = issuer.poll_transmit() {
                    all.push((transmit.peer, transmit.session, Transmission::Frame(transmit.frame)));
                }
            }
            Self::Relay(relay) => {
                while let Some(passing) = relay.poll_transmit() {
                    let session = Frame::decode(passing.bytes()).map_or(SessionId::NONE, |frame| frame.session);
                    all.push((passing.peer, session, Transmission::Passing(passing)));
                }
            }
            Self::Kiosk(kiosks) => {
                for (_, kiosk) in kiosks {
                    while let Some(transmit) = kiosk.poll_transmit() {
                        all.push((transmit.peer, transmit.session, Transmission::Frame(transmit.frame)));
                    }
                }
            }
        }
        all
    }

    pub fn happened(&mut self) -> Vec<(SessionId, Happened)> {
        let mut all = Vec::new();
        match self {
            Self::Issuer(issuer) => {
                while let Some(event) = issuer.poll_event() {
                    all.push((issuer_session(&event), Happened::Issuer(event)));
                }
            }
            Self::Relay(relay) => {
                while let Some(event) = relay.poll_event() {
                    all.push((relay_session(&event), Happened::Relay(event)));
                }
            }
            Self::Kiosk(kiosks) => {
                for (owner, kiosk) in kiosks {
                    while let Some(event) = kiosk.poll_event() {
                        all.push((kiosk.id(), Happened::Kiosk(*owner, event)));
                    }
                }
            }
        }
        all
    }
}

fn issuer_session(event: &IssuerEvent) -> SessionId {
    match event {
        IssuerEvent::Application { session, .. }
        | IssuerEvent::Offered { session }
        | IssuerEvent::Released { session }
        | IssuerEvent::Closed { session, .. }
        | IssuerEvent::DeadlineExceeded { session, .. }
        | IssuerEvent::Ended { session, .. }
        | IssuerEvent::Finished { session, .. } => *session,
        _ => SessionId::NONE,
    }
}

fn relay_session(event: &RelayEvent) -> SessionId {
    match event {
        RelayEvent::Opened { session }
        | RelayEvent::Offered { session }
        | RelayEvent::DeadlineExceeded { session, .. }
        | RelayEvent::NotRetained { session, .. }
        | RelayEvent::Finished { session, .. } => *session,
        _ => SessionId::NONE,
    }
}
