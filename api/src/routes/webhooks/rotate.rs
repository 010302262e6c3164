//! `POST /orgs/{orgId}/webhooks/{webhookId}/rotate-secret`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::webhooks;
use platform::webhooks::signature;
use schema::ids::{OrgId, WebhookId};

use super::WebhookSecret;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Give a webhook another secret
///
/// For owners and admins. For 24 hours, messages are signed with the secret before as well.
#[utoipa::path(post, path = "/orgs/{orgId}/webhooks/{webhookId}/rotate-secret", tag = "webhooks",
    operation_id = "rotateWebhookSecret",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
    ),
    responses(
        (status = OK, description = "The new secret, which is shown this once.", body = WebhookSecret),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, WebhookId>,
) -> Result<Json<WebhookSecret>, Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let secret = signature::new_secret(&api.random);
    if !webhooks::rotate(&api.db, org, &caller.actor, id, &secret).await? {
        return Err(Problem::not_found("webhook"));
    }
    Ok(Json(WebhookSecret { secret: secret.expose().to_owned() }))
}
