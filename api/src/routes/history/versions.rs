//! `/documents/{name}/history/versions`: places of a log with a name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use documents::history::Naming;
use http::StatusCode;
use platform::access::Access;
use platform::db::versions::{self, NAMED_VERSIONS_MAX, NamedVersion};
use schema::ids::DocumentName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::authors::Authors;
use super::place::Place;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id, Ids};
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// A place of a document's log with a name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NamedVersion)]
pub(super) struct VersionBody {
    /// Its id.
    id: Uuid,
    /// The name.
    #[schema(example = "As sent to the customer")]
    name: String,
    /// The document's lineage.
    epoch: u32,
    /// The last update of the log that is part of it.
    seq: u64,
    /// Who gave the name (`user:<uuid>`).
    #[schema(example = "user:8a0d0d8e-4f7e-4a0e-8d0e-0d8e4f7e4a0e")]
    created_by: String,
    /// When.
    created_at: DateTime<Utc>,
}

/// The versions of a document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedVersions)]
pub(super) struct List {
    /// By their places.
    versions: Vec<VersionBody>,
    /// Those who named them, by principal.
    #[schema(value_type = std::collections::HashMap<String, super::authors::AuthorBody>)]
    authors: Authors,
}

/// A name for a place of the log; for its end, unless a place is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNamedVersion)]
pub(super) struct NewVersion {
    /// The name.
    #[schema(min_length = 1, max_length = 255, example = "As sent to the customer")]
    name: String,
    /// The last update of the log that is part of it. Instead of `at`.
    #[schema(required = false, nullable = false, minimum = 0)]
    seq: Option<u64>,
    /// What had come in by this time is part of it. Instead of `seq`.
    #[schema(required = false, nullable = false)]
    at: Option<DateTime<Utc>>,
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NamedVersionPatch)]
pub(super) struct NewName {
    /// The name.
    #[schema(min_length = 1, max_length = 255, example = "As signed")]
    name: String,
}

impl From<NamedVersion> for VersionBody {
    fn from(version: NamedVersion) -> Self {
        Self {
            id: version.id,
            name: version.name,
            epoch: version.epoch.get(),
            seq: version.seq.get(),
            created_by: version.created_by.to_string(),
            created_at: version.created_at,
        }
    }
}

/// List a document's versions that have a name
#[utoipa::path(get, path = "/documents/{name}/history/versions", tag = "history", operation_id = "listNamedVersions",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`.")),
    responses((status = OK, description = "All of them: a document has a thousand at most.", body = List)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
) -> Result<Json<List>, Problem> {
    let document = api.document(&caller, &name, Access::Read).await?.document;
    let versions = versions::named(&api.db, document.org, document.id).await?;
    let authors = api.authors(versions.iter().map(|version| version.created_by)).await?;
    Ok(Json(List { versions: versions.into_iter().map(VersionBody::from).collect(), authors }))
}

/// Give a place of a document's log a name
///
/// What the document is there is kept for as long as it has the name, whatever the organization lets go of.
#[utoipa::path(post, path = "/documents/{name}/history/versions", tag = "history", operation_id = "createNamedVersion",
    params(
        ("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = NewVersion,
    responses(
        (status = CREATED, description = "It has the name.", body = VersionBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: the document has as many as it may have.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: what the document was there is not kept, or the organization keeps no old content.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(document): Id<DocumentName>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<NewVersion>,
) -> Result<(StatusCode, Json<VersionBody>), Problem> {
    let name = checked(&request.name)?;
    let document = api.document(&caller, &document, Access::Write).await?.document;
    let at = api.place(&document, Place { seq: request.seq, at: request.at }).await?;
    let now = api.clock.now();
    let id = key.new_id(&api, caller.user, &format!("versions of {}", document.id)).await?;
    match api.documents.history().name(&document, at, id, name, &caller.actor, now).await? {
        (Naming::Named, version) => Ok((StatusCode::CREATED, Json(version.into()))),
        (Naming::NamedBefore, _) => {
            let all = versions::named(&api.db, document.org, document.id).await?;
            let made = all.into_iter().find(|version| version.id == id).ok_or_else(|| Problem::new(Code::Conflict))?;
            Ok((StatusCode::CREATED, Json(made.into())))
        }
        (Naming::NothingIsKept, _) => Err(Problem::new(Code::HistoryNotKept)
            .detail("The organization keeps no old content (its eventSourcingLevel is audit).")),
        (Naming::TooMany, _) => Err(Problem::new(Code::Conflict)
            .detail(format!("A document may have {NAMED_VERSIONS_MAX} versions with a name; delete one first."))),
    }
}

/// Give a version another name
#[utoipa::path(patch, path = "/documents/{name}/history/versions/{versionId}", tag = "history",
    operation_id = "renameNamedVersion",
    params(
        ("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."),
        ("versionId" = Uuid, Path, description = "The version's id."),
    ),
    request_body = NewName,
    responses(
        (status = NO_CONTENT, description = "It has the name."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn rename(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(document, id): Ids<DocumentName, VersionId>,
    extract::Json(request): extract::Json<NewName>,
) -> Result<StatusCode, Problem> {
    let name = checked(&request.name)?;
    let document = api.document(&caller, &document, Access::Write).await?.document;
    let renamed = versions::rename(&api.db, document.org, &caller.actor, document.id, id.0, &name).await?;
    if renamed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("version")) }
}

/// Take a version's name away
///
/// The document stays as it is; what it was there is let go of with everything else of its age.
#[utoipa::path(delete, path = "/documents/{name}/history/versions/{versionId}", tag = "history",
    operation_id = "deleteNamedVersion",
    params(
        ("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."),
        ("versionId" = Uuid, Path, description = "The version's id."),
    ),
    responses(
        (status = NO_CONTENT, description = "It has no name any more."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(document, id): Ids<DocumentName, VersionId>,
) -> Result<StatusCode, Problem> {
    let document = api.document(&caller, &document, Access::Write).await?.document;
    let deleted = versions::unname(&api.db, document.org, &caller.actor, document.id, id.0).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("version")) }
}

/// A version's id, in the one accepted spelling of uuids.
#[derive(Debug, Clone, Copy)]
pub(super) struct VersionId(Uuid);

impl std::str::FromStr for VersionId {
    type Err = schema::ids::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<schema::ids::NodeId>().map(|id| Self(id.as_uuid()))
    }
}

fn checked(name: &str) -> Result<String, Problem> {
    let mut fields = Fields::default();
    let name = fields.line("name", name, 1..=NAME_LENGTH_MAX);
    fields.finish()?;
    Ok(name)
}
