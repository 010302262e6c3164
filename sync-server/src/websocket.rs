//! The WebSocket protocol below the dialects (RFC 6455): frames to the client are made here, what the client says is
//! read by tungstenite, whose own answers (pong, close) take the way of all frames.

use std::io::{self, Read, Write};

use bytes::{BufMut, Bytes, BytesMut};
use documents::delivery::Wire;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::outbox::Outbox;

/// Read buffers are allocated for every socket, idle ones too.
const READ_BUFFER_BYTES: usize = 2 * 1024;
/// What is smaller is copied out of the read buffer, so that it does not keep the whole buffer.
const COPIED_BYTES: usize = READ_BUFFER_BYTES / 4;
/// A body that is smaller is put behind its head, so that both are one piece.
const JOINED_BYTES: usize = 512;

const FINAL_TEXT: u8 = 0x81;
const FINAL_BINARY: u8 = 0x82;
const PING: u8 = 0x89;

/// A binary frame whose payload is `head`, then `body`.
pub(crate) fn binary(head: &[u8], body: Bytes) -> Wire {
    let mut wire_head =
        BytesMut::with_capacity(head.len() + 10 + if body.len() < JOINED_BYTES { body.len() } else { 0 });
    put_header(&mut wire_head, FINAL_BINARY, head.len() + body.len());
    wire_head.put_slice(head);
    if body.len() >= JOINED_BYTES {
        return Wire { head: wire_head.freeze(), body };
    }
    wire_head.put_slice(&body);
    Wire { head: wire_head.freeze(), body: Bytes::new() }
}

/// A text frame.
pub(crate) fn text(text: String) -> Wire {
    let mut head = BytesMut::with_capacity(10);
    put_header(&mut head, FINAL_TEXT, text.len());
    Wire { head: head.freeze(), body: text.into() }
}

/// A ping without content.
pub(crate) fn ping() -> Wire {
    Wire { head: Bytes::from_static(&[PING, 0]), body: Bytes::new() }
}

/// RFC 6455 §5.2; what a server sends is not masked.
#[expect(clippy::cast_possible_truncation, reason = "each arm's range fits")]
fn put_header(out: &mut BytesMut, kind: u8, length: usize) {
    out.put_u8(kind);
    match length {
        0..=125 => out.put_u8(length as u8),
        126..=0xffff => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
}

/// What a client says on its socket.
pub(crate) struct Incoming<'a> {
    context: WebSocketContext,
    stream: &'a TcpStream,
    outbox: &'a Outbox,
}

impl<'a> Incoming<'a> {
    /// Begins with what the client sent together with its handshake. A larger message than `message_bytes` is refused.
    pub(crate) fn new(stream: &'a TcpStream, outbox: &'a Outbox, read: Vec<u8>, message_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(message_bytes))
            .max_frame_size(Some(message_bytes))
            .read_buffer_size(READ_BUFFER_BYTES);
        let context = WebSocketContext::from_partially_read(read, Role::Server, Some(config));
        Self { context, stream, outbox }
    }

    /// The next message. After [`Message::Close`], ask once more, so that the close is answered. Losing the future
    /// loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Message, Error> {
        loop {
            let read = self.context.read(&mut Io { stream: self.stream, outbox: self.outbox });
            match read {
                Ok(Message::Binary(bytes)) if bytes.len() < COPIED_BYTES => {
                    return Ok(Message::Binary(Bytes::copy_from_slice(&bytes)));
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => self.stream.readable().await?,
                read => return read,
            }
        }
    }

    /// Tells the client that the socket ends.
    pub(crate) fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        // It fails when the client was faster.
        let _ = self.context.close(&mut Io { stream: self.stream, outbox: self.outbox }, Some(frame));
    }
}

/// Reads from the connection and writes to the outbox.
struct Io<'a> {
    stream: &'a TcpStream,
    outbox: &'a Outbox,
}

impl Read for Io<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(buffer)
    }
}

impl Write for Io<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.push_frame(Wire { head: Bytes::copy_from_slice(bytes), body: Bytes::new() });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.outbox.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(wire: &Wire) -> Vec<u8> {
        [&wire.head[..], &wire.body[..]].concat()
    }

    #[test]
    fn frames_have_the_header_of_their_length() {
        for (length, header) in [
            (0, vec![0x82, 0]),
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (0xffff, vec![0x82, 126, 0xff, 0xff]),
            (0x1_0000, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            for head in [0, 7.min(length)] {
                let payload: Vec<u8> = (0..=255).cycle().take(length).collect();
                let wire = binary(&payload[..head], Bytes::copy_from_slice(&payload[head..]));
                assert_eq!(bytes(&wire), [header.clone(), payload].concat());
            }
        }
        assert_eq!(bytes(&text("é".to_owned())), [0x81, 2, 0xc3, 0xa9]);
        assert_eq!(bytes(&ping()), [0x89, 0]);
    }

    #[test]
    fn a_large_body_is_shared() {
        let body = Bytes::from(vec![7; 4096]);
        assert_eq!(binary(&[1], body.clone()).body.as_ptr(), body.as_ptr());
    }
}
