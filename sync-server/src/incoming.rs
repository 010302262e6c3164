//! What a client says on its socket (RFC 6455 §5): tungstenite reads the headers of frames, messages are put together
//! here, so that a socket on which nothing comes in holds no buffer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Cursor};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::byte_budget::{ByteBudget, Share};
use crate::outbox::Outbox;
use crate::websocket;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// The longest payload of a ping, a pong or a close (§5.5).
const CONTROL_BYTES_MAX: u64 = 125;
/// A message that is less than one such part of what was read with it is copied, so that it does not keep all of it.
const COPIED_PART: usize = 4;
/// Fragments of one message: the largest that may come, in parts of 4 KiB.
const FRAGMENTS_MAX: usize = 4096;
/// Bytes of an unfinished message that count for nothing, once it is known whose the socket is ...
const UNCOUNTED_BYTES: usize = READ_BYTES;
/// ... and before.
const UNCOUNTED_BYTES_OF_STRANGERS: usize = 4 * 1024;
/// While there is little room for unfinished messages, each must bring so many bytes ...
const SLOWEST_BYTES: usize = 160 * 1024;
/// ... in such a time.
const SLOWEST_TIME: Duration = Duration::from_secs(10);

thread_local! {
    /// What a socket's connection has goes through here. No socket needs it for longer than a moment.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// Something that a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Bytes),
    /// A part of a message of which more follows.
    Fragment,
    /// A ping, which is answered already, or a pong.
    SignOfLife,
    /// The client ends the socket; that is answered already. Nothing follows.
    Close,
}

impl Message {
    /// Bytes of its payload. Those of fragments count with the last.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Fragment | Self::SignOfLife | Self::Close => 0,
        }
    }
}

/// Why nothing more can be read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error("the message is too large")]
    TooLarge,
    #[error("too much is under way on all sockets")]
    Crowded,
    #[error("much is under way on all sockets, and this message comes too slowly")]
    TooSlow,
    #[error("this is not the WebSocket protocol: {0}")]
    Malformed(&'static str),
    #[error("the connection has ended: {0}")]
    Gone(#[from] io::Error),
}

/// The client's side of a socket.
pub(crate) struct Incoming<'a> {
    stream: &'a TcpStream,
    outbox: &'a Outbox,
    message_bytes: usize,
    /// What was read and is not handled yet.
    read: BytesMut,
    /// Whether that is what is left of a larger piece of memory.
    is_rest: bool,
    /// The message of which fragments have come.
    fragments: Option<Fragments>,
    /// What is counted of these two ...
    unfinished: Share,
    /// ... unless it is so little.
    uncounted_bytes: usize,
    /// How far what is counted had come a while ago.
    mark: Option<Mark>,
    heard: Instant,
    /// The server has said that the socket ends.
    closed: bool,
}

struct Fragments {
    kind: Data,
    payload: BytesMut,
    count: usize,
}

/// So many bytes of a message had come at this time.
#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    bytes: usize,
}

/// A frame of which all is in the buffer.
struct Frame {
    is_final: bool,
    kind: OpCode,
    payload: BytesMut,
}

impl<'a> Incoming<'a> {
    /// Begins with what a stranger sent together with their handshake. A larger message than `message_bytes` is refused,
    /// and so is one that there is no room for among all that are under way.
    pub(crate) fn new(
        stream: &'a TcpStream,
        outbox: &'a Outbox,
        read: &[u8],
        message_bytes: usize,
        under_way: &ByteBudget,
    ) -> Self {
        Self {
            stream,
            outbox,
            message_bytes,
            read: BytesMut::from(read),
            is_rest: false,
            fragments: None,
            unfinished: Share::of(under_way),
            uncounted_bytes: UNCOUNTED_BYTES_OF_STRANGERS,
            mark: None,
            heard: Instant::now(),
            closed: false,
        }
    }

    /// It is known whose socket it is: larger messages are taken from now on, and what is under way counts for them.
    pub(crate) fn admit(&mut self, message_bytes: usize, under_way: &ByteBudget) {
        self.message_bytes = message_bytes;
        self.unfinished = Share::of(under_way);
        self.uncounted_bytes = UNCOUNTED_BYTES;
    }

    /// When the client was heard of last, even if it was but a part of a message.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// The next message, or a part of one. Losing the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Message, ReadError> {
        loop {
            if let Some(frame) = self.take_frame()? {
                return self.take(frame);
            }
            self.let_go_of_the_rest();
            self.count_unfinished()?;
            match self.fill() {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(_) => {
                    self.heard = Instant::now();
                    // However much there is to read, the socket's task and its thread have other things to do.
                    consume_budget().await;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|context| self.stream.poll_read_ready(context)).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The beginning of a message must not keep what came before it: that may be large, and is not counted.
    fn let_go_of_the_rest(&mut self) {
        if std::mem::take(&mut self.is_rest) {
            self.read = BytesMut::from(&self.read[..]);
        }
    }

    /// Counts what has come of a message, unless it is little.
    fn count_unfinished(&mut self) -> Result<(), ReadError> {
        let bytes = self.read.len() + self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len());
        let is_counted = bytes > self.uncounted_bytes;
        if !self.unfinished.resize(if is_counted { bytes } else { 0 }) {
            return Err(ReadError::Crowded);
        }
        if is_counted && self.is_too_slow(bytes) { Err(ReadError::TooSlow) } else { Ok(()) }
    }

    /// Whether a message of which so much has come keeps others out by coming slowly. Who has a slow line and harms
    /// nobody may take their time.
    fn is_too_slow(&mut self, bytes: usize) -> bool {
        let here = Mark { at: self.heard, bytes };
        let mark = *self.mark.get_or_insert(here);
        if here.at.saturating_duration_since(mark.at) < SLOWEST_TIME {
            return false;
        }
        self.mark = Some(here);
        bytes.saturating_sub(mark.bytes) < SLOWEST_BYTES && self.unfinished.is_short()
    }

    /// Tells the client that the socket ends.
    pub(crate) fn close(&mut self, code: u16, reason: &'static str) {
        self.answer_close(&[&code.to_be_bytes(), reason.as_bytes()].concat());
    }

    fn answer_close(&mut self, payload: &[u8]) {
        if !self.closed {
            self.closed = true;
            self.outbox.push_frame(websocket::close(payload));
            self.outbox.flush();
        }
    }

    /// Reads what the connection has.
    fn fill(&mut self) -> io::Result<usize> {
        READ.with_borrow_mut(|buffer| {
            let bytes = self.stream.try_read(buffer)?;
            self.read.extend_from_slice(&buffer[..bytes]);
            Ok(bytes)
        })
    }

    /// Takes a frame out of the buffer, if all of it is there.
    fn take_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        let mut cursor = Cursor::new(&self.read);
        let header = FrameHeader::parse(&mut cursor).map_err(|_| ReadError::Malformed("a bad header"))?;
        let Some((header, length)) = header else { return Ok(None) };
        let FrameHeader { is_final, rsv1, rsv2, rsv3, opcode, mask } = header;
        let Some(mask) = mask else { return Err(ReadError::Malformed("a frame is not masked")) };
        if rsv1 || rsv2 || rsv3 {
            return Err(ReadError::Malformed("a reserved bit is set"));
        }
        if matches!(opcode, OpCode::Control(_)) && (length > CONTROL_BYTES_MAX || !is_final) {
            return Err(ReadError::Malformed("a control frame is too long, or a fragment"));
        }
        let before = self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len());
        let length = usize::try_from(length).ok().filter(|length| *length <= self.message_bytes.saturating_sub(before));
        let length = length.ok_or(ReadError::TooLarge)?;
        // The cursor is within the buffer.
        let start = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        if self.read.len() - start < length {
            return Ok(None);
        }
        let read = self.read.len();
        drop(self.read.split_to(start));
        let mut payload = self.read.split_to(length);
        if length < read / COPIED_PART {
            payload = BytesMut::from(&payload[..]);
        }
        self.is_rest = !self.read.is_empty();
        if self.read.is_empty() {
            self.read = BytesMut::new();
        }
        unmask(&mut payload, mask);
        Ok(Some(Frame { is_final, kind: opcode, payload }))
    }

    /// Handles a frame. Returns what it is, or the message that it ends.
    fn take(&mut self, Frame { is_final, kind, payload }: Frame) -> Result<Message, ReadError> {
        let fragments = match (kind, self.fragments.take()) {
            (OpCode::Control(control), fragments) => {
                self.fragments = fragments;
                return self.take_control(control, &payload);
            }
            (OpCode::Data(kind @ (Data::Text | Data::Binary)), None) => Fragments { kind, payload, count: 1 },
            (OpCode::Data(Data::Continue), Some(Fragments { count: FRAGMENTS_MAX.., .. })) => {
                return Err(ReadError::Malformed("a message in too many fragments"));
            }
            (OpCode::Data(Data::Continue), Some(mut fragments)) => {
                fragments.payload.unsplit(payload);
                fragments.count += 1;
                fragments
            }
            _ => return Err(ReadError::Malformed("a frame where it may not come")),
        };
        if !is_final {
            self.fragments = Some(fragments);
            return Ok(Message::Fragment);
        }
        self.mark = None;
        let payload = fragments.payload;
        Ok(match fragments.kind {
            Data::Text => Message::Text(text(payload.into())?),
            _ => Message::Binary(payload.freeze()),
        })
    }

    fn take_control(&mut self, control: Control, payload: &[u8]) -> Result<Message, ReadError> {
        match control {
            Control::Ping => {
                if !self.closed {
                    self.outbox.push_frame(websocket::pong(payload));
                }
                Ok(Message::SignOfLife)
            }
            Control::Pong => Ok(Message::SignOfLife),
            Control::Close => {
                let code = payload.get(..2).unwrap_or_default();
                if payload.len() == 1 {
                    return Err(ReadError::Malformed("half a close code"));
                }
                text(payload[code.len()..].to_vec())?;
                self.answer_close(code);
                Ok(Message::Close)
            }
            Control::Reserved(_) => Err(ReadError::Malformed("an unknown kind of frame")),
        }
    }
}

fn text(bytes: Vec<u8>) -> Result<String, ReadError> {
    String::from_utf8(bytes).map_err(|_| ReadError::Malformed("a text is not UTF-8"))
}

/// §5.3.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let whole = u32::from_ne_bytes(mask);
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ whole).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use platform::random::Random;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;
    use crate::metrics::SocketMetrics;

    const MESSAGE_BYTES: usize = 300_000;
    const MASK: [u8; 4] = [0x12, 0xff, 0, 0x80];
    const TEXT: u8 = 1;
    const BINARY: u8 = 2;
    const CLOSE: u8 = 8;
    const PING: u8 = 9;
    const PONG: u8 = 10;
    const FINAL: u8 = 0x80;

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
            length @ 126..=0xffff => {
                frame.push(0x80 | 0x7e);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(0x80 | 0x7f);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (client.unwrap(), server.unwrap().0)
    }

    fn outbox() -> Outbox {
        Outbox::new(usize::MAX, &SocketMetrics::default())
    }

    fn plenty() -> ByteBudget {
        ByteBudget::new(usize::MAX)
    }

    /// What is read of these bytes, until nothing more can be read.
    async fn read(bytes: &[u8]) -> (Vec<Message>, ReadError) {
        let (mut client, server) = connection().await;
        let outbox = outbox();
        let mut incoming = Incoming::new(outbox.connect(server), &outbox, &[], MESSAGE_BYTES, &plenty());
        let writing = async move {
            // The server may have had enough.
            let _ = client.write_all(bytes).await;
            let _ = client.shutdown().await;
            client
        };
        let reading = async {
            let mut messages = Vec::new();
            loop {
                match incoming.next().await {
                    Ok(message) => messages.push(message),
                    Err(error) => return (messages, error),
                }
            }
        };
        tokio::join!(writing, reading).1
    }

    #[tokio::test]
    async fn messages_are_put_together_however_they_are_cut() {
        for seed in 0..40 {
            let random = Random::from_seed(seed);
            let below = |bound| usize::try_from(random.below(bound)).unwrap();
            let (mut bytes, mut sent) = (Vec::new(), Vec::new());
            for _ in 0..=below(30) {
                let length = [0, 1, 125, 126, 4_000, 65_535, 65_536, 299_999][below(8)];
                let payload: Vec<u8> = (b'a'..=b'z').cycle().skip(below(26)).take(length).collect();
                let (kind, message) = if below(2) == 0 {
                    (TEXT, Message::Text(String::from_utf8(payload.clone()).unwrap()))
                } else {
                    (BINARY, Message::Binary(payload.clone().into()))
                };
                let cuts = 1 + below(3);
                let part = payload.len() / cuts + 1;
                for number in 0..cuts {
                    let chunk = payload.get(number * part..).unwrap_or_default();
                    let last = number + 1 == cuts;
                    let kind = if number == 0 { kind } else { 0 };
                    let first = if last { FINAL | kind } else { kind };
                    bytes.extend(frame(first, &chunk[..chunk.len().min(part)]));
                    if !last {
                        sent.push(Message::Fragment);
                    }
                    if !last && below(2) == 0 {
                        bytes.extend(frame(FINAL | PING, b"there?"));
                        sent.push(Message::SignOfLife);
                    }
                }
                sent.push(message);
            }
            let (read, error) = read(&bytes).await;
            assert!(read == sent, "seed {seed}");
            assert!(matches!(error, ReadError::Gone(_)), "seed {seed}: {error}");
        }
    }

    #[tokio::test]
    async fn what_is_not_the_protocol_is_refused() {
        let unmasked = [FINAL | TEXT, 1, b'a'].to_vec();
        let huge = [[FINAL | BINARY, 0xff].as_slice(), &u64::MAX.to_be_bytes(), &MASK].concat();
        let too_long_in_parts = [frame(BINARY, &vec![0; 200_000]), frame(FINAL, &vec![0; 100_001])].concat();
        let empty_without_end = [frame(TEXT, b""), frame(0, b"").repeat(FRAGMENTS_MAX)].concat();
        for (bytes, expected) in [
            (unmasked, "masked"),
            (frame(FINAL | TEXT | 0x40, b"compressed"), "reserved bit"),
            (frame(FINAL | 3, b""), "bad header"),
            (frame(FINAL | 0xb, b""), "bad header"),
            (frame(FINAL, b"goes on"), "may not come"),
            ([frame(TEXT, b"first"), frame(FINAL | TEXT, b"second")].concat(), "may not come"),
            (frame(PING, b""), "control frame"),
            (frame(FINAL | PING, &[0; 126]), "control frame"),
            (frame(FINAL | TEXT, b"\xff"), "UTF-8"),
            (frame(FINAL | CLOSE, b"\x03"), "half a close code"),
            (frame(FINAL | CLOSE, b"\x03\xe8\xff"), "UTF-8"),
            (frame(FINAL | BINARY, &vec![0; MESSAGE_BYTES + 1]), "too large"),
            (too_long_in_parts, "too large"),
            (empty_without_end, "too many fragments"),
            (huge, "too large"),
        ] {
            let (messages, error) = read(&bytes).await;
            let nothing_whole = messages.iter().all(|message| *message == Message::Fragment);
            assert!(nothing_whole && error.to_string().contains(expected), "{expected}: {messages:?}, {error}");
        }
    }

    #[tokio::test]
    async fn random_bytes_end_the_socket_at_worst() {
        for seed in 0..200 {
            let random = Random::from_seed(seed);
            let bytes = random.bytes::<512>();
            read(&bytes).await;
        }
    }

    #[tokio::test]
    async fn a_ping_and_a_close_are_answered_and_nothing_is_kept_meanwhile() {
        let (mut client, server) = connection().await;
        let outbox = outbox();
        let ping = frame(FINAL | PING, b"there?");
        let mut incoming = Incoming::new(outbox.connect(server), &outbox, &ping, 100, &plenty());
        assert_eq!(incoming.next().await.unwrap(), Message::SignOfLife);
        assert_eq!(incoming.read.capacity(), 0);
        client.write_all(&frame(FINAL | CLOSE, b"\x03\xe8bye")).await.unwrap();
        assert_eq!(incoming.next().await.unwrap(), Message::Close);
        let mut heard = [0; 12];
        client.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"\x8a\x06there?\x88\x02\x03\xe8");
    }

    #[tokio::test]
    async fn the_beginning_of_a_message_does_not_keep_the_one_before() {
        let (mut client, server) = connection().await;
        let outbox = outbox();
        let mut incoming = Incoming::new(outbox.connect(server), &outbox, &[], MESSAGE_BYTES, &plenty());
        let bytes = [frame(FINAL | BINARY, &vec![7; 200_000]), frame(FINAL | BINARY, b"later")[..3].to_vec()].concat();
        client.write_all(&bytes).await.unwrap();
        assert_eq!(incoming.next().await.unwrap().len(), 200_000);
        while incoming.read.len() < 3 || incoming.is_rest {
            assert!(timeout(Duration::from_millis(50), incoming.next()).await.is_err(), "it is not whole");
        }
        assert!(!incoming.read.try_reclaim(100_000), "the memory of the first message is kept");
    }

    #[tokio::test]
    async fn large_messages_of_which_not_all_has_come_are_bounded_over_all_sockets() {
        let under_way = ByteBudget::new(250_000);
        let message = frame(FINAL | BINARY, &vec![7; 200_000]);
        let (begun, rest) = message.split_at(150_000);
        let (mut slow, server) = connection().await;
        let slow_outbox = outbox();
        let mut of_slow = Incoming::new(slow_outbox.connect(server), &slow_outbox, &[], MESSAGE_BYTES, &under_way);
        slow.write_all(begun).await.unwrap();
        while of_slow.read.len() < begun.len() {
            assert!(timeout(Duration::from_millis(50), of_slow.next()).await.is_err(), "it is not whole");
        }
        let (mut other, server) = connection().await;
        let other_outbox = outbox();
        let mut of_other = Incoming::new(other_outbox.connect(server), &other_outbox, &[], MESSAGE_BYTES, &under_way);
        other.write_all(&frame(FINAL | BINARY, &[7; 1_000])).await.unwrap();
        assert_eq!(of_other.next().await.unwrap().len(), 1_000, "a small one passes");
        other.write_all(begun).await.unwrap();
        assert!(matches!(of_other.next().await, Err(ReadError::Crowded)));
        drop(of_other);
        slow.write_all(rest).await.unwrap();
        assert_eq!(of_slow.next().await.unwrap().len(), 200_000);
    }

    #[tokio::test]
    async fn a_message_of_as_many_fragments_as_there_may_be_is_taken() {
        let parts = frame(0, b"x").repeat(FRAGMENTS_MAX - 2);
        let (mut messages, _) = read(&[frame(BINARY, b"x"), parts, frame(FINAL, b"x")].concat()).await;
        assert_eq!(messages.pop().map(|message| message.len()), Some(FRAGMENTS_MAX));
        assert_eq!(messages.len(), FRAGMENTS_MAX - 1, "each part was told of");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_client_that_always_has_more_to_say_leaves_others_their_turn() {
        let (mut client, server) = connection().await;
        let outbox = outbox();
        let mut incoming = Incoming::new(outbox.connect(server), &outbox, &[], MESSAGE_BYTES, &plenty());
        let flooding = tokio::spawn(async move {
            let pongs = frame(FINAL | PONG, b"").repeat(10_000);
            while client.write_all(&pongs).await.is_ok() {}
        });
        let listening = async { while incoming.next().await.is_ok() {} };
        // Nothing but the time ends it: what is read must give way for that.
        assert!(timeout(Duration::from_millis(300), listening).await.is_err(), "the client never stops");
        flooding.abort();
    }

    /// A socket on which 150,000 bytes of a message of 200,000 have come, and its client.
    async fn begun<'a>(outbox: &'a Outbox, under_way: &ByteBudget) -> (TcpStream, Incoming<'a>) {
        let (mut client, server) = connection().await;
        let mut incoming = Incoming::new(outbox.connect(server), outbox, &[], MESSAGE_BYTES, under_way);
        client.write_all(&frame(FINAL | BINARY, &vec![7; 200_000])[..150_000]).await.unwrap();
        while incoming.read.len() < 150_000 {
            assert!(timeout(Duration::from_millis(50), incoming.next()).await.is_err(), "it is not whole");
        }
        (client, incoming)
    }

    #[tokio::test]
    async fn a_slow_message_gives_way_only_while_there_is_little_room() {
        for (room, is_ended) in [(1_000_000, false), (250_000, true)] {
            let (outbox, under_way) = (outbox(), ByteBudget::new(room));
            let (mut client, mut incoming) = begun(&outbox, &under_way).await;
            // As if all of this had come long ago.
            let mark = incoming.mark.as_mut().expect("it is counted");
            (mark.at, mark.bytes) = (mark.at.checked_sub(SLOWEST_TIME).unwrap(), 150_000);
            client.write_all(&[7]).await.unwrap();
            let next = timeout(Duration::from_millis(500), incoming.next()).await;
            assert_eq!(matches!(next, Ok(Err(ReadError::TooSlow))), is_ended, "{next:?}");
            assert_eq!(next.is_err(), !is_ended);
        }
    }

    #[tokio::test]
    async fn what_strangers_have_under_way_counts_earlier_and_apart() {
        let (of_strangers, of_members) = (ByteBudget::new(160_000), ByteBudget::new(1_000_000));
        let outbox_of_one = outbox();
        let (_client, mut one) = begun(&outbox_of_one, &of_strangers).await;
        let (mut client, server) = connection().await;
        let outbox_of_other = outbox();
        let mut other =
            Incoming::new(outbox_of_other.connect(server), &outbox_of_other, &[], MESSAGE_BYTES, &of_strangers);
        client.write_all(&frame(FINAL | BINARY, &vec![7; 20_000])[..12_000]).await.unwrap();
        assert!(matches!(other.next().await, Err(ReadError::Crowded)), "12,000 bytes of a stranger count");
        one.admit(MESSAGE_BYTES, &of_members);
        assert!(timeout(Duration::from_millis(50), one.next()).await.is_err(), "it is not whole still");
        assert_eq!((Share::of(&of_strangers).resize(160_000), one.unfinished.bytes()), (true, 150_000));
    }
}
