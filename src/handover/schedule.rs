//! When which session is due: at most one time for each.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::types::{SessionId, Time};

/// Sessions by time.
#[derive(Default)]
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct Schedule {
    times: BTreeSet<(Time, SessionId)>,
    of: BTreeMap<SessionId, Time>,
}

impl Schedule {
    /// Puts a session at this time and at no other.
    pub(super) fn set(&mut self, id: SessionId, time: Time) {
        self.remove(id);
        self.times.insert((time, id));
        self.of.insert(id, time);
    }

    pub(super) fn remove(&mut self, id: SessionId) {
        if let Some(time) = self.of.remove(&id) {
            self.times.remove(&(time, id));
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Time> {
        self.times.first().map(|(time, _)| *time)
    }

    /// Takes out the earliest session whose time has come.
    pub(super) fn take_due(&mut self, now: Time) -> Option<SessionId> {
        let (time, id) = *self.times.first().filter(|(time, _)| *time <= now)?;
        self.times.remove(&(time, id));
        self.of.remove(&id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_one_place_and_is_taken_once_when_its_time_has_come() {
        let (one, two) = (SessionId([1; 32]), SessionId([2; 32]));
        let mut schedule = Schedule::default();
        schedule.set(one, Time(30));
        schedule.set(two, Time(20));
        schedule.set(one, Time(10));
        assert_eq!(schedule.next(), Some(Time(10)));
        assert_eq!(schedule.take_due(Time(9)), None);
        assert_eq!(schedule.take_due(Time(30)), Some(one));
        schedule.remove(two);
        assert_eq!((schedule.take_due(Time(30)), schedule.next()), (None, None));
    }
}
