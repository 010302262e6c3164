//! A WebSocket client that costs the generator as little as it can: one core that generates load has to outrun one core
//! that serves it. It speaks just what a load generator needs of RFC 6455: no extensions, no fragments, no TLS, and
//! frames masked with the key 0, so that nothing is copied twice. The server's work is the same as with any other key.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::io::Interest;
use tokio::net::TcpStream;

/// What is read from the kernel at once, in bytes, at least.
const READ_BYTES: usize = 16 * 1024;
/// The longest answer to a handshake, in bytes.
const MAX_HANDSHAKE_BYTES: usize = 8 * 1024;
/// The largest frame that is taken from a server, in bytes.
const MAX_FRAME_BYTES: usize = 1 << 30;

/// The kinds of frames, as numbered by RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Opcode {
    /// UTF-8.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

/// A frame from the server. Pings are answered by the socket itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(&'a [u8]),
    /// The answer to a ping: the server has read all that was sent before.
    Pong,
    /// The server closes.
    Close {
        /// The close code, 1005 when there is none.
        code: u16,
        /// The reason, for people.
        reason: &'a str,
    },
}

/// One connection. Sending never waits: what the kernel does not take is kept, and written while waiting for frames.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    input: Vec<u8>,
    /// How much of `input` was taken.
    taken: usize,
    output: Vec<u8>,
    /// How much of `output` was written.
    written: usize,
    sent_bytes: u64,
    received_bytes: u64,
}

/// Where a frame lies in the input.
struct Extent {
    opcode: u8,
    body: std::ops::Range<usize>,
}

impl Socket {
    /// Connects and shakes hands. `target` is the path with its query.
    pub(crate) async fn connect(address: SocketAddr, target: &str) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?, address, target).await
    }

    /// Shakes hands over a connection.
    pub(crate) async fn over(stream: TcpStream, address: SocketAddr, target: &str) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let mut socket = Self {
            stream,
            input: Vec::new(),
            taken: 0,
            output: request.into_bytes(),
            written: 0,
            sent_bytes: 0,
            received_bytes: 0,
        };
        socket.flush()?;
        socket.shake_hands().await?;
        Ok(socket)
    }

    async fn shake_hands(&mut self) -> io::Result<()> {
        loop {
            if let Some(end) = self.input.windows(4).position(|window| window == b"\r\n\r\n") {
                let answer = String::from_utf8_lossy(&self.input[..end]);
                if !answer.starts_with("HTTP/1.1 101") {
                    let status = answer.lines().next().unwrap_or_default().to_owned();
                    return Err(io::Error::other(format!("the server refused the WebSocket: {status}")));
                }
                self.taken = end + 4;
                return Ok(());
            }
            if self.input.len() > MAX_HANDSHAKE_BYTES {
                return Err(io::Error::new(ErrorKind::InvalidData, "the answer to the handshake is too long"));
            }
            self.exchange().await?;
        }
    }

    /// Closing will reset the connection, so that the port is free at once.
    pub(crate) fn reset_on_drop(&self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }

    /// Bytes that were written, frame headers and handshake included.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Bytes that were read, frame headers and handshake included.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Bytes that the kernel has not taken yet.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.output.len() - self.written
    }

    /// Puts a frame behind what is to be written.
    pub(crate) fn queue(&mut self, opcode: Opcode, payload: &[u8]) {
        const FINAL: u8 = 0x80;
        const MASKED: u8 = 0x80;
        self.output.push(FINAL | opcode as u8);
        if let Ok(len @ 0..=125) = u8::try_from(payload.len()) {
            self.output.push(MASKED | len);
        } else if let Ok(len) = u16::try_from(payload.len()) {
            self.output.push(MASKED | 0x7e);
            self.output.extend_from_slice(&len.to_be_bytes());
        } else {
            self.output.push(MASKED | 0x7f);
            self.output.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
        self.output.extend_from_slice(&[0; 4]);
        self.output.extend_from_slice(payload);
    }

    /// Writes what the kernel takes without waiting.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.unsent_bytes() > 0 {
            match self.stream.try_write(&self.output[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.written += written;
                    self.sent_bytes += written as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Queues a frame and flushes.
    pub(crate) fn send(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        self.queue(opcode, payload);
        self.flush()
    }

    /// Waits until [`Self::take`] has a frame, and writes meanwhile. Dropping the future loses nothing.
    pub(crate) async fn ready(&mut self) -> io::Result<()> {
        while self.next_extent()?.is_none() {
            self.exchange().await?;
        }
        Ok(())
    }

    /// Takes the next frame that has been read, if a whole one has.
    pub(crate) fn take(&mut self) -> io::Result<Option<Frame<'_>>> {
        loop {
            let Some(Extent { opcode, body }) = self.next_extent()? else { return Ok(None) };
            self.taken = body.end;
            match opcode {
                1 => {
                    return std::str::from_utf8(&self.input[body]).map(|text| Some(Frame::Text(text))).map_err(invalid);
                }
                2 => return Ok(Some(Frame::Binary(&self.input[body]))),
                8 => return Ok(Some(close_frame(&self.input[body]))),
                9 => {
                    let payload = self.input[body].to_vec();
                    self.send(Opcode::Pong, &payload)?;
                }
                10 => return Ok(Some(Frame::Pong)),
                _ => return Err(invalid("a frame of an unknown kind")),
            }
        }
    }

    /// Reads once and writes once, whatever is possible first.
    async fn exchange(&mut self) -> io::Result<()> {
        // Readiness alone never yields while the kernel has more: be fair to the other sockets.
        tokio::task::coop::consume_budget().await;
        self.make_room()?;
        let interest =
            if self.unsent_bytes() > 0 { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let ready = self.stream.ready(interest).await?;
        if ready.is_writable() {
            self.flush()?;
        }
        if ready.is_readable() {
            match self.stream.try_read_buf(&mut self.input) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.received_bytes += read as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes room for a read, or for the whole of a frame that has begun.
    fn make_room(&mut self) -> io::Result<()> {
        if self.taken > 0 {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        let wanted = match header(&self.input)? {
            Some((_, body)) => body.end.saturating_sub(self.input.len()),
            None => 0,
        };
        self.input.reserve(wanted.max(READ_BYTES));
        Ok(())
    }

    fn next_extent(&self) -> io::Result<Option<Extent>> {
        let input = &self.input[self.taken..];
        let Some((opcode, body)) = header(input)? else { return Ok(None) };
        if body.end > input.len() {
            return Ok(None);
        }
        Ok(Some(Extent { opcode, body: body.start + self.taken..body.end + self.taken }))
    }
}

/// Reads a frame's header: its kind and where its body lies, or `None` while the header is incomplete.
fn header(input: &[u8]) -> io::Result<Option<(u8, std::ops::Range<usize>)>> {
    let [first, second, rest @ ..] = input else { return Ok(None) };
    if first & 0xf0 != 0x80 || second & 0x80 != 0 {
        return Err(invalid("a fragment, an extension or a mask from the server"));
    }
    let (start, len) = match second {
        126 => match rest.first_chunk::<2>() {
            Some(len) => (4, usize::from(u16::from_be_bytes(*len))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(len) => (10, usize::try_from(u64::from_be_bytes(*len)).map_err(invalid)?),
            None => return Ok(None),
        },
        len => (2, usize::from(*len)),
    };
    if len > MAX_FRAME_BYTES {
        return Err(invalid("a frame that is too large"));
    }
    Ok(Some((first & 0x0f, start..start + len)))
}

fn close_frame(body: &[u8]) -> Frame<'_> {
    const NO_CODE: u16 = 1005;
    match body.split_first_chunk::<2>() {
        Some((code, reason)) => {
            Frame::Close { code: u16::from_be_bytes(*code), reason: std::str::from_utf8(reason).unwrap_or_default() }
        }
        None => Frame::Close { code: NO_CODE, reason: "" },
    }
}

fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_soon_as_it_is_complete() {
        assert_eq!(header(&[0x82]).unwrap(), None);
        assert_eq!(header(&[0x82, 3]).unwrap(), Some((2, 2..5)));
        assert_eq!(header(&[0x81, 126, 1]).unwrap(), None);
        assert_eq!(header(&[0x81, 126, 1, 0]).unwrap(), Some((1, 4..260)));
        assert_eq!(header(&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]).unwrap(), Some((2, 10..65_546)));
    }

    #[test]
    fn what_no_server_of_ours_sends_is_an_error() {
        assert!(header(&[0x02, 0]).is_err(), "a fragment");
        assert!(header(&[0xc2, 0]).is_err(), "a compressed frame");
        assert!(header(&[0x82, 0x80]).is_err(), "a masked frame");
        assert!(header(&[0x82, 127, 255, 0, 0, 0, 0, 1, 0, 0]).is_err(), "too large");
    }

    #[test]
    fn a_close_frame_has_a_code_or_none() {
        assert_eq!(close_frame(b"\x11\x30no"), Frame::Close { code: 4400, reason: "no" });
        assert_eq!(close_frame(b""), Frame::Close { code: 1005, reason: "" });
    }
}
