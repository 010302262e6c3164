//! Text frames of `/ws`: any text is a request or an error that names the request (SPEC G2).
use web_protocol::control::{Envelope, MAX_TEXT_BYTES, RequestError};

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match Envelope::decode(text) {
        Ok(_) => assert!(text.len() <= MAX_TEXT_BYTES),
        Err(RequestError::Invalid { message, .. }) => assert!(!message.is_empty()),
        Err(RequestError::UnknownType { name, .. }) => {
            assert!(!["subscribe", "unsubscribe", "presence", "token"].contains(&name.as_str()));
        }
    }
}
