//! `POST /orgs/{orgId}/search`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use platform::access::OrgAction;
use platform::db::search::{self, Filter, Found, SearchCursor, Viewer};
use schema::ids::{OrgId, ProjectId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Conditions, HitBody, KindBody, checked_limit, checked_query};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::Fields;
use crate::pagination::Page;
use crate::problem::{Problem, ProblemBody};
use crate::rate_limit::{self, Standing};
use crate::routes::nodes::body::AuthorTypeBody;

/// What is looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = Search)]
pub(super) struct Request {
    /// Words that all have to be there, in any order; the beginning of a word is enough, from two letters on.
    #[schema(example = "interview spring", min_length = 1, max_length = 500)]
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
    /// `nextCursor` of the page before, of the same search; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[schema(minimum = 1, maximum = 50, default = 20)]
    limit: Option<u32>,
}

impl Request {
    fn read(self) -> Result<Asked, Problem> {
        let mut fields = Fields::default();
        let query = checked_query(&mut fields, &self.query);
        let limit = checked_limit(&mut fields, self.limit);
        let after = self.cursor.map(|cursor| cursor.parse()).transpose().unwrap_or_else(|error| {
            let error: search::ParseSearchCursorError = error;
            fields.refuse("cursor", error.to_string());
            None
        });
        let Self { types, project_id, status, author, author_type, tags, updated_since, .. } = self;
        let conditions = Conditions { types, project_id, status, author, author_type, tags, updated_since };
        let filter = conditions.filter(&mut fields);
        fields.finish()?;
        Ok(Asked { query, filter, after, limit })
    }
}

struct Asked {
    query: String,
    filter: Filter,
    after: Option<SearchCursor>,
    limit: usize,
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FoundItem)]
pub(super) struct FoundBody {
    #[serde(flatten)]
    hit: HitBody,
    /// A piece of what it says, around the first of the words; at most 240 characters.
    excerpt: String,
    /// How well it fits, from 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    score: f64,
}

impl From<Found> for FoundBody {
    fn from(it: Found) -> Self {
        Self { hit: it.hit.into(), excerpt: it.excerpt, score: it.score }
    }
}

/// Search by words
///
/// In titles, bodies, inputs, outputs and the texts of files, of all that the caller may see of the organization;
/// nothing of the trash is found. What has the words in its title comes first, and then what says them most often.
/// Upper and lower case are the same. What has changed is found about a second later, a very long text some seconds
/// later. The pages of a search that goes on while things change may show what changed twice, or not at all.
///
/// Where more than 10,000 have the words, of the projects and types that are looked for, the search goes through the
/// 10,000 that fit best: all other conditions leave out of these, and the pages end with them. More words find fewer.
#[utoipa::path(post, path = "/orgs/{orgId}/search", tag = "search", operation_id = "search",
    params(("orgId" = Uuid, Path, description = "The organization's id.")),
    request_body = Request,
    responses(
        (status = OK, description = "A page of what was found, what fits best first.", body = Page<FoundBody>),
        (status = TOO_MANY_REQUESTS, description = "`TOO_MANY_REQUESTS`: the caller has searched as often as they may in a \
            minute.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    standing: Standing,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<Page<FoundBody>>, Problem> {
    let asked = request.read()?;
    api.organization(&caller, org, OrgAction::View).await?;
    rate_limit::count(&api, &standing, api.limits.searches(api.mode), caller.person()).await?;
    let page =
        search::find(&api.db, org, Viewer::Person(caller.user), &asked.query, &asked.filter, asked.after, asked.limit)
            .await?;
    let next_cursor = page.next.map(|cursor| cursor.to_string());
    Ok(Json(Page { items: page.items.into_iter().map(FoundBody::from).collect(), next_cursor }))
}
