//! What a machine remembers of sessions that are over, for a while and up to a number: enough to answer a message that comes again.

use alloc::collections::{BTreeMap, VecDeque};

use crate::types::{SessionId, Time};

/// Facts of sessions that are over. The oldest go first, by time or when there are too many.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct Recent<T> {
    facts: BTreeMap<SessionId, T>,
    order: VecDeque<(Time, SessionId)>,
    limit: usize,
}

impl<T> Recent<T> {
    pub(super) const fn new(limit: usize) -> Self {
        Self { facts: BTreeMap::new(), order: VecDeque::new(), limit }
    }

    pub(super) fn insert(&mut self, id: SessionId, until: Time, fact: T) {
        if self.facts.insert(id, fact).is_none() {
            self.order.push_back((until, id));
        }
        while self.order.len() > self.limit {
            self.forget_oldest();
        }
    }

    pub(super) fn get(&self, id: &SessionId) -> Option<&T> {
        self.facts.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &SessionId) -> Option<&mut T> {
        self.facts.get_mut(id)
    }

    /// Forgets one before its time.
    pub(super) fn remove(&mut self, id: &SessionId) {
        if self.facts.remove(id).is_some() {
            self.order.retain(|(_, of)| of != id);
        }
    }

    pub(super) fn contains(&self, id: &SessionId) -> bool {
        self.facts.contains_key(id)
    }

    pub(super) fn forget_until(&mut self, now: Time) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.facts.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> SessionId {
        SessionId([number; 32])
    }

    #[test]
    fn the_oldest_are_forgotten_by_number_and_by_time() {
        let mut recent = Recent::new(2);
        for number in 1..=3 {
            recent.insert(id(number), Time(u64::from(number) * 10), number);
        }
        assert!(!recent.contains(&id(1)));
        assert_eq!(recent.get(&id(2)), Some(&2));
        recent.forget_until(Time(20));
        assert!(!recent.contains(&id(2)));
        assert!(recent.contains(&id(3)));
    }
}
