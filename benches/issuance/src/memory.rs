pub fn run(_: &crate::Place, _: crate::Scale, _: &mut crate::Bars) -> Result<(), crate::Failure> { Ok(()) }
