//! What a store gives to others: its log as static files, proofs of its entries, and requests to cosign it.

use alloc::string::String;
use alloc::vec::Vec;

use rusqlite::OptionalExtension;

use crate::custody::batch::Stored;
use crate::custody::entry::{self, Entry, EntryKind};
use crate::custody::failure::reading;
use crate::custody::log::{
    AddCheckpoint, Checkpoint, Folder, Hash, Note, NoteSigner, VerifierKey, inclusion_proof, inclusion_receipt,
    leaf_hash, verify_inclusion,
};
use crate::custody::store::Store;
use crate::error::Error;
use crate::receipt;
use crate::types::SessionId;

/// That a receipt is in a log: everything that an auditor needs who holds the receipt and the log's verifier key, and nothing of
/// any other entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptProof {
    /// The receipt (COSE_Sign1).
    pub receipt: Vec<u8>,
    /// Whether the log's own station made it.
    pub own: bool,
    /// When it was stored, in milliseconds since 1970-01-01 UTC.
    pub stored_unix_ms: u64,
    /// The entry's position.
    pub position: u64,
    /// The entry's salt.
    pub salt: [u8; 32],
    /// From the entry to the root of the checkpoint (RFC 9162 §2.1.3).
    pub path: Vec<Hash>,
    /// The checkpoint (C2SP signed note).
    pub checkpoint: String,
}

impl ReceiptProof {
    /// The entry's encoding, of which the leaf is a salted hash.
    ///
    /// # Errors
    /// What [`receipt::read_unverified`] gives.
    pub fn entry(&self) -> Result<Vec<u8>, Error> {
        let session = receipt::read_unverified(&self.receipt)?.statement.session;
        let hash = receipt::hash(&self.receipt);
        Entry::Receipt { session: session.as_bytes(), own: self.own, hash: &hash }.encode(self.stored_unix_ms)
    }

    /// The data of the entry's leaf.
    ///
    /// # Errors
    /// As [`ReceiptProof::entry`].
    pub fn leaf(&self) -> Result<Hash, Error> {
        Ok(entry::leaf(&self.salt, &self.entry()?))
    }

    /// Checks that the log with this key has signed a tree with this receipt in this place. Of the receipt's own signature it says
    /// nothing.
    ///
    /// # Errors
    /// As [`Checkpoint::verify`] and [`verify_inclusion`].
    pub fn verify(&self, key: &VerifierKey) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::verify(&self.checkpoint, key)?;
        self.leads_to(&checkpoint)?;
        Ok(checkpoint)
    }

    /// Checks that the path leads from the entry to the root of this checkpoint.
    fn leads_to(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let leaf = leaf_hash(&self.leaf()?);
        verify_inclusion(&leaf, self.position, checkpoint.size, &self.path, &checkpoint.root)
    }

    /// A COSE receipt of inclusion (RFC 9942), signed with the log's key: only of what that key has signed already.
    ///
    /// # Errors
    /// As [`ReceiptProof::verify`] with the signer's key, and [`inclusion_receipt`].
    pub fn inclusion_receipt(&self, signer: &dyn NoteSigner) -> Result<Vec<u8>, Error> {
        let checkpoint = self.verify(signer.verifier_key())?;
        inclusion_receipt(&self.leaf()?, self.position, &self.path, &checkpoint, signer)
    }
}

impl Store {
    /// Writes the newest checkpoint, the tiles and the salted leaves into a folder (C2SP tlog-tiles), and returns how many files
    /// were written. `cosignatures` are lines that are added to the checkpoint.
    ///
    /// # Errors
    /// [`Error::WrongState`] while nothing was signed; else as [`Folder::publish`].
    pub fn publish(&self, folder: &Folder, key: &VerifierKey, cosignatures: &[String]) -> Result<u64, Error> {
        let _moment = self.moment()?;
        let mut note = self.newest_checkpoint()?.ok_or(UNSIGNED)?;
        for line in cosignatures {
            note = crate::custody::log::add_line(&note, line)?;
        }
        folder.publish(&note, key, &Stored(&self.connection), &mut |positions| {
            let query = "SELECT leaf FROM log WHERE position >= ?1 AND position < ?2 ORDER BY position";
            self.rows(query, [positions.start.cast_signed(), positions.end.cast_signed()], |row| row.get(0))
        })
    }

    /// The request to a witness that saw the log last at `old` entries.
    ///
    /// # Errors
    /// [`Error::WrongState`] while nothing was signed; [`Error::OutOfRange`] when the log has fewer entries.
    pub fn cosign_request(&self, old: u64) -> Result<AddCheckpoint, Error> {
        let _moment = self.moment()?;
        AddCheckpoint::new(&Stored(&self.connection), old, &self.newest_checkpoint()?.ok_or(UNSIGNED)?)
    }

    /// The hashes of a session's receipts that are in the log, in their order.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn receipt_hashes(&self, session: SessionId) -> Result<Vec<Hash>, Error> {
        self.rows("SELECT hash FROM receipts WHERE session = ?1 ORDER BY id", [session.as_bytes()], |row| row.get(0))
    }

    /// Gives every receipt with its hash, in the order in which they were stored.
    ///
    /// # Errors
    /// [`Error::Store`], and whatever `take` gives.
    pub fn each_receipt<E: From<Error>>(&self, mut take: impl FnMut(Hash, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let failed = |error: rusqlite::Error| E::from(reading(&error));
        let mut statement =
            self.connection.prepare("SELECT hash, receipt FROM receipts ORDER BY id").map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let receipt: Vec<u8> = row.get(1).map_err(failed)?;
            take(row.get(0).map_err(failed)?, &receipt)?;
        }
        Ok(())
    }

    /// That the receipt with this hash is under the newest checkpoint; `None` if the store does not have it.
    ///
    /// # Errors
    /// [`Error::WrongState`] while nothing was signed; [`Error::Store`], [`Error::Malformed`] and [`Error::Mismatch`] for a store that is
    /// damaged or was changed: its row, leaf or tiles are not what the checkpoint says.
    pub fn prove(&self, hash: &Hash) -> Result<Option<ReceiptProof>, Error> {
        let _moment = self.moment()?;
        let query = "SELECT l.position, l.entry, l.salt, r.stored_unix_ms, r.receipt FROM receipts r \
                     JOIN log l ON l.entry IN (2, 3) AND l.row = r.id WHERE r.hash = ?1";
        let found = self.connection.query_row(query, [hash], |row| {
            Ok(ReceiptProof {
                position: row.get::<_, i64>(0)?.cast_unsigned(),
                own: row.get::<_, u8>(1)? == EntryKind::OwnReceipt as u8,
                salt: row.get(2)?,
                stored_unix_ms: row.get::<_, i64>(3)?.cast_unsigned(),
                receipt: row.get(4)?,
                path: Vec::new(),
                checkpoint: String::new(),
            })
        });
        let Some(mut proof) = found.optional().map_err(|error| reading(&error))? else { return Ok(None) };
        proof.checkpoint = self.newest_checkpoint()?.ok_or(UNSIGNED)?;
        let checkpoint = Checkpoint::parse_text(Note::parse(&proof.checkpoint)?.text)?;
        proof.path = inclusion_proof(&Stored(&self.connection), proof.position, checkpoint.size)?;
        proof.leads_to(&checkpoint)?;
        Ok(Some(proof))
    }

    /// The store as it is now, until the returned value is dropped, whatever a station writes meanwhile.
    fn moment(&self) -> Result<rusqlite::Transaction<'_>, Error> {
        self.connection.unchecked_transaction().map_err(|error| reading(&error))
    }
}

const UNSIGNED: Error =
    Error::WrongState { command: "publishing a log that was never signed (start its station once)" };
