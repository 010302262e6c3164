//! `/orgs/{orgId}/api-keys`: keys for programs.

mod create;
mod get;
mod list;
mod revoke;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::access::Scope;
use platform::db::api_keys::ApiKey;
use schema::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Api;

/// An API key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
pub(super) struct ApiKeyBody {
    /// Its id. What is done with the key is done by the principal `api_key:<id>`.
    id: Uuid,
    /// What it is called.
    #[schema(example = "Nightly import")]
    name: String,
    /// The characters that it begins with.
    #[schema(example = "sk-4f2a9c1")]
    hint: String,
    /// What it may be used for, within what the person may who made it.
    scopes: Vec<ScopeBody>,
    /// Who made it, and for whom it acts.
    #[schema(value_type = Uuid)]
    created_by: UserId,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends by itself.
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[schema(required)]
    revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
}

/// What an API key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKeyScope)]
pub(super) enum ScopeBody {
    /// To read.
    #[serde(rename = "api:read")]
    Read,
    /// To read and to write.
    #[serde(rename = "api:write")]
    Write,
}

impl From<Scope> for ScopeBody {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
        }
    }
}

impl From<ScopeBody> for Scope {
    fn from(scope: ScopeBody) -> Self {
        match scope {
            ScopeBody::Read => Self::Read,
            ScopeBody::Write => Self::Write,
        }
    }
}

impl From<ApiKey> for ApiKeyBody {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            hint: key.hint,
            scopes: key.scopes.into_iter().map(ScopeBody::from).collect(),
            created_by: key.created_by,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list::handler, create::handler)).routes(routes!(get::handler, revoke::handler))
}
