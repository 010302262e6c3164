//! What people read of the quarantine. Whatever a sender wrote is shown so that it cannot write on the terminal.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use documents::quarantine::{Change, Rehearsal, Verdict};
use platform::db::quarantine::{Entry, Handled};
use serde_json::Value;

/// Characters of a value that are shown.
const VALUE_CHARS: usize = 80;
const HEX_LINE_BYTES: usize = 16;

/// One line of a list, and a second for what was done.
pub(super) fn entry_line(entry: &Entry) -> String {
    let mut line = format!(
        "{}  {}  {:>9} B  {}  {}  {}\n",
        entry.id,
        time(entry.received_at),
        entry.size_bytes,
        plain(&entry.document_name().unwrap_or_else(|| format!("deleted document {}", entry.document_id))),
        entry.sender,
        plain(&entry.reason),
    );
    if let Some(done) = &entry.handled {
        let _ = writeln!(line, "    {}", handled(done));
    }
    line
}

/// All that is known of an update but its content.
pub(super) fn entry(entry: &Entry) -> String {
    let mut text = format!(
        "update      {}\nreceived    {}\nsender      {}\norg         {}\ndocument    {}\nepoch       {}\nbytes       {}\nrefused     {}\n",
        entry.id,
        time(entry.received_at),
        entry.sender,
        entry.org,
        plain(&entry.document_name().unwrap_or_else(|| format!("{} (deleted)", entry.document_id))),
        entry.epoch,
        entry.size_bytes,
        plain(&entry.reason),
    );
    if let Some(done) = &entry.handled {
        let _ = writeln!(text, "handled     {}", handled(done));
    }
    text
}

/// Such as `discarded at 2026-11-21T12:00:00Z by olga: a test of ours`.
pub(super) fn handled(handled: &Handled) -> String {
    let outcome = handled.outcome.as_str();
    format!("{outcome} at {} by {}: {}", time(handled.at), plain(&handled.by), plain(&handled.why))
}

pub(super) fn rehearsal(rehearsal: &Rehearsal) -> String {
    let place = format!("{}-{}", rehearsal.epoch, rehearsal.seq);
    let mut text = format!("now         {} (the document is at {place})\n", verdict(&rehearsal.verdict));
    for Change { path, before, after } in &rehearsal.changes {
        let _ = writeln!(text, "  {}: {} → {}", plain(path), value(before.as_ref()), value(after.as_ref()));
    }
    if rehearsal.further_changes > 0 {
        let _ = writeln!(text, "  and {} more changes", rehearsal.further_changes);
    }
    text
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted => "would be logged and passed on".to_owned(),
        Verdict::Waits => "would be logged, and wait for content that is missing".to_owned(),
        Verdict::NothingNew => "would change nothing: the document has all of it".to_owned(),
        Verdict::Refused { code, message } => format!("would be refused ({code}): {}", plain(message)),
        Verdict::Breaks { message } => format!("would break the document engine, and be refused: {}", plain(message)),
        Verdict::OtherEpoch { epoch } => format!("was made for epoch {epoch}, which must not be mixed with this one"),
    }
}

fn value(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARS) {
        Some((at, _)) => format!("{}… ({} bytes)", plain(&text[..at]), text.len()),
        None => plain(&text),
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The text without anything that a terminal obeys.
pub(super) fn plain(text: &str) -> String {
    let is_harmless = |char: char| {
        !char.is_control()
            && !matches!(char, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|char| if is_harmless(char) { char.to_string() } else { char.escape_default().to_string() })
        .collect()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes as people look at them: the place, the bytes, and what of them is text.
pub(super) fn hexdump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, chunk) in bytes.chunks(HEX_LINE_BYTES).enumerate() {
        let readable: String =
            chunk.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        let spaced: Vec<String> = chunk.iter().map(|byte| hex(&[*byte])).collect();
        let _ = writeln!(text, "{:08x}  {:<48} {readable}", line * HEX_LINE_BYTES, spaced.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_cannot_write_on_the_terminal() {
        assert_eq!(plain("ü \u{1b}[2J\r\n\u{202e}x"), "ü \\u{1b}[2J\\r\\n\\u{202e}x");
    }

    #[test]
    fn bytes_are_shown_with_their_place_and_text() {
        let dump = hexdump(&[0, 255, b'a', b'b', 27, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, b'z']);
        let lines: Vec<&str> = dump.lines().collect();
        assert_eq!(lines[0], "00000000  00 ff 61 62 1b 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ..ab............");
        assert_eq!(lines[1], format!("00000010  7a {} z", " ".repeat(45)));
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = Value::String("ü".repeat(100));
        assert!(value(Some(&long)).ends_with("ü… (202 bytes)"), "{}", value(Some(&long)));
        assert_eq!(value(None), "nothing");
    }
}
