//! `POST /orgs/{orgId}/search/semantic`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use platform::access::OrgAction;
use platform::db::search::{self, Filter, FoundPassage};
use platform::embedding::{Embedding, EmbeddingError};
use schema::ids::{OrgId, ProjectId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Conditions, HitBody, KindBody, checked_limit, checked_query};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::Fields;
use crate::problem::{Code, Problem, ProblemBody};
use crate::rate_limit::{self, Standing};
use crate::routes::nodes::body::AuthorTypeBody;

/// What is looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = SemanticSearch)]
pub(super) struct Request {
    /// What is looked for, in any words.
    #[schema(example = "What do visitors complain about?", min_length = 1, max_length = 500)]
    query: String,
    /// Only these; left out or empty: all.
    #[serde(default)]
    types: Vec<KindBody>,
    /// Only what belongs to this project.
    #[schema(value_type = Option<Uuid>)]
    project_id: Option<ProjectId>,
    /// Only nodes in one of these states.
    #[serde(default)]
    #[schema(example = json!(["in_progress"]), max_items = 50)]
    status: Vec<String>,
    /// Only what one of these people has made: nodes that they, or an agent for them, have added, and files that they have
    /// uploaded.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>, max_items = 50)]
    author: Vec<UserId>,
    /// Only nodes on which a person, or an agent, works.
    author_type: Option<AuthorTypeBody>,
    /// Only nodes with one of these tags.
    #[serde(default)]
    #[schema(max_items = 50)]
    tags: Vec<String>,
    /// Only what has changed then or later.
    updated_since: Option<DateTime<Utc>>,
    /// How many items, at most.
    #[schema(minimum = 1, maximum = 50, default = 20)]
    limit: Option<u32>,
}

impl Request {
    fn read(self) -> Result<(String, Filter, usize), Problem> {
        let mut fields = Fields::default();
        let query = checked_query(&mut fields, &self.query);
        let limit = checked_limit(&mut fields, self.limit);
        let Self { types, project_id, status, author, author_type, tags, updated_since, .. } = self;
        let conditions = Conditions { types, project_id, status, author, author_type, tags, updated_since };
        let filter = conditions.filter(&mut fields);
        fields.finish()?;
        Ok((query, filter, limit))
    }
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SemanticSearchResult)]
pub(super) struct Answer {
    /// The nodes and files, the nearest first, each with its nearest passage.
    items: Vec<FoundBody>,
    /// What tells how near texts are to each other. `lexical-hash-…` is built in: it compares words and parts of words,
    /// and knows nothing of what they mean.
    #[schema(example = "lexical-hash-1")]
    embedder: String,
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FoundPassageItem)]
pub(super) struct FoundBody {
    #[serde(flatten)]
    hit: HitBody,
    /// The piece of what it says that is nearest, of at most 1200 characters; empty where there is nothing but the
    /// title.
    passage: String,
    /// How near that is to what is looked for, from 0 to 1. Only numbers of one embedder can be compared.
    #[schema(minimum = 0, maximum = 1)]
    similarity: f64,
}

impl From<FoundPassage> for FoundBody {
    fn from(it: FoundPassage) -> Self {
        Self { hit: it.hit.into(), passage: it.passage, similarity: it.similarity }
    }
}

/// Search by meaning
///
/// Of all that the caller may see of the organization, what is nearest to the query, however far that is; nothing of
/// the trash is found. Among very many texts, one that is near may be missed. What has changed is found some seconds
/// later. How much is understood depends on the server's embedder, which the answer names.
#[utoipa::path(post, path = "/orgs/{orgId}/search/semantic", tag = "search", operation_id = "semanticSearch",
    params(("orgId" = Uuid, Path, description = "The organization's id.")),
    request_body = Request,
    responses(
        (status = OK, description = "What was found, the nearest first.", body = Answer),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: the caller has searched as often as they may in a \
            minute.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = SERVICE_UNAVAILABLE, description = "`UNAVAILABLE`: the provider of embeddings does not answer.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    standing: Standing,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<Answer>, Problem> {
    let (query, filter, limit) = request.read()?;
    api.organization(&caller, org, OrgAction::View).await?;
    rate_limit::count(&api, &standing, api.limits.searches(api.mode), caller.person()).await?;
    let asked = embed(&api, query).await?;
    let embedder = api.embedder.name();
    let found = search::nearest(&api.db, org, caller.user, (embedder, &asked), &filter, limit).await?;
    Ok(Json(Answer { items: found.into_iter().map(FoundBody::from).collect(), embedder: embedder.to_owned() }))
}

async fn embed(api: &Api, query: String) -> Result<Embedding, Problem> {
    let unavailable = |error: EmbeddingError| {
        Problem::new(Code::Unavailable)
            .detail("Searches by meaning are not possible for now: the provider of embeddings does not answer as it should.")
            .caused_by(error)
    };
    let embedded = api.embedder.embed(&[query]).await.map_err(unavailable)?;
    embedded.into_iter().next().ok_or_else(|| Problem::new(Code::Internal))
}
