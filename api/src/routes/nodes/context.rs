//! `GET /nodes/{nodeId}/context`

mod cut;
mod gather;
mod markdown;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use platform::access::Access;
use schema::ids::{NodeId, ProjectId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::AuthorTypeBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::document_form::Form;
use crate::extract::{Id, Query};
use crate::problem::{Code, Problem, ProblemBody};

const CHARS_DEFAULT: usize = 20_000;
const CHARS_MIN: usize = 1_000;
const CHARS_MAX: usize = 200_000;

/// How much.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// How many characters all texts have together, at most.
    #[param(minimum = 1000, maximum = 200_000, default = 20_000)]
    max_chars: Option<usize>,
}

/// What one needs to know to work on a node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NodeContext)]
pub(super) struct Context {
    /// The node itself.
    node: ContextNode,
    /// What it works with, in order.
    inputs: Vec<ContextItem>,
    /// What came of it, in order.
    outputs: Vec<ContextItem>,
    /// The nodes that it is inside, the outermost first.
    parents: Vec<RelatedNode>,
    /// The other nodes inside the same one.
    siblings: Vec<RelatedNode>,
    /// The nodes directly inside it.
    children: Vec<RelatedNode>,
    /// The nodes that it takes from.
    dependencies: Vec<RelatedNode>,
    /// The nodes that take from it.
    dependents: Vec<RelatedNode>,
    /// Whether there is more than is said here: texts that were cut (they end with `…`), or nodes that were left out.
    truncated: bool,
}

/// A node, with what is in it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContextNode {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: NodeId,
    /// The project it belongs to.
    #[schema(value_type = Uuid)]
    project_id: ProjectId,
    /// Its title.
    #[schema(example = "Twelve interviews")]
    title: String,
    /// One of the project's states.
    #[schema(example = "in_progress")]
    status: String,
    /// Who made it.
    author_type: AuthorTypeBody,
    /// Its tags.
    #[schema(example = json!(["research"]))]
    tags: Vec<String>,
    /// How urgent it is, if that was said.
    #[schema(required, example = "high")]
    priority: Option<String>,
    /// When it is due, if that was said.
    #[schema(required, example = "2026-12-01")]
    due_date: Option<String>,
    /// Its text, as Markdown.
    #[schema(example = "What keeps people from *inviting* others?")]
    body: String,
}

/// An input or output.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContextItem {
    /// Its id.
    id: Uuid,
    /// `text`, `file`, `external_link`, `node_reference`, `structured_data`, or what a newer client made.
    #[schema(example = "file")]
    r#type: String,
    /// What it is called.
    #[schema(required, example = "Notes of the interviews")]
    label: Option<String>,
    /// What it says: a text as Markdown, structured data as JSON, of a file what was read out of it, of a referred node
    /// its body, as it was at the version that is referred to if it is one. `null`: nothing that the caller may see, or
    /// that is kept.
    #[schema(required, example = "Nobody found the button.")]
    text: Option<String>,
    /// The address of a link.
    #[schema(required, example = "https://example.com/notes")]
    url: Option<String>,
    /// The file, if the caller may see it.
    #[schema(required)]
    file: Option<ContextFile>,
    /// The node that is referred to, if the caller may see it.
    #[schema(required)]
    source_node: Option<SourceNode>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContextFile {
    /// Its id.
    id: Uuid,
    /// What it is called.
    #[schema(example = "notes.pdf")]
    filename: String,
    /// What it is.
    #[schema(example = "application/pdf")]
    content_type: String,
}

/// A node that is referred to.
#[derive(Debug, Serialize, ToSchema)]
struct SourceNode {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: NodeId,
    /// Its title.
    #[schema(example = "Find the questions")]
    title: String,
    /// Its state.
    #[schema(example = "complete")]
    status: String,
    /// The version that is referred to. `null`: the node as it is now.
    #[schema(required, example = 3)]
    version: Option<i64>,
}

/// A node around the one that it is about.
#[derive(Debug, Serialize, ToSchema)]
struct RelatedNode {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: NodeId,
    /// Its title.
    #[schema(example = "Find the questions")]
    title: String,
    /// Its state.
    #[schema(example = "complete")]
    status: String,
    /// The beginning of its text, as Markdown; as it was a second ago.
    #[schema(example = "Five questions that nobody can answer by yes or no.")]
    excerpt: String,
}

impl Context {
    /// Cuts all texts so that they have no more than `chars_max` characters together.
    fn cut(&mut self, chars_max: usize) {
        let Self { node, inputs, outputs, parents, siblings, children, dependencies, dependents, truncated } = self;
        let mut others = vec![&mut node.title];
        others.extend(node.tags.iter_mut().chain(&mut node.priority).chain(&mut node.due_date));
        for item in inputs.iter_mut().chain(outputs) {
            others.extend([&mut item.label, &mut item.text, &mut item.url].into_iter().flatten());
            others.extend(item.file.as_mut().map(|file| &mut file.filename));
            others.extend(item.source_node.as_mut().map(|node| &mut node.title));
        }
        for related in [parents, siblings, children, dependencies, dependents].into_iter().flatten() {
            others.extend([&mut related.title, &mut related.excerpt]);
        }
        *truncated |= cut::fairly(&mut node.body, &mut others, chars_max);
    }
}

/// Read what one needs to know to work on a node
///
/// For people and for models: the living node with its inputs and outputs and what these say, and what is around it. As
/// JSON, or as one Markdown document, by `Accept`. Texts are cut to `maxChars` together, what is around them (keys,
/// headings) not counted: the body has half of it if it needs that, and the others share the rest, short ones staying
/// whole.
#[utoipa::path(get, path = "/nodes/{nodeId}/context", tag = "nodes", operation_id = "getNodeContext",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("Accept" = Option<String>, Header, description = "`application/json` (the default) or `text/markdown`."),
        Parameters,
    ),
    responses(
        (status = OK, description = "The node and what is around it.",
            content((Context = "application/json"), (String = "text/markdown"))),
        (status = NOT_ACCEPTABLE, description = "`NOT_ACCEPTABLE`: there is no such form.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Problem> {
    let chars_max = parameters.max_chars.unwrap_or(CHARS_DEFAULT);
    if !(CHARS_MIN..=CHARS_MAX).contains(&chars_max) {
        return Err(Problem::new(Code::InvalidParameter).detail(format!("maxChars: {CHARS_MIN} to {CHARS_MAX}.")));
    }
    let documents = api.node_documents(&caller, id, Access::Read).await?;
    let form = Form::accepted(&[Form::Json, Form::Markdown], &headers).ok_or_else(|| {
        Problem::new(Code::NotAcceptable).detail("A context is available as application/json or text/markdown.")
    })?;
    let mut context = gather::context(&api, &caller, id, &documents, chars_max).await?;
    context.cut(chars_max);
    Ok(match form {
        Form::Markdown => ([(CONTENT_TYPE, form.media_type())], markdown::document(&context)).into_response(),
        _ => Json(context).into_response(),
    })
}
