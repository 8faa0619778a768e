// error: E0382
mod common;

fn main() -> Result<(), shokyo::Error> {
    let vault = common::vault()?;
    let mut incoming = vault.incoming(common::BINDING)?;
    incoming.push(&[0; 100])?;
    let outcome = incoming.attach(vault.new_key()?, 84);
    #[cfg(misuse)]
    incoming.push(&[0; 100])?;
    drop(outcome);
    Ok(())
}
