//! `GET /orgs/{orgId}/webhooks/{webhookId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::access::OrgAction;
use platform::db::webhooks;
use schema::ids::{OrgId, WebhookId};

use super::WebhookBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{answer_with_digest, if_none_match};
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Read a webhook
///
/// For owners and admins.
#[utoipa::path(get, path = "/orgs/{orgId}/webhooks/{webhookId}", tag = "webhooks", operation_id = "getWebhook",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: the answer is 304 while it holds."),
    ),
    responses(
        (status = OK, description = "The webhook.", body = WebhookBody,
            headers(("ETag" = String, description = "Another one for every change."))),
        (status = NOT_MODIFIED, description = "Nothing has changed since."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, WebhookId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = if_none_match(&headers)?;
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let webhook = webhooks::find(&api.db, org, id).await?;
    let webhook = WebhookBody::from(webhook.ok_or_else(|| Problem::not_found("webhook"))?);
    Ok(answer_with_digest(known.as_ref(), webhook))
}
