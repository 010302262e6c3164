//! Documents and slides: DOCX and PPTX, whose elements for text have the same names, and ODT and its relatives.

use super::kind::Kind;
use super::words::Words;
use super::xml::{Parts, Step, Then, walk};
use super::{ExtractError, ExtractLimits};

pub(super) fn read(kind: Kind, bytes: &[u8], limits: &ExtractLimits, words: &mut Words) -> Result<(), ExtractError> {
    let mut parts = Parts::open(bytes, limits)?;
    match kind {
        Kind::Slides => {
            for slide in parts.numbered("ppt/slides/slide") {
                words.paragraph();
                read_part(&OPEN_XML, &parts.unpack_required(&slide)?, limits, words)?;
                if words.is_full() {
                    break;
                }
            }
            Ok(())
        }
        Kind::OpenDocument => read_part(&OPEN_DOCUMENT, &parts.unpack_required("content.xml")?, limits, words),
        _ => read_part(&OPEN_XML, &parts.unpack_required("word/document.xml")?, limits, words),
    }
}

/// How a format calls its elements.
struct Names {
    /// Text stands only in these.
    texts: &'static [&'static str],
    paragraphs: &'static [&'static str],
    breaks: &'static [&'static str],
    tabs: &'static [&'static str],
    spaces: &'static [&'static str],
    cells: &'static [&'static str],
    rows: &'static [&'static str],
    /// What is in these is not for readers, or stands elsewhere as well.
    left_out: &'static [&'static str],
}

const OPEN_XML: Names = Names {
    texts: &["t"],
    paragraphs: &["p"],
    breaks: &["br", "cr"],
    tabs: &["tab"],
    spaces: &[],
    cells: &["tc"],
    rows: &["tr"],
    // The first two say where tabs are, and have none. The fallback repeats a choice for old programs.
    left_out: &["tabs", "tabLst", "Fallback"],
};

const OPEN_DOCUMENT: Names = Names {
    texts: &["p", "h"],
    paragraphs: &["p", "h"],
    breaks: &["line-break"],
    tabs: &["tab"],
    spaces: &["s"],
    cells: &["table-cell"],
    rows: &["table-row"],
    left_out: &["tracked-changes", "annotation"],
};

/// Where it stands.
#[derive(Default)]
struct Place {
    texts: u32,
    cells: u32,
    left_out: u32,
}

fn read_part(names: &Names, xml: &str, limits: &ExtractLimits, words: &mut Words) -> Result<(), ExtractError> {
    let mut place = Place::default();
    walk(xml, limits, |step| {
        match step {
            Step::Start(name, _) => place.enter(names, name, words),
            Step::End(name) => place.leave(names, name, words),
            Step::Text(text) if place.texts > 0 && place.left_out == 0 => words.verbatim(text),
            Step::Text(_) => {}
        }
        if words.is_full() { Then::Enough } else { Then::GoOn }
    })
}

impl Place {
    fn enter(&mut self, names: &Names, name: &str, words: &mut Words) {
        if names.left_out.contains(&name) {
            self.left_out += 1;
        }
        if names.texts.contains(&name) {
            self.texts += 1;
        }
        if names.cells.contains(&name) {
            self.cells += 1;
        }
        if self.left_out > 0 {
            return;
        }
        if names.breaks.contains(&name) {
            words.push('\n');
        } else if names.tabs.contains(&name) {
            words.push('\t');
        } else if names.spaces.contains(&name) {
            words.space();
        }
    }

    fn leave(&mut self, names: &Names, name: &str, words: &mut Words) {
        if names.texts.contains(&name) {
            self.texts = self.texts.saturating_sub(1);
        }
        if names.cells.contains(&name) {
            self.cells = self.cells.saturating_sub(1);
        }
        if self.left_out == 0 {
            // A row of a table is a line, whatever stands in its cells.
            if names.cells.contains(&name) {
                words.cell();
            } else if names.rows.contains(&name) {
                words.line();
            } else if names.paragraphs.contains(&name) && self.cells > 0 {
                words.space();
            } else if names.paragraphs.contains(&name) {
                words.line();
            }
        }
        if names.left_out.contains(&name) {
            self.left_out = self.left_out.saturating_sub(1);
        }
    }
}
