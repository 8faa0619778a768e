// error: E0382
mod common;

fn main() -> Result<(), shokyo::Error> {
    let composed = b"a document".to_vec();
    drop(composed.len());
    let (document, source) = common::vault()?.seal_vec(common::BINDING, composed)?;
    #[cfg(misuse)]
    drop(composed.len());
    drop((document, source));
    Ok(())
}
