//! Lists in pages.

use platform::db::{Cursor, PAGE_ITEMS_MAX, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::{Code, Problem};

/// Which part of a list.
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
        let invalid = |text: String| Problem::new(Code::InvalidParameter).detail(text);
        let cursor = self.cursor.as_deref().map(str::parse::<Cursor>).transpose();
        let cursor = cursor.map_err(|error| invalid(format!("cursor: {error}.")))?;
        if self.limit.is_some_and(|limit| !(1..=PAGE_ITEMS_MAX).contains(&limit)) {
            return Err(invalid(format!("limit: 1 to {PAGE_ITEMS_MAX}.")));
        }
        Ok(PageRequest::new(cursor, self.limit))
    }
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

    #[test]
    fn limits_and_cursors_outside_their_range_are_refused() {
        let query = |cursor: Option<&str>, limit| PageQuery { cursor: cursor.map(str::to_owned), limit };
        assert!(query(None, None).request().is_ok());
        assert!(query(None, Some(PAGE_ITEMS_MAX)).request().is_ok());
        assert!(query(None, Some(PAGE_ITEMS_MAX + 1)).request().is_err());
        assert!(query(None, Some(0)).request().is_err());
        assert!(query(Some("x"), None).request().is_err());
    }
}
