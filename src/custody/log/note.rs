//! Signed notes and their verifier keys (C2SP signed-note): text that is signed by one or more Ed25519 keys.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use crate::custody::log::base64;
use crate::error::Error;
use crate::receipt::verify_signature;

/// The largest note that is read, in bytes.
pub(super) const LARGEST: usize = 65_536;
/// The most signatures of a note, as in Go's `sumdb/note`; a checkpoint here has a handful.
const MOST_SIGNATURES: usize = 100;
/// The longest name of a key, in bytes: what C2SP tlog-cosignature has room for.
pub(super) const LONGEST_NAME: usize = 255;

/// What a key's signatures are, as the byte in its id and its verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SignatureKind {
    /// Ed25519 over the text of the note: how a log signs its checkpoints (C2SP signed-note).
    Note = 1,
    /// Ed25519 over the text and a time: how others sign them (C2SP tlog-cosignature).
    Cosignature = 4,
}

/// Whose signature is wanted: a name, an Ed25519 public key and what it signs. Written `name+id+key` (C2SP signed-note, vkey).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: String,
    kind: SignatureKind,
    public_key: [u8; 32],
}

impl VerifierKey {
    /// The key of a log under its name, which is the origin of its checkpoints.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a name that is empty, has more than 255 bytes, or has a space, a control character or a `+`;
    /// [`Error::Untrusted`] for bytes that are no public key.
    pub fn new(name: &str, public_key: [u8; 32]) -> Result<Self, Error> {
        check_name(name)?;
        match VerifyingKey::from_bytes(&public_key) {
            Ok(key) if !key.is_weak() => {}
            _ => return Err(Error::Untrusted { what: "a verifier key, which is no strong Ed25519 public key" }),
        }
        Ok(Self { name: String::from(name), kind: SignatureKind::Note, public_key })
    }

    /// The same name and key for signatures of another kind.
    #[must_use]
    pub fn with_kind(&self, kind: SignatureKind) -> Self {
        Self { kind, ..self.clone() }
    }

    /// Reads `name+id+key`: the id as eight hexadecimal digits, the kind and the public key in base64.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnsupportedSuite`] for a kind that is not in [`SignatureKind`], [`Error::Untrusted`] for bytes
    /// that are no public key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // A `+` is no character of a name, but one of base64.
        let (name, rest) = text.split_once('+').ok_or(KEY)?;
        let (id, key) = rest.split_once('+').ok_or(KEY)?;
        let key = base64::decode(key).ok_or(KEY)?;
        let (kind, public_key) = key.split_first().ok_or(KEY)?;
        let kind = match kind {
            1 => SignatureKind::Note,
            4 => SignatureKind::Cosignature,
            other => return Err(Error::UnsupportedSuite { found: u64::from(*other) }),
        };
        let key = Self::new(name, public_key.try_into().map_err(|_| KEY)?)?.with_kind(kind);
        if id == hexadecimal(key.id()) { Ok(key) } else { Err(KEY) }
    }

    /// The name, which a log's key shares with the origin of its checkpoints.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key's signatures are.
    #[must_use]
    pub const fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The Ed25519 public key (RFC 8032).
    #[must_use]
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// The key's id: the first four bytes of `SHA-256(name || "\n" || kind || public key)`. Short: it finds a key, and proves nothing.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', self.kind as u8])
            .chain_update(self.public_key)
            .finalize()
            .into();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// Strict (RFC 8032 §5.1.7, cofactorless): malleable signatures do not verify.
    pub(super) fn check(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
        verify_signature(&self.public_key, message, signature)
    }
}

/// `name+id+key`.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [[self.kind as u8].as_slice(), &self.public_key].concat();
        write!(f, "{}+{}+{}", self.name, hexadecimal(self.id()), base64::encode(&key))
    }
}

/// Signs notes with an Ed25519 key (RFC 8032) that serves the log and nothing else.
pub trait NoteSigner {
    /// The name and the public key, of kind [`SignatureKind::Note`].
    fn verifier_key(&self) -> &VerifierKey;

    /// The 64-byte Ed25519 signature over exactly these bytes.
    ///
    /// # Errors
    /// Whatever keeps the key from being used, such as [`Error::Erased`].
    fn sign(&self, text: &[u8]) -> Result<[u8; 64], Error>;
}

/// A note taken apart; nothing in it is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// What is signed, with the newline at its end.
    pub text: &'a str,
    /// The lines below it, at least one.
    pub signatures: Vec<NoteSignature<'a>>,
}

/// One line of a note's signatures: `— name base64(id || signature)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature<'a> {
    /// The name of the key that is said to have signed.
    pub name: &'a str,
    /// Its id.
    pub id: [u8; 4],
    /// What the key's kind says: 64 bytes for a note, 72 for a cosignature.
    pub signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond 65,536 bytes or 100 signatures, and [`Error::Malformed`].
    pub fn parse(note: &'a str) -> Result<Self, Error> {
        if note.len() > LARGEST {
            return Err(Error::TooLarge { what: "a signed note", limit: LARGEST as u64 });
        }
        if note.chars().any(|character| character < ' ' && character != '\n') {
            return Err(NOTE);
        }
        let end = note.rfind("\n\n").ok_or(NOTE)?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NOTE)?;
        let signatures = lines.split('\n').map(NoteSignature::parse);
        let signatures = signatures.take(MOST_SIGNATURES + 1).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MOST_SIGNATURES {
            return Err(Error::TooLarge { what: "the signatures of a note", limit: MOST_SIGNATURES as u64 });
        }
        Ok(Self { text, signatures })
    }

    /// The signatures that name this key by name and id.
    pub fn signatures_of(&self, key: &VerifierKey) -> impl Iterator<Item = &NoteSignature<'a>> {
        let id = key.id();
        self.signatures.iter().filter(move |signature| signature.name == key.name() && signature.id == id)
    }

    /// Checks the signature of a key of kind [`SignatureKind::Note`]. Signatures of other keys are not looked at.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the key did not sign, [`Error::BadSignature`] if any of its signatures does not verify.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), Error> {
        let mut signed = false;
        for line in self.signatures_of(&key.with_kind(SignatureKind::Note)) {
            let signature: &[u8; 64] = line.signature.as_slice().try_into().map_err(|_| Error::BadSignature)?;
            key.check(self.text.as_bytes(), signature)?;
            signed = true;
        }
        if signed {
            Ok(())
        } else {
            Err(Error::Mismatch { what: "a signed note and the key that should have signed it" })
        }
    }
}

impl<'a> NoteSignature<'a> {
    /// Reads one line, without the newline.
    fn parse(line: &'a str) -> Result<Self, Error> {
        let (name, rest) = line.strip_prefix("— ").and_then(|line| line.split_once(' ')).ok_or(NOTE)?;
        check_name(name)?;
        let bytes = base64::decode(rest).ok_or(NOTE)?;
        match bytes.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => Ok(Self { name, id: *id, signature: signature.to_vec() }),
            _ => Err(NOTE),
        }
    }
}

/// The line of one signature, with its newline, as it is added to a note.
pub(super) fn line(key: &VerifierKey, signature: &[u8]) -> String {
    let bytes = [key.id().as_slice(), signature].concat();
    alloc::format!("— {} {}\n", key.name(), base64::encode(&bytes))
}

fn check_name(name: &str) -> Result<(), Error> {
    let refused = |character: char| character.is_whitespace() || character.is_control() || character == '+';
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(refused) {
        return Err(Error::Malformed { what: "the name of a note's key (1 to 255 bytes, no space and no +)" });
    }
    Ok(())
}

fn hexadecimal(id: [u8; 4]) -> String {
    alloc::format!("{:08x}", u32::from_be_bytes(id))
}

const NOTE: Error = Error::Malformed { what: "a signed note" };
const KEY: Error = Error::Malformed { what: "a verifier key (name+id+key)" };
