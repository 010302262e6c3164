//! Who may do what with a file: those of a project follow the project, the others the organization.

use platform::access::{OrgAction, OrgRole, ProjectAction, ProjectRole};
use platform::db::files::{self, File};
use schema::ids::FileId;

use crate::Api;
use crate::authenticate::Caller;
use crate::problem::{Code, Problem};

/// What a caller is where a file belongs.
enum Role {
    InProject(ProjectRole),
    InOrganization(OrgRole),
}

impl Api {
    /// A file that the caller may see.
    pub(in crate::routes) async fn file(&self, caller: &Caller, id: FileId) -> Result<File, Problem> {
        self.file_and_role(caller, id).await.map(|(file, _)| file)
    }

    /// A file that the caller may change: one that they uploaded, or as an administrator.
    pub(super) async fn file_to_change(&self, caller: &Caller, id: FileId) -> Result<File, Problem> {
        let (file, role) = self.file_and_role(caller, id).await?;
        let is_own = file.uploaded_by == Some(caller.user);
        match role {
            Role::InProject(role) => {
                let action = if is_own { ProjectAction::Edit } else { ProjectAction::ManageFiles };
                action.check(role, caller.means())?;
            }
            Role::InOrganization(role) => {
                let action = if is_own { OrgAction::UploadFiles } else { OrgAction::ManageFiles };
                action.check(role, caller.means())?;
            }
        }
        Ok(file)
    }

    async fn file_and_role(&self, caller: &Caller, id: FileId) -> Result<(File, Role), Problem> {
        let not_found = || Problem::not_found("file");
        // Who may not see it is not told that it is there.
        let unseen = |problem: Problem| match problem.code() {
            Code::NotFound | Code::Forbidden => not_found(),
            _ => problem,
        };
        let place = files::place(&self.db, id).await?.ok_or_else(not_found)?;
        let role = if let Some(project) = place.project {
            Role::InProject(self.project(caller, project, ProjectAction::View).await.map_err(unseen)?.role)
        } else {
            Role::InOrganization(self.organization(caller, place.org, OrgAction::ViewFiles).await.map_err(unseen)?.1)
        };
        let file = files::find(&self.db, place.org, id).await?.ok_or_else(not_found)?;
        Ok((file, role))
    }
}
