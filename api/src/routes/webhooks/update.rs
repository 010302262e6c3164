//! `PATCH /orgs/{orgId}/webhooks/{webhookId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::access::OrgAction;
use platform::db::webhooks::{self, Webhook, WebhookChanges};
use schema::ids::{OrgId, WebhookId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DESCRIPTION_LENGTH_MAX, WebhookBody, checked_kinds, checked_url};
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{ContentTag, answer_with_digest, if_match, require};
use crate::extract::{self, Ids};
use crate::fields::Fields;
use crate::problem::{Problem, ProblemBody};

/// What is to be changed; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookChanges)]
pub(super) struct Request {
    /// Where it is.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false, max_length = 2000)]
    url: Option<String>,
    /// What it is for.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false, max_length = 500)]
    description: Option<String>,
    /// Of which types of events it is told; empty: of all but moves of nodes.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false)]
    events: Option<Vec<String>>,
    /// Whether it is told anything.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false)]
    active: Option<bool>,
}

/// Change a webhook
///
/// For owners and admins. One that is made active again starts without failures.
#[utoipa::path(patch, path = "/orgs/{orgId}/webhooks/{webhookId}", tag = "webhooks", operation_id = "updateWebhook",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag: change it only if it is still as it was then."),
    ),
    request_body = Request,
    responses(
        (status = OK, description = "As it is now.", body = WebhookBody,
            headers(("ETag" = String, description = "Another one for every change."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the webhook has changed; ETag says what it is now.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, WebhookId>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let mut fields = Fields::default();
    let Request { url, description, events, active } = request;
    let changes = WebhookChanges {
        url: url.map(|url| checked_url(&api, &mut fields, &url)),
        description: description.map(|text| fields.text("description", &text, DESCRIPTION_LENGTH_MAX)),
        kinds: events.map(|names| checked_kinds(&mut fields, &names)),
        active,
    };
    fields.finish()?;
    let change = |present: Webhook| {
        require(condition.as_ref(), &ContentTag::of(&WebhookBody::from(present)))?;
        Ok::<_, Problem>(changes)
    };
    let webhook = webhooks::update(&api.db, org, &caller.actor, id, change).await?;
    let webhook = WebhookBody::from(webhook.ok_or_else(|| Problem::not_found("webhook"))?);
    Ok(answer_with_digest(None, webhook))
}
