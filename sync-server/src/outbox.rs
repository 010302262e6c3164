//! What waits to be written to one socket, and its writing.
//!
//! Rooms put frames in from their own tasks, and when they have no more to say they write them right there: a frame
//! costs no wake-up of its socket's task, and frames that came together leave in one write. Only when the connection
//! takes no more does the socket's task go on with it.
//!
//! Of a message that is sent in pieces one is in the queue at a time, and the next behind what came meanwhile: so a
//! large document keeps nobody else on the socket waiting.

mod series;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use documents::delivery::{EndReason, Taken, Wire};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::metrics::SocketMetrics;
use crate::pieces::Pieces;
use series::SeriesList;

/// Pieces of memory that are given to the kernel in one write.
const WRITE_SLICES: usize = 64;
/// Frames of up to so many bytes are copied behind one another: to give them to the kernel one by one costs more.
const JOINED_FRAME_BYTES: usize = 1024;
/// When so many bytes wait, what comes is not copied but shared with other sockets.
const JOINED_BYTES: usize = 64 * 1024;
/// Bytes of pieces that are written in one go; then other tasks of the thread have their turn.
const PIECE_BYTES_AT_ONCE: usize = 2 * 1024 * 1024;

/// Names a channel of a socket; never used twice on the same socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ChannelKey(pub(crate) u64);

/// How important a frame is when the outbox is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// It is always taken; how many there can be is bounded by what the client asked for.
    Must,
    /// Likewise, and it stays behind what its channel is sending in pieces: a part of a document.
    Content,
    /// Withheld when the outbox is full, and stays behind pieces: a live update.
    Update,
    /// Withheld when the outbox is half full: presence, as awareness or as a list of who is here.
    Presence,
}

impl Priority {
    fn is_in_order(self) -> bool {
        matches!(self, Self::Content | Self::Update)
    }
}

/// The frames that wait for one socket, and what else its task has to know.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    stream: OnceLock<TcpStream>,
    ready: Arc<Notify>,
    bytes_limit: usize,
    metrics: SocketMetrics,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Queued>,
    /// Small frames that came while others waited, behind all of those.
    joined: Joined,
    /// Bytes of the frames that are no pieces.
    bytes: usize,
    /// Bytes of those that are.
    piece_bytes: usize,
    /// What is sent in pieces, and what waits behind them.
    series: SeriesList,
    /// What was written and is not counted yet.
    written: Written,
    connection: Connection,
    /// Of these bytes, those that are counted as waiting for a connection that takes no more.
    counted_bytes: usize,
    /// Channels from which something was withheld.
    withheld: Vec<ChannelKey>,
    /// Channels that their rooms have ended.
    ended: Vec<(ChannelKey, EndReason)>,
}

/// A frame with its WebSocket header.
#[derive(Debug)]
struct Queued {
    frame: Wire,
    /// The channel whose series it is a piece of.
    piece_of: Option<ChannelKey>,
    /// How many frames it is; several when they were joined.
    frames: u64,
}

/// Frames in one piece of memory.
#[derive(Debug, Default)]
struct Joined {
    bytes: BytesMut,
    frames: u64,
}

impl Joined {
    fn add(&mut self, frame: &Wire) {
        self.bytes.extend_from_slice(&frame.head);
        self.bytes.extend_from_slice(&frame.body);
        self.frames += 1;
    }

    /// The frames as one, that nothing is added to any more.
    fn take(&mut self) -> Queued {
        let Self { bytes, frames } = std::mem::take(self);
        Queued { frame: Wire { head: bytes.freeze(), body: Bytes::new() }, piece_of: None, frames }
    }
}

#[derive(Debug, Default)]
struct Written {
    frames: u64,
    bytes: u64,
}

/// Whether the connection takes what is written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Connection {
    /// It does.
    #[default]
    Open,
    /// Not for now; the socket's task waits until it does.
    Full,
    /// It is broken.
    Broken,
}

/// How a round of writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is nothing more to write for now.
    Finished,
    /// There are more pieces; the other tasks of the thread have their turn before.
    Paused,
}

/// What the socket's task has to look after.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) connection: Connection,
    /// Something was withheld from these channels, and what came before it has been written.
    pub(crate) drained: Vec<ChannelKey>,
    pub(crate) ended: Vec<(ChannelKey, EndReason)>,
}

impl Outbox {
    /// An empty outbox that takes about `bytes_limit` bytes before it withholds.
    pub(crate) fn new(bytes_limit: usize, metrics: &SocketMetrics) -> Self {
        Self {
            queue: Mutex::default(),
            stream: OnceLock::new(),
            ready: Arc::default(),
            bytes_limit,
            metrics: metrics.clone(),
        }
    }

    /// Says where frames go. They wait until this is called.
    pub(crate) fn connect(&self, stream: TcpStream) -> &TcpStream {
        self.stream.get_or_init(|| stream)
    }

    /// Puts a frame in, unless the outbox is too full for its priority.
    pub(crate) fn push(&self, channel: ChannelKey, priority: Priority, frame: &Wire) -> Taken {
        let mut queue = self.queue();
        if !self.has_room(&mut queue, channel, priority, frame.len()) {
            return Taken::Withheld;
        }
        if !priority.is_in_order() || !queue.series.put_behind(channel, frame) {
            queue.add(Cow::Borrowed(frame));
        }
        Taken::Yes
    }

    /// Puts a message in that is sent in pieces, unless the outbox is too full for its priority.
    pub(crate) fn push_pieces(&self, channel: ChannelKey, priority: Priority, pieces: Pieces) -> Taken {
        let mut queue = self.queue();
        if !self.has_room(&mut queue, channel, priority, pieces.bytes_left()) {
            return Taken::Withheld;
        }
        if queue.connection != Connection::Broken {
            queue.series.add(channel, pieces);
        }
        Taken::Yes
    }

    /// Whether so many bytes may be put in. If not, the channel is told when it has drained.
    fn has_room(&self, queue: &mut Queue, channel: ChannelKey, priority: Priority, bytes: usize) -> bool {
        let allowed = match priority {
            Priority::Must | Priority::Content => return true,
            Priority::Update => self.bytes_limit,
            Priority::Presence => self.bytes_limit / 2,
        };
        let waiting = queue.waiting_bytes();
        // What is larger than the limit passes when nothing else waits.
        let has_room = waiting == 0 || waiting + bytes <= allowed;
        if !has_room && !queue.withheld.contains(&channel) {
            queue.withheld.push(channel);
            self.metrics.lagging.inc();
        }
        has_room
    }

    /// Drops what a channel that is over has not sent of its pieces, and what waits behind them.
    pub(crate) fn abandon(&self, channel: ChannelKey) {
        self.queue().series.remove(channel);
    }

    /// Drops what of all pieces is not in the queue yet: the socket is being closed.
    pub(crate) fn abandon_all(&self) {
        self.queue().series = SeriesList::default();
    }

    /// Whether the client may be read while the connection is full: when there are just pieces to send, which can take
    /// minutes, it may work in its other documents.
    pub(crate) fn may_read(&self) -> bool {
        let queue = self.queue();
        queue.bytes == 0 && queue.series.bytes_behind() <= self.bytes_limit
    }

    /// Puts a frame in that belongs to no channel.
    pub(crate) fn push_frame(&self, frame: Wire) {
        self.queue().add(Cow::Owned(frame));
    }

    /// Reports that a channel's room has ended it.
    pub(crate) fn end(&self, channel: ChannelKey, reason: EndReason) {
        self.queue().ended.push((channel, reason));
        self.ready.notify_one();
    }

    /// Writes what waits, as far as the connection takes it at once.
    pub(crate) fn flush(&self) -> Progress {
        let mut queue = self.queue();
        if queue.connection == Connection::Open { self.write(&mut queue) } else { Progress::Finished }
    }

    /// Goes on writing to a connection that was full.
    pub(crate) fn resume(&self) {
        let mut queue = self.queue();
        if queue.connection == Connection::Full {
            queue.connection = Connection::Open;
            self.write(&mut queue);
        }
    }

    fn write(&self, queue: &mut Queue) -> Progress {
        let Some(stream) = self.stream.get() else { return Progress::Finished };
        let progress = queue.write_to(stream, &self.ready);
        let Written { frames, bytes } = std::mem::take(&mut queue.written);
        self.metrics.frames_out.inc_by(frames);
        self.metrics.bytes_out.inc_by(bytes);
        self.count_waiting(queue);
        if progress == Progress::Paused || queue.connection != Connection::Open || queue.has_drained() {
            self.ready.notify_one();
        }
        progress
    }

    /// Keeps the gauge right. Nothing is done for a connection that takes all, as nearly every one does.
    fn count_waiting(&self, queue: &mut Queue) {
        let is_full = queue.connection == Connection::Full;
        let waiting = if is_full { queue.waiting_bytes() + queue.piece_bytes } else { 0 };
        if waiting != queue.counted_bytes {
            self.metrics.waiting_bytes.inc_by(gauge_value(waiting) - gauge_value(queue.counted_bytes));
            queue.counted_bytes = waiting;
        }
    }

    /// Waits until there may be something to look after.
    pub(crate) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// What there is to look after.
    pub(crate) fn report(&self) -> Report {
        let mut queue = self.queue();
        let drained = queue.take_drained();
        self.metrics.lagging.dec_by(gauge_value(drained.len()));
        Report { connection: queue.connection, drained, ended: std::mem::take(&mut queue.ended) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that runs under the lock can leave the queue half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let queue = self.queue();
        self.metrics.waiting_bytes.dec_by(gauge_value(queue.counted_bytes));
        self.metrics.lagging.dec_by(gauge_value(queue.withheld.len()));
    }
}

fn gauge_value(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Queue {
    fn add(&mut self, frame: Cow<'_, Wire>) {
        if self.connection == Connection::Broken {
            return;
        }
        // A frame that comes alone is shared with other sockets, and never copied.
        let others_wait = !self.frames.is_empty() || self.joined.frames > 0;
        let is_small = frame.len() <= JOINED_FRAME_BYTES && self.bytes + frame.len() <= JOINED_BYTES;
        self.bytes += frame.len();
        if others_wait && is_small {
            self.joined.add(&frame);
        } else {
            self.close_joined();
            self.frames.push_back(Queued { frame: frame.into_owned(), piece_of: None, frames: 1 });
        }
    }

    /// What comes next stays behind the frames that were joined.
    fn close_joined(&mut self) {
        if self.joined.frames > 0 {
            self.frames.push_back(self.joined.take());
        }
    }

    /// Bytes that wait, but for pieces: those are shared.
    fn waiting_bytes(&self) -> usize {
        self.bytes + self.series.bytes_behind()
    }

    /// Whether a channel from which something was withheld has nothing more in here that would come before it.
    fn is_drained(&self, channel: ChannelKey) -> bool {
        self.bytes == 0 && !self.series.has(channel)
    }

    fn has_drained(&self) -> bool {
        self.withheld.iter().any(|channel| self.is_drained(*channel))
    }

    fn take_drained(&mut self) -> Vec<ChannelKey> {
        if !self.has_drained() {
            return Vec::new();
        }
        let withheld = std::mem::take(&mut self.withheld);
        let (drained, withheld) = withheld.into_iter().partition(|channel| self.is_drained(*channel));
        self.withheld = withheld;
        drained
    }

    /// Puts the next piece of each series into the queue, unless one is in it.
    fn queue_pieces(&mut self, ready: &Arc<Notify>) {
        if self.series.is_empty() {
            return;
        }
        self.close_joined();
        let Self { frames, bytes, piece_bytes, series, .. } = self;
        series.advance(ready, |frame, piece_of| {
            *(if piece_of.is_some() { &mut *piece_bytes } else { &mut *bytes }) += frame.len();
            frames.push_back(Queued { frame, piece_of, frames: 1 });
        });
    }

    /// Writes as much as the connection takes at once. When it takes no more, says so in `connection`.
    fn write_to(&mut self, stream: &TcpStream, ready: &Arc<Notify>) -> Progress {
        let mut pieces_allowed = PIECE_BYTES_AT_ONCE;
        loop {
            self.queue_pieces(ready);
            self.close_joined();
            if self.frames.is_empty() {
                // Most sockets are idle most of the time.
                self.frames = VecDeque::new();
                return Progress::Finished;
            }
            if self.piece_bytes > 0 && pieces_allowed == 0 {
                return Progress::Paused;
            }
            let pieces_before = self.piece_bytes;
            match self.write_once(stream) {
                Ok(written) => self.remove(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.connection = Connection::Full;
                    return Progress::Finished;
                }
                Err(_) => {
                    self.break_off();
                    return Progress::Finished;
                }
            }
            pieces_allowed = pieces_allowed.saturating_sub(pieces_before - self.piece_bytes);
        }
    }

    fn write_once(&self, stream: &TcpStream) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
        let mut used = 0;
        let waiting = self.frames.iter().flat_map(|queued| [&queued.frame.head, &queued.frame.body]);
        for (slot, bytes) in slices.iter_mut().zip(waiting.filter(|bytes| !bytes.is_empty())) {
            *slot = IoSlice::new(bytes);
            used += 1;
        }
        match &slices[..used] {
            // A plain write costs the kernel less.
            [slice] => stream.try_write(slice),
            slices => stream.try_write_vectored(slices),
        }
    }

    /// Removes bytes that were written from the front.
    fn remove(&mut self, mut written: usize) {
        self.written.bytes += written as u64;
        while let Some(Queued { frame, piece_of, frames }) = self.frames.front_mut() {
            let waiting = if piece_of.is_some() { &mut self.piece_bytes } else { &mut self.bytes };
            for bytes in [&mut frame.head, &mut frame.body] {
                let part = written.min(bytes.len());
                bytes.advance(part);
                written -= part;
                *waiting -= part;
            }
            if !frame.is_empty() {
                return;
            }
            self.series.written(*piece_of);
            self.written.frames += *frames;
            self.frames.pop_front();
        }
    }

    /// The connection is broken: nothing is kept.
    fn break_off(&mut self) {
        self.connection = Connection::Broken;
        self.frames = VecDeque::new();
        self.joined = Joined::default();
        self.series = SeriesList::default();
        (self.bytes, self.piece_bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests;
