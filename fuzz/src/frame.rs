//! Binary frames of `/ws`: any bytes are an answer, and what is read is written back to the same frame (SPEC G11).
use web_protocol::frame::Frame;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    if let Ok(frame) = Frame::decode(bytes) {
        let encoded = frame.encode();
        assert_eq!(Frame::decode(&encoded), Ok(frame));
        assert!(encoded.len() <= bytes.len(), "the shortest encoding is written");
    }
}
