//! What a list of nodes can be asked for.

use chrono::{DateTime, Utc};
use platform::db::nodes::{self, NodeFilter, NodeSort, ParentFilter, Trash};
use platform::db::{PageRequest, Sort};
use schema::ids::{NodeId, UserId};
use serde::Deserialize;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use crate::pagination::{PageQuery, sort_schema};
use crate::problem::{Code, Problem};
use crate::routes::nodes::body::AuthorTypeBody;

/// How often a parameter may be repeated.
const WORDS_MAX: usize = 50;

/// Which nodes, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::routes::nodes) struct Parameters {
    /// By what to sort; with a hyphen the other way round. By `dueDate` those without one are last; by `priority` those
    /// without one are lowest, and `urgent` (or `critical`), `high`, `medium` (or `normal`), `low` are known.
    #[param(schema_with = sort_schema::<NodeSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// In this state; repeated: in one of these.
    #[param(max_items = 50, example = json!(["draft", "in_progress"]))]
    status: Vec<String>,
    /// Made by this person, or for them; repeated: by one of these. `me` is the caller.
    #[param(schema_with = people_schema)]
    author: Vec<Person>,
    /// Made by a person, or by an agent.
    #[param(inline)]
    author_type: Option<AuthorTypeBody>,
    /// Directly inside this node; `none`: inside no other.
    #[param(schema_with = parent_schema)]
    parent: Option<Parent>,
    /// With this tag; repeated: with one of these, or with each of them, as `tagMatch` says.
    #[param(max_items = 50, example = json!(["research"]))]
    tag: Vec<String>,
    /// Whether one of several tags is enough.
    #[param(inline)]
    tag_match: Option<TagMatch>,
    /// To be worked on by this person; repeated: by one of these. `me` is the caller.
    #[param(schema_with = people_schema)]
    assignee: Vec<Person>,
    /// Due then or later. A day without a time of day begins at midnight in UTC.
    due_after: Option<DateTime<Utc>>,
    /// Due before.
    due_before: Option<DateTime<Utc>>,
    /// Changed then or later, in whatever way.
    updated_since: Option<DateTime<Utc>>,
    /// With this text in the title, regardless of case.
    #[param(max_length = 500)]
    title: Option<String>,
    /// What is in the trash, beside the rest or alone.
    #[param(inline)]
    deleted: Option<Deleted>,
}

/// Somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Person {
    Caller,
    Of(UserId),
}

/// Where in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Parent(ParentFilter);

/// Whether one of several tags is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TagMatch {
    /// One of them.
    #[default]
    Any,
    /// Each of them.
    All,
}

/// What of the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Deleted {
    /// Beside the rest.
    Include,
    /// Alone.
    Only,
}

impl TryFrom<String> for Person {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "me" => Ok(Self::Caller),
            id => id.parse().map(Self::Of).map_err(|_| "expected the id of a person, or me".to_owned()),
        }
    }
}

impl TryFrom<String> for Parent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "none" => Ok(Self(ParentFilter::Nothing)),
            id => {
                let node: NodeId = id.parse().map_err(|_| "expected the id of a node, or none".to_owned())?;
                Ok(Self(ParentFilter::Node(node)))
            }
        }
    }
}

fn word_or_id(word: &str) -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let one_of = OneOfBuilder::new()
        .item(text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))))
        .item(text().enum_values(Some([word])));
    Schema::OneOf(one_of.build())
}

fn people_schema() -> Schema {
    Schema::Array(ArrayBuilder::new().items(RefOr::T(word_or_id("me"))).max_items(Some(WORDS_MAX)).build())
}

fn parent_schema() -> Schema {
    word_or_id("none")
}

impl Parameters {
    /// The part of the list.
    pub(super) fn request(&self) -> Result<PageRequest<NodeSort>, Problem> {
        let page = PageQuery { cursor: self.cursor.clone(), limit: self.limit };
        page.sorted(self.sort.as_deref(), Sort::ascending(NodeSort::CreatedAt))
    }

    /// Which nodes.
    pub(super) fn filter(self, caller: UserId) -> Result<NodeFilter, Problem> {
        let invalid = |text: String| Err(Problem::new(Code::InvalidParameter).detail(text));
        let counts = [
            ("status", self.status.len()),
            ("author", self.author.len()),
            ("tag", self.tag.len()),
            ("assignee", self.assignee.len()),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count > WORDS_MAX) {
            return invalid(format!("{name}: at most {WORDS_MAX} of them."));
        }
        if self.title.as_ref().is_some_and(|title| title.chars().count() > schema::canvas::TITLE_CHARS_MAX) {
            return invalid(format!("title: at most {} characters.", schema::canvas::TITLE_CHARS_MAX));
        }
        let people = |people: Vec<Person>| people.into_iter().map(|person| person.id(caller)).collect();
        let (any_tags, all_tags) = match self.tag_match.unwrap_or_default() {
            TagMatch::Any => (self.tag, Vec::new()),
            TagMatch::All => (Vec::new(), self.tag),
        };
        Ok(NodeFilter {
            statuses: self.status,
            authors: people(self.author),
            author_type: self.author_type.map(nodes::AuthorType::from),
            parent: self.parent.map(|Parent(parent)| parent),
            any_tags,
            all_tags,
            assignees: people(self.assignee),
            due_from: self.due_after,
            due_before: self.due_before,
            updated_since: self.updated_since,
            title: self.title.filter(|title| !title.is_empty()),
            trash: match self.deleted {
                None => Trash::Excluded,
                Some(Deleted::Include) => Trash::Included,
                Some(Deleted::Only) => Trash::Only,
            },
        })
    }
}

impl Person {
    const fn id(self, caller: UserId) -> UserId {
        match self {
            Self::Caller => caller,
            Self::Of(user) => user,
        }
    }
}
