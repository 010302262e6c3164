//! `GET /orgs/{orgId}/members`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use platform::access::{OrgAction, OrgRole};
use platform::db::Sort;
use platform::db::members::{self, Member, MemberSort};
use schema::ids::{OrgId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::OrgRoleBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::Problem;

/// A member of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrgMember {
    /// The person.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// The address.
    #[schema(example = "grace@example.com")]
    email: String,
    /// What to call the person.
    #[schema(example = "Grace")]
    name: String,
    /// What the person may do.
    role: OrgRoleBody,
    /// Since when the person belongs to the organization.
    joined_at: DateTime<Utc>,
}

impl From<Member<OrgRole>> for OrgMember {
    fn from(member: Member<OrgRole>) -> Self {
        let Member { user, email, name, role, joined_at } = member;
        Self { user_id: user, email, name, role: role.into(), joined_at }
    }
}

/// Which members, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<MemberSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Those of this role.
    #[param(inline)]
    role: Option<OrgRoleBody>,
}

/// List an organization's members
///
/// By address unless `sort` says otherwise.
#[utoipa::path(get, path = "/orgs/{orgId}/members", tag = "organizations", operation_id = "listOrganizationMembers",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses((status = OK, description = "The members.", body = Page<OrgMember>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<OrgMember>>, Problem> {
    let Parameters { sort, cursor, limit, role } = parameters;
    let request = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::ascending(MemberSort::Email))?;
    api.organization(&caller, id, OrgAction::View).await?;
    let members = members::list_of_org(&api.db, id, role.map(OrgRole::from), request).await?;
    Ok(Json(Page::of(members, OrgMember::from)))
}
