// error: E0382
mod common;

fn main() -> Result<(), shokyo::Error> {
    let mut writer = common::vault()?.writer(common::BINDING)?;
    writer.write(b"a document")?;
    let document = writer.finish()?;
    #[cfg(misuse)]
    writer.write(b"and more")?;
    drop(document);
    Ok(())
}
