//! The words that every layer shares: identifiers, roles, time, protections. No secrets, no behaviour.

use core::fmt;

/// The identifier of one handover: SHA-256 over the issuer's nonce, the kiosk's name and the kiosk's one-session public key.
///
/// 32 bytes, unique across machines and processes because the nonce and the key are random. It names no person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 32]);

impl SessionId {
    /// Length in bytes.
    pub const LENGTH: usize = 32;

    /// No session yet: what is held before a handover has its identifier.
    pub const NONE: Self = Self([0; 32]);

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    /// Lower-case hexadecimal, 64 digits; `{:.8}` gives the first 8.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(64).min(64);
        for (position, byte) in self.0.iter().enumerate() {
            let (high, low) = (byte >> 4, byte & 15);
            for (offset, nibble) in [high, low].into_iter().enumerate() {
                if position * 2 + offset < digits {
                    write!(f, "{nibble:x}")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self:.16}…)")
    }
}

/// Which of the four systems a station is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// The automatic issuing system of a municipality (証明書自動交付システム).
    Issuer = 1,
    /// The certificate centre (証明書交付センター), a relay.
    CertificateCentre = 2,
    /// The convenience operator's data centre (ECセンター), a relay.
    EcCentre = 3,
    /// The kiosk in the shop (キオスク端末).
    Kiosk = 4,
}

impl Role {
    /// All roles, in the order in which a document visits them.
    pub const ALL: [Role; 4] = [Role::Issuer, Role::CertificateCentre, Role::EcCentre, Role::Kiosk];

    /// The role with this number in messages and receipts.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Issuer),
            2 => Some(Self::CertificateCentre),
            3 => Some(Self::EcCentre),
            4 => Some(Self::Kiosk),
            _ => None,
        }
    }

    /// The role's name in configurations and records: `issuer`, `certificate-centre`, `ec-centre`, `kiosk`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::CertificateCentre => "certificate-centre",
            Self::EcCentre => "ec-centre",
            Self::Kiosk => "kiosk",
        }
    }

    /// Whether the station only passes ciphertext on.
    #[must_use]
    pub const fn is_relay(self) -> bool {
        matches!(self, Self::CertificateCentre | Self::EcCentre)
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// The set with this role, too.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << (role as u8))
    }

    /// Whether the role is in the set.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & (1 << (role as u8)) != 0
    }

    /// The roles in the set, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A point on the caller's clock, in milliseconds since an origin that the caller chooses.
///
/// The library never reads a clock in its state machines; the caller passes one that counts suspended time
/// (`CLOCK_BOOTTIME` on Linux).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(not(shokyo_model), derive(Hash))]
pub struct Time(pub u64);

impl Time {
    /// This point plus `duration`, saturating.
    #[must_use]
    pub const fn after(self, duration: core::time::Duration) -> Self {
        let millis = duration.as_millis();
        let millis = if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 };
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this point, 0 when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// One reading of the caller's clocks, passed with every input of a state machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(shokyo_model, derive(Hash))]
pub struct Now {
    /// For deadlines: never goes back, counts suspended time.
    pub monotonic: Time,
    /// For records: milliseconds since 1970-01-01 UTC.
    pub unix_ms: u64,
}

/// One key cell at one time: which vault, which cell, which generation of it. Not secret; never reused within a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    /// The vault's random number.
    pub vault: u64,
    /// The cell's place in the vault.
    pub cell: u32,
    /// How often the cell has been filled.
    pub generation: u32,
}

impl KeyId {
    /// The identifier as the opaque tag that evidence carries.
    #[must_use]
    pub const fn to_tag(self) -> u128 {
        ((self.vault as u128) << 64) | ((self.cell as u128) << 32) | self.generation as u128
    }

    /// The identifier inside a tag made by [`KeyId::to_tag`].
    #[must_use]
    pub const fn from_tag(tag: u128) -> Self {
        Self { vault: (tag >> 64) as u64, cell: (tag >> 32) as u32, generation: tag as u32 }
    }
}

/// Protections of the memory that holds keys and plaintext, as flags: what is *active*, not what was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Protections(u32);

impl Protections {
    /// Pages are locked in memory and are not written to swap (`mlock`; on Windows `VirtualLock`).
    pub const LOCKED: Self = Self(1);
    /// Pages cannot be moved or read by the kernel's direct map (secret memory).
    pub const FRAME_PINNED: Self = Self(1 << 1);
    /// Inaccessible pages stand on both sides of every region.
    pub const GUARDED: Self = Self(1 << 2);
    /// Pages are left out of core dumps (`MADV_DONTDUMP`); on Windows out of what Windows Error Reporting writes, and of nothing else
    /// (`WerRegisterExcludedMemoryBlock`).
    pub const NO_DUMP: Self = Self(1 << 3);
    /// A forked child sees zeros or nothing (`MADV_WIPEONFORK`, `MADV_DONTFORK`); on Windows no process inherits memory.
    pub const NOT_INHERITED: Self = Self(1 << 4);
    /// Canaries beside regions are checked when memory is given back.
    pub const CANARY: Self = Self(1 << 5);
    /// Operations on keys and plaintext run on a locked stack, wiped afterwards.
    pub const CLEAN_ROOM: Self = Self(1 << 6);
    /// Every register that can hold data is cleared after each operation on secrets.
    pub const REGISTERS_SCRUBBED: Self = Self(1 << 7);
    /// A host's alternate signal stacks are scrubbed as well. Windows has none: an exception's registers go to the stack in use.
    pub const ALTSTACK_COVERED: Self = Self(1 << 8);

    const NAMES: [(Self, &'static str); 9] = [
        (Self::LOCKED, "LOCKED"),
        (Self::FRAME_PINNED, "FRAME_PINNED"),
        (Self::GUARDED, "GUARDED"),
        (Self::NO_DUMP, "NO_DUMP"),
        (Self::NOT_INHERITED, "NOT_INHERITED"),
        (Self::CANARY, "CANARY"),
        (Self::CLEAN_ROOM, "CLEAN_ROOM"),
        (Self::REGISTERS_SCRUBBED, "REGISTERS_SCRUBBED"),
        (Self::ALTSTACK_COVERED, "ALTSTACK_COVERED"),
    ];

    /// No protection.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// The flags as a number; bits are never reused.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The flags with this number; unknown bits are kept.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the set flags, in a fixed order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl fmt::Display for Protections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in self.names() {
            write!(f, "{separator}{name}")?;
            separator = " ";
        }
        if separator.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

/// What every chunk of a document is bound to: authenticated with each, and never sent with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(shokyo_model, derive(Hash))]
pub struct Binding {
    /// The session the document belongs to.
    pub session: SessionId,
    /// A hash of everything else it belongs to: in a handover, of the whole signed application.
    pub context: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_identifier_survives_its_tag() {
        let id = KeyId { vault: u64::MAX - 5, cell: 7, generation: u32::MAX };
        assert_eq!(KeyId::from_tag(id.to_tag()), id);
    }

    #[test]
    fn a_session_is_shown_as_hexadecimal_and_can_be_shortened() {
        let mut bytes = [0xAB; 32];
        bytes[0] = 0x01;
        assert_eq!(std::format!("{:.4}", SessionId(bytes)), "01ab");
        assert_eq!(std::format!("{}", SessionId(bytes)).len(), 64);
    }

    #[test]
    fn protections_are_named_as_they_are_set() {
        let set = Protections::LOCKED.with(Protections::NO_DUMP);
        assert_eq!(std::format!("{set}"), "LOCKED NO_DUMP");
        assert!(!set.contains(Protections::GUARDED));
        assert_eq!(std::format!("{}", Protections::none()), "none");
    }

    #[test]
    fn time_saturates() {
        assert_eq!(Time(u64::MAX).after(core::time::Duration::from_secs(1)), Time(u64::MAX));
        assert_eq!(Time(5).since(Time(9)), 0);
    }
}
