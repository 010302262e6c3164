//! Sheets: XLSX, a line for each row. Formulas are left out, and their values stay.

use quick_xml::events::BytesStart;

use super::words::Words;
use super::xml::{Parts, Step, Then, walk};
use super::{ExtractError, ExtractLimits};

pub(super) fn read(bytes: &[u8], limits: &ExtractLimits, words: &mut Words) -> Result<(), ExtractError> {
    let mut parts = Parts::open(bytes, limits)?;
    let shared = match parts.unpack("xl/sharedStrings.xml")? {
        Some(xml) => shared_strings(&xml, limits)?,
        None => Vec::new(),
    };
    for sheet in parts.numbered("xl/worksheets/sheet") {
        words.paragraph();
        read_sheet(&parts.unpack_required(&sheet)?, &shared, limits, words)?;
        if words.is_full() {
            break;
        }
    }
    Ok(())
}

/// Texts that cells name by their places.
fn shared_strings(xml: &str, limits: &ExtractLimits) -> Result<Vec<String>, ExtractError> {
    let (mut strings, mut string, mut in_text) = (Vec::new(), String::new(), false);
    walk(xml, limits, |step| {
        match step {
            Step::Start("t", _) => in_text = true,
            Step::End("t") => in_text = false,
            Step::End("si") => strings.push(std::mem::take(&mut string)),
            Step::Text(text) if in_text => string.push_str(text),
            _ => {}
        }
        Then::GoOn
    })?;
    Ok(strings)
}

fn read_sheet(xml: &str, shared: &[String], limits: &ExtractLimits, words: &mut Words) -> Result<(), ExtractError> {
    let (mut is_shared, mut in_value, mut value) = (false, false, String::new());
    walk(xml, limits, |step| {
        match step {
            Step::Start("c", cell) => is_shared = names_shared(cell),
            Step::Start("v" | "t", _) => in_value = true,
            Step::End("v" | "t") => in_value = false,
            Step::Text(text) if in_value => value.push_str(text),
            Step::End("c") => {
                let value = std::mem::take(&mut value);
                let named = value.trim().parse().ok().and_then(|place: usize| shared.get(place));
                words.flowing(if is_shared { named.map_or("", String::as_str) } else { &value });
                words.cell();
            }
            Step::End("row") => words.line(),
            _ => {}
        }
        if words.is_full() { Then::Enough } else { Then::GoOn }
    })
}

fn names_shared(cell: &BytesStart<'_>) -> bool {
    cell.try_get_attribute("t").is_ok_and(|kind| kind.is_some_and(|kind| &*kind.value == "s"))
}
