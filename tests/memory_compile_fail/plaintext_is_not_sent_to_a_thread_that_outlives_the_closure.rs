// error: E0521
mod common;

fn main() -> Result<(), shokyo::Error> {
    let document = common::document()?;
    document.read_at(0, |plain| {
        std::thread::scope(|scope| drop(scope.spawn(|| plain.len())));
        #[cfg(misuse)]
        std::thread::spawn(move || plain.len());
    })
}
