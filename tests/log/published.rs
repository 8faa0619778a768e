//! A published log: files as the specification names them, written so that a crash leaves a log that verifies.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use shokyo::Error;
use shokyo::custody::log::{
    Folder, Hash, NoteSigner, Published, TileId, Tiles, bundle, bundle_path, inclusion_proof, leaf_hash, read_bundle,
    tile_path, tiles_of, verify_inclusion,
};

use crate::support::{Key, Memory, checkpoint};

fn entries(count: u64) -> Vec<Hash> {
    (0..count).map(|number| Sha256::digest(number.to_le_bytes()).into()).collect()
}

fn memory(entries: &[Hash]) -> Memory {
    Memory::of(&entries.iter().map(|data| leaf_hash(data)).collect::<Vec<_>>())
}

fn publish(folder: &Path, entries: &[Hash], size: u64, key: &Key) -> Result<u64, Error> {
    let memory = memory(entries);
    let note = checkpoint(&memory, size, key).1;
    Folder::open(folder)?.publish(&note, key.verifier_key(), &memory, &mut |range| {
        Ok(entries[range.start as usize..range.end as usize].to_vec())
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

#[test]
fn paths_are_those_of_the_specification() {
    assert_eq!(tile_path(TileId { level: 0, index: 1_234_067 }, 256), "tile/0/x001/x234/067");
    assert_eq!(tile_path(TileId { level: 0, index: 273 }, 112), "tile/0/273.p/112");
    assert_eq!(tile_path(TileId { level: 2, index: 0 }, 1), "tile/2/000.p/1");
    assert_eq!(bundle_path(0, 256), "tile/entries/000");
    assert_eq!(bundle_path(1_000, 255), "tile/entries/x001/000.p/255");
    let tiles: Vec<_> = tiles_of(70_000).collect();
    assert_eq!(tiles.len(), 274 + 2 + 1);
    assert_eq!(tiles[273], (TileId { level: 0, index: 273 }, 112));
    assert_eq!(
        tiles[274..],
        [(TileId { level: 1, index: 0 }, 256), (TileId { level: 1, index: 1 }, 17), (TileId { level: 2, index: 0 }, 1)]
    );
    assert_eq!(
        tiles_of(256).collect::<Vec<_>>(),
        [(TileId { level: 0, index: 0 }, 256), (TileId { level: 1, index: 0 }, 1)]
    );
    assert_eq!(tiles_of(0).count(), 0);
}

#[test]
fn a_bundle_holds_entries_of_any_length_up_to_its_bounds() {
    let entries: [&[u8]; 3] = [b"", b"one", &[7; 65_535]];
    let bytes = bundle(&entries).unwrap();
    assert_eq!(bytes[..7], [0, 0, 0, 3, b'o', b'n', b'e']);
    assert_eq!(read_bundle(&bytes).unwrap(), entries);
    for length in [1, 3, 4, 6, bytes.len() - 1] {
        assert!(read_bundle(&bytes[..length]).is_err(), "{length}");
    }
    assert!(bundle(&[vec![0; 65_536]]).is_err());
    assert!(bundle(&[[0]; 257]).is_err());
    assert!(matches!(read_bundle(&[0; 2 * 257]), Err(Error::TooLarge { .. })));
}

#[test]
fn what_was_published_verifies_and_grows() {
    let (folder, key, all) = (tempfile::tempdir().unwrap(), Key::new("log", 1), entries(1_000));
    for size in [0, 1, 255, 256, 600, 1_000] {
        publish(folder.path(), &all, size, &key).unwrap();
        let published = Published::open(folder.path(), key.verifier_key()).unwrap();
        assert_eq!(published.checkpoint().size, size);
        published.check().unwrap();
        for index in [0, 1, 254, 255, 256, 599, 999].into_iter().filter(|index| *index < size) {
            let data = published.entries(index / 256).unwrap()[(index % 256) as usize].clone();
            assert_eq!(data, all[index as usize]);
            let proof = inclusion_proof(&published, index, size).unwrap();
            assert_eq!(verify_inclusion(&leaf_hash(&data), index, size, &proof, &published.checkpoint().root), Ok(()));
        }
        assert!(published.entries(size.div_ceil(256)).is_err());
        assert_eq!(publish(folder.path(), &all, size, &key), Ok(0), "the same again writes nothing");
    }
    assert!(folder.path().join("tile/0/003.p/232").is_file());
    assert!(folder.path().join("tile/entries/000.p/1").is_file(), "what an older checkpoint needs stays");
    assert!(!folder.path().join(".new").exists());
}

#[test]
fn a_reader_stays_at_its_checkpoint_while_the_log_grows() {
    let (folder, key, all) = (tempfile::tempdir().unwrap(), Key::new("log", 1), entries(700));
    publish(folder.path(), &all, 300, &key).unwrap();
    let early = Published::open(folder.path(), key.verifier_key()).unwrap();
    publish(folder.path(), &all, 700, &key).unwrap();
    early.check().unwrap();
    // Partial files may go when the full ones are there.
    fs::remove_dir_all(folder.path().join("tile/0/001.p")).unwrap();
    fs::remove_dir_all(folder.path().join("tile/entries/001.p")).unwrap();
    early.check().unwrap();
    assert_eq!(early.tile(TileId { level: 0, index: 1 }).unwrap().len(), 44 * 32);
}

#[test]
fn each_file_that_was_changed_cut_or_taken_away_is_found() {
    let (folder, key, all) = (tempfile::tempdir().unwrap(), Key::new("log", 1), entries(600));
    publish(folder.path(), &all, 600, &key).unwrap();
    let check = || Published::open(folder.path(), key.verifier_key()).and_then(|published| published.check());
    let named: Vec<_> = files(folder.path()).into_iter().filter(|path| !path.ends_with(".lock")).collect();
    assert_eq!(named.len(), 1 + 3 + 3 + 1, "checkpoint, tiles, bundles, the tile above");
    for path in named {
        let good = fs::read(&path).unwrap();
        for place in [0, good.len() / 2, good.len() - 1] {
            let mut changed = good.clone();
            changed[place] ^= 1;
            fs::write(&path, changed).unwrap();
            assert!(check().is_err(), "{path:?} changed at {place}");
        }
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert!(check().is_err(), "{path:?} cut");
        fs::remove_file(&path).unwrap();
        assert!(check().is_err(), "{path:?} taken away");
        fs::write(&path, good).unwrap();
        check().unwrap();
    }
}

#[test]
fn another_history_is_not_published_over_the_first() {
    let (folder, key, all) = (tempfile::tempdir().unwrap(), Key::new("log", 1), entries(600));
    publish(folder.path(), &all, 500, &key).unwrap();
    let before: Vec<_> = files(folder.path()).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    let mut other = all.clone();
    other[3][0] ^= 1;
    assert!(matches!(publish(folder.path(), &other, 600, &key), Err(Error::Mismatch { .. })));
    assert!(matches!(publish(folder.path(), &other, 500, &key), Err(Error::Mismatch { .. })));
    assert!(matches!(publish(folder.path(), &all, 400, &key), Err(Error::Mismatch { .. })), "an older checkpoint");
    assert!(publish(folder.path(), &all, 600, &Key::new("log", 2)).is_err(), "another key");
    let after: Vec<_> = files(folder.path()).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    assert_eq!(before, after);
    // Nor a checkpoint that is not of these tiles, nor entries that are not.
    let (real, forged) = (memory(&all), memory(&other));
    let note = checkpoint(&forged, 600, &key).1;
    let opened = Folder::open(folder.path()).unwrap();
    let mut give = |range: std::ops::Range<u64>| Ok(other[range.start as usize..range.end as usize].to_vec());
    assert!(matches!(opened.publish(&note, key.verifier_key(), &real, &mut give), Err(Error::Mismatch { .. })));
    let (fresh, note) = (tempfile::tempdir().unwrap(), checkpoint(&real, 600, &key).1);
    let opened = Folder::open(fresh.path()).unwrap();
    assert!(matches!(opened.publish(&note, key.verifier_key(), &real, &mut give), Err(Error::Mismatch { .. })));
    assert!(!fresh.path().join("checkpoint").exists());
}

#[test]
fn one_process_at_a_time_publishes() {
    let folder = tempfile::tempdir().unwrap();
    let first = Folder::open(folder.path()).unwrap();
    assert!(matches!(Folder::open(folder.path()), Err(Error::Busy { .. })));
    drop(first);
    assert!(Folder::open(folder.path()).is_ok());
}

/// Stops before each file in turn, as a power cut would between two of them.
#[test]
fn publishing_that_is_cut_short_anywhere_leaves_the_last_checkpoint_whole() {
    let (key, all) = (Key::new("log", 1), entries(600));
    let whole = tempfile::tempdir().unwrap();
    publish(whole.path(), &all, 300, &key).unwrap();
    publish(whole.path(), &all, 600, &key).unwrap();
    let tiles = memory(&all);
    let note = checkpoint(&tiles, 600, &key).1;
    for stop in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), &all, 300, &key).unwrap();
        let stopping = Stopping { tiles: &tiles, left: std::cell::Cell::new(stop) };
        let mut give = |range: std::ops::Range<u64>| Ok(all[range.start as usize..range.end as usize].to_vec());
        let outcome = Folder::open(folder.path()).unwrap().publish(&note, key.verifier_key(), &stopping, &mut give);
        assert_eq!(outcome.is_err(), stop < 6 && stopping.left.get() == 0, "{stop}");
        // What a crash in the middle of a file leaves.
        fs::write(folder.path().join(".new"), b"half a fi").unwrap();
        let published = Published::open(folder.path(), key.verifier_key()).unwrap();
        published.check().unwrap();
        assert_eq!(published.checkpoint().size, if outcome.is_ok() { 600 } else { 300 });
        // And it goes on from there.
        publish(folder.path(), &all, 600, &key).unwrap();
        Published::open(folder.path(), key.verifier_key()).unwrap().check().unwrap();
        for path in files(whole.path()).iter().filter(|path| !path.ends_with(".lock")) {
            let same = folder.path().join(path.strip_prefix(whole.path()).unwrap());
            assert_eq!(fs::read(path).unwrap(), fs::read(&same).unwrap(), "{same:?}");
        }
    }
}

/// Tiles that can be read so often and no more.
struct Stopping<'a> {
    tiles: &'a Memory,
    left: std::cell::Cell<u32>,
}

impl Tiles for Stopping<'_> {
    fn tile(&self, id: TileId) -> Result<Vec<u8>, Error> {
        let left = self.left.get().checked_sub(1).ok_or(Error::Store { what: "reading, as this test wants it" })?;
        self.left.set(left);
        self.tiles.tile(id)
    }
}
