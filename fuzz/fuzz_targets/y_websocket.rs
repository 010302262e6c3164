//! Messages of `/yjs`: any bytes are an answer, and what is read is written back to the same message (SPEC Y2).
#![no_main]

use libfuzzer_sys::fuzz_target;
use web_protocol::y_websocket::Message;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
});
