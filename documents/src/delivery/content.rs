//! Bytes of a document on their way to many, and the pieces in which they may be sent, compressed once for all.

use std::fmt;
use std::io::Write as _;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use tokio::sync::Notify;

/// How much of a content is in a piece: what others on the same connection wait for at most, and what is compressed by
/// itself. Longer ones compress no better: deflate looks back 32 KiB.
pub const PIECE_BYTES: usize = 128 * 1024;
/// Less is not compressed: it arrives in the first round trip of a connection anyway.
pub const COMPRESSED_FROM_BYTES: usize = 16 * 1024;
/// Documents become a third of their size at this level, at some 170 MB/s. Level 6 takes five times as long for a
/// tenth less.
const LEVEL: Compression = Compression::new(2);
/// A piece is sent compressed if it has become at most so many of a hundred parts.
const WORTHWHILE_PERCENT: usize = 90;

/// An update or a whole state. Clones share its bytes and what was made of them.
#[derive(Clone)]
pub struct Content {
    bytes: Bytes,
    deflated: Option<Arc<Deflated>>,
}

impl Content {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The content in compressed pieces, unless it is too short for that. The first to ask starts the work on a thread
    /// of its own.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn deflated(&self) -> Option<&Arc<Deflated>> {
        let deflated = self.deflated.as_ref()?;
        deflated.start();
        Some(deflated)
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        let deflated = (bytes.len() >= COMPRESSED_FROM_BYTES).then(|| Arc::new(Deflated::new(bytes.clone())));
        Self { bytes, deflated }
    }
}

impl Deref for Content {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.fmt(out)
    }
}

/// A part of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Plain(Bytes),
    /// In the format zlib (RFC 1950), by itself.
    Deflated(Bytes),
}

/// A content in pieces that are compressed one after the other, while those that are done are being sent.
#[derive(Debug)]
pub struct Deflated {
    content: Bytes,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    has_begun: bool,
    done: Vec<Piece>,
    waiting: Vec<Arc<Notify>>,
}

impl Deflated {
    fn new(content: Bytes) -> Self {
        Self { content, progress: Mutex::default() }
    }

    /// The bytes of the content.
    #[must_use]
    pub fn content(&self) -> &Bytes {
        &self.content
    }

    /// The piece of this number, from 0, of which there are as many as [`PIECE_BYTES`] go into the content, rounded up.
    /// While it is not done, nothing, and who waits is notified when the next piece is.
    #[must_use]
    pub fn piece(&self, number: usize, waiting: Option<&Arc<Notify>>) -> Option<Piece> {
        let mut progress = self.progress();
        let piece = progress.done.get(number).cloned();
        if piece.is_none() {
            progress.waiting.extend(waiting.cloned());
        }
        piece
    }

    fn start(self: &Arc<Self>) {
        if !std::mem::replace(&mut self.progress().has_begun, true) {
            let this = Arc::clone(self);
            tokio::task::spawn_blocking(move || this.compress());
        }
    }

    fn compress(&self) {
        for start in (0..self.content.len()).step_by(PIECE_BYTES) {
            let piece = compressed(self.content.slice(start..self.content.len().min(start + PIECE_BYTES)));
            let mut progress = self.progress();
            progress.done.push(piece);
            for waiting in progress.waiting.drain(..) {
                waiting.notify_one();
            }
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        // Nothing that runs under the lock can leave it half changed.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compressed(bytes: Bytes) -> Piece {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), LEVEL);
    // Writing to memory does not fail.
    let deflated = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    match deflated {
        Ok(mut deflated) if deflated.len() * 100 <= bytes.len() * WORTHWHILE_PERCENT => {
            deflated.shrink_to_fit();
            Piece::Deflated(deflated.into())
        }
        _ => Piece::Plain(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::ZlibDecoder;

    use super::*;

    async fn pieces_of(content: &Content) -> Vec<Piece> {
        let (deflated, done) = (content.deflated().unwrap(), Arc::new(Notify::new()));
        let mut pieces = Vec::new();
        while pieces.len() < content.len().div_ceil(PIECE_BYTES) {
            match deflated.piece(pieces.len(), Some(&done)) {
                Some(piece) => pieces.push(piece),
                None => done.notified().await,
            }
        }
        pieces
    }

    fn noise(bytes: usize) -> impl Iterator<Item = u8> {
        let mut state = 1_u64;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(bytes)
    }

    #[tokio::test]
    async fn pieces_are_compressed_where_it_pays_and_together_are_the_content() {
        let words = b"the same words ".iter().copied().cycle().take(PIECE_BYTES);
        let bytes: Bytes = words.clone().chain(noise(PIECE_BYTES)).chain(words.take(5)).collect();
        let content = Content::from(bytes.clone());
        let pieces = pieces_of(&content).await;
        assert!(matches!(&pieces[0], Piece::Deflated(piece) if piece.len() < PIECE_BYTES / 50));
        assert!(matches!(&pieces[1], Piece::Plain(piece) if piece.as_ptr() == bytes[PIECE_BYTES..].as_ptr()), "shared");
        assert!(matches!(&pieces[2], Piece::Plain(piece) if piece.len() == 5), "its head is longer than what it saves");
        let mut whole = Vec::new();
        for piece in &pieces {
            match piece {
                Piece::Plain(piece) => whole.extend_from_slice(piece),
                Piece::Deflated(piece) => drop(ZlibDecoder::new(&piece[..]).read_to_end(&mut whole).unwrap()),
            }
        }
        assert!(whole == bytes);
    }

    #[tokio::test]
    async fn it_is_compressed_once_for_all_who_share_it() {
        let content = Content::from(Bytes::from(vec![7; 3 * PIECE_BYTES]));
        let others = [content.clone(), content.clone()];
        let first = pieces_of(&content).await;
        for other in &others {
            for (one, same) in first.iter().zip(pieces_of(other).await) {
                let (Piece::Deflated(one), Piece::Deflated(same)) = (one, same) else { panic!("not compressed") };
                assert_eq!(one.as_ptr(), same.as_ptr());
            }
        }
    }

    #[tokio::test]
    async fn a_short_content_is_not_compressed() {
        assert!(Content::from(Bytes::from(vec![7; COMPRESSED_FROM_BYTES - 1])).deflated().is_none());
        assert!(Content::from(Bytes::from(vec![7; COMPRESSED_FROM_BYTES])).deflated().is_some());
    }
}
