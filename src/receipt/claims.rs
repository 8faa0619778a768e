//! What a receipt may claim. The same rules hold when one is made and when one is read, so that neither a host nor another
//! implementation can say more than the evidence shows.

use crate::buffer::CopyClass;
use crate::error::Error;
use crate::receipt::event::Event;
use crate::receipt::statement::Statement;

/// Refuses a statement whose event says more than its copies show.
///
/// # Errors
/// [`Error::WrongState`] that names the claim and what it lacks.
pub(super) fn check(statement: &Statement) -> Result<(), Error> {
    let refuse = |claim| Err(Error::WrongState { command: claim });
    let failed = statement.copies.iter().any(|copy| copy.failed > 0);
    let verified = statement.is_verified();
    let anything_verified = statement.copies.iter().any(|copy| copy.verified > 0);
    let issuer = statement.role == crate::types::Role::Issuer;

    if statement.relay.is_some() && !statement.role.is_relay() {
        return refuse("a receipt with a relay's figures from a station that is no relay");
    }
    if statement.attempted.is_some() && statement.event != Event::NotErased {
        return refuse("a receipt that names an attempted event and another outcome than not-erased");
    }
    if failed && statement.event != Event::NotErased {
        return refuse("a receipt other than not-erased while a copy could not be verified");
    }
    match statement.event {
        Event::KeyWiped => {
            if !issuer {
                return refuse("a key-wiped receipt from a station that is no issuing system");
            }
            let key = statement.copies.iter().any(|copy| copy.class == CopyClass::Key && copy.verified > 0);
            if !verified || !key {
                return refuse("a key-wiped receipt without a verified wipe of a key");
            }
            if statement.retained.iter().any(|copy| copy.class == CopyClass::Key) {
                return refuse("a key-wiped receipt while a copy of a key is retained");
            }
        }
        Event::Closed => {
            if !issuer {
                return refuse("a closed receipt from a station that is no issuing system");
            }
            if !verified {
                return refuse("a closed receipt without a verified erasure");
            }
            if !statement.retained.is_empty() {
                return refuse("a closed receipt while copies are retained");
            }
        }
        Event::Erased => {
            if !verified {
                return refuse("an erased receipt without a verified erasure");
            }
            if !statement.retained.is_empty() {
                return refuse("an erased receipt while copies are retained");
            }
        }
        Event::RelayedNotRetained => {
            let Some(relay) = statement.relay else {
                return refuse("a relayed-not-retained receipt without the relay's figures");
            };
            if relay.frames > 0 && !verified {
                return refuse("a relayed-not-retained receipt without a verified erasure of what was relayed");
            }
            if !statement.retained.is_empty() {
                return refuse("a relayed-not-retained receipt while copies are retained");
            }
        }
        Event::LostAtRestart | Event::Forgotten => {
            if anything_verified {
                return refuse("a lost or forgotten receipt that claims verified copies");
            }
        }
        // What became of the document is unknown; what this station overwrote of its own is not.
        Event::Unresolved | Event::NotErased => {}
    }
    Ok(())
}
