//! Lists in pages, and in the order that the caller asks for.

use std::str::FromStr;

use platform::db::{Creation, Cursor, PAGE_ITEMS_MAX, PageRequest, Sort, SortKey};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use crate::problem::{Code, Problem};

/// Which part of a list that has one order.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `nextCursor` of the page before; left out: the first page.
    pub cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T: ToSchema> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where to go on: the parameter `cursor` of the next page; `null` at the end.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

impl PageQuery {
    /// What to ask the database for.
    pub fn request(&self) -> Result<PageRequest, Problem> {
        self.sorted(None, Sort::ascending(Creation::CreatedAt))
    }

    /// What to ask the database for, of a list that can be sorted.
    ///
    /// Such a list has the parameters `sort` (with [`sort_schema`]), `cursor` and `limit` among its own.
    pub fn sorted<K: SortKey>(&self, sort: Option<&str>, default: Sort<K>) -> Result<PageRequest<K>, Problem> {
        let sort = read_sort(sort, default)?;
        Ok(PageRequest::sorted(sort, self.after(sort)?, self.limit_up_to(PAGE_ITEMS_MAX)?))
    }

    /// The same of a list that is read whole, up to `max` items, unless fewer are asked for.
    pub fn long<K: SortKey>(&self, sort: Option<&str>, default: Sort<K>, max: u32) -> Result<PageRequest<K>, Problem> {
        let sort = read_sort(sort, default)?;
        Ok(PageRequest::long(sort, self.after(sort)?, self.limit_up_to(max)?, max))
    }

    fn after<K: SortKey>(&self, sort: Sort<K>) -> Result<Option<Cursor>, Problem> {
        let cursor = self.cursor.as_deref().map(|text| Cursor::parse(text, sort)).transpose();
        cursor.map_err(|error| invalid(format!("cursor: {error}.")))
    }

    fn limit_up_to(&self, max: u32) -> Result<Option<u32>, Problem> {
        if self.limit.is_some_and(|limit| !(1..=max).contains(&limit)) {
            return Err(invalid(format!("limit: 1 to {max}.")));
        }
        Ok(self.limit)
    }
}

/// Where to go on in a list whose places are numbers of its own: by `cursor`, or by the parameter that names the number.
pub fn number_or_cursor<N: FromStr>(number: Option<N>, name: &str, cursor: Option<&str>) -> Result<Option<N>, Problem> {
    match (number, cursor) {
        (Some(_), Some(_)) => Err(invalid(format!("cursor: it says the same as {name}; leave one of them out."))),
        (number, None) => Ok(number),
        (None, Some(text)) => {
            let number = text.parse().map_err(|_| invalid("cursor: nextCursor of the page before.".to_owned()))?;
            Ok(Some(number))
        }
    }
}

fn read_sort<K: SortKey>(sort: Option<&str>, default: Sort<K>) -> Result<Sort<K>, Problem> {
    sort.map_or(Ok(default), |text| Sort::parse(text).ok_or_else(unknown_sort::<K>))
}

fn invalid(detail: String) -> Problem {
    Problem::new(Code::InvalidParameter).detail(detail)
}

fn unknown_sort<K: SortKey>() -> Problem {
    let words: Vec<&str> = K::ALL.iter().map(|(word, _)| *word).collect();
    invalid(format!("sort: one of {}, with a hyphen in front for the reverse.", words.join(", ")))
}

/// The parameter `sort` of a list, described.
#[must_use]
pub fn sort_schema<K: SortKey>() -> Object {
    let words = K::ALL.iter().flat_map(|(word, _)| [(*word).to_owned(), format!("-{word}")]);
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

impl<T: ToSchema> Page<T> {
    /// A page of what was read, each item in its shape on the wire.
    pub fn of<R>(page: platform::db::Page<R>, shape: impl FnMut(R) -> T) -> Self {
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Self { items: page.items.into_iter().map(shape).collect(), next_cursor }
    }

    /// A list that is never longer than one page.
    pub fn whole(items: impl IntoIterator<Item = T>) -> Self {
        Self { items: items.into_iter().collect(), next_cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(cursor: Option<&str>, limit: Option<u32>) -> PageQuery {
        PageQuery { cursor: cursor.map(str::to_owned), limit }
    }

    #[test]
    fn limits_and_cursors_outside_their_range_are_refused() {
        assert!(query(None, None).request().is_ok());
        assert!(query(None, Some(PAGE_ITEMS_MAX)).request().is_ok());
        assert!(query(None, Some(PAGE_ITEMS_MAX + 1)).request().is_err());
        assert!(query(None, Some(0)).request().is_err());
        assert!(query(Some("x"), None).request().is_err());
    }

    #[test]
    fn an_order_that_the_list_does_not_offer_is_refused_and_those_that_it_does_are_named() {
        let default = Sort::ascending(Creation::CreatedAt);
        let newest = query(None, None).sorted(Some("-createdAt"), default).unwrap();
        assert_eq!(newest, PageRequest::sorted(Sort::descending(Creation::CreatedAt), None, None));
        assert_eq!(query(None, None).sorted(None, default).unwrap(), PageRequest::new(None, None));
        let problem = query(None, None).sorted(Some("name"), default).unwrap_err();
        assert!(format!("{problem:?}").contains("one of createdAt,"), "{problem:?}");
    }

    #[test]
    fn a_long_list_has_bounds_of_its_own() {
        let default = Sort::ascending(Creation::CreatedAt);
        let long = |limit| query(None, limit).long(None, default, 1_000);
        assert_eq!(long(None).unwrap(), PageRequest::long(default, None, Some(1_000), 1_000));
        assert!(long(Some(1_000)).is_ok());
        assert!(long(Some(1_001)).is_err() && long(Some(0)).is_err());
    }

    #[test]
    fn a_number_is_said_by_its_name_or_as_a_cursor() {
        let read = |number, cursor| number_or_cursor::<u64>(number, "beforeSeq", cursor);
        assert_eq!(read(None, None).unwrap(), None);
        assert_eq!((read(Some(7), None).unwrap(), read(None, Some("7")).unwrap()), (Some(7), Some(7)));
        assert!(read(Some(7), Some("7")).is_err(), "which of them is meant?");
        assert!(read(None, Some("x")).is_err() && read(None, Some("-7")).is_err());
    }
}
