//! Checkpoints (C2SP tlog-checkpoint): a log's size and root, signed.

use alloc::format;
use alloc::string::String;

use crate::custody::log::base64;
use crate::custody::log::note::{self, Note, NoteSigner, VerifierKey};
use crate::custody::log::tree::{Hash, check_size, empty_root};
use crate::error::Error;

/// What a log has signed about itself: its name, how many leaves it has, and the root over them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checkpoint {
    /// The log's name, which its key shares.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root over them (RFC 9162 §2.1.1).
    pub root: Hash,
}

impl Checkpoint {
    /// The three lines that are signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64::encode(&self.root))
    }

    /// The signed note.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the signer has another name than the origin, [`Error::TooLarge`] beyond 2⁶³ − 1 leaves; the signer's
    /// own errors.
    pub fn sign(&self, signer: &dyn NoteSigner) -> Result<String, Error> {
        let key = signer.verifier_key();
        if key.name() != self.origin {
            return Err(OTHER_ORIGIN);
        }
        check_size(self.size)?;
        let text = self.text();
        let signature = signer.sign(text.as_bytes())?;
        Ok(format!("{text}\n{}", note::line(key, &signature)))
    }

    /// Checks a signed note against the key of the log, and reads it. Other signatures are not looked at.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::TooLarge`], [`Error::BadSignature`], and [`Error::Mismatch`] if the note is another log's.
    pub fn verify(note: &str, key: &VerifierKey) -> Result<Self, Error> {
        let note = Note::parse(note)?;
        note.verify(key)?;
        let checkpoint = Self::parse_text(note.text)?;
        if checkpoint.origin == key.name() { Ok(checkpoint) } else { Err(OTHER_ORIGIN) }
    }

    /// Reads a note's text **without checking a signature**. Further lines, which other logs may write, are left out.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::TooLarge`].
    pub fn parse_text(text: &str) -> Result<Self, Error> {
        let mut lines = text.strip_suffix('\n').ok_or(MALFORMED)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(MALFORMED);
        let (origin, size, root) = (String::from(line()?), decimal(line()?).ok_or(MALFORMED)?, line()?);
        let root = base64::decode(root).and_then(|root| root.try_into().ok()).ok_or(MALFORMED)?;
        if lines.any(str::is_empty) || (size == 0 && root != empty_root()) {
            return Err(MALFORMED);
        }
        check_size(size)?;
        Ok(Self { origin, size, root })
    }
}

/// The name of a station's log, `shokyo/OPERATOR/STATION`. What may not be in the name of a key (spaces, control characters, `+`) and what
/// would make two logs look like one (`/`, `%`) is percent-encoded (RFC 3986 §2.1).
///
/// # Errors
/// [`Error::Malformed`] for an empty name of an operator or a station, [`Error::TooLarge`] beyond 255 bytes.
pub fn origin(operator: &str, station: &str) -> Result<String, Error> {
    let mut origin = String::from("shokyo");
    for part in [operator, station] {
        if part.is_empty() {
            return Err(Error::Malformed { what: "the name of a log: operator and station must be named" });
        }
        origin.push('/');
        for character in part.chars() {
            if character.is_whitespace() || character.is_control() || "+/%".contains(character) {
                let mut bytes = [0; 4];
                character.encode_utf8(&mut bytes).bytes().for_each(|byte| origin.push_str(&format!("%{byte:02X}")));
            } else {
                origin.push(character);
            }
        }
    }
    if origin.len() > note::LONGEST_NAME {
        return Err(Error::TooLarge { what: "the name of a log", limit: note::LONGEST_NAME as u64 });
    }
    Ok(origin)
}

/// A number in ASCII digits without leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

const MALFORMED: Error = Error::Malformed { what: "a checkpoint's origin, size and root" };
const OTHER_ORIGIN: Error = Error::Mismatch { what: "a checkpoint's origin and the name of the log's key" };
