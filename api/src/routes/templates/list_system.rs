//! `GET /templates`

use axum::Json;
use platform::access::OwnAction;

use super::{TemplateBody, system};
use crate::authenticate::Caller;
use crate::pagination::Page;
use crate::problem::Problem;

/// List the templates that come with the server
///
/// All of them; those of an organization are listed with it.
#[utoipa::path(get, path = "/templates", tag = "templates", operation_id = "listSystemTemplates",
    responses((status = OK, description = "The templates.", body = Page<TemplateBody>)))]
pub(super) async fn handler(caller: Caller) -> Result<Json<Page<TemplateBody>>, Problem> {
    caller.check(OwnAction::View)?;
    Ok(Json(Page::whole(system::all().iter().map(TemplateBody::from))))
}
