//! `/templates`, and `/orgs/{orgId}/templates`.

mod apply;
mod create;
mod delete;
mod get;
mod list;
mod list_system;
mod system;
mod update;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::access::{OrgAction, OrgRole};
use platform::db::templates::{self, OrgTemplate};
use schema::ids::{OrgId, TemplateId, UserId};
use schema::template::Template;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::authenticate::Caller;
use crate::problem::{Code, Problem};

/// The largest notes for agents, in bytes of JSON.
const AGENT_CONFIG_BYTES_MAX: usize = 16 * 1024;

/// A template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Template)]
struct TemplateBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: TemplateId,
    /// The organization that it belongs to; `null`: it comes with the server.
    #[schema(value_type = Option<Uuid>, required)]
    org_id: Option<OrgId>,
    /// Its name.
    #[schema(example = "Research brief")]
    name: String,
    /// What it is for.
    #[schema(example = "A question, what is known, and an answer")]
    description: String,
    /// What it makes: `parameters`, `nodes` and `dependencies`.
    #[schema(schema_with = structure_schema)]
    structure: Template,
    /// What agents that work on its nodes are to know.
    #[schema(value_type = Object)]
    agent_config: Map<String, Value>,
    /// Who made it.
    #[schema(value_type = Option<Uuid>, required)]
    created_by: Option<UserId>,
    /// When it was made.
    #[schema(required)]
    created_at: Option<DateTime<Utc>>,
    /// When it last changed.
    #[schema(required)]
    updated_at: Option<DateTime<Utc>>,
}

impl From<OrgTemplate> for TemplateBody {
    fn from(template: OrgTemplate) -> Self {
        Self {
            id: template.id,
            org_id: Some(template.org),
            name: template.name,
            description: template.description,
            structure: template.structure,
            agent_config: template.agent_config,
            created_by: template.created_by,
            created_at: Some(template.created_at),
            updated_at: Some(template.updated_at),
        }
    }
}

/// The shape of a template's structure, as far as a schema can say it.
fn structure_schema() -> Object {
    let example = serde_json::json!({
        "parameters": [{"name": "topic", "label": "What is it about?"}],
        "nodes": [
            {"key": "question", "title": "What do we want to know of {{topic}}?", "x": 0, "y": 0},
            {"key": "answer", "title": "Answer", "authorType": "agent", "x": 320, "y": 0, "inputs": [{"source": "question"}]},
        ],
        "dependencies": [{"source": "question", "target": "answer"}],
    });
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(
            "`parameters` (name, label, default), `nodes` (key, title, body, parent, authorType, x, y, width, height, \
             metadata, inputs, outputs) and `dependencies` (source, target, by the nodes' keys). Texts may hold placeholders, \
             `{{name}}`, for parameters. A node that is inside another comes after it.",
        ))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .examples([example])
        .build()
}

/// A template that the caller may see.
enum Found {
    System(&'static system::SystemTemplate),
    Org(Box<OrgTemplate>, OrgRole),
}

impl Api {
    async fn template(&self, caller: &Caller, id: TemplateId) -> Result<Found, Problem> {
        if let Some(template) = system::find(id) {
            return Ok(Found::System(template));
        }
        let found = templates::find(&self.db, caller.user, id).await?;
        let found = found.filter(|(template, _)| caller.only_org().is_none_or(|only| only == template.org));
        let (template, role) = found.ok_or_else(|| Problem::not_found("template"))?;
        OrgAction::UseTemplates.check(role, caller.means())?;
        Ok(Found::Org(Box::new(template), role))
    }

    /// What a template of an organization, or one that comes with the server, says of agents.
    pub(super) async fn agent_config(
        &self,
        caller: &Caller,
        org: OrgId,
        id: TemplateId,
    ) -> Result<Map<String, Value>, Problem> {
        match self.template(caller, id).await? {
            Found::System(template) => Ok(template.agent_config().clone()),
            Found::Org(template, _) if template.org == org => Ok(template.agent_config),
            Found::Org(..) => Err(Problem::not_found("template")),
        }
    }

    /// A template that the caller may change: one's own, or as an administrator.
    async fn template_to_change(&self, caller: &Caller, id: TemplateId) -> Result<OrgTemplate, Problem> {
        let Found::Org(template, role) = self.template(caller, id).await? else {
            return Err(Problem::new(Code::Forbidden).detail("Templates that come with the server stay as they are."));
        };
        let is_own = template.created_by == Some(caller.user);
        let action = if is_own { OrgAction::MakeTemplates } else { OrgAction::ManageTemplates };
        action.check(role, caller.means())?;
        Ok(*template)
    }
}

/// Whether notes for agents may be kept.
fn check_agent_config(config: &Map<String, Value>) -> Result<(), Problem> {
    let json = Value::Object(config.clone()).to_string();
    let message = if json.len() > AGENT_CONFIG_BYTES_MAX {
        format!("must be at most {AGENT_CONFIG_BYTES_MAX} bytes of JSON")
    } else if json.contains(r"\u0000") {
        "must not hold the character U+0000".to_owned()
    } else {
        return Ok(());
    };
    Err(Problem::new(Code::ValidationFailed).field_error("agentConfig", message))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list_system::handler))
        .routes(routes!(list::handler, create::handler))
        .routes(routes!(get::handler, update::handler, delete::handler))
        .routes(routes!(apply::handler))
}
