//! `GET /projects/{projectId}/members`

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::{Access, OrgRole, ProjectRole, effective_role};
use platform::db::members::{self, Member};
use schema::ids::{ProjectId, UserId};

use super::ProjectMember;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::pagination::Page;
use crate::problem::Problem;

/// List who works in a project
///
/// Those whom the project names, and those who may see it by their role in the organization, by address. The role is
/// what the person may do, all things considered.
#[utoipa::path(get, path = "/projects/{projectId}/members", tag = "projects", operation_id = "listProjectMembers",
    params(("projectId" = Uuid, Path, description = "The project's id.")),
    responses((status = OK, description = "The members.", body = Page<ProjectMember>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ProjectId>,
) -> Result<Json<Page<ProjectMember>>, Problem> {
    let org = api.project(&caller, id, Access::Read).await?.document.org;
    let of_project = members::list_of_project(&api.db, org, id).await?;
    let of_org = members::list_of_org(&api.db, org).await?;
    Ok(Json(Page::whole(merge(of_org, &of_project))))
}

fn merge(of_org: Vec<Member<OrgRole>>, of_project: &[Member<ProjectRole>]) -> Vec<ProjectMember> {
    let named: HashMap<UserId, ProjectRole> = of_project.iter().map(|member| (member.user, member.role)).collect();
    let member = |member: Member<OrgRole>| {
        let role = effective_role(Some(member.role), named.get(&member.user).copied())?;
        Some(ProjectMember { user_id: member.user, email: member.email, name: member.name, role: role.into() })
    };
    of_org.into_iter().filter_map(member).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::ProjectRoleBody;
    use super::*;

    fn person<Role>(number: u128, role: Role) -> Member<Role> {
        let user = UserId::new(Uuid::from_u128(number));
        Member { user, email: format!("{number}@example.com"), name: number.to_string(), role }
    }

    #[test]
    fn everybody_who_may_see_the_project_is_listed_with_the_role_that_holds() {
        let of_org = vec![
            person(1, OrgRole::Owner),
            person(2, OrgRole::Member),
            person(3, OrgRole::Guest),
            person(4, OrgRole::Guest),
        ];
        let of_project = [person(2, ProjectRole::Viewer), person(3, ProjectRole::Member)];
        let roles: Vec<_> = merge(of_org, &of_project).into_iter().map(|member| (member.name, member.role)).collect();
        let expected = [("1", ProjectRoleBody::Admin), ("2", ProjectRoleBody::Viewer), ("3", ProjectRoleBody::Member)];
        assert_eq!(roles, expected.map(|(name, role)| (name.to_owned(), role)));
    }
}
