//! `DELETE /templates/{templateId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::db::templates;
use schema::ids::TemplateId;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Delete a template
///
/// For whoever made it, and for administrators of its organization. What was made with it stays.
#[utoipa::path(delete, path = "/templates/{templateId}", tag = "templates", operation_id = "deleteTemplate",
    params(("templateId" = Uuid, Path, description = "The template's id.")),
    responses(
        (status = NO_CONTENT, description = "It is gone."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the template is somebody else's, or comes with the server.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<TemplateId>,
) -> Result<StatusCode, Problem> {
    let template = api.template_to_change(&caller, id).await?;
    if !templates::delete(&api.db, template.org, id, &caller.actor).await? {
        return Err(Problem::not_found("template"));
    }
    Ok(StatusCode::NO_CONTENT)
}
