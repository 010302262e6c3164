//! What browsers are told of a download, so that nothing that somebody uploaded runs in anybody's browser.

use std::fmt::Write;

/// The longest media type, in bytes.
const MEDIA_TYPE_BYTES_MAX: usize = 255;
/// Bytes as they are: what nobody runs.
const BYTES: &str = "application/octet-stream";

/// The header `Content-Disposition` of a download: it is saved under this name, and not shown (RFC 6266, RFC 8187).
#[must_use]
pub fn content_disposition(filename: &str) -> String {
    let mut header = "attachment; filename*=UTF-8''".to_owned();
    for byte in filename.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            header.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(header, "%{byte:02X}");
        }
    }
    header
}

/// Whether this is a media type, such as `text/plain; charset=utf-8`, that can be stored and stand in a header.
#[must_use]
pub fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let has_parts = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    has_parts && text.len() <= MEDIA_TYPE_BYTES_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// A token of HTTP (RFC 9110).
fn is_token(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// The media type under which something is served: types of pages, of scripts and of what may hold scripts become bytes.
#[must_use]
pub fn harmless_type(content_type: &str) -> &str {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let runs = essence.ends_with("xml")
        || essence.contains("html")
        || essence.contains("script")
        || essence.contains("xsl")
        || essence.starts_with("multipart/")
        || essence.starts_with("message/");
    if runs || essence.is_empty() { BYTES } else { content_type }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_so_that_they_end_nowhere() {
        for (name, header) in [
            ("plan.pdf", "plan.pdf"),
            ("a \"b\"; c.txt", "a%20%22b%22%3B%20c.txt"),
            ("Größe.csv", "Gr%C3%B6%C3%9Fe.csv"),
            ("a\r\nx: y", "a%0D%0Ax%3A%20y"),
            ("it's 100%", "it%27s%20100%25"),
        ] {
            assert_eq!(content_disposition(name), format!("attachment; filename*=UTF-8''{header}"));
        }
    }

    #[test]
    fn what_browsers_run_is_served_as_bytes() {
        for runs in [
            "text/html",
            "Text/HTML; charset=utf-8",
            "application/xhtml+xml",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "text/javascript",
            "application/ecmascript",
            "text/xsl",
            "multipart/x-mixed-replace",
            "message/rfc822",
            "",
        ] {
            assert_eq!(harmless_type(runs), BYTES, "{runs}");
        }
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for kept in ["text/plain; charset=utf-8", "application/pdf", "image/png", "text/csv", word] {
            assert_eq!(harmless_type(kept), kept);
        }
    }
}
