//! The ten lines of the README: a document is sealed, looked at through a window, and erased with evidence.

pub(crate) fn main() -> Result<(), shokyo::Error> {
    use shokyo::types::{Binding, SessionId};
    use shokyo::{Vault, VaultOptions};

    let vault = Vault::open(VaultOptions::new())?;
    let mut writer = vault.writer(Binding { session: SessionId([1; 32]), context: [2; 32] })?;
    writer.write(b"a document that may exist ")?; // sealed before the next piece is taken
    writer.write(b"only for minutes")?;
    let document = writer.finish()?;
    document.read_at(0, |plain| assert_eq!(plain.len(), 42))?; // a locked window, wiped when the closure returns
    let erasure = document.erase(); // the key first, then the ciphertext, each read back
    assert!(erasure.is_verified());
    Ok(())
}
