// error: E0599
mod common;

fn main() -> Result<(), shokyo::Error> {
    let erasure = common::document()?.erase();
    #[cfg(misuse)]
    let erasure = erasure.clone();
    assert!(erasure.is_verified());
    Ok(())
}
