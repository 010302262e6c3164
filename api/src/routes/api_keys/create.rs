//! `POST /orgs/{orgId}/api-keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use platform::access::{OrgAction, Scope};
use platform::auth::FreshApiKey;
use platform::db::api_keys::{self, NewApiKey};
use schema::ids::OrgId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiKeyBody, ScopeBody};
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};
use crate::{Api, extract};

/// The longest that a key may last, in days, if it is to end by itself.
const DAYS_MAX: i64 = 3_650;

/// What a key is made for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub(super) struct Request {
    /// What it is called.
    #[schema(example = "Nightly import", min_length = 1, max_length = 255)]
    name: String,
    /// What it may be used for; `api:write` includes `api:read`.
    #[schema(example = json!(["api:read"]), min_items = 1)]
    scopes: Vec<ScopeBody>,
    /// When it ends by itself; left out: never.
    #[schema(nullable = false)]
    expires_at: Option<DateTime<Utc>>,
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FreshApiKey)]
pub(super) struct Answer {
    /// What is known of it from now on.
    #[serde(flatten)]
    about: ApiKeyBody,
    /// The key, to be sent as `Authorization: Bearer <key>`. It is shown this once and stored nowhere.
    #[schema(example = "sk-4f2a9c1e…")]
    key: String,
}

/// Make an API key
///
/// For owners and admins who have signed in. The key acts for the caller, in this organization alone, within its scopes,
/// for as long as the caller belongs to the organization. What takes somebody in person (keys, owners, the organization's
/// end, profiles) no key can do.
#[utoipa::path(post, path = "/orgs/{orgId}/api-keys", tag = "organizations", operation_id = "createApiKey",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sure that no second key is made when the request is sent again; the first is not shown again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Made.", body = Answer),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `PERSON_REQUIRED`: an API key cannot do this.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: a key was made with this `Idempotency-Key`. `LIMIT_REACHED`: there are as many keys as there may be.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, [(http::HeaderName, &'static str); 1], Json<Answer>), Problem> {
    api.organization(&caller, org, OrgAction::ManageApiKeys).await?;
    let mut fields = Fields::default();
    let name = fields.line("name", &request.name, 1..=NAME_LENGTH_MAX);
    let mut scopes: Vec<Scope> = request.scopes.into_iter().map(Scope::from).collect();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        fields.refuse("scopes", "must name one at least");
    }
    if let Some(expires_at) = request.expires_at {
        fields.future("expiresAt", expires_at, api.clock.now(), DAYS_MAX);
    }
    fields.finish()?;
    let id = key.new_id(&api, caller.user, &format!("api keys of {org}")).await?;
    if api_keys::find(&api.db, org, id).await?.is_some() {
        let detail = "A key was made with this Idempotency-Key, and is shown only once. Revoke it and make another.";
        return Err(Problem::new(Code::Conflict).detail(detail));
    }
    let FreshApiKey { key, hash, hint } = FreshApiKey::draw(&api.random);
    let new = NewApiKey { id, name, hash, hint, scopes, created_by: caller.user, expires_at: request.expires_at };
    let about = api_keys::create(&api.db, org, &caller.actor, &new).await?.into();
    let answer = Answer { about, key: key.expose().to_owned() };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)))
}
