//! Counting words that a store brings along, without letting a store fill the memory.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// How often each of at most [`Tally::MOST`] different things was seen; what comes beyond is counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally<T: Ord> {
    counts: BTreeMap<T, u64>,
    others: u64,
}

impl<T: Ord> Default for Tally<T> {
    fn default() -> Self {
        Self { counts: BTreeMap::new(), others: 0 }
    }
}

impl<T: Ord + Clone> Tally<T> {
    /// How many different things are told apart.
    pub const MOST: usize = 100;

    /// Counts one.
    pub fn add(&mut self, thing: &T) {
        self.add_many(thing, 1);
    }

    fn add_many(&mut self, thing: &T, count: u64) {
        let has_room = self.counts.len() < Self::MOST;
        match self.counts.get_mut(thing) {
            Some(own) => *own += count,
            None if has_room => {
                self.counts.insert(thing.clone(), count);
            }
            None => self.others += count,
        }
    }

    /// Adds everything that another one counted.
    pub fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(thing, count)| self.add_many(thing, *count));
        self.others += other.others;
    }

    /// The things with their counts, the most frequent first.
    #[must_use]
    pub fn ranked(&self) -> Vec<(&T, u64)> {
        let mut ranked: Vec<_> = self.counts.iter().map(|(thing, count)| (thing, *count)).collect();
        ranked.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
        ranked
    }

    /// How many were counted together, because there were too many different ones.
    #[must_use]
    pub const fn others(&self) -> u64 {
        self.others
    }

    /// How many were counted in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum::<u64>() + self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frequent_comes_first_and_too_many_different_things_are_counted_together() {
        let mut tally = Tally::default();
        (0..150_u32).for_each(|number| tally.add(&number));
        (0..3).for_each(|_| tally.add(&7));
        assert_eq!(tally.ranked()[0], (&7, 4));
        assert_eq!((tally.ranked().len(), tally.others(), tally.total()), (100, 50, 153));
        let mut twice = tally.clone();
        twice.merge(&tally);
        assert_eq!((twice.ranked()[0], twice.total()), ((&7, 8), 306));
    }
}
