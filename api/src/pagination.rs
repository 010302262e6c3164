//! Lists in pages, and in the order that the caller asks for.

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
        page_request(Sort::ascending(Creation::CreatedAt), self.cursor.as_deref(), self.limit)
    }

    /// What to ask the database for, of a list that can be sorted.
    ///
    /// Such a list has the parameters `sort` (with [`sort_schema`]), `cursor` and `limit` among its own.
    pub fn sorted<K: SortKey>(&self, sort: Option<&str>, default: Sort<K>) -> Result<PageRequest<K>, Problem> {
        let sort = sort.map(|text| Sort::parse(text).ok_or_else(unknown_sort::<K>)).transpose()?;
        page_request(sort.unwrap_or(default), self.cursor.as_deref(), self.limit)
    }
}

fn page_request<K: SortKey>(
    sort: Sort<K>,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Result<PageRequest<K>, Problem> {
    let cursor = cursor.map(|text| Cursor::parse(text, sort)).transpose();
    let cursor = cursor.map_err(|error| invalid(format!("cursor: {error}.")))?;
    if limit.is_some_and(|limit| !(1..=PAGE_ITEMS_MAX).contains(&limit)) {
        return Err(invalid(format!("limit: 1 to {PAGE_ITEMS_MAX}.")));
    }
    Ok(PageRequest::sorted(sort, cursor, limit))
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
}
