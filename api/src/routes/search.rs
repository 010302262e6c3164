//! `/orgs/{orgId}/search`: finding nodes and files, by words and by what they mean.

mod by_meaning;
mod by_words;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::db::nodes::AuthorType;
use platform::db::search::{About, Filter, Hit, Kind};
use schema::ids::{ProjectId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Api;
use crate::fields::Fields;
use crate::routes::nodes::body::AuthorTypeBody;

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

/// A node or a file that was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Hit)]
struct HitBody {
    /// What it is.
    r#type: KindBody,
    /// Its id.
    id: Uuid,
    /// The project it belongs to; `null`: a file of the whole organization.
    #[schema(value_type = Option<Uuid>, required)]
    project_id: Option<ProjectId>,
    /// What it is called.
    #[schema(example = "Twelve interviews")]
    title: String,
    /// The state of a node.
    #[schema(required)]
    status: Option<String>,
    /// The content type of a file.
    #[schema(required)]
    content_type: Option<String>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<Hit> for HitBody {
    fn from(it: Hit) -> Self {
        let (kind, id) = match it.about {
            About::Node(node) => (KindBody::Node, node.as_uuid()),
            About::File(file) => (KindBody::File, file.as_uuid()),
        };
        Self {
            r#type: kind,
            id,
            project_id: it.project,
            title: it.title,
            status: it.status,
            content_type: it.content_type,
            updated_at: it.updated_at,
        }
    }
}

/// The conditions that both ways of searching have in common.
struct Conditions {
    types: Vec<KindBody>,
    project_id: Option<ProjectId>,
    status: Vec<String>,
    author: Vec<UserId>,
    author_type: Option<AuthorTypeBody>,
    tags: Vec<String>,
    updated_since: Option<DateTime<Utc>>,
}

impl Conditions {
    fn filter(self, fields: &mut Fields) -> Filter {
        check_words(fields, "status", &self.status);
        check_words(fields, "tags", &self.tags);
        if self.author.len() > WORDS_MAX {
            fields.refuse("author", format!("must be at most {WORDS_MAX}"));
        }
        Filter {
            kinds: self.types.into_iter().map(Kind::from).collect(),
            project: self.project_id,
            statuses: self.status,
            authors: self.author,
            author_type: self.author_type.map(AuthorType::from),
            tags: self.tags,
            updated_since: self.updated_since,
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
