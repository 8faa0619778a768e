//! What a document holds of a vault while it is written, gathered or read: its keys, its chunks, its evidence. Dropping it erases
//! all of that, whatever it was on the way to become.

use core::cell::{Cell, RefCell};

use super::cells::Lease;
use super::window::Lent;
use super::work::{self, Part};
use super::{Cells, Chunks, Inner};
use crate::aead::TAG_LENGTH;
use crate::buffer::{CopyClass, Erasure};
use crate::error::Error;
use crate::types::{Binding, KeyId};
use crate::wipe::Wiped;

pub(super) struct Held<'v, 'm> {
    vault: &'v Inner<'m>,
    binding: Binding,
    id: Option<KeyId>,
    key: Option<Lease>,
    tail: Option<Lease>,
    /// What became of the tail's key, to be counted after the document's.
    tail_erased: Option<Result<Wiped, Error>>,
    owner: u32,
    /// Places that hold something.
    chunks: Cell<u32>,
    evidence: RefCell<Erasure>,
}

impl<'v, 'm> Held<'v, 'm> {
    /// Nothing yet, for a new document.
    pub(super) fn new(vault: &'v Inner<'m>, binding: Binding) -> Result<Self, Error> {
        let owner = with(&vault.chunks, Chunks::new_owner)??;
        Ok(Self {
            vault,
            binding,
            id: None,
            key: None,
            tail: None,
            tail_erased: None,
            owner,
            chunks: Cell::new(0),
            evidence: RefCell::new(Erasure::new(binding.session, vault.protections)),
        })
    }

    /// Takes the document's key; it is the vault's, and ends with this document.
    pub(super) fn set_key(&mut self, key: Lease) {
        self.id = Some(key.id());
        self.key = Some(key);
    }

    /// Takes the key of the unfinished tail.
    pub(super) fn set_tail_key(&mut self, key: Lease) {
        self.tail = Some(key);
    }

    /// Erases the key of the tail, which is not needed any more.
    pub(super) fn end_tail(&mut self) {
        if let Some(tail) = self.tail.take() {
            self.tail_erased = Some(give_back(self.vault, &tail));
        }
    }

    pub(super) fn vault(&self) -> &'v Inner<'m> {
        self.vault
    }

    pub(super) fn binding(&self) -> Binding {
        self.binding
    }

    /// Which key the document is sealed with, if it has come.
    pub(super) fn id(&self) -> Option<KeyId> {
        self.id
    }

    /// How many places hold something.
    pub(super) fn chunk_count(&self) -> u32 {
        self.chunks.get()
    }

    /// Whether the document's key is still there.
    pub(super) fn is_live(&self) -> bool {
        let live = |cells: &mut Cells<'_>| self.key.as_ref().is_some_and(|key| cells.is_live(key));
        with(&self.vault.cells, live).unwrap_or(false)
    }

    /// Borrows the vault's window, counted in this document's evidence.
    pub(super) fn lend(&self) -> Result<Lent<'_, 'm>, Error> {
        Lent::take(&self.vault.window, &self.evidence, self.id.map_or(0, KeyId::to_tag))
    }

    /// Whether chunks up to the `count`th have or find a place.
    pub(super) fn reserve(&self, count: usize) -> Result<(), Error> {
        let missing = count.saturating_sub(usize::try_from(self.chunks.get()).unwrap_or(usize::MAX));
        with(&self.vault.chunks, |chunks| chunks.reserve(missing))?
    }

    /// Seals `body` in place and puts it into the `index`th place.
    pub(super) fn seal(&self, part: Part, index: u32, body: &mut [u8]) -> Result<(), Error> {
        let (binding, stack) = (&self.binding, self.vault.stack);
        let mut tag = [0; TAG_LENGTH];
        let cells = self.vault.cells.try_borrow().map_err(|_| BUSY)?;
        work::seal(cells.key(self.key_for(part)?)?, binding, part, body, &mut tag, stack)?;
        self.place(index, |place| {
            let (ciphertext, rest) = place.split_at_mut_checked(body.len()).ok_or(Error::MemoryCorrupted)?;
            ciphertext.copy_from_slice(body);
            *rest.first_chunk_mut().ok_or(Error::MemoryCorrupted)? = tag;
            Ok(())
        })
    }

    /// Opens what is in the `index`th place into `body`, which has the plaintext's length.
    pub(super) fn open(&self, part: Part, index: u32, body: &mut [u8]) -> Result<(), Error> {
        let (binding, stack) = (&self.binding, self.vault.stack);
        let cells = self.vault.cells.try_borrow().map_err(|_| BUSY)?;
        let key = cells.key(self.key_for(part)?)?;
        let mut tag = [0; TAG_LENGTH];
        self.look(index, |place| {
            let (ciphertext, rest) = place.split_at_checked(body.len()).ok_or(Error::MemoryCorrupted)?;
            body.copy_from_slice(ciphertext);
            tag = *rest.first_chunk().ok_or(Error::MemoryCorrupted)?;
            Ok(())
        })?;
        work::open(key, binding, part, body, &tag, stack)
    }

    /// Copies the document's key to where `take` wants it.
    pub(super) fn copy_key(&self, out: &mut [u8; 32]) -> Result<(), Error> {
        let cells = self.vault.cells.try_borrow().map_err(|_| BUSY)?;
        *out = *cells.key(self.key.as_ref().ok_or(Error::Erased)?)?;
        Ok(())
    }

    /// Lets `reader` see what is in the `index`th place: ciphertext and tag, and nothing of meaning behind them.
    pub(super) fn look<T>(&self, index: u32, reader: impl FnOnce(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
        let chunks = self.vault.chunks.try_borrow().map_err(|_| BUSY)?;
        reader(chunks.get(self.owner, index)?)
    }

    /// Lets `writer` change what is in the `index`th place, a new one if need be.
    pub(super) fn place(&self, index: u32, writer: impl FnOnce(&mut [u8]) -> Result<(), Error>) -> Result<(), Error> {
        with(&self.vault.chunks, |chunks| {
            let place = chunks.place(self.owner, index)?;
            self.chunks.set(self.chunks.get().max(index.saturating_add(1)));
            writer(place)
        })?
    }

    /// Destroys the keys first, then wipes the chunks, and reads everything back.
    pub(super) fn erase(&mut self) -> Erasure {
        self.end_tail();
        let evidence = self.evidence.get_mut();
        if let Some(key) = self.key.take() {
            evidence.record(CopyClass::Key, give_back(self.vault, &key));
        }
        if let Some(tail) = self.tail_erased.take() {
            evidence.record(CopyClass::Key, tail);
        }
        let tag = self.id.map_or(0, KeyId::to_tag);
        let wiped = with(&self.vault.chunks, |chunks| {
            chunks.erase(self.owner, tag, |outcome| evidence.record(CopyClass::Ciphertext, outcome))
        });
        // A place that should be there and is not found has lost its mark: someone wrote over it.
        for _ in wiped.unwrap_or(0)..self.chunks.take() {
            evidence.record(CopyClass::Ciphertext, Err(Error::MemoryCorrupted));
        }
        core::mem::replace(evidence, Erasure::new(self.binding.session, self.vault.protections))
    }

    fn key_for(&self, part: Part) -> Result<&Lease, Error> {
        match part {
            Part::Chunk(..) => self.key.as_ref(),
            Part::Tail(..) => self.tail.as_ref(),
        }
        .ok_or(Error::Unfinished)
    }
}

impl Drop for Held<'_, '_> {
    fn drop(&mut self) {
        let _evidence = self.erase();
    }
}

/// Nothing here calls foreign code while it borrows cells or chunks, so this is never seen; and it is no panic.
const BUSY: Error = Error::Busy { what: "the vault's tables", limit: 1 };

fn with<T, R>(cell: &RefCell<T>, work: impl FnOnce(&mut T) -> R) -> Result<R, Error> {
    cell.try_borrow_mut().map(|mut inner| work(&mut inner)).map_err(|_| BUSY)
}

fn give_back(vault: &Inner<'_>, lease: &Lease) -> Result<Wiped, Error> {
    with(&vault.cells, |cells| cells.give_back(lease))?
}
