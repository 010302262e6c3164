//! What a document held when it was opened.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read as _};

use flate2::read::ZlibDecoder;
use web_protocol::frame::{Piece, PieceForm, PieceOf};

/// The updates that came until the client was synced: a server may answer a step 1 with updates that a last step 2
/// completes, and send each in pieces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    parts: Vec<Part>,
    /// A message of which not all pieces are here.
    begun: Option<Begun>,
}

#[derive(Debug, Clone)]
enum Part {
    Whole(Vec<u8>),
    Pieces(Vec<Stored>),
}

/// A piece as it came. It is inflated when it is looked at: hundreds of clients share the generator's core.
#[derive(Debug, Clone)]
struct Stored {
    form: PieceForm,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct Begun {
    pieces: Vec<Stored>,
    size: u64,
}

impl Content {
    /// Adds an update.
    pub(crate) fn add(&mut self, update: &[u8]) {
        self.parts.push(Part::Whole(update.to_vec()));
    }

    /// Adds a piece. Returns what it is the last of, if it is.
    pub(crate) fn add_piece(&mut self, piece: &Piece<'_>) -> Option<PieceOf> {
        let mut begun = self.begun.take().unwrap_or_default();
        begun.size += piece.size();
        begun.pieces.push(Stored { form: piece.form, bytes: piece.bytes.to_vec() });
        if begun.size < piece.total {
            self.begun = Some(begun);
            return None;
        }
        self.parts.push(Part::Pieces(begun.pieces));
        Some(piece.of)
    }

    /// How many bytes it is.
    pub(crate) fn bytes(&self) -> usize {
        let size = |stored: &Stored| match stored.form {
            PieceForm::Plain => stored.bytes.len(),
            PieceForm::Deflated { size } => usize::try_from(size).unwrap_or(usize::MAX),
        };
        let bytes = self.parts.iter().map(|part| match part {
            Part::Whole(update) => update.len(),
            Part::Pieces(pieces) => pieces.iter().map(size).sum(),
        });
        bytes.sum()
    }

    /// The updates, inflated and put together.
    pub(crate) fn updates(&self) -> impl Iterator<Item = io::Result<Cow<'_, [u8]>>> {
        self.parts.iter().map(|part| match part {
            Part::Whole(update) => Ok(Cow::Borrowed(&update[..])),
            Part::Pieces(pieces) => put_together(pieces).map(Cow::Owned),
        })
    }
}

fn put_together(pieces: &[Stored]) -> io::Result<Vec<u8>> {
    let mut update = Vec::new();
    for Stored { form, bytes } in pieces {
        match form {
            PieceForm::Plain => update.extend_from_slice(bytes),
            PieceForm::Deflated { size } => {
                let inflated = ZlibDecoder::new(&bytes[..]).take(size + 1).read_to_end(&mut update)?;
                if inflated as u64 != *size {
                    return Err(io::Error::new(
                        ErrorKind::InvalidData,
                        "a piece inflates to another size than it says",
                    ));
                }
            }
        }
    }
    Ok(update)
}
