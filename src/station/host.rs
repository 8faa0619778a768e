//! What a station's receipts must leave out because of the host that it runs on.

use crate::platform::host::HostMemory;
use crate::receipt::NotCovered;
use crate::types::{Protections, Role};

/// Beyond what no station of this role covers. `host` must be read when the vaults are open: secret memory in use keeps the kernel
/// from hibernating, and the kernel says so.
pub(super) fn not_covered(host: HostMemory, protections: Protections, role: Role) -> Vec<NotCovered> {
    let holds_keys = !role.is_relay();
    let found = [
        (host.swap == Some(true), NotCovered::Swap),
        (host.hibernation == Some(true), NotCovered::Hibernation),
        (holds_keys && !protections.contains(Protections::FRAME_PINNED), NotCovered::KernelMapping),
        (host.swap.is_none() || host.hibernation.is_none(), NotCovered::UnknownHost),
    ];
    found.into_iter().filter(|(holds, _)| *holds).map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: HostMemory = HostMemory { swap: Some(false), hibernation: Some(false) };

    #[test]
    fn a_receipt_says_what_this_host_does_and_no_more() {
        let secret = Protections::FRAME_PINNED;
        assert_eq!(not_covered(QUIET, secret, Role::Kiosk), []);
        let swaps = HostMemory { swap: Some(true), ..QUIET };
        assert_eq!(not_covered(swaps, secret, Role::Kiosk), [NotCovered::Swap]);
        let hibernates = HostMemory { hibernation: Some(true), ..QUIET };
        assert_eq!(not_covered(hibernates, secret, Role::EcCentre), [NotCovered::Hibernation]);
        assert_eq!(not_covered(QUIET, Protections::none(), Role::Issuer), [NotCovered::KernelMapping]);
        assert_eq!(not_covered(QUIET, Protections::none(), Role::EcCentre), [], "it holds no key");
        for unknown in [HostMemory { swap: None, ..QUIET }, HostMemory { hibernation: None, ..QUIET }] {
            assert_eq!(not_covered(unknown, secret, Role::Kiosk), [NotCovered::UnknownHost]);
        }
    }
}
