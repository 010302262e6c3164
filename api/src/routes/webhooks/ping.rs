//! `POST /orgs/{orgId}/webhooks/{webhookId}/ping`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::OrgAction;
use platform::db::webhooks;
use schema::ids::{DeliveryId, OrgId, WebhookId};

use super::deliveries::DeliveryBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Problem, ProblemBody};

/// Try a webhook
///
/// For owners and admins. Sends a message of the type `ping`, to an inactive webhook as well. What becomes of it is in the log.
#[utoipa::path(post, path = "/orgs/{orgId}/webhooks/{webhookId}/ping", tag = "webhooks", operation_id = "pingWebhook",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    responses(
        (status = ACCEPTED, description = "It is sent at once.", body = DeliveryBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, WebhookId>,
    key: IdempotencyKey,
) -> Result<(StatusCode, Json<DeliveryBody>), Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let delivery = DeliveryId::new(key.new_id(&api, caller.user, &format!("pings of {id}")).await?);
    let delivery = webhooks::ping(&api.db, org, id, delivery, api.clock.now()).await?;
    let delivery = delivery.ok_or_else(|| Problem::not_found("webhook"))?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}
