//! `GET /documents/{name}/history/diff`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use documents::history::{Contribution, FieldChange};
use platform::access::Access;
use schema::ids::{DocumentName, RunId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::authors::Authors;
use super::place::Place;
use super::texts::{AuthorshipBody, TextBody, acted};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query, whole};
use crate::problem::{Code, Problem, ProblemBody};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The earlier place; 0 is the empty document. Instead of `fromAt`.
    #[param(minimum = 0, example = 3)]
    #[serde(default, deserialize_with = "whole")]
    from: Option<u64>,
    /// The earlier place, by time. Instead of `from`.
    from_at: Option<DateTime<Utc>>,
    /// The later place; the end of the log by default. Instead of `toAt`.
    #[param(minimum = 0, example = 17)]
    #[serde(default, deserialize_with = "whole")]
    to: Option<u64>,
    /// The later place, by time. Instead of `to`.
    to_at: Option<DateTime<Utc>>,
}

/// A value that changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldChange)]
pub(super) struct FieldBody {
    /// The keys that lead to it; items of lists go by their ids.
    #[schema(example = json!(["nodes", "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e", "status"]))]
    path: Vec<String>,
    /// What it was; absent if it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "draft")]
    before: Option<Value>,
    /// What it is; absent if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "complete")]
    after: Option<Value>,
    /// Who changed it last, if that is known: not of free documents, nor over more than 20,000 updates, nor where the
    /// organization keeps less of its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    by: Option<AuthorshipBody>,
}

/// How much somebody did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contribution)]
pub(super) struct ContributionBody {
    /// Who, as in `authors`.
    principal: String,
    /// The agent's run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>, nullable = false)]
    run: Option<RunId>,
    /// How many updates.
    updates: u64,
    /// Characters, and one for anything else, that were inserted.
    inserted: u64,
    /// Likewise, deleted.
    deleted: u64,
}

/// What is different between two places.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Diff)]
pub(super) struct Answer {
    /// The earlier place.
    from: u64,
    /// The later place.
    to: u64,
    /// The texts that changed, with what was kept of them.
    texts: Vec<TextBody>,
    /// The values that changed.
    fields: Vec<FieldBody>,
    /// Who worked on it.
    contributions: Vec<ContributionBody>,
    /// Those who did, by principal.
    #[schema(value_type = std::collections::HashMap<String, super::authors::AuthorBody>)]
    authors: Authors,
}

/// Compare a document at two places of its log
///
/// Texts with what was inserted and deleted by whom, and the values that changed, with who changed them last: of a canvas,
/// the fields of its nodes.
#[utoipa::path(get, path = "/documents/{name}/history/diff", tag = "history", operation_id = "getDiff",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."), Parameters),
    responses(
        (status = OK, description = "What is different.", body = Answer),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: what the document was at one of the places is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Answer>, Problem> {
    let Parameters { from, from_at, to, to_at } = parameters;
    if from.is_none() && from_at.is_none() {
        return Err(Problem::new(Code::InvalidParameter).detail("Say what to compare with: from, or fromAt."));
    }
    let document = api.document(&caller, &name, Access::Read).await?.document;
    let from = api.place(&document, Place { seq: from, at: from_at }).await?;
    let to = api.place(&document, Place { seq: to, at: to_at }).await?;
    if from > to {
        return Err(Problem::new(Code::InvalidParameter).detail("The earlier place comes first: from is after to."));
    }
    let diff = api.documents.history().diff(&document, name.kind(), from, to).await?;
    let worked = diff.contributions.iter().map(|contribution| contribution.principal);
    let authors = api.authors(document.org, acted(&diff.texts).into_iter().chain(worked)).await?;
    Ok(Json(Answer {
        from: from.get(),
        to: to.get(),
        texts: diff.texts.into_iter().map(TextBody::of).collect(),
        fields: diff.fields.into_iter().map(FieldBody::of).collect(),
        contributions: diff.contributions.iter().map(ContributionBody::of).collect(),
        authors,
    }))
}

impl FieldBody {
    fn of(change: FieldChange) -> Self {
        let by = change.by.as_ref().map(AuthorshipBody::of);
        Self { path: change.path, before: change.before, after: change.after, by }
    }
}

impl ContributionBody {
    fn of(contribution: &Contribution) -> Self {
        let Contribution { principal, run, updates, inserted, deleted } = *contribution;
        Self { principal: principal.to_string(), run, updates, inserted, deleted }
    }
}
