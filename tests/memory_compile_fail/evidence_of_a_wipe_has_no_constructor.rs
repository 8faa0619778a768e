// error: E0624
mod common;

fn main() -> Result<(), shokyo::Error> {
    let mut wiped = shokyo::wipe::wipe(&mut [1; 32], 7)?;
    #[cfg(misuse)]
    (wiped = unsafe { shokyo::wipe::Wiped::new(7, 32) });
    drop(std::mem::replace(&mut wiped, shokyo::wipe::wipe(&mut [1; 32], 8)?));
    Ok(())
}
