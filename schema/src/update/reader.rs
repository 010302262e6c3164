//! lib0's primitives, bounds checked.

use super::{CLIENT_ID_MAX, UpdateRefused};

/// 2^53 − 1 takes eight groups of seven bits.
const VARINT_BYTES_MAX: u32 = 8;

/// A cursor over bytes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Goes on at a position that was read up to before.
    pub(super) const fn at(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    pub(super) const fn malformed(&self, what: &'static str) -> UpdateRefused {
        UpdateRefused::Malformed { what, offset: self.position }
    }

    pub(super) fn byte(&mut self) -> Result<u8, UpdateRefused> {
        let byte = *self.bytes.get(self.position).ok_or(self.malformed("it ends too early"))?;
        self.position += 1;
        Ok(byte)
    }

    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], UpdateRefused> {
        let rest = &self.bytes[self.position..];
        let length = usize::try_from(length).ok().filter(|length| *length <= rest.len());
        let length = length.ok_or(self.malformed("a length reaches beyond its end"))?;
        self.position += length;
        Ok(&rest[..length])
    }

    /// `writeVarUint`, up to what JavaScript holds exactly.
    pub(super) fn uint(&mut self) -> Result<u64, UpdateRefused> {
        let mut value = 0;
        for group in 0..VARINT_BYTES_MAX {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * group);
            if byte & 0x80 == 0 {
                return if value > CLIENT_ID_MAX {
                    Err(self.malformed("a number exceeds 2^53 - 1"))
                } else {
                    Ok(value)
                };
            }
        }
        Err(self.malformed("a number is too long"))
    }

    /// `writeVarInt`: six bits and the sign in the first byte. The magnitude is bounded as in [`Self::uint`].
    pub(super) fn skip_int(&mut self) -> Result<(), UpdateRefused> {
        let first = self.byte()?;
        let mut magnitude = u64::from(first & 0x3f);
        let mut more = first & 0x80 != 0;
        for group in 0..VARINT_BYTES_MAX {
            if !more {
                return if magnitude > CLIENT_ID_MAX {
                    Err(self.malformed("a number exceeds 2^53 - 1"))
                } else {
                    Ok(())
                };
            }
            let byte = self.byte()?;
            magnitude |= u64::from(byte & 0x7f) << (6 + 7 * group);
            more = byte & 0x80 != 0;
        }
        Err(self.malformed("a number is too long"))
    }

    /// `writeVarUint8Array`.
    pub(super) fn buffer(&mut self) -> Result<&'a [u8], UpdateRefused> {
        let length = self.uint()?;
        self.take(length)
    }

    /// `writeVarString`.
    pub(super) fn text(&mut self) -> Result<&'a str, UpdateRefused> {
        let bytes = self.buffer()?;
        str::from_utf8(bytes).map_err(|_| self.malformed("a text is not UTF-8"))
    }

    pub(super) fn skip_text(&mut self) -> Result<(), UpdateRefused> {
        self.text().map(drop)
    }
}
