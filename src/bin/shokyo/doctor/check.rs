//! What a check says, and how much that counts for which station.

use clap::ValueEnum;

use super::host::{Host, Unseen};

/// What was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// As it should be.
    Good,
    /// It could not be seen.
    Unknown,
    /// It protects less than it could.
    Weak,
    /// A secret can get where it must not, or a station cannot work.
    Bad,
}

impl State {
    pub(super) const ALL: [Self; 4] = [Self::Good, Self::Unknown, Self::Weak, Self::Bad];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Weak => "weak",
            Self::Bad => "bad",
        }
    }
}

/// A check's outcome.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) state: State,
    pub(super) reason: String,
    /// What to do; nothing where it is good.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn good(reason: impl Into<String>) -> Self {
        Self { state: State::Good, reason: reason.into(), remedy: None }
    }

    pub(super) fn weak(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Weak, reason: reason.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn bad(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Bad, ..Self::weak(reason, remedy) }
    }

    pub(super) fn unknown(unseen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Unknown, ..Self::weak(unseen, remedy) }
    }
}

impl From<Unseen> for Finding {
    fn from(unseen: Unseen) -> Self {
        Self::unknown(unseen.to_string(), "run it where that can be read: on the host itself, or as root")
    }
}

/// Which station the host is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Documents in the clear, and a printer.
    Kiosk,
    /// Document keys, and documents in the clear while they are sealed.
    Issuer,
    /// Ciphertext that passes, never a key.
    Relay,
}

/// How much a check counts for a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Advised,
}

/// One check.
pub(super) struct Check {
    pub(super) name: &'static str,
    /// For a kiosk, an issuing system, and a relay.
    pub(super) needs: [Need; 3],
    pub(super) look: fn(&Host) -> Finding,
}

/// A check's outcome, and what it counts as.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) name: &'static str,
    pub(super) need: Option<Need>,
    pub(super) finding: Finding,
    /// Different from the finding's own state only where judged strictly.
    pub(super) counts_as: State,
}

/// Looks at everything, and judges it: strictly, what the profile requires and is not good is bad, and what it does not require counts
/// as weak at most.
pub(super) fn judge(checks: &[Check], host: &Host, profile: Option<Profile>, strict: bool) -> Vec<Judged> {
    checks
        .iter()
        .map(|check| {
            let finding = (check.look)(host);
            let need = profile.map(|profile| check.needs[profile as usize]);
            let counts_as = match (strict, need, finding.state) {
                (true, Some(Need::Required), State::Unknown | State::Weak) => State::Bad,
                (true, Some(Need::Advised), State::Bad) => State::Weak,
                (true, Some(Need::Advised), _) => State::Good,
                (_, _, state) => state,
            };
            Judged { name: check.name, need, finding, counts_as }
        })
        .collect()
}

/// The worst that anything counts as.
pub(super) fn worst(judged: &[Judged]) -> State {
    judged.iter().map(|judged| judged.counts_as).max().unwrap_or(State::Unknown)
}
