//! `/orgs/{orgId}/webhooks/{webhookId}/deliveries`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use platform::access::OrgAction;
use platform::db::webhooks::{self, Delivery, DeliveryState};
use platform::db::{Creation, Sort};
use schema::ids::{DeliveryId, OrgId, WebhookId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Ids, Ids3, Query};
use crate::idempotency::IdempotencyKey;
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::{Problem, ProblemBody};

/// A message to a webhook, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
pub(super) struct DeliveryBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: DeliveryId,
    /// The header `webhook-id` of the message: the same for all tries and redeliveries.
    #[schema(example = "msg_0192d3e05b7a7c3e8f003f2a9f1c4d5e")]
    message_id: String,
    /// The type of the event, or `ping`.
    #[serde(rename = "type")]
    #[schema(example = "node_created")]
    kind: String,
    /// What is told: `data` of the message.
    #[schema(value_type = Object)]
    data: Value,
    /// Where it stands.
    state: StateBody,
    /// How often it was tried.
    attempts: i32,
    /// When it is tried next; `null` when it is not.
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
    /// When it was tried last.
    #[schema(required)]
    attempted_at: Option<DateTime<Utc>>,
    /// How long that took, in milliseconds.
    #[schema(required)]
    duration_ms: Option<i32>,
    /// The status of the answer.
    #[schema(required, example = 200)]
    response_status: Option<i32>,
    /// The first kilobyte of the answer.
    #[schema(required)]
    response_body: Option<String>,
    /// Why there was no answer, or why it was given up.
    #[schema(required)]
    error: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WebhookDeliveryState)]
pub(super) enum StateBody {
    /// It is to be tried, or tried again.
    Pending,
    /// The webhook has said that it got it.
    Delivered,
    /// It was given up.
    Failed,
}

impl From<DeliveryState> for StateBody {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Failed => Self::Failed,
        }
    }
}

impl From<StateBody> for DeliveryState {
    fn from(state: StateBody) -> Self {
        match state {
            StateBody::Pending => Self::Pending,
            StateBody::Delivered => Self::Delivered,
            StateBody::Failed => Self::Failed,
        }
    }
}

impl From<Delivery> for DeliveryBody {
    fn from(it: Delivery) -> Self {
        Self {
            id: it.id,
            message_id: format!("msg_{}", it.message_id.as_simple()),
            kind: it.kind,
            data: it.payload,
            state: it.state.into(),
            attempts: it.attempts,
            next_attempt_at: (it.state == DeliveryState::Pending).then_some(it.due_at),
            attempted_at: it.attempted_at,
            duration_ms: it.duration_ms,
            response_status: it.status,
            response_body: it.answer,
            error: it.error,
            created_at: it.created_at,
        }
    }
}

/// Which part of the log, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<Creation>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only those that stand so.
    #[param(inline)]
    state: Option<StateBody>,
}

/// Read a webhook's log
///
/// For owners and admins, the newest first unless `sort` says otherwise. It is kept for some days.
#[utoipa::path(get, path = "/orgs/{orgId}/webhooks/{webhookId}/deliveries", tag = "webhooks",
    operation_id = "listWebhookDeliveries",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
        Parameters,
    ),
    responses(
        (status = OK, description = "A page of deliveries.", body = Page<DeliveryBody>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, WebhookId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<DeliveryBody>>, Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let Parameters { sort, cursor, limit, state } = parameters;
    let page = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::descending(Creation::CreatedAt))?;
    webhooks::find(&api.db, org, id).await?.ok_or_else(|| Problem::not_found("webhook"))?;
    let page = webhooks::deliveries(&api.db, org, id, state.map(DeliveryState::from), page).await?;
    Ok(Json(Page::of(page, DeliveryBody::from)))
}

/// Read a delivery
///
/// For owners and admins.
#[utoipa::path(get, path = "/orgs/{orgId}/webhooks/{webhookId}/deliveries/{deliveryId}", tag = "webhooks",
    operation_id = "getWebhookDelivery",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
        ("deliveryId" = Uuid, Path, description = "The delivery's id."),
    ),
    responses(
        (status = OK, description = "The delivery.", body = DeliveryBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids3(org, webhook, id): Ids3<OrgId, WebhookId, DeliveryId>,
) -> Result<Json<DeliveryBody>, Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let delivery = webhooks::find_delivery(&api.db, org, webhook, id).await?;
    Ok(Json(delivery.ok_or_else(|| Problem::not_found("delivery"))?.into()))
}

/// Deliver a message once more
///
/// For owners and admins. It is sent at once, under the message's id, as a delivery of its own.
#[utoipa::path(post, path = "/orgs/{orgId}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver", tag = "webhooks",
    operation_id = "redeliverWebhookDelivery",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("webhookId" = Uuid, Path, description = "The webhook's id."),
        ("deliveryId" = Uuid, Path, description = "The delivery's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    responses(
        (status = ACCEPTED, description = "The new delivery.", body = DeliveryBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn redeliver(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids3(org, webhook, id): Ids3<OrgId, WebhookId, DeliveryId>,
    key: IdempotencyKey,
) -> Result<(StatusCode, Json<DeliveryBody>), Problem> {
    api.organization(&caller, org, OrgAction::ManageWebhooks).await?;
    let again = DeliveryId::new(key.new_id(&api, caller.user, &format!("redeliveries of {id}")).await?);
    let delivery = webhooks::redeliver(&api.db, org, webhook, id, again).await?;
    let delivery = delivery.ok_or_else(|| Problem::not_found("delivery"))?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}
