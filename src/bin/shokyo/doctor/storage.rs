//! Checks of what folders are on: memory, or a medium that keeps what was deleted.

use std::path::Path;

use super::check::{Finding, State};
use super::host::{Host, Unseen};
use super::memory::{Swap, swap_of};

/// File systems that write changed blocks elsewhere, or hand them to another machine or another file system.
const ELSEWHERE: [&str; 11] =
    ["btrfs", "zfs", "bcachefs", "f2fs", "nilfs2", "overlay", "nfs", "nfs4", "cifs", "9p", "virtiofs"];

/// What a folder is on.
#[derive(Clone, Debug, Default)]
struct Mount {
    at: String,
    kind: String,
    /// Major and minor number, as `8:1`.
    device: String,
    source: String,
    options: String,
}

/// The innermost mount that holds `folder` (`/proc/self/mountinfo`, proc_pid_mountinfo(5)).
fn mount(host: &Host, folder: &Path) -> Result<Option<Mount>, Unseen> {
    let text = host.text("proc/self/mountinfo")?;
    let mounts = text.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(2);
        let (device, at) = (left.next()?, left.nth(1)?);
        let mut right = right.split(' ');
        let (kind, source, options) = (right.next()?, right.next()?, right.next().unwrap_or_default());
        let at = at.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
        Some(Mount { at, kind: kind.into(), device: device.into(), source: source.into(), options: options.into() })
    });
    // Of two at the same place the later covers the earlier.
    Ok(mounts
        .filter(|mount| folder.starts_with(&mount.at))
        .max_by_key(|mount| Path::new(&mount.at).components().count()))
}

pub(super) fn temporary(host: &Host) -> Finding {
    folder(host, &host.temporary)
}

/// All folders that were named, the worst of them.
pub(super) fn folders(host: &Host) -> Finding {
    let findings = host.folders.iter().map(|path| folder(host, path));
    let worst = findings.max_by_key(|finding| finding.state);
    worst.unwrap_or_else(|| Finding::good("no folder was named with --folder"))
}

fn folder(host: &Host, path: &Path) -> Finding {
    let mount = match mount(host, path) {
        Ok(Some(mount)) => mount,
        Ok(None) => return Finding::unknown(format!("no mount holds {}", path.display()), "give an absolute path"),
        Err(unseen) => return unseen.into(),
    };
    let (folder, kind) = (path.display(), &mount.kind);
    let remedy = "put it on a tmpfs: a line in /etc/fstab, tmp.mount, or TemporaryFileSystem= in the service unit";
    if matches!(kind.as_str(), "tmpfs" | "ramfs") {
        return match swap_of(host) {
            Swap::Plain(area) if kind == "tmpfs" => {
                Finding::weak(format!("{folder} is in memory (tmpfs), which can be written to {area}"), "see swap")
            }
            _ => Finding::good(format!("{folder} is in memory ({kind})")),
        };
    }
    if ELSEWHERE.contains(&kind.as_str()) || kind.starts_with("fuse") {
        return Finding::bad(
            format!("{folder} is on {kind}, which puts changed blocks elsewhere: what was overwritten stays readable"),
            remedy,
        );
    }
    if mount.options.split(',').any(|option| option == "data=journal") {
        let reason = format!("{folder} is on {kind} with data=journal: copies of contents stay in the journal");
        return Finding::bad(reason, remedy);
    }
    match host.is_encrypted(&format!("dev/block/{}", mount.device)) {
        Some(true) => Finding::good(format!("{folder} is on {kind} on an encrypted device ({})", mount.source)),
        Some(false) => {
            let reason =
                format!("{folder} is on {kind} ({}), not encrypted: what is deleted stays on the medium", mount.source);
            Finding { state: State::Weak, ..Finding::bad(reason, remedy) }
        }
        None => Finding::unknown(
            format!("{folder} is on {kind} ({}); whether that is encrypted cannot be seen", mount.source),
            remedy,
        ),
    }
}
