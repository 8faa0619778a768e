//! The encrypted spool: what is in its files, and what a killed process leaves.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use shokyo::buffer::CopyClass;
use shokyo::media::Spool;
use shokyo::scan::{Needles, scan};
use shokyo::{EphemeralBuffer, Error};

use super::{BINDING, pieces_in, random, vault};

const LENGTH: usize = 100_001;

fn sealed_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "sealed")).collect()
}

fn private_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    folder
}

fn is(document: &EphemeralBuffer, plain: &[u8]) -> Result<bool, Error> {
    document.ct_eq(plain)
}

#[test]
fn a_document_comes_back_from_the_spool_as_it_was_and_is_erased_with_its_key() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let (folder, vault) = (private_folder(), vault());
    let spool = Spool::open(folder.path()).unwrap();
    for length in [0, 1, 16_384, LENGTH] {
        let plain = random(length);
        let mut spooled = spool.keep(vault.seal(BINDING, &plain).unwrap()).unwrap();
        assert_eq!(spooled.len(), length as u64);
        let files = sealed_files(folder.path());
        assert_eq!(files.len(), 1);
        assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
        for _ in 0..2 {
            assert!(spooled.read(|document| is(document, &plain)).unwrap());
        }
        let done = spooled.erase().unwrap();
        let evidence = done.evidence.unwrap();
        assert!(evidence.is_verified() && evidence.key().is_some(), "{evidence:?}");
        assert!(done.file.removed && done.file.bytes > length as u64);
        assert!(sealed_files(folder.path()).is_empty());
    }
}

#[test]
fn no_erasure_of_a_document_is_verified_while_a_copy_is_in_the_spool() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let (folder, vault, plain) = (private_folder(), vault(), random(LENGTH));
    let spool = Spool::open(folder.path()).unwrap();

    let document = vault.seal(BINDING, &plain).unwrap();
    let mut copy = spool.copy_of(&document).unwrap();
    assert_eq!(document.living_copies(), 1);
    assert!(copy.read(|document| is(document, &plain)).unwrap());
    copy.erase().unwrap();
    assert_eq!(document.living_copies(), 0);
    let evidence = document.erase();
    assert!(evidence.is_verified(), "{evidence:?}");
    assert!(evidence.copies().any(|copy| copy.class == CopyClass::Spool && copy.verified > 0), "{evidence:?}");

    let document = vault.seal(BINDING, &plain).unwrap();
    let copy = spool.copy_of(&document).unwrap();
    let evidence = document.erase();
    assert!(!evidence.is_verified());
    assert!(evidence.copies().any(|copy| copy.class == CopyClass::Spool && copy.failed == 1), "{evidence:?}");
    assert!(matches!(copy.erase(), Err(Error::WrongState { .. })), "too late to be told, and erased all the same");
    assert!(sealed_files(folder.path()).is_empty());

    let document = vault.seal(BINDING, &plain).unwrap();
    drop(spool.copy_of(&document).unwrap());
    assert!(document.erase().is_verified(), "a copy that is dropped is erased");

    let document = vault.seal(BINDING, &plain).unwrap();
    let copy = spool.copy_of(&document).unwrap();
    fs::remove_file(&sealed_files(folder.path())[0]).unwrap();
    assert!(copy.erase().is_err());
    assert!(!document.erase().is_verified(), "the file was taken away, and nobody knows where to");
}

#[test]
fn a_file_that_was_altered_cut_or_swapped_does_not_open() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let (folder, vault, plain) = (private_folder(), vault(), random(LENGTH));
    let spool = Spool::open(folder.path()).unwrap();
    type Change = fn(&File);
    let flip: Change = |file| {
        let mut byte = [0];
        file.read_exact_at(&mut byte, 50_000).unwrap();
        file.write_all_at(&[byte[0] ^ 1], 50_000).unwrap();
    };
    for change in [flip, |file| file.set_len(50_000).unwrap(), |file| file.set_len(0).unwrap()] {
        let mut spooled = spool.keep(vault.seal(BINDING, &plain).unwrap()).unwrap();
        change(&File::options().read(true).write(true).open(&sealed_files(folder.path())[0]).unwrap());
        let error = spooled.read(|_| -> Result<(), Error> { panic!("nothing authentic can be shown") }).unwrap_err();
        assert!(matches!(error, Error::NotAuthentic | Error::Mismatch { .. } | Error::Malformed { .. }), "{error}");
    }
    let mut spooled = spool.keep(vault.seal(BINDING, &plain).unwrap()).unwrap();
    let panics = || spooled.read(|_| -> Result<(), Error> { panic!("a reader's own fault") });
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
    assert!(!spooled.erase().unwrap().evidence.unwrap().is_verified(), "the key went without evidence");

    let mut one = spool.keep(vault.seal(BINDING, &plain).unwrap()).unwrap();
    let first = sealed_files(folder.path()).remove(0);
    let mut other = spool.keep(vault.seal(BINDING, &plain).unwrap()).unwrap();
    let second = sealed_files(folder.path()).into_iter().find(|path| *path != first).unwrap();
    fs::copy(&first, &second).unwrap();
    assert!(one.read(|document| is(document, &plain)).unwrap());
    assert_eq!(other.read(|document| is(document, &plain)), Err(Error::NotAuthentic), "each file has a key of its own");
}

#[test]
fn a_spool_is_its_owners_alone_and_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("new")).unwrap();
    assert_eq!(fs::metadata(folder.path().join("new")).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(matches!(Spool::open(&folder.path().join("new")), Err(Error::Busy { .. })));
    drop(spool);
    Spool::open(&folder.path().join("new")).unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    assert!(matches!(Spool::open(folder.path()), Err(Error::Refused { .. })));
    std::os::unix::fs::symlink(folder.path().join("new"), folder.path().join("link")).unwrap();
    assert!(matches!(Spool::open(&folder.path().join("link")), Err(Error::Refused { .. })));
}

/// A process that has a document in its spool and waits.
struct Station {
    child: Child,
    control: Vec<u8>,
}

impl Station {
    fn start(folder: &Path, sealed: bool, document: &[u8]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "spool::a_station_with_a_spool", "--nocapture", "--test-threads=1"])
            .env("SHOKYO_SPOOL", folder)
            .env("SHOKYO_SPOOL_SEALED", if sealed { "yes" } else { "no" })
            .env("SHOKYO_FAULTS", "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let control = random(32);
        let mut input = child.stdin.take().unwrap();
        input.write_all(&control).unwrap();
        input.write_all(document).unwrap();
        drop(input);
        let mut byte = [0];
        while byte[0] != 1 {
            child.stdout.as_mut().unwrap().read_exact(&mut byte).expect("the station ended early");
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
        Self { child, control }
    }

    fn hits(&self, document: &[u8]) -> u64 {
        let id = i32::try_from(self.child.id()).unwrap();
        let report = scan(id, &Needles::of_document(document), &self.control, None).unwrap();
        assert!(report.control_found && report.assessable, "{report}");
        report.total_hits()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
#[ignore = "the program that the test below starts and kills"]
fn a_station_with_a_spool() {
    let Some(folder) = std::env::var_os("SHOKYO_SPOOL").map(PathBuf::from) else { return };
    let mut input = File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let mut control = [0; 32];
    input.read_exact(&mut control).unwrap();
    let mut held = Vec::new();
    if std::env::var("SHOKYO_SPOOL_SEALED").unwrap() == "yes" {
        let spool = Spool::open(&folder).unwrap();
        let mut writer = vault().writer(BINDING).unwrap();
        writer.copy_from(&mut input).unwrap();
        let document = writer.finish().unwrap();
        let mut copy = spool.copy_of(&document).unwrap();
        copy.read(EphemeralBuffer::authenticate).unwrap();
        copy.read(|document| document.for_each_window(|_, _| Ok(()))).unwrap();
        held.push((copy, spool.keep(vault().seal(BINDING, b"another").unwrap()).unwrap()));
        wait(&control, (held, spool, document));
    } else {
        // What a program does that knows nothing of this.
        let mut plain = Vec::new();
        input.read_to_end(&mut plain).unwrap();
        fs::write(folder.join("document.sealed"), &plain).unwrap();
        wait(&control, plain);
    }
}

/// Says that everything is there, and keeps it.
fn wait<T>(control: &[u8; 32], everything: T) -> ! {
    std::io::stdout().write_all(&[1]).unwrap();
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::sleep(std::time::Duration::from_secs(60));
        std::hint::black_box((control, &everything));
    }
}

#[test]
fn a_killed_process_leaves_nothing_that_can_be_read_and_the_next_one_reports_and_overwrites_it() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let document = random(LENGTH);
    for sealed in [true, false] {
        let folder = private_folder();
        let station = Station::start(folder.path(), sealed, &document);
        let in_memory = station.hits(&document);
        station.kill();
        let files = sealed_files(folder.path());
        let in_files: usize = files.iter().map(|file| pieces_in(file, &document)).sum();
        if sealed {
            assert_eq!((files.len(), in_memory, in_files), (2, 0, 0));
        } else {
            assert!(in_memory > 0 && in_files == LENGTH / 512, "the control: what is in the clear is found");
        }
        let spool = Spool::open(folder.path()).unwrap();
        assert_eq!(spool.leftovers().len(), files.len());
        for leftover in spool.leftovers() {
            assert!(leftover.outcome.as_ref().is_ok_and(|done| done.removed && done.bytes > 0), "{leftover:?}");
        }
        assert!(sealed_files(folder.path()).is_empty());
        drop(spool);
        assert!(Spool::open(folder.path()).unwrap().leftovers().is_empty(), "told once");
    }
}
