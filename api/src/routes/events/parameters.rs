//! What of the stream is asked for.

use std::str::FromStr;

use http::{HeaderMap, HeaderName};
use platform::db::PAGE_ITEMS_MAX;
use platform::db::events::{EventId, EventKind};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::pagination::number_or_cursor;
use crate::problem::{Code, Problem};

/// How far a client has come that comes back to a stream.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const LIMIT_DEFAULT: u32 = 50;

/// The query.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// Only what happened after the event with this id. Left out: in pages from the oldest that is kept, in a stream
    /// from now on.
    #[param(example = "1207")]
    last_event_id: Option<String>,
    /// Instead of `lastEventId`: `nextCursor` of the page before.
    #[param(example = "1207")]
    cursor: Option<String>,
    /// Only events of these types, separated by commas.
    #[param(example = "node_created,node_deleted")]
    types: Option<String>,
    /// How many events a page has, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Whether the stream of a project or node also tells who is in its document (`presence_update`). Of streams only.
    #[param(default = false)]
    presence: Option<bool>,
}

/// Whether a stream tells who is in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It does.
    Told,
    /// It tells what happens, and nothing else.
    Untold,
}

/// The same, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked<After = EventId> {
    pub(super) after: Option<After>,
    /// All when it is empty.
    pub(super) kinds: Vec<EventKind>,
    pub(super) limit: u32,
    pub(super) presence: Presence,
}

impl Parameters {
    pub(super) fn read<After: FromStr>(&self, headers: &HeaderMap) -> Result<Asked<After>, Problem> {
        let invalid = |text: String| Problem::new(Code::InvalidParameter).detail(text);
        let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
        let asked = number_or_cursor(self.last_event_id.clone(), "lastEventId", self.cursor.as_deref())?;
        let last = header.filter(|id| !id.is_empty()).or(asked.as_deref());
        let after = last.map(str::parse::<After>).transpose();
        let after = after.map_err(|_| invalid("lastEventId: the id of an event, as the server gave it.".to_owned()))?;
        let names = self.types.iter().flat_map(|types| types.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let kinds = names.map(str::parse::<EventKind>).collect::<Result<_, _>>();
        let kinds = kinds.map_err(|error| invalid(format!("types: {error}.")))?;
        if self.limit.is_some_and(|limit| !(1..=PAGE_ITEMS_MAX).contains(&limit)) {
            return Err(invalid(format!("limit: 1 to {PAGE_ITEMS_MAX}.")));
        }
        let presence = if self.presence.unwrap_or(false) { Presence::Told } else { Presence::Untold };
        Ok(Asked { after, kinds, limit: self.limit.unwrap_or(LIMIT_DEFAULT), presence })
    }
}

impl<After> Asked<After> {
    /// The same, with another word for how far the client has come.
    pub(super) fn after<Other>(self, other: impl FnOnce(After) -> Other) -> Asked<Other> {
        Asked { after: self.after.map(other), kinds: self.kinds, limit: self.limit, presence: self.presence }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(last: Option<&str>, types: Option<&str>, header: Option<&'static str>) -> Option<Asked> {
        let parameters = Parameters {
            last_event_id: last.map(str::to_owned),
            types: types.map(str::to_owned),
            ..Parameters::default()
        };
        let headers = header.map(|value| (LAST_EVENT_ID, HeaderValue::from_static(value))).into_iter().collect();
        parameters.read(&headers).ok()
    }

    /// A browser that comes back asks the same address and says in the header how far it has come.
    #[test]
    fn the_header_goes_before_the_parameter() {
        let after = |last, header| asked(last, None, header).unwrap().after.map(EventId::get);
        assert_eq!(after(None, None), None);
        assert_eq!(after(Some("7"), None), Some(7));
        assert_eq!(after(Some("7"), Some("9")), Some(9));
        assert_eq!(after(Some("7"), Some("")), Some(7));
        assert!(asked(Some("x"), None, None).is_none() && asked(Some("-1"), None, None).is_none());
        assert!(asked(None, None, Some("1.5")).is_none());
    }

    #[test]
    fn a_cursor_says_the_same_as_an_id_and_one_of_them_is_enough() {
        let read = |last: Option<&str>| {
            let cursor = Some("7".to_owned());
            Parameters { cursor, last_event_id: last.map(str::to_owned), ..Parameters::default() }
                .read::<EventId>(&HeaderMap::new())
        };
        assert_eq!(read(None).unwrap().after.map(EventId::get), Some(7));
        assert!(read(Some("7")).is_err());
    }

    #[test]
    fn types_are_read_by_name() {
        let kinds = |types| asked(None, Some(types), None).map(|asked| asked.kinds);
        assert_eq!(kinds("node_created, node_moved,"), Some(vec![EventKind::NodeCreated, EventKind::NodeMoved]));
        assert_eq!(kinds(""), Some(vec![]));
        assert_eq!(kinds("node_exploded"), None);
    }
}
