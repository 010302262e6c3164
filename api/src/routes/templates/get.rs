//! `GET /templates/{templateId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schema::ids::TemplateId;

use super::{Found, TemplateBody};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Read a template
#[utoipa::path(get, path = "/templates/{templateId}", tag = "templates", operation_id = "getTemplate",
    params(("templateId" = Uuid, Path, description = "The template's id.")),
    responses(
        (status = OK, description = "The template.", body = TemplateBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is a guest of its organization.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<TemplateId>,
) -> Result<Json<TemplateBody>, Problem> {
    Ok(Json(match api.template(&caller, id).await? {
        Found::System(template) => template.into(),
        Found::Org(template, _) => (*template).into(),
    }))
}
