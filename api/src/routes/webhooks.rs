//! `/orgs/{orgId}/webhooks`: which other servers are told what happens, and what became of it.

mod create;
mod delete;
mod deliveries;
mod get;
mod list;
mod ping;
mod rotate;
mod update;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::db::events::EventKind;
use platform::db::webhooks::Webhook;
use platform::outbound::check_url;
use schema::ids::WebhookId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::events::TypeBody;
use crate::Api;
use crate::fields::Fields;

/// The longest description, in characters.
const DESCRIPTION_LENGTH_MAX: usize = 500;
/// The sorts of events that go to single persons only.
const PRIVATE: [EventKind; 2] = [EventKind::Notification, EventKind::NotificationsRead];

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(super) struct WebhookBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: WebhookId,
    /// Where it is.
    #[schema(example = "https://example.com/hooks/glassbox")]
    url: String,
    /// What it is for.
    #[schema(example = "The tracker")]
    description: String,
    /// Of which events it is told; empty: of all but moves of nodes.
    events: Vec<TypeBody>,
    /// Whether it is told anything.
    active: bool,
    /// Why the server made it inactive.
    #[schema(required)]
    disabled_reason: Option<String>,
    /// Since when nothing gets through.
    #[schema(required)]
    failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    updated_at: DateTime<Utc>,
}

/// A secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookSecret {
    /// With what messages are signed, as the Standard Webhooks scheme has it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

impl From<Webhook> for WebhookBody {
    fn from(it: Webhook) -> Self {
        Self {
            id: it.id,
            url: it.url,
            description: it.description,
            events: it.kinds.into_iter().map(TypeBody::from).collect(),
            active: it.active,
            disabled_reason: it.disabled_why,
            failing_since: it.failing_since,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// The address of a webhook, in its usual form.
fn checked_url(api: &Api, fields: &mut Fields, url: &str) -> String {
    check_url(url, api.mode.into(), api.webhook_networks).unwrap_or_else(|error| {
        fields.refuse("url", error.to_string());
        String::new()
    })
}

fn checked_kinds(fields: &mut Fields, names: &[String]) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match name.parse::<EventKind>() {
            Ok(kind) if PRIVATE.contains(&kind) => {
                fields.refuse(&format!("events.{index}"), "is told to single persons only");
            }
            Ok(kind) if kinds.contains(&kind) => {}
            Ok(kind) => kinds.push(kind),
            Err(error) => fields.refuse(&format!("events.{index}"), error.to_string()),
        }
    }
    kinds
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::handler, create::handler))
        .routes(routes!(get::handler, update::handler, delete::handler))
        .routes(routes!(rotate::handler))
        .routes(routes!(ping::handler))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::get))
        .routes(routes!(deliveries::redeliver))
}
