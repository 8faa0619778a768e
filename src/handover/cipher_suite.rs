//! Which cryptography a session uses: negotiated once, in signed messages, and never fallen back from.

use alloc::vec::Vec;

use crate::error::Error;

/// The cryptographic suite of a session. Signatures are Ed25519 (RFC 8032) in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Suite {
    /// HPKE (RFC 9180) with X-Wing (KEM 0x647A, draft-ietf-hpke-pq), HKDF-SHA256 and AES-256-GCM: safe against quantum computers,
    /// too.
    XWing = 1,
    /// HPKE (RFC 9180) with X25519 (KEM 0x0020), HKDF-SHA256 and AES-256-GCM, for small machines.
    X25519 = 2,
}

impl Suite {
    /// All suites, the strongest first.
    pub const ALL: [Self; 2] = [Self::XWing, Self::X25519];

    /// The suite with this number.
    ///
    /// # Errors
    /// [`Error::UnsupportedSuite`] for any other.
    pub const fn from_number(number: u8) -> Result<Self, Error> {
        match number {
            1 => Ok(Self::XWing),
            2 => Ok(Self::X25519),
            _ => Err(Error::UnsupportedSuite { found: number as u64 }),
        }
    }

    /// The name in configurations: `x-wing`, `x25519`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XWing => "x-wing",
            Self::X25519 => "x25519",
        }
    }

    const fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// The suites that a station accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suites(u8);

impl Suites {
    /// Exactly this one.
    #[must_use]
    pub const fn only(suite: Suite) -> Self {
        Self(suite.bit())
    }

    /// This one and every stronger one.
    #[must_use]
    pub const fn at_least(weakest: Suite) -> Self {
        match weakest {
            Suite::XWing => Self::only(Suite::XWing),
            Suite::X25519 => Self(Suite::XWing.bit() | Suite::X25519.bit()),
        }
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn contains(self, suite: Suite) -> bool {
        self.0 & suite.bit() != 0
    }

    /// The strongest that both accept.
    #[must_use]
    pub fn strongest_common(self, other: Self) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| self.contains(*suite) && other.contains(*suite))
    }

    /// The strongest of them; X-Wing when there is none.
    #[must_use]
    pub fn strongest(self) -> Suite {
        self.strongest_common(self).unwrap_or(Suite::XWing)
    }

    /// Their numbers, the strongest first, as in a Hello.
    pub(super) fn numbers(self) -> Vec<u8> {
        Suite::ALL.into_iter().filter(|suite| self.contains(*suite)).map(|suite| suite as u8).collect()
    }

    /// Those of a Hello that are known here. Later versions may know more.
    pub(super) fn from_numbers(numbers: &[u8]) -> Self {
        Self(numbers.iter().filter_map(|number| Suite::from_number(*number).ok()).fold(0, |bits, s| bits | s.bit()))
    }
}

impl Default for Suites {
    /// X-Wing alone.
    fn default() -> Self {
        Self::only(Suite::XWing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_common_suite_is_taken_and_a_minimum_never_admits_a_weaker_one() {
        let both = Suites::at_least(Suite::X25519);
        assert_eq!(both.strongest_common(both), Some(Suite::XWing));
        assert_eq!(both.strongest_common(Suites::only(Suite::X25519)), Some(Suite::X25519));
        assert_eq!(Suites::at_least(Suite::XWing).strongest_common(Suites::only(Suite::X25519)), None);
        assert!(!Suites::at_least(Suite::XWing).contains(Suite::X25519));
    }

    #[test]
    fn unknown_numbers_in_a_list_are_passed_over() {
        assert_eq!(Suites::from_numbers(&[9, 2, 0, 255]), Suites::only(Suite::X25519));
        assert_eq!(Suites::at_least(Suite::X25519).numbers(), [1, 2]);
    }
}
