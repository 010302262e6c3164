//! `GET /orgs/{orgId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::access::OrgAction;
use schema::ids::OrgId;

use super::OrganizationBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{answer_unless_known, if_none_match};
use crate::extract::Id;
use crate::problem::Problem;

/// Read an organization
#[utoipa::path(get, path = "/orgs/{orgId}", tag = "organizations", operation_id = "getOrganization",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: the answer is 304 while it holds."),
    ),
    responses(
        (status = OK, description = "The organization.", body = OrganizationBody,
            headers(("ETag" = String, description = "Another one for every change."))),
        (status = NOT_MODIFIED, description = "Nothing has changed since."),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = if_none_match(&headers)?;
    let organization = OrganizationBody::from(api.organization(&caller, id, OrgAction::View).await?);
    Ok(answer_unless_known(known.as_ref(), organization.tag(), organization))
}
