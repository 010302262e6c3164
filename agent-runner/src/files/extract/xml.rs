//! XML inside of archives: parts are unpacked, and read a step at a time.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;
use zip::result::ZipError;

use super::{ExtractError, ExtractLimits, text};

/// An archive of parts.
pub(super) struct Parts<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes that may yet be unpacked.
    room: usize,
    limits: ExtractLimits,
}

impl<'a> Parts<'a> {
    pub(super) fn open(bytes: &'a [u8], limits: &ExtractLimits) -> Result<Self, ExtractError> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| ExtractError::malformed(&error))?;
        if archive.len() > limits.entries {
            return Err(ExtractError::TooManyParts(limits.entries));
        }
        Ok(Self { archive, room: limits.unpacked_bytes, limits: *limits })
    }

    /// Unpacks a part, if it is there.
    pub(super) fn unpack(&mut self, name: &str) -> Result<Option<String>, ExtractError> {
        let part = match self.archive.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(ExtractError::malformed(&error)),
        };
        // What it says of its size is not believed.
        let mut unpacked = Vec::new();
        let most = u64::try_from(self.room).unwrap_or(u64::MAX).saturating_add(1);
        part.take(most).read_to_end(&mut unpacked).map_err(|error| ExtractError::malformed(&error))?;
        if unpacked.len() > self.room {
            return Err(ExtractError::UnpacksTooLarge(self.limits.unpacked_bytes));
        }
        self.room -= unpacked.len();
        Ok(text::decode(&unpacked, None).map(std::borrow::Cow::into_owned))
    }

    /// A part that has to be there.
    pub(super) fn unpack_required(&mut self, name: &str) -> Result<String, ExtractError> {
        self.unpack(name)?.ok_or_else(|| ExtractError::Malformed(format!("it has no part {name}")))
    }

    /// The parts that are called so, by their numbers: `prefix`, a number, `.xml`.
    pub(super) fn numbered(&self, prefix: &str) -> Vec<String> {
        let number = |name: &str| name.strip_prefix(prefix)?.strip_suffix(".xml")?.parse::<u32>().ok();
        let names = self.archive.file_names().filter_map(Result::ok);
        let mut found: Vec<(u32, String)> =
            names.filter_map(|name| number(&name).map(|number| (number, name.into_owned()))).collect();
        found.sort();
        found.into_iter().take(self.limits.pages).map(|(_, name)| name).collect()
    }
}

/// A step through a part.
pub(super) enum Step<'a> {
    /// An element begins, by its name without a prefix.
    Start(&'a str, &'a BytesStart<'a>),
    /// It ends.
    End(&'a str),
    Text(&'a str),
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Enough,
}

/// Goes through a part. Entities that the part declares are left out: nothing multiplies.
pub(super) fn walk(
    xml: &str,
    limits: &ExtractLimits,
    mut visit: impl FnMut(Step<'_>) -> Then,
) -> Result<(), ExtractError> {
    let mut reader = Reader::from_str(xml);
    let mut depth = 0_usize;
    loop {
        let event = reader.read_event().map_err(|error| ExtractError::malformed(&error))?;
        let then = match &event {
            Event::Eof => return Ok(()),
            Event::Start(start) => {
                depth += 1;
                if depth > limits.depth {
                    return Err(ExtractError::TooDeep(limits.depth));
                }
                visit(Step::Start(start.local_name().into_inner(), start))
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                visit(Step::End(end.local_name().into_inner()))
            }
            Event::Empty(start) => match visit(Step::Start(start.local_name().into_inner(), start)) {
                Then::GoOn => visit(Step::End(start.local_name().into_inner())),
                Then::Enough => Then::Enough,
            },
            Event::Text(text) => visit(Step::Text(&text.xml10_content())),
            Event::CData(text) => visit(Step::Text(&text.xml10_content())),
            Event::GeneralRef(name) => match unescape(&format!("&{};", &**name)) {
                Ok(text) => visit(Step::Text(&text)),
                Err(_) => Then::GoOn,
            },
            _ => Then::GoOn,
        };
        if then == Then::Enough {
            return Ok(());
        }
    }
}
