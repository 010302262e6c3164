//! `/nodes/{nodeId}/versions`, and going back to one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use documents::EditFailed;
use documents::history::HistoryError;
use http::{HeaderMap, StatusCode};
use platform::access::Access;
use platform::db::versions::{self, NodeChange, NodeVersion};
use schema::Patch;
use schema::canvas::{CanvasNode, CanvasPatch, NodeChanges};
use schema::ids::{NodeId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::body::{NodeBody, answer};
use super::update::expected_place;
use crate::Api;
use crate::authenticate::Caller;
use crate::content::NodeDocuments;
use crate::etag::{NodeTag, if_match};
use crate::extract::{Id, Ids, Query};
use crate::pagination::number_or_cursor;
use crate::problem::{Code, Problem, ProblemBody};
use crate::routes::history::authors::{Authors, read_principal};

/// Versions of a page, unless another number is asked for, and at most.
const VERSIONS_DEFAULT: u32 = 50;
const VERSIONS_MAX: u32 = 200;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// Only versions before this one: the `nextBefore` of the page before.
    #[param(minimum = 1)]
    before: Option<i32>,
    /// Instead of `before`: `nextCursor` of the page before; left out: the first page.
    cursor: Option<String>,
    /// Only versions of this principal: `user:<uuid>`, `agent:<uuid>` or `api_key:<uuid>`.
    #[param(example = "user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    principal: Option<String>,
    /// How many.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What made a version.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NodeVersionChange)]
pub(super) enum ChangeType {
    /// The node was created.
    Created,
    /// It was written to through REST.
    Updated,
    /// Its status changed.
    StatusChange,
    /// Somebody's work on it came to an end.
    Session,
    /// It was brought back to an earlier version.
    Rollback,
}

/// A version of a node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NodeVersion)]
pub(super) struct VersionBody {
    /// Counts from 1.
    #[schema(minimum = 1, example = 3)]
    version: i32,
    /// What made it.
    change_type: ChangeType,
    /// What it was, in words.
    #[schema(example = "Status: complete")]
    change_summary: String,
    /// Who did it (`user:<uuid>`).
    #[schema(example = "user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    changed_by: String,
    /// When.
    created_at: DateTime<Utc>,
    /// The place in the canvas's log.
    canvas_seq: u64,
    /// The place in the log of the node's document.
    node_seq: u64,
}

/// A version of a node, with what the node was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WholeNodeVersion)]
pub(super) struct WholeBody {
    #[serde(flatten)]
    version: VersionBody,
    /// The node: its fields, `body` as Markdown, `inputs` and `outputs`. `null` where the organization keeps no old
    /// content, or it was forgotten.
    #[schema(required, value_type = Option<Object>)]
    snapshot: Option<Value>,
}

/// Versions of a node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NodeVersions)]
pub(super) struct List {
    /// The last first.
    items: Vec<VersionBody>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_before: Option<i32>,
    /// Where to go on: the parameter `cursor` of the next page; `null` at the end.
    #[schema(required)]
    next_cursor: Option<String>,
    /// Those who made them, by principal.
    #[schema(value_type = std::collections::HashMap<String, crate::routes::history::authors::AuthorBody>)]
    authors: Authors,
}

/// List a node's versions
///
/// A node has its first version when it was created. It has one more when somebody's work on it has come to an end, in its
/// document or on the canvas, when its status changes, after a REST write, and after it was brought back or something in
/// it was taken back. What it was between is in the history of its document. The `version` of a node is the newest one's.
#[utoipa::path(get, path = "/nodes/{nodeId}/versions", tag = "nodes", operation_id = "listNodeVersions",
    params(("nodeId" = Uuid, Path, description = "The node's id."), Parameters),
    responses((status = OK, description = "A page of versions.", body = List)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<List>, Problem> {
    let limit = parameters.limit.unwrap_or(VERSIONS_DEFAULT);
    if !(1..=VERSIONS_MAX).contains(&limit) {
        return Err(Problem::new(Code::InvalidParameter).detail(format!("limit is 1 to {VERSIONS_MAX}.")));
    }
    let before = number_or_cursor(parameters.before, "before", parameters.cursor.as_deref())?;
    if before.is_some_and(|before| before < 1) {
        return Err(Problem::new(Code::InvalidParameter).detail("before: the number of a version, 1 or more."));
    }
    let by = read_principal(parameters.principal.as_deref())?;
    let org = api.node_document(&caller, id, Access::Read).await?.document.org;
    let mut found = versions::of_node(&api.db, org, id, by, before, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_before = found.last().filter(|_| has_more).map(|last| last.version);
    let next_cursor = next_before.map(|version| version.to_string());
    let authors = api.authors(org, found.iter().map(|version| version.changed_by)).await?;
    Ok(Json(List { items: found.iter().map(VersionBody::of).collect(), next_before, next_cursor, authors }))
}

/// Read a version of a node
#[utoipa::path(get, path = "/nodes/{nodeId}/versions/{version}", tag = "nodes", operation_id = "getNodeVersion",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("version" = i32, Path, minimum = 1, description = "The version's number."),
    ),
    responses((status = OK, description = "The version.", body = WholeBody)))]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(id, version): Ids<NodeId, i32>,
) -> Result<Json<WholeBody>, Problem> {
    let org = api.node_document(&caller, id, Access::Read).await?.document.org;
    let found = versions::find(&api.db, org, id, version).await?.ok_or_else(|| Problem::not_found("version"))?;
    Ok(Json(WholeBody { version: VersionBody::of(&found), snapshot: found.snapshot }))
}

/// Bring a node back to a version
///
/// As new edits of its canvas and its document, which everybody sees at once and which can be taken back like any
/// other: title, status, parent, supervisor, metadata, body, inputs and outputs. Where it lies on the canvas stays.
#[utoipa::path(post, path = "/nodes/{nodeId}/rollback/{version}", tag = "nodes", operation_id = "rollBackNode",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("version" = i32, Path, minimum = 1, description = "The version's number."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is brought back only if that holds."),
    ),
    responses(
        (status = OK, description = "The node as it is now.", body = NodeBody, headers(("ETag" = String, description = "Where both documents stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CYCLE`: the node would be inside itself.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the node has changed; ETag says where it is.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: what the node was is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn roll_back(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(id, version): Ids<NodeId, i32>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
    let documents = api.node_documents(&caller, id, Access::Write).await?;
    let org = documents.node.org;
    let found = versions::find(&api.db, org, id, version).await?.ok_or_else(|| Problem::not_found("version"))?;
    let present = api.live_node(id, &documents).await?;
    let expected = expected_place(condition.as_ref(), &present.tag)?;
    let snapshot = found.snapshot.clone().ok_or_else(|| Problem::new(Code::HistoryNotKept))?;
    let then: Fields =
        serde_json::from_value(snapshot).map_err(|error| Problem::new(Code::Internal).caused_by(error))?;
    let changes = then.changes(&present.on_canvas);
    let edited = bring_back(&api, &caller, &documents, &found, changes, expected).await;
    if let Err(HistoryError::Edit(EditFailed::Moved { .. })) = edited {
        let moved = api.live_node(id, &documents).await?.tag;
        return Err(Problem::precondition_failed(&moved));
    }
    edited?;
    let summary = format!("Back to version {version}");
    api.keep_version(&caller, &documents.node, NodeChange::Rollback, &summary).await;
    let node = api.live_node(id, &documents).await?;
    answer(&api, &documents, StatusCode::OK, node).await
}

/// Makes the edits: the canvas's, then that of the node's own document.
async fn bring_back(
    api: &Api,
    caller: &Caller,
    documents: &NodeDocuments,
    version: &NodeVersion,
    changes: NodeChanges,
    expected: Option<NodeTag>,
) -> Result<(), HistoryError> {
    let mut expected_of_node = expected.map(|tag| tag.node.place());
    if changes != NodeChanges::default() {
        let place = expected.map(|tag| tag.canvas.place());
        let id = NodeId::new(documents.node.id);
        let patch = vec![CanvasPatch::UpdateNode { id, changes: Box::new(changes) }];
        api.edit_canvas(&documents.canvas, &caller.principal, place, patch).await?;
        // Refused now, it would be half done: from here on both merge.
        expected_of_node = None;
    }
    let history = api.documents.history().expecting(expected_of_node);
    history.restore_node(&documents.node, &caller.principal, version, &caller.actor).await.map(drop)
}

/// What a version says of a node that its canvas holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    title: String,
    status: String,
    parent_id: Option<NodeId>,
    supervisor_user_id: Option<UserId>,
    metadata: Map<String, Value>,
}

impl Fields {
    /// What makes a node that is like this what it was.
    fn changes(self, present: &CanvasNode) -> NodeChanges {
        let mut metadata: Map<String, Value> = present
            .metadata
            .keys()
            .filter(|key| !self.metadata.contains_key(*key))
            .map(|key| (key.clone(), Value::Null))
            .collect();
        metadata.extend(self.metadata.into_iter().filter(|(key, value)| present.metadata.get(key) != Some(value)));
        NodeChanges {
            title: changed(self.title, &present.title),
            status: changed(self.status, &present.status),
            parent_id: changed_option(self.parent_id, present.parent_id),
            supervisor_user_id: changed_option(self.supervisor_user_id, present.supervisor_user_id),
            metadata: if metadata.is_empty() { Patch::Absent } else { Patch::Set(metadata) },
            ..NodeChanges::default()
        }
    }
}

fn changed<T: PartialEq>(then: T, now: &T) -> Patch<T> {
    if then == *now { Patch::Absent } else { Patch::Set(then) }
}

fn changed_option<T: PartialEq + Copy>(then: Option<T>, now: Option<T>) -> Patch<T> {
    match then {
        then if then == now => Patch::Absent,
        Some(then) => Patch::Set(then),
        None => Patch::Clear,
    }
}

impl VersionBody {
    fn of(version: &NodeVersion) -> Self {
        Self {
            version: version.version,
            change_type: match version.change {
                NodeChange::Created => ChangeType::Created,
                NodeChange::Updated => ChangeType::Updated,
                NodeChange::StatusChange => ChangeType::StatusChange,
                NodeChange::Session => ChangeType::Session,
                NodeChange::Rollback => ChangeType::Rollback,
            },
            change_summary: version.summary.clone(),
            changed_by: version.changed_by.to_string(),
            created_at: version.created_at,
            canvas_seq: version.canvas_seq.get(),
            node_seq: version.node_seq.get(),
        }
    }
}
