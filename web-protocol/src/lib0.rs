//! lib0 encoding, as used by Yjs: `varuint`, `varbuf`, `varstring`.
//!
//! Source: the `lib0` npm package, `encoding.js` and `decoding.js`.

use thiserror::Error;

/// The largest integer that every JavaScript client reads exactly, 2^53 − 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// What is wrong with bytes that should have been lib0-encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end before the value does.
    #[error("the bytes end too early")]
    UnexpectedEnd,
    /// A varuint does not fit into 53 bits.
    #[error("an integer is larger than 2^53 - 1")]
    IntegerTooLarge,
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    InvalidUtf8,
    /// Bytes are left after the last value.
    #[error("there are bytes after the end of the message")]
    TrailingBytes,
    /// A number that names a kind of message names none that is known.
    #[error("message type {0} is unknown")]
    UnknownType(u64),
}

/// Reads values from the front of a slice, without copying.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts reading at the first byte of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Reads an unsigned integer of at most 53 bits.
    pub fn varuint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        let mut shift = 0_u32;
        loop {
            let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::UnexpectedEnd)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift > 49 || (shift == 49 && bits > 0x0f) {
                return Err(DecodeError::IntegerTooLarge);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// Reads a length and that many bytes.
    pub fn varbuf(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = usize::try_from(self.varuint()?).map_err(|_| DecodeError::UnexpectedEnd)?;
        if len > self.rest.len() {
            return Err(DecodeError::UnexpectedEnd);
        }
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads a length and that many bytes of UTF-8.
    pub fn varstring(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.varbuf()?).map_err(|_| DecodeError::InvalidUtf8)
    }

    /// Checks that everything was read.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }
}

/// Appends a varuint. Values above [`MAX_SAFE_INTEGER`] are a programming error.
pub fn write_varuint(out: &mut Vec<u8>, mut value: u64) {
    debug_assert!(value <= MAX_SAFE_INTEGER);
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Appends a length and the bytes.
pub fn write_varbuf(out: &mut Vec<u8>, bytes: &[u8]) {
    write_varuint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a length and the string's bytes.
pub fn write_varstring(out: &mut Vec<u8>, string: &str) {
    write_varbuf(out, string.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(value in 0..=MAX_SAFE_INTEGER, bytes: Vec<u8>, string: String) {
            let mut out = Vec::new();
            write_varuint(&mut out, value);
            write_varbuf(&mut out, &bytes);
            write_varstring(&mut out, &string);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varuint(), Ok(value));
            prop_assert_eq!(reader.varbuf(), Ok(bytes.as_slice()));
            prop_assert_eq!(reader.varstring(), Ok(string.as_str()));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_are_an_answer_and_not_a_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.remaining() > 0 {
                if reader.varuint().and_then(|_| reader.varbuf()).is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn integers_beyond_53_bits_are_refused() {
        let mut most = Vec::new();
        write_varuint(&mut most, MAX_SAFE_INTEGER);
        assert_eq!(Reader::new(&most).varuint(), Ok(MAX_SAFE_INTEGER));
        let one_more = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
        assert_eq!(Reader::new(&one_more).varuint(), Err(DecodeError::IntegerTooLarge));
        assert_eq!(Reader::new(&[0xff; 12]).varuint(), Err(DecodeError::IntegerTooLarge));
    }

    #[test]
    fn a_claimed_length_beyond_the_end_is_refused() {
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0x7f, 1]).varbuf(), Err(DecodeError::UnexpectedEnd));
    }
}
