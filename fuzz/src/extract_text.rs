//! Reading the text of a file: the first byte says of which sort it is. What comes out is bounded, and can be stored. PDF is
//! left out: others read it, in a process that may fail.
use agent_runner::files::{ExtractLimits, extract};

const TYPES: [&str; 8] = [
    "text/plain",
    "text/plain; charset=utf-16le",
    "text/plain; charset=gb18030",
    "text/html",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.text",
];

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Some((kind, file)) = bytes.split_first() else { return };
    let limits = ExtractLimits { text_chars: 10_000, unpacked_bytes: 1 << 20, ..ExtractLimits::default() };
    let Ok(Some(extracted)) = extract(TYPES[usize::from(*kind) % TYPES.len()], "", file, &limits) else { return };
    assert!(extracted.text.chars().count() <= limits.text_chars);
    assert!(!extracted.text.chars().any(|it| it.is_control() && it != '\n' && it != '\t'));
}
