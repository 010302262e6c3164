//! Who belongs to organizations and projects.

use schema::ids::{OrgId, ProjectId, UserId};

use super::{Db, DbError, OrgTx};
use crate::access::{OrgRole, ProjectRole};

/// The most members that a list shows.
pub const MEMBERS_LISTED_MAX: i64 = 1_000;

/// The constraint of a [`DbError::Conflict`] when an organization would be left without an owner.
pub const LAST_OWNER: &str = "org_members_last_owner";

/// A member, with what others see of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<Role> {
    /// The person.
    pub user: UserId,
    /// The address.
    pub email: String,
    /// What to call the person.
    pub name: String,
    /// What the person may do.
    pub role: Role,
}

/// The members of an organization, by address; up to [`MEMBERS_LISTED_MAX`].
pub async fn list_of_org(db: &Db, org: OrgId) -> Result<Vec<Member<OrgRole>>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query!(
        "SELECT u.id, u.email, u.name, m.role FROM org_members m JOIN users u ON u.id = m.user_id
         WHERE m.org_id = $1 ORDER BY lower(u.email), u.id LIMIT $2",
        org.as_uuid(),
        MEMBERS_LISTED_MAX
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    rows.into_iter()
        .map(|row| {
            let role = OrgRole::from_column(&row.role)?;
            Ok(Member { user: row.id.into(), email: row.email, name: row.name, role })
        })
        .collect()
}

/// Makes a person a member of an organization, or changes the role. Taking the role of the last owner is a
/// [`DbError::Conflict`] of [`LAST_OWNER`].
pub async fn set_org_role(db: &Db, org: OrgId, user: UserId, role: OrgRole) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    lock_membership(&mut tx).await?;
    sqlx::query!(
        "INSERT INTO org_members (org_id, user_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role",
        org.as_uuid(),
        user.as_uuid(),
        role.as_str()
    )
    .execute(&mut *tx.inner)
    .await?;
    require_owner(&mut tx).await?;
    tx.commit().await
}

/// Takes a person out of an organization, and thereby out of all its projects. Taking out the last owner is a
/// [`DbError::Conflict`] of [`LAST_OWNER`].
pub async fn remove_from_org(db: &Db, org: OrgId, user: UserId) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    lock_membership(&mut tx).await?;
    sqlx::query!("DELETE FROM org_members WHERE org_id = $1 AND user_id = $2", org.as_uuid(), user.as_uuid())
        .execute(&mut *tx.inner)
        .await?;
    require_owner(&mut tx).await?;
    tx.commit().await
}

/// The members that a project names itself (others have access by their role in the organization), by address; up to
/// [`MEMBERS_LISTED_MAX`].
pub async fn list_of_project(db: &Db, org: OrgId, project: ProjectId) -> Result<Vec<Member<ProjectRole>>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query!(
        "SELECT u.id, u.email, u.name, m.role FROM project_members m JOIN users u ON u.id = m.user_id
         WHERE m.project_id = $1 AND m.org_id = $2 ORDER BY lower(u.email), u.id LIMIT $3",
        project.as_uuid(),
        org.as_uuid(),
        MEMBERS_LISTED_MAX
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    rows.into_iter()
        .map(|row| {
            let role = ProjectRole::from_column(&row.role)?;
            Ok(Member { user: row.id.into(), email: row.email, name: row.name, role })
        })
        .collect()
}

/// Gives a person a role in a project. Who is not of the organization yet joins it as a guest.
pub async fn set_project_role(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    user: UserId,
    role: ProjectRole,
) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "INSERT INTO org_members (org_id, user_id, role) VALUES ($1, $2, 'guest') ON CONFLICT DO NOTHING",
        org.as_uuid(),
        user.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "INSERT INTO project_members (project_id, org_id, user_id, role) VALUES ($1, $2, $3, $4)
         ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role",
        project.as_uuid(),
        org.as_uuid(),
        user.as_uuid(),
        role.as_str()
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}

/// Takes back the role that a project gave a person; that of the organization holds again.
pub async fn remove_from_project(db: &Db, org: OrgId, project: ProjectId, user: UserId) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "DELETE FROM project_members WHERE project_id = $1 AND org_id = $2 AND user_id = $3",
        project.as_uuid(),
        org.as_uuid(),
        user.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}

/// Keeps two owners from removing each other at the same time.
async fn lock_membership(tx: &mut OrgTx) -> Result<(), DbError> {
    let org = tx.org().as_uuid();
    sqlx::query!("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE", org)
        .fetch_optional(&mut *tx.inner)
        .await?;
    Ok(())
}

async fn require_owner(tx: &mut OrgTx) -> Result<(), DbError> {
    let org = tx.org().as_uuid();
    let has_owner = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM org_members WHERE org_id = $1 AND role = 'owner') AS "has_owner!""#,
        org
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if has_owner { Ok(()) } else { Err(DbError::Conflict { constraint: LAST_OWNER.into() }) }
}
