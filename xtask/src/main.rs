//! Set-up, checks and tests of the repository in one command.
fn main() {}
