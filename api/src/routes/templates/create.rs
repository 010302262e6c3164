//! `POST /orgs/{orgId}/templates`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::{Access, OrgAction};
use platform::db::DbError;
use platform::db::templates::{self, TemplateFields};
use schema::ids::{NodeId, OrgId, ProjectId, TemplateId};
use schema::template::{Captured, TEMPLATE_NODES_MAX, Template, capture};
use schema::{PatchError, node};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{TemplateBody, check_agent_config, structure_schema};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::{DESCRIPTION_LENGTH_MAX, Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// What a template is to be: with a `structure`, or made of nodes that are there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewTemplate)]
pub(super) struct Request {
    /// Its name.
    #[schema(example = "Research brief", min_length = 1, max_length = 255)]
    name: String,
    /// What it is for.
    #[schema(max_length = 10000)]
    description: Option<String>,
    /// What it makes.
    #[schema(schema_with = structure_schema, required = false)]
    structure: Option<Template>,
    /// Make it of these nodes instead.
    from_nodes: Option<Selection>,
    /// What agents that work on its nodes are to know; at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    agent_config: Option<Map<String, Value>>,
}

/// Nodes to make a template of: with their texts, inputs, outputs, places to each other, and what of each other they are
/// inside and depend on. States, assignees and due dates are left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TemplateSelection)]
struct Selection {
    /// The project that they are in.
    #[schema(value_type = uuid::Uuid)]
    project_id: ProjectId,
    /// The nodes.
    #[schema(value_type = Vec<uuid::Uuid>, min_items = 1, max_items = 200)]
    node_ids: Vec<NodeId>,
}

/// Make a template
///
/// For members of the organization who are no guests. It is tried on an empty canvas before it is kept.
#[utoipa::path(post, path = "/orgs/{orgId}/templates", tag = "templates", operation_id = "createTemplate",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Made.", body = TemplateBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: what was made with this key was deleted.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<TemplateBody>), Problem> {
    api.organization(&caller, org, OrgAction::MakeTemplates).await?;
    let mut fields = Fields::default();
    let name = fields.line("name", &request.name, 1..=NAME_LENGTH_MAX);
    let description = fields.text("description", &request.description.unwrap_or_default(), DESCRIPTION_LENGTH_MAX);
    if request.structure.is_some() == request.from_nodes.is_some() {
        fields.refuse("structure", "is needed, or else fromNodes");
    }
    fields.finish()?;
    let agent_config = request.agent_config.unwrap_or_default();
    check_agent_config(&agent_config)?;
    let structure = match (request.structure, request.from_nodes) {
        (Some(structure), _) => structure,
        (None, Some(selection)) => captured(&api, &caller, org, selection).await?,
        (None, None) => Template::default(),
    };
    structure.check().map_err(unfit)?;
    let id = TemplateId::new(key.new_id(&api, caller.user, &format!("templates of {org}")).await?);
    let fields = TemplateFields { name, description, structure, agent_config };
    let template = match templates::create(&api.db, org, id, &caller.actor, &fields).await {
        // The request was sent before.
        Err(DbError::Conflict { .. }) if key.is_given() => {
            let found = templates::find(&api.db, caller.user, id).await?;
            found.ok_or_else(|| Problem::new(Code::Conflict))?.0
        }
        created => created?,
    };
    Ok((StatusCode::CREATED, Json(template.into())))
}

/// A template's structure does not hold together.
pub(super) fn unfit(error: PatchError) -> Problem {
    let field = if error.field == "structure" { "structure".to_owned() } else { format!("structure: {}", error.field) };
    Problem::new(Code::ValidationFailed).field_error(field, error.message)
}

async fn captured(api: &Api, caller: &Caller, org: OrgId, selection: Selection) -> Result<Template, Problem> {
    let invalid = |message: &str| Err(Problem::new(Code::ValidationFailed).field_error("fromNodes.nodeIds", message));
    let Selection { project_id: project, mut node_ids } = selection;
    let canvas = api.project(caller, project, Access::Read).await?.document;
    if canvas.org != org {
        return invalid("must be nodes of this organization");
    }
    node_ids.sort_unstable();
    node_ids.dedup();
    if !(1..=TEMPLATE_NODES_MAX).contains(&node_ids.len()) {
        return invalid("must be 1 to 200 nodes");
    }
    let (view, _) = api.live_canvas(&canvas).await?;
    let mut nodes = Vec::with_capacity(node_ids.len());
    for id in node_ids {
        let Some(on_canvas) = view.nodes.get(&id).filter(|node| node.deleted_at.is_none()).cloned() else {
            return invalid("must be nodes of this project that are not in the trash");
        };
        let document = api.node_document(caller, id, Access::Read).await?.document;
        let (content, _, _) = api.documents.read(&document, |txn| node::read(txn)).await?;
        nodes.push(Captured { id, on_canvas, content });
    }
    Ok(capture(&view, nodes))
}
