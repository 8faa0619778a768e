//! The words of a receipt: what happened, what is still held, what is unknown. Numbers are never reused.

use core::fmt;

use crate::buffer::CopyClass;
use crate::types::Role;

/// What a receipt says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Event {
    /// The issuing system wiped its document key and ciphertext and verified both, before it released the wrapped key.
    KeyWiped = 1,
    /// The issuing system heard that the document was opened, and wiped the wrapped key too.
    Closed = 2,
    /// Every copy that the station tracked was overwritten and read back.
    Erased = 3,
    /// A relay passed sealed frames on, wiped each, and keeps none.
    RelayedNotRetained = 4,
    /// The process ended with the session open; nothing was verified.
    LostAtRestart = 5,
    /// The key was handed over and the end was never heard.
    Unresolved = 6,
    /// A printed document was left behind at the kiosk.
    Forgotten = 7,
    /// At least one copy could not be verified as erased.
    NotErased = 8,
}

impl Event {
    /// All events, by number.
    pub const ALL: [Event; 8] = [
        Self::KeyWiped,
        Self::Closed,
        Self::Erased,
        Self::RelayedNotRetained,
        Self::LostAtRestart,
        Self::Unresolved,
        Self::Forgotten,
        Self::NotErased,
    ];

    /// The event with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1..=8 => Some(Self::ALL[number as usize - 1]),
            _ => None,
        }
    }

    /// The name in stores and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyWiped => "key-wiped",
            Self::Closed => "closed",
            Self::Erased => "erased",
            Self::RelayedNotRetained => "relayed-not-retained",
            Self::LostAtRestart => "lost-at-restart",
            Self::Unresolved => "unresolved",
            Self::Forgotten => "forgotten",
            Self::NotErased => "not-erased",
        }
    }

    /// What the event claims, in a sentence: no more than was done.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::KeyWiped => {
                "the document key in this station's memory was overwritten and read back as zeros before the wrapped key was \
                 sent"
            }
            Self::Closed => {
                "the document was reported as opened, and this station's wrapped key was overwritten and read back as zeros"
            }
            Self::Erased => "every copy that this station tracked was overwritten and read back as zeros",
            Self::RelayedNotRetained => {
                "the sealed frames that this station passed on were overwritten and read back as zeros; none is kept"
            }
            Self::LostAtRestart => {
                "the process ended while the session was open; what its memory held was not overwritten by it, and is unknown"
            }
            Self::Unresolved => {
                "the key was handed over and the end was never heard; whether the document was delivered is unknown"
            }
            Self::Forgotten => "a printed document was left behind at the kiosk",
            Self::NotErased => "at least one copy could not be shown to be overwritten; it may still exist",
        }
    }

    /// Whether the event claims a verified erasure.
    #[must_use]
    pub const fn claims_erasure(self) -> bool {
        matches!(self, Self::KeyWiped | Self::Closed | Self::Erased | Self::RelayedNotRetained)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How copies were erased and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Method {
    /// Overwritten with zeros, then every byte read back in the processor's coherent view.
    OverwrittenReadBack = 1,
}

impl Method {
    /// The method with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::OverwrittenReadBack),
            _ => None,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("overwritten with zeros, read back in the CPU's coherent view")
    }
}

/// What an erasure cannot reach and a receipt therefore says nothing about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum NotCovered {
    /// Someone who can read this process's memory while a window is open.
    PrivilegedObserver = 1,
    /// Devices that read memory directly, and memory modules read shortly after power is cut.
    PhysicalAccess = 2,
    /// Copies that existed before the data entered the library.
    EarlierCopies = 3,
    /// What the host's own code copied out of a window.
    HostCode = 4,
    /// Buffers of the operating system's network stack, which hold ciphertext alone.
    KernelBuffers = 5,
    /// Swap and hibernation images of memory that is not locked.
    UnlockedMemory = 6,
    /// The printer's own memory, and the paper.
    Printer = 7,
    /// Journals, snapshots and flash cells below the layer of files.
    StorageBelowFiles = 8,
    /// Memory of a process that ended before it could erase.
    EndedProcess = 9,
    /// Buffers of the TLS library, which hold sealed frames alone.
    TransportBuffers = 10,
    /// Swap, which is in use on this host: what stands in memory that is not locked may be on its disk.
    Swap = 11,
    /// A hibernation image, which this host can make: it holds locked memory too.
    Hibernation = 12,
    /// The pages that held the keys are mapped by the kernel, too: this host gave no secret memory.
    KernelMapping = 13,
    /// Whether this host swaps or hibernates could not be found out.
    UnknownHost = 14,
}

impl NotCovered {
    /// All, by number.
    pub const ALL: [NotCovered; 14] = [
        Self::PrivilegedObserver,
        Self::PhysicalAccess,
        Self::EarlierCopies,
        Self::HostCode,
        Self::KernelBuffers,
        Self::UnlockedMemory,
        Self::Printer,
        Self::StorageBelowFiles,
        Self::EndedProcess,
        Self::TransportBuffers,
        Self::Swap,
        Self::Hibernation,
        Self::KernelMapping,
        Self::UnknownHost,
    ];

    /// The version of the statement that knows the number: a statement has the highest of its entries'. So a reader of an older
    /// version refuses what it cannot read by the version's number, and everything else keeps its one encoding.
    #[must_use]
    pub const fn since_version(self) -> u64 {
        if self as u8 <= Self::TransportBuffers as u8 { 1 } else { 2 }
    }

    /// The one with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1..=14 => Some(Self::ALL[number as usize - 1]),
            _ => None,
        }
    }

    /// What is not covered, in a phrase.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::PrivilegedObserver => "what root or a debugger on the same host read while a window was open",
            Self::PhysicalAccess => {
                "direct memory access by devices, and memory modules read within seconds of a power cut"
            }
            Self::EarlierCopies => "copies that existed before the data entered this software",
            Self::HostCode => "copies that the host's own code made of what a window showed it",
            Self::KernelBuffers => "the operating system's network buffers, which only ever hold ciphertext",
            Self::UnlockedMemory => "swap and hibernation images of memory that is not locked, which holds ciphertext",
            Self::Printer => "the printer's own memory, and the paper",
            Self::StorageBelowFiles => "journals, snapshots and flash cells below the layer of files",
            Self::EndedProcess => "the memory of a process that ended before it could erase",
            Self::TransportBuffers => "the TLS library's buffers in this process, which only ever hold sealed frames",
            Self::Swap => "swap, which is in use on this host, of memory that is not locked",
            Self::Hibernation => "a hibernation image, which this host can make, of all memory, locked memory too",
            Self::KernelMapping => "what the kernel of this host read of locked memory, which was no secret memory",
            Self::UnknownHost => "swap and hibernation of this host, of which nothing could be found out",
        }
    }

    /// What no receipt of a station with this role may leave out, whatever its host asks for.
    #[must_use]
    pub const fn always(role: Role) -> &'static [NotCovered] {
        match role {
            Role::Issuer => &[
                Self::PrivilegedObserver,
                Self::PhysicalAccess,
                Self::EarlierCopies,
                Self::HostCode,
                Self::KernelBuffers,
                Self::UnlockedMemory,
                Self::TransportBuffers,
            ],
            // A relay never has the key: what it cannot reach is ciphertext.
            Role::CertificateCentre | Role::EcCentre => {
                &[Self::KernelBuffers, Self::UnlockedMemory, Self::TransportBuffers]
            }
            Role::Kiosk => &[
                Self::PrivilegedObserver,
                Self::PhysicalAccess,
                Self::HostCode,
                Self::KernelBuffers,
                Self::UnlockedMemory,
                Self::Printer,
                Self::TransportBuffers,
            ],
        }
    }
}

impl fmt::Display for NotCovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meaning())
    }
}

/// A copy that the station still holds, and until when at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Retained {
    /// The class of the copy.
    pub class: CopyClass,
    /// When it is erased at the latest, in milliseconds since 1970-01-01 UTC.
    pub until_unix_ms: u64,
}

/// What a relay measured about one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayFigures {
    /// The most bytes that it held at one moment. A receipt rounds it up to a power of two.
    pub peak_bytes: u64,
    /// The longest time for which it held any byte, in milliseconds.
    pub longest_hold_ms: u64,
    /// How many frames it passed on. A receipt rounds it up to a power of two.
    pub frames: u64,
}
