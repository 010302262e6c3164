//! Binary frames of the `/ws` dialect (SPEC G11): a channel number, a type, a body; one message per frame.

use crate::lib0::{DecodeError, Reader, write_varuint};

const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;
const AWARENESS: u64 = 3;
const RECEIPT: u64 = 4;
const PIECE: u64 = 5;
/// Enough for most heads.
const HEAD_BYTES: usize = 24;

/// How much of its message a piece may hold at most (G24): who inflates one need not take more.
pub const PIECE_BYTES_MAX: usize = 1024 * 1024;

/// A binary frame: which channel it belongs to and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The channel's number from `subscribed` (G6).
    pub number: u64,
    /// The message.
    pub body: Body<'a>,
}

/// What a binary frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// A state vector, to be answered with step 2.
    Step1(&'a [u8]),
    /// The update that the sender of a step 1 lacks.
    Step2(&'a [u8]),
    /// A live update.
    Update(&'a [u8]),
    /// An awareness update.
    Awareness(&'a [u8]),
    /// The server's word that the client's frames up to `through` are durable (G13).
    Receipt {
        /// The number of the last frame that is covered.
        through: u64,
        /// The document's epoch.
        epoch: u64,
        /// The highest place in the log among the covered frames.
        seq: u64,
    },
    /// A part of the bytes of a step 2 or update of the server (G24).
    Piece(Piece<'a>),
}

/// A part of a message that is sent in several frames. Pieces come in order; with the last, they are `total` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What the whole is.
    pub of: PieceOf,
    /// How many bytes the whole update has.
    pub total: u64,
    /// What was done to the bytes.
    pub form: PieceForm,
    /// The bytes, in that form.
    pub bytes: &'a [u8],
}

/// What pieces make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceOf {
    /// A step 2.
    Step2,
    /// An update.
    Update,
}

/// How the bytes of a piece are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceForm {
    /// As they are.
    Plain,
    /// Compressed by themselves, in the format zlib (RFC 1950).
    Deflated {
        /// How many bytes they are when they are inflated; not 0.
        size: u64,
    },
}

impl<'a> Piece<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let of = match reader.varuint()? {
            STEP_2 => PieceOf::Step2,
            UPDATE => PieceOf::Update,
            other => return Err(DecodeError::UnknownType(other)),
        };
        let total = reader.varuint()?;
        let form = match reader.varuint()? {
            0 => PieceForm::Plain,
            size => PieceForm::Deflated { size },
        };
        Ok(Self { of, total, form, bytes: reader.varbuf()? })
    }

    /// How much of the whole it is, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self.form {
            PieceForm::Plain => self.bytes.len() as u64,
            PieceForm::Deflated { size } => size,
        }
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        let of = match self.of {
            PieceOf::Step2 => STEP_2,
            PieceOf::Update => UPDATE,
        };
        let inflated = match self.form {
            PieceForm::Plain => 0,
            PieceForm::Deflated { size } => size,
        };
        for value in [of, self.total, inflated] {
            write_varuint(out, value);
        }
    }
}

impl<'a> Frame<'a> {
    /// Decodes one frame; every byte must belong to it.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let number = reader.varuint()?;
        let body = match reader.varuint()? {
            STEP_1 => Body::Step1(reader.varbuf()?),
            STEP_2 => Body::Step2(reader.varbuf()?),
            UPDATE => Body::Update(reader.varbuf()?),
            AWARENESS => Body::Awareness(reader.varbuf()?),
            RECEIPT => Body::Receipt { through: reader.varuint()?, epoch: reader.varuint()?, seq: reader.varuint()? },
            PIECE => Body::Piece(Piece::decode(&mut reader)?),
            other => return Err(DecodeError::UnknownType(other)),
        };
        reader.finish()?;
        Ok(Self { number, body })
    }

    /// Encodes the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.head();
        out.extend_from_slice(self.payload());
        out
    }

    /// The encoded frame up to its payload, which is its end. Who has the payload at hand need not copy it.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let kind = match self.body {
            Body::Step1(_) => STEP_1,
            Body::Step2(_) => STEP_2,
            Body::Update(_) => UPDATE,
            Body::Awareness(_) => AWARENESS,
            Body::Receipt { .. } => RECEIPT,
            Body::Piece(_) => PIECE,
        };
        let mut out = Vec::with_capacity(HEAD_BYTES);
        write_varuint(&mut out, self.number);
        write_varuint(&mut out, kind);
        if let Body::Receipt { through, epoch, seq } = self.body {
            for value in [through, epoch, seq] {
                write_varuint(&mut out, value);
            }
            return out;
        }
        if let Body::Piece(piece) = self.body {
            piece.write_head(&mut out);
        }
        write_varuint(&mut out, self.payload().len() as u64);
        out
    }

    fn payload(&self) -> &'a [u8] {
        match self.body {
            Body::Step1(bytes) | Body::Step2(bytes) | Body::Update(bytes) | Body::Awareness(bytes) => bytes,
            Body::Piece(piece) => piece.bytes,
            Body::Receipt { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_survive_the_wire(number in 0..1_u64 << 40, kind in 0..6_u64, total in 0..1_u64 << 53, bytes: Vec<u8>) {
            let body = match kind {
                0 => Body::Step1(&bytes),
                1 => Body::Step2(&bytes),
                2 => Body::Update(&bytes),
                3 => Body::Awareness(&bytes),
                4 => Body::Piece(Piece { of: PieceOf::Step2, total, form: PieceForm::Deflated { size: 1 + (total >> 1) }, bytes: &bytes }),
                _ => Body::Piece(Piece { of: PieceOf::Update, total, form: PieceForm::Plain, bytes: &bytes }),
            };
            let frame = Frame { number, body };
            let encoded = frame.encode();
            prop_assert_eq!(Frame::decode(&encoded), Ok(frame));
        }

        #[test]
        fn any_bytes_are_an_answer_and_not_a_panic(bytes: Vec<u8>) {
            if let Ok(frame) = Frame::decode(&bytes) {
                let again = frame.encode();
                prop_assert_eq!(Frame::decode(&again), Ok(frame));
            }
        }
    }

    #[test]
    fn receipts_survive_the_wire() {
        let frame = Frame { number: 300, body: Body::Receipt { through: 7, epoch: 1, seq: 1 << 33 } };
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn trailing_bytes_and_unknown_types_are_refused() {
        assert_eq!(Frame::decode(&[1, 0, 0, 9]), Err(DecodeError::TrailingBytes));
        assert_eq!(Frame::decode(&[1, 9]), Err(DecodeError::UnknownType(9)));
        assert_eq!(Frame::decode(&[1, 5, 0, 0, 0, 0]), Err(DecodeError::UnknownType(0)), "pieces of a step 1");
    }
}
