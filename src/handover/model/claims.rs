//! The claims, by the numbers of the protocol's invariants; and those that concern more than one station.

use std::sync::Arc;

use stateright::Property;

use super::roster::{self, ISSUER, KIOSKS};
use super::station::Broken;
use super::universe::Known;
use super::world::{Handover, World};
use crate::handover::Outcome;
use crate::types::SessionId;

pub(super) const DELIVERED: &str = "delivered, and complete everywhere";
pub(super) const ONE_HOLDER: &str = "1 a document key has one holder at most, and no relay is one";
pub(super) const OWN_SESSION: &str = "2 a document opens in its own session only";
pub(super) const TICKS_ERASE: &str = "3 deadlines alone bring every station to erased";
pub(super) const RECEIPTS: &str = "4 no receipt and no outcome says more than happened";
pub(super) const PRINTED_ONCE: &str = "5 a document is submitted to print once, and that is on record first";
pub(super) const DUPLICATES: &str = "6 a duplicate changes nothing";
pub(super) const RECORD_FIRST: &str = "7 a session is on record before anything of it exists";

impl Handover {
    /// Every claim, as the checker wants it.
    pub(super) fn claims(&self) -> Vec<Property<Self>> {
        fn not(world: &World, model: &Handover, is: fn(Broken) -> bool) -> bool {
            !model.universe.is_broken() || !model.known(world).iter().flat_map(|known| known.broken()).any(is)
        }
        let mut all = vec![
            Property::always(ONE_HOLDER, |model: &Self, world| model.one_holder(world)),
            Property::always(OWN_SESSION, |m: &Self, w| not(w, m, |it| matches!(it, Broken::OtherSession(_)))),
            Property::always(TICKS_ERASE, |m: &Self, w| not(w, m, |it| matches!(it, Broken::TicksErase(_)))),
            Property::always(RECEIPTS, |m: &Self, w| {
                not(w, m, |it| matches!(it, Broken::Receipts(_))) && m.complete_is_delivered(w)
            }),
            Property::always(PRINTED_ONCE, |m: &Self, w| not(w, m, |it| matches!(it, Broken::PrintedOnce(_)))),
            Property::always(DUPLICATES, |m: &Self, w| not(w, m, |it| matches!(it, Broken::Duplicates(_)))),
            Property::always(RECORD_FIRST, |m: &Self, w| not(w, m, |it| matches!(it, Broken::RecordFirst(_)))),
            Property::sometimes(DELIVERED, |m: &Self, w| m.all_complete(w)),
        ];
        all.retain(|property| self.only.is_none_or(|only| only == property.name));
        all
    }

    /// Of what each station can derive from its state and everything that was ever sent, nothing is derived by two, by a relay, or
    /// by the kiosk of another session.
    fn one_holder(&self, world: &World) -> bool {
        let traffic = self.traffic(world);
        let mut held: Vec<u32> = Vec::new();
        for known in self.known(world) {
            let mut derived: Vec<u32> = known.derives(&traffic).collect();
            derived.sort_unstable();
            derived.dedup();
            let relay = roster::role(known.station.number).is_relay();
            let own = known.applied();
            let foreign = known.station.number >= KIOSKS
                && traffic.iter().any(|wrap| {
                    derived.contains(&wrap.key) && !own.is_some_and(|own| own.0.starts_with(&wrap.session))
                });
            if foreign || relay && !derived.is_empty() || derived.iter().any(|key| held.contains(key)) {
                return false;
            }
            held.extend(derived);
        }
        true
    }

    fn sessions(known: &[Arc<Known>]) -> impl Iterator<Item = (&Arc<Known>, SessionId)> {
        known.iter().filter_map(|kiosk| kiosk.applied().map(|session| (kiosk, session)))
    }

    /// The issuer calls a session complete only if its document was delivered, and nobody does before the issuer.
    fn complete_is_delivered(&self, world: &World) -> bool {
        let known = self.known(world);
        Self::sessions(&known).all(|(kiosk, session)| {
            let complete = |known: &Arc<Known>| known.outcome(session) == Some(Outcome::Complete);
            if complete(&known[usize::from(ISSUER)]) {
                kiosk.station.memory.delivered
            } else {
                !known.iter().any(complete)
            }
        })
    }

    fn all_complete(&self, world: &World) -> bool {
        let known = self.known(world);
        Self::sessions(&known).count() == usize::from(self.bounds.kiosks)
            && Self::sessions(&known).all(|(kiosk, session)| {
                let complete = |known: &Arc<Known>| known.outcome(session) == Some(Outcome::Complete);
                kiosk.station.memory.delivered && complete(kiosk) && known[..usize::from(KIOSKS)].iter().all(complete)
            })
    }
}
