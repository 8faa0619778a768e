//! A real CUPS scheduler of the test's own, without a network: what it keeps of a printed document by default, what the settings of
//! `docs/printing.md` change, and what stays in the blocks of a disk all the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shokyo::media::Renderer;

use super::image::{EXT4, Image};
use super::{BINDING, is_root, pieces_in, random, vault};

const LENGTH: usize = 60_000;

const SCHEDULER: &str = "/usr/sbin/cupsd";

/// A backend (backend(7)) that is a printer: what comes is appended to a file, the paper. While there is a jam it waits, at most 20 seconds.
const BACKEND: &str = r#"#!/bin/sh
test $# -eq 0 && { echo 'direct paper "Paper" "Paper"'; exit 0; }
paper=${DEVICE_URI#paper:}
for i in $(seq 400); do test -e "$paper.jam" || break; sleep 0.05; done
exec cat "${6:--}" >> "$paper"
"#;

/// A scheduler with configuration, state and socket in a folder of its own. Stopped as it is dropped.
struct Cups {
    folder: tempfile::TempDir,
    scheduler: Child,
}

impl Cups {
    /// With these lines in `cupsd.conf`, and jobs in the folder `spool`.
    fn start(settings: &str, spool: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["root", "state", "cache", "log", "programs", "programs/backend"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::create_dir_all(spool.join("tmp")).unwrap();
        std::os::unix::fs::symlink("/usr/lib/cups/daemon", at("programs/daemon")).unwrap();
        fs::write(at("programs/backend/paper"), BACKEND).unwrap();
        fs::set_permissions(at("programs/backend/paper"), PermissionsExt::from_mode(0o700)).unwrap();
        let (base, socket, jobs) = (folder.path().display(), at("state/socket"), spool.display());
        let cupsd = format!(
            "Listen {}\nBrowsing No\nWebInterface No\nDefaultAuthType None\n\
             <Location />\n  Order allow,deny\n  Allow all\n</Location>\n\
             <Policy default>\n  <Limit All>\n    Order deny,allow\n  </Limit>\n</Policy>\n{settings}\n",
            socket.display()
        );
        let files = format!(
            "ServerRoot {base}/root\nServerBin {base}/programs\nDataDir /usr/share/cups\nStateDir {base}/state\n\
             CacheDir {base}/cache\nRequestRoot {jobs}\nTempDir {jobs}/tmp\nPrintcap {base}/state/printcap\n\
             ErrorLog {base}/log/error\nAccessLog {base}/log/access\nPageLog {base}/log/page\n"
        );
        fs::write(at("root/cupsd.conf"), cupsd).unwrap();
        fs::write(at("root/cups-files.conf"), files).unwrap();
        let scheduler = Command::new(SCHEDULER)
            .arg("-f")
            .arg("-c")
            .arg(at("root/cupsd.conf"))
            .arg("-s")
            .arg(at("root/cups-files.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let cups = Self { folder, scheduler };
        cups.wait("its socket", || socket.exists());
        let paper = format!("paper:{}", cups.paper().display());
        let queue = Command::new("/usr/sbin/lpadmin")
            .env("CUPS_SERVER", &socket)
            .args(["-p", "queue", "-E", "-v", &paper, "-m", "raw"])
            .stderr(Stdio::null())
            .status();
        assert!(queue.unwrap().success(), "{}", cups.log());
        cups
    }

    fn paper(&self) -> PathBuf {
        self.folder.path().join("paper")
    }

    /// Hands the document over to `lp` without a file, does something when CUPS has it, and waits until it is on paper and the job is
    /// over.
    fn print(&self, document: &[u8], meanwhile: impl FnOnce()) {
        let jam = self.folder.path().join("paper.jam");
        fs::write(&jam, "").unwrap();
        let sealed = vault().seal(BINDING, document).unwrap();
        let socket = self.folder.path().join("state/socket");
        let lp = ["-h", socket.to_str().unwrap(), "-d", "queue", "-o", "raw", Renderer::DOCUMENT];
        Renderer::new("/usr/bin/lp", lp).render(&sealed).unwrap().erase().unwrap();
        meanwhile();
        fs::remove_file(jam).unwrap();
        self.wait("the paper", || fs::metadata(self.paper()).is_ok_and(|paper| paper.len() == document.len() as u64));
        assert!(fs::read(self.paper()).unwrap() == document);
        self.wait("the job's end", || self.jobs().is_empty());
        assert!(sealed.erase().is_verified());
    }

    /// The jobs that are not over, as `lpstat` lists them.
    fn jobs(&self) -> String {
        let socket = self.folder.path().join("state/socket");
        let output = Command::new("/usr/bin/lpstat").arg("-h").arg(socket).arg("-o").output().unwrap();
        assert!(output.status.success(), "{}", self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log/error")).unwrap_or_default()
    }

    /// Waits at most 20 seconds.
    fn wait(&self, what: &str, mut there: impl FnMut() -> bool) {
        let start = Instant::now();
        while !there() {
            assert!(start.elapsed() < Duration::from_secs(20), "{what} does not come: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Cups {
    fn drop(&mut self) {
        // It takes its backends along when it is asked to end; it is not waited for longer than two seconds.
        let _ = Command::new("kill").arg(self.scheduler.id().to_string()).status();
        for _ in 0..200 {
            if !matches!(self.scheduler.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.scheduler.kill();
        let _ = self.scheduler.wait();
    }
}

/// The lines that `docs/printing.md` tells operators to set in `cupsd.conf`: those that are tested are those that are told.
fn settings() -> String {
    let page = include_str!("../../docs/printing.md");
    let (_, rest) = page.split_once("```cupsd.conf\n").expect("the page shows the settings");
    rest.split_once("```").unwrap().0.to_owned()
}

/// How many pieces of the document the files below a folder hold.
fn pieces_below(folder: &Path, document: &[u8]) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { pieces_below(&path, document) } else { pieces_in(&path, document) }).sum()
}

#[test]
fn cups_keeps_what_it_printed_unless_it_is_told_not_to_and_a_disk_keeps_it_then() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let test = "cups_keeps_what_it_printed_unless_it_is_told_not_to_and_a_disk_keeps_it_then";
    if !is_root() || ![SCHEDULER, "/usr/bin/lp", "/usr/sbin/lpadmin"].iter().all(|program| Path::new(program).exists())
    {
        return eprintln!("skipped {test}: root and the packages cups-daemon and cups-client are needed");
    }
    let document = random(LENGTH);
    let all = LENGTH / 512;

    // As it is installed.
    let spool = tempfile::tempdir_in("/dev/shm").unwrap();
    let cups = Cups::start("", spool.path());
    cups.print(&document, || ());
    assert_eq!(pieces_below(spool.path(), &document), all, "a printed document stays in the spool by default");
    drop(cups);

    // As an operator must set it.
    let spool = tempfile::tempdir_in("/dev/shm").unwrap();
    let cups = Cups::start(&settings(), spool.path());
    cups.print(&document, || ());
    cups.wait("the spool to be empty", || pieces_below(spool.path(), &document) == 0);
    assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 1, "nothing but the folder for temporary files");
    drop(cups);

    // The same settings, on a disk.
    let Some(disk) = Image::or_skip(test, &EXT4, &[]) else { return };
    let spool = disk.root().join("spool");
    let cups = Cups::start(&settings(), &spool);
    // The kernel may never write a file back that is removed at once: here the printer is slow, and it does.
    cups.print(&document, || assert_eq!(disk.pieces(&document), all));
    cups.wait("the spool to be empty", || pieces_below(&spool, &document) == 0);
    assert_eq!(disk.pieces(&document), all, "removing a file removes nothing from the blocks");
}
