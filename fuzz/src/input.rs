//! Taking an input apart.

/// What is left of an input.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// The next bytes, as many as two bytes (little endian) before them say, or as are left.
    pub(crate) fn chunk(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?) | usize::from(self.byte()?) << 8;
        let (chunk, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Some(chunk)
    }

    /// A number below a bound; 0 at the end.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        u64::from(self.byte().unwrap_or(0)) % bound.max(1)
    }
}
