//! The statements that are put together as they are asked for, for a test that looks at how they are carried out.

use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::files::{self, Filter, Sees};
use super::nodes::{self, EdgeFilter};
use super::page::{PageRequest, SortKey};
use super::{api_keys, documents, invitations, members, organizations, projects, templates, webhooks};

/// What lists are read by, in each of their orders, with the list and the order in front.
#[must_use]
pub fn of_lists() -> Vec<(String, String)> {
    let nobody = Uuid::nil();
    let (user, org, project) = (UserId::new(nobody), OrgId::new(nobody), ProjectId::new(nobody));
    let node = Some(NodeId::new(nobody));
    let of_project = Filter { project: Some(project), ..Filter::default() };
    let to_node = EdgeFilter { target: node, in_cycle: Some(true), ..EdgeFilter::default() };
    [
        of_list("of a person", |page| organizations::of_member(user, page)),
        of_list("of an organization", |page| members::of_org(org, None, page)),
        of_list("of a project", |page| members::in_project(org, project, None, page)),
        of_list("present", |page| projects::of_org(user, org, projects::Which::Present, page)),
        of_list("in the trash", |page| projects::of_org(user, org, projects::Which::InTrash, page)),
        of_list("open", |page| invitations::of_org(org, invitations::Which::All, page)),
        of_list("all", |page| api_keys::of_org(org, api_keys::Which::All, page)),
        of_list("active", |page| webhooks::of_org(org, Some(true), page)),
        of_list("of an organization", |page| templates::of_org(org, page)),
        of_list("of an organization", |page| files::of_org(org, Sees::All, &Filter::default(), page)),
        of_list("of a project", |page| files::of_org(org, Sees::All, &of_project, page)),
        of_list("of one's projects", |page| files::of_org(org, Sees::OwnProjects(user), &Filter::default(), page)),
        of_list("free", |page| documents::free_of_project(org, project, projects::Which::Present, page)),
        of_list("free in the trash", |page| documents::free_of_project(org, project, projects::Which::InTrash, page)),
        of_list("of a project", |page| nodes::edges_of_project(org, project, EdgeFilter::default(), page)),
        of_list("to a node", |page| nodes::edges_of_project(org, project, to_node, page)),
    ]
    .concat()
}

fn of_list<K: SortKey>(
    which: &str,
    statement: impl Fn(&PageRequest<K>) -> QueryBuilder<Postgres>,
) -> Vec<(String, String)> {
    let orders = PageRequest::<K>::every().into_iter();
    let named = |page: &PageRequest<K>| format!("{} {which} by {}", K::LIST, page.key().word());
    orders.map(|page| (named(&page), statement(&page).sql().as_str().to_owned())).collect()
}
