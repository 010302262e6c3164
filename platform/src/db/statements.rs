//! The statements that are put together as they are asked for, for a test that looks at how they are carried out.

use schema::ids::{NodeId, OrgId, ProjectId, UserId, WebhookId};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::files::{self, Filter, Sees};
use super::nodes::{self, EdgeFilter};
use super::page::{PageRequest, SortKey};
use super::{
    api_keys, audit, documents, executions, invitations, locks, members, notifications, organizations, projects,
    templates, versions, webhooks,
};
use crate::auth::PrincipalRef;

/// What lists are read by, in each of their orders, with the list and the order in front.
#[must_use]
pub fn of_lists() -> Vec<(String, String)> {
    let nobody = Uuid::nil();
    let (user, org, project) = (UserId::new(nobody), OrgId::new(nobody), ProjectId::new(nobody));
    let node_id = NodeId::new(nobody);
    let of_project = Filter { project: Some(project), ..Filter::default() };
    let of_person = audit::Filter { actor: Some(PrincipalRef::SYSTEM), ..audit::Filter::default() };
    let unread = notifications::Filter { which: notifications::Which::Unread, ..notifications::Filter::default() };
    let in_org = notifications::Filter { org: Some(org), ..notifications::Filter::default() };
    let webhook = WebhookId::new(nobody);
    let to_node = EdgeFilter { target: Some(node_id), in_cycle: Some(true), ..EdgeFilter::default() };
    [
        of_list("of a person", |page| organizations::of_member(user, None, page)),
        of_list("of an organization", |page| members::of_org(org, None, page)),
        of_list("of a project", |page| members::in_project(org, project, None, page)),
        of_list("present", |page| projects::of_org(user, org, projects::Which::Present, page)),
        of_list("in the trash", |page| projects::of_org(user, org, projects::Which::InTrash, page)),
        of_list("open", |page| invitations::of_org(org, invitations::Which::All, page)),
        of_list("all", |page| api_keys::of_org(org, api_keys::Which::All, page)),
        of_list("active", |page| webhooks::of_org(org, Some(true), page)),
        of_list("of an organization", |page| templates::of_org(org, None, page)),
        of_list("of an organization", |page| files::of_org(org, Sees::All, &Filter::default(), page)),
        of_list("of a project", |page| files::of_org(org, Sees::All, &of_project, page)),
        of_list("of one's projects", |page| files::of_org(org, Sees::OwnProjects(user), &Filter::default(), page)),
        of_list("free", |page| documents::free_of_project(org, project, projects::Which::Present, page)),
        of_list("free in the trash", |page| documents::free_of_project(org, project, projects::Which::InTrash, page)),
        of_list("of a project", |page| nodes::edges_of_project(org, project, EdgeFilter::default(), page)),
        of_list("to a node", |page| nodes::edges_of_project(org, project, to_node, page)),
        of_list("of an organization", |page| audit::of_org(org, &audit::Filter::default(), page)),
        of_list("of a principal", |page| audit::of_org(org, &of_person, page)),
        of_list("runs on a node", |page| executions::of(org, executions::Whose::Node(node_id), &[], page)),
        of_list("runs in a project", |page| executions::of(org, executions::Whose::Project(project), &[], page)),
        of_list("held", |page| locks::in_project(org, project, page)),
        of_list("notifications", |page| notifications::of_person(user, &notifications::Filter::default(), page)),
        of_list("notifications that were not read", |page| notifications::of_person(user, &unread, page)),
        of_list("notifications of an organization", |page| notifications::of_person(user, &in_org, page)),
        of_list("deliveries", |page| webhooks::to_webhook(org, webhook, None, page)),
        of_list("of a document", |page| versions::of_document(org, nobody, None, page)),
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
