//! Receipts of inclusion (COSE Receipts, RFC 9942): a COSE_Sign1 of the log that an entry is in it, verified without the log.
//!
//! The payload is the root, and detached: a reader must compute it from the entry and the proof. The log's note key signs; no
//! checkpoint and no cosignature begins like a `Sig_structure`, so that neither can be taken for the other.
//!
//! A root does not tell the size of its tree, and a proof leads to the same root from another place of a tree of another size. So
//! the size is among what is signed, beyond what RFC 9942 asks for.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::data::Tag;
use minicbor::{Decoder, Encoder};

use crate::custody::log::checkpoint::Checkpoint;
use crate::custody::log::note::{NoteSigner, VerifierKey};
use crate::custody::log::proof::{root_of_inclusion, verify_inclusion};
use crate::custody::log::tree::{Hash, leaf_hash};
use crate::error::Error;
use crate::receipt;

/// The largest receipt of inclusion, in bytes.
const LARGEST: usize = 4096;
/// The most hashes of a proof: a tree of 2⁶³ − 1 leaves has 63 levels.
const MOST_HASHES: u64 = 63;

/// COSE header parameters (RFC 9052 §3.1, RFC 9597, RFC 9942 §2) and what is in them.
const ALG: i64 = 1;
const EDDSA: i64 = -8;
const KID: i64 = 4;
const CWT_CLAIMS: i64 = 15;
const ISSUER: i64 = 1;
/// A claim of this library's own, in the range for private use (RFC 8392 §9.1): the size of the log.
const SIZE: i64 = -65_537;
const VDS: i64 = 395;
const RFC9162_SHA256: i64 = 1;
const VDP: i64 = 396;
const INCLUSION_PROOFS: i64 = -1;
const COSE_SIGN1: u64 = 18;

/// What a receipt of inclusion says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// The log, by its origin.
    pub origin: String,
    /// The place of the entry, from 0.
    pub index: u64,
    /// The size of the log at which it is proven.
    pub size: u64,
    /// The root at that size, which the log signed.
    pub root: Hash,
}

/// A receipt that the entry with this leaf data is at `index` under a checkpoint that the log **has signed**: whoever calls this has
/// verified that. The path from the entry to the checkpoint's root (RFC 9162 §2.1.3) is checked before anything is signed.
///
/// # Errors
/// [`Error::OutOfRange`] for an entry beyond the checkpoint; [`Error::Mismatch`] for a path that does not lead from the entry to its root, and
/// for another log's checkpoint; the signer's own errors.
pub fn inclusion_receipt(
    entry: &[u8],
    index: u64,
    path: &[Hash],
    checkpoint: &Checkpoint,
    signer: &dyn NoteSigner,
) -> Result<Vec<u8>, Error> {
    let key = signer.verifier_key();
    if checkpoint.origin != key.name() {
        return Err(Error::Mismatch { what: "a checkpoint's origin and the name of the log's key" });
    }
    verify_inclusion(&leaf_hash(entry), index, checkpoint.size, path, &checkpoint.root)?;
    let protected = protected(key, checkpoint.size)?;
    let signature = signer.sign(&receipt::sig_structure(&protected, &checkpoint.root)?)?;
    build(&protected, &Proof { size: checkpoint.size, index, path: path.to_vec() }, &signature)
}

/// Checks that the log with this key says that it holds an entry with this leaf data.
///
/// # Errors
/// [`Error::TooLarge`] and [`Error::Malformed`] for every encoding but the one that [`inclusion_receipt`] makes; [`Error::OutOfRange`] and
/// [`Error::Mismatch`] for a proof that cannot be one, or another key; [`Error::BadSignature`] for everything that the log did not
/// sign: another entry, another place, another root.
pub fn verify_inclusion_receipt(bytes: &[u8], entry: &[u8], key: &VerifierKey) -> Result<Included, Error> {
    let (header, proof, signature) = parse(bytes)?;
    if header != protected(key, proof.size)? {
        return Err(Error::Mismatch { what: "the log, its key or its size and what a receipt of inclusion names" });
    }
    let root = root_of_inclusion(&leaf_hash(entry), proof.index, proof.size, &proof.path)?;
    key.check(&receipt::sig_structure(header, &root)?, &signature)?;
    Ok(Included { origin: String::from(key.name()), index: proof.index, size: proof.size, root })
}

struct Proof {
    size: u64,
    index: u64,
    path: Vec<Hash>,
}

impl Proof {
    /// `[ tree-size, leaf-index, [ * hash ] ]` (RFC 9942 §5.2).
    fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut encoder = Encoder::new(Vec::new());
        encoder
            .array(3)
            .and_then(|e| e.u64(self.size))
            .and_then(|e| e.u64(self.index))
            .and_then(|e| e.array(self.path.len() as u64))
            .map_err(malformed)?;
        self.path.iter().try_for_each(|hash| encoder.bytes(hash).map(|_| ())).map_err(malformed)?;
        Ok(encoder.into_writer())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new(bytes);
        if decoder.array().map_err(malformed)? != Some(3) {
            return Err(MALFORMED);
        }
        let (size, index) = (decoder.u64().map_err(malformed)?, decoder.u64().map_err(malformed)?);
        let length = decoder.array().map_err(malformed)?.filter(|length| *length <= MOST_HASHES).ok_or(MALFORMED)?;
        let hash = |_| decoder.bytes().map_err(malformed)?.try_into().map_err(malformed);
        Ok(Self { size, index, path: (0..length).map(hash).collect::<Result<_, _>>()? })
    }
}

/// `{1: -8, 4: kid, 15: {1: origin, -65537: size}, 395: 1}`.
fn protected(key: &VerifierKey, size: u64) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new(Vec::new());
    encoder
        .map(4)
        .and_then(|e| e.i64(ALG)?.i64(EDDSA))
        .and_then(|e| e.i64(KID)?.bytes(&receipt::key_id(key.public_key())))
        .and_then(|e| e.i64(CWT_CLAIMS)?.map(2)?.i64(ISSUER)?.str(key.name())?.i64(SIZE)?.u64(size))
        .and_then(|e| e.i64(VDS)?.i64(RFC9162_SHA256))
        .map_err(malformed)?;
    Ok(encoder.into_writer())
}

fn build(protected: &[u8], proof: &Proof, signature: &[u8; 64]) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new(Vec::new());
    encoder
        .tag(Tag::new(COSE_SIGN1))
        .and_then(|e| e.array(4)?.bytes(protected))
        .and_then(|e| e.map(1)?.i64(VDP)?.map(1)?.i64(INCLUSION_PROOFS)?.array(1))
        .map_err(malformed)?;
    encoder.bytes(&proof.encode()?).and_then(|e| e.null()?.bytes(signature)).map_err(malformed)?;
    Ok(encoder.into_writer())
}

/// Takes a receipt apart; nothing in it is verified then.
fn parse(bytes: &[u8]) -> Result<(&[u8], Proof, [u8; 64]), Error> {
    if bytes.len() > LARGEST {
        return Err(Error::TooLarge { what: "a receipt of inclusion", limit: LARGEST as u64 });
    }
    let mut decoder = Decoder::new(bytes);
    if decoder.tag().map_err(malformed)? != Tag::new(COSE_SIGN1) || decoder.array().map_err(malformed)? != Some(4) {
        return Err(MALFORMED);
    }
    let protected = decoder.bytes().map_err(malformed)?;
    let opening = (decoder.map(), decoder.i64(), decoder.map(), decoder.i64(), decoder.array());
    if !matches!(opening, (Ok(Some(1)), Ok(VDP), Ok(Some(1)), Ok(INCLUSION_PROOFS), Ok(Some(1)))) {
        return Err(MALFORMED);
    }
    let proof = Proof::decode(decoder.bytes().map_err(malformed)?)?;
    decoder.null().map_err(malformed)?;
    let signature: [u8; 64] = decoder.bytes().map_err(malformed)?.try_into().map_err(malformed)?;
    // One receipt has one encoding.
    if build(protected, &proof, &signature)? != bytes {
        return Err(MALFORMED);
    }
    Ok((protected, proof, signature))
}

const MALFORMED: Error = Error::Malformed { what: "a receipt of inclusion" };

fn malformed<E>(_: E) -> Error {
    MALFORMED
}
