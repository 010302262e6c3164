//! A large message of our own dialect in pieces, each made into a frame when there is room for it (SPEC G24).

use std::sync::Arc;

use bytes::Bytes;
use documents::delivery::{Content, Deflated, PIECE_BYTES, Piece, Wire};
use tokio::sync::Notify;
use web_protocol::frame::{self, Body, Frame, PieceForm, PieceOf};

use crate::websocket::binary;

/// What is left to send of a message.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The channel's number.
    number: u64,
    of: PieceOf,
    source: Source,
    /// The piece that comes next.
    next: usize,
    /// It was not made yet when it was asked for.
    is_awaited: bool,
}

#[derive(Debug)]
enum Source {
    Plain(Bytes),
    Deflated(Arc<Deflated>),
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// The frame of a piece.
    Piece(Wire),
    /// A piece that is not made yet; who asked is notified when it is.
    Later,
    /// Nothing.
    End,
}

/// Whether pieces are compressed where that makes them shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Off,
    Deflate,
}

impl Pieces {
    /// A message in pieces, or nothing if it is better sent whole.
    pub(crate) fn of(number: u64, of: PieceOf, content: &Content, compression: Compression) -> Option<Self> {
        let deflated = if compression == Compression::Deflate { content.deflated() } else { None };
        let source = match deflated {
            Some(deflated) => Source::Deflated(Arc::clone(deflated)),
            None if content.len() > PIECE_BYTES => Source::Plain(content.bytes().clone()),
            None => return None,
        };
        Some(Self { number, of, source, next: 0, is_awaited: false })
    }

    fn content(&self) -> &Bytes {
        match &self.source {
            Source::Plain(content) => content,
            Source::Deflated(deflated) => deflated.content(),
        }
    }

    /// How much of the message is in no frame yet, in bytes before compression.
    pub(crate) fn bytes_left(&self) -> usize {
        self.content().len().saturating_sub(self.next * PIECE_BYTES)
    }

    /// The next piece. If it is not made yet, `ready` is notified once it is.
    pub(crate) fn next(&mut self, ready: &Arc<Notify>) -> Next {
        let left = self.bytes_left();
        if left == 0 {
            return Next::End;
        }
        let piece = match &self.source {
            Source::Plain(content) => {
                let start = content.len() - left;
                Some(Piece::Plain(content.slice(start..start + left.min(PIECE_BYTES))))
            }
            Source::Deflated(deflated) => deflated.piece(self.next, (!self.is_awaited).then_some(ready)),
        };
        let (form, bytes) = match piece {
            Some(Piece::Plain(bytes)) => (PieceForm::Plain, bytes),
            Some(Piece::Deflated(bytes)) => (PieceForm::Deflated { size: left.min(PIECE_BYTES) as u64 }, bytes),
            None => {
                self.is_awaited = true;
                return Next::Later;
            }
        };
        self.next += 1;
        self.is_awaited = false;
        let piece = frame::Piece { of: self.of, total: self.content().len() as u64, form, bytes: &bytes };
        let head = Frame { number: self.number, body: Body::Piece(piece) }.head();
        Next::Piece(binary(&head, bytes))
    }
}
