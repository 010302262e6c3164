//! What a client says on its socket (RFC 6455 §5): tungstenite reads the headers of frames, messages are put together
//! here, so that a socket on which nothing comes in holds no buffer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Cursor};

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::net::TcpStream;
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

thread_local! {
    /// What a socket's connection has goes through here. No socket needs it for longer than a moment.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// Something that a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Bytes),
    /// A ping, which is answered already, or a pong.
    SignOfLife,
    /// The client ends the socket; that is answered already. Nothing follows.
    Close,
}

impl Message {
    /// Bytes of its payload.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::SignOfLife | Self::Close => 0,
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
    /// The message of which fragments have come.
    fragments: Option<Fragments>,
    /// What is counted of these two.
    unfinished: Share,
    heard: Instant,
    /// The server has said that the socket ends.
    closed: bool,
}

struct Fragments {
    kind: Data,
    payload: BytesMut,
}

/// A frame of which all is in the buffer.
struct Frame {
    is_final: bool,
    kind: OpCode,
    payload: BytesMut,
}

impl<'a> Incoming<'a> {
    /// Begins with what the client sent together with its handshake. A larger message than `message_bytes` is refused,
    /// and so is one that there is no room for among all that are under way.
    pub(crate) fn new(
        stream: &'a TcpStream,
        outbox: &'a Outbox,
        read: &[u8],
        message_bytes: usize,
        under_way: &ByteBudget,
    ) -> Self {
        let (read, unfinished, heard) = (BytesMut::from(read), Share::of(under_way), Instant::now());
        Self { stream, outbox, message_bytes, read, fragments: None, unfinished, heard, closed: false }
    }

    /// Refuses larger messages than `message_bytes` from now on.
    pub(crate) fn limit(&mut self, message_bytes: usize) {
        self.message_bytes = message_bytes;
    }

    /// When the client was heard of last, even if it was but a part of a message.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// The next message. Losing the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Message, ReadError> {
        loop {
            while let Some(frame) = self.take_frame()? {
                if let Some(message) = self.take(frame)? {
                    return Ok(message);
                }
            }
            self.count_unfinished()?;
            match self.fill() {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(_) => self.heard = Instant::now(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|context| self.stream.poll_read_ready(context)).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Counts what has come of a message, unless it is little.
    fn count_unfinished(&mut self) -> Result<(), ReadError> {
        let bytes = self.read.len() + self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len());
        let counted = if bytes > READ_BYTES { bytes } else { 0 };
        if self.unfinished.resize(counted) { Ok(()) } else { Err(ReadError::Crowded) }
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
        if self.read.is_empty() {
            self.read = BytesMut::new();
        }
        unmask(&mut payload, mask);
        Ok(Some(Frame { is_final, kind: opcode, payload }))
    }

    /// Handles a frame. Returns the message that it ends, if it ends one.
    fn take(&mut self, Frame { is_final, kind, payload }: Frame) -> Result<Option<Message>, ReadError> {
        let fragments = match (kind, self.fragments.take()) {
            (OpCode::Control(control), fragments) => {
                self.fragments = fragments;
                return self.take_control(control, &payload).map(Some);
            }
            (OpCode::Data(kind @ (Data::Text | Data::Binary)), None) => Fragments { kind, payload },
            (OpCode::Data(Data::Continue), Some(mut fragments)) => {
                fragments.payload.unsplit(payload);
                fragments
            }
            _ => return Err(ReadError::Malformed("a frame where it may not come")),
        };
        if !is_final {
            self.fragments = Some(fragments);
            return Ok(None);
        }
        let payload = fragments.payload;
        Ok(Some(match fragments.kind {
            Data::Text => Message::Text(text(payload.into())?),
            _ => Message::Binary(payload.freeze()),
        }))
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
            (huge, "too large"),
        ] {
            let (messages, error) = read(&bytes).await;
            assert!(messages.is_empty() && error.to_string().contains(expected), "{expected}: {messages:?}, {error}");
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
}
