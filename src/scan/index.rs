//! Finding one of many 8-byte values at every offset of a large text: a filter that almost always says no at once, in front
//! of an exact table.

/// The 8 bytes at `at` as one value. The caller keeps `at + 8` inside.
#[inline]
pub(super) fn word_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// How many different byte values `bytes` has.
pub(super) fn distinct_bytes(bytes: &[u8]) -> u32 {
    let mut seen = [0u64; 4];
    for byte in bytes {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|bits| bits.count_ones()).sum()
}

/// Spreads a value over all 64 bits (the finaliser of MurmurHash3, without its first step).
#[inline]
const fn spread(value: u64) -> u64 {
    let value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    let value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 29)
}

/// A Bloom filter of three bits in one word: never a wrong no. One multiplication, because it is asked for every byte of memory.
#[derive(Debug)]
pub(super) struct Filter {
    words: Vec<u64>,
    shift: u32,
}

impl Filter {
    /// A filter that is wrong in about 1 of 100 for `count` values. Larger ones miss the processor's caches more than they gain.
    pub(super) fn for_values(count: usize) -> Self {
        let words = (count / 5 + 1).next_power_of_two().max(64);
        Self { words: vec![0; words], shift: 64 - words.ilog2() }
    }

    pub(super) fn insert(&mut self, value: u64) {
        let hash = Self::hash(value);
        self.words[(hash >> self.shift) as usize] |=
            1 << (hash >> 20 & 63) | 1 << (hash >> 26 & 63) | 1 << (hash >> 32 & 63);
    }

    #[inline]
    pub(super) fn may_contain(&self, value: u64) -> bool {
        let hash = Self::hash(value);
        let word = self.words[(hash >> self.shift) as usize];
        (word >> (hash >> 20 & 63)) & (word >> (hash >> 26 & 63)) & (word >> (hash >> 32 & 63)) & 1 == 1
    }

    #[inline]
    const fn hash(value: u64) -> u64 {
        (value ^ value >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Where a value stands: in which of several texts, at which offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) text: u32,
    pub(super) offset: u64,
}

/// All spots of a set of 8-byte values.
#[derive(Debug)]
pub(super) struct Index {
    filter: Filter,
    /// Sorted: by value, then by spot.
    entries: Vec<(u64, Spot)>,
    /// Open addressing; each slot is 0 or 1 + the number of the first entry of a value.
    slots: Vec<u32>,
}

impl Index {
    pub(super) fn new(mut entries: Vec<(u64, Spot)>) -> Self {
        entries.sort_unstable();
        entries.dedup();
        let mut index = Self {
            filter: Filter::for_values(entries.len()),
            slots: vec![0; (entries.len() * 2 + 1).next_power_of_two()],
            entries,
        };
        for number in 0..index.entries.len() {
            let value = index.entries[number].0;
            if number > 0 && index.entries[number - 1].0 == value {
                continue;
            }
            index.filter.insert(value);
            let mut slot = index.first_slot(value);
            while index.slots[slot] != 0 {
                slot = (slot + 1) & (index.slots.len() - 1);
            }
            index.slots[slot] = number as u32 + 1;
        }
        index
    }

    /// The spots of `value`, ascending.
    #[inline]
    pub(super) fn spots(&self, value: u64) -> &[(u64, Spot)] {
        if self.filter.may_contain(value) { self.look_up(value) } else { &[] }
    }

    /// Which of the [`Index::BATCH`] words that begin in the first bytes of `bytes` may have spots, as bits from the lowest.
    /// Without a branch for each, so that the processor looks several up at once.
    #[inline]
    pub(super) fn possible(&self, bytes: &[u8; Self::BATCH + 7]) -> u32 {
        let mut possible = 0;
        for at in 0..Self::BATCH {
            possible |= u32::from(self.filter.may_contain(word_at(bytes, at))) << at;
        }
        possible
    }

    /// How many words [`Index::possible`] tests.
    pub(super) const BATCH: usize = 16;

    fn look_up(&self, value: u64) -> &[(u64, Spot)] {
        let mut slot = self.first_slot(value);
        while self.slots[slot] != 0 {
            let rest = &self.entries[self.slots[slot] as usize - 1..];
            if rest[0].0 == value {
                return &rest[..rest.iter().take_while(|entry| entry.0 == value).count()];
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        &[]
    }

    fn first_slot(&self, value: u64) -> usize {
        (spread(value) >> 20) as usize & (self.slots.len() - 1)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // The values are pieces of secrets.
        for entry in &mut self.entries {
            zeroize::Zeroize::zeroize(&mut entry.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_found_with_all_its_spots_and_no_other_is() {
        let spot = |number: u64| Spot { text: (number % 3) as u32, offset: number };
        let entries: Vec<(u64, Spot)> = (0..5000u64).map(|number| (spread(number / 2), spot(number))).collect();
        let index = Index::new(entries);
        for value in 0..2500 {
            let spots: Vec<u64> = index.spots(spread(value)).iter().map(|entry| entry.1.offset).collect();
            assert_eq!(spots.len(), 2);
            assert!(spots.contains(&(value * 2)) && spots.contains(&(value * 2 + 1)));
        }
        assert!((2500..9000).all(|value| index.spots(spread(value)).is_empty()));
        let wrong = (0..100_000).filter(|value| index.filter.may_contain(spread(value + 10_000))).count();
        assert!(wrong < 4000, "{wrong}");
        assert!(Index::new(Vec::new()).spots(0).is_empty());
    }

    #[test]
    fn different_bytes_are_counted() {
        assert_eq!(distinct_bytes(&[0; 16]), 1);
        assert_eq!(distinct_bytes(&[0, 64, 128, 192, 255, 255]), 5);
    }
}
