//! Who belongs to organizations and projects.

mod list;

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, ProjectId, UserId};
use serde_json::json;

use super::audit::{self, Action, Actor, ResourceKind};
use super::events::{self, EventKind, NewEvent};
use super::{Db, DbError, OrgTx, api_keys};
use crate::access::{OrgRole, ProjectRole, effective_role};

pub use list::{MemberSort, list_in_project, list_of_org};
#[cfg(feature = "testing")]
pub(super) use list::{in_project, of_org};

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
    /// Since when the person belongs to the organization.
    pub joined_at: DateTime<Utc>,
}

/// Whether an organization has any member.
pub async fn has_any(db: &Db, org: OrgId) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let has_any = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM org_members WHERE org_id = $1) AS "has_any!""#,
        org.as_uuid()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(has_any)
}

/// A member of an organization; `None` when the person is none.
pub async fn find_in_org(db: &Db, org: OrgId, user: UserId) -> Result<Option<Member<OrgRole>>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!(
        "SELECT u.id, u.email, u.name, m.role, m.created_at FROM org_members m JOIN users u ON u.id = m.user_id
         WHERE m.org_id = $1 AND m.user_id = $2",
        org.as_uuid(),
        user.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(|row| {
        let role = OrgRole::from_column(&row.role)?;
        Ok(Member { user: row.id.into(), email: row.email, name: row.name, role, joined_at: row.created_at })
    })
    .transpose()
}

/// Makes a person a member of an organization, or changes the role, if `may` agrees, which is given the present role.
/// Taking the role of the last owner is a [`DbError::Conflict`] of [`LAST_OWNER`].
pub async fn set_org_role<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    by: &Actor,
    user: UserId,
    role: OrgRole,
    may: impl FnOnce(Option<OrgRole>) -> Result<(), E>,
) -> Result<(), E> {
    let mut tx = db.org(org).await?;
    lock_membership(&mut tx).await?;
    let before = org_role(&mut tx, user).await?;
    may(before)?;
    write_org_role(&mut tx, by, user, before, role).await?;
    require_owner(&mut tx).await?;
    Ok(tx.commit().await?)
}

/// Takes a person out of an organization, and thereby out of all its projects, if `may` agrees, which is given the role.
/// The keys that the person made end. Taking out the last owner is a [`DbError::Conflict`] of [`LAST_OWNER`]. False when
/// the person was no member.
pub async fn remove_from_org<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    by: &Actor,
    user: UserId,
    may: impl FnOnce(OrgRole) -> Result<(), E>,
) -> Result<bool, E> {
    let mut tx = db.org(org).await?;
    lock_membership(&mut tx).await?;
    let Some(role) = org_role(&mut tx, user).await? else { return Ok(false) };
    may(role)?;
    delete_member(&mut tx, user).await?;
    require_owner(&mut tx).await?;
    let action = if by.user == Some(user) { Action::MemberLeft } else { Action::MemberRemoved };
    let details = json!({ "role": role.as_str() });
    audit::record(&mut tx, by.did(action, ResourceKind::User, user).with(details)).await?;
    api_keys::revoke_of(&mut tx, by, user).await?;
    events::append(&mut tx, NewEvent::new(EventKind::MemberRemoved, json!({ "userId": user })).by([by.principal]));
    tx.commit().await?;
    Ok(true)
}

async fn delete_member(tx: &mut OrgTx, user: UserId) -> Result<(), DbError> {
    let org = tx.org().as_uuid();
    sqlx::query!("DELETE FROM org_members WHERE org_id = $1 AND user_id = $2", org, user.as_uuid())
        .execute(&mut *tx.inner)
        .await?;
    Ok(())
}

pub(super) async fn org_role(tx: &mut OrgTx, user: UserId) -> Result<Option<OrgRole>, DbError> {
    let role = sqlx::query_scalar!(
        "SELECT role FROM org_members WHERE org_id = $1 AND user_id = $2",
        tx.org().as_uuid(),
        user.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    role.as_deref().map(OrgRole::from_column).transpose()
}

/// Writes a role, and that it is another than before.
pub(super) async fn write_org_role(
    tx: &mut OrgTx,
    by: &Actor,
    user: UserId,
    before: Option<OrgRole>,
    role: OrgRole,
) -> Result<(), DbError> {
    if before == Some(role) {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO org_members (org_id, user_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role",
        tx.org().as_uuid(),
        user.as_uuid(),
        role.as_str()
    )
    .execute(&mut *tx.inner)
    .await?;
    let action = before.map_or(Action::MemberAdded, |_| Action::MemberRoleChanged);
    let details = json!({ "role": role.as_str(), "before": before.map(OrgRole::as_str) });
    let payload = json!({ "userId": user, "role": role.as_str() });
    events::append(tx, NewEvent::new(EventKind::MemberUpdated, payload).by([by.principal]));
    audit::record(tx, by.did(action, ResourceKind::User, user).with(details)).await
}

/// Somebody who may see a project, with the role that holds, all things considered; `None` when the person may not.
pub async fn find_in_project(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    user: UserId,
) -> Result<Option<Member<ProjectRole>>, DbError> {
    let Some(member) = find_in_org(db, org, user).await? else { return Ok(None) };
    let mut tx = db.org(org).await?;
    let named = project_role(&mut tx, project, user).await?;
    let Member { user, email, name, role, joined_at } = member;
    Ok(effective_role(Some(role), named).map(|role| Member { user, email, name, role, joined_at }))
}

/// Gives a person a role in a project, if `may` agrees, which is given the role that the project gave before. Who is not
/// of the organization yet joins it as a guest.
pub async fn set_project_role<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    by: &Actor,
    user: UserId,
    role: ProjectRole,
    may: impl FnOnce(Option<ProjectRole>) -> Result<(), E>,
) -> Result<(), E> {
    let mut tx = db.org(org).await?;
    lock_membership(&mut tx).await?;
    let before = project_role(&mut tx, project, user).await?;
    may(before)?;
    if org_role(&mut tx, user).await?.is_none() {
        write_org_role(&mut tx, by, user, None, OrgRole::Guest).await?;
    }
    write_project_role(&mut tx, by, project, user, before, role).await?;
    Ok(tx.commit().await?)
}

/// Writes a role, and that it is another than before.
pub(super) async fn write_project_role(
    tx: &mut OrgTx,
    by: &Actor,
    project: ProjectId,
    user: UserId,
    before: Option<ProjectRole>,
    role: ProjectRole,
) -> Result<(), DbError> {
    if before == Some(role) {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO project_members (project_id, org_id, user_id, role) VALUES ($1, $2, $3, $4)
         ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role",
        project.as_uuid(),
        tx.org().as_uuid(),
        user.as_uuid(),
        role.as_str()
    )
    .execute(&mut *tx.inner)
    .await?;
    let action = before.map_or(Action::ProjectMemberAdded, |_| Action::ProjectMemberRoleChanged);
    let details = json!({ "userId": user, "role": role.as_str(), "before": before.map(ProjectRole::as_str) });
    let payload = json!({ "userId": user, "role": role.as_str() });
    events::append(tx, NewEvent::new(EventKind::ProjectMemberUpdated, payload).project(project).by([by.principal]));
    audit::record(tx, by.did(action, ResourceKind::Project, project).with(details)).await
}

/// Takes back the role that a project gave a person; that of the organization holds again. False when the project gave
/// none.
pub async fn remove_from_project(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    by: &Actor,
    user: UserId,
) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let role = sqlx::query_scalar!(
        "DELETE FROM project_members WHERE project_id = $1 AND org_id = $2 AND user_id = $3 RETURNING role",
        project.as_uuid(),
        org.as_uuid(),
        user.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(role) = role else { return Ok(false) };
    let details = json!({ "userId": user, "role": role });
    audit::record(&mut tx, by.did(Action::ProjectMemberRemoved, ResourceKind::Project, project).with(details)).await?;
    let event = NewEvent::new(EventKind::ProjectMemberRemoved, json!({ "userId": user }));
    events::append(&mut tx, event.project(project).by([by.principal]));
    tx.commit().await?;
    Ok(true)
}

pub(super) async fn project_role(
    tx: &mut OrgTx,
    project: ProjectId,
    user: UserId,
) -> Result<Option<ProjectRole>, DbError> {
    let role = sqlx::query_scalar!(
        "SELECT role FROM project_members WHERE project_id = $1 AND org_id = $2 AND user_id = $3",
        project.as_uuid(),
        tx.org().as_uuid(),
        user.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    role.as_deref().map(ProjectRole::from_column).transpose()
}

/// Keeps two owners from removing each other at the same time.
pub(super) async fn lock_membership(tx: &mut OrgTx) -> Result<(), DbError> {
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
