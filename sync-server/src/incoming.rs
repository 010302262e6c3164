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

    /// For a while nothing was read: how fast a message comes counts from now on.
    pub(crate) fn resume(&mut self) {
        self.mark = None;
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
mod tests;
