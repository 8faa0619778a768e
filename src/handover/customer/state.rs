//! The states of a customer session, and the proof that the credential is gone, without which no issuing state can be made.

use super::words::{Credential, CustomerState, DeviceReport};
use crate::types::Time;

/// Proof that the credential has left the kiosk. Neither `Clone` nor `Copy`: it moves from state to state.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
pub(super) struct Gone(());

impl Gone {
    /// The only way to the proof: the report that belongs to this kind of credential.
    pub(super) fn by(report: DeviceReport, credential: Credential) -> Option<Self> {
        match (report, credential) {
            (DeviceReport::CardRemoved, Credential::Card) | (DeviceReport::CredentialReleased, Credential::Phone) => {
                Some(Self(()))
            }
            _ => None,
        }
    }

    /// What the exploration in the tests must notice.
    #[cfg(test)]
    pub(super) const fn never_checked() -> Self {
        Self(())
    }
}

/// How far issuing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) enum Stage {
    Applying,
    Paying,
    Starting,
    Printing,
}

/// Consumed on every transition.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
pub(super) enum State {
    Authenticating,
    Choosing {
        gone: Option<Gone>,
    },
    AwaitingRemoval,
    Issuing {
        #[allow(dead_code, reason = "nobody asks for it: the state cannot be made without it")]
        gone: Gone,
        stage: Stage,
    },
    Closing(Outstanding),
    Finished,
}

impl State {
    pub(super) const fn replace(&mut self, next: Self) -> Self {
        core::mem::replace(self, next)
    }

    pub(super) const fn stage(&self) -> Option<Stage> {
        match self {
            Self::Issuing { stage, .. } => Some(*stage),
            _ => None,
        }
    }

    /// Whether the credential is still there.
    pub(super) const fn holds_credential(&self) -> bool {
        match self {
            Self::Authenticating | Self::AwaitingRemoval => true,
            Self::Choosing { gone } => gone.is_none(),
            Self::Issuing { .. } | Self::Finished => false,
            Self::Closing(outstanding) => outstanding.credential,
        }
    }

    pub(super) const fn word(&self) -> CustomerState {
        match self {
            Self::Authenticating => CustomerState::Authenticating,
            Self::Choosing { .. } => CustomerState::Choosing,
            Self::AwaitingRemoval => CustomerState::AwaitingRemoval,
            Self::Issuing { stage: Stage::Applying, .. } => CustomerState::Applying,
            Self::Issuing { stage: Stage::Paying, .. } => CustomerState::Paying,
            Self::Issuing { stage: Stage::Starting, .. } => CustomerState::Starting,
            Self::Issuing { stage: Stage::Printing, .. } => CustomerState::Printing,
            Self::Closing(_) => CustomerState::Closing,
            Self::Finished => CustomerState::Finished,
        }
    }
}

/// What must still happen after the data is erased. None of it can delay the erasure: it came before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) struct Outstanding {
    /// The transaction's report that its memory is erased.
    pub(super) erasure: bool,
    /// The credential is still there.
    pub(super) credential: bool,
    /// The attendant must come.
    pub(super) attendant: bool,
    /// The door is open.
    pub(super) door: bool,
    /// A certificate lies in the tray.
    pub(super) paper: Option<Paper>,
}

impl Outstanding {
    /// Whether the kiosk cannot serve the next customer as it is.
    pub(super) const fn unfit(&self) -> bool {
        self.erasure || self.credential || self.attendant || self.door || self.paper.is_some()
    }
}

/// A certificate in the tray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) struct Paper {
    /// The next warning; none once they were acknowledged.
    pub(super) warn: Option<Time>,
    /// When it counts as forgotten; none once it does.
    pub(super) forgotten: Option<Time>,
}

/// The fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) enum Payment {
    Due,
    /// The terminal was asked to hold it.
    Asked,
    Held,
    /// Given back, or the request withdrawn.
    Released,
    /// The terminal was asked to take it.
    Capturing,
    Captured,
    /// It could not be taken.
    Refused,
}
