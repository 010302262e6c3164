//! Frames of `/hocuspocus`: any bytes are an answer, and what is read is written back to the same frame (SPEC H2).
use web_protocol::hocuspocus::Frame;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Ok(frame) = Frame::decode(bytes) else { return };
    let written = frame.encode();
    assert_eq!(Frame::decode(&written), Ok(frame));
    if let Frame::Message(address, _) = frame {
        // An address may have been written with a longer length than it needs.
        assert!(written.starts_with(&address.encode()));
        assert!(address.as_str().starts_with(address.document()));
    }
}
