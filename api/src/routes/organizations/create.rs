//! `POST /orgs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use platform::access::{OrgRole, OwnAction};
use platform::db::DbError;
use platform::db::organizations::{self, Organization, SLUG_TAKEN};
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::OrganizationBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract;
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// The longest slug, in characters.
const SLUG_LENGTH_MAX: usize = 100;
/// A slug that is made from a name leaves room for what tells it from others.
const SLUG_BASE_LENGTH_MAX: usize = 80;
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
    if request.slug.as_deref().is_some_and(|slug| !is_slug(slug)) {
        fields.refuse("slug", "must be 1 to 100 of a-z 0-9 -, and neither begin nor end with -");
    }
    fields.finish()?;
    let id = OrgId::new(key.new_id(&api, caller.user, "orgs"));
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
            None => slug_from(name, api, attempt),
        };
        match organizations::create(&api.db, id, &caller.actor, name, &tried, caller.user).await {
            Ok(organization) => return Ok((organization, OrgRole::Owner)),
            Err(DbError::Conflict { constraint }) if constraint == SLUG_TAKEN && slug.is_some() => {
                return Err(Problem::new(Code::SlugTaken));
            }
            // The slug, or the same request on another instance.
            Err(DbError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::SlugTaken))
}

fn is_slug(text: &str) -> bool {
    (1..=SLUG_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The name in small letters and hyphens; after the first attempt with something random, since the plain one is taken.
fn slug_from(name: &str, api: &Api, attempt: usize) -> String {
    let base = slug_base(name);
    if attempt == 0 && !base.is_empty() {
        return base;
    }
    let suffix = api.random.uuid_v4().as_simple().to_string();
    format!("{}-{}", if base.is_empty() { "org" } else { &base }, &suffix[..8])
}

fn slug_base(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut base = words.collect::<Vec<_>>().join("-");
    base.truncate(SLUG_BASE_LENGTH_MAX);
    base.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_small_letters_digits_and_inner_hyphens() {
        for slug in ["a", "a-b", "2024", &"x".repeat(SLUG_LENGTH_MAX)] {
            assert!(is_slug(slug), "{slug}");
        }
        for slug in ["", "-a", "a-", "A", "a b", "ä", &"x".repeat(SLUG_LENGTH_MAX + 1)] {
            assert!(!is_slug(slug), "{slug}");
        }
    }

    #[test]
    fn a_name_becomes_a_slug() {
        assert_eq!(slug_base("Analytical  Engines, Ltd."), "analytical-engines-ltd");
        assert_eq!(slug_base("日本"), "");
        assert!(is_slug(&slug_base(&"long name ".repeat(30))));
    }
}
