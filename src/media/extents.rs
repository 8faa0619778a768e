//! Whether a file's content was overwritten where it stood.

use super::report::Blocks;
use crate::platform::file_layer::Extent;

/// Compares where a file was before it was overwritten with where it is afterwards.
pub(super) fn compare(before: &[Extent], after: &[Extent]) -> Blocks {
    if before.iter().chain(after).any(|extent| extent.is_nowhere() || extent.is_transformed()) {
        return Blocks::Unknown;
    }
    let (before, after) = (joined(before), joined(after));
    let stays = |old: &Extent| after.iter().any(|new| contains(new, old));
    if before.iter().all(stays) { Blocks::Same } else { Blocks::Moved }
}

/// Extents that hold content, and those that go on where another ends made one with it.
fn joined(extents: &[Extent]) -> Vec<Extent> {
    let mut joined: Vec<Extent> = Vec::new();
    for extent in extents.iter().filter(|extent| !extent.is_unwritten()) {
        match joined.last_mut() {
            Some(last)
                if last.logical + last.length == extent.logical && last.physical + last.length == extent.physical =>
            {
                last.length += extent.length;
            }
            _ => joined.push(*extent),
        }
    }
    joined
}

/// Whether `old` lies in `new`, at the same place of the device.
fn contains(new: &Extent, old: &Extent) -> bool {
    let same_place = new.physical.wrapping_sub(new.logical) == old.physical.wrapping_sub(old.logical);
    same_place && new.logical <= old.logical && old.logical + old.length <= new.logical + new.length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_the_same_however_they_are_counted_and_moved_when_one_is() {
        let before = [Extent::new(0, 4096, 8192), Extent::new(8192, 40960, 4096)];
        let split = [Extent::new(0, 4096, 4096), Extent::new(4096, 8192, 4096), Extent::new(8192, 40960, 4096)];
        assert_eq!(compare(&before, &split), Blocks::Same);
        assert_eq!(compare(&split, &before), Blocks::Same);
        assert_eq!(compare(&[], &before), Blocks::Same, "a hole was filled");
        for place in [0, 1, 2] {
            let mut moved = split;
            moved[place] = Extent::new(split[place].logical, 1 << 30, 4096);
            assert_eq!(compare(&before, &moved), Blocks::Moved, "{place}");
        }
        assert_eq!(compare(&before, &split[..2]), Blocks::Moved);
        assert_eq!(compare(&before, &[]), Blocks::Moved);
    }
}
