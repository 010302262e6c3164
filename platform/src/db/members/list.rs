//! Lists of who belongs to an organization, and of who may see a project.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, ProjectId};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::Member;
use crate::access::{OrgRole, ProjectRole, effective_role};
use crate::db::page::{Key, Page, PageRequest, SortKey};
use crate::db::projects::role_of;
use crate::db::{Db, DbError};

/// What lists of members can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberSort {
    /// The address, in small letters.
    Email,
    /// What to call the person, in small letters.
    Name,
    /// Since when they belong to the organization.
    JoinedAt,
}

impl SortKey for MemberSort {
    const LIST: &'static str = "members";
    const ALL: &'static [(&'static str, Self)] =
        &[("email", Self::Email), ("name", Self::Name), ("joinedAt", Self::JoinedAt)];
    const ID: &'static str = "u.id";

    fn column(self) -> &'static str {
        match self {
            Self::Email => "lower(u.email)",
            // A cursor holds it, and providers of identity set no limit.
            Self::Name => "left(lower(u.name), 200)",
            Self::JoinedAt => "m.created_at",
        }
    }
}

#[derive(FromRow)]
struct ListedRow {
    id: Uuid,
    email: String,
    name: String,
    joined_at: DateTime<Utc>,
    email_key: String,
    name_key: String,
    org_role: String,
    project_role: Option<String>,
}

impl ListedRow {
    fn key(&self, sort: MemberSort) -> Key {
        match sort {
            MemberSort::Email => self.email_key.clone().into(),
            MemberSort::Name => self.name_key.clone().into(),
            MemberSort::JoinedAt => self.joined_at.into(),
        }
    }

    fn member<Role>(self, role: Role) -> Member<Role> {
        Member { user: self.id.into(), email: self.email, name: self.name, role, joined_at: self.joined_at }
    }
}

/// The members of an organization, or those of one role.
pub async fn list_of_org(
    db: &Db,
    org: OrgId,
    role: Option<OrgRole>,
    page: PageRequest<MemberSort>,
) -> Result<Page<Member<OrgRole>>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<ListedRow> = of_org(org, role, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    Page::of(page, rows, |row| (row.key(sort), row.id)).try_map(|row| {
        let role = OrgRole::from_column(&row.org_role)?;
        Ok(row.member(role))
    })
}

pub(in crate::db) fn of_org(
    org: OrgId,
    role: Option<OrgRole>,
    page: &PageRequest<MemberSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT u.id, u.email, u.name, m.created_at AS joined_at, lower(u.email) AS email_key,
                left(lower(u.name), 200) AS name_key, m.role AS org_role, NULL::text AS project_role
         FROM org_members m JOIN users u ON u.id = m.user_id WHERE m.org_id = ",
    );
    statement.push_bind(org.as_uuid());
    if let Some(role) = role {
        statement.push(" AND m.role = ").push_bind(role.as_str());
    }
    page.complete(&mut statement);
    statement
}

/// Those who may see a project, or those of one role in it, with the role that holds, all things considered.
pub async fn list_in_project(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    role: Option<ProjectRole>,
    page: PageRequest<MemberSort>,
) -> Result<Page<Member<ProjectRole>>, DbError> {
    let mut tx = db.org(org).await?;
    let mut statement = in_project(org, project, role, &page);
    let rows: Vec<ListedRow> = statement.build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let members = Page::of(page, rows, |row| (row.key(sort), row.id)).try_map(|row| {
        let role = role_of(&row.org_role, row.project_role.as_deref())?;
        Ok::<_, DbError>(role.map(|role| row.member(role)))
    })?;
    Ok(Page { items: members.items.into_iter().flatten().collect(), next: members.next })
}

pub(in crate::db) fn in_project(
    org: OrgId,
    project: ProjectId,
    role: Option<ProjectRole>,
    page: &PageRequest<MemberSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT u.id, u.email, u.name, m.created_at AS joined_at, lower(u.email) AS email_key,
                left(lower(u.name), 200) AS name_key, m.role AS org_role, pm.role AS project_role
         FROM org_members m JOIN users u ON u.id = m.user_id
         LEFT JOIN project_members pm ON pm.user_id = m.user_id AND pm.project_id = ",
    );
    let (org_roles, project_roles) = roles_that_give(role);
    statement.push_bind(project.as_uuid()).push(" WHERE m.org_id = ").push_bind(org.as_uuid());
    statement.push(" AND (m.role, coalesce(pm.role, '')) IN (SELECT * FROM unnest(").push_bind(org_roles);
    statement.push("::text[], ").push_bind(project_roles).push("::text[]))");
    page.complete(&mut statement);
    statement
}

/// The roles in an organization, each with one that a project gives (or none: empty), of which this role in the project
/// follows, or any.
fn roles_that_give(role: Option<ProjectRole>) -> (Vec<String>, Vec<String>) {
    let given = || ProjectRole::ALL.map(Some).into_iter().chain([None]);
    let pairs = OrgRole::ALL.into_iter().flat_map(|of_org| given().map(move |of_project| (of_org, of_project)));
    let follows = |(of_org, of_project): &(OrgRole, Option<ProjectRole>)| {
        let effective = effective_role(Some(*of_org), *of_project);
        effective.is_some() && (role.is_none() || effective == role)
    };
    let named = |(of_org, of_project): (OrgRole, Option<ProjectRole>)| {
        (of_org.as_str().to_owned(), of_project.map_or("", ProjectRole::as_str).to_owned())
    };
    pairs.filter(follows).map(named).unzip()
}
