pub async fn run(_: shokyo::station::config::Config) -> Result<(), crate::Failure> { Ok(()) }
