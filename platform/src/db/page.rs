//! Lists in pages, by keyset: a cursor says after which item to go on, and stays valid while items come and go.
//!
//! A list that can be sorted has an enum of what it can be sorted by, a [`SortKey`]; one that always has the order of
//! creation needs none: [`PageRequest`] is one of [`Creation`] then.

mod cursor;

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

pub use cursor::{Cursor, ParseCursorError};

/// How many items a page has when nobody asks for a number.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;
/// The most items of a page.
pub const PAGE_ITEMS_MAX: u32 = 200;

/// What a list can be sorted by: an enum of each list.
pub trait SortKey: Copy + Eq + std::fmt::Debug + Send + Sync + 'static {
    /// The list's name: a cursor of one list is none of another.
    const LIST: &'static str;
    /// All keys, with the words by which callers name them.
    const ALL: &'static [(&'static str, Self)];
    /// What a statement calls the items' id.
    const ID: &'static str = "id";

    /// What a statement calls the key. It is never null, and an index has it together with the id, unless the list is
    /// short.
    fn column(self) -> &'static str;

    /// The word by which callers name it.
    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, key)| *key == self).map_or("", |(word, _)| word)
    }
}

/// The order of lists that offer no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// By time of creation.
    CreatedAt,
}

impl SortKey for Creation {
    const LIST: &'static str = "";
    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt)];

    fn column(self) -> &'static str {
        "created_at"
    }
}

/// Upwards or downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest, or oldest, first.
    Ascending,
    /// The greatest, or newest, first.
    Descending,
}

/// An order of a list. Items that are equal by the key are in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<K> {
    /// By what.
    pub by: K,
    /// In which direction.
    pub direction: Direction,
}

impl<K: SortKey> Sort<K> {
    /// The smallest, or oldest, first.
    #[must_use]
    pub const fn ascending(by: K) -> Self {
        Self { by, direction: Direction::Ascending }
    }

    /// The greatest, or newest, first.
    #[must_use]
    pub const fn descending(by: K) -> Self {
        Self { by, direction: Direction::Descending }
    }

    /// Reads the word of a key, with a hyphen in front for the reverse.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (word, direction) = match text.strip_prefix('-') {
            Some(word) => (word, Direction::Descending),
            None => (text, Direction::Ascending),
        };
        K::ALL.iter().find(|(of_key, _)| *of_key == word).map(|(_, by)| Self { by: *by, direction })
    }
}

impl<K: SortKey> std::fmt::Display for Sort<K> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.direction == Direction::Descending { "-" } else { "" };
        write!(formatter, "{sign}{}", self.by.word())
    }
}

/// What an item has by which it is sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// A time.
    Time(DateTime<Utc>),
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// An id.
    Id(Uuid),
}

impl From<Uuid> for Key {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<DateTime<Utc>> for Key {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Key {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K = Creation> {
    sort: Sort<K>,
    after: Option<Cursor>,
    limit: u32,
}

impl PageRequest {
    /// A part of a list in the order of creation. `limit` is brought into 1 to [`PAGE_ITEMS_MAX`].
    #[must_use]
    pub fn new(after: Option<Cursor>, limit: Option<u32>) -> Self {
        Self::sorted(Sort::ascending(Creation::CreatedAt), after, limit)
    }

    /// What statements that are written out compare with.
    pub(super) fn after(&self) -> (Option<DateTime<Utc>>, Option<Uuid>) {
        match &self.after {
            Some(Cursor { key: Key::Time(time), id, .. }) => (Some(*time), Some(*id)),
            _ => (None, None),
        }
    }
}

impl<K: SortKey> PageRequest<K> {
    /// A part of a list in some order. `limit` is brought into 1 to [`PAGE_ITEMS_MAX`]; the cursor is one of this order.
    #[must_use]
    pub fn sorted(sort: Sort<K>, after: Option<Cursor>, limit: Option<u32>) -> Self {
        Self { sort, after, limit: limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX) }
    }

    /// A part of a list whose pages may be longer than others'. `limit` is brought into 1 to `max`, and is `max` when nobody
    /// asks for a number; the cursor is one of this order.
    #[must_use]
    pub fn long(sort: Sort<K>, after: Option<Cursor>, limit: Option<u32>, max: u32) -> Self {
        Self { sort, after, limit: limit.unwrap_or(max).clamp(1, max) }
    }

    /// The first page and a later one of every order.
    #[cfg(feature = "testing")]
    pub(super) fn every() -> Vec<Self> {
        let sorts = K::ALL.iter().flat_map(|(_, by)| [Sort::ascending(*by), Sort::descending(*by)]);
        let pages = |sort| {
            let after = Cursor::new(sort, Key::Id(Uuid::nil()), Uuid::nil());
            [Self::sorted(sort, None, None), Self::sorted(sort, Some(after), None)]
        };
        sorts.flat_map(pages).collect()
    }

    /// By what the list is sorted.
    #[must_use]
    pub const fn key(&self) -> K {
        self.sort.by
    }

    /// How many rows to read: one more than the page has shows whether there is another page.
    pub(super) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Ends a statement that has its conditions so far: those of the page, its order and its length.
    pub(super) fn complete(&self, statement: &mut QueryBuilder<Postgres>) {
        let (column, id) = (self.sort.by.column(), K::ID);
        let (beyond, order) = match self.sort.direction {
            Direction::Ascending => (">", ""),
            Direction::Descending => ("<", " DESC"),
        };
        if let Some(after) = &self.after {
            statement.push(format_args!(" AND ({column}, {id}) {beyond} ("));
            match &after.key {
                Key::Time(time) => statement.push_bind(*time),
                Key::Text(text) => statement.push_bind(text.clone()),
                Key::Number(number) => statement.push_bind(*number),
                Key::Id(id) => statement.push_bind(*id),
            };
            statement.push(", ").push_bind(after.id).push(")");
        }
        statement.push(format_args!(" ORDER BY {column}{order}, {id}{order} LIMIT ")).push_bind(self.rows());
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
    #[expect(clippy::needless_pass_by_value, reason = "a request is answered once")]
    pub(super) fn of<K: SortKey, V: Into<Key>>(
        request: PageRequest<K>,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> (V, Uuid),
    ) -> Self {
        let limit = request.limit as usize;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|last| {
            let (key, id) = key(last);
            Cursor::new(request.sort, key.into(), id)
        });
        Self { items: rows, next }
    }

    /// The page with its items read, if all of them can be.
    pub(super) fn try_map<U, E>(self, read: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page { items: self.items.into_iter().map(read).collect::<Result<_, _>>()?, next: self.next })
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
        let request = || PageRequest::new(None, Some(2));
        let more = Page::of(request(), vec![row(1), row(2), row(3)], |row| *row);
        assert_eq!(more.items, [row(1), row(2)]);
        assert_eq!(PageRequest::new(more.next, None).after(), (Some(row(2).0), Some(row(2).1)));
        assert_eq!(Page::of(request(), vec![row(1), row(2)], |row| *row).next, None);
        assert_eq!(Page::of(request(), vec![], |row: &(DateTime<Utc>, Uuid)| *row).next, None);
    }

    #[test]
    fn a_limit_is_brought_into_its_range() {
        assert_eq!(PageRequest::new(None, None).limit, PAGE_ITEMS_DEFAULT);
        assert_eq!(PageRequest::new(None, Some(0)).limit, 1);
        assert_eq!(PageRequest::new(None, Some(u32::MAX)).limit, PAGE_ITEMS_MAX);
        let long = |limit| PageRequest::long(Sort::ascending(Creation::CreatedAt), None, limit, 1_000).limit;
        assert_eq!([None, Some(0), Some(700), Some(1_001)].map(long), [1_000, 1, 700, 1_000]);
    }

    #[test]
    fn an_order_is_a_word_and_perhaps_a_hyphen() {
        let oldest_first = Sort::ascending(Creation::CreatedAt);
        assert_eq!(Sort::parse("createdAt"), Some(oldest_first));
        assert_eq!(Sort::parse("-createdAt"), Some(Sort::descending(Creation::CreatedAt)));
        for text in ["", "-", "--createdAt", "created_at", "createdAt "] {
            assert_eq!(Sort::<Creation>::parse(text), None, "{text}");
        }
        assert_eq!(Sort::descending(Creation::CreatedAt).to_string(), "-createdAt");
    }

    #[test]
    fn a_statement_goes_on_after_the_cursor_in_the_direction_of_the_order() {
        let (time, id) = row(5);
        for (sort, expected) in [
            (Sort::ascending(Creation::CreatedAt), "(created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3"),
            (
                Sort::descending(Creation::CreatedAt),
                "(created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3",
            ),
        ] {
            let mut statement = QueryBuilder::new("SELECT");
            PageRequest::sorted(sort, Some(Cursor::new(sort, time.into(), id)), None).complete(&mut statement);
            assert!(statement.sql().as_str().ends_with(expected), "{}", statement.sql().as_str());
        }
    }
}
