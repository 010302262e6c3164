//! `POST /documents/{name}/history/undo`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use documents::history::Selection;
use http::HeaderMap;
use platform::access::Access;
use platform::auth::PrincipalRef;
use platform::db::versions::NodeChange;
use schema::ids::{DocumentName, RunId, Seq};
use serde::Deserialize;
use utoipa::ToSchema;

use super::edit::{EditBody, answer, expected_place};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::Fields;
use crate::problem::{Problem, ProblemBody};

/// Principals or runs that may be named.
const NAMED_MAX: usize = 100;

/// What is to be taken back: the updates of which all that is said is true. Something must be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = Undoing)]
pub(super) struct Request {
    /// Of one of these (`user:<uuid>`, `agent:<uuid>`, `api_key:<uuid>`).
    #[schema(required = false, max_items = 100, example = json!(["user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e"]))]
    principals: Vec<String>,
    /// Of one of these runs of agents.
    #[schema(value_type = Vec<uuid::Uuid>, required = false, max_items = 100)]
    runs: Vec<RunId>,
    /// At this place of the log, or after it.
    #[schema(required = false, nullable = false, minimum = 1)]
    from_seq: Option<u64>,
    /// At this place of the log, or before it.
    #[schema(required = false, nullable = false, minimum = 0)]
    through_seq: Option<u64>,
    /// That came in at this time, or after it.
    #[schema(required = false, nullable = false)]
    since: Option<DateTime<Utc>>,
    /// That came in before this time.
    #[schema(required = false, nullable = false)]
    until: Option<DateTime<Utc>>,
    /// Only what concerns this part: a root's name, and keys below it, parted by slashes. It may be a single value
    /// (`nodes/<id>/title`), an item of a list by its `id` or place, or a block of rich text by its place (`body/0` is the
    /// first).
    #[schema(required = false, nullable = false, example = "body")]
    part: Option<String>,
}

/// Take back what somebody did
///
/// As a new edit, which everybody sees at once and which can be taken back like any other: what the selected updates
/// inserted is deleted, what they deleted comes back at its place, and what others did since stays. Nodes that they made on
/// a canvas go into the trash, with all that is in them.
#[utoipa::path(post, path = "/documents/{name}/history/undo", tag = "history", operation_id = "undoUpdates",
    params(
        ("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the document: it is taken back only if that holds."),
    ),
    request_body = Request,
    responses(
        (status = OK, description = "It is taken back.", body = EditBody, headers(("ETag" = String, description = "Where the document stands."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the document has changed; ETag says where it is.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: the content of some of the updates is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PAYLOAD_TOO_LARGE, description = "`TOO_MUCH_HISTORY`: more updates than are worked on at once.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let selection = request.selection()?;
    let document = api.document(&caller, &name, Access::Write).await?.document;
    let history = api.documents.history().expecting(expected_place(&api, &headers, &document).await?);
    let undone = history.undo(&document, &caller.principal, &selection, &caller.actor).await?;
    if undone.is_changed {
        api.keep_version(&caller, &document, NodeChange::Updated, "Edits taken back").await;
    }
    Ok(answer(&undone))
}

impl Request {
    fn selection(self) -> Result<Selection, Problem> {
        let mut fields = Fields::default();
        let mut principals: Vec<PrincipalRef> = Vec::new();
        for principal in &self.principals {
            match principal.parse() {
                Ok(principal) => principals.push(principal),
                Err(error) => fields.refuse("principals", format!("{error}")),
            }
        }
        for (field, count) in [("principals", self.principals.len()), ("runs", self.runs.len())] {
            if count > NAMED_MAX {
                fields.refuse(field, format!("must be at most {NAMED_MAX}"));
            }
        }
        let selection = Selection {
            principals,
            runs: self.runs,
            from: self.from_seq.map(Seq::new),
            through: self.through_seq.map(Seq::new),
            since: self.since,
            until: self.until,
            part: self.part,
        };
        let says_nothing = Selection { part: None, ..selection.clone() } == Selection::default();
        if self.principals.is_empty() && says_nothing {
            fields.refuse("principals", "say whose updates, or which, are meant");
        }
        fields.finish()?;
        Ok(selection)
    }
}
