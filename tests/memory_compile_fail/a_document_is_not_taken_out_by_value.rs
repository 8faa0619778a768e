// error: E0277
mod common;

fn main() -> Result<(), shokyo::Error> {
    let document = common::document()?;
    drop(document.read_at(0, |plain| Vec::<u8>::from(plain))?);
    #[cfg(misuse)]
    drop(Vec::<u8>::from(document));
    Ok(())
}
