//! PDF, page by page: of a page that cannot be read, the others are.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{ConvertToFmt, Document, PlainTextOutput, output_doc_page};

use super::words::Words;
use super::{ExtractError, ExtractLimits};

pub(super) fn read(bytes: &[u8], limits: &ExtractLimits, words: &mut Words) -> Result<(), ExtractError> {
    let document = load(bytes)?;
    let pages: Vec<u32> = document.get_pages().into_keys().take(limits.pages + 1).collect();
    if pages.len() > limits.pages {
        return Err(ExtractError::TooManyParts(limits.pages));
    }
    let mut problem = None;
    let mut read = 0;
    for page in &pages {
        words.paragraph();
        let mut output = PlainTextOutput::new(Page(words));
        match catch_unwind(AssertUnwindSafe(|| output_doc_page(&document, &mut output, *page))) {
            Ok(Ok(())) => read += 1,
            // It says so when there is enough.
            Ok(Err(_)) if words.is_full() => return Ok(()),
            Ok(Err(error)) => problem = Some(ExtractError::malformed(&error)),
            Err(_) => problem = Some(ExtractError::Malformed("a page is broken".to_owned())),
        }
    }
    match problem {
        Some(problem) if read == 0 => Err(problem),
        _ => Ok(()),
    }
}

/// Many are encrypted without a password, against being changed.
fn load(bytes: &[u8]) -> Result<Document, ExtractError> {
    let mut document = Document::load_mem(bytes).map_err(|error| ExtractError::malformed(&error))?;
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err(ExtractError::Encrypted);
    }
    Ok(document)
}

/// Takes in what a page says.
struct Page<'a>(&'a mut Words);

impl ConvertToFmt for Page<'_> {
    type Writer = Self;

    fn convert(self) -> Self {
        self
    }
}

impl std::fmt::Write for Page<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.verbatim(text);
        if self.0.is_full() { Err(std::fmt::Error) } else { Ok(()) }
    }
}
