//! `POST /orgs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::{OrgRole, OwnAction};
use platform::db::DbError;
use platform::db::organizations::{self, ID_ERASED, Organization, SLUG_TAKEN};
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{OrganizationBody, slug};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract;
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// How many slugs are tried when nobody asked for a certain one.
const SLUG_TRIES: usize = 4;

/// What an organization begins with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrganization)]
pub(super) struct Request {
    /// Its name.
    #[schema(example = "Analytical Engines", min_length = 1, max_length = 255)]
    name: String,
    /// Its unique name in addresses; left out: made from the name.
    #[schema(example = "analytical-engines", pattern = "^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?$")]
    slug: Option<String>,
}

/// Found an organization
///
/// The caller becomes its owner.
#[utoipa::path(post, path = "/orgs", tag = "organizations", operation_id = "createOrganization", request_body = Request,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again.")),
    responses(
        (status = CREATED, description = "Founded.", body = OrganizationBody),
        (status = CONFLICT, description = "`SLUG_TAKEN`: the slug is in use.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<(StatusCode, Json<OrganizationBody>), Problem> {
    caller.check(OwnAction::FoundOrganization)?;
    let mut fields = Fields::default();
    let name = fields.line("name", &request.name, 1..=NAME_LENGTH_MAX);
    if let Some(slug) = &request.slug {
        slug::check(slug, &mut fields);
    }
    fields.finish()?;
    let id = OrgId::new(key.new_id(&api, caller.user, "orgs").await?);
    let organization = create(&api, &caller, id, &name, request.slug.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(organization.into())))
}

/// Founds an organization, or finds it if it was founded under this id before.
pub(crate) async fn create(
    api: &Api,
    caller: &Caller,
    id: OrgId,
    name: &str,
    slug: Option<&str>,
) -> Result<(Organization, OrgRole), Problem> {
    for attempt in 0..SLUG_TRIES {
        if let Some(found) = organizations::find(&api.db, caller.user, id).await? {
            return Ok(found);
        }
        let tried = match slug {
            Some(slug) => slug.to_owned(),
            None => slug::from_name(name, &api.random, attempt),
        };
        match organizations::create(&api.db, id, &caller.actor, name, &tried, caller.user).await {
            Ok(organization) => return Ok((organization, OrgRole::Owner)),
            Err(DbError::Conflict { constraint }) if constraint == SLUG_TAKEN && slug.is_some() => {
                return Err(Problem::new(Code::SlugTaken));
            }
            Err(DbError::Conflict { constraint }) if constraint == ID_ERASED => {
                let detail = "The organization that this Idempotency-Key founded was deleted. Use another key.";
                return Err(Problem::new(Code::Conflict).detail(detail));
            }
            // The slug, or the same request on another instance.
            Err(DbError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::SlugTaken))
}
