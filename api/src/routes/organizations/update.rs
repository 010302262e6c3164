//! `PATCH /orgs/{orgId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::access::OrgAction;
use platform::db::organizations::{self, Organization};
use schema::Patch;
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::settings::SettingsChanges;
use super::{LevelBody, OrganizationBody, slug};
use crate::authenticate::Caller;
use crate::etag::{answer_unless_known, if_match, require};
use crate::extract::Id;
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::problem::{Problem, ProblemBody};
use crate::{Api, extract};

/// What changes. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = OrganizationChanges)]
pub(super) struct Request {
    /// Its name.
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255, example = "Analytical Engines")]
    name: Patch<String>,
    /// Its unique name in addresses. Addresses with the old one end.
    #[serde(default)]
    #[schema(value_type = String, required = false, pattern = "^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?$", example = "engines")]
    slug: Patch<String>,
    /// What agents may do in it; `null`: the defaults.
    #[serde(default)]
    #[schema(value_type = Option<SettingsChanges>, required = false)]
    settings: Patch<SettingsChanges>,
    /// What it keeps of its documents' history, from the next time that a document's log is tidied up. What was let go
    /// does not come back.
    #[serde(default)]
    #[schema(value_type = LevelBody, required = false)]
    event_sourcing_level: Patch<LevelBody>,
}

/// Change an organization
///
/// For owners and admins.
#[utoipa::path(patch, path = "/orgs/{orgId}", tag = "organizations", operation_id = "updateOrganization",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag: change it only if it is still as it was then."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The organization as it is now.", body = OrganizationBody,
            headers(("ETag" = String, description = "Another one for every change."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`SLUG_TAKEN`: the slug is in use.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the organization has changed; ETag says what it is now.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
    let (_, role) = api.organization(&caller, id, OrgAction::Configure).await?;
    let change = |organization: &mut Organization| {
        require(condition.as_ref(), &OrganizationBody::from((organization.clone(), role)).tag())?;
        request.apply(organization)
    };
    let updated = organizations::update(&api.db, id, &caller.actor, change).await?;
    let organization = updated.ok_or_else(|| Problem::not_found("organization"))?;
    let organization = OrganizationBody::from((organization, role));
    Ok(answer_unless_known(None, organization.tag(), organization))
}

impl Request {
    fn apply(self, organization: &mut Organization) -> Result<(), Problem> {
        let mut fields = Fields::default();
        if let Some(name) = fields.required("name", self.name) {
            organization.name = fields.line("name", &name, 1..=NAME_LENGTH_MAX);
        }
        if let Some(slug) = fields.required("slug", self.slug) {
            slug::check(&slug, &mut fields);
            organization.slug = slug;
        }
        if let Some(level) = fields.required("eventSourcingLevel", self.event_sourcing_level) {
            organization.level = level.into();
        }
        match self.settings {
            Patch::Absent => {}
            Patch::Clear => organization.settings = organizations::Settings::default(),
            Patch::Set(changes) => changes.apply(&mut organization.settings, &mut fields),
        }
        fields.finish()
    }
}
