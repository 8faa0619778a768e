//! The configuration's deadlines and limits as the machines take them.

use super::{Config, MinimumSuite};
use crate::handover::{Policy, Suite, Suites};
use crate::types::Roles;

impl Config {
    /// The configuration's deadlines, limits, suites and required attachments as the machines take them.
    #[must_use]
    pub fn policy(&self) -> Policy {
        // What a relay holds stays the protocol's own bound, and so do the challenge's time and the resending.
        let mut policy = Policy::default();
        policy.transmit = self.deadlines.transmit;
        policy.release = self.deadlines.release;
        policy.deliver = self.deadlines.deliver;
        policy.receipt = self.deadlines.receipt;
        policy.reconnect = self.deadlines.reconnect;
        policy.max_document = self.limits.document_bytes;
        policy.max_sessions = self.limits.sessions as usize;
        policy.max_per_neighbour = self.limits.per_neighbour.unwrap_or(self.limits.sessions) as usize;
        policy.max_per_kiosk = self.limits.per_kiosk as usize;
        policy.credit = self.limits.credit_chunks;
        policy.suites = Suites::at_least(match self.minimum_suite {
            Some(MinimumSuite::X25519) => Suite::X25519,
            Some(MinimumSuite::XWing) => Suite::XWing,
            // A relay passes what the two ends agreed on.
            None if self.role.is_relay() => Suite::X25519,
            None => Suite::XWing,
        });
        policy.attachments = self.kiosk.attachments.iter().fold(Roles::NONE, |roles, role| roles.with(*role));
        policy
    }
}
