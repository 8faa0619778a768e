//! How long something took, many times over, in memory that does not grow.

use alloc::vec;
use alloc::vec::Vec;

/// The upper ends of the classes in which times are counted exactly, in milliseconds, each included in its class. What took
/// longer than the last is in a class of its own.
pub const CLASSES_MS: [u64; 18] = [
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_800_000, 3_600_000,
];

/// Values below this are kept as they are; larger ones with 11 binary digits, rounded up: less than 0.1 % too much.
const EXACT: u64 = 1 << (DIGITS + 1);
const DIGITS: u32 = 10;

/// A distribution of times in milliseconds. Its size is fixed, whatever is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    count: u64,
    longest_ms: u64,
    classes: [u64; CLASSES_MS.len() + 1],
    /// How often each value below [`EXACT`], then each step of each power of two; empty until the first time is added.
    steps: Vec<u64>,
}

impl Times {
    /// Adds one time.
    pub fn add(&mut self, ms: u64) {
        if self.steps.is_empty() {
            self.steps = vec![0; step(u64::MAX) + 1];
        }
        self.count += 1;
        self.longest_ms = self.longest_ms.max(ms);
        self.classes[CLASSES_MS.partition_point(|end| *end < ms)] += 1;
        self.steps[step(ms)] += 1;
    }

    /// Adds all of another distribution.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
        self.classes.iter_mut().zip(&other.classes).for_each(|(own, theirs)| *own += theirs);
        if self.steps.is_empty() {
            self.steps.clone_from(&other.steps);
        } else {
            self.steps.iter_mut().zip(&other.steps).for_each(|(own, theirs)| *own += theirs);
        }
    }

    /// How many times there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest, exactly, in milliseconds; `None` if there is none.
    #[must_use]
    pub fn longest_ms(&self) -> Option<u64> {
        (self.count > 0).then_some(self.longest_ms)
    }

    /// How many fall into each class of [`CLASSES_MS`], and beyond the last.
    #[must_use]
    pub const fn classes(&self) -> &[u64; CLASSES_MS.len() + 1] {
        &self.classes
    }

    /// How many took at most as long as the upper end of this class.
    #[must_use]
    pub fn within(&self, class: usize) -> u64 {
        self.classes.iter().take(class + 1).sum()
    }

    /// The time in milliseconds that `percent` of a hundred did not exceed (nearest rank), exactly below two seconds, above
    /// rounded up by less than 0.1 %; `None` if there are no times.
    #[must_use]
    pub fn percentile_ms(&self, percent: u64) -> Option<u64> {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        let index = self.steps.iter().position(|count| {
            seen += u128::from(*count);
            seen >= rank
        })?;
        Some(upper_end(index).min(self.longest_ms))
    }
}

/// The place of a value in [`Times::steps`].
fn step(ms: u64) -> usize {
    if ms < EXACT {
        return ms as usize;
    }
    let shift = ms.ilog2() - DIGITS;
    (u64::from(shift) << DIGITS) as usize + (ms >> shift) as usize
}

/// The largest value in a place.
fn upper_end(index: usize) -> u64 {
    let index = index as u64;
    if index < EXACT {
        return index;
    }
    let shift = (index >> DIGITS) - 1;
    let lower = (index - (shift << DIGITS)) << shift;
    lower + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_at_most_its_places_upper_end_and_less_than_a_thousandth_below_it() {
        let mut values: Vec<u64> = (0..5_000).collect();
        values.extend((12..64).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 12_345]));
        values.push(u64::MAX);
        for value in values {
            let end = upper_end(step(value));
            assert!(end >= value && (end - value) as f64 <= value as f64 / 1_000.0, "{value} {end}");
            assert!(value >= EXACT || end == value, "{value}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list_however_it_was_divided() {
        let list: Vec<u64> = (0..1_000).map(|number| number * number % 1_999).collect();
        let (mut one, mut other) = (Times::default(), Times::default());
        for (index, value) in list.iter().enumerate() {
            if index % 3 == 0 { one.add(*value) } else { other.add(*value) }
        }
        one.merge(&other);
        let mut sorted = list;
        sorted.sort_unstable();
        for percent in [0, 1, 50, 95, 99, 100] {
            let rank = (1_000 * percent as usize).div_ceil(100).max(1);
            assert_eq!(one.percentile_ms(percent), Some(sorted[rank - 1]), "{percent}");
        }
        assert_eq!(one.longest_ms(), sorted.last().copied());
        assert_eq!(one.within(6), sorted.iter().filter(|value| **value <= 1_000).count() as u64);
        assert_eq!(one.classes().iter().sum::<u64>(), 1_000);
    }

    #[test]
    fn without_times_there_is_no_percentile() {
        let none = Times::default();
        assert_eq!((none.percentile_ms(50), none.longest_ms(), none.count()), (None, None, 0));
    }
}
