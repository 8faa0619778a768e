// error: E0451
mod common;

fn main() -> Result<(), shokyo::Error> {
    let erasure = common::document()?.erase();
    #[cfg(misuse)]
    let erasure = shokyo::Erasure { session: erasure.session(), key: None, ..erasure };
    assert!(erasure.is_verified());
    Ok(())
}
