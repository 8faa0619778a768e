//! What is claimed, each as a function that says whether it holds.

use core::sync::atomic::{AtomicBool, Ordering};

use shokyo::Error;
use shokyo::buffer::{BorrowedBuffer, BorrowedOptions, BorrowedVault, CopyClass};
use shokyo::types::{Binding, Protections, SessionId};

use crate::marker::{self, Found};
use crate::{memory, print, print_number, system};

type Source = fn(&mut [u8]) -> Result<(), Error>;
type Vault = BorrowedVault<'static, Source>;

/// A sentence, and whether it holds.
type Claim = (&'static str, fn() -> bool);

/// All claims.
pub(crate) const ALL: [Claim; 12] = [
    ("documents of every size come back whole, however they are written", every_size),
    ("what is sealed here is what a vault on an operating system seals", known_answer),
    ("a changed, swapped or missing chunk is refused", tampered),
    ("a document does not open in another session or with another key", elsewhere),
    ("a generator that fails or gives constants seals nothing", broken_generator),
    ("an erasure is verified and names its key", evidence),
    ("keys and places run out with an error and come back", exhaustion),
    ("something that writes beside a cell is found", overrun),
    ("nothing more is said to be protected than is", protections),
    ("a dropped vault leaves zeros, whatever was in it", dropped),
    ("the scrub of the stack is as deep as the work", scrub_depth),
    ("after erasing nothing of key, round keys and document is in memory", residue),
];

fn binding(number: u8) -> Binding {
    Binding { session: SessionId([number; 32]), context: [number ^ 0xFF; 32] }
}

fn generator(out: &mut [u8]) -> Result<(), Error> {
    if system::random(out) { Ok(()) } else { Err(Error::RandomnessUnavailable) }
}

/// Gives the known key whenever a key is drawn; the vault's own number and guards are longer.
fn known(out: &mut [u8]) -> Result<(), Error> {
    if out.len() == 32 {
        marker::put_key(out)
    } else {
        generator(out)?
    }
    Ok(())
}

/// Runs `claim` with a vault of its own; an error is a claim that does not hold.
fn with(entropy: Source, claim: impl FnOnce(&Vault) -> Result<bool, Error>) -> bool {
    // SAFETY: the vault before is gone: claims run one after the other.
    let (secret, ordinary) = unsafe { memory::slices() };
    let vault = BorrowedVault::new(secret, ordinary, memory::OPTIONS, entropy);
    let held = vault.and_then(|vault| claim(&vault));
    // SAFETY: as above.
    let _ = shokyo::wipe::wipe(unsafe { memory::source() }, 0);
    held == Ok(true)
}

/// The known document's first bytes, in memory that `with` wipes.
fn document(length: usize) -> &'static [u8] {
    // SAFETY: one at a time.
    let bytes = unsafe { memory::source() };
    let bytes = &mut bytes[..length];
    marker::put_plain(bytes);
    bytes
}

fn is_whole(buffer: &BorrowedBuffer<'_, '_>, length: usize) -> Result<bool, Error> {
    let (mut whole, mut seen) = (true, 0);
    buffer.for_each_window(|offset, plain| {
        whole &= marker::is_plain(offset as usize, plain);
        seen += plain.len();
        Ok(())
    })?;
    Ok(whole && seen == length && buffer.len() == length as u64)
}

fn every_size() -> bool {
    with(generator, |vault| {
        let mut held = true;
        for length in [0, 1, 15, 16, 17, 1023, 1024, 1025, 2048, 3000, 5000, 8192] {
            for piece in [100, 1000, 1024, 1025, 8192] {
                let mut writer = vault.writer(binding(1))?;
                for part in document(length).chunks(piece) {
                    writer.write(part)?;
                }
                let buffer = writer.finish()?;
                held &= is_whole(&buffer, length)? && buffer.chunk_count() as usize == length.div_ceil(1024).max(1);
            }
        }
        Ok(held)
    })
}

fn known_answer() -> bool {
    with(known, |vault| {
        let buffer = vault.seal(binding(1), document(100))?;
        let mut sealed = [0; 200];
        let length = buffer.sealed_chunk(0, 0, &mut sealed)?;
        Ok(length == 116 && sealed[84..116] == KNOWN)
    })
}

/// The last 16 bytes of ciphertext, and the tag, of the known document's first 100 bytes, by another implementation of
/// AES-256-GCM.
const KNOWN: [u8; 32] = [
    0x05, 0x1E, 0x95, 0xEE, 0x32, 0x8E, 0xFD, 0xA8, 0x12, 0x05, 0xC2, 0x47, 0x9F, 0x4C, 0xE0, 0x39, 0xB5, 0xD1, 0x49,
    0xDE, 0xD1, 0x4C, 0x6E, 0x0E, 0xEF, 0x9E, 0x75, 0xF8, 0xBE, 0xF5, 0x34, 0x13,
];

/// Takes a document's chunks, changed by `change`, as if they came from elsewhere.
fn arrives(
    vault: &Vault,
    buffer: &BorrowedBuffer<'_, '_>,
    bound: Binding,
    change: impl Fn(&mut [u8]) -> usize,
    key: Option<[u8; 32]>,
) -> Result<(), Error> {
    let mut sealed = [0; 4096];
    let mut length = 0;
    for index in 0..buffer.chunk_count() {
        length += buffer.sealed_chunk(index, 0, &mut sealed[length..])?;
    }
    let length = length.min(change(&mut sealed[..length]));
    let mut incoming = vault.incoming(bound)?;
    for piece in sealed[..length].chunks(333) {
        incoming.push(piece)?;
    }
    let plain = length - length.div_ceil(1024 + 16) * 16;
    let mut key = key.map_or_else(|| buffer.lend_key(|key| *key), Ok)?;
    let outcome = incoming.attach(&mut key, plain as u64);
    match outcome {
        Ok(arrived) => {
            if is_whole(&arrived, plain)? {
                Ok(())
            } else {
                Err(Error::Unfinished)
            }
        }
        Err((error, evidence)) if evidence.is_verified() => Err(error),
        Err(_) => Err(Error::NotErased { bytes: 0 }),
    }
}

fn tampered() -> bool {
    with(generator, |vault| {
        let buffer = vault.seal(binding(1), document(3000))?;
        let all = |sealed: &mut [u8]| sealed.len();
        let mut held = arrives(vault, &buffer, binding(1), all, None).is_ok();
        for place in [0, 500, 1023, 1024, 1039, 1040, 2500, 3047] {
            let changed = |sealed: &mut [u8]| {
                sealed[place] ^= 1;
                sealed.len()
            };
            held &= arrives(vault, &buffer, binding(1), changed, None) == Err(Error::NotAuthentic);
        }
        let swapped = |sealed: &mut [u8]| {
            let (first, second) = sealed.split_at_mut(1040);
            first.swap_with_slice(&mut second[..1040]);
            sealed.len()
        };
        held &= arrives(vault, &buffer, binding(1), swapped, None) == Err(Error::NotAuthentic);
        held &= arrives(vault, &buffer, binding(1), |_| 2080, None) == Err(Error::NotAuthentic);
        Ok(held)
    })
}

fn elsewhere() -> bool {
    with(generator, |vault| {
        let buffer = vault.seal(binding(1), document(3000))?;
        let all = |sealed: &mut [u8]| sealed.len();
        let context = Binding { context: [0; 32], ..binding(1) };
        Ok(arrives(vault, &buffer, binding(1), all, None).is_ok()
            && arrives(vault, &buffer, binding(2), all, None) == Err(Error::NotAuthentic)
            && arrives(vault, &buffer, context, all, None) == Err(Error::NotAuthentic)
            && arrives(vault, &buffer, binding(1), all, Some([9; 32])) == Err(Error::NotAuthentic))
    })
}

fn broken_generator() -> bool {
    let refused = |entropy: Source| {
        // SAFETY: no vault is there.
        let (secret, ordinary) = unsafe { memory::slices() };
        BorrowedVault::new(secret, ordinary, memory::OPTIONS, entropy).err() == Some(Error::RandomnessUnavailable)
    };
    let stuck = with(known, |vault| {
        let _first = vault.seal(binding(1), document(10))?;
        Ok(vault.seal(binding(2), document(10)).err() == Some(Error::RandomnessUnavailable))
    });
    stuck && refused(|_| Err(Error::Unfinished)) && refused(|_| Ok(())) && refused(constant)
}

fn constant(out: &mut [u8]) -> Result<(), Error> {
    out.fill(0xFF);
    Ok(())
}

fn evidence() -> bool {
    with(generator, |vault| {
        let mut writer = vault.writer(binding(7))?;
        writer.write(document(3000))?;
        let buffer = writer.finish()?;
        let id = buffer.key_id();
        buffer.read_at(2000, |_| ())?;
        let erasure = buffer.erase();
        let mut counts = erasure.copies().map(|copy| (copy.class, copy.verified, copy.failed));
        let expected = [(CopyClass::Key, 2, 0), (CopyClass::Ciphertext, 3, 0), (CopyClass::Window, 3, 0)];
        let counted = expected.iter().all(|wanted| counts.next() == Some(*wanted)) && counts.next().is_none();
        Ok(counted
            && erasure.is_verified()
            && id.is_some()
            && erasure.key() == id
            && erasure.session() == SessionId([7; 32]))
    })
}

fn exhaustion() -> bool {
    with(generator, |vault| {
        let busy = |outcome: Result<(), Error>| matches!(outcome, Err(Error::Busy { .. }));
        let two = (vault.writer(binding(1))?, vault.writer(binding(1))?);
        let mut held = busy(vault.writer(binding(1)).map(drop));
        drop(two);
        let mut writer = vault.writer(binding(1))?;
        writer.write(document(8192))?;
        held &= busy(writer.write(document(8192))) && busy(vault.seal(binding(1), document(8000)).map(drop));
        held &= is_whole(&writer.finish()?, 8192)?;
        Ok(held & is_whole(&vault.seal(binding(1), document(8000))?, 8000)?)
    })
}

fn overrun() -> bool {
    with(generator, |vault| {
        let buffer = vault.seal(binding(1), document(10))?;
        memory::write_beside(31);
        let refused = buffer.read_at(0, |_| ()) == Err(Error::MemoryCorrupted);
        Ok(refused && !buffer.erase().is_verified())
    })
}

fn protections() -> bool {
    with(generator, |vault| {
        let scrubbed = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
        let registers = if scrubbed { Protections::REGISTERS_SCRUBBED } else { Protections::none() };
        // An architecture that gets a scrub later may say so; nothing may be missing, and nothing else be there.
        let said = vault.protections();
        let known = Protections::CANARY.with(Protections::REGISTERS_SCRUBBED);
        Ok(said.contains(Protections::CANARY.with(registers)) && known.contains(said))
    })
}

fn dropped() -> bool {
    let forgotten = with(known, |vault| {
        core::mem::forget(vault.seal(binding(1), document(3000))?);
        Ok(true)
    });
    forgotten && memory::slices_are_zero()
}

fn scrub_depth() -> bool {
    // SAFETY: no vault is there.
    let (secret, ordinary) = unsafe { memory::slices() };
    let mut options = memory::OPTIONS;
    options.stack = 0;
    let Ok(vault) = BorrowedVault::new(secret, ordinary, options, generator) else { return false };
    let mut held = false;
    let used = memory::stack_used(|| {
        let run = || {
            let mut writer = vault.writer(binding(1))?;
            writer.write(document(1500))?;
            writer.write(document(1500))?;
            let buffer = writer.finish()?;
            buffer.read_at(0, |_| ())?;
            buffer.authenticate()
        };
        held = run() == Ok(());
    });
    drop(vault);
    // SAFETY: one at a time.
    let _ = shokyo::wipe::wipe(unsafe { memory::source() }, 0);
    print("       all operations together go ");
    print_number(used);
    print(" bytes deep; ");
    print_number(BorrowedOptions::STACK);
    print(" are scrubbed\n");
    held && used > 1024 && used <= BorrowedOptions::STACK
}

fn residue() -> bool {
    let nothing = Found::default();
    let before = marker::search();
    let (mut sealed, mut shown, mut erased) = (nothing, nothing, nothing);
    let held = with(known, |vault| {
        let buffer = vault.seal(binding(1), document(3000))?;
        // SAFETY: one at a time; the document is sealed, its source is the program's own to wipe.
        let _ = shokyo::wipe::wipe(unsafe { memory::source() }, 0);
        sealed = marker::search();
        buffer.read_at(0, |_| shown = marker::search())?;
        let verified = buffer.erase().is_verified();
        erased = marker::search();
        Ok(verified)
    });
    let after = marker::search();
    for (when, found) in
        [("before", before), ("sealed", sealed), ("shown ", shown), ("erased", erased), ("after ", after)]
    {
        print("       ");
        print(when);
        print(": pieces of 8 bytes found: key ");
        print_number(found.key);
        print(", round keys ");
        print_number(found.round_keys);
        print(", document ");
        print_number(found.plain);
        print("\n");
    }
    // What must be there while it is: the key in its cell once, and in the window one chunk.
    let controls = sealed == Found { key: 4, ..nothing } && shown == Found { key: 4, plain: 1024 / 8, ..nothing };
    held && controls && [before, erased, after] == [nothing; 3]
}

static ON_PURPOSE: AtomicBool = AtomicBool::new(false);

/// Whether the panic was asked for, and happened where the document was in the window.
pub(crate) fn panics_on_purpose() -> bool {
    ON_PURPOSE.load(Ordering::Relaxed)
}

/// Panics while a document is looked at.
pub(crate) fn panic_with_a_document() -> ! {
    with(known, |vault| {
        let buffer = vault.seal(binding(1), document(3000))?;
        // SAFETY: one at a time; the document is sealed, its source is the program's own to wipe.
        let _ = shokyo::wipe::wipe(unsafe { memory::source() }, 0);
        buffer.read_at(0, |plain| {
            let found = marker::search();
            ON_PURPOSE.store(marker::is_plain(0, plain) && found.plain > 0 && found.key > 0, Ordering::Relaxed);
            panic!("on purpose")
        })
    });
    system::exit(1)
}
