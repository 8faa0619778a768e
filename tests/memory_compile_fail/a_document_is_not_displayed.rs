// error: E0277
mod common;

fn main() -> Result<(), shokyo::Error> {
    let document = common::document()?;
    println!("{document:?}");
    #[cfg(misuse)]
    println!("{document}");
    Ok(())
}
