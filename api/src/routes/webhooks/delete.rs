//! `DELETE /orgs/{orgId}/webhooks/{webhookId}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use platform::access::OrgAction;
use platform::db::webhooks;
use schema::ids::{OrgId, WebhookId};

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Delete a webhook
///
/// For owners and admins. Its log goes with it.
#[utoipa::path(delete, path = "/orgs/{orgId}/webhooks/{webhookId}", tag = "webhooks", operation_id = "deleteWebhook",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
    ),
    responses(
        (status = NO_CONTENT, description = "Deleted."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, WebhookId>,
) -> Result<StatusCode, Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    if webhooks::delete(&api.db, org, &caller.actor, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("webhook"))
    }
}
