//! `PATCH /templates/{templateId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::db::templates::{self, TemplateFields};
use schema::Patch;
use schema::ids::TemplateId;
use schema::template::Template;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{TemplateBody, check_agent_config, structure_schema};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::{DESCRIPTION_LENGTH_MAX, Fields, NAME_LENGTH_MAX};
use crate::problem::{Problem, ProblemBody};

/// What is to change. A field that is left out stays as it is; `null` empties it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TemplatePatch)]
pub(super) struct Request {
    /// 1 to 255 characters; cannot be emptied.
    #[serde(default)]
    #[schema(value_type = String, required = false, example = "Research brief", min_length = 1, max_length = 255)]
    name: Patch<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 10000)]
    description: Patch<String>,
    /// What it makes, as a whole; cannot be emptied.
    #[serde(default)]
    #[schema(schema_with = structure_schema, required = false)]
    structure: Patch<Template>,
    /// What agents that work on its nodes are to know, as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Object>, required = false)]
    agent_config: Patch<Map<String, Value>>,
}

/// Change a template
///
/// For whoever made it, and for administrators of its organization. What was made with it stays as it is.
#[utoipa::path(patch, path = "/templates/{templateId}", tag = "templates", operation_id = "updateTemplate",
    params(("templateId" = Uuid, Path, description = "The template's id.")),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The template as it is now.", body = TemplateBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the template is somebody else's, or comes with the server.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<TemplateId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<TemplateBody>, Problem> {
    let present = api.template_to_change(&caller, id).await?;
    let mut fields = Fields::default();
    let cannot_be_emptied = "cannot be emptied; leave it out to keep it";
    let name = match request.name {
        Patch::Absent => present.name,
        Patch::Set(name) => fields.line("name", &name, 1..=NAME_LENGTH_MAX),
        Patch::Clear => {
            fields.refuse("name", cannot_be_emptied);
            present.name
        }
    };
    let description = match request.description {
        Patch::Absent => present.description,
        Patch::Clear => String::new(),
        Patch::Set(description) => fields.text("description", &description, DESCRIPTION_LENGTH_MAX),
    };
    let structure = match request.structure {
        Patch::Absent => present.structure,
        Patch::Set(structure) => structure,
        Patch::Clear => {
            fields.refuse("structure", cannot_be_emptied);
            present.structure
        }
    };
    fields.finish()?;
    let agent_config = match request.agent_config {
        Patch::Absent => present.agent_config,
        Patch::Clear => Map::new(),
        Patch::Set(config) => config,
    };
    check_agent_config(&agent_config)?;
    structure.check().map_err(super::create::unfit)?;
    let fields = TemplateFields { name, description, structure, agent_config };
    let updated = templates::update(&api.db, present.org, id, &caller.actor, &fields).await?;
    Ok(Json(updated.ok_or_else(|| Problem::not_found("template"))?.into()))
}
