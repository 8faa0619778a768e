// error: E0451
mod common;

fn main() -> Result<(), shokyo::Error> {
    let mut wiped = shokyo::wipe::wipe(&mut [1; 32], 7)?;
    #[cfg(misuse)]
    (wiped = shokyo::wipe::Wiped { tag: 7, ..wiped });
    assert_eq!((wiped.tag(), wiped.bytes()), (7, 32));
    drop(std::mem::replace(&mut wiped, shokyo::wipe::wipe(&mut [1; 32], 8)?));
    Ok(())
}
