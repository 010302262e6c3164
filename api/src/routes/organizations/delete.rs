//! `DELETE /orgs/{orgId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::OrgAction;
use platform::db::organizations;
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::problem::{Code, Problem, ProblemBody};

/// That it is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The organization's slug, as a confirmation.
    #[param(required, example = "analytical-engines")]
    confirm: Option<String>,
}

/// Delete an organization with all that it holds
///
/// For owners. Everybody is out at once, open sockets included. What it held (projects, documents with their whole
/// history, people's roles, invitations, keys) is erased in the minutes that follow and cannot be brought back; a
/// replica that somebody kept is never merged into anything later. What stays is the audit log, for whoever runs the
/// server. The slug is free again.
#[utoipa::path(delete, path = "/orgs/{orgId}", tag = "organizations", operation_id = "deleteOrganization",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses(
        (status = NO_CONTENT, description = "It is no more."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is no owner. `PERSON_REQUIRED`: an API key cannot do this.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<StatusCode, Problem> {
    api.organization(&caller, id, OrgAction::Delete).await?;
    let deleted = match parameters.confirm {
        Some(slug) => organizations::delete(&api.db, id, &caller.actor, &slug).await?,
        None => None,
    };
    let deleted = deleted.ok_or_else(|| {
        Problem::new(Code::InvalidParameter)
            .detail("confirm: must be the organization's slug, to show that it is meant.")
    })?;
    api.documents.close_deleted(&deleted.documents);
    for member in deleted.members {
        api.access_news.announce(member);
    }
    api.erasure.hurry();
    Ok(StatusCode::NO_CONTENT)
}
