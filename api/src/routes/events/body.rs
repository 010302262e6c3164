//! Events as they are in answers.

use chrono::{DateTime, Utc};
use platform::db::events::{Event, EventId, EventKind, Kept};
use schema::ids::{NodeId, OrgId, ProjectId};
use serde::Serialize;
use serde_json::Value;
use utoipa::{PartialSchema, ToSchema};

use super::watched::Found;
use crate::problem::{Code, Problem};

/// A part of a stream.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventPage {
    /// The events, oldest first.
    items: Vec<EventBody>,
    /// Where to go on: the parameter `lastEventId` of the next page, now or later.
    #[schema(example = "1208")]
    last_event_id: String,
    /// Whether the next page has something already.
    has_more: bool,
    /// The parameter `cursor` of the next page, if that has something already; `null` at the end, from which `lastEventId`
    /// leads on when there is more.
    #[schema(required, example = "1208")]
    next_cursor: Option<String>,
}

impl EventPage {
    pub(super) fn of(found: Found) -> Self {
        let last_event_id = found.position.to_string();
        Self {
            items: found.items.into_iter().map(EventBody::from).collect(),
            next_cursor: found.has_more.then(|| last_event_id.clone()),
            last_event_id,
            has_more: found.has_more,
        }
    }
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub(super) struct EventBody {
    /// Its place among the events of the organization.
    #[schema(example = "1208")]
    id: String,
    /// What sort of thing.
    #[serde(rename = "type")]
    kind: TypeBody,
    /// The organization.
    #[schema(value_type = uuid::Uuid)]
    organization_id: OrgId,
    /// The project, of what happens in one.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    project_id: Option<ProjectId>,
    /// The node, of what concerns one.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    node_id: Option<NodeId>,
    /// Who did it; several when people wrote at the same time.
    #[schema(value_type = Vec<ActorBody>)]
    actors: Value,
    /// When.
    at: DateTime<Utc>,
    /// What there is to say, by type.
    #[schema(value_type = Object, example = json!({"changes": {"status": "complete"}, "changeCount": 5}))]
    payload: Value,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor)]
pub(crate) struct ActorBody {
    /// `user`, `agent`, `api_key` or `system`.
    #[schema(example = "user")]
    kind: String,
    /// The person's, run's or key's id.
    id: uuid::Uuid,
}

/// A type of event.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct TypeBody(&'static str);

impl From<EventKind> for TypeBody {
    fn from(kind: EventKind) -> Self {
        Self(kind.as_str())
    }
}

impl PartialSchema for TypeBody {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let lines: Vec<String> =
            EventKind::ALL.iter().map(|kind| format!("- `{kind}`: {}", kind.meaning().trim())).collect();
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(EventKind::ALL.iter().map(|kind| kind.as_str())))
            .description(Some(format!("What sort of thing happened.\n\n{}", lines.join("\n"))))
            .into()
    }
}

impl ToSchema for TypeBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "EventType".into()
    }
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            kind: event.kind.into(),
            organization_id: event.org,
            project_id: event.project,
            node_id: event.node,
            actors: event.actors,
            at: event.at,
            payload: event.payload,
        }
    }
}

/// Nobody can go on after this id without missing something.
pub(super) fn gone(after: EventId, kept: Kept) -> Problem {
    let Kept { trimmed, last } = kept;
    Problem::new(Code::EventsGone).detail(format!(
        "Events are kept from after {trimmed} to {last}, and you have read up to {after}. Read what you need anew, and \
         go on from there without lastEventId."
    ))
}
