//! Places in lists, and their text form.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

use super::{Creation, Key, Sort, SortKey};

/// The longest text form: what names the items' titles is cut to less.
const TEXT_LENGTH_MAX: usize = 2_048;
/// What tables hold of times.
const YEARS: RangeInclusive<i32> = 1..=9999;
const ID_BYTES: usize = 16;
const CHECK_BYTES: usize = 4;

/// A place in a list. Opaque to clients; its text form is made of `A–Z a–z 0–9 _ -`.
///
/// It holds nothing that its list did not show, so it need not be secret. A checksum over it and the list's order tells
/// apart what the server gave for this list and anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) key: Key,
    pub(super) id: Uuid,
    order: u32,
}

/// A text is no cursor that the server gave for this list in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of this list in this order; leave it out to start from the beginning")]
pub struct ParseCursorError;

impl Cursor {
    pub(super) fn new<K: SortKey>(sort: Sort<K>, key: Key, id: Uuid) -> Self {
        Self { key, id, order: order_of(sort) }
    }

    /// Reads a cursor of a list in this order.
    pub fn parse<K: SortKey>(text: &str, sort: Sort<K>) -> Result<Self, ParseCursorError> {
        if text.len() > TEXT_LENGTH_MAX {
            return Err(ParseCursorError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ParseCursorError)?;
        let (rest, check) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(ParseCursorError)?;
        let (key, id) = rest.split_last_chunk::<ID_BYTES>().ok_or(ParseCursorError)?;
        let order = order_of(sort);
        if checksum(order, rest) != u32::from_be_bytes(*check) {
            return Err(ParseCursorError);
        }
        Ok(Self { key: read_key(key).ok_or(ParseCursorError)?, id: Uuid::from_bytes(*id), order })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(64);
        match &self.key {
            Key::Time(time) => {
                bytes.push(b't');
                bytes.extend(time.timestamp_micros().to_be_bytes());
            }
            Key::Text(text) => {
                bytes.push(b's');
                bytes.extend(text.as_bytes());
            }
            Key::Number(number) => {
                bytes.push(b'n');
                bytes.extend(number.to_be_bytes());
            }
            Key::Id(id) => {
                bytes.push(b'i');
                bytes.extend(id.as_bytes());
            }
        }
        bytes.extend(self.id.as_bytes());
        bytes.extend(checksum(self.order, &bytes).to_be_bytes());
        formatter.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Of a list in the order of creation.
impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        Self::parse(text, Sort::ascending(Creation::CreatedAt))
    }
}

fn read_key(bytes: &[u8]) -> Option<Key> {
    let (kind, value) = bytes.split_first()?;
    let number = || value.try_into().ok().map(i64::from_be_bytes);
    match kind {
        b't' => {
            DateTime::<Utc>::from_timestamp_micros(number()?).filter(|time| YEARS.contains(&time.year())).map(Key::Time)
        }
        b's' => String::from_utf8(value.to_vec()).ok().filter(|text| !text.contains('\0')).map(Key::Text),
        b'n' => number().map(Key::Number),
        b'i' => Uuid::from_slice(value).ok().map(Key::Id),
        _ => None,
    }
}

fn order_of<K: SortKey>(sort: Sort<K>) -> u32 {
    checksum(0, format!("{} {sort}", K::LIST).as_bytes())
}

/// FNV-1a.
fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    const OFFSET: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    bytes.iter().fold(OFFSET ^ seed, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Other {
        Name,
        Count,
    }

    impl SortKey for Other {
        const LIST: &'static str = "others";
        const ALL: &'static [(&'static str, Self)] = &[("name", Self::Name), ("count", Self::Count)];

        fn column(self) -> &'static str {
            "name"
        }
    }

    const ID: Uuid = Uuid::from_u128(7);

    #[test]
    fn a_cursor_is_the_same_after_its_text_form() {
        let time = DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap();
        let cursor = Cursor::new(Sort::ascending(Creation::CreatedAt), Key::Time(time), ID);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for key in
            [Key::Text(String::new()), Key::Text("Ünï".repeat(66)), Key::Number(-1), Key::Time(time), Key::Id(ID)]
        {
            let sort = Sort::descending(Other::Name);
            let cursor = Cursor::new(sort, key, ID);
            assert_eq!(Cursor::parse(&cursor.to_string(), sort), Ok(cursor));
        }
    }

    #[test]
    fn nothing_else_is_one() {
        let sort = Sort::ascending(Other::Count);
        let text = Cursor::new(sort, Key::Number(3), ID).to_string();
        for other in [Sort::descending(Other::Count), Sort::ascending(Other::Name)] {
            assert_eq!(Cursor::parse(&text, other), Err(ParseCursorError), "of another order");
        }
        assert_eq!(text.parse::<Cursor>(), Err(ParseCursorError), "of another list");
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Cursor::parse(&changed, sort), Err(ParseCursorError), "{changed}");
        }
        for text in ["", "x", "====", "1700000000000000_00000000-0000-0000-0000-000000000007", &"A".repeat(5_000)] {
            assert_eq!(Cursor::parse(text, sort), Err(ParseCursorError), "{text}");
        }
        for key in [Key::Text("a\0b".to_owned()), Key::Time(DateTime::<Utc>::MAX_UTC)] {
            let text = Cursor::new(sort, key, ID).to_string();
            assert_eq!(Cursor::parse(&text, sort), Err(ParseCursorError), "what no table holds");
        }
    }
}
