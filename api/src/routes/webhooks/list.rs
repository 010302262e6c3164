//! `GET /orgs/{orgId}/webhooks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::webhooks;
use schema::ids::OrgId;

use super::WebhookBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::pagination::Page;
use crate::problem::{Problem, ProblemBody};

/// List an organization's webhooks
///
/// For owners and admins, oldest first. There are few enough for one page.
#[utoipa::path(get, path = "/orgs/{orgId}/webhooks", tag = "webhooks", operation_id = "listWebhooks",
    params(("orgId" = Uuid, Path, description = "The organization's id.")),
    responses(
        (status = OK, description = "The webhooks.", body = Page<WebhookBody>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
) -> Result<Json<Page<WebhookBody>>, Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let webhooks = webhooks::list(&api.db, org).await?;
    Ok(Json(Page::whole(webhooks.into_iter().map(WebhookBody::from))))
}
