//! Checks of what the kernel does with memory.

use shokyo::platform::host::HostMemory;

use super::check::Finding;
use super::host::Host;

/// Bytes that a station locks, and that the smallest vault locks (README, "Limits").
const STATION: u64 = 452 * 1024;
const SMALLEST: u64 = 64 * 1024;

/// `CAP_IPC_LOCK`: the limit does not hold.
const MAY_LOCK_ALL: u64 = 1 << 14;

pub(super) fn locked_memory(host: &Host) -> Finding {
    let capabilities = host.text("proc/self/status").unwrap_or_default();
    let effective = capabilities.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let limit = match host.limit("Max locked memory") {
        Ok(limit) => limit,
        Err(unseen) => return unseen.into(),
    };
    let remedy = "set LimitMEMLOCK=1M in the station's service unit, or raise `ulimit -l`";
    let kib = limit / 1024;
    match limit {
        u64::MAX => Finding::good("there is no limit on locked memory"),
        STATION.. => Finding::good(format!("{kib} KiB may be locked; a station needs {} KiB", STATION / 1024)),
        _ if effective & MAY_LOCK_ALL != 0 => Finding::weak(
            format!("only a privilege (CAP_IPC_LOCK) lifts the limit of {kib} KiB; a station should not have it"),
            remedy,
        ),
        SMALLEST.. => Finding::weak(
            format!(
                "{kib} KiB may be locked: enough for the smallest vault, but a station needs {} KiB",
                STATION / 1024
            ),
            remedy,
        ),
        _ => Finding::bad(
            format!("{kib} KiB may be locked: no vault opens in strict mode, and others can be written to swap"),
            remedy,
        ),
    }
}

/// Whether memory that is not locked can be written to a disk, and what is there then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Swap {
    None,
    /// Every area is encrypted, or is memory itself.
    Protected(String),
    /// Named: an area that is neither.
    Plain(String),
    /// It cannot be seen, as in a container, or what an area is cannot.
    Unknown(String),
}

pub(super) fn swap_of(host: &Host) -> Swap {
    match HostMemory::under(host.root()).swap {
        None => return Swap::Unknown("/proc/swaps cannot be read".into()),
        Some(false) => return Swap::None,
        Some(true) => {}
    }
    let listed = host.text("proc/swaps").unwrap_or_default();
    let mut unknown = None;
    let mut protected = Vec::new();
    for line in listed.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let mut fields = line.split_whitespace();
        let (area, kind) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let name = area.rsplit('/').next().unwrap_or_default();
        let device = format!("block/{name}");
        if kind == "file" {
            return Swap::Plain(format!("{area}, a file; whether the file system below is encrypted is not looked at"));
        }
        if name.starts_with("zram") {
            match host.text(&format!("sys/{device}/backing_dev")) {
                Ok(backing) if backing.trim() != "none" => {
                    return Swap::Plain(format!("{area}, which writes back to {}", backing.trim()));
                }
                _ => protected.push(format!("{area}, memory itself")),
            }
            continue;
        }
        // Partitions are below their disk in /sys/block; /sys/class/block has them all.
        match host.is_encrypted(&device).or_else(|| host.is_encrypted(&format!("class/block/{name}"))) {
            Some(true) => protected.push(format!("{area}, encrypted")),
            Some(false) => return Swap::Plain(format!("{area}, not encrypted")),
            None => unknown = Some(format!("{area}: whether it is encrypted cannot be seen")),
        }
    }
    unknown.map_or(Swap::Protected(protected.join("; ")), Swap::Unknown)
}

pub(super) fn swap(host: &Host) -> Finding {
    let remedy = "turn swap off (swapoff -a, and its line in /etc/fstab), or encrypt it with a key of each boot (crypttab: \
                  /dev/urandom, swap)";
    match swap_of(host) {
        Swap::None => Finding::good("no swap area is in use"),
        Swap::Protected(areas) => Finding::good(format!("swap: {areas}")),
        Swap::Plain(area) => Finding::bad(
            format!("swap goes to {area}: memory that is not locked, a viewer's or a printer driver's, can stay there"),
            remedy,
        ),
        Swap::Unknown(why) => Finding::unknown(why, remedy),
    }
}

pub(super) fn hibernation(host: &Host) -> Finding {
    let remedy = "systemctl mask hibernate.target hybrid-sleep.target suspend-then-hibernate.target, or boot with \
                  nohibernate";
    match (HostMemory::under(host.root()).hibernation, swap_of(host)) {
        (Some(false), _) => Finding::good("the kernel cannot hibernate"),
        (Some(true), Swap::None) => Finding::weak(
            "the kernel can hibernate, once there is a swap area: all memory, locked memory too, would be written there",
            remedy,
        ),
        (Some(true), _) => {
            Finding::bad("the host can hibernate: all memory, locked memory too, would be written to its disk", remedy)
        }
        (None, _) => Finding::unknown("/sys/power/state cannot be read", remedy),
    }
}

pub(super) fn secret_memory(host: &Host) -> Finding {
    let remedy = "Linux 5.14 or newer on x86-64 or AArch64; before 6.5 boot with secretmem.enable=1";
    match host.calls.secret_memory {
        Some(true) => Finding::good("memfd_secret: neither root nor a debugger can read a vault through the kernel"),
        Some(false) => Finding::weak(
            "memfd_secret cannot be had (the kernel, a sandbox, or the limit on locked memory): root and debuggers can read a vault",
            remedy,
        ),
        None => Finding::unknown("no vault could be opened to try memfd_secret", "see locked-memory"),
    }
}

pub(super) fn init_on_free(host: &Host) -> Finding {
    let remedy = "boot with init_on_free=1";
    let zeroed = "the kernel zeroes pages when they are freed";
    let stays = "freed pages keep what was in them until they are used again";
    let command_line = host.text("proc/cmdline");
    let asked = command_line.as_deref().unwrap_or_default().split_whitespace().rev();
    match asked.filter_map(|word| word.strip_prefix("init_on_free=")).next() {
        Some("1" | "y" | "on") => return Finding::good(format!("{zeroed} (init_on_free=1)")),
        Some(_) => return Finding::weak(format!("{stays} (init_on_free=0)"), remedy),
        None => {}
    }
    let release = host.text("proc/sys/kernel/osrelease").unwrap_or_default();
    let built = host.text(&format!("boot/config-{}", release.trim()));
    match (command_line, built) {
        (Err(unseen), _) => unseen.into(),
        (Ok(_), Ok(built)) if built.lines().any(|line| line == "CONFIG_INIT_ON_FREE_DEFAULT_ON=y") => {
            Finding::good(format!("{zeroed} (built in)"))
        }
        (Ok(_), Ok(_)) => Finding::weak(stays, remedy),
        (Ok(_), Err(unseen)) => {
            Finding::unknown(format!("init_on_free is not on the kernel's command line, and {unseen}"), remedy)
        }
    }
}

pub(super) fn huge_pages(host: &Host) -> Finding {
    match host.text("sys/kernel/mm/transparent_hugepage/enabled") {
        Ok(text) if text.contains("[always]") => Finding::weak(
            "transparent huge pages for all: the kernel copies pages together, and the old ones keep their content until used again",
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, or boot with transparent_hugepage=madvise",
        ),
        Ok(text) if text.contains("[madvise]") => {
            Finding::good("transparent huge pages only where a program asks for them")
        }
        Ok(text) if text.contains("[never]") => Finding::good("no transparent huge pages"),
        Ok(_) => Finding::unknown("transparent_hugepage/enabled says none of always, madvise and never", "tell us"),
        Err(unseen) if unseen.is_missing() && host.has("sys/kernel/mm") => {
            Finding::good("this kernel has no transparent huge pages")
        }
        Err(unseen) => unseen.into(),
    }
}

pub(super) fn page_merging(host: &Host) -> Finding {
    match host.number("sys/kernel/mm/ksm/run") {
        Ok(1) => Finding::weak(
            "equal pages of different processes are merged (KSM): others can find out by timing what is in a page",
            "echo 2 > /sys/kernel/mm/ksm/run; stations also switch it off for themselves (Hardening::no_page_merging)",
        ),
        Ok(_) => Finding::good("equal pages are not merged (KSM is off)"),
        Err(unseen) if unseen.is_missing() && host.has("sys/kernel/mm") => {
            Finding::good("this kernel does not merge pages")
        }
        Err(unseen) => unseen.into(),
    }
}
