// error: E0521
mod common;

fn main() -> Result<(), shokyo::Error> {
    let document = common::document()?;
    let mut kept: &[u8] = &[];
    document.read_at(0, |plain| {
        kept = b"something else";
        #[cfg(misuse)]
        (kept = plain);
        drop(plain.len());
    })?;
    drop(kept.len());
    Ok(())
}
