//! Reading the text of files. Pure: bytes go in, text comes out, and nothing of it grows beyond its limits.
//!
//! What reads a format was mostly written by others, and what it reads may have been made to harm. The server therefore has
//! it done by a child process (see [`super::Extractor`]).

mod html;
mod kind;
mod office;
mod pdf;
mod sheet;
mod text;
mod words;
mod xml;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use self::kind::Kind;
use self::words::Words;

/// The longest description of what is wrong with a file, in characters.
const PROBLEM_CHARS_MAX: usize = 300;

/// What reading a file may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtractLimits {
    /// Bytes of the file.
    pub file_bytes: usize,
    /// Bytes that parts of it unpack to, all together.
    pub unpacked_bytes: usize,
    /// Parts of an archive.
    pub entries: usize,
    /// Levels of elements inside each other.
    pub depth: usize,
    /// Pages, slides or sheets.
    pub pages: usize,
    /// Characters of text that are kept.
    pub text_chars: usize,
}

impl Default for ExtractLimits {
    fn default() -> Self {
        Self {
            file_bytes: 128 << 20,
            unpacked_bytes: 64 << 20,
            entries: 10_000,
            depth: 500,
            pages: 5_000,
            text_chars: 1_000_000,
        }
    }
}

/// The text of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// The text, or its beginning: lines, without control characters.
    pub text: String,
    /// Whether there is more of it.
    pub truncated: bool,
}

/// Why the text of a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// The file is larger than what is read.
    #[error("the file has more than {0} bytes, which is too much to be read")]
    TooLarge(usize),
    /// It unpacks to more than that.
    #[error("the file unpacks to more than {0} bytes, which is too much to be read")]
    UnpacksTooLarge(usize),
    /// It is an archive of more parts than that.
    #[error("the file has more than {0} parts, which is too much to be read")]
    TooManyParts(usize),
    /// Its elements stand deeper inside each other than that.
    #[error("the file is nested more than {0} levels deep, which is too much to be read")]
    TooDeep(usize),
    /// It can be read only with a password.
    #[error("the file is protected by a password")]
    Encrypted,
    /// It is not what its type says.
    #[error("the file cannot be read as what it claims to be: {0}")]
    Malformed(String),
}

impl ExtractError {
    fn malformed(problem: &impl ToString) -> Self {
        Self::Malformed(problem.to_string().chars().filter(|it| !it.is_control()).take(PROBLEM_CHARS_MAX).collect())
    }
}

/// Whether files of this type and name can have text at all.
pub(crate) fn may_have_text(content_type: &str, filename: &str) -> bool {
    Kind::of(content_type, filename).is_some()
}

/// Whether this is the type of what is written as text.
pub(crate) fn is_text(content_type: &str) -> bool {
    matches!(Kind::of(content_type, ""), Some(Kind::Text | Kind::Html))
}

/// Reads the text of a file; `None` when files of its type have none that could be read.
pub fn extract(
    content_type: &str,
    filename: &str,
    bytes: &[u8],
    limits: &ExtractLimits,
) -> Result<Option<Extracted>, ExtractError> {
    let Some(kind) = Kind::of(content_type, filename) else { return Ok(None) };
    if bytes.len() > limits.file_bytes {
        return Err(ExtractError::TooLarge(limits.file_bytes));
    }
    // What decoders think impossible is one more way in which a file can be broken.
    let read = catch_unwind(AssertUnwindSafe(|| read_as(kind, content_type, bytes, limits)));
    read.unwrap_or_else(|_| Err(ExtractError::Malformed("it is broken in a way that nobody has foreseen".to_owned())))
}

fn read_as(
    kind: Kind,
    content_type: &str,
    bytes: &[u8],
    limits: &ExtractLimits,
) -> Result<Option<Extracted>, ExtractError> {
    let mut words = Words::new(limits.text_chars);
    match kind {
        Kind::Text | Kind::Html => {
            let charset = kind::charset(content_type);
            let Some(text) = text::decode(bytes, charset.as_deref()) else { return Ok(None) };
            if kind == Kind::Html { html::read(&text, &mut words) } else { words.verbatim(&text) }
        }
        Kind::Pdf => pdf::read(bytes, limits, &mut words)?,
        Kind::Word | Kind::Slides | Kind::OpenDocument => office::read(kind, bytes, limits, &mut words)?,
        Kind::Sheet => sheet::read(bytes, limits, &mut words)?,
    }
    Ok(Some(words.finish()))
}
