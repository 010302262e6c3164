//! `POST /orgs/{orgId}/webhooks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::OrgAction;
use platform::db::DbError;
use platform::db::webhooks::{self, NewWebhook, TOO_MANY_WEBHOOKS};
use platform::webhooks::signature;
use schema::ids::{OrgId, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DESCRIPTION_LENGTH_MAX, WebhookBody, checked_kinds, checked_url};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::Fields;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// What a webhook begins with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub(super) struct Request {
    /// Where it is: `https://…`, reachable from the internet.
    #[schema(example = "https://example.com/hooks/glassbox", max_length = 2000)]
    url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(example = "The tracker", max_length = 500)]
    description: String,
    /// Of which types of events it is told; left out or empty: of all but moves of nodes.
    #[serde(default)]
    #[schema(example = json!(["node_created", "node_updated"]))]
    events: Vec<String>,
    /// Whether it is told anything yet.
    #[serde(default = "yes")]
    #[schema(default = true)]
    active: bool,
}

const fn yes() -> bool {
    true
}

/// A webhook that was made, with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatedWebhook)]
pub(super) struct Created {
    #[serde(flatten)]
    webhook: WebhookBody,
    /// With what messages are signed, as the Standard Webhooks scheme has it. It is not shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Make a webhook
///
/// For owners and admins. From then on, the server sends a POST with `{"type","timestamp","data"}` to the address for each
/// event of the organization that the webhook is for; `data` is the event as in the stream of events. The headers
/// `webhook-id`, `webhook-timestamp` and `webhook-signature` follow the Standard Webhooks scheme. A message is tried until
/// a status 2xx answers it, for about a day; it may come twice, and later than one that happened after it.
#[utoipa::path(post, path = "/orgs/{orgId}/webhooks", tag = "webhooks", operation_id = "createWebhook",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Made. The secret is shown this once.", body = Created),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: the organization has as many webhooks as it may have.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let mut fields = Fields::default();
    let url = checked_url(&api, &mut fields, &request.url);
    let description = fields.text("description", &request.description, DESCRIPTION_LENGTH_MAX);
    let kinds = checked_kinds(&mut fields, &request.events);
    fields.finish()?;
    let id = WebhookId::new(key.new_id(&api, caller.user, &format!("webhooks of {org}")).await?);
    let secret = signature::new_secret(&api.random);
    let new = NewWebhook { id, url, description, kinds, active: request.active, secret };
    let most = api.limits.webhooks_per_organization;
    let made = webhooks::create(&api.db, org, &caller.actor, &new, most).await.map_err(|error| match error {
        DbError::Conflict { constraint } if constraint == TOO_MANY_WEBHOOKS => Problem::new(Code::Conflict)
            .detail(format!("An organization may have {most} webhooks. Delete one that is not needed any more.")),
        other => other.into(),
    });
    let (webhook, secret) = made?;
    Ok((StatusCode::CREATED, Json(Created { webhook: webhook.into(), secret: secret.expose().to_owned() })))
}
