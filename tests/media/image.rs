//! A file system of its own in an image file, whose blocks the tests read themselves.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// File systems and how they are made; the sizes are the least that each allows.
pub(crate) const EXT4: Kind = Kind { name: "ext4", size: 24 << 20, force: "-F" };
pub(crate) const BTRFS: Kind = Kind { name: "btrfs", size: 128 << 20, force: "-f" };
pub(crate) const XFS: Kind = Kind { name: "xfs", size: 320 << 20, force: "-f" };

pub(crate) struct Kind {
    name: &'static str,
    size: u64,
    force: &'static str,
}

/// A file system that is mounted from an image. Unmounted as it is dropped.
pub(crate) struct Image {
    folder: tempfile::TempDir,
    mounted: bool,
}

impl Image {
    /// The reason when it cannot be had: no root, no loop device, no such file system.
    pub(crate) fn mount(kind: &Kind, options: &[&str]) -> Result<Self, String> {
        if !super::is_root() {
            return Err("a file system is mounted by root only".into());
        }
        let mut image = Self { folder: tempfile::tempdir().unwrap(), mounted: false };
        std::fs::create_dir(image.root()).unwrap();
        std::fs::File::create(image.path()).unwrap().set_len(kind.size).unwrap();
        run(&format!("mkfs.{}", kind.name), &["-q", kind.force, image.path().to_str().unwrap()])?;
        let options = [&["loop"], options].concat().join(",");
        run(
            "mount",
            &["-t", kind.name, "-o", &options, image.path().to_str().unwrap(), image.root().to_str().unwrap()],
        )?;
        image.mounted = true;
        Ok(image)
    }

    /// The image or nothing, with the reason printed.
    pub(crate) fn or_skip(test: &str, kind: &Kind, options: &[&str]) -> Option<Self> {
        Self::mount(kind, options).map_err(|reason| eprintln!("skipped {test}: {reason}")).ok()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// How many different pieces of the content, of 512 bytes each, are in the image's blocks.
    pub(crate) fn pieces(&self, content: &[u8]) -> usize {
        run("sync", &["-f", self.root().to_str().unwrap()]).unwrap();
        let image = std::fs::read(self.path()).unwrap();
        let pieces: HashSet<&[u8]> = content.chunks_exact(512).collect();
        // Blocks are whole multiples of that, wherever they are.
        let blocks = image.chunks_exact(512).filter(|block| pieces.contains(block));
        blocks.collect::<HashSet<_>>().len()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.mounted {
            let _ = run("umount", &[self.root().to_str().unwrap()]);
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| format!("{program}: {}", text.trim()))
}

/// Writes a file and makes it durable.
pub(crate) fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
    std::fs::File::open(path).unwrap().sync_all().unwrap();
}
