//! What somebody may find.

use schema::ids::{ProjectId, UserId};
use uuid::Uuid;

use crate::db::{DbError, OrgTx};

/// For whom is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// A person, who sees what their memberships let them see.
    Person(UserId),
    /// A run in this project, which sees nothing else.
    Run(ProjectId),
}

impl Viewer {
    pub(super) async fn sight(self, tx: &mut OrgTx) -> Result<Sight, DbError> {
        match self {
            Self::Person(user) => of_person(tx, user).await,
            Self::Run(project) => {
                Ok(Sight { projects: vec![project.as_uuid()], whole_organization: false, everything: false })
            }
        }
    }
}

/// What is to be seen of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    /// The projects, without those in the trash.
    pub(super) projects: Vec<Uuid>,
    /// Whether files that belong to no project are among it.
    pub(super) whole_organization: bool,
    /// Whether there is nothing else: no project is in the trash either.
    pub(super) everything: bool,
}

/// What a person sees, by the same rule as lists of projects: guests see the projects that they are members of, other
/// members of the organization all of them.
pub(super) async fn of_person(tx: &mut OrgTx, user: UserId) -> Result<Sight, DbError> {
    let row = sqlx::query!(
        r#"SELECT m.role <> 'guest' AS "whole_organization!", ARRAY(
               SELECT p.id FROM projects p
               LEFT JOIN project_members pm ON pm.project_id = p.id AND pm.user_id = $2
               WHERE p.org_id = $1 AND p.deleted_at IS NULL AND (m.role <> 'guest' OR pm.role IS NOT NULL)
           ) AS "projects!",
           m.role <> 'guest' AND NOT EXISTS (
               SELECT FROM projects p WHERE p.org_id = $1 AND p.deleted_at IS NOT NULL) AS "everything!"
           FROM org_members m WHERE m.org_id = $1 AND m.user_id = $2"#,
        tx.org().as_uuid(),
        user.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let nothing = Sight { projects: Vec::new(), whole_organization: false, everything: false };
    Ok(row.map_or(nothing, |row| Sight {
        projects: row.projects,
        whole_organization: row.whole_organization,
        everything: row.everything,
    }))
}
