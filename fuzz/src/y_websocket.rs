//! Messages of `/yjs`: any bytes are an answer, and what is read is written back to the same message (SPEC Y2).
use web_protocol::y_websocket::Message;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}
