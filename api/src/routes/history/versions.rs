//! `/documents/{name}/history/versions`: places of a log with a name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use documents::history::Naming;
use http::StatusCode;
use platform::access::Access;
use platform::db::Sort;
use platform::db::versions::{self, NAMED_VERSIONS_MAX, NamedVersion, NamedVersionSort};
use schema::ids::DocumentName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::authors::{Authors, read_principal};
use super::place::Place;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id, Ids, Query};
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::pagination::{PageQuery, sort_schema};
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

/// Which versions, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<NamedVersionSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many versions, at most.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
    /// Only those that this principal named: `user:<uuid>`, `agent:<uuid>` or `api_key:<uuid>`.
    #[param(example = "user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    principal: Option<String>,
}

/// The versions of a document.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NamedVersions)]
pub(super) struct List {
    /// In the list's order.
    versions: Vec<VersionBody>,
    /// Where to go on: the parameter `cursor` of the next page; `null` at the end.
    #[schema(required)]
    next_cursor: Option<String>,
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
///
/// By their places unless `sort` says otherwise; all of them unless a limit is given, for a document has a thousand at most.
#[utoipa::path(get, path = "/documents/{name}/history/versions", tag = "history", operation_id = "listNamedVersions",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."), Parameters),
    responses((status = OK, description = "A page of versions.", body = List)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<List>, Problem> {
    let Parameters { sort, cursor, limit, principal } = parameters;
    let default = Sort::ascending(NamedVersionSort::Seq);
    let page = PageQuery { cursor, limit }.long(sort.as_deref(), default, NAMED_VERSIONS_MAX)?;
    let by = read_principal(principal.as_deref())?;
    let document = api.document(&caller, &name, Access::Read).await?.document;
    let page = versions::list_named(&api.db, document.org, document.id, by, page).await?;
    let next_cursor = page.next.map(|cursor| cursor.to_string());
    let authors = api.authors(document.org, page.items.iter().map(|version| version.created_by)).await?;
    Ok(Json(List { versions: page.items.into_iter().map(VersionBody::from).collect(), next_cursor, authors }))
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
            let made = versions::find_named(&api.db, document.org, document.id, id).await?;
            Ok((StatusCode::CREATED, Json(made.ok_or_else(|| Problem::new(Code::Conflict))?.into())))
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
