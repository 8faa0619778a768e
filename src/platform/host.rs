//! What the host does with memory that a process cannot prevent: swap and hibernation, read from the kernel's files.
//!
//! It only looks. Nothing here decides what that means for a receipt, and what cannot be read is said to be unknown, never to be off.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

/// What is known of the host's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostMemory {
    /// Whether a swap area is in use: memory that is not locked may be written to it. `None`: unknown.
    pub swap: Option<bool>,
    /// Whether the host can hibernate: an image of all memory, locked memory too, would be written to its disk. `None`: unknown.
    pub hibernation: Option<bool>,
}

impl HostMemory {
    /// Reads the running host.
    #[must_use]
    pub fn of_this_host() -> Self {
        Self::under(Path::new("/"))
    }

    /// Reads the files of a host whose root is this directory.
    #[must_use]
    pub fn under(root: &Path) -> Self {
        Self { swap: swap(root), hibernation: hibernation(root) }
    }
}

/// `/proc/swaps`: a heading, and a line for each area in use.
fn swap(root: &Path) -> Option<bool> {
    let swaps = fs::read_to_string(root.join("proc/swaps")).ok()?;
    let mut lines = swaps.lines();
    lines.next().filter(|heading| heading.starts_with("Filename")).map(|_| lines.any(|line| !line.trim().is_empty()))
}

/// `/sys/power/state` names `disk` when the kernel can hibernate; `/sys/power/disk` says whether that is disabled, as by lockdown
/// (Documentation/admin-guide/pm/sleep-states.rst).
fn hibernation(root: &Path) -> Option<bool> {
    let state = fs::read_to_string(root.join("sys/power/state")).ok()?;
    if !state.split_whitespace().any(|state| state == "disk") {
        return Some(false);
    }
    // With `disk` among the states and no word about the way, it is possible.
    let way = fs::read_to_string(root.join("sys/power/disk")).unwrap_or_default();
    Some(!way.contains("[disabled]"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A host with these files.
    fn host(swaps: Option<&str>, state: Option<&str>, disk: Option<&str>) -> HostMemory {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc")).unwrap();
        fs::create_dir_all(root.path().join("sys/power")).unwrap();
        for (name, text) in [("proc/swaps", swaps), ("sys/power/state", state), ("sys/power/disk", disk)] {
            if let Some(text) = text {
                fs::write(root.path().join(name), text).unwrap();
            }
        }
        HostMemory::under(root.path())
    }

    const HEADING: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    #[test]
    fn swap_is_on_when_an_area_is_listed_and_only_then() {
        let listed = std::format!("{HEADING}/dev/sda2                               partition\t999420\t\t0\t\t-2\n");
        assert_eq!(host(Some(&listed), None, None).swap, Some(true));
        assert_eq!(host(Some(HEADING), None, None).swap, Some(false));
        for unreadable in [None, Some(""), Some("something else\n/dev/sda2\n")] {
            assert_eq!(host(unreadable, None, None).swap, None, "{unreadable:?}");
        }
    }

    #[test]
    fn hibernation_is_possible_unless_the_kernel_says_that_it_is_not() {
        let of = |state, disk| host(None, state, disk).hibernation;
        assert_eq!(of(Some("freeze mem disk\n"), Some("[platform] shutdown reboot suspend\n")), Some(true));
        assert_eq!(of(Some("freeze mem disk\n"), None), Some(true));
        assert_eq!(of(Some("freeze mem disk\n"), Some("[disabled]\n")), Some(false));
        assert_eq!(of(Some("freeze mem\n"), Some("[platform] shutdown\n")), Some(false));
        assert_eq!(of(Some("\n"), None), Some(false));
        assert_eq!(of(None, None), None, "a container may hide it");
    }

    #[test]
    fn this_host_is_read_without_an_error() {
        let here = HostMemory::of_this_host();
        assert_eq!(here.swap.is_some(), Path::new("/proc/swaps").exists());
    }
}
