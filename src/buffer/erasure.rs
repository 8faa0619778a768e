//! What an erasure did, as a value that only wiping can make and only a receipt can consume.

use crate::error::Error;
use crate::types::{KeyId, Protections, SessionId};
use crate::wipe::Wiped;

/// What kind of copy was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CopyClass {
    /// A 32-byte key in a key cell.
    Key = 1,
    /// A document key wrapped to another's public key.
    WrappedKey = 2,
    /// Sealed chunks, unreadable without the key.
    Ciphertext = 3,
    /// A window that showed plaintext.
    Window = 4,
    /// A spool file or its memory.
    Spool = 5,
    /// Something made from the document, such as a rendered page.
    Derivative = 6,
}

impl CopyClass {
    /// All classes, by number.
    pub const ALL: [CopyClass; 6] =
        [Self::Key, Self::WrappedKey, Self::Ciphertext, Self::Window, Self::Spool, Self::Derivative];

    /// The name in receipts and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::WrappedKey => "wrapped-key",
            Self::Ciphertext => "ciphertext",
            Self::Window => "window",
            Self::Spool => "spool",
            Self::Derivative => "derivative",
        }
    }

    /// The class with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1..=6 => Some(Self::ALL[number as usize - 1]),
            _ => None,
        }
    }
}

/// Why something was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Cause {
    /// The owner asked for it.
    Requested = 1,
    /// The document was handed over.
    HandedOver = 2,
    /// The document was delivered.
    Delivered = 3,
    /// A deadline passed.
    Deadline = 4,
    /// A party cancelled.
    Cancelled = 5,
    /// A party refused or a message was wrong.
    Refused = 6,
    /// A neighbour was lost.
    PeerLost = 7,
    /// The process ends, or everything was erased at once.
    Shutdown = 8,
    /// The device failed: jam, door, paper.
    DeviceFault = 9,
    /// A limit is reached; later it may go.
    Busy = 10,
}

impl Cause {
    /// The name in receipts and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::HandedOver => "handed-over",
            Self::Delivered => "delivered",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::PeerLost => "peer-lost",
            Self::Shutdown => "shutdown",
            Self::DeviceFault => "device-fault",
            Self::Busy => "busy",
        }
    }

    /// The cause with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Requested,
            2 => Self::HandedOver,
            3 => Self::Delivered,
            4 => Self::Deadline,
            5 => Self::Cancelled,
            6 => Self::Refused,
            7 => Self::PeerLost,
            8 => Self::Shutdown,
            9 => Self::DeviceFault,
            10 => Self::Busy,
            _ => return None,
        })
    }
}

/// What was overwritten in one class of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasedCopy {
    /// The class.
    pub class: CopyClass,
    /// How many ranges were overwritten and read back as zero.
    pub verified: u64,
    /// How many ranges could not be verified; their memory is quarantined.
    pub failed: u64,
    /// Bytes over all ranges.
    pub bytes: u64,
}

/// What is kept of a class: the fields of [`ErasedCopy`] without the class.
#[derive(Clone, Copy, Debug)]
struct Counts {
    verified: u64,
    failed: u64,
    bytes: u64,
}

#[cfg(shokyo_model)]
impl core::hash::Hash for Counts {
    /// Whether there is anything: the model tells no numbers apart.
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        (self.verified > 0, self.failed > 0).hash(state);
    }
}

impl Counts {
    /// Takes in the counts of another erasure. Those of another session count as failed.
    fn add(&mut self, other: Self, same_session: bool) {
        let (verified, failed) = if same_session { (other.verified, 0) } else { (0, other.verified) };
        self.verified += verified;
        self.failed += failed + other.failed;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The evidence of one erasure, bound to its session and, where a key was destroyed, to that key.
///
/// Copies enter only as [`Wiped`], which only the wipe itself makes. It is not `Clone` and cannot be serialised: a
/// [receipt](crate::receipt) consumes it.
///
/// ```
/// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
/// # let vault = Vault::open(VaultOptions::new())?;
/// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// let document = vault.seal(binding, b"a document")?;
/// document.read_at(0, |_| ())?;
/// let erasure = document.erase();
/// assert_eq!(erasure.session(), binding.session);
/// for copy in erasure.copies() {
///     println!("{}: {} ranges read back as zero, {} bytes", copy.class.name(), copy.verified, copy.bytes);
/// }
/// assert_eq!(erasure.copies().count(), 3); // key, ciphertext, windows
/// # Ok::<(), shokyo::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "evidence of an erasure becomes a receipt, or is lost"]
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub struct Erasure {
    session: SessionId,
    key: Option<KeyId>,
    protections: Protections,
    /// By the number of the class, less 1.
    copies: [Counts; 6],
}

impl Erasure {
    /// Evidence of nothing yet, for a session, in memory with these protections.
    pub const fn new(session: SessionId, protections: Protections) -> Self {
        Self { session, key: None, protections, copies: [Counts { verified: 0, failed: 0, bytes: 0 }; 6] }
    }

    /// Takes in the outcome of one wipe: a success counts as verified, [`Error::NotErased`] and every other error as failed.
    ///
    /// The first destroyed key cell gives the evidence its key; other memory never does, whatever its tag. `bytes` of a failed wipe
    /// are counted from the error.
    pub fn record(&mut self, class: CopyClass, outcome: Result<Wiped, Error>) {
        let copy = &mut self.copies[class as usize - 1];
        match outcome {
            Ok(wiped) => {
                copy.verified += 1;
                copy.bytes = copy.bytes.saturating_add(wiped.bytes());
                if class == CopyClass::Key && wiped.is_cell() && self.key.is_none() {
                    self.key = Some(KeyId::from_tag(wiped.tag()));
                }
            }
            Err(error) => {
                copy.failed += 1;
                if let Error::NotErased { bytes } = error {
                    copy.bytes = copy.bytes.saturating_add(bytes);
                }
            }
        }
    }

    /// Adds the copies of another erasure of the same session, or of something held before there was one
    /// ([`SessionId::NONE`]).
    ///
    /// # Errors
    /// [`Error::Mismatch`] when it belongs to another session; its copies are then counted as failed here, never lost.
    pub fn absorb(&mut self, other: Erasure) -> Result<(), Error> {
        let same = other.session == self.session || other.session == SessionId::NONE;
        for (mine, theirs) in self.copies.iter_mut().zip(other.copies) {
            mine.add(theirs, same);
        }
        if !same {
            return Err(Error::Mismatch { what: "the session of an erasure" });
        }
        self.key = self.key.or(other.key);
        self.protections = self.protections.intersection(other.protections);
        Ok(())
    }

    /// Takes in the evidence of a copy that was a document of its own: all that was erased of it counts in the copy's class. Evidence
    /// of nothing, or of another session, counts as failed.
    #[cfg(feature = "std")]
    pub(super) fn record_all(&mut self, class: CopyClass, copy: Erasure) {
        let same = copy.session == self.session;
        let mine = &mut self.copies[class as usize - 1];
        mine.failed += u64::from(copy.copies().next().is_none());
        copy.copies.into_iter().for_each(|theirs| mine.add(theirs, same));
    }

    /// A copy stood in memory with these protections: the evidence claims no others any more.
    #[cfg(feature = "std")]
    pub(crate) fn weaken(&mut self, protections: Protections) {
        self.protections = self.protections.intersection(protections);
    }

    /// The session whose copies were erased.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The key that was destroyed, if one was.
    #[must_use]
    pub const fn key(&self) -> Option<KeyId> {
        self.key
    }

    /// The protections that the memory had.
    #[must_use]
    pub const fn protections(&self) -> Protections {
        self.protections
    }

    /// The classes in which something was erased.
    pub fn copies(&self) -> impl Iterator<Item = ErasedCopy> {
        let all = CopyClass::ALL.into_iter().zip(&self.copies);
        all.filter(|(_, counts)| counts.verified > 0 || counts.failed > 0)
            .map(|(class, &Counts { verified, failed, bytes })| ErasedCopy { class, verified, failed, bytes })
    }

    /// Whether everything that was to be erased was read back as erased, and there was something.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.copies.iter().all(|copy| copy.failed == 0) && self.copies.iter().any(|copy| copy.verified > 0)
    }
}
