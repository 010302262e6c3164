//! `…/events`: what happens in an organization, a project or at a node, in pages or as a stream.

mod body;
mod parameters;
mod places;
mod position;
mod presence;
mod queue;
mod stream;
mod watched;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{ACCEPT, VARY};
use platform::access::Access;
use schema::ids::{DocumentName, NodeId, OrgId, ProjectId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::body::EventPage;
use self::parameters::{Asked, Parameters, Presence};
use self::position::{Places, Position};
use self::watched::Watched;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::problem::{Code, Problem, ProblemBody};

pub(crate) use body::{ActorBody, TypeBody};
pub(crate) use parameters::LAST_EVENT_ID;
pub use places::EventStreams;
pub(crate) use places::{Place, take as take_place};
pub(crate) use stream::{ServerSentEvent, event_stream};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(of_organization))
        .routes(routes!(of_project))
        .routes(routes!(of_node))
        .routes(routes!(of_caller))
}

/// Read what happens in an organization
///
/// In pages, oldest first, or, when `text/event-stream` is accepted, as a stream of server-sent events that goes on
/// until the access, the token or the server ends. A stream begins with what happens from then on, or after
/// `Last-Event-ID`; nothing is left out or sent twice. For all members but guests, who read the events of their projects.
#[utoipa::path(get, path = "/orgs/{orgId}/events", tag = "events", operation_id = "listOrganizationEvents",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        Parameters,
        ("Last-Event-ID" = Option<String>, Header, description = "As `lastEventId`, and goes before it."),
        ("Accept" = Option<String>, Header, description = "`application/json` (the default) or `text/event-stream`."),
    ),
    responses(
        (status = OK, description = "A page of events, or the stream. Its events have the id, the type and, as data, the event as in a page; a comment comes when nothing else does.",
            content((EventPage = "application/json"), (ServerSentEvent = "text/event-stream"))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is a guest.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`EVENTS_GONE`: events after this id are no longer kept, or there is no such id.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: the caller has as many streams open as they may.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn of_organization(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = parameters.read(&headers)?.after(|event| Position::In(id, event));
    let watched = Watched::organization(&api, &caller, id).await?;
    answer(api, caller, watched, asked, &headers).await
}

/// Read what happens in a project
///
/// As the events of an organization are read, for whoever may read the project.
///
/// With `presence`, a stream also tells who is in the project's canvas: the event `presence_update` comes at once, and
/// whenever that changes, as it comes on sockets (`channel`, `nodeId`, `users`), only the newest to a client that reads
/// slowly. It has no id, is in no page, and is not told again: who comes back is told what is so then.
#[utoipa::path(get, path = "/projects/{projectId}/events", tag = "events", operation_id = "listProjectEvents",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        Parameters,
        ("Last-Event-ID" = Option<String>, Header, description = "As `lastEventId`, and goes before it."),
        ("Accept" = Option<String>, Header, description = "`application/json` (the default) or `text/event-stream`."),
    ),
    responses(
        (status = OK, description = "A page of events, or the stream.",
            content((EventPage = "application/json"), (ServerSentEvent = "text/event-stream"))),
        (status = GONE, description = "`EVENTS_GONE`: events after this id are no longer kept, or there is no such id.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: the caller has as many streams open as they may.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn of_project(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = parameters.read(&headers)?;
    let name = DocumentName::Project(id);
    let org = api.document(&caller, &name, Access::Read).await?.document.org;
    let asked = asked.after(|event| Position::In(org, event));
    answer(api, caller, Watched::Document(name, org), asked, &headers).await
}

/// Read what happens at a node
///
/// As the events of an organization are read, for whoever may read the node.
///
/// With `presence`, a stream also tells who is in the node's own document: the event `presence_update` comes at once, and
/// whenever that changes, as it comes on sockets (`channel`, `nodeId`, `users`), only the newest to a client that reads
/// slowly. It has no id, is in no page, and is not told again: who comes back is told what is so then.
#[utoipa::path(get, path = "/nodes/{nodeId}/events", tag = "events", operation_id = "listNodeEvents",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        Parameters,
        ("Last-Event-ID" = Option<String>, Header, description = "As `lastEventId`, and goes before it."),
        ("Accept" = Option<String>, Header, description = "`application/json` (the default) or `text/event-stream`."),
    ),
    responses(
        (status = OK, description = "A page of events, or the stream.",
            content((EventPage = "application/json"), (ServerSentEvent = "text/event-stream"))),
        (status = GONE, description = "`EVENTS_GONE`: events after this id are no longer kept, or there is no such id.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: the caller has as many streams open as they may.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn of_node(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = parameters.read(&headers)?;
    let name = DocumentName::Node(id);
    let org = api.document(&caller, &name, Access::Read).await?.document.org;
    let asked = asked.after(|event| Position::In(org, event));
    answer(api, caller, Watched::Document(name, org), asked, &headers).await
}

/// Read what is told to me alone
///
/// Notifications, and that they were read, in all organizations of the caller; read as the events of an organization are.
/// An id tells how far one has come in each of them. A stream ends when the caller comes to belong to another organization,
/// or leaves one: come back to it then.
#[utoipa::path(get, path = "/users/me/events", tag = "events", operation_id = "listMyEvents",
    params(
        Parameters,
        ("Last-Event-ID" = Option<String>, Header, description = "As `lastEventId`, and goes before it."),
        ("Accept" = Option<String>, Header, description = "`application/json` (the default) or `text/event-stream`."),
    ),
    responses(
        (status = OK, description = "A page of events, or the stream.",
            content((EventPage = "application/json"), (ServerSentEvent = "text/event-stream"))),
        (status = FORBIDDEN, description = "`PERSON_REQUIRED`: a key is of one organization, and this is of all.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`EVENTS_GONE`: events after this id are no longer kept, or there is no such id.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: the caller has as many streams open as they may.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn of_caller(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = parameters.read::<Places>(&headers)?.after(Position::OfPerson);
    let watched = Watched::person(&api, &caller).await?;
    answer(api, caller, watched, asked, &headers).await
}

async fn answer(
    api: Arc<Api>,
    caller: Caller,
    watched: Watched,
    asked: Asked<Position>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let is_stream = wants_stream(headers);
    if asked.presence == Presence::Told && !(is_stream && matches!(watched, Watched::Document(..))) {
        let detail = "presence: streams of projects and nodes tell it; it has no past, and is not of an organization.";
        return Err(Problem::new(Code::InvalidParameter).detail(detail));
    }
    if is_stream {
        return stream::open(api, caller, watched, asked).await;
    }
    let after = watched.resume(&api, asked.after.as_ref()).await?;
    let found = watched.read(&api, caller.user, &asked.kinds, &after, asked.limit).await?;
    let found = found.ok_or_else(|| Problem::new(Code::EventsGone))?;
    Ok(([(VARY, "accept")], Json(EventPage::of(found))).into_response())
}

/// Whether the header `Accept` names the media type of a stream.
fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().is_some_and(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
    })
}
