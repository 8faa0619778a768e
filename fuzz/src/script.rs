//! A fuzzer's input, read as small numbers.

/// The rest of an input.
pub struct Script<'a>(pub &'a [u8]);

impl Script<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next byte, or 0 at the end.
    pub fn number(&mut self) -> usize {
        usize::from(self.byte().unwrap_or(0))
    }

    /// The next two bytes.
    pub fn long(&mut self) -> usize {
        self.number() << 8 | self.number()
    }

    /// One of `length` things, if there are any.
    pub fn pick(&mut self, length: usize) -> Option<usize> {
        self.number().checked_rem(length)
    }
}
