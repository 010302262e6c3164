//! Lists in pages, by keyset: a cursor says after which item to go on, and stays valid while items come and go.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How many items a page has when nobody asks for a number.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;
/// The most items of a page.
pub const PAGE_ITEMS_MAX: u32 = 200;

/// A place in a list that is ordered by creation. Opaque to clients; its text form is made of `0–9 a–f -` and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    created_at: DateTime<Utc>,
    id: Uuid,
}

/// A text is no cursor that the server gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of this server; leave it out to start from the beginning")]
pub struct ParseCursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}", self.created_at.timestamp_micros(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let (micros, id) = text.split_once('_').ok_or(ParseCursorError)?;
        let micros = micros.parse().map_err(|_| ParseCursorError)?;
        Ok(Self {
            created_at: DateTime::from_timestamp_micros(micros).ok_or(ParseCursorError)?,
            id: id.parse().map_err(|_| ParseCursorError)?,
        })
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    after: Option<Cursor>,
    limit: u32,
}

impl PageRequest {
    /// `limit` is brought into 1 to [`PAGE_ITEMS_MAX`].
    #[must_use]
    pub fn new(after: Option<Cursor>, limit: Option<u32>) -> Self {
        Self { after, limit: limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX) }
    }

    /// How many rows to read: one more than the page has shows whether there is another page.
    pub(super) fn rows(self) -> i64 {
        i64::from(self.limit) + 1
    }

    pub(super) fn after(self) -> (Option<DateTime<Utc>>, Option<Uuid>) {
        (self.after.map(|cursor| cursor.created_at), self.after.map(|cursor| cursor.id))
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of the rows that were read for `request`, up to [`PageRequest::rows`] of them.
    pub(super) fn of(request: PageRequest, mut rows: Vec<T>, key: impl Fn(&T) -> (DateTime<Utc>, Uuid)) -> Self {
        let limit = request.limit as usize;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|last| {
            let (created_at, id) = key(last);
            Cursor { created_at, id }
        });
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: i64) -> (DateTime<Utc>, Uuid) {
        (DateTime::from_timestamp_micros(number).unwrap(), Uuid::from_u128(7))
    }

    #[test]
    fn a_page_points_to_the_next_only_if_there_is_one() {
        let request = PageRequest::new(None, Some(2));
        let more = Page::of(request, vec![row(1), row(2), row(3)], |row| *row);
        assert_eq!(more.items, [row(1), row(2)]);
        assert_eq!(more.next.unwrap().created_at, row(2).0);
        assert_eq!(Page::of(request, vec![row(1), row(2)], |row| *row).next, None);
        assert_eq!(Page::of(request, vec![], |row: &(DateTime<Utc>, Uuid)| *row).next, None);
    }

    #[test]
    fn a_limit_is_brought_into_its_range() {
        assert_eq!(PageRequest::new(None, None).limit, PAGE_ITEMS_DEFAULT);
        assert_eq!(PageRequest::new(None, Some(0)).limit, 1);
        assert_eq!(PageRequest::new(None, Some(u32::MAX)).limit, PAGE_ITEMS_MAX);
    }

    #[test]
    fn a_cursor_is_the_same_after_its_text_form_and_nothing_else_is_one() {
        let (created_at, id) = row(1_790_000_000_123_456);
        let cursor = Cursor { created_at, id };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "_", "1", "x_y", "9223372036854775807_00000000-0000-0000-0000-000000000007", "1_2"] {
            assert_eq!(text.parse::<Cursor>(), Err(ParseCursorError), "{text}");
        }
    }
}
