// error: E0308
mod common;

fn main() -> Result<(), shokyo::Error> {
    let document = common::document()?;
    let slice: &[u8] = document.sealed_chunk(0)?;
    drop(slice.len());
    #[cfg(misuse)]
    let slice: &[u8] = &document;
    drop(slice.len());
    Ok(())
}
