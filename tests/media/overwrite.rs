//! Overwriting files: the blocks themselves are looked at.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use shokyo::Error;
use shokyo::media::{Blocks, OverwriteOptions, Overwritten, ReadBack, Remainder, overwrite};

use super::image::{BTRFS, EXT4, Image, XFS, write};
use super::{is_root, random};

const LENGTH: usize = 300_001;

fn keep() -> OverwriteOptions {
    let mut options = OverwriteOptions::default();
    options.keep = true;
    options
}

fn done(path: &Path) -> Overwritten {
    overwrite(path, OverwriteOptions::default()).unwrap()
}

#[test]
fn nothing_of_an_overwritten_file_is_in_the_blocks() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let Some(image) = Image::or_skip("nothing_of_an_overwritten_file_is_in_the_blocks", &EXT4, &[]) else { return };
    let (overwritten, unlinked) = (random(LENGTH), random(LENGTH));
    let (file, control) = (image.root().join("file"), image.root().join("control"));
    write(&file, &overwritten);
    write(&control, &unlinked);
    assert_eq!(image.pieces(&overwritten), LENGTH / 512, "the blocks can be read");

    let report = done(&file);
    fs::remove_file(&control).unwrap();
    assert_eq!(image.pieces(&overwritten), 0);
    assert_eq!(image.pieces(&unlinked), LENGTH / 512, "the control: unlinking alone leaves everything");

    assert_eq!((report.bytes, report.read_back, report.blocks), (LENGTH as u64, ReadBack::Device, Blocks::Same));
    assert_eq!((report.file_system.as_str(), report.removed), ("ext4", true));
    assert!(!file.exists());
    assert!(report.remainders.contains(&Remainder::LoopDevice), "{report:?}");
    assert!(!report.remainders.contains(&Remainder::DataJournal), "{report:?}");
    assert!(report.remainders.contains(&Remainder::EarlierCopies), "{report:?}");
}

#[test]
fn copies_in_a_journal_of_content_are_told() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let Some(image) = Image::or_skip("copies_in_a_journal_of_content_are_told", &EXT4, &["data=journal"]) else {
        return;
    };
    let content = random(LENGTH);
    let file = image.root().join("file");
    write(&file, &content);
    let report = done(&file);
    assert!(report.remainders.contains(&Remainder::DataJournal), "{report:?}");
    assert!(image.pieces(&content) > 0, "the report is right: the journal still holds content");
}

#[test]
fn where_the_file_system_copies_on_write_the_old_blocks_are_told_and_hold_the_content() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let test = "where_the_file_system_copies_on_write_the_old_blocks_are_told_and_hold_the_content";
    let Some(image) = Image::or_skip(test, &BTRFS, &[]) else { return };
    let content = random(LENGTH);
    let file = image.root().join("file");
    write(&file, &content);
    let report = done(&file);
    assert_eq!((report.file_system.as_str(), report.blocks), ("btrfs", Blocks::Moved));
    assert!(report.remainders.contains(&Remainder::OldBlocks), "{report:?}");
    assert!(report.remainders.contains(&Remainder::CopyOnWrite), "{report:?}");
    assert!(report.remainders.contains(&Remainder::LoopDevice), "the device below is found: {report:?}");
    assert!(image.pieces(&content) > LENGTH / 512 / 2, "the report is right");
}

#[test]
fn blocks_that_another_file_shares_are_told() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let Some(image) = Image::or_skip("blocks_that_another_file_shares_are_told", &XFS, &[]) else { return };
    let content = random(LENGTH);
    for shared in [false, true] {
        let (file, other) = (image.root().join("file"), image.root().join("other"));
        write(&file, &content);
        if shared {
            let copied = Command::new("cp").arg("--reflink=always").args([&file, &other]).status().unwrap();
            assert!(copied.success());
        }
        let report = done(&file);
        assert_eq!(report.blocks, if shared { Blocks::Moved } else { Blocks::Same }, "{report:?}");
        assert_eq!(report.remainders.contains(&Remainder::SharedBlocks), shared, "{report:?}");
        assert_eq!(report.remainders.contains(&Remainder::OldBlocks), shared, "{report:?}");
        assert_eq!(image.pieces(&content), if shared { LENGTH / 512 } else { 0 }, "the report is right");
    }
}

#[test]
fn a_file_that_stays_holds_zeros_and_other_names_are_told() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("file"), folder.path().join("other"));
    write(&file, &random(5000));
    fs::hard_link(&file, &other).unwrap();
    let mut holder = Command::new("sleep").arg("60").stdin(fs::File::open(&file).unwrap()).spawn().unwrap();
    let report = overwrite(&file, keep());
    holder.kill().unwrap();
    holder.wait().unwrap();
    let report = report.unwrap();
    assert!(!report.removed);
    assert!(report.remainders.contains(&Remainder::OtherNames(1)), "{report:?}");
    assert!(report.remainders.contains(&Remainder::OpenElsewhere(1)), "{report:?}");
    assert_eq!(fs::read(&file).unwrap(), vec![0; 5000]);
    assert_eq!(fs::read(&other).unwrap(), vec![0; 5000], "the same file");
    fs::remove_file(&other).unwrap();
    let report = done(&file);
    assert!(!report.remainders.iter().any(|one| matches!(one, Remainder::OtherNames(_) | Remainder::OpenElsewhere(_))));
}

#[test]
fn a_process_that_has_mapped_the_file_and_closed_it_is_told() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("library");
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let library = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("libgcc_s"));
    let Some(library) = library else {
        return eprintln!("skipped a_process_that_has_mapped_the_file_and_closed_it_is_told: no library to map");
    };
    write(&file, &fs::read(library).unwrap());
    let mut holder = Command::new("sleep").arg("60").env("LD_PRELOAD", &file).spawn().unwrap();
    let has_mapped = || {
        let maps = fs::read_to_string(format!("/proc/{}/maps", holder.id())).unwrap_or_default();
        maps.contains(file.to_str().unwrap())
    };
    let mut waits = 0..500;
    while !has_mapped() && waits.next().is_some() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // The loader closes the file a moment after it has mapped it.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let report = overwrite(&file, keep());
    let _ = holder.kill();
    holder.wait().unwrap();
    assert!(report.as_ref().unwrap().remainders.contains(&Remainder::OpenElsewhere(1)), "{report:?}");
}

#[test]
fn every_length_is_overwritten() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let folder = tempfile::tempdir().unwrap();
    for length in [0, 1, 511, 4096, 4097, (1 << 20) - 1, (1 << 20) + 1] {
        let file = folder.path().join(length.to_string());
        write(&file, &random(length));
        assert_eq!(overwrite(&file, keep()).unwrap().bytes, length as u64);
        assert_eq!(fs::read(&file).unwrap(), vec![0; length], "{length}");
    }
}

#[test]
fn a_file_in_memory_is_told_and_its_pages_hold_zeros() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
        return eprintln!("skipped a_file_in_memory_is_told_and_its_pages_hold_zeros: /dev/shm cannot be written");
    };
    let file = folder.path().join("file");
    write(&file, &random(5000));
    let report = overwrite(&file, keep()).unwrap();
    assert_eq!((report.file_system.as_str(), report.read_back), ("tmpfs", ReadBack::Cache));
    assert!(report.remainders.contains(&Remainder::Memory), "{report:?}");
    assert!(!report.remainders.contains(&Remainder::ReplacedSectors), "{report:?}");
    assert_eq!(fs::read(&file).unwrap(), vec![0; 5000]);
}

#[test]
fn a_lower_layer_keeps_its_file_and_the_report_says_so() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let test = "a_lower_layer_keeps_its_file_and_the_report_says_so";
    let Some(image) = Image::or_skip(test, &EXT4, &[]) else { return };
    let at = |name: &str| image.root().join(name);
    for name in ["lower", "upper", "work", "seen"] {
        fs::create_dir(at(name)).unwrap();
    }
    let content = random(5000);
    write(&at("lower/file"), &content);
    let options = format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", image.root().display());
    let mounted = Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(at("seen")).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return eprintln!("skipped {test}: no overlay can be mounted");
    }
    let report = overwrite(&at("seen/file"), OverwriteOptions::default());
    assert!(Command::new("umount").arg(at("seen")).status().unwrap().success());
    let report = report.unwrap();
    assert_eq!(report.file_system, "overlay");
    assert!(report.remainders.contains(&Remainder::Overlay), "{report:?}");
    assert_eq!(fs::read(at("lower/file")).unwrap(), content, "the report is right: nothing happened there");
}

#[test]
fn what_must_not_be_overwritten_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("file"), b"content");
    symlink(at("file"), at("link")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    for (path, word) in [
        (at("link"), "symbolic link"),
        (at("folder"), "directory"),
        (at("pipe"), "regular file"),
        ("/dev/null".into(), "device"),
    ] {
        match overwrite(&path, OverwriteOptions::default()) {
            Err(error @ Error::Refused { .. }) => assert!(error.to_string().contains(word), "{error}"),
            other => panic!("{}: {other:?}", path.display()),
        }
    }
    assert_eq!(fs::read(at("file")).unwrap(), b"content");
    let missing = overwrite(&at("missing"), OverwriteOptions::default());
    assert!(matches!(missing, Err(Error::Io { kind: std::io::ErrorKind::NotFound, .. })), "{missing:?}");
}

#[test]
fn files_of_others_are_refused_unless_they_are_meant() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    if !is_root() {
        return eprintln!("skipped files_of_others_are_refused_unless_they_are_meant: only root makes files of others");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    write(&file, b"content");
    std::os::unix::fs::chown(&file, Some(65534), None).unwrap();
    assert!(matches!(overwrite(&file, keep()), Err(Error::Refused { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"content");
    let mut meant = keep();
    meant.of_others = true;
    assert!(overwrite(&file, meant).is_ok());
    assert_eq!(fs::read(&file).unwrap(), [0; 7]);
}

#[cfg(shokyo_faults)]
#[test]
fn an_overwrite_that_writes_nothing_is_found_by_the_read_back() {
    use shokyo::faults::{Fault, serialised};
    let _alone = serialised(&[Fault::NoOverwrite]);
    for folder in [tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap()] {
        let file = folder.path().join("file");
        write(&file, &random(5000));
        assert_eq!(overwrite(&file, OverwriteOptions::default()), Err(Error::NotErased { bytes: 5000 }));
        assert!(file.exists(), "it is left, to be seen");
    }
}

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shokyo")).env("SHOKYO_FAULTS", "").arg("erase").args(arguments).output().unwrap()
}

#[test]
fn the_command_says_what_was_done_and_goes_on_after_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("file"), folder.path().join("other"));
    write(&file, b"content");
    write(&other, b"content");
    let (file, other, parent) = (file.to_str().unwrap(), other.to_str().unwrap(), folder.path().to_str().unwrap());

    let output = command(&[parent, file]);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(err.contains("refused: a directory"), "{err}");
    assert!(out.contains("overwritten at the file layer") && out.contains("may remain"), "{out}");
    assert!(!out.contains("erased") && !out.contains('\u{1b}'), "no more is claimed, no colours into a pipe: {out}");
    assert!(!Path::new(file).exists());

    let output = command(&["--json", "--keep", other]);
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["claim"], "overwritten at the file layer");
    assert_eq!((report["bytes"].as_u64(), report["removed"].as_bool()), (Some(7), Some(false)));
    let remains = report["may_remain"].as_array().unwrap();
    assert!(remains.iter().any(|one| one["name"] == "earlier-copies"), "{report}");
    assert_eq!(fs::metadata(other).unwrap().size(), 7);

    assert_eq!(command(&[]).status.code(), Some(2));
}
