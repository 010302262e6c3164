//! Frames to clients, as the WebSocket protocol wants them (RFC 6455 §5). See [`crate::incoming`] for those that come.

use bytes::{BufMut, Bytes, BytesMut};
use documents::delivery::Wire;

/// A body that is smaller is put behind its head, so that both are one piece.
const JOINED_BYTES: usize = 512;

const FINAL_TEXT: u8 = 0x81;
const FINAL_BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

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
    text_of(text.into())
}

/// A text frame of UTF-8 that is sent to many.
pub(crate) fn text_of(body: Bytes) -> Wire {
    let mut head = BytesMut::with_capacity(10);
    put_header(&mut head, FINAL_TEXT, body.len());
    Wire { head: head.freeze(), body }
}

/// A ping without content.
pub(crate) fn ping() -> Wire {
    Wire { head: Bytes::from_static(&[PING, 0]), body: Bytes::new() }
}

/// The answer to a ping.
pub(crate) fn pong(payload: &[u8]) -> Wire {
    control(PONG, payload)
}

/// The end of what is said: a code and a reason, or nothing.
pub(crate) fn close(payload: &[u8]) -> Wire {
    control(CLOSE, payload)
}

fn control(kind: u8, payload: &[u8]) -> Wire {
    let mut head = BytesMut::with_capacity(2 + payload.len());
    put_header(&mut head, kind, payload.len());
    head.put_slice(payload);
    Wire { head: head.freeze(), body: Bytes::new() }
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
