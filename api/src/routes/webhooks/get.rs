//! `GET /orgs/{orgId}/webhooks/{webhookId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::webhooks;
use schema::ids::{OrgId, WebhookId};

use super::WebhookBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Read a webhook
///
/// For owners and admins.
#[utoipa::path(get, path = "/orgs/{orgId}/webhooks/{webhookId}", tag = "webhooks", operation_id = "getWebhook",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
    ),
    responses(
        (status = OK, description = "The webhook.", body = WebhookBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, WebhookId>,
) -> Result<Json<WebhookBody>, Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let webhook = webhooks::find(&api.db, org, id).await?;
    Ok(Json(webhook.ok_or_else(|| Problem::not_found("webhook"))?.into()))
}
