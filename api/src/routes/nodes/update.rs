//! `PATCH /nodes/{nodeId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use documents::EditFailed;
use http::{HeaderMap, StatusCode};
use platform::access::Access;
use platform::db::versions::NodeChange;
use schema::canvas::{CanvasPatch, NodeChanges};
use schema::ids::{NodeId, UserId};
use schema::{Patch, node};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{NodeBody, Position, answer};
use crate::Api;
use crate::authenticate::Caller;
use crate::content::NodeDocuments;
use crate::etag::{Condition, NodeTag, if_match};
use crate::extract::{self, Id};
use crate::merge::merge_texts;
use crate::problem::{Problem, ProblemBody};

/// What is to change. A field that is left out stays as it is; `null` empties it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NodePatch)]
pub(super) struct Request {
    /// 1 to 500 characters; cannot be emptied.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, example = "Twelve interviews")]
    title: Patch<String>,
    /// One of the project's states; `null`: the first of them.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, example = "in_progress")]
    status: Patch<String>,
    /// The node that this one is inside; `null`: none.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>, required = false)]
    parent_id: Patch<NodeId>,
    /// Who answers for an agent's node; `null`: nobody.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>, required = false)]
    supervisor_user_id: Patch<UserId>,
    /// Where the node is on the canvas; `null`: at its origin.
    #[serde(default)]
    #[schema(value_type = Option<Position>, required = false)]
    position: Patch<Position>,
    /// The width, in canvas units; `null`: the canvas's own.
    #[serde(default)]
    #[schema(value_type = Option<f64>, required = false)]
    width: Patch<f64>,
    /// The height, in canvas units; `null`: the canvas's own.
    #[serde(default)]
    #[schema(value_type = Option<f64>, required = false)]
    height: Patch<f64>,
    /// Merged, key by key: `null` removes a key, and keys that are not named stay. `null` as a whole removes all.
    #[serde(default)]
    #[schema(value_type = Option<Object>, required = false, example = json!({"priority": "high", "dueDate": null}))]
    metadata: Patch<Map<String, Value>>,
    /// The body, as Markdown. Only what differs from the present body is changed; `null`: empty. May be called
    /// `description` as well.
    #[serde(default, alias = "description")]
    #[schema(value_type = Option<String>, required = false)]
    body: Patch<String>,
    /// The body as the caller read it, before it made `body` of it. When others have written since, what they
    /// wrote is kept, unless the caller changed the same words. Without it, `body` is what the node holds afterwards.
    #[schema(required = false, nullable = false)]
    base_body: Option<String>,
}

/// Change a node
///
/// An edit of the living documents: everybody who has the node open sees it at once, and the answer comes when it is
/// durable. Title, status, place and metadata are on the canvas, the body is in the node's own document. `If-Match`
/// concerns both. When both change, the canvas comes first; if the body then cannot be saved (503), the canvas has
/// changed.
#[utoipa::path(patch, path = "/nodes/{nodeId}", tag = "nodes", operation_id = "updateNode",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is changed only if that holds."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The node as it is now.", body = NodeBody, headers(("ETag" = String, description = "Where both documents stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CYCLE`: the node would be inside itself.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the node has changed; ETag says where it is.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
    let documents = api.node_documents(&caller, id, Access::Write).await?;
    let present = api.live_node(id, &documents).await?.tag;
    let expected = expected_place(condition.as_ref(), &present)?;
    let (changes, body) = request.split()?;
    let (change, summary) = told(&changes, body.is_some());
    let edited = edit(&api, &caller, id, &documents, expected, changes, body).await;
    if let Err(EditFailed::Moved { .. }) = edited {
        let moved = api.live_node(id, &documents).await?.tag;
        return Err(Problem::precondition_failed(&moved));
    }
    edited?;
    api.keep_version(&caller, &documents.node, change, &summary).await;
    let node = api.live_node(id, &documents).await?;
    answer(&api, &documents, StatusCode::OK, node).await
}

/// What the caller expects, if it expects anything, and it holds.
pub(super) fn expected_place(
    condition: Option<&Condition<NodeTag>>,
    present: &NodeTag,
) -> Result<Option<NodeTag>, Problem> {
    match condition {
        None | Some(Condition::Any) => Ok(None),
        Some(condition) if condition.holds(present) => Ok(Some(*present)),
        Some(_) => Err(Problem::precondition_failed(present)),
    }
}

/// What a version tells of a change.
fn told(changes: &NodeChanges, writes_body: bool) -> (NodeChange, String) {
    if let Patch::Set(status) = &changes.status {
        return (NodeChange::StatusChange, format!("Status: {status}"));
    }
    let fields = [
        ("title", !changes.title.is_absent()),
        ("status", !changes.status.is_absent()),
        ("parent", !changes.parent_id.is_absent()),
        ("supervisor", !changes.supervisor_user_id.is_absent()),
        ("metadata", !changes.metadata.is_absent()),
        ("body", writes_body),
    ];
    let names: Vec<&str> = fields.iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| *name).collect();
    (NodeChange::Updated, format!("Changed {}", names.join(", ")))
}

/// A change of a body.
struct NewBody {
    body: String,
    base: Option<String>,
}

async fn edit(
    api: &Api,
    caller: &Caller,
    id: NodeId,
    documents: &NodeDocuments,
    expected: Option<NodeTag>,
    changes: NodeChanges,
    body: Option<NewBody>,
) -> Result<(), EditFailed> {
    let mut expected_of_node = expected.map(|tag| tag.node.place());
    if changes != NodeChanges::default() {
        let place = expected.map(|tag| tag.canvas.place());
        let patch = vec![CanvasPatch::UpdateNode { id, changes: Box::new(changes) }];
        api.edit_canvas(&documents.canvas, &caller.principal, place, patch).await?;
        // Refused now, it would be half done: from here on both merge.
        expected_of_node = None;
    }
    if let Some(NewBody { body, base }) = body {
        let patch: documents::replica::Patch = Box::new(move |txn| {
            let merged = match base {
                Some(base) => merge_texts(&base, &body, &node::read(txn).body),
                None => body,
            };
            node::set_body(txn, &merged)
        });
        api.edit(&documents.node, &caller.principal, expected_of_node, patch).await?;
    }
    Ok(())
}

impl Request {
    /// What concerns the canvas, and what concerns the node's own document.
    fn split(self) -> Result<(NodeChanges, Option<NewBody>), Problem> {
        let [x, y] = [self.position.map(|at| at.x), self.position.map(|at| at.y)];
        let changes = NodeChanges {
            title: self.title,
            status: self.status,
            parent_id: self.parent_id,
            supervisor_user_id: self.supervisor_user_id,
            x,
            y,
            width: self.width,
            height: self.height,
            metadata: self.metadata,
        };
        let body = match (self.body, self.base_body) {
            (Patch::Absent, None) => None,
            (Patch::Absent, Some(_)) => {
                let message = "says what body was made of, and means nothing without it";
                return Err(Problem::new(crate::problem::Code::ValidationFailed).field_error("baseBody", message));
            }
            (Patch::Clear, base) => Some(NewBody { body: String::new(), base }),
            (Patch::Set(body), base) => Some(NewBody { body, base }),
        };
        Ok((changes, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(json: &str) -> (NodeChanges, Option<NewBody>) {
        serde_json::from_str::<Request>(json).unwrap().split().unwrap()
    }

    #[test]
    fn a_field_that_is_left_out_changes_nothing_and_null_empties() {
        let (changes, body) = split("{}");
        assert_eq!(changes, NodeChanges::default());
        assert!(body.is_none());
        let (changes, body) = split(r#"{"parentId": null, "body": null, "position": {"x": 1, "y": 2}}"#);
        assert_eq!((changes.parent_id, changes.x, changes.y), (Patch::Clear, Patch::Set(1.0), Patch::Set(2.0)));
        assert_eq!(body.unwrap().body, "");
    }

    #[test]
    fn a_condition_that_does_not_hold_is_refused() {
        let tag = |text: &str| text.parse::<NodeTag>().unwrap_or_else(|_| panic!("{text}"));
        let present = tag("1-5.1-7");
        assert_eq!(expected_place(None, &present).unwrap(), None);
        assert_eq!(expected_place(Some(&Condition::Any), &present).unwrap(), None);
        assert_eq!(expected_place(Some(&Condition::OneOf(vec![present])), &present).unwrap(), Some(present));
        for other in ["1-4.1-7", "1-5.1-6", "2-5.1-7"] {
            assert!(expected_place(Some(&Condition::OneOf(vec![tag(other)])), &present).is_err(), "{other}");
        }
    }
}
