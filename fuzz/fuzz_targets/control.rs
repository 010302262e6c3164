//! Text frames of `/ws`: any text is a request or an error that names the request (SPEC G2).
#![no_main]

use libfuzzer_sys::fuzz_target;
use web_protocol::control::{Envelope, MAX_TEXT_BYTES, RequestError};

fuzz_target!(|text: &str| {
    match Envelope::decode(text) {
        Ok(_) => assert!(text.len() <= MAX_TEXT_BYTES),
        Err(RequestError::Invalid { message, .. }) => assert!(!message.is_empty()),
        Err(RequestError::UnknownType { name, .. }) => {
            assert!(!["subscribe", "unsubscribe", "presence", "token"].contains(&name.as_str()));
        }
    }
});
