//! `POST /templates/{templateId}/apply`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::SecondsFormat;
use documents::EditFailed;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use platform::access::Access;
use platform::db::documents as document_rows;
use platform::db::documents::DocumentRef;
use platform::db::versions::NodeChange;
use schema::ids::{EdgeId, NodeId, ProjectId, TemplateId};
use schema::node::{self, NodePatch};
use schema::template::{Application, Plan, Template};
use schema::{PatchError, PatchErrorCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Found;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// Node documents that are written at the same time.
const AT_ONCE: usize = 8;

/// Where and how a template is to be applied.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TemplateApplication)]
pub(super) struct Request {
    /// The project.
    #[schema(value_type = uuid::Uuid)]
    project_id: ProjectId,
    /// The node that the outermost nodes are to be inside; left out: none.
    #[schema(value_type = Option<uuid::Uuid>)]
    parent_id: Option<NodeId>,
    /// Where the template's origin is to be on the canvas; left out: at the canvas's.
    position: Option<Origin>,
    /// Values of the template's parameters.
    #[schema(value_type = Option<BTreeMap<String, String>>, example = json!({"topic": "Bicycles"}))]
    parameters: Option<BTreeMap<String, String>>,
}

/// A place on the canvas, in canvas units.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Position)]
struct Origin {
    /// The left edge.
    x: f64,
    /// The upper edge.
    y: f64,
}

/// What a template made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AppliedTemplate)]
pub(super) struct Answer {
    /// The project.
    #[schema(value_type = uuid::Uuid)]
    project_id: ProjectId,
    /// The nodes, in the template's order.
    nodes: Vec<AppliedNode>,
    /// The ids of the dependencies, in the template's order.
    #[schema(value_type = Vec<uuid::Uuid>)]
    dependency_ids: Vec<EdgeId>,
}

/// A node that a template made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AppliedTemplateNode)]
struct AppliedNode {
    /// What the template calls it.
    #[schema(example = "question")]
    key: String,
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: NodeId,
    /// Its title.
    title: String,
}

/// Apply a template to a project
///
/// All nodes and dependencies come onto the canvas in one edit, or none does; then each node gets its text, inputs and
/// outputs. If these cannot all be saved (503), the same request with the same `Idempotency-Key` completes them.
#[utoipa::path(post, path = "/templates/{templateId}/apply", tag = "templates", operation_id = "applyTemplate",
    params(
        ("templateId" = Uuid, Path, description = "The template's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Applied.", body = Answer),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read the project.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: something of the same ids is there.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<TemplateId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    let template = api.template(&caller, id).await?;
    let project = request.project_id;
    let canvas = api.project(&caller, project, Access::Write).await?.document;
    let structure = template.structure_for(canvas.org)?;
    let Origin { x, y } = request.position.unwrap_or_default();
    let mut application = Application {
        seed: Uuid::nil(),
        author: Some(caller.user),
        parent: request.parent_id,
        origin: (x, y),
        parameters: request.parameters.unwrap_or_default(),
        provenance: provenance(&api, &caller, id),
    };
    structure.plan(&application)?.check_contents()?;
    application.seed = key.new_id(&api, caller.user, &format!("template {id} in {project}")).await?;
    let plan = structure.plan(&application)?;
    apply(&api, &caller, &canvas, &key, &plan).await?;
    let node =
        |planned: schema::template::PlannedNode| AppliedNode { key: planned.key, id: planned.id, title: planned.title };
    let nodes = plan.nodes.into_iter().map(node).collect();
    let answer = Answer { project_id: project, nodes, dependency_ids: plan.dependencies };
    Ok((StatusCode::CREATED, Json(answer)))
}

impl Found {
    /// What the template makes in a project of this organization. Another organization's may hold what must stay there.
    fn structure_for(&self, org: schema::ids::OrgId) -> Result<&Template, Problem> {
        match self {
            Self::System(template) => Ok(&template.structure),
            Self::Org(template, _) if template.org == org => Ok(&template.structure),
            Self::Org(..) => {
                let message = "must be of the organization that the template belongs to";
                Err(Problem::new(Code::ValidationFailed).field_error("projectId", message))
            }
        }
    }
}

fn provenance(api: &Api, caller: &Caller, template: TemplateId) -> Map<String, Value> {
    let now = api.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let provenance = json!({"userId": caller.user, "templateId": template, "createdAt": now});
    if let Value::Object(provenance) = provenance { provenance } else { Map::new() }
}

/// Makes the edits: the canvas's as one, then those of the nodes' own documents.
async fn apply(
    api: &Api,
    caller: &Caller,
    canvas: &DocumentRef,
    key: &IdempotencyKey,
    plan: &Plan,
) -> Result<(), Problem> {
    let project = canvas.project.ok_or_else(|| Problem::not_found("project"))?;
    let ids: Vec<NodeId> = plan.nodes.iter().map(|node| node.id).collect();
    let documents = document_rows::ensure_nodes(&api.db, canvas.org, project, &ids).await?;
    let documents = documents.ok_or_else(|| Problem::new(Code::Conflict))?;
    match api.edit_canvas(canvas, &caller.principal, None, plan.canvas.clone()).await {
        // The request was sent before.
        Err(EditFailed::Patch(error)) if error.code == PatchErrorCode::AlreadyExists && key.is_given() => {}
        edited => drop(edited?),
    }
    fill(api, caller, &documents, plan).await?;
    stream::iter(documents)
        .for_each_concurrent(AT_ONCE, |document| async move {
            api.keep_version(caller, &document, NodeChange::Created, "Created from a template").await;
        })
        .await;
    Ok(())
}

/// Writes what the nodes hold into their documents.
async fn fill(api: &Api, caller: &Caller, documents: &[DocumentRef], plan: &Plan) -> Result<(), Problem> {
    let contents: Vec<_> = documents
        .iter()
        .copied()
        .zip(&plan.nodes)
        .filter(|(_, node)| !node.content.is_empty())
        .map(|(document, node)| (document, node.content.clone()))
        .collect();
    stream::iter(contents)
        .map(|(document, patches)| async move {
            let patch: documents::replica::Patch = Box::new(move |txn| begin(txn, &patches));
            api.edit(&document, &caller.principal, None, patch).await
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(async |_| Ok(()))
        .await?;
    Ok(())
}

/// Writes what a new node holds. What is there already stays.
fn begin(txn: &mut yrs::TransactionMut<'_>, patches: &[NodePatch]) -> Result<(), PatchError> {
    for patch in patches {
        if matches!(patch, NodePatch::SetBody { .. }) && !node::read(txn).body.is_empty() {
            continue;
        }
        match node::apply(patch, txn) {
            Err(error) if error.code == PatchErrorCode::AlreadyExists => {}
            applied => applied?,
        }
    }
    Ok(())
}
