//! Bytes that are text, in whatever encoding.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

/// So many bytes at the beginning tell whether a file is text at all.
const LOOKED_AT_BYTES: usize = 8 * 1024;

/// Decodes by the byte order mark, else by what the sender says, else as UTF-8 if it is, else as Windows-1252, which all
/// bytes can be. `None` for what is no text, whatever it is called: text has no NUL.
pub(super) fn decode<'a>(bytes: &'a [u8], charset: Option<&str>) -> Option<Cow<'a, str>> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return Some(encoding.decode_without_bom_handling(&bytes[mark..]).0);
    }
    let named = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    if named.is_none() && bytes.iter().take(LOOKED_AT_BYTES).any(|byte| *byte == 0) {
        return None;
    }
    match (str::from_utf8(bytes), named) {
        (Ok(text), _) => Some(Cow::Borrowed(text)),
        (Err(_), named) => Some(named.unwrap_or(WINDOWS_1252).decode_without_bom_handling(bytes).0),
    }
}
