//! `PATCH /orgs/{orgId}/webhooks/{webhookId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OrgAction;
use platform::db::webhooks::{self, WebhookChanges};
use schema::ids::{OrgId, WebhookId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DESCRIPTION_LENGTH_MAX, WebhookBody, checked_kinds, checked_url};
use crate::Api;
use crate::authenticate::Caller;
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
    ),
    request_body = Request,
    responses(
        (status = OK, description = "As it is now.", body = WebhookBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, WebhookId>,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<WebhookBody>, Problem> {
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
    let webhook = webhooks::update(&api.db, org, &caller.actor, id, &changes).await?;
    Ok(Json(webhook.ok_or_else(|| Problem::not_found("webhook"))?.into()))
}
