// error: E0521
mod common;

fn main() -> Result<(), shokyo::Error> {
    let document = common::document()?;
    let mut kept: Vec<&[u8]> = Vec::new();
    document.for_each_window(|_, plain| {
        kept.push(b"something else");
        #[cfg(misuse)]
        kept.push(plain);
        drop(plain.len());
        Ok(())
    })?;
    drop(kept.len());
    Ok(())
}
