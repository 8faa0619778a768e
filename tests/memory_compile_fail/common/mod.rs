//! What the programs beside this folder begin with.

use shokyo::types::{Binding, SessionId};
use shokyo::{EphemeralBuffer, Error, Vault, VaultOptions};

pub const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };

pub fn vault() -> Result<Vault, Error> {
    Vault::open(VaultOptions::new())
}

pub fn document() -> Result<EphemeralBuffer, Error> {
    vault()?.seal(BINDING, b"a document")
}
