//! Awareness updates: any bytes are an answer, and what is read is written back to the same states.
use web_protocol::awareness::{decode, encode};

/// As many as can be in the input.
const ENTRIES_MAX: usize = 1 << 20;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    assert!(decode(bytes, 4).map_or(0, |entries| entries.len()) <= 4);
    if let Ok(entries) = decode(bytes, ENTRIES_MAX) {
        let encoded = encode(entries.iter().copied());
        assert_eq!(decode(&encoded, ENTRIES_MAX), Ok(entries));
    }
}
