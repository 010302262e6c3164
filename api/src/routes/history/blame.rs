//! `GET /documents/{name}/history/blame`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use schema::ids::DocumentName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::authors::Authors;
use super::place::Place;
use super::texts::{TextBody, acted};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query, whole};
use crate::problem::{Code, Problem, ProblemBody};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The last update of the log that counts. Instead of `at`.
    #[param(minimum = 0)]
    #[serde(default, deserialize_with = "whole")]
    seq: Option<u64>,
    /// What had come in by this time counts. Instead of `seq`.
    at: Option<chrono::DateTime<chrono::Utc>>,
    /// Only texts in this part: a root's name, and keys below it, parted by slashes.
    #[param(example = "body")]
    part: Option<String>,
    /// Of each text only what is at this offset, or after it. Offsets are UTF-16 code units, counted through the spans of
    /// all its blocks.
    #[param(minimum = 0)]
    #[serde(default, deserialize_with = "whole")]
    from: Option<u64>,
    /// Of each text only what is before this offset.
    #[param(minimum = 0)]
    #[serde(default, deserialize_with = "whole")]
    to: Option<u64>,
}

/// Texts, with who wrote what.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Blame)]
pub(super) struct Answer {
    /// The place of the log.
    seq: u64,
    /// The texts. Every span is `inserted`, and says by whom.
    texts: Vec<TextBody>,
    /// Those who wrote, by principal.
    #[schema(value_type = std::collections::HashMap<String, super::authors::AuthorBody>)]
    authors: Authors,
}

/// Read who wrote what
///
/// Every character of every text of the document, or of a part of it, with who wrote it and when; for agents, with the run
/// and the step of it. Edits of one author within a minute are told as one.
#[utoipa::path(get, path = "/documents/{name}/history/blame", tag = "history", operation_id = "getBlame",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."), Parameters),
    responses(
        (status = OK, description = "The texts.", body = Answer),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: what the document was there is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Answer>, Problem> {
    let Parameters { seq, at, part, from, to } = parameters;
    let range = from.unwrap_or(0)..to.unwrap_or(u64::MAX);
    if range.start > range.end {
        return Err(Problem::new(Code::InvalidParameter).detail("from is no more than to."));
    }
    let document = api.document(&caller, &name, Access::Read).await?.document;
    let at = api.place(&document, Place { seq, at }).await?;
    let texts = api.documents.history().blame(&document, at, part).await?;
    let texts: Vec<_> = texts.into_iter().map(|text| text.within(&range)).collect();
    let authors = api.authors(document.org, acted(&texts)).await?;
    Ok(Json(Answer { seq: at.get(), texts: texts.into_iter().map(TextBody::of).collect(), authors }))
}
