// error: E0505
mod common;

fn main() -> Result<(), shokyo::Error> {
    let document = common::document()?;
    document.read_at(0, |plain| {
        #[cfg(misuse)]
        drop(document.erase());
        drop(plain.len());
    })
}
