//! What stores a file: its file system and the device below, read from the kernel's files. What cannot be read is said to be unknown.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::report::Remainder;

/// What is known of a medium.
#[derive(Debug)]
pub(super) struct Medium {
    /// The file system's type.
    pub(super) file_system: String,
    /// What it means for files on it.
    pub(super) remainders: Vec<Remainder>,
    /// Whether the files stand in memory only.
    pub(super) in_memory: bool,
}

impl Medium {
    /// The medium of an open file.
    pub(super) fn of(file: &File) -> Self {
        let mount = mount_number(file).and_then(|number| {
            fs::read_to_string("/proc/self/mountinfo").ok().and_then(|text| Mount::find(&text, &number))
        });
        mount.map_or_else(
            || Self { file_system: "unknown".into(), remainders: vec![Remainder::UnknownDevice], in_memory: false },
            |mount| mount.medium(Path::new("/")),
        )
    }
}

/// The number of the mount that the file was opened on: the same file may be seen through several.
fn mount_number(file: &File) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    text.lines().find_map(|line| line.strip_prefix("mnt_id:")).map(|number| number.trim().to_owned())
}

/// A line of `/proc/self/mountinfo` (proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    device: String,
    file_system: String,
    source: String,
    options: String,
}

impl Mount {
    fn find(mountinfo: &str, number: &str) -> Option<Self> {
        let line = mountinfo.lines().find(|line| line.split(' ').next() == Some(number))?;
        let (of_the_mount, of_the_file_system) = line.split_once(" - ")?;
        let (mut left, mut right) = (of_the_mount.split(' ').skip(2), of_the_file_system.split(' '));
        let device = left.next()?.to_owned();
        let mount_options = left.nth(2).unwrap_or_default();
        let (file_system, source) = (right.next()?.to_owned(), right.next()?.to_owned());
        let options = format!("{mount_options},{}", right.next().unwrap_or_default());
        Some(Self { device, file_system, source, options })
    }

    fn medium(&self, root: &Path) -> Medium {
        let mut remainders = Vec::new();
        let in_memory = matches!(self.file_system.as_str(), "tmpfs" | "ramfs" | "hugetlbfs");
        let mut has_device = true;
        match self.file_system.as_str() {
            "tmpfs" => remainders.push(Remainder::Memory),
            "ramfs" | "hugetlbfs" => {}
            // f2fs and the others never write in place, or at times do not.
            "btrfs" | "zfs" | "bcachefs" | "nilfs2" | "f2fs" => remainders.push(Remainder::CopyOnWrite),
            "overlay" | "aufs" | "unionfs" => {
                remainders.push(Remainder::Overlay);
                has_device = false;
            }
            "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "ceph" | "9p" | "afs" | "glusterfs" | "virtiofs"
            | "lustre" | "ocfs2" | "gfs2" => {
                remainders.push(Remainder::Network);
                has_device = false;
            }
            name if name == "fuse" || name.starts_with("fuse.") => {
                remainders.push(Remainder::UserSpace);
                has_device = false;
            }
            "fuseblk" => remainders.push(Remainder::UserSpace),
            _ => {}
        }
        if self.journals_data(root) {
            remainders.push(Remainder::DataJournal);
        }
        if has_device && !in_memory {
            match self.device_folder(root) {
                Some(folder) => of_device(&folder, &mut remainders),
                None => remainders.push(Remainder::UnknownDevice),
            }
        }
        if self.options.split(',').any(|option| option == "discard" || option.starts_with("discard=")) {
            remainders.push(Remainder::Discard);
        }
        Medium { file_system: self.file_system.clone(), remainders, in_memory }
    }

    /// `data=journal` among the options; when it is a default of the file system (`tune2fs -o journal_data`), only its own list has it.
    fn journals_data(&self, root: &Path) -> bool {
        let is_option = |option: &str| option.trim() == "data=journal";
        let name = Path::new(&self.source).file_name().unwrap_or_default();
        let own = root.join("proc/fs").join(&self.file_system).join(name).join("options");
        self.options.split(',').any(is_option)
            || fs::read_to_string(own).is_ok_and(|options| options.lines().any(is_option))
    }

    /// The device's folder in sysfs.
    fn device_folder(&self, root: &Path) -> Option<PathBuf> {
        let blocks = root.join("sys/dev/block");
        let numbers = if self.device.starts_with("0:") {
            // A file system that has several devices says only which one it was mounted by.
            let device = fs::metadata(&self.source).ok()?.rdev();
            format!("{}:{}", (device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF_FF00))
        } else {
            self.device.clone()
        };
        fs::canonicalize(blocks.join(numbers)).ok()
    }
}

/// What a block device says of itself. A partition's folder stands in that of its disk.
fn of_device(folder: &Path, remainders: &mut Vec<Remainder>) {
    let disk = if folder.join("partition").exists() { folder.parent().unwrap_or(folder) } else { folder };
    if disk.join("loop").exists() {
        remainders.push(Remainder::LoopDevice);
    }
    let has_parts = fs::read_dir(disk.join("slaves")).is_ok_and(|mut parts| parts.next().is_some());
    if has_parts || disk.join("dm").exists() || disk.join("md").exists() {
        remainders.push(Remainder::StackedDevice);
    }
    let says = |name: &str| fs::read_to_string(disk.join("queue").join(name)).ok().map(|text| text.trim().to_owned());
    match says("rotational").as_deref() {
        Some("0") => remainders.push(Remainder::SolidState),
        Some(_) => {}
        None => remainders.push(Remainder::UnknownDevice),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,discard
22 21 0:31 / /tmp rw - tmpfs tmpfs rw,size=4k
23 21 7:0 / /mnt rw,relatime - ext4 /dev/loop0 rw,data=journal
24 21 0:40 / /container rw - overlay overlay rw,lowerdir=/a,upperdir=/b
25 21 0:41 / /share rw - nfs4 host:/share rw
26 21 0:42 / /own rw - fuse.sshfs host: rw
27 21 253:0 / /vg rw - xfs /dev/mapper/vg rw
28 21 0:43 / /b rw - btrfs /no/such/device rw
";

    fn host() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        make("sys/dev/block/8:1/partition", "1\n");
        make("sys/dev/block/queue/rotational", "1\n");
        make("sys/dev/block/7:0/loop/backing_file", "/image\n");
        make("sys/dev/block/7:0/queue/rotational", "1\n");
        make("sys/dev/block/253:0/queue/rotational", "0\n");
        make("sys/dev/block/253:0/dm/name", "vg\n");
        make("sys/dev/block/253:0/slaves/sdb", "");
        root
    }

    #[test]
    fn each_medium_is_told_by_what_the_kernel_says() {
        use Remainder::*;
        let root = host();
        let told = |number: &str| Mount::find(MOUNTS, number).unwrap().medium(root.path()).remainders;
        assert_eq!(told("21"), [Discard]);
        assert_eq!(told("22"), [Memory]);
        assert_eq!(told("23"), [DataJournal, LoopDevice]);
        assert_eq!(told("24"), [Overlay]);
        assert_eq!(told("25"), [Network]);
        assert_eq!(told("26"), [UserSpace]);
        assert_eq!(told("27"), [StackedDevice, SolidState]);
        assert_eq!(told("28"), [CopyOnWrite, UnknownDevice]);
        assert_eq!(Mount::find(MOUNTS, "2"), None);
    }

    #[test]
    fn a_journal_of_content_by_default_is_found_where_only_the_file_system_tells_it() {
        let root = host();
        let own = root.path().join("proc/fs/ext4/sda1");
        fs::create_dir_all(&own).unwrap();
        let journalled = || Mount::find(MOUNTS, "21").unwrap().journals_data(root.path());
        fs::write(own.join("options"), "rw\ndata=ordered\n").unwrap();
        assert!(!journalled());
        fs::write(own.join("options"), "rw\ndata=journal\n").unwrap();
        assert!(journalled());
    }
}
