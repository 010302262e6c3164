//! Binary frames of `/ws`: any bytes are an answer, and what is read is written back to the same frame (SPEC G11).
#![no_main]

use libfuzzer_sys::fuzz_target;
use web_protocol::frame::Frame;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::decode(bytes) {
        let encoded = frame.encode();
        assert_eq!(Frame::decode(&encoded), Ok(frame));
        assert!(encoded.len() <= bytes.len(), "the shortest encoding is written");
    }
});
