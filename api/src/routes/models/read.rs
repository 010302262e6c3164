//! `GET /orgs/{orgId}/models`, `GET /orgs/{orgId}/models/{modelId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::access::{OrgAction, OrgRole};
use platform::db::models;
use schema::ids::OrgId;
use uuid::Uuid;

use super::{ModelBody, Reader};
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{answer_with_digest, if_none_match};
use crate::extract::{Id, Ids};
use crate::pagination::Page;
use crate::problem::Problem;

fn reader(caller: &Caller, role: OrgRole) -> Reader {
    let may_configure = OrgAction::Configure.check(role, caller.means()).is_ok();
    if may_configure { Reader::Administrator } else { Reader::User }
}

/// List the models that agents may use
///
/// The server's own first, then those of the organization by name. Where the organization's settings name
/// `allowedModels`, only those of them that it names, and the server's own, can be used.
#[utoipa::path(get, path = "/orgs/{orgId}/models", tag = "models", operation_id = "listModels",
    params(("orgId" = Uuid, Path, description = "The organization's id.")),
    responses((status = OK, description = "All of them.", body = Page<ModelBody>)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
) -> Result<Json<Page<ModelBody>>, Problem> {
    let (_, role) = api.organization(&caller, org, OrgAction::View).await?;
    let reader = reader(&caller, role);
    let own = models::list(&api.db, org).await?.into_iter().map(|model| ModelBody::of(model, reader));
    Ok(Json(Page::whole([ModelBody::of_server(&api.agents)].into_iter().chain(own))))
}

/// Read a model
#[utoipa::path(get, path = "/orgs/{orgId}/models/{modelId}", tag = "models", operation_id = "getModel",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("modelId" = Uuid, Path, description = "The model's id."),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: the answer is 304 while it holds."),
    ),
    responses(
        (status = OK, description = "The model.", body = ModelBody,
            headers(("ETag" = String, description = "Another one for every change."))),
        (status = NOT_MODIFIED, description = "Nothing has changed since."),
    ))]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, Uuid>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = if_none_match(&headers)?;
    let (_, role) = api.organization(&caller, org, OrgAction::View).await?;
    let model = models::find(&api.db, org, id).await?.ok_or_else(|| Problem::not_found("model"))?;
    Ok(answer_with_digest(known.as_ref(), ModelBody::of(model, reader(&caller, role))))
}
