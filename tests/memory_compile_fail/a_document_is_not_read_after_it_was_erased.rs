// error: E0382
mod common;

fn main() -> Result<(), shokyo::Error> {
    let document = common::document()?;
    document.read_at(0, |_| ())?;
    let erasure = document.erase();
    #[cfg(misuse)]
    document.read_at(0, |_| ())?;
    assert!(erasure.is_verified());
    Ok(())
}
