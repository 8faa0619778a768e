// error: E0382
mod common;

fn main() -> Result<(), shokyo::Error> {
    let key = common::vault()?.new_key()?;
    assert!(key.is_live());
    drop(key.erase()?);
    #[cfg(misuse)]
    assert!(!key.is_live());
    Ok(())
}
