//! `/orgs/{orgId}/search`: finding nodes and files, by words and by what they mean.

mod by_meaning;
mod by_words;

use std::sync::Arc;

use platform::db::nodes::AuthorType;
use platform::db::search::{About, Filter, Kind};
use schema::ids::ProjectId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Api;
use crate::fields::Fields;

/// The longest query, in characters.
const QUERY_LENGTH_MAX: usize = 500;
/// The most states, or tags, of a filter.
const WORDS_MAX: usize = 50;
/// The longest of them, in characters.
const WORD_LENGTH_MAX: usize = 100;
const ITEMS_DEFAULT: u32 = 20;
const ITEMS_MAX: u32 = 50;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FoundType)]
pub(super) enum KindBody {
    /// A node.
    Node,
    /// A file.
    File,
}

impl From<KindBody> for Kind {
    fn from(kind: KindBody) -> Self {
        match kind {
            KindBody::Node => Self::Node,
            KindBody::File => Self::File,
        }
    }
}

/// What an id is of, and the id.
fn named(about: About) -> (KindBody, Uuid) {
    match about {
        About::Node(node) => (KindBody::Node, node.as_uuid()),
        About::File(file) => (KindBody::File, file.as_uuid()),
    }
}

/// Who works on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FoundAuthorType)]
pub(super) enum AuthorTypeBody {
    /// A person.
    Human,
    /// An agent.
    Agent,
}

impl From<AuthorTypeBody> for AuthorType {
    fn from(author: AuthorTypeBody) -> Self {
        match author {
            AuthorTypeBody::Human => Self::Human,
            AuthorTypeBody::Agent => Self::Agent,
        }
    }
}

/// The conditions that both ways of searching have in common.
struct Conditions {
    types: Vec<KindBody>,
    project_id: Option<ProjectId>,
    status: Vec<String>,
    author_type: Option<AuthorTypeBody>,
}

impl Conditions {
    fn filter(self, fields: &mut Fields) -> Filter {
        check_words(fields, "status", &self.status);
        Filter {
            kinds: self.types.into_iter().map(Kind::from).collect(),
            project: self.project_id,
            statuses: self.status,
            author_type: self.author_type.map(AuthorType::from),
            ..Filter::default()
        }
    }
}

fn check_words(fields: &mut Fields, field: &str, words: &[String]) {
    if words.len() > WORDS_MAX {
        fields.refuse(field, format!("must be at most {WORDS_MAX}"));
    }
    for (index, word) in words.iter().enumerate().take(WORDS_MAX) {
        fields.text(&format!("{field}.{index}"), word, WORD_LENGTH_MAX);
    }
}

fn checked_query(fields: &mut Fields, query: &str) -> String {
    let query = fields.text("query", query.trim(), QUERY_LENGTH_MAX);
    if query.is_empty() {
        fields.refuse("query", format!("must be 1 to {QUERY_LENGTH_MAX} characters"));
    }
    query
}

fn checked_limit(fields: &mut Fields, limit: Option<u32>) -> usize {
    let limit = limit.unwrap_or(ITEMS_DEFAULT);
    if !(1..=ITEMS_MAX).contains(&limit) {
        fields.refuse("limit", format!("must be 1 to {ITEMS_MAX}"));
    }
    usize::try_from(limit).unwrap_or(usize::MAX)
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(by_words::handler)).routes(routes!(by_meaning::handler))
}
