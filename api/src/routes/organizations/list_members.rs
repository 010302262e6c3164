//! `GET /orgs/{orgId}/members`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::{OrgAction, OrgRole};
use platform::db::Sort;
use platform::db::members::{self, Member, MemberOrder};
use schema::ids::{OrgId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::OrgRoleBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery};
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
}

impl From<Member<OrgRole>> for OrgMember {
    fn from(member: Member<OrgRole>) -> Self {
        Self { user_id: member.user, email: member.email, name: member.name, role: member.role.into() }
    }
}

/// List an organization's members
///
/// By address.
#[utoipa::path(get, path = "/orgs/{orgId}/members", tag = "organizations", operation_id = "listOrganizationMembers",
    params(("orgId" = Uuid, Path, description = "The organization's id."), PageQuery),
    responses((status = OK, description = "The members.", body = Page<OrgMember>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OrgMember>>, Problem> {
    api.organization(&caller, id, OrgAction::View).await?;
    let page = page.sorted(None, Sort::ascending(MemberOrder::Email))?;
    let members = members::list_of_org(&api.db, id, page).await?;
    Ok(Json(Page::of(members, OrgMember::from)))
}
