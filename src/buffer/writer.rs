//! Writing a document: every full chunk is sealed before the next one is accepted.
//!
//! Which chunk is the last is known only at the end, so one chunk is always held back: sealed as the *tail*, under a key and with
//! a counter of its own. So no index is ever sealed twice under the document's key, and no plaintext waits between calls.

use core::fmt;
use std::io::{ErrorKind, Read};

use super::seal::{erase_slots, open_tail, seal_chunk, seal_tail, with_key};
use super::{CopyClass, EphemeralBuffer, Erasure, KeyCell, RoomSize, Vault};
use crate::arena::{STAYS, Slot};
use crate::error::Error;
use crate::types::Binding;
use crate::wipe;

/// Chunks that one stay in a clean room seals at most, so that rooms are not held for long.
const BATCH: usize = 64;
/// Bytes of the caller's dead stack that are wiped after the caller's own code had plaintext in its hands.
pub(super) const CALLER_STACK: usize = 4096;

/// A document being written. Dropping it erases what was written; [`Writer::finish`] makes it an [`EphemeralBuffer`].
///
/// It is a [`std::io::Write`], too: every call of that either takes all bytes or changes nothing, and nothing waits to be flushed.
///
/// ```
/// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
/// # let vault = Vault::open(VaultOptions::new())?;
/// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// use std::io::{Read, Write};
///
/// let mut writer = vault.writer(binding)?;
/// writer.write(b"sealed before ")?;
/// write!(writer, "the next piece is {}; ", "taken").map_err(|_| shokyo::Error::Unfinished)?;
/// writer.copy_from(&mut std::io::repeat(b'.').take(3))?; // read straight into locked memory
/// let document = writer.finish()?;
/// assert!(document.ct_eq(b"sealed before the next piece is taken; ...")?);
/// # Ok::<(), shokyo::Error>(())
/// ```
pub struct Writer {
    vault: Vault,
    binding: Binding,
    key: Option<KeyCell>,
    tail: Tail,
    /// The sealed chunks in order; then, while bytes are held back, the tail.
    slots: Vec<Slot>,
    complete: u64,
    length: u64,
    broken: bool,
    evidence: Option<Erasure>,
}

#[derive(Default)]
struct Tail {
    key: Option<KeyCell>,
    length: usize,
    counter: u64,
}

/// What becomes of the bytes in the window when a batch ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// They stay in the window for the next batch.
    Window,
    /// They are sealed as the tail.
    Tail,
    /// They are the document's last chunk.
    Final,
}

/// Clears the registers and the dead stack below as it is dropped.
struct ScrubsBehind;

impl Drop for ScrubsBehind {
    fn drop(&mut self) {
        wipe::scrub_stack(CALLER_STACK);
        let _ = wipe::scrub_registers();
    }
}

impl Writer {
    pub(super) fn new(vault: &Vault, binding: Binding) -> Result<Self, Error> {
        Ok(Self {
            vault: vault.clone(),
            binding,
            // Drawn when it is first needed, in the same stay in a room.
            key: Some(vault.empty_key()?),
            tail: Tail::default(),
            slots: Vec::new(),
            complete: 0,
            length: 0,
            broken: false,
            evidence: Some(Erasure::new(binding.session, vault.protections())),
        })
    }

    /// Bytes of plaintext written so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends `plain`. The caller's own copy stays the caller's to wipe.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond the vault's limit, and nothing changed. [`Error::WindowInUse`], [`Error::WindowTimeout`] before
    /// anything changed. After any other error, such as [`Error::Erased`], the document is lost: drop the writer.
    pub fn write(&mut self, plain: &[u8]) -> Result<(), Error> {
        if plain.is_empty() { self.usable() } else { self.append(plain, Ending::Tail) }
    }

    /// Appends everything that `reader` gives, reading straight into locked memory: no copy is made on the heap or the stack by
    /// this library (the reader's own buffers are the reader's). Gives the number of bytes read.
    ///
    /// # Errors
    /// [`Error::Io`] when the reader fails; what it gave before is kept. Otherwise as [`Writer::write`].
    pub fn copy_from<R: Read + ?Sized>(&mut self, reader: &mut R) -> Result<u64, Error> {
        self.copy_from_with(reader, |_| ())
    }

    /// [`Writer::copy_from`], which tells `progress` after each read how many bytes this call has taken so far. `progress` runs while
    /// the reader's bytes stand in a window and is never shown them; when it panics, what was written is erased.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// let mut writer = vault.writer(binding)?;
    /// let mut last = 0;
    /// writer.copy_from_with(&mut &[7; 100_000][..], |bytes| last = bytes)?;
    /// assert_eq!(last, 100_000);
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Writer::copy_from`].
    #[inline(never)]
    pub fn copy_from_with<R: Read + ?Sized>(
        &mut self,
        reader: &mut R,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        let frame = 0u8;
        self.usable()?;
        self.ensure_tail_key()?;
        let vault = self.vault.clone();
        let (chunk, limit) = (vault.chunk_size(), vault.inner().options.max_document);
        let frame = core::hint::black_box(&raw const frame).addr();
        // Dropped after the window: what the reader's copying left in registers goes on every way out.
        let _behind = ScrubsBehind;
        let mut window = vault.inner().windows.take(vault.inner().options.patience, frame)?;
        self.broken = true;
        let (body, ahead) = window.body_and_ahead();
        let mut filled = 0;
        self.batch(body, &mut filled, &[], Ending::Window)?;
        let mut copied = 0u64;
        let outcome = loop {
            let into = if filled < chunk { &mut body[filled..] } else { &mut ahead[..] };
            let room = into.len();
            let count = match reader.read(into) {
                Ok(0) => break Ok(copied),
                Ok(count) if count <= room => count,
                Ok(_) => break Err(Error::Io { what: "reading the document", kind: ErrorKind::InvalidData }),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => break Err(Error::io("reading the document", &error)),
            };
            copied += count as u64;
            if self.length.saturating_add(copied) > limit {
                return Err(Error::TooLarge { what: "the document", limit });
            }
            progress(copied);
            if filled < chunk {
                filled += count;
            } else {
                self.batch(body, &mut filled, &ahead[..count], Ending::Window)?;
            }
        };
        self.batch(body, &mut filled, &[], Ending::Tail)?;
        self.close(window)?;
        self.length += copied;
        self.broken = false;
        outcome
    }

    /// Ends the document.
    ///
    /// A document of 0 bytes is one empty chunk.
    ///
    /// # Errors
    /// As [`Writer::write`]; everything is erased then.
    pub fn finish(self) -> Result<EphemeralBuffer, Error> {
        self.finish_with(&[])
    }

    /// Appends `plain` and ends the document, without sealing a tail in between.
    ///
    /// # Errors
    /// As [`Writer::write`]; everything is erased then.
    pub fn finish_with(mut self, plain: &[u8]) -> Result<EphemeralBuffer, Error> {
        self.append(plain, Ending::Final)?;
        let (Some(key), Some(evidence)) = (self.key.take(), self.evidence.take()) else {
            return Err(Error::Unfinished);
        };
        let tail = self.tail.key.take().map(KeyCell::erase);
        let slots = core::mem::take(&mut self.slots);
        Ok(EphemeralBuffer::new(&self.vault, self.binding, key, slots, self.length, evidence, tail))
    }

    /// Erases what was written, and gives the evidence.
    pub fn erase(mut self) -> Erasure {
        self.erase_now()
    }

    fn erase_now(&mut self) -> Erasure {
        let empty = || Erasure::new(self.binding.session, self.vault.protections());
        let mut evidence = self.evidence.take().unwrap_or_else(empty);
        let tag = self.key.as_ref().map_or(0, |key| key.id().to_tag());
        // The document's cell is wiped and read back also when no key was drawn for it yet: that nothing is there is shown, too.
        for key in [self.key.take(), self.tail.key.take()].into_iter().flatten() {
            evidence.weaken(key.vault().protections());
            evidence.record(CopyClass::Key, key.erase());
        }
        erase_slots(&self.vault, &mut self.slots, self.vault.chunk_size(), tag, &mut evidence);
        evidence
    }

    fn usable(&self) -> Result<(), Error> {
        if self.broken { Err(Error::Erased) } else { Ok(()) }
    }

    fn ensure_tail_key(&mut self) -> Result<(), Error> {
        if self.tail.key.is_none() {
            self.tail.key = Some(self.vault.empty_key()?);
        }
        Ok(())
    }

    fn append(&mut self, mut plain: &[u8], ending: Ending) -> Result<(), Error> {
        self.usable()?;
        let vault = self.vault.clone();
        let options = &vault.inner().options;
        let length = self.length.saturating_add(plain.len() as u64);
        if length > options.max_document {
            return Err(Error::TooLarge { what: "the document", limit: options.max_document });
        }
        if ending == Ending::Tail {
            self.ensure_tail_key()?;
        }
        let mut window = vault.inner().windows.take(options.patience, STAYS)?;
        self.broken = true;
        let body = window.body(self.tail.length.saturating_add(plain.len()));
        let mut filled = 0;
        loop {
            let now = plain.split_off(..plain.len().min(BATCH * options.chunk_size)).unwrap_or_default();
            let ending = if plain.is_empty() { ending } else { Ending::Window };
            self.batch(body, &mut filled, now, ending)?;
            if plain.is_empty() {
                break;
            }
        }
        self.close(window)?;
        self.length = length;
        self.broken = false;
        Ok(())
    }

    /// Takes `plain` into the document through `body`, of which `filled` bytes are in use, in one stay in a clean room. A tail
    /// that was held back is opened into the window first.
    fn batch(&mut self, body: &mut [u8], filled: &mut usize, plain: &[u8], ending: Ending) -> Result<(), Error> {
        let chunk = self.vault.chunk_size();
        let total = *filled + self.tail.length + plain.len();
        if ending != Ending::Final
            && plain.is_empty()
            && (total == 0 || (ending == Ending::Window && self.tail.length == 0))
        {
            return Ok(());
        }
        // The last bytes are always held back, a whole chunk of them if need be.
        let full = total.saturating_sub(1) / chunk;
        let kept = match ending {
            Ending::Window => 0,
            Ending::Tail => usize::from(total > 0),
            Ending::Final => 1,
        };
        let needed = usize::try_from(self.complete).unwrap_or(usize::MAX).saturating_add(full + kept);
        if let Some(missing) = needed.checked_sub(self.slots.len()) {
            self.vault.inner().slots.take(missing, &mut self.slots)?;
        }
        let (Some(key), tail_key) = (&mut self.key, &mut self.tail.key) else { return Err(Error::Unfinished) };
        let (binding, slots, complete) = (&self.binding, &mut self.slots, &mut self.complete);
        let (tail_length, counter) = (&mut self.tail.length, &mut self.tail.counter);
        self.vault.room(RoomSize::Small, |desk| {
            let mut place = usize::try_from(*complete).unwrap_or(usize::MAX);
            let missing = Error::OutOfRange { at: *complete, length: slots.len() as u64 };
            if *tail_length > 0 {
                let (cell, slot) =
                    (tail_key.as_ref().ok_or(Error::Unfinished)?, slots.get(place).ok_or(missing.clone())?);
                let held = part(body, 0, *tail_length)?;
                with_key(desk, cell, |_, key| open_tail(key, binding, *counter, slot, held))?;
                *filled = *tail_length;
                *tail_length = 0;
            }
            let mut rest = plain;
            if full > 0 || ending == Ending::Final {
                desk.ensure_document_key(key)?;
                with_key(desk, key, |desk, key| {
                    loop {
                        let now = rest.split_off(..rest.len().min(chunk - *filled)).unwrap_or_default();
                        part(body, *filled, now.len())?.copy_from_slice(now);
                        *filled += now.len();
                        let is_final = rest.is_empty() && ending == Ending::Final;
                        if rest.is_empty() && !is_final {
                            return Ok(());
                        }
                        let slot = slots.get_mut(place).ok_or(missing.clone())?;
                        seal_chunk(desk, key, binding, (*complete, is_final), part(body, 0, *filled)?, slot)?;
                        (*complete, place) = (*complete + 1, place + 1);
                        if is_final {
                            return Ok(());
                        }
                        *filled = 0;
                    }
                })?;
            } else {
                part(body, *filled, rest.len())?.copy_from_slice(rest);
                *filled += rest.len();
            }
            if ending == Ending::Tail {
                let (cell, slot) = (tail_key.as_mut().ok_or(Error::Unfinished)?, slots.get_mut(place).ok_or(missing)?);
                desk.ensure_key(cell)?;
                let held = part(body, 0, *filled)?;
                *counter += 1;
                with_key(desk, cell, |desk, key| seal_tail(desk, key, binding, *counter, held, slot))?;
                *tail_length = *filled;
            }
            Ok(())
        })
    }

    fn close(&mut self, window: crate::arena::Window<'_>) -> Result<(), Error> {
        let tag = self.key.as_ref().map_or(0, |key| key.id().to_tag());
        let outcome = window.close(tag);
        let failure = outcome.as_ref().err().cloned();
        if let Some(evidence) = &mut self.evidence {
            evidence.record(CopyClass::Window, outcome);
        }
        failure.map_or(Ok(()), Err)
    }
}

/// `length` bytes of the window; an error rather than a panic, because a room has no stack for one.
fn part(body: &mut [u8], from: usize, length: usize) -> Result<&mut [u8], Error> {
    let end = body.len() as u64;
    body.get_mut(from..from.saturating_add(length)).ok_or(Error::OutOfRange { at: from as u64, length: end })
}

impl std::io::Write for Writer {
    fn write(&mut self, plain: &[u8]) -> std::io::Result<usize> {
        Writer::write(self, plain).map(|()| plain.len()).map_err(Into::into)
    }

    /// Nothing waits to be sealed; an error when what was written is lost.
    fn flush(&mut self) -> std::io::Result<()> {
        self.usable().map_err(Into::into)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _evidence = self.erase_now();
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("key", &self.key).field("length", &self.length).finish_non_exhaustive()
    }
}
