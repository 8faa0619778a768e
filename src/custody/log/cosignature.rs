//! Cosignatures (C2SP tlog-cosignature, cosignature/v1): others say that a log showed them one history, and when.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::custody::log::checkpoint::Checkpoint;
use crate::custody::log::note::{self, Note, NoteSignature, NoteSigner, SignatureKind, VerifierKey};
use crate::error::Error;

/// A checkpoint, and who of the wanted ones cosigned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// What the log signed.
    pub checkpoint: Checkpoint,
    /// Who cosigned, and when in seconds since 1970-01-01 UTC by the cosigner's clock; in the order in which they were wanted.
    pub by: Vec<(VerifierKey, u64)>,
    /// Who did not.
    pub missing: Vec<VerifierKey>,
}

/// Checks a checkpoint's signature and the cosignatures of the `wanted` keys; how many are enough is the caller's to say.
///
/// The kind of the wanted keys does not matter: their cosignatures are what is looked for. Signatures of others are not looked at.
///
/// # Errors
/// As [`Checkpoint::verify`]; [`Error::BadSignature`] too if a wanted key's cosignature is there and does not verify;
/// [`Error::Untrusted`] if the log's own key is among the wanted, which would vouch for itself.
pub fn verify_cosigned(note: &str, log: &VerifierKey, wanted: &[VerifierKey]) -> Result<Cosigned, Error> {
    let checkpoint = Checkpoint::verify(note, log)?;
    let note = Note::parse(note)?;
    let mut cosigned = Cosigned { checkpoint, by: Vec::new(), missing: Vec::new() };
    for key in wanted.iter().map(|key| key.with_kind(SignatureKind::Cosignature)) {
        refuse_own(log, &key)?;
        let times = note.signatures_of(&key).map(|line| verify_line(note.text, line, &key));
        match times.collect::<Result<Vec<_>, _>>()?.into_iter().max() {
            Some(time) => cosigned.by.push((key, time)),
            None => cosigned.missing.push(key),
        }
    }
    Ok(cosigned)
}

/// The line to add to a note whose text is `text`. Only a [witness](super::witness) makes one.
pub(super) fn line(text: &str, log: &VerifierKey, signer: &dyn NoteSigner, unix_seconds: u64) -> Result<String, Error> {
    let key = signer.verifier_key().with_kind(SignatureKind::Cosignature);
    refuse_own(log, &key)?;
    if unix_seconds > i64::MAX as u64 {
        return Err(Error::TooLarge { what: "the time of a cosignature, in seconds", limit: i64::MAX as u64 });
    }
    let signature = signer.sign(&message(text, unix_seconds))?;
    Ok(note::line(&key, &[unix_seconds.to_be_bytes().as_slice(), &signature].concat()))
}

/// The note with one more line, unless it is there already.
///
/// # Errors
/// [`Error::Malformed`] and [`Error::TooLarge`] if the result is not a note.
pub fn add_line(note: &str, line: &str) -> Result<String, Error> {
    let parsed = Note::parse(note)?;
    let added = format!("{note}{line}");
    let both = Note::parse(&added)?;
    if both.text != parsed.text || both.signatures.len() != parsed.signatures.len() + 1 {
        return Err(Error::Malformed { what: "the signature line to be added to a note" });
    }
    let new = both.signatures.last();
    if parsed.signatures.iter().any(|signature| Some(signature) == new) { Ok(String::from(note)) } else { Ok(added) }
}

/// The time at which `key` cosigned.
fn verify_line(text: &str, line: &NoteSignature<'_>, key: &VerifierKey) -> Result<u64, Error> {
    let (time, signature) = line.signature.split_first_chunk().ok_or(Error::BadSignature)?;
    let time = u64::from_be_bytes(*time);
    let signature: &[u8; 64] = signature.try_into().map_err(|_| Error::BadSignature)?;
    if time > i64::MAX as u64 {
        return Err(Error::BadSignature);
    }
    key.check(&message(text, time), signature)?;
    Ok(time)
}

/// What is signed. It can be no checkpoint's text, whose second line is a number.
fn message(text: &str, unix_seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {unix_seconds}\n{text}").into_bytes()
}

fn refuse_own(log: &VerifierKey, key: &VerifierKey) -> Result<(), Error> {
    if log.public_key() == key.public_key() {
        return Err(Error::Untrusted { what: "a cosigner that is the log itself: another operator's key must cosign" });
    }
    Ok(())
}
