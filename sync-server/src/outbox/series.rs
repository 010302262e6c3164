//! Messages that are sent in pieces, and what has to stay behind them.

use std::collections::VecDeque;
use std::sync::Arc;

use documents::delivery::Wire;
use tokio::sync::Notify;

use super::ChannelKey;
use crate::pieces::{Next, Pieces};

/// At most one for each channel.
#[derive(Debug, Default)]
pub(super) struct SeriesList {
    series: Vec<Series>,
    bytes_behind: usize,
}

#[derive(Debug)]
struct Series {
    channel: ChannelKey,
    pieces: Pieces,
    /// One of its pieces is in the outbox's queue.
    is_queued: bool,
    behind: VecDeque<Behind>,
}

/// What comes after the pieces that are being sent.
#[derive(Debug)]
enum Behind {
    Frame(Wire),
    Pieces(Pieces),
}

impl Behind {
    fn len(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.len(),
            Self::Pieces(pieces) => pieces.bytes_left(),
        }
    }
}

impl SeriesList {
    /// Bytes that wait behind pieces.
    pub(super) fn bytes_behind(&self) -> usize {
        self.bytes_behind
    }

    /// Whether nothing is sent in pieces.
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Whether a channel has pieces to send.
    pub(super) fn has(&self, channel: ChannelKey) -> bool {
        self.series.iter().any(|series| series.channel == channel)
    }

    /// Adds a message, behind what the channel is sending.
    pub(super) fn add(&mut self, channel: ChannelKey, pieces: Pieces) {
        match self.series.iter_mut().find(|series| series.channel == channel) {
            Some(series) => {
                self.bytes_behind += pieces.bytes_left();
                series.behind.push_back(Behind::Pieces(pieces));
            }
            None => self.series.push(Series { channel, pieces, is_queued: false, behind: VecDeque::new() }),
        }
    }

    /// Keeps a frame until the channel's pieces are sent. Returns whether it has any.
    pub(super) fn put_behind(&mut self, channel: ChannelKey, frame: &Wire) -> bool {
        let Some(series) = self.series.iter_mut().find(|series| series.channel == channel) else { return false };
        self.bytes_behind += frame.len();
        series.behind.push_back(Behind::Frame(frame.clone()));
        true
    }

    /// Forgets what a channel was sending.
    pub(super) fn remove(&mut self, channel: ChannelKey) {
        self.series.retain(|series| {
            let is_kept = series.channel != channel;
            if !is_kept {
                self.bytes_behind -= series.behind.iter().map(Behind::len).sum::<usize>();
            }
            is_kept
        });
    }

    /// A frame has been written: the next piece of its series, if it has one, may be queued.
    pub(super) fn written(&mut self, piece_of: Option<ChannelKey>) {
        let Some(channel) = piece_of else { return };
        if let Some(series) = self.series.iter_mut().find(|series| series.channel == channel) {
            series.is_queued = false;
        }
    }

    /// Queues the next piece of each series that has none in the queue, or what comes behind its last. When a piece is
    /// not made yet, `ready` is notified once it is.
    pub(super) fn advance(&mut self, ready: &Arc<Notify>, mut queue: impl FnMut(Wire, Option<ChannelKey>)) {
        let bytes_behind = &mut self.bytes_behind;
        self.series.retain_mut(|series| {
            while !series.is_queued {
                match series.pieces.next(ready) {
                    Next::Piece(piece) => {
                        queue(piece, Some(series.channel));
                        series.is_queued = true;
                    }
                    Next::Later => return true,
                    Next::End => loop {
                        let Some(behind) = series.behind.pop_front() else { return false };
                        *bytes_behind -= behind.len();
                        match behind {
                            Behind::Frame(frame) => queue(frame, None),
                            Behind::Pieces(pieces) => {
                                series.pieces = pieces;
                                break;
                            }
                        }
                    },
                }
            }
            true
        });
    }
}
