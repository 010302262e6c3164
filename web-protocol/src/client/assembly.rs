//! Messages that come in pieces (SPEC G24).

use std::collections::HashMap;
use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::ChannelEvent;
use crate::frame::{PIECE_BYTES_MAX, Piece, PieceForm, PieceOf};

/// The largest message that is put together, in bytes.
const MESSAGE_BYTES_MAX: u64 = 1 << 30;

/// What has come of messages that are not whole.
#[derive(Debug, Default)]
pub(super) struct Assembly(HashMap<u64, Begun>);

#[derive(Debug)]
struct Begun {
    of: PieceOf,
    total: u64,
    bytes: Vec<u8>,
}

impl Assembly {
    /// Adds a piece; the message, if it is whole then.
    pub(super) fn add(&mut self, number: u64, piece: &Piece<'_>) -> Result<Option<ChannelEvent>, &'static str> {
        let empty = || Begun { of: piece.of, total: piece.total, bytes: Vec::new() };
        let begun = self.0.entry(number).or_insert_with(empty);
        let size = piece.size();
        if begun.of != piece.of || begun.total != piece.total || piece.total > MESSAGE_BYTES_MAX {
            return Err("a piece of another message");
        }
        if size == 0 || size > PIECE_BYTES_MAX as u64 || begun.bytes.len() as u64 + size > begun.total {
            return Err("a piece of a size that cannot be");
        }
        match piece.form {
            PieceForm::Plain => begun.bytes.extend_from_slice(piece.bytes),
            PieceForm::Deflated { size } => {
                let inflated = ZlibDecoder::new(piece.bytes).take(size + 1).read_to_end(&mut begun.bytes);
                if inflated.map_err(|_| "a piece that cannot be inflated")? as u64 != size {
                    return Err("a piece that inflates to another size than it says");
                }
            }
        }
        if (begun.bytes.len() as u64) < begun.total {
            return Ok(None);
        }
        let Some(Begun { of, bytes, .. }) = self.0.remove(&number) else { return Ok(None) };
        Ok(Some(match of {
            PieceOf::Step2 => ChannelEvent::Step2(bytes),
            PieceOf::Update => ChannelEvent::Update(bytes),
        }))
    }

    /// What has come of a channel's message is for nothing.
    pub(super) fn forget(&mut self, number: u64) {
        self.0.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn g24_pieces_make_up_a_message_whatever_their_form() {
        let mut assembly = Assembly::default();
        let packed = deflated(b"llo");
        let piece = |form, bytes| Piece { of: PieceOf::Step2, total: 5, form, bytes };
        assert_eq!(assembly.add(3, &piece(PieceForm::Plain, b"he")), Ok(None));
        let whole = assembly.add(3, &piece(PieceForm::Deflated { size: 3 }, &packed));
        assert_eq!(whole, Ok(Some(ChannelEvent::Step2(b"hello".to_vec()))));
    }

    #[test]
    fn g24_pieces_that_do_not_add_up_are_refused() {
        let packed = deflated(&[7; 1000]);
        let piece = |total, form, bytes| Piece { of: PieceOf::Update, total, form, bytes };
        let refused = |pieces: &[Piece<'_>]| {
            let mut assembly = Assembly::default();
            pieces.iter().any(|piece| assembly.add(1, piece).is_err())
        };
        assert!(refused(&[piece(3, PieceForm::Plain, b"long")]), "more than the whole");
        assert!(refused(&[piece(3, PieceForm::Plain, b"")]), "an empty one");
        assert!(refused(&[piece(2000, PieceForm::Deflated { size: 10 }, &packed)]), "more than it says");
        assert!(refused(&[piece(2000, PieceForm::Deflated { size: 1001 }, &packed)]), "less than it says");
        assert!(refused(&[piece(4, PieceForm::Plain, b"a"), piece(5, PieceForm::Plain, b"b")]), "of two messages");
        assert!(refused(&[piece(u64::MAX, PieceForm::Plain, b"a")]), "of a message that is too large");
    }
}
