// error: E0599
mod common;

use std::io::{Read, Write};

fn main() -> std::io::Result<()> {
    let mut text = Vec::new();
    (&b"a document"[..]).read_to_end(&mut text)?;
    let mut writer = common::vault()?.writer(common::BINDING)?;
    writer.write_all(&text)?;
    let mut document = writer.finish()?;
    #[cfg(misuse)]
    document.read_to_end(&mut text)?;
    drop(std::mem::replace(&mut document, common::document()?));
    Ok(())
}
