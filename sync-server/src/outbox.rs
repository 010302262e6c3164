//! What waits to be written to one socket, and its writing.
//!
//! Rooms put frames in from their own tasks, and when they have no more to say they write them right there: a frame
//! costs no wake-up of its socket's task, and frames that came together leave in one write. Only when the connection
//! takes no more does the socket's task go on with it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Buf;
use documents::delivery::{EndReason, Taken, Wire};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::metrics::SocketMetrics;

/// Pieces of memory that are given to the kernel in one write.
const WRITE_PIECES: usize = 64;

/// Names a channel of a socket; never used twice on the same socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ChannelKey(pub(crate) u64);

/// How important a frame is when the outbox is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// It is always taken; how many there can be is bounded by what the client asked for.
    Must,
    /// Withheld when the outbox is full: a live update.
    Update,
    /// Withheld when the outbox is half full: presence.
    Presence,
}

/// The frames that wait for one socket, and what else its task has to know.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    stream: OnceLock<TcpStream>,
    ready: Notify,
    bytes_limit: usize,
    metrics: SocketMetrics,
}

#[derive(Debug, Default)]
struct Queue {
    /// Frames, each with its WebSocket header.
    frames: VecDeque<Wire>,
    bytes: usize,
    connection: Connection,
    /// Of these bytes, those that are counted as waiting for a connection that takes no more.
    counted_bytes: usize,
    /// Channels from which something was withheld.
    withheld: Vec<ChannelKey>,
    /// Channels that their rooms have ended.
    ended: Vec<(ChannelKey, EndReason)>,
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

/// What the socket's task has to look after.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) connection: Connection,
    /// The outbox is empty after something was withheld from these channels.
    pub(crate) drained: Vec<ChannelKey>,
    pub(crate) ended: Vec<(ChannelKey, EndReason)>,
}

impl Outbox {
    /// An empty outbox that takes about `bytes_limit` bytes before it withholds.
    pub(crate) fn new(bytes_limit: usize, metrics: &SocketMetrics) -> Self {
        Self {
            queue: Mutex::default(),
            stream: OnceLock::new(),
            ready: Notify::new(),
            bytes_limit,
            metrics: metrics.clone(),
        }
    }

    /// Says where frames go. They wait until this is called.
    pub(crate) fn connect(&self, stream: TcpStream) -> &TcpStream {
        self.stream.get_or_init(|| stream)
    }

    /// Puts a frame in, unless the outbox is too full for its priority.
    pub(crate) fn push(&self, channel: ChannelKey, priority: Priority, frame: Wire) -> Taken {
        let allowed = match priority {
            Priority::Must => usize::MAX,
            Priority::Update => self.bytes_limit,
            Priority::Presence => self.bytes_limit / 2,
        };
        let mut queue = self.queue();
        // A frame larger than the limit passes when nothing else waits.
        if !queue.frames.is_empty() && queue.bytes + frame.len() > allowed {
            if !queue.withheld.contains(&channel) {
                queue.withheld.push(channel);
                self.metrics.lagging.inc();
            }
            return Taken::Withheld;
        }
        queue.add(frame);
        Taken::Yes
    }

    /// Puts a frame in that belongs to no channel.
    pub(crate) fn push_frame(&self, frame: Wire) {
        self.queue().add(frame);
    }

    /// Reports that a channel's room has ended it.
    pub(crate) fn end(&self, channel: ChannelKey, reason: EndReason) {
        self.queue().ended.push((channel, reason));
        self.ready.notify_one();
    }

    /// Writes what waits, as far as the connection takes it at once.
    pub(crate) fn flush(&self) {
        let mut queue = self.queue();
        if queue.connection == Connection::Open {
            self.write(&mut queue);
        }
    }

    /// Goes on writing to a connection that was full.
    pub(crate) fn resume(&self) {
        let mut queue = self.queue();
        if queue.connection == Connection::Full {
            queue.connection = Connection::Open;
            self.write(&mut queue);
        }
    }

    fn write(&self, queue: &mut Queue) {
        let Some(stream) = self.stream.get() else { return };
        let (frames, bytes) = (queue.frames.len(), queue.bytes);
        queue.connection = queue.write_to(stream);
        self.metrics.frames_out.inc_by((frames - queue.frames.len()) as u64);
        self.metrics.bytes_out.inc_by((bytes - queue.bytes) as u64);
        self.count_waiting(queue);
        if queue.connection != Connection::Open || !queue.withheld.is_empty() {
            self.ready.notify_one();
        }
    }

    /// Keeps the gauge right. Nothing is done for a connection that takes all, as nearly every one does.
    fn count_waiting(&self, queue: &mut Queue) {
        let waiting = if queue.connection == Connection::Full { queue.bytes } else { 0 };
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
        let drained = if queue.frames.is_empty() { std::mem::take(&mut queue.withheld) } else { Vec::new() };
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
    fn add(&mut self, frame: Wire) {
        if self.connection != Connection::Broken {
            self.bytes += frame.len();
            self.frames.push_back(frame);
        }
    }

    fn write_to(&mut self, stream: &TcpStream) -> Connection {
        while !self.frames.is_empty() {
            let mut pieces = [IoSlice::new(&[]); WRITE_PIECES];
            let mut used = 0;
            let waiting = self.frames.iter().flat_map(|frame| [&frame.head, &frame.body]);
            for (slot, piece) in pieces.iter_mut().zip(waiting.filter(|piece| !piece.is_empty())) {
                *slot = IoSlice::new(piece);
                used += 1;
            }
            let written = match &pieces[..used] {
                // A plain write costs the kernel less.
                [piece] => stream.try_write(piece),
                pieces => stream.try_write_vectored(pieces),
            };
            match written {
                Ok(written) => self.remove(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Connection::Full,
                Err(_) => {
                    self.frames = VecDeque::new();
                    self.bytes = 0;
                    return Connection::Broken;
                }
            }
        }
        // Most sockets are idle most of the time.
        self.frames = VecDeque::new();
        Connection::Open
    }

    /// Removes bytes that were written from the front.
    fn remove(&mut self, mut written: usize) {
        self.bytes -= written;
        while let Some(first) = self.frames.front_mut() {
            for piece in [&mut first.head, &mut first.body] {
                let part = written.min(piece.len());
                piece.advance(part);
                written -= part;
            }
            if !first.is_empty() {
                return;
            }
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    const CHANNEL: ChannelKey = ChannelKey(1);

    fn frame(bytes: usize) -> Wire {
        Wire { head: Bytes::from(vec![1; bytes / 2]), body: Bytes::from(vec![2; bytes - bytes / 2]) }
    }

    fn outbox(bytes_limit: usize) -> Outbox {
        Outbox::new(bytes_limit, &SocketMetrics::default())
    }

    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (client.unwrap(), server.unwrap().0)
    }

    #[tokio::test]
    async fn presence_is_withheld_first_then_updates_and_what_must_pass_never() {
        let outbox = outbox(100);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(60)), Taken::Yes);
        assert_eq!(outbox.push(CHANNEL, Priority::Presence, frame(1)), Taken::Withheld);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(40)), Taken::Yes);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(1)), Taken::Withheld);
        assert_eq!(outbox.push(CHANNEL, Priority::Must, frame(1000)), Taken::Yes);
        assert!(outbox.report().drained.is_empty(), "not empty yet");
        let (mut client, server) = connection().await;
        outbox.connect(server);
        assert_eq!(outbox.metrics.lagging.get(), 1);
        outbox.flush();
        outbox.ready().await;
        assert_eq!(outbox.report().drained, [CHANNEL], "reported once, however much was withheld");
        assert_eq!(outbox.metrics.lagging.get(), 0);
        assert!(outbox.report().drained.is_empty());
        let mut read = vec![0; 1100];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!((read[29], read[30], read[59], read[60]), (1, 2, 2, 1), "in order, heads before bodies");
    }

    #[test]
    fn one_frame_larger_than_the_limit_passes_alone() {
        let outbox = outbox(10);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(50)), Taken::Yes);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(1)), Taken::Withheld);
    }

    #[tokio::test]
    async fn a_full_connection_is_written_to_again_when_it_has_room_and_every_byte_arrives() {
        const FRAMES: usize = 300;
        const BYTES: usize = 50_001;
        let (mut client, server) = connection().await;
        let outbox = outbox(usize::MAX);
        let stream = outbox.connect(server);
        for _ in 0..FRAMES {
            outbox.push(CHANNEL, Priority::Must, frame(BYTES));
        }
        outbox.flush();
        outbox.ready().await;
        assert_eq!(outbox.report().connection, Connection::Full);
        assert!(outbox.metrics.waiting_bytes.get() > 0);
        let reading = async {
            let mut read = vec![0; FRAMES * BYTES];
            client.read_exact(&mut read).await.unwrap();
            read
        };
        let writing = async {
            while outbox.report().connection == Connection::Full {
                stream.writable().await.unwrap();
                outbox.resume();
            }
        };
        let (read, ()) = tokio::join!(reading, writing);
        let expected = [vec![1; BYTES / 2], vec![2; BYTES - BYTES / 2]].concat().repeat(FRAMES);
        assert!(read == expected);
        assert_eq!(outbox.metrics.waiting_bytes.get(), 0);
    }

    #[tokio::test]
    async fn a_broken_connection_keeps_nothing() {
        let (client, server) = connection().await;
        let outbox = outbox(usize::MAX);
        outbox.connect(server);
        client.set_zero_linger().unwrap();
        drop(client);
        while outbox.report().connection == Connection::Open {
            outbox.push(CHANNEL, Priority::Must, frame(50_000));
            outbox.flush();
            tokio::task::yield_now().await;
        }
        assert_eq!(outbox.report().connection, Connection::Broken);
        outbox.push(CHANNEL, Priority::Must, frame(50_000));
        assert!(outbox.queue().frames.is_empty());
    }
}
