//! `PATCH /templates/{templateId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::db::templates::{self, OrgTemplate, TemplateFields};
use schema::Patch;
use schema::ids::TemplateId;
use schema::template::Template;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{TemplateBody, check_agent_config, structure_schema};
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{ContentTag, answer_with_digest, if_match, require};
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
    params(
        ("templateId" = Uuid, Path, description = "The template's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag: change it only if it is still as it was then."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The template as it is now.", body = TemplateBody,
            headers(("ETag" = String, description = "Another one for every change."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the template is somebody else's, or comes with the server.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the template has changed; ETag says what it is now.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<TemplateId>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
    let org = api.template_to_change(&caller, id).await?.org;
    let change = |present: OrgTemplate| {
        require(condition.as_ref(), &ContentTag::of(&TemplateBody::from(present.clone())))?;
        request.apply(present)
    };
    let updated = templates::update(&api.db, org, id, &caller.actor, change).await?;
    let updated = TemplateBody::from(updated.ok_or_else(|| Problem::not_found("template"))?);
    Ok(answer_with_digest(None, updated))
}

impl Request {
    /// What the template is to be.
    fn apply(self, present: OrgTemplate) -> Result<TemplateFields, Problem> {
        let mut fields = Fields::default();
        let name = fields.required("name", self.name).map(|name| fields.line("name", &name, 1..=NAME_LENGTH_MAX));
        let description = match self.description {
            Patch::Absent => present.description,
            Patch::Clear => String::new(),
            Patch::Set(description) => fields.text("description", &description, DESCRIPTION_LENGTH_MAX),
        };
        let structure = fields.required("structure", self.structure).unwrap_or(present.structure);
        fields.finish()?;
        let agent_config = match self.agent_config {
            Patch::Absent => present.agent_config,
            Patch::Clear => Map::new(),
            Patch::Set(config) => config,
        };
        check_agent_config(&agent_config)?;
        structure.check().map_err(super::create::unfit)?;
        Ok(TemplateFields { name: name.unwrap_or(present.name), description, structure, agent_config })
    }
}
